"""The phase of the receive chain in files of few lines: the width of the smoothing, and where it cannot be told."""

import numpy as np
import pytest

from mpicore import line_phase as module
from mpicore.assumptions import UNKNOWN, _symmetry
from mpicore.line_phase import MANY, SMOOTH, filtered, line_phase, smoothing, told
from mpicore.receive_chain import ReceiveChain
from mpicore.recordings import Recordings

FS = 2.5e6
STRONG = slice(2, 14)  # lines with signal, of a period of 102 samples


def odd(n, samples, lines, seed=0):
    """Odd signals with random amplitudes of 1 / k in some lines."""
    spectrum = np.zeros((n, samples // 2 + 1), complex)
    kept = np.arange(samples // 2 + 1)[lines]
    spectrum[:, kept] = 1j * np.random.default_rng(seed).standard_normal((n, len(kept))) / np.maximum(kept, 1)
    return np.fft.irfft(spectrum, samples, axis=1)


def noisy(u, share, seed=0):
    rng = np.random.default_rng(seed)
    return Recordings(*(u + np.sqrt(share) * u.std() * rng.standard_normal(u.shape) for _ in "12"))


def error(phase, response):
    """Difference of the phase from that of a chain, whose sign stays open."""
    return np.angle(np.exp(2j * phase) * np.conj(response) ** 2) / 2


@pytest.mark.parametrize("samples", [102, 101, 152])
@pytest.mark.parametrize(
    "chain",
    [
        ReceiveChain(delay=1e-6),
        ReceiveChain(delay=5.7e-6),
        ReceiveChain(high_pass=60e3, low_pass=400e3, low_pass_order=2),
        ReceiveChain(resonance=200e3, quality=6.0),
    ],
    ids=["delay", "long delay", "band", "coil"],
)
def test_the_phase_of_a_short_period_is_that_of_the_chain(samples, chain):
    """Twelve harmonics, each of which the chain turns by an angle of its own."""
    response = chain.response(np.fft.rfftfreq(samples, 1 / FS))
    pairs = noisy(chain.apply(odd(60, samples, STRONG), FS), 0.01)
    off = error(line_phase(pairs), response)[STRONG]
    assert np.sqrt(np.mean(off**2)) < 0.1


def test_the_wide_smoothing_would_not_tell_the_coil(monkeypatch):
    """Over twelve harmonics the coil turns by half a turn: smoothed over more than that, the delay alone is left."""
    chain = ReceiveChain(resonance=200e3, quality=6.0)
    pairs = noisy(chain.apply(odd(60, 102, STRONG), FS), 0.01)
    assert smoothing(pairs) <= 5
    monkeypatch.setattr(module, "smoothing", lambda pairs: SMOOTH)
    assert np.sqrt(np.mean(error(line_phase(pairs), chain.response(np.fft.rfftfreq(102, 1 / FS)))[STRONG] ** 2)) > 0.3


def test_more_noise_is_smoothed_over_more_lines():
    """A chain without phase, of which every line tells the same."""
    clean = odd(20, 402, slice(10, 150))
    widths = [smoothing(noisy(clean, share)) for share in (1e-8, 0.3)]
    assert widths[1] > 5
    chain = ReceiveChain(resonance=400e3, quality=20.0)
    narrow = smoothing(noisy(chain.apply(clean, FS), 1e-4))
    assert narrow < widths[1]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_selection_of_a_few_lines_is_turned_back(count):
    """A file that holds a few lines alone, far from each other: each has the phase of the delay."""
    kept = np.array([37, 120, 201, 333, 402])[:count]
    chain = ReceiveChain(delay=2.3e-6)
    clean = chain.apply(odd(60, 1632, kept), FS)
    rng = np.random.default_rng(1)
    mask = np.isin(np.arange(817), kept)
    noise = [np.fft.irfft(np.fft.rfft(0.3 * clean.std() * rng.standard_normal(clean.shape)) * mask, 1632) for _ in "12"]
    pairs = Recordings(*(clean + z for z in noise))
    response = chain.response(np.fft.rfftfreq(1632, 1 / FS))
    assert told(pairs)
    assert np.abs(error(line_phase(pairs), response)[kept]).max() < 0.1
    turned = np.fft.rfft(filtered(clean, np.exp(-1j * line_phase(pairs))))
    assert np.sum(turned.real**2) < 0.01 * np.sum(np.abs(turned) ** 2)


def test_long_periods_are_smoothed_as_ever():
    assert smoothing(Recordings(*np.ones((2, 30, 2 * MANY)))) == SMOOTH


def test_few_objects_have_a_twentieth_of_the_lines():
    pairs = noisy(odd(7, 402, slice(10, 150)), 0.1)
    assert smoothing(pairs) == 11


def test_noise_alone_tells_no_phase():
    pairs = Recordings(*np.random.default_rng(0).standard_normal((2, 60, 102)))
    assert not told(Recordings(*np.random.default_rng(0).standard_normal((2, 4000, 102))))
    findings, _ = _symmetry(
        Recordings(*(1e3 * u for u in np.random.default_rng(5).standard_normal((2, 4000, 102)))), None
    )
    assert findings[1].verdict == UNKNOWN and "no line is mostly signal" in findings[1].text
    assert line_phase(pairs).shape == (52,)
