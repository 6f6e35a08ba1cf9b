"""The paper's network on the signal, under the schemes of self-supervision."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Array, Float32, Folder, State, register
from mpicore.denoisers.trained import Pairs, TrainedDenoiser, half_precision, load_weights
from mpicore.recordings import Recordings, binary_exponent, rms
from mpicore.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from mpicore.losses import Scheme


class SignalNetworkDenoiser(TrainedDenoiser):
    """A scheme of self-supervision with the encoder-decoder network (:class:`mpicore.network.EncoderDecoder`).

    Args:
        width, dropout, stride: of the network.
        normalise: always true: training and the network divide each signal by its own RMS, and no unit matters.
        seed: of the initial weights and of the training.
        training: a :class:`mpicore.settings.Settings`, or its keywords.
        device: ``auto``, ``cpu``, ``cuda``.
    """

    odd = False  #: the scheme assumes that clean signals are odd

    def __init__(
        self,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        from mpicore.network import EncoderDecoder

        super().__init__(width, dropout, seed, training, device)
        if normalise is not True:
            raise ValueError(
                f"normalise must be True, got {normalise!r}: a signal is trained and denoised in units of its own RMS"
            )
        self.normalise = True
        self.ready = False
        self.network = self.seeded(lambda: EncoderDecoder(width, dropout, stride))

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Train the network; without validation pairs the last tenth of the pairs (at least one) is held out."""
        pairs, held = self.pairs(u1, u2, validation)
        self.history = self.train(self.network, pairs, held, folder, progress)
        return self.restore(self.state())  # with the weights as they are stored, so that both denoise alike

    def pairs(self, u1: Array, u2: Array, validation: Any) -> tuple[Pairs, Pairs]:
        """Checked training and validation pairs; what the scheme needs before training is estimated from them."""
        return self.parts(u1, u2, validation, self.odd)

    def denoise(self, u: Array) -> Float32:
        """One pass of the network per signal, shape (n, N)."""
        self.learned(self.ready or None)
        signals = self.checked(u)
        exponent = binary_exponent(signals)  # no square over- or underflows, and no bit changes
        unit = np.ldexp(signals, -exponent).astype(np.float32)
        return np.ldexp(self.over_batches(self.network, unit, self._step), exponent).astype(np.float32)

    def _step(self, u: "Tensor") -> "Tensor":
        denoised: Tensor = self.network(u[:, None])[:, 0]
        return denoised

    def state(self) -> State:
        """The weights of the network, in half precision, and N."""
        return self.with_samples(half_precision(self.network))

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Load weights.

        Raises:
            ValueError: weights of another network.
        """
        load_weights(self.network, self.without_samples(state))
        self.ready = True
        return self


@register("n2n")
class Noise2Noise(SignalNetworkDenoiser):
    """Noise2Noise (Lehtinen et al. 2018): one period predicts the other, squared loss.

    Assumes that the noises of the two periods are independent and have zero mean.

    Args:
        swap: let a coin decide which period is the input; without it that is always the first.
        width, dropout, stride, normalise, seed, training, device: as for :class:`SignalNetworkDenoiser`.
    """

    def __init__(
        self,
        swap: bool = True,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.swap = bool(swap)
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """Pairs of two periods, squared loss."""
        from mpicore import losses

        return losses.Noise2Noise(self.swap)


@register("proposed")
class Proposed(SignalNetworkDenoiser):
    """The source paper's method: one period predicts the other under the composed loss of eq. 7.

    Assumes that the noises of the two periods are independent, with zero median, and that clean signals are odd.

    Args:
        alpha, beta: weights of eq. 7, at least zero.
        swap: as for :class:`Noise2Noise`.
        width, dropout, stride, normalise, seed, training, device: as for :class:`SignalNetworkDenoiser`.
    """

    odd = True

    def __init__(
        self,
        alpha: float = 0.05,
        beta: float = 0.01,
        swap: bool = True,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.alpha, self.beta = checks.at_least(alpha, "alpha", 0), checks.at_least(beta, "beta", 0)
        self.swap = bool(swap)
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """Pairs of two periods, the loss of eq. 7."""
        from mpicore import losses

        return losses.Composed(self.alpha, self.beta, self.swap)


@register("r2r")
class Recorrupted(SignalNetworkDenoiser):
    """Recorrupted-to-Recorrupted (Pang et al. 2021), and the mean over recorruptions when it denoises.

    Assumes white Gaussian noise. Its level relative to the signal is estimated from the differences of the training
    periods: the level of all noise together, white or not, or of its white floor. Every signal meets the same
    recorruptions.

    Args:
        strength: a of the recorruption, positive.
        floor: take the level of the white floor of the noise, see :func:`noise_level`.
        recorruptions: how many recorrupted copies of a signal are denoised and averaged.
        width, dropout, stride, normalise, seed, training, device: as for :class:`SignalNetworkDenoiser`.

    Attributes:
        sigma: noise level in units of the RMS of a noisy period, once fitted.
    """

    def __init__(
        self,
        strength: float = 0.5,
        floor: bool = False,
        recorruptions: int = 50,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.strength = checks.positive(strength, "strength")
        self.floor = bool(floor)
        self.recorruptions = checks.count(recorruptions, "recorruptions")
        self.sigma: float | None = None
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """Recorrupted pairs at the estimated level, squared loss."""
        from mpicore import losses

        return losses.Recorrupted(self.learned(self.sigma), self.strength)

    def pairs(self, u1: Array, u2: Array, validation: Any) -> tuple[Pairs, Pairs]:
        """Checked pairs, and the noise level."""
        train, held = super().pairs(u1, u2, validation)
        assert isinstance(train, Recordings)
        self.sigma = noise_level(train, self.floor)
        return train, held

    def _step(self, u: "Tensor") -> "Tensor":
        import torch

        generator = torch.Generator().manual_seed(0)
        level = self.strength * self.learned(self.sigma) * u.square().mean(dim=1, keepdim=True).sqrt()
        total = torch.zeros_like(u)
        for _ in range(self.recorruptions):
            z = torch.randn(u.shape[1], generator=generator)
            total += super()._step(u + level * z.to(u.device))
        return total / self.recorruptions

    def state(self) -> State:
        """The weights and the noise level."""
        return {**super().state(), "sigma": np.array(self.learned(self.sigma))}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Load weights and noise level.

        Raises:
            ValueError: weights of another network, or no noise level of at least zero.
        """
        (sigma,) = self.stored_values(state, "sigma")
        super().restore({name: value for name, value in state.items() if name != "sigma"})
        self.sigma = checks.at_least(sigma, "sigma", 0)
        return self


def noise_level(pairs: Recordings, floor: bool = False) -> float:
    """Standard deviation of the noise in units of the RMS of a noisy period, from half the power of u1 - u2.

    Args:
        pairs: two noisy periods of each object.
        floor: of the white floor alone: the median power of the lines of u1 - u2, over log 2, which few strong lines do
            not change. Of white noise both are the same level.

    Raises:
        ValueError: a zero signal.
    """
    powers: list[Array] = []
    for part in pairs.blocks():
        rms(part.u1, name="u1")  # refuses zero signals
        exponent = binary_exponent(part.u1)
        u1, u2 = (np.ldexp(u, -exponent) for u in part.arrays)
        if floor:
            lines = np.abs(np.fft.rfft(u1 - u2, axis=1)[:, 1:-1]) ** 2 / u1.shape[1]
            difference = np.median(lines, axis=1) / np.log(2)
        else:
            difference = np.mean((u1 - u2) ** 2, axis=1)
        powers.append(difference / np.mean(u1**2, axis=1))
    return float(np.sqrt(np.mean(np.concatenate(powers)) / 2))
