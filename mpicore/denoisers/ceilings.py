"""Ceilings: what could be reached with clean signals. None of them is available in practice.

Each is shown noisy and clean signals in place of two noisy periods, and stands in the leaderboards to tell how much is
left to gain.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32, register
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.denoisers.signal_network import SignalNetworkDenoiser
from mpicore.denoisers.trained import Pairs
from mpicore.denoisers.whole_matrix import SpatialWiener
from mpicore.forward import line_deviation
from mpicore.recordings import Recordings, SupervisedPairs, rms, split
from mpicore.symmetry import from_sine_lines, sine_lines

if TYPE_CHECKING:
    from mpicore.losses import Scheme


@register("supervised")
class Supervised(SignalNetworkDenoiser):
    """The paper's network, trained to return the clean signal: squared loss. Assumes that clean signals are known."""

    supervised = True

    def scheme(self) -> "Scheme":
        """Noisy signals and clean ones, squared loss."""
        from mpicore import losses

        return losses.Supervised()

    def pairs(self, u1: Array, u2: Array, validation: Any) -> tuple[Pairs, Pairs]:
        """Noisy signals with clean ones."""
        return _supervised(u1, u2, validation)


@register("forward_supervised")
class ForwardSupervised(ForwardNoise2Noise):
    """The network around the forward model, trained to return the clean signal: ||A g(u1) - u||^2.

    Assumes that clean signals, scanner and particles are known.
    """

    supervised = True

    def scheme(self) -> "Scheme":
        """Noisy signals and clean ones, squared loss."""
        from mpicore import losses

        return losses.Supervised()

    def fit(
        self,
        u1: Array,
        u2: Array,
        validation: Any = None,
        folder: str | Path | None = None,
        progress: bool = False,
    ) -> Self:
        """Train on noisy signals u1 and clean ones u2, each (n, N)."""
        pairs, held = (Recordings(*part.arrays) for part in _supervised(u1, u2, validation))
        # One of the two signals has all of the noise, where with two noisy periods each has half of it.
        return self._fit(pairs, held, np.sqrt(2) * line_deviation(pairs), folder, progress)


@register("oracle_wiener")
class OracleWiener(Denoiser):
    """The best linear filter, C (C + S)^-1 on the sine lines, with the covariance C of the clean training signals.

    S is the noise power of each line, from the difference of noisy and clean signals. Assumes that clean signals are
    known, and enough of them for their covariance.
    """

    supervised = True
    stored = False

    def __init__(self) -> None:
        super().__init__()
        self._filter: Float32 | None = None
        self.samples: int | None = None

    def fit(
        self,
        u1: Array,
        u2: Array,
        validation: Any = None,
        folder: str | Path | None = None,
        progress: bool = False,
    ) -> Self:
        """Learn from noisy signals u1 and clean ones u2, each (n, N)."""
        pairs = SupervisedPairs(u1, u2)
        self.samples = pairs.noisy.shape[1]
        scale = rms(pairs.noisy)
        clean = sine_lines(pairs.clean / scale)
        noise = np.mean((sine_lines(pairs.noisy / scale) - clean).astype(np.float64) ** 2, axis=0)
        covariance = (clean.T @ clean).astype(np.float64) / len(clean)
        self._filter = np.linalg.solve(covariance + np.diag(noise), covariance).astype(np.float32)
        return self

    def denoise(self, u: Array) -> Float32:
        """Apply the filter, shape (n, N)."""
        gains = self.learned(self._filter)
        signals = checks.signals(u, "u", length=self.samples)
        return from_sine_lines(sine_lines(signals) @ gains, signals.shape[1])


@register("oracle_dct_wiener")
class OracleSpatialWiener(SpatialWiener):
    """The spatial Wiener filter with the true power of every coefficient.

    No filter that multiplies these coefficients one by one can do better on average. Assumes that the clean matrix is
    known.
    """

    supervised = True

    def fit(
        self,
        u1: Array,
        u2: Array,
        validation: Any = None,
        folder: str | Path | None = None,
        progress: bool = False,
    ) -> Self:
        """Learn from a noisy matrix u1 and the clean one u2, each (P, N)."""
        pairs = SupervisedPairs(u1, u2)
        self._check(pairs.noisy)
        self.units_of_noise(pairs.noisy, pairs.clean)
        deviation = self.learned(self.deviation)
        deviation *= np.sqrt(2)  # all of the difference is the noise of one period
        gains = np.square(self._transform(sine_lines(pairs.clean) / deviation))
        self.gains = gains / (gains + 1)
        return self


def _supervised(noisy: Array, clean: Array, validation: Any) -> tuple[SupervisedPairs, SupervisedPairs]:
    """Pairs to learn from and pairs to choose with, noisy signals with clean ones."""
    if isinstance(validation, SupervisedPairs):
        return SupervisedPairs(noisy, clean), validation
    train, held = split(noisy, clean, validation)
    return SupervisedPairs(*train.arrays), SupervisedPairs(*held.arrays)
