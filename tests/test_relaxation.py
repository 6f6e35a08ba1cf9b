"""Relaxation: its equation, how it is undone and estimated, and the methods that do both."""

import numpy as np
import pytest

from mpicore.datasets import xspace
from mpicore.denoisers import create
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.recordings import Recordings
from mpicore.relaxation import debye_relaxation, estimate_relaxation_time, without_relaxation
from mpicore.truth import Truth

FS, TAU = 2.475e6, 3e-6
METHODS = ("gp_wiener", "forward_n2n")


def odd(n, seed=0, lines=40):
    """Odd band-limited signals of 500 samples."""
    spectrum = np.zeros((n, 251), complex)
    spectrum[:, 1:lines] = 1j * np.random.default_rng(seed).standard_normal((n, lines - 1))
    return np.fft.irfft(spectrum, 500, axis=1)


def noisy(u, deviation, seed=0):
    rng = np.random.default_rng(seed)
    return Recordings(*(u + deviation * rng.standard_normal(u.shape) for _ in range(2)))


def test_relaxation_solves_its_differential_equation():
    """tau du/dt + u = u_eq for band-limited signals, with the derivative taken in the spectrum."""
    u_eq = odd(2)
    u = debye_relaxation(u_eq, TAU, FS)
    rate = np.fft.irfft(np.fft.rfft(u, axis=1) * 2j * np.pi * np.fft.rfftfreq(500, 1 / FS), 500, axis=1)
    np.testing.assert_allclose(TAU * rate + u, u_eq, atol=1e-9)
    np.testing.assert_allclose(debye_relaxation(u_eq, 0.0, FS), u_eq, atol=1e-12)


def test_it_can_be_undone():
    u = odd(3)
    np.testing.assert_allclose(without_relaxation(debye_relaxation(u, TAU, FS), TAU, FS), u, atol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 1e-6, 2e-5])
def test_the_time_is_exact_without_noise(tau):
    u = debye_relaxation(odd(5), tau, FS)
    assert estimate_relaxation_time(Recordings(u, u), FS) == pytest.approx(tau, rel=1e-9, abs=1e-15)


def test_noise_does_not_bias_the_time():
    """At as much noise as signal: the mean over trials is within three standard errors. One period alone finds less."""
    u = debye_relaxation(odd(200), TAU, FS)
    trials = [noisy(u, u.std(), seed) for seed in range(50)]
    found = [estimate_relaxation_time(pairs, FS) for pairs in trials]
    assert np.std(found) < 0.02 * TAU
    assert abs(np.mean(found) - TAU) < 3 * np.std(found) / np.sqrt(len(found))
    alone = [estimate_relaxation_time(Recordings(pairs.u1, pairs.u1), FS) for pairs in trials[:5]]
    assert max(alone) < 0.5 * TAU


def test_no_signal_has_no_time():
    assert estimate_relaxation_time(noisy(np.zeros((400, 500)), 1.0), FS) == 0
    early = np.roll(odd(5), -1, axis=1)  # ahead of the field
    assert estimate_relaxation_time(Recordings(early, early), FS) == 0


# Denoisers


@pytest.fixture(scope="module")
def data(scanner):
    return xspace((200, 20, 40), Noise(snr_db=5), 0, scanner, Truth(relaxation_time=TAU))


@pytest.fixture(scope="module", params=METHODS)
def fitted(request, scanner, data):
    training = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}
    options = {"training": training, "width": 4} if request.param == "forward_n2n" else {}

    def make(prefix):
        return create(prefix + request.param, scanner=scanner, rank=80, **options)

    return make, *(make(p).fit(data.train.u1, data.train.u2, data.validation) for p in ("relaxed_", ""))


def test_the_time_is_found_and_the_loss_undone(fitted, data):
    """Without it, the even part of the signal is lost."""
    _, relaxed, plain = fitted
    assert relaxed.relaxation_time == pytest.approx(TAU, rel=0.02)
    found, lost = (snr_db(data.test.clean, d.denoise(data.test.u1)).mean() for d in (relaxed, plain))
    assert lost < 8 and found > 15


def test_distributions_are_those_without_relaxation(fitted, data):
    _, relaxed, plain = fitted
    right, wrong = (
        np.corrcoef(d.distribution(data.test.u1).ravel(), data.test.phantoms.ravel())[0, 1] for d in (relaxed, plain)
    )
    assert right > wrong > 0


def test_the_time_is_part_of_the_state(fitted, data):
    make, relaxed, _ = fitted
    again = make("relaxed_").restore(relaxed.state())
    u = data.test.u1
    assert again.relaxation_time == relaxed.relaxation_time
    np.testing.assert_allclose(again.denoise(u), relaxed.denoise(u), rtol=1e-3, atol=1e-4 * u.max())


def test_without_relaxation_nothing_changes(scanner):
    """The method before which it is put, but for the rounding of the time that was found."""
    nominal = xspace((200, 20, 40), Noise(snr_db=5), 0, scanner)
    found = [
        create(name, scanner=scanner, rank=80)
        .fit(nominal.train.u1, nominal.train.u2, nominal.validation)
        .denoise(nominal.test.u1)
        for name in ("gp_wiener", "relaxed_gp_wiener")
    ]
    assert snr_db(*found).min() > 30


def test_signals_of_another_length_are_refused(fitted):
    with pytest.raises(ValueError, match="u must have 990 samples per signal, got 96"):
        fitted[1].denoise(np.ones((2, 96)))
