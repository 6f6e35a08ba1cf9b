"""Schemes of one period: unbiased where they claim it, blind where they must be."""

import numpy as np
import pytest
import torch
from torch import nn

from mpicore.denoisers import create
from mpicore.denoisers.signal_network import noise_level
from mpicore.losses import passed
from mpicore.metrics import snr_db
from mpicore.noise import Interference, Noise
from mpicore.one_period import BlindSpots, Levelled, Neighbours, SteinsRisk, UnknownLevel, by_halves, with_divergence
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner


class Linear(nn.Module):
    """A fixed linear map of the samples."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = nn.Parameter(torch.as_tensor(matrix, dtype=torch.float64))

    def forward(self, u):
        return u @ self.matrix.T


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_divergence_of_a_linear_map_is_its_trace():
    """In the mean over random signs, within five standard errors; the output is that of a plain pass."""
    matrix = torch.randn(8, 8, generator=seeded(1), dtype=torch.float64)
    y = torch.randn(20000, 8, generator=seeded(2), dtype=torch.float64)
    denoised, divergence = with_divergence(Linear(matrix), y, seeded(3))
    torch.testing.assert_close(denoised, passed(Linear(matrix), y))
    error = divergence.std() / np.sqrt(len(y))
    assert abs(divergence.mean() - torch.trace(matrix)) < 5 * error


def test_both_passes_drop_the_same_features():
    """A network that only drops has the number of features that it kept, times their factor, for its divergence."""
    drop = nn.Dropout(0.5)
    denoised, divergence = with_divergence(drop, torch.ones(4, 1000, dtype=torch.float64), seeded())
    torch.testing.assert_close(divergence, denoised.sum(1))


def test_the_risk_is_the_true_error_in_the_mean():
    """Up to the power of the noise, which no network changes; for a linear map and Gaussian noise."""
    rng = np.random.default_rng(0)
    sigma, n, samples = 0.7, 40000, 6
    matrix = 0.5 * np.eye(samples) + 0.1 * rng.standard_normal((samples, samples))
    clean = rng.standard_normal((n, samples))
    y = torch.from_numpy(clean + sigma * rng.standard_normal(clean.shape))
    risk = SteinsRisk(sigma).objective(Linear(matrix), y, y, seeded()).item() - samples * sigma**2
    error = ((passed(Linear(matrix), y) - torch.from_numpy(clean)) ** 2).sum(1)
    assert risk == pytest.approx(error.mean().item(), abs=0.1)


def test_the_multiplier_climbs_and_the_network_falls():
    """Gradients of the Lagrangian: as written for the network, with the opposite sign for the multiplier."""
    y = torch.randn(50, 6, generator=seeded(), dtype=torch.float64)
    network = Levelled(Linear(0.5 * np.eye(6)))
    with torch.no_grad():
        network.level.fill_(0.3)
    value = UnknownLevel().objective(network, y, y, seeded(1))
    value.backward()
    plain = SteinsRisk(np.sqrt(0.3)).objective(network.network, y, y, seeded(1))
    assert value.item() == pytest.approx(plain.item(), rel=1e-6)
    assert network.level.grad.item() == pytest.approx(-2 * 3.0, rel=1e-6)  # minus twice the divergence, the trace


def test_unsure_finds_the_noise_power_of_a_scaled_identity():
    """Of maps y -> c y the one without divergence is 0, and the multiplier that leads there is the power of y."""
    rng = torch.Generator().manual_seed(0)
    y = torch.randn(400, 10, generator=rng, dtype=torch.float64)

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Parameter(torch.tensor(0.9, dtype=torch.float64))

        def forward(self, u):
            return self.c * u

    network = Levelled(Scale())
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-2)
    for step in range(1000):
        optimizer.zero_grad()
        UnknownLevel().objective(network, y, y, seeded(step)).backward()
        optimizer.step()
    assert abs(network.network.c.item()) < 0.05
    assert network.level.item() == pytest.approx(y.square().mean().item(), rel=0.1)


@pytest.mark.parametrize("width", [1, 3])
def test_the_network_does_not_see_what_it_is_judged_by(width):
    u = torch.randn(5, 100, generator=seeded())
    source, target = BlindSpots(10, width).pair(u, u, seeded(1))
    hidden = target.isfinite()
    assert hidden.sum(1).tolist() == [10 * width] * 5
    assert torch.equal(source[~hidden], u[~hidden])
    torch.testing.assert_close(target[hidden], u[hidden])
    other = torch.where(hidden, u + 5.0, u)  # what is hidden changes no input
    torch.testing.assert_close(BlindSpots(10, width).pair(other, other, seeded(1))[0], source)


def test_hidden_samples_lie_on_the_line_between_their_neighbours():
    ramp = torch.arange(100.0)[None]
    source, _ = BlindSpots(10, 3).pair(ramp, ramp, seeded(4))
    inside = (source - ramp).abs() > 1e-4  # but for the stretch that holds the jump where the period closes
    assert inside.sum() <= 3


def test_the_loss_counts_hidden_samples_alone():
    target = torch.full((2, 10), torch.nan)
    target[:, :2] = 1.0
    prediction = torch.zeros(2, 10)
    prediction[:, 5] = 100.0
    assert BlindSpots(5, 1).loss(prediction, target).item() == pytest.approx(2.0 * 10 / 2)


def test_neighbours_of_a_smooth_signal_agree():
    """A network that keeps its input has the difference of neighbours as loss; it is small where signals are smooth."""
    smooth = torch.sin(2 * torch.pi * torch.arange(200.0) / 200)[None]
    identity = Linear(np.eye(100)).float()

    class Any(nn.Module):
        def forward(self, u):
            return u

    assert Neighbours(0.0).objective(Any(), smooth, smooth, seeded()).item() < 0.2
    noise = torch.randn(1, 200, generator=seeded())
    assert Neighbours(0.0).objective(Any(), noise, noise, seeded()).item() > 100
    assert Neighbours(2.0).objective(Any(), noise, noise, seeded()).item() == pytest.approx(
        Neighbours(0.0).objective(Any(), noise, noise, seeded()).item()
    ), "the second term is zero where the network keeps what it gets"
    with pytest.raises(ValueError, match="even number of samples, got 99"):
        Neighbours().objective(identity, smooth[:, :99], smooth[:, :99], seeded())


def test_a_network_of_half_the_rate_sees_each_half_alone():
    """A shift of the even and of the odd samples by one is a shift of the signal by two."""

    class Shift(nn.Module):
        def forward(self, u):
            return u.roll(1, dims=-1)

    y = torch.randn(3, 10, generator=seeded())
    torch.testing.assert_close(by_halves(Shift(), y), y.roll(2, dims=1), rtol=0, atol=0)
    with pytest.raises(ValueError, match="even number of samples, got 9"):
        by_halves(Shift(), y[:, :9])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SteinsRisk(-1.0), "sigma must be at least 0, got -1"),
        (lambda: BlindSpots(1), "spacing must be a whole number of at least 2, got 1"),
        (lambda: BlindSpots(4, 4), "width must be below spacing, 4, got 4"),
        (lambda: Neighbours(-0.1), "gamma must be at least 0, got -0.1"),
    ],
)
def test_bad_schemes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Denoisers


@pytest.mark.parametrize(
    "name, options",
    [("sure", {}), ("unsure", {}), ("noise2void", {}), ("noise2void", {"hidden": 3}), ("neighbor2neighbor", {})],
)
def test_they_denoise(name, options):
    """White noise on slow waves: from 3 dB to more than 6 dB after a few steps; the same after a restore."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(400) / 400
    clean = rng.uniform(1, 2, (60, 1)) * np.sin(3 * phase) + rng.uniform(-1, 1, (60, 1)) * np.sin(5 * phase)
    level = np.sqrt(np.mean(clean**2, axis=1, keepdims=True) / 2)
    u1, u2 = (clean + level * rng.standard_normal(clean.shape) for _ in "12")
    training = {"epochs": 8, "batch_size": 4, "learning_rate": 8e-3, "schedule": "one-cycle"}
    denoiser = create(name, width=4, training=training, **options).fit(u1, u2)
    found = denoiser.denoise(u1)
    assert snr_db(clean, found).mean() > 6
    again = create(name, width=4, **options).restore(denoiser.state())
    np.testing.assert_array_equal(again.denoise(u1), found)


def test_the_floor_of_the_noise_is_not_moved_by_tones():
    scanner = Scanner.cartesian()
    clean = np.repeat(np.sin(2 * np.pi * 50 * np.arange(4950) / 4950)[None], 500, axis=0)
    for noise, expected in ((Noise(5.0), 5.0), (Noise(15.0, interference=Interference(5.0)), 15.0)):
        pairs = Recordings(*noise.record(clean, scanner, np.random.default_rng(0)))
        share = 1 + 10 ** (-noise.total_snr_db / 10)
        found = -10 * np.log10(noise_level(pairs, floor=True) ** 2 * share)
        assert found == pytest.approx(expected, abs=0.15)
        assert -10 * np.log10(noise_level(pairs) ** 2 * share) == pytest.approx(noise.total_snr_db, abs=0.15)
