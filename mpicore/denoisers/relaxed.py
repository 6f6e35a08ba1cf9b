"""Denoisers that know the scanner, for particles that follow the field late.

The relaxation time is estimated from the noisy pairs, the relaxation is undone, the method denoises what is left as it
would without relaxation, and the relaxation is put back. The noise that undoing raises at high frequencies is no loss:
these methods estimate the noise of each line, and weigh the lines by it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, State, of_kind, register
from mpicore.denoisers.gaussian_process import GaussianProcessWiener
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.recordings import Recordings
from mpicore.relaxation import debye_relaxation, estimate_relaxation_time, without_relaxation
from mpicore.scanner import Scanner

if TYPE_CHECKING:

    class _ForEquilibrium(Denoiser):
        """A denoiser with a scanner for signals without relaxation."""

        scanner: Scanner

        def distribution(self, u: Array) -> Float32: ...

else:
    _ForEquilibrium = object


class Relaxed(_ForEquilibrium):
    """Put before a denoiser with a scanner, this makes it one for signals with a first-order Debye relaxation."""

    relaxation_time = 0.0  #: as it was estimated [s]

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the relaxation time from the training pairs, then fit to the signals without it."""
        held = of_kind(validation, Recordings)
        pairs = self.recorded(u1, u2, length=self.scanner.num_samples)
        self.relaxation_time = estimate_relaxation_time(pairs, self.scanner.sampling_frequency)
        if held is not None:
            held = Recordings(*(self._undone(u) for u in held.arrays))
        return super().fit(self._undone(pairs.u1), self._undone(pairs.u2), held, folder, progress)

    def denoise(self, u: Array) -> Float32:
        """The denoised signals as they were recorded, with their relaxation; shape (n, N)."""
        still = super().denoise(self._undone(u))
        return debye_relaxation(still, self.relaxation_time, self.scanner.sampling_frequency).astype(np.float32)

    def distribution(self, u: Array) -> Float32:
        """The particle distribution behind each signal u (n, N), shape (n, ny, nx)."""
        return super().distribution(self._undone(u))

    def _undone(self, u: Array) -> Array:
        signals = self.checked(u)
        return without_relaxation(signals, self.relaxation_time, self.scanner.sampling_frequency)

    def state(self) -> State:
        """What the method has learned, and the relaxation time."""
        return {**super().state(), "relaxation_time": np.array(self.relaxation_time)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the relaxation time and what the method has learned."""
        (time,) = self.stored_values(state, "relaxation_time")
        super().restore({name: value for name, value in state.items() if name != "relaxation_time"})
        self.relaxation_time = float(time)
        return self


@register("relaxed_gp_wiener")
class RelaxedGaussianProcessWiener(Relaxed, GaussianProcessWiener):
    """:class:`~mpicore.denoisers.gaussian_process.GaussianProcessWiener` with one relaxation time for all particles.

    Assumes what that assumes, and cosine drive.
    """


@register("relaxed_forward_n2n")
class RelaxedForwardNoise2Noise(Relaxed, ForwardNoise2Noise):
    """:class:`~mpicore.denoisers.image_network.ForwardNoise2Noise` with one relaxation time for all particles.

    Assumes what that assumes, and cosine drive.
    """
