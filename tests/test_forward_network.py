"""The methods that know the forward model: a Gaussian process, and the network on the distribution."""

import numpy as np
import pytest
import torch

from mpicore.datasets import xspace
from mpicore.denoisers import create
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.scanner import Scanner
from mpicore.unet import ForwardNetwork, UNet

TRAINING = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "schedule": "one-cycle"}


@pytest.fixture(scope="module")
def data(scanner):
    return xspace((64, 16, 16), Noise(snr_db=5), 0, scanner)


# Gaussian process


def test_the_filter_is_the_posterior_mean(scanner, data):
    """Against the dense formula for the distribution: K A^T (A K A^T + I)^-1 z."""
    denoiser = create("gp_wiener", scanner=scanner, rank=60).fit(data.train.u1, data.train.u2, data.validation)
    model = denoiser._model
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


@pytest.mark.parametrize("name", ["gp_wiener", "forward_n2n", "turned_gp_wiener", "turned_forward_n2n"])
def test_signals_of_another_sequence_are_refused(name, scanner, short_pairs):
    """What does not fit the scanner; and a scanner without the symmetry, where nothing brings it back."""
    pairs = short_pairs(4)
    with pytest.raises(ValueError, match="u1 must have 990 samples per signal, got 96"):
        create(name, scanner=scanner).fit(pairs.u1, pairs.u2)
    if not name.startswith("turned"):  # which turns the lines back
        with pytest.raises(ValueError, match=f"{name} needs a sequence whose signals are odd"):
            create(name, scanner=Scanner.cartesian(drive_phase=(1.0, 0.0)))


def test_a_checkpoint_of_the_other_kind_of_distribution_is_refused(scanner, data, tmp_path):
    options = {"scanner": scanner, "rank": 40, "width": 2, "training": TRAINING}
    create("forward_n2n", **options).fit(data.train.u1, data.train.u2, data.validation, tmp_path)
    with pytest.raises(ValueError, match="belongs to another training"):
        create("forward_n2n", nonnegative=True, **options).fit(data.train.u1, data.train.u2, data.validation, tmp_path)
