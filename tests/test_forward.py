"""The forward model in few coordinates, and the two denoisers that use it."""

import numpy as np
import pytest
import torch

from mpicore.datasets import xspace
from mpicore.denoisers import create
from mpicore.forward import ForwardModel, covariance_times, line_deviation
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.phantoms import random_phantoms
from mpicore.recordings import Recordings
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.symmetry import from_sine_lines, sine_lines
from mpicore.unet import ForwardNetwork, UNet

TRAINING = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "schedule": "one-cycle"}


@pytest.fixture(scope="module")
def scanner():
    """The paper's scanner with ten lines in place of fifty: N = 990."""
    return Scanner.cartesian(drive_frequency=(25e3, 2.5e3), shape=(31, 31))


@pytest.fixture(scope="module")
def data(scanner):
    return xspace((64, 16, 16), Noise(snr_db=5), 0, scanner)


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
    """Noise with another deviation in each line becomes white."""
    rng = np.random.default_rng(0)
    deviation = rng.uniform(1, 30, 494)
    model = ForwardModel(scanner, deviation=deviation, rank=50)
    noise = from_sine_lines((deviation * rng.standard_normal((20000, 494))).astype(np.float32), 990)
    covariance = np.cov(model.coordinates(noise), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(50), atol=0.06)


def test_bad_deviations_are_named(scanner):
    with pytest.raises(ValueError, match=r"deviation must hold 494 positive values, got shape \(3,\)"):
        ForwardModel(scanner, deviation=np.ones(3))
    with pytest.raises(ValueError, match="deviation must hold 494 positive values"):
        ForwardModel(scanner, deviation=np.zeros(494))


def test_the_noise_spectrum_is_found(scanner):
    rng = np.random.default_rng(0)
    deviation = np.linspace(1, 3, 494)
    clean = from_sine_lines(100 * rng.standard_normal((4000, 494)).astype(np.float32), 990)
    u1, u2 = (
        clean + from_sine_lines((deviation * rng.standard_normal((4000, 494))).astype(np.float32), 990) for _ in "12"
    )
    scale = np.sqrt(np.mean(u1**2))
    np.testing.assert_allclose(scale * line_deviation(Recordings(u1, u2)), deviation, rtol=0.06)


# Gaussian process


def test_separable_covariance_is_the_dense_one():
    rng = np.random.default_rng(0)
    shape, pixel, length = (5, 7), 2e-3, 5e-3
    y, x = np.divmod(np.arange(35), 7)
    distance = np.abs(np.subtract.outer(y, y)) + np.abs(np.subtract.outer(x, x))
    dense = np.exp(-distance * pixel / length)
    matrix = rng.standard_normal((3, 35)).astype(np.float32)
    np.testing.assert_allclose(covariance_times(matrix, shape, pixel, length), matrix @ dense, rtol=1e-4, atol=1e-4)


def test_the_filter_is_the_posterior_mean(scanner, data):
    """Against the dense formula for the distribution: K A^T (A K A^T + I)^-1 z."""
    denoiser = create("gp_wiener", scanner=scanner, rank=60).fit(data.train.u1, data.train.u2, data.validation)
    model = denoiser.model
    ny, nx = model.shape
    y, x = np.divmod(np.arange(ny * nx), nx)
    distance = (np.abs(np.subtract.outer(y, y)) + np.abs(np.subtract.outer(x, x))) * 0.1 / 15
    K = np.exp(-distance / denoiser.length)
    A = model.matrix.astype(np.float64)
    K *= denoiser.power / np.trace(A @ K @ A.T)
    u = data.test.u1[:3]
    scale = np.sqrt(np.mean(u**2, axis=1, keepdims=True))
    z = model.coordinates(u / scale).astype(np.float64)
    posterior = z @ np.linalg.solve(A @ K @ A.T + np.eye(len(A)), A @ K)
    expected = posterior @ A.T
    np.testing.assert_allclose(denoiser.denoise(u), model.signals(expected) * scale, rtol=1e-3, atol=1e-3 * u.max())
    images = denoiser.distribution(u)
    assert images.shape == (3, 31, 31)
    np.testing.assert_allclose(
        images[:, ::2, ::2].reshape(3, -1), posterior * scale, rtol=2e-3, atol=2e-3 * np.abs(images).max()
    )


# Network


def test_an_untrained_unet_returns_zero_at_any_size():
    network = UNet(2, width=3)
    for side in (16, 13):
        assert not network(torch.randn(2, 2, side, side + 1)).any()
        assert network(torch.randn(2, 2, side, side + 1)).shape == (2, 1, side, side + 1)


def small_network(**options):
    rng = np.random.default_rng(0)
    network = ForwardNetwork(
        rng.standard_normal((2, 12, 64)), rng.standard_normal((12, 64)), (8, 8), width=2, **options
    )
    torch.manual_seed(0)
    torch.nn.init.normal_(network.unet.last.weight)
    return network.eval()


def test_the_network_is_equivariant_to_scale():
    network, z = small_network(), torch.randn(3, 1, 12)
    torch.testing.assert_close(network(7 * z), 7 * network(z), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        network.distribution(7 * z[:, 0]), 7 * network.distribution(z[:, 0]), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("nonnegative", [False, True])
def test_what_comes_out_is_the_signal_of_the_distribution(nonnegative):
    network, z = small_network(nonnegative=nonnegative), torch.randn(3, 1, 12)
    rng = np.random.default_rng(0)
    rng.standard_normal((2, 12, 64))
    matrix = torch.from_numpy(rng.standard_normal((12, 64))).float()
    x = network.distribution(z[:, 0])
    assert (x.min() >= 0) == nonnegative
    torch.testing.assert_close(network(z)[:, 0], x.flatten(1) @ matrix.T, rtol=1e-3, atol=1e-3)


def test_bad_networks_are_refused():
    with pytest.raises(ValueError, match="width must be a whole number of at least 1, got 0"):
        create("forward_n2n", width=0)
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1"):
        UNet(2, dropout=1)


# Both


@pytest.fixture(scope="module", params=["gp_wiener", "forward_n2n"])
def fitted(request, scanner, data):
    options = {"training": TRAINING, "width": 4} if request.param == "forward_n2n" else {}
    make = lambda: create(request.param, scanner=scanner, rank=80, **options)  # noqa: E731
    return make, make().fit(data.train.u1, data.train.u2, data.validation)


def test_the_model_gains_a_lot(fitted, data):
    """From 5 dB; the even half of the noise alone would be 3 dB."""
    assert snr_db(data.test.clean, fitted[1].denoise(data.test.u1)).mean() > 15


def test_a_method_with_the_model_is_stored_by_its_state(fitted, data):
    make, denoiser = fitted
    restored = make().restore(denoiser.state())
    np.testing.assert_allclose(
        restored.denoise(data.test.u1), denoiser.denoise(data.test.u1), rtol=1e-3, atol=1e-4 * data.test.u1.max()
    )
    assert denoiser.distribution(data.test.u1).shape == (16, 31, 31)


def test_results_are_equivariant_to_scale(fitted, data):
    u = data.test.u1[:4]
    np.testing.assert_allclose(fitted[1].denoise(3 * u), 3 * fitted[1].denoise(u), rtol=1e-3, atol=1e-3 * u.max())


def test_denoising_before_fitting_is_refused(fitted, data):
    with pytest.raises(ValueError, match="must be fitted before it denoises"):
        fitted[0]().denoise(data.test.u1)
    with pytest.raises(ValueError, match="u must have 990 samples per signal, got 96"):
        fitted[1].denoise(np.ones((2, 96)))


def test_training_through_the_model_beats_the_linear_filter(scanner):
    """Edges and empty regions are more than a covariance can say."""
    data = xspace((1500, 60, 60), Noise(snr_db=5), 0, scanner)
    training = TRAINING | {"epochs": 8, "batch_size": 8, "learning_rate": 2e-3}
    means = []
    for name, options in (("gp_wiener", {}), ("forward_n2n", {"width": 8, "training": training})):
        denoiser = create(name, scanner=scanner, rank=80, **options)
        denoiser.fit(data.train.u1, data.train.u2, data.validation)
        means.append(snr_db(data.test.clean, denoiser.denoise(data.test.u1)).mean())
    assert means[1] > means[0] + 1


def test_weights_of_another_width_are_refused(scanner, data):
    state = create("forward_n2n", scanner=scanner, rank=80, width=2, training=TRAINING)
    state = state.fit(data.train.u1, data.train.u2, data.validation).state()
    with pytest.raises(ValueError, match="state must be the weights of this network"):
        create("forward_n2n", scanner=scanner, rank=80, width=4).restore(state)
