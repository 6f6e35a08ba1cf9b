"""The noise of the sine lines: independent lines, and directions that several lines share."""

import numpy as np
import pytest

from mpicore.line_noise import LineNoise, line_noise
from mpicore.noise import Interference, Noise, Spikes
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner
from mpicore.symmetry import from_sine_lines, sine_lines

LINES, SAMPLES = 494, 990


@pytest.fixture(scope="module")
def shared():
    """Noise along two directions, far above the rest, and its covariance written out."""
    rng = np.random.default_rng(0)
    directions, _ = np.linalg.qr(rng.standard_normal((LINES, 2)))
    noise = LineNoise(np.linspace(1, 3, LINES), directions * np.array([30.0, 8.0]))
    d = np.diag(noise.deviation)
    return noise, d @ (np.eye(LINES) + noise.factors @ noise.factors.T) @ d


def drawn(covariance, count, seed, clean=0.0):
    """Two periods with noise of a covariance of their sine lines."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(covariance)
    return Recordings(
        *(clean + from_sine_lines(rng.standard_normal((count, LINES)) @ root.T, SAMPLES).astype(float) for _ in "12")
    )


def test_whitening_is_the_inverse_root_of_the_covariance(shared):
    noise, covariance = shared
    white = noise.whitened(np.eye(LINES)).astype(float)  # rows: what each line becomes
    np.testing.assert_allclose(white.T @ covariance @ white, np.eye(LINES), atol=2e-3)


def test_colouring_undoes_whitening(shared):
    noise, _ = shared
    lines = np.random.default_rng(1).standard_normal((5, LINES)).astype(np.float32)
    np.testing.assert_allclose(noise.coloured(noise.whitened(lines)), lines, atol=1e-5)
    np.testing.assert_allclose(noise.times(2).whitened(lines), noise.whitened(lines) / 2, rtol=1e-5)


def test_shared_directions_are_found(shared):
    """The deviation to within a tenth, and each direction with its strength, where half of all pairs is noise."""
    noise, covariance = shared
    clean = from_sine_lines(300 * np.random.default_rng(2).standard_normal((4000, LINES)), SAMPLES)
    pairs = drawn(covariance, 4000, 3, clean)
    found = line_noise(pairs)
    scale = np.sqrt(np.mean(pairs.u1**2))
    assert found.factors.shape == (LINES, 2)
    # A running median of a slope is off at both ends, by half of its window.
    np.testing.assert_allclose(scale * found.deviation[60:-60], noise.deviation[60:-60], rtol=0.1)
    for column in (0, 1):
        first, second = noise.factors[:, column], found.factors[:, column]
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert abs(cosine) > 0.99
        assert np.linalg.norm(second) == pytest.approx(np.linalg.norm(first), rel=0.1)


@pytest.mark.parametrize(
    "noise",
    [
        Noise(5.0),
        Noise(5.0, colour=1.0),
        Noise(15.0, spikes=Spikes(5.0)),
        Noise(15.0, interference=Interference(5.0)),
    ],
    ids=["white", "pink", "spikes", "on the lines"],
)
def test_independent_lines_have_a_deviation_each_and_nothing_else(noise):
    scanner = Scanner.cartesian()
    clean = np.sin(2 * np.pi * 50 * np.arange(scanner.num_samples) / scanner.num_samples)
    pairs = Recordings(*noise.record(np.repeat(clean[None], 400, axis=0), scanner, np.random.default_rng(4)))
    found = line_noise(pairs)
    assert found.factors.shape[1] == 0
    unit = np.sqrt(np.mean(pairs.u1**2, axis=1, keepdims=True))
    power = np.mean(sine_lines((pairs.u1 - pairs.u2) / unit).astype(float) ** 2, axis=0) / 2
    np.testing.assert_allclose(found.deviation, np.sqrt(power), rtol=1e-5)


@pytest.mark.parametrize("phases", ["free", "consecutive"])
def test_a_sinusoid_between_two_lines_is_one_direction(phases):
    """The odd parts of its sine and its cosine are proportional."""
    scanner = Scanner.cartesian()
    clean = np.sin(2 * np.pi * 50 * np.arange(scanner.num_samples) / scanner.num_samples)
    noise = Noise(15.0, interference=Interference(5.0, (3,), phases=phases, offsets=(180.0,)))
    pairs = Recordings(*noise.record(np.repeat(clean[None], 400, axis=0), scanner, np.random.default_rng(5)))
    found = line_noise(pairs)
    assert found.factors.shape[1] == 1
    white = found.whitened(sine_lines(pairs.u1 - pairs.u2) / np.sqrt(2)) / np.sqrt(np.mean(pairs.u1**2))
    largest = np.linalg.svd(white, compute_uv=False)[0] / np.sqrt(len(white))
    assert largest < 1.2 * (1 + np.sqrt(white.shape[1] / len(white)))


def test_bad_noise_is_named():
    with pytest.raises(ValueError, match="deviation must hold positive values"):
        LineNoise(np.zeros(3), np.zeros((3, 0)))
    with pytest.raises(ValueError, match=r"factors must have shape \(3, r\), got \(4, 1\)"):
        LineNoise(np.ones(3), np.zeros((4, 1)))


def test_noise_comes_back_from_its_state(shared):
    noise, _ = shared
    assert LineNoise.restore(noise.state()).equals(noise.stored())
    assert not noise.equals(noise.times(2))
    assert "factors" not in LineNoise.white(3).state()
