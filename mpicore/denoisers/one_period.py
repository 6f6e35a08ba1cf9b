"""The paper's network under schemes that learn from one noisy period of each object."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpicore import checks
from mpicore.denoisers.base import Array, register
from mpicore.denoisers.signal_network import SignalNetworkDenoiser, noise_level
from mpicore.denoisers.trained import Pairs
from mpicore.recordings import Recordings
from mpicore.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mpicore.losses import Scheme


@register("sure")
class SteinsRisk(SignalNetworkDenoiser):
    """Stein's unbiased risk estimate (Stein 1981) with a random divergence (Ramani et al. 2008).

    Assumes white Gaussian noise. Its level relative to the signal is estimated from the differences of the training
    periods.

    Args:
        floor: take the level of the white floor of the noise, see
            :func:`~mpicore.denoisers.signal_network.noise_level`.
        width, dropout, stride, normalise, seed, training, device: as for
            :class:`~mpicore.denoisers.signal_network.SignalNetworkDenoiser`.

    Attributes:
        sigma: noise level in units of the RMS of a noisy period, once fitted.
    """

    def __init__(
        self,
        floor: bool = False,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.floor = bool(floor)
        self.sigma: float | None = None
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """The risk at the estimated level."""
        from mpicore import one_period

        return one_period.SteinsRisk(self.learned(self.sigma))

    def pairs(self, u1: Array, u2: Array, validation: Any) -> tuple[Pairs, Pairs]:
        """Checked pairs, and the noise level."""
        train, held = super().pairs(u1, u2, validation)
        assert isinstance(train, Recordings)
        self.sigma = noise_level(train, self.floor)
        return train, held


@register("unsure")
class UnknownLevel(SignalNetworkDenoiser):
    """UNSURE (Tachella et al. 2025): the risk estimate without a noise level.

    Assumes white Gaussian noise of any one level.
    """

    def scheme(self) -> "Scheme":
        """The risk, with a multiplier in the place of the noise power."""
        from mpicore import one_period

        return one_period.UnknownLevel()

    def train(
        self, network: "nn.Module", pairs: Pairs, held: Pairs, folder: str | Path | None, progress: bool
    ) -> list[dict[str, Any]]:
        """Train a network and its multiplier in place; returns the history."""
        from mpicore.one_period import Levelled

        return super().train(Levelled(network), pairs, held, folder, progress)


@register("noise2void")
class BlindSpots(SignalNetworkDenoiser):
    """Noise2Void (Krull et al. 2019; structured masks: Broaddus et al. 2020).

    Assumes noise that is independent over more than ``hidden`` samples, and has zero mean.

    Args:
        spacing: samples from one hidden stretch to the next.
        hidden: samples that are hidden together, below the spacing.
        width, dropout, stride, normalise, seed, training, device: as for
            :class:`~mpicore.denoisers.signal_network.SignalNetworkDenoiser`.
    """

    def __init__(
        self,
        spacing: int = 16,
        hidden: int = 1,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        from mpicore import one_period

        self._scheme = one_period.BlindSpots(spacing, hidden)
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """Hidden stretches, squared loss."""
        return self._scheme


@register("neighbor2neighbor")
class Neighbours(SignalNetworkDenoiser):
    """Neighbor2Neighbor (Huang et al. 2021).

    Assumes noise that is independent from sample to sample, and signals that are smooth over two. It learns at half the
    rate, and denoises the even and the odd samples on their own (:func:`mpicore.one_period.by_halves`).

    Args:
        gamma: weight of the second term of its loss, at least zero.
        width, dropout, stride, normalise, seed, training, device: as for
            :class:`~mpicore.denoisers.signal_network.SignalNetworkDenoiser`.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        width: int = 16,
        dropout: float = 0.0,
        stride: int = 2,
        normalise: bool = True,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        self.gamma = checks.at_least(gamma, "gamma", 0)
        super().__init__(width, dropout, stride, normalise, seed, training, device)

    def scheme(self) -> "Scheme":
        """Half signals, squared loss."""
        from mpicore import one_period

        return one_period.Neighbours(self.gamma)

    def _step(self, u: "Tensor") -> "Tensor":
        from mpicore import one_period

        return one_period.by_halves(self.network, u)
