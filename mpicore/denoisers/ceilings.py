"""Ceilings: what could be reached with clean signals. None of them is available in practice.

Each is shown noisy and clean signals in place of two noisy periods, and stands in the leaderboards to tell how much is
left to gain.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, of_kind, register
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.denoisers.signal_network import SignalNetworkDenoiser
from mpicore.denoisers.trained import Pairs
from mpicore.denoisers.whole_matrix import SpatialWiener
from mpicore.line_noise import line_noise
from mpicore.recordings import Recordings, SupervisedPairs, like_strength, rms
from mpicore.symmetry import from_sine_lines, sine_lines

if TYPE_CHECKING:
    from mpicore.losses import Scheme


Held = SupervisedPairs | None


@register("supervised")
class Supervised(SignalNetworkDenoiser):
    """The paper's network, trained to return the clean signal: squared loss. Assumes that clean signals are known."""

    supervised = True

    def scheme(self) -> "Scheme":
        """Noisy signals and clean ones, squared loss."""
        from mpicore import losses

        return losses.Supervised()

    def fit(
        self, noisy: Array, clean: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Train on noisy signals and clean ones, each (n, N)."""
        return super().fit(noisy, clean, validation, folder, progress)

    def pairs(self, u1: Array, u2: Array, validation: Any) -> tuple[Pairs, Pairs]:
        """Noisy signals with clean ones."""
        train, held = _parts(u1, u2, validation)
        self.samples = train.noisy.shape[1]
        return train, held


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
        self, noisy: Array, clean: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Train on noisy signals and clean ones, each (n, N)."""
        pairs, held = _parts(noisy, clean, validation, self.scanner.num_samples)
        # One of the two signals has all of the noise, where with two noisy periods each has half of it.
        noise = line_noise(Recordings(*pairs.arrays)).times(np.sqrt(2))
        return self._fit(pairs, held, noise, folder, progress)


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

    def fit(
        self, noisy: Array, clean: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Learn from noisy signals and clean ones, each (n, N)."""
        pairs = _pairs(noisy, clean)
        self.samples = pairs.noisy.shape[1]
        scale = rms(pairs.noisy, name="noisy")
        lines = sine_lines(pairs.clean / scale)
        noise = np.mean((sine_lines(pairs.noisy / scale) - lines).astype(np.float64) ** 2, axis=0)
        covariance = (lines.T @ lines).astype(np.float64) / len(lines)
        self._filter = np.linalg.solve(covariance + np.diag(noise), covariance).astype(np.float32)
        return self

    def denoise(self, u: Array) -> Float32:
        """Apply the filter, shape (n, N)."""
        gains = self.learned(self._filter)
        signals = self.checked(u)
        return from_sine_lines(sine_lines(signals) @ gains, signals.shape[1])


@register("oracle_dct_wiener")
class OracleSpatialWiener(SpatialWiener):
    """The spatial Wiener filter with the true power of every coefficient.

    No filter that multiplies these coefficients one by one can do better on average. Assumes that the clean matrix is
    known.
    """

    supervised = True

    def fit(
        self, noisy: Array, clean: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Learn from a noisy matrix and the clean one, each (P, N)."""
        pairs = _pairs(noisy, clean)
        self.samples = pairs.noisy.shape[1]
        self._check(pairs.noisy)
        self.units_of_noise(pairs.noisy, pairs.clean)
        deviation = self.learned(self.deviation)
        deviation *= np.sqrt(2)  # all of the difference is the noise of one period
        gains = np.square(self._transform(sine_lines(pairs.clean) / deviation))
        self.gains = gains / (gains + 1)
        return self


def _pairs(noisy: Array, clean: Array, length: int | None = None) -> SupervisedPairs:
    """Noisy signals and clean ones at the door of a fit."""
    pairs = SupervisedPairs(checks.signals(noisy, "noisy", length), clean)
    like_strength(pairs, ("noisy", "clean"))
    return pairs


def _parts(
    noisy: Array, clean: Array, validation: SupervisedPairs | None, length: int | None = None
) -> tuple[SupervisedPairs, SupervisedPairs]:
    """Pairs to learn from and pairs to choose with; without any given, the last tenth (at least one) is held out."""
    pairs, held = _pairs(noisy, clean, length), of_kind(validation, SupervisedPairs)
    if held is not None:
        checks.signals(held.noisy, "validation", length=pairs.noisy.shape[1])
        like_strength(held, ("the noisy validation", "the clean validation"))
        return pairs, held
    if len(pairs) < 2:
        raise ValueError("noisy and clean must hold at least 2 signals where no validation pairs are given, got 1")
    cut = len(pairs) - max(1, len(pairs) // 10)
    return (
        SupervisedPairs(pairs.noisy[:cut], pairs.clean[:cut]),
        SupervisedPairs(pairs.noisy[cut:], pairs.clean[cut:]),
    )
