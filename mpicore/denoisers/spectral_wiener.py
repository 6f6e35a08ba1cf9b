"""Wiener filters of the spectrum, line by line, from the cross-power of two noisy periods."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, Held, State, register
from mpicore.recordings import rms
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import odd_part, require_odd


@register("wiener")
class SpectralWiener(Denoiser):
    """Each spectral line is multiplied by its share of signal: H = S12 / S11.

    S12 is the cross-power of the two periods, which holds no noise on average, and S11 the power of one of them, both
    as means over the training pairs in units of each period's power. Assumes that the noises of the two periods are
    independent and that all signals share one mean spectrum.
    """

    antisymmetric = False

    def __init__(self) -> None:
        super().__init__()
        self.gains: NDArray[np.float64] | None = None

    def fit(
        self, u1: Array, u2: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the gains from the training pairs; there is no parameter to choose."""
        pairs = self.recorded(u1, u2, odd=self.antisymmetric)
        cross, power = np.zeros((2, pairs.u1.shape[1] // 2 + 1))
        for start in range(0, len(pairs), 1000):
            rows = slice(start, start + 1000)
            scale = rms(pairs.u1[rows], name="u1")
            first, second = (np.fft.rfft(self.prepare(u[rows] / scale), axis=1) for u in (pairs.u1, pairs.u2))
            cross = cross + np.sum((first * second.conj()).real, axis=0, dtype=np.float64)
            power = power + np.sum(np.abs(first) ** 2 + np.abs(second) ** 2, axis=0, dtype=np.float64) / 2
        self.gains = np.clip(cross / np.where(power > 0, power, 1), 0, 1)
        return self

    def prepare(self, u: Array) -> Array:
        """What the gains apply to."""
        return odd_part(u) if self.antisymmetric else u

    def denoise(self, u: Array) -> Float32:
        """Multiply the spectrum by the gains, shape (n, N)."""
        gains = self.learned(self.gains)
        signals = self.checked(u)
        if signals.shape[1] // 2 + 1 != len(gains):
            raise ValueError(f"u must have the {len(gains)} lines of the fit, got {signals.shape[1] // 2 + 1}")
        spectrum = np.fft.rfft(self.prepare(signals), axis=1)
        return np.fft.irfft(gains * spectrum, signals.shape[1], axis=1).astype(np.float32)

    def state(self) -> State:
        """The gains, shape (N // 2 + 1,), and N."""
        return self.with_samples({"gains": self.learned(self.gains)})

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the gains."""
        (self.gains,) = self.stored_values(self.without_samples(state), "gains")
        return self


@register("wiener_antisymmetric")
class AntisymmetricWiener(SpectralWiener):
    """The same after projection on odd signals, whose spectrum is purely imaginary.

    Assumes cosine drive as well.

    Args:
        sequence: of the scanner, if it is known: one whose signals are not odd is refused.

    Raises:
        ValueError: such a sequence.
    """

    antisymmetric = True
    needs_odd = True

    def __init__(self, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__()
        if sequence is not None:
            require_odd(sequence, self.name)
