"""Schemes that learn from one noisy period of each object: the other one is a further noisy signal, and not a target.

A coin per signal decides which of the two recorded periods is y. Where a network is passed twice in one step, both
passes drop the same features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mpicore import checks
from mpicore.losses import PairScheme, passed, squared_loss, two_period_pair

_STEP = 1e-2  #: of the difference quotient in a divergence, in units of the RMS of a noisy period


def one_of_both(u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
    """One of two recorded periods per signal, by a coin; shape (B, N)."""
    return two_period_pair(u1, u2, generator)[0]


def with_divergence(network: nn.Module, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """f(y), shape (B, N), and an unbiased estimate of its divergence sum_k df_k/dy_k, shape (B,).

    Ramani et al. 2008: b . (f(y + h b) - f(y)) / h, with random signs b.
    """
    signs = (2 * torch.randint(2, y.shape, generator=generator) - 1).to(y)
    seed = int(torch.randint(2**62, (), generator=generator))
    torch.manual_seed(seed)
    denoised = passed(network, y)
    torch.manual_seed(seed)
    beside = passed(network, y + _STEP * signs)
    return denoised, (signs * (beside - denoised)).sum(-1) / _STEP


@dataclass(frozen=True)
class SteinsRisk:
    """SURE (Stein 1981): ||f(y) - y||^2 + 2 sigma^2 div f(y), in expectation the true error up to a constant.

    Assumes white Gaussian noise with the standard deviation sigma.

    Args:
        sigma: standard deviation of the noise in units of the RMS of a noisy period, at least zero.

    Raises:
        ValueError: a value out of range.
    """

    sigma: float

    def __post_init__(self) -> None:
        checks.at_least(self.sigma, "sigma", 0)

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """Mean over the batch; a scalar."""
        y = one_of_both(u1, u2, generator)
        denoised, divergence = with_divergence(network, y, generator)
        return squared_loss(denoised, y) + 2 * self.sigma**2 * divergence.mean()


class Levelled(nn.Module):
    """A network and the unknown noise power that :class:`UnknownLevel` finds with it.

    Args:
        network: (B, 1, N) -> (B, 1, N).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.level = nn.Parameter(torch.zeros(()))

    def forward(self, u: Tensor) -> Tensor:
        """The network's output, shape (B, 1, N)."""
        denoised: Tensor = self.network(u)
        return denoised


@dataclass(frozen=True)
class UnknownLevel:
    """UNSURE (Tachella et al. 2025): min over f, max over eta of ||f(y) - y||^2 + 2 eta div f(y).

    Lagrange's multiplier eta takes the place of the noise power: the network with the least residual among those whose
    divergence has the mean zero. Assumes white Gaussian noise of any one level. The network is a :class:`Levelled`.
    """

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """Mean over the batch; a scalar whose gradient in eta has the opposite sign, so that eta climbs."""
        assert isinstance(network, Levelled)
        y = one_of_both(u1, u2, generator)
        denoised, divergence = with_divergence(network, y, generator)
        climbing = 2 * network.level.detach() - network.level
        return squared_loss(denoised, y) + 2 * climbing * divergence.mean()


@dataclass(frozen=True)
class BlindSpots(PairScheme):
    """Noise2Void (Krull et al. 2019): stretches of a period are hidden from the network, which is judged there alone.

    Every ``spacing`` samples ``width`` samples are replaced by the straight line between their neighbours; with a width
    above 1 it is structured (Broaddus et al. 2020). Assumes noise that is independent over more than ``width`` samples.

    Args:
        spacing: samples from one hidden stretch to the next.
        width: samples that are hidden together, below the spacing.

    Raises:
        ValueError: a value out of range.
    """

    spacing: int = 16
    width: int = 1

    def __post_init__(self) -> None:
        checks.count(self.spacing, "spacing", 2)
        if checks.count(self.width, "width") >= self.spacing:
            raise ValueError(f"width must be below spacing, {self.spacing}, got {self.width}")

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The period with hidden stretches; and the period itself where they are, NaN elsewhere."""
        y = one_of_both(u1, u2, generator)
        samples = y.shape[1]
        first = int(torch.randint(samples, (), generator=generator))
        starts = (first + self.spacing * torch.arange(samples // self.spacing)) % samples
        source, target = y.clone(), torch.full_like(y, torch.nan)
        before, after = y[:, (starts - 1) % samples], y[:, (starts + self.width) % samples]
        for offset in range(self.width):
            share = (offset + 1) / (self.width + 1)
            hidden = (starts + offset) % samples
            source[:, hidden] = torch.lerp(before, after, share)
            target[:, hidden] = y[:, hidden]
        return source, target

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Squared error over the hidden samples, times the share that they are of all; a scalar."""
        hidden = target.isfinite()
        error = torch.where(hidden, prediction - target.nan_to_num(), 0.0)
        return squared_loss(error, torch.zeros_like(error)) * hidden.numel() / hidden.sum()


@dataclass(frozen=True)
class Neighbours:
    """Neighbor2Neighbor (Huang et al. 2021): of two neighbouring samples a coin sends one to each of two half signals.

    The loss is ||f(g1(y)) - g2(y)||^2 + gamma ||f(g1(y)) - g2(y) - (g1(f(y)) - g2(f(y)))||^2, in whose second term f(y)
    is held fixed. Assumes noise that is independent from sample to sample, and signals that are smooth over two.

    The network learns from signals of half the rate. Structure of images is alike at many scales, and the authors apply
    theirs to the full rate; harmonics of a drive field are not. So f(y) passes both halves, see :func:`by_halves`.

    Args:
        gamma: weight of the second term, at least zero.

    Raises:
        ValueError: a negative weight; on a call, an odd number of samples.
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        checks.at_least(self.gamma, "gamma", 0)

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """Mean over the batch; a scalar."""
        y = one_of_both(u1, u2, generator)
        with torch.no_grad():
            denoised = by_halves(network, y)
        coins = torch.randint(2, (len(y), y.shape[1] // 2), generator=generator).bool().to(y.device)
        first, second = _halves(denoised, coins)
        source, target = _halves(y, coins)
        prediction = passed(network, source)
        return squared_loss(prediction, target) + self.gamma * squared_loss(prediction - target, first - second)


def by_halves(network: nn.Module, y: Tensor) -> Tensor:
    """What a network of half the rate makes of signals (B, N): of the even and of the odd samples, put together again.

    Raises:
        ValueError: an odd number of samples.
    """
    if y.shape[1] % 2:
        raise ValueError(f"signals must have an even number of samples, got {y.shape[1]}")
    halves = torch.cat([y[:, ::2], y[:, 1::2]])
    return torch.stack(passed(network, halves).chunk(2), dim=-1).flatten(1)


def _halves(u: Tensor, coins: Tensor) -> tuple[Tensor, Tensor]:
    """One sample of each two neighbours, and the other; each (B, N/2)."""
    left, right = u[:, ::2], u[:, 1::2]
    return torch.where(coins, left, right), torch.where(coins, right, left)
