"""Wiener filters of the spectrum, line by line, from the cross-power of two noisy periods."""

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Denoiser, register
from mpicore.recordings import rms
from mpicore.symmetry import odd_part


@register("wiener")
class SpectralWiener(Denoiser):
    """Each spectral line is multiplied by its share of signal: H = S12 / S11.

    S12 is the cross-power of the two periods, which holds no noise on average, and S11 the power of one of them, both
    as means over the training pairs in units of each period's power. Assumes that the noises of the two periods are
    independent and that all signals share one mean spectrum.
    """

    antisymmetric = False

    def __init__(self):
        self.gains = None

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Estimate the gains from the training pairs; there is no parameter to choose."""
        cross = power = 0.0
        for start in range(0, len(u1), 1000):
            first, second = u1[start : start + 1000], u2[start : start + 1000]
            scale = rms(first)
            first, second = (np.fft.rfft(self.prepare(u / scale), axis=1) for u in (first, second))
            cross = cross + np.sum((first * second.conj()).real, axis=0, dtype=np.float64)
            power = power + np.sum(np.abs(first) ** 2 + np.abs(second) ** 2, axis=0, dtype=np.float64) / 2
        self.gains = np.clip(cross / np.where(power > 0, power, 1), 0, 1)
        return self

    def prepare(self, u):
        """What the gains apply to."""
        return odd_part(u) if self.antisymmetric else u

    def denoise(self, u):
        """Multiply the spectrum by the gains, shape (n, N)."""
        if self.gains is None:
            raise ValueError(f"{self.name} must be fitted before it denoises")
        u = self.prepare(checks.signals(u, "u"))
        return np.fft.irfft(self.gains * np.fft.rfft(u, axis=1), u.shape[1], axis=1).astype(np.float32)

    def state(self):
        """The gains, shape (N // 2 + 1,)."""
        return {"gains": self.gains}

    def restore(self, state):
        """Take up the gains."""
        self.gains = np.array(state["gains"])
        return self


@register("wiener_antisymmetric")
class AntisymmetricWiener(SpectralWiener):
    """The same after projection on odd signals, whose spectrum is purely imaginary.

    Assumes cosine drive as well.
    """

    knows = "noisy pairs, the symmetry"
    antisymmetric = True
