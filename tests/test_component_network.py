"""Noise2Noise on the components of a system matrix, on a small scanner."""

import numpy as np
import pytest
import torch

from mpicore import training
from mpicore.components import unfold
from mpicore.datasets import system_matrix_columns
from mpicore.denoisers import create
from mpicore.denoisers.component_network import OwnWiener
from mpicore.losses import NumberedNoise2Noise
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.scanner import Scanner
from mpicore.symmetry import from_sine_lines, sine_lines
from mpicore.unet import ComponentNetwork

TRAINING = {"epochs": 1, "batch_size": 8, "learning_rate": 2e-3, "schedule": "one-cycle"}


@pytest.fixture(scope="module")
def scanner():
    return Scanner.lissajous(drive_frequency=(24.75e3, 22.5e3), shape=(15, 15))


@pytest.fixture(scope="module")
def matrix(scanner):
    return system_matrix_columns((150, 20, 20), Noise(snr_db=5), 0, scanner).matrix


def new(scanner, width=2, **options):
    return create("component_n2n", scanner=scanner, width=width, training=TRAINING | options)


@pytest.fixture(scope="module")
def fitted(scanner, matrix):
    return new(scanner).fit(matrix.u1, matrix.u2)


# The network


def small(shape=(7, 6)):
    """Three components; the first has the second for a neighbour, the second has the first, the third has none."""
    beside, signs = np.array([[1, 3], [3, 0], [3, 3]]), np.array([[1, 0], [0, -1], [0, 0]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ComponentNetwork(beside, signs, np.array([0, 1, 3]), np.array([1, 1]), shape, width=4).eval()


def changing(network):
    """The same, with weights that correct something."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.nn.init.normal_(network.unet.last.weight)
        torch.nn.init.normal_(network.unet.last.bias)
    return network


def held(network, periods=2, seed=0):
    estimates, noisy = torch.randn(2, periods, 3, *network.quadrant, generator=torch.Generator().manual_seed(seed))
    network.hold(estimates, noisy)
    return estimates, noisy


@torch.inference_mode()
def test_an_untrained_network_returns_the_linear_estimates():
    network = small()
    estimates, _ = held(network)
    found = network(torch.arange(6.0)[:, None, None])
    torch.testing.assert_close(found[:, 0], estimates.flatten(0, 1).flatten(1))


@torch.inference_mode()
def test_a_component_is_corrected_by_itself_and_its_neighbours_alone():
    network, numbers = changing(small()), torch.arange(3.0)[:, None, None]
    estimates, noisy = held(network, periods=1)
    before = network(numbers)
    estimates[0, 1] += 1
    noisy[0, 1] += 1
    network.hold(estimates, noisy)
    changed = (network(numbers) != before).flatten(1).any(dim=1)
    assert changed.tolist() == [True, True, False]


@torch.inference_mode()
def test_a_correction_is_of_the_size_of_the_noise():
    """However strong the components are: a thousand times the signal is corrected by about as much."""
    network, numbers = changing(small()), torch.arange(3.0)[:, None, None]
    sizes = []
    for factor in (1e3, 1e6):
        estimates, noisy = held(network, periods=1)
        network.hold(factor * estimates, factor * estimates + noisy)
        correction = network(numbers)[:, 0] - factor * estimates[0].flatten(1)
        sizes.append(correction.abs().max())
    assert sizes[1] < 3 * sizes[0] + 1


@pytest.mark.parametrize("shape", [(7, 7), (6, 6), (13, 12)])
@torch.inference_mode()
def test_images_are_continued_by_their_parity(shape):
    """What the U-Net sees is the whole image from a margin before its centre on, on every second pixel."""
    network = small(shape)
    estimates, _ = held(network, periods=1)
    seen = []
    network.unet.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    network(torch.arange(3.0)[:, None, None])
    for component, parity in enumerate((0, 1, 3)):
        whole = 2 * unfold(estimates[0, component : component + 1].numpy(), parity, shape)
        down, right = (size // 2 - margin for size, margin in zip(shape, network.margins, strict=True))
        image = whole[0, down:, right:]
        inside = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2]
        expected = inside.reshape(len(inside) // 2, 2, -1, 2).mean(axis=(1, 3))
        found = seen[0][component, 0, : expected.shape[0], : expected.shape[1]].numpy()
        # A line of symmetry is itself no part of an odd image, but of what fold gives; it is left out here.
        sides = zip(expected.shape, network.margins, strict=True)
        beside = np.ix_(*(np.abs(2 * np.arange(size) - margin) > 1 for size, margin in sides))
        ratio = found[beside] / expected[beside]
        np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)


# The linear estimate


def test_the_estimate_knows_nothing_of_the_noise_of_the_other_period(scanner, matrix):
    """Its error and that noise are not correlated; with gains from both periods they are."""
    correlations = []
    for linear in (OwnWiener(scanner), create("dct_wiener_twice", scanner=scanner)):
        linear.fit(matrix.u1, matrix.u2)
        y, other, clean = (sine_lines(u) / linear.deviation for u in (matrix.u1, matrix.u2, matrix.clean))
        products = (linear.shrink(y) - clean) * (other - clean)
        correlations.append(products.mean() / products.std() * np.sqrt(products.size))
    assert abs(correlations[0]) < 5
    assert correlations[1] > 10


def test_the_unit_of_mirrored_pixels_is_one(scanner, matrix):
    linear = OwnWiener(scanner).fit(matrix.u1, matrix.u2)
    unit = linear.deviation.reshape(15, 15)
    np.testing.assert_allclose(unit, unit[::-1], rtol=1e-6)
    np.testing.assert_allclose(unit, unit[:, ::-1], rtol=1e-6)
    difference = sine_lines(matrix.u1) - sine_lines(matrix.u2)
    assert np.mean((difference / linear.deviation) ** 2) / 2 == pytest.approx(1, rel=0.01)


# The denoiser


def test_the_network_gains_more_than_its_linear_estimate(scanner, matrix):
    denoiser = new(scanner, width=8, epochs=4, learning_rate=4e-3).fit(matrix.u1, matrix.u2)
    linear = denoiser.linear
    estimate = from_sine_lines(linear.shrink(linear.lines(matrix.u1)) * linear.deviation, matrix.u1.shape[1])
    found = snr_db(matrix.clean, denoiser.denoise(matrix.u1)).mean()
    assert found > snr_db(matrix.clean, estimate).mean() + 1


def test_it_is_equivariant_to_scale(fitted, matrix):
    expected = fitted.denoise(matrix.u1)
    for factor in (1e-3, 7.0, 1e6):
        found = fitted.denoise(np.float32(factor) * matrix.u1) / factor
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())
    assert not fitted.denoise(0 * matrix.u1).any()


def test_lines_that_are_held_out_are_not_trained_on(scanner, matrix, monkeypatch):
    """A tenth of the lines, with all of their parts; every part of every other one is trained on."""
    seen = {}

    def train(network, scheme, pairs, held, *others, **options):
        seen.update(train=pairs, held=held)
        return []

    monkeypatch.setattr(training, "train", train)
    denoiser = new(scanner).fit(matrix.u1, matrix.u2)
    count = len(denoiser.numbers)
    lines = {}
    for part in ("train", "held"):
        first, second = (u[:, 0].astype(int) for u in seen[part].arrays)
        np.testing.assert_array_equal(second, first + count)
        lines[part] = set(denoiser.numbers[first] // 4)
    assert not lines["train"] & lines["held"]
    assert lines["train"] | lines["held"] == set(denoiser.numbers // 4)
    assert len(lines["held"]) == len(set(denoiser.numbers // 4)) // 10
    assert len(seen["train"]) + len(seen["held"]) == count


def test_an_interrupted_fit_ends_with_the_same_bits(fitted, scanner, matrix, tmp_path, monkeypatch):
    objective, calls = NumberedNoise2Noise.objective, []

    def interrupted(self, *given):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return objective(self, *given)

    monkeypatch.setattr(training, "_CHECKPOINT_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(NumberedNoise2Noise, "objective", interrupted)
        with pytest.raises(KeyboardInterrupt):
            new(scanner).fit(matrix.u1, matrix.u2, folder=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    again = new(scanner).fit(matrix.u1, matrix.u2, folder=tmp_path).state()
    for name, value in fitted.state().items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_a_checkpoint_of_other_data_is_refused(scanner, matrix, tmp_path):
    """The numbers of the components may be the same; what they stand for is not."""
    new(scanner).fit(matrix.u1, matrix.u2, folder=tmp_path)
    with pytest.raises(ValueError, match="belongs to another training"):
        new(scanner).fit(matrix.u2, matrix.u1, folder=tmp_path)


def test_all_columns_must_be_there(fitted, scanner, matrix):
    with pytest.raises(ValueError, match="u must hold all 225 columns of the system matrix, got 100"):
        fitted.denoise(matrix.u1[:100])
    with pytest.raises(ValueError, match="component_n2n needs a sequence whose signals are odd"):
        create("component_n2n", scanner=Scanner.lissajous(drive_phase=(1.0, 0.0)))


def test_components_and_windows_are_part_of_the_state(fitted):
    state = fitted.state()
    assert {"components", "windows", "deviation", "power", "samples"} < set(state)
    weights = [value for name, value in state.items() if "." in name]
    assert weights and all(value.dtype == np.float16 for value in weights)
