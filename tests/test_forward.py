"""The forward model in few coordinates."""

import numpy as np
import pytest

from mpicore.forward import ForwardModel, covariance_times
from mpicore.line_noise import LineNoise
from mpicore.metrics import snr_db
from mpicore.phantoms import random_phantoms
from mpicore.scanner import Particle
from mpicore.simulation import system_matrix
from mpicore.symmetry import from_sine_lines, sine_lines


@pytest.fixture(scope="module")
def model(scanner):
    return ForwardModel(scanner)


# Sine lines


@pytest.mark.parametrize("samples", [64, 65])
def test_sine_lines_are_orthonormal_coordinates_of_odd_signals(samples):
    lines = np.random.default_rng(0).standard_normal((3, (samples - 1) // 2)).astype(np.float32)
    u = from_sine_lines(lines, samples)
    np.testing.assert_allclose(u[:, 1:], -u[:, :0:-1], atol=1e-6)
    np.testing.assert_allclose(np.sum(u**2, axis=1), np.sum(lines**2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(sine_lines(u), lines, atol=1e-5)


def test_sine_lines_do_not_see_the_even_part():
    u = np.cos(2 * np.pi * 3 * np.arange(64) / 64)[None]
    np.testing.assert_allclose(sine_lines(u), 0, atol=1e-6)


# Forward model


def test_signals_of_phantoms_survive_the_coordinates(scanner, model):
    """The coarse grid and the leading vectors hold every signal of the phantoms to a thousandth of its power."""
    phantoms = random_phantoms(20, scanner.shape, 5)
    clean = phantoms.reshape(20, -1) @ system_matrix(scanner, Particle()).T
    kept = model.signals(model.coordinates(clean))
    assert snr_db(clean, kept).min() > 30


def test_coordinates_of_their_own_signals(model):
    z = np.random.default_rng(0).standard_normal((4, model.matrix.shape[0])).astype(np.float32)
    np.testing.assert_allclose(model.coordinates(model.signals(z)), z, atol=1e-4)


def test_the_matrix_is_the_response_of_an_interpolated_image(scanner, model):
    x = np.random.default_rng(0).random((2, model.matrix.shape[1]), np.float32)
    images = model.images(x)
    u = images.reshape(2, -1) @ system_matrix(scanner, Particle()).T
    np.testing.assert_allclose(model.coordinates(u), x @ model.matrix.T, rtol=1e-3, atol=1e-3 * np.abs(u).max())


def test_images_interpolate(model, scanner):
    assert model.shape == (16, 16)
    np.testing.assert_allclose(model.images(np.full((1, 256), 2.0)), 2.0, rtol=1e-6)
    x = np.random.default_rng(0).random((1, 256))
    np.testing.assert_allclose(model.images(x)[0, ::2, ::2].ravel(), x[0], rtol=1e-5)


def test_coordinates_have_white_noise_of_unit_variance(scanner):
    """Noise with another deviation in each line, and strong along two directions besides, becomes white."""
    rng = np.random.default_rng(0)
    deviation = rng.uniform(1, 30, 494)
    directions, _ = np.linalg.qr(rng.standard_normal((494, 2)))
    noise = LineNoise(deviation, directions * np.array([30.0, 5.0]))
    model = ForwardModel(scanner, noise=noise, rank=50)
    white = rng.standard_normal((20000, 494)) + rng.standard_normal((20000, 2)) @ noise.factors.T
    u = from_sine_lines((deviation * white).astype(np.float32), 990)
    covariance = np.cov(model.coordinates(u), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(50), atol=0.06)


def test_noise_of_other_lines_is_named(scanner):
    with pytest.raises(ValueError, match="noise must be of 494 lines, got 3"):
        ForwardModel(scanner, noise=LineNoise.white(3))


# Gaussian process


def test_separable_covariance_is_the_dense_one():
    rng = np.random.default_rng(0)
    shape, pixel, length = (5, 7), 2e-3, 5e-3
    y, x = np.divmod(np.arange(35), 7)
    distance = np.abs(np.subtract.outer(y, y)) + np.abs(np.subtract.outer(x, x))
    dense = np.exp(-distance * pixel / length)
    matrix = rng.standard_normal((3, 35)).astype(np.float32)
    np.testing.assert_allclose(covariance_times(matrix, shape, pixel, length), matrix @ dense, rtol=1e-4, atol=1e-4)
