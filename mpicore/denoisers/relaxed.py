"""Denoisers that know the scanner, for particles that follow the field late.

The relaxation time is estimated from the noisy pairs, the relaxation is undone, the method denoises what is left as it
would without relaxation, and the relaxation is put back. The noise that undoing raises at high frequencies is no loss:
these methods estimate the noise of each line, and weigh the lines by it.
"""

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import register
from mpicore.denoisers.forward_network import ForwardNoise2Noise
from mpicore.denoisers.gaussian_process import GaussianProcessWiener
from mpicore.recordings import Recordings
from mpicore.relaxation import debye_relaxation, estimate_relaxation_time, without_relaxation


class Relaxed:
    """Put before a denoiser with a scanner, this makes it one for signals with a first-order Debye relaxation."""

    relaxation_time = 0.0  #: as it was estimated [s]

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Estimate the relaxation time from the training pairs, then fit to the signals without it."""
        self.relaxation_time = estimate_relaxation_time(Recordings(u1, u2), self.scanner.sampling_frequency)
        if validation is not None:
            validation = Recordings(*(self._undone(u) for u in (validation.u1, validation.u2)))
        return super().fit(self._undone(u1), self._undone(u2), validation, folder, progress)

    def denoise(self, u):
        """The denoised signals as they were recorded, with their relaxation; shape (n, N)."""
        return debye_relaxation(super().denoise(self._undone(u)), self.relaxation_time, self.scanner.sampling_frequency)

    def distribution(self, u) -> np.ndarray:
        """The particle distribution behind each signal u (n, N), shape (n, ny, nx)."""
        return super().distribution(self._undone(u))

    def _undone(self, u):
        u = checks.signals(u, "u", length=self.scanner.num_samples)
        return without_relaxation(u, self.relaxation_time, self.scanner.sampling_frequency)

    def state(self):
        """What the method has learned, and the relaxation time."""
        return {**super().state(), "relaxation_time": np.array(self.relaxation_time)}

    def restore(self, state):
        """Take up the relaxation time and what the method has learned."""
        state = dict(state)
        self.relaxation_time = float(state.pop("relaxation_time"))
        return super().restore(state)


@register("relaxed_gp_wiener")
class RelaxedGaussianProcessWiener(Relaxed, GaussianProcessWiener):
    """:class:`~mpicore.denoisers.gaussian_process.GaussianProcessWiener` with one relaxation time for all particles.

    Assumes what that assumes, and cosine drive.
    """


@register("relaxed_forward_n2n")
class RelaxedForwardNoise2Noise(Relaxed, ForwardNoise2Noise):
    """:class:`~mpicore.denoisers.forward_network.ForwardNoise2Noise` with one relaxation time for all particles.

    Assumes what that assumes, and cosine drive.
    """
