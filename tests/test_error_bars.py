"""Error bars from noisy pairs: right where the error is normal and known, and learned without clean signals."""

import numpy as np
import pytest

from mpicore.error_bars import ErrorBars, loudness, speed_classes
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner

SAMPLES = 60


def shrunk(u, gain):
    """A linear denoiser: one factor for each sample."""
    return gain * u


@pytest.fixture(scope="module")
def gaussian():
    """Clean signals of normal samples, recorded twice with white noise of half their power; and test signals."""
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((6000, SAMPLES))
    first, second = clean + np.sqrt(0.5) * rng.standard_normal((2, *clean.shape))
    return Recordings(first[:5000], second[:5000]), first[5000:], clean[5000:]


def held(clean, estimate, deviation, width):
    return np.mean(np.abs(estimate - clean) <= width * deviation)


@pytest.mark.parametrize("gain", [1.0, 0.9, 2 / 3])
def test_coverage_is_as_stated_where_the_error_is_normal(gaussian, gain):
    """Of a shrinker the error is normal, with squared bias (1 - g)^2 and variance g^2 / 2; 2/3 is the best one."""
    pairs, noisy, clean = gaussian
    position = np.zeros(SAMPLES, int)
    bars = ErrorBars.learn(pairs, (shrunk(pairs.u1, gain), shrunk(pairs.u2, gain)), position, window=5, levels=1)
    variance, error = gain**2 / 2, (1 - gain) ** 2 + gain**2 / 2
    assert bars.variance.item() * 1.5 == pytest.approx(
        variance, rel=0.05
    )  # about: signals of 60 samples differ in power
    assert bars.factor == pytest.approx(error / variance, abs=0.03)
    deviation = bars.deviation(noisy, shrunk(noisy, gain))
    assert held(clean, shrunk(noisy, gain), deviation, 1) == pytest.approx(0.683, abs=0.02)
    assert held(clean, shrunk(noisy, gain), deviation, 1.96) == pytest.approx(0.95, abs=0.01)


def test_classes_tell_samples_of_different_error_apart(gaussian):
    """A denoiser that keeps one half of the samples and shrinks the other has two errors, each with its own bar."""
    pairs, noisy, _ = gaussian
    position = (np.arange(SAMPLES) >= SAMPLES // 2).astype(int)
    gain = np.where(position == 0, 1.0, 0.5)
    estimates = shrunk(pairs.u1, gain), shrunk(pairs.u2, gain)
    bars = ErrorBars.learn(pairs, estimates, position, window=3, levels=1)
    np.testing.assert_allclose(bars.variance[:, 0] * 1.5, [0.5, 0.125], rtol=0.05)
    one = ErrorBars.learn(pairs, estimates, np.zeros(SAMPLES, int), window=3, levels=1)
    for learned, expected in ((bars, [0.5, 0.125]), (one, [0.3125, 0.3125])):
        deviation = learned.deviation(noisy, shrunk(noisy, gain)) ** 2 / learned.factor
        np.testing.assert_allclose([deviation[:, 0].mean(), deviation[:, -1].mean()], expected, rtol=0.05)


def test_bars_have_the_units_of_the_signal(gaussian):
    pairs, noisy, _ = gaussian
    position = np.arange(SAMPLES) % 3
    estimates = shrunk(pairs.u1, 0.8), shrunk(pairs.u2, 0.8)
    bars = ErrorBars.learn(pairs, estimates, position, window=4, levels=3)
    louder = ErrorBars.learn(Recordings(8 * pairs.u1, 8 * pairs.u2), tuple(8 * u for u in estimates), position, 4, 3)
    np.testing.assert_allclose(louder.variance, bars.variance, rtol=1e-9)
    once = bars.deviation(noisy, shrunk(noisy, 0.8))
    np.testing.assert_allclose(louder.deviation(8 * noisy, 8 * shrunk(noisy, 0.8)), 8 * once, rtol=1e-9)


def test_loudness_is_the_rms_of_a_window_on_a_circle():
    u = np.random.default_rng(2).standard_normal((3, 20))
    for window in (1, 4, 7, 20):
        around = np.arange(20)[:, None] + np.arange(window) - window // 2
        expected = np.sqrt(np.mean(u[:, around % 20] ** 2, axis=2))
        np.testing.assert_allclose(loudness(u, window), expected, rtol=1e-9)


def test_speed_classes_are_steps_of_the_speed():
    scanner = Scanner.cartesian()
    classes = speed_classes(scanner, 4)
    speed = np.abs(scanner.ffp_velocity[:, 0])
    assert set(classes) == {0, 1, 2, 3}
    for step in range(4):
        inside = speed[classes == step] / speed.max()
        assert step / 4 <= inside.min() and inside.max() <= (step + 1) / 4 + 1e-9


@pytest.mark.parametrize(
    "change, message",
    [
        ({"position": np.zeros(5, int)}, "position must be 60 whole numbers"),
        ({"position": np.zeros(SAMPLES)}, "position must be 60 whole numbers"),
        ({"position": np.full(SAMPLES, -1)}, "position must be 60 whole numbers of at least 0"),
        ({"window": 61}, "window must be at most the period of 60 samples, got 61"),
        ({"levels": 0}, "levels"),
        ({"denoised": (np.zeros((2, 3)), np.zeros((2, 3)))}, "denoised must be two arrays of the shape"),
    ],
)
def test_what_does_not_fit_is_refused(gaussian, change, message):
    pairs = gaussian[0]
    given = {"denoised": pairs.arrays, "position": np.zeros(SAMPLES, int), "window": 3, "levels": 2} | change
    with pytest.raises(ValueError, match=message):
        ErrorBars.learn(pairs, **given)
