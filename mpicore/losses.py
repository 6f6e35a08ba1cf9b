"""The loss of eq. 7, and the training pair (input, target) of each self-supervised scheme.

All sums run over the samples of one period, so the weights alpha and beta do not depend on the scale of the signal.
"""

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from mpicore import checks


def gradient_difference(u: Tensor) -> Tensor:
    """Eq. 4 and 5: the sum over half a period of ``|u'(t) - u'(T - t)|``, which is zero for every clean signal.

    The absolute value is meant, though eq. 5 prints none. In samples an odd periodic signal has u[N-k] = -u[k], so its
    circular forward difference D[k] = u[k+1] - u[k] is mirrored as D[k] = D[N-1-k]. That is the exact discrete form;
    forward differences at t and T - t, taken literally, are one sample apart.

    Args:
        u: signals, shape (..., N).

    Returns:
        One value per signal, shape (...).
    """
    difference = _circular_difference(u)
    half = u.shape[-1] // 2
    return (difference - difference.flip(-1))[..., :half].abs().sum(-1)


def total_variation(u: Tensor) -> Tensor:
    """Eq. 6: the sum over one period of ``|u[k+1] - u[k]|``, circular.

    Args:
        u: signals, shape (..., N).

    Returns:
        One value per signal, shape (...).
    """
    return _circular_difference(u).abs().sum(-1)


def composed_loss(prediction: Tensor, target: Tensor, alpha: float = 0.05, beta: float = 0.01) -> Tensor:
    """Eq. 7: L1(f(u1), u2) + alpha L_GD(f(u1)) + beta L_TV(f(u1)), the mean over the batch.

    Args:
        prediction: f(u1), shape (B, N).
        target: u2, shape (B, N).
        alpha: weight of :func:`gradient_difference`, at least zero.
        beta: weight of :func:`total_variation`, at least zero.

    Returns:
        A scalar.

    Raises:
        ValueError: shapes that differ.

    Example:
        >>> composed_loss(torch.tensor([[0.0, 1, 0, -1]]), torch.tensor([[0.0, 1, 0, -2]]), alpha=0.05, beta=0)
        tensor(1.)
    """
    _one_shape(prediction, target)
    loss = (prediction - target).abs().sum(-1)
    if alpha:
        loss = loss + alpha * gradient_difference(prediction)
    if beta:
        loss = loss + beta * total_variation(prediction)
    return loss.mean()


def squared_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Sum of squared errors over the samples, mean over the batch: the loss of Noise2Noise and R2R. A scalar.

    Raises:
        ValueError: shapes that differ.
    """
    _one_shape(prediction, target)
    return (prediction - target).square().sum(-1).mean()


def two_period_pair(u1: Tensor, u2: Tensor, generator: torch.Generator, swap: bool = True) -> tuple[Tensor, Tensor]:
    """Noise2Noise (Lehtinen et al. 2018): one recorded period is the input, the other the target.

    The two periods have the same noise, so a coin per signal decides which is which.

    Args:
        u1, u2: two noisy periods, shape (B, N).
        generator: of the coins.
        swap: without it the first period is always the input, and nothing is drawn.

    Returns:
        input and target, each (B, N).
    """
    if not swap:
        return u1, u2
    coin = torch.rand(len(u1), 1, generator=generator).to(u1.device) < 0.5
    return torch.where(coin, u2, u1), torch.where(coin, u1, u2)


def recorrupted_pair(
    u1: Tensor, u2: Tensor, generator: torch.Generator, sigma: float, strength: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Recorrupted-to-Recorrupted (Pang et al. 2021): y + a z and y - z/a from one period y, with z ~ N(0, sigma^2).

    Their noises are uncorrelated only where the noise of y is white with standard deviation sigma. A coin per signal
    decides which of the two recorded periods is y.

    Args:
        u1, u2: two noisy periods, shape (B, N).
        generator: of the coins and of z.
        sigma: standard deviation of the noise, in the units of the signals.
        strength: a, positive.

    Returns:
        input and target, each (B, N).

    Raises:
        ValueError: a strength that is not positive.
    """
    checks.positive(strength, "strength")
    y, _ = two_period_pair(u1, u2, generator)
    z = sigma * torch.randn(y.shape, generator=generator, dtype=y.dtype).to(y.device)
    return y + strength * z, y - z / strength


class Scheme(Protocol):
    """What one method trains on. Every scheme runs in the same training loop.

    A scheme is told from another by its ``repr``: a checkpoint of another one is refused.
    """

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a network (B, 1, N) -> (B, 1, N) on two periods (B, N) of each object; a scalar.

        Everything random is drawn from the generator.
        """
        ...


class PairScheme:
    """A scheme that compares what the network makes of one signal with another signal."""

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Input and target, each (B, N), of two periods (B, N) each."""
        raise NotImplementedError

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """A scalar."""
        raise NotImplementedError

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of the prediction from the input, against the target."""
        source, target = self.pair(u1, u2, generator)
        return self.loss(passed(network, source), target)


def passed(network: nn.Module, u: Tensor) -> Tensor:
    """What a network makes of signals (B, N)."""
    denoised: Tensor = network(u[:, None])[:, 0]
    return denoised


@dataclass(frozen=True)
class Noise2Noise(PairScheme):
    """Pairs of two periods, squared loss (Lehtinen et al. 2018).

    Args:
        swap: see :func:`two_period_pair`.
    """

    swap: bool = True

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :func:`two_period_pair`."""
        return two_period_pair(u1, u2, generator, self.swap)

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :func:`squared_loss`."""
        return squared_loss(prediction, target)


@dataclass(frozen=True)
class Composed(PairScheme):
    """Pairs of two periods, the loss of eq. 7: the source paper's method.

    Args:
        alpha: weight of :func:`gradient_difference`, at least zero.
        beta: weight of :func:`total_variation`, at least zero.
        swap: see :func:`two_period_pair`.

    Raises:
        ValueError: a negative weight.
    """

    alpha: float = 0.05
    beta: float = 0.01
    swap: bool = True

    def __post_init__(self) -> None:
        checks.at_least(self.alpha, "alpha", 0)
        checks.at_least(self.beta, "beta", 0)

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :func:`two_period_pair`."""
        return two_period_pair(u1, u2, generator, self.swap)

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :func:`composed_loss`."""
        return composed_loss(prediction, target, self.alpha, self.beta)


@dataclass(frozen=True)
class Recorrupted(PairScheme):
    """Recorrupted pairs of one period, squared loss (Pang et al. 2021).

    Args:
        sigma: standard deviation of the noise in units of the RMS of a noisy period, at least zero.
        strength: a of the recorruption, positive.

    Raises:
        ValueError: a value out of range.
    """

    sigma: float
    strength: float = 0.5

    def __post_init__(self) -> None:
        checks.at_least(self.sigma, "sigma", 0)
        checks.positive(self.strength, "strength")

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :func:`recorrupted_pair`."""
        return recorrupted_pair(u1, u2, generator, self.sigma, self.strength)

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :func:`squared_loss`."""
        return squared_loss(prediction, target)


@dataclass(frozen=True)
class NumberedNoise2Noise:
    """Noise2Noise for a network that is given the numbers of images in place of the images.

    A pair is the number of an image in the first period and that in the second; the loss is the mean square of what the
    network makes of the one, minus the noisy image with the other number.

    Args:
        noisy: all images, shape (numbers, pixels).
        weights: of the pixels.
        data: what tells the images, and what else the network is given, from others.
    """

    noisy: Tensor = field(repr=False)
    weights: Tensor = field(repr=False)
    data: int

    def objective(self, network: nn.Module, u1: Tensor, u2: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of numbers (B, 1) of both periods; a coin per pair decides which is the input."""
        source, target = two_period_pair(u1, u2, generator)
        error = passed(network, source) - self.noisy[target[:, 0].long()]
        return (self.weights * error.square()).mean()


@dataclass(frozen=True)
class Supervised(PairScheme):
    """Noisy signals in, clean signals out, squared loss: for ceilings alone."""

    def pair(self, u1: Tensor, u2: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The noisy signal and the clean one, as they are."""
        return u1, u2

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :func:`squared_loss`."""
        return squared_loss(prediction, target)


def _circular_difference(u: Tensor) -> Tensor:
    return torch.roll(u, -1, -1) - u


def _one_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction and target must have one shape, got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
