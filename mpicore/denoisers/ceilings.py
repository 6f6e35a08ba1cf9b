"""Ceilings: what could be reached with clean signals. None of them is available in practice.

Each is shown noisy and clean signals in place of two noisy periods, and stands in the leaderboards to tell how much is
left to gain.
"""

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Denoiser, register
from mpicore.denoisers.calibration import MatrixDenoiser, SpatialWiener
from mpicore.denoisers.forward_network import ForwardNoise2Noise
from mpicore.denoisers.networks import NetworkDenoiser
from mpicore.forward import line_deviation
from mpicore.recordings import rms
from mpicore.symmetry import from_sine_lines, sine_lines


@register("supervised")
class Supervised(NetworkDenoiser):
    """The paper's network, trained to return the clean signal: squared loss. Assumes that clean signals are known."""

    knows = "clean signals"
    supervised = True


@register("forward_supervised")
class ForwardSupervised(ForwardNoise2Noise):
    """The network around the forward model, trained to return the clean signal: ||A g(u1) - u||^2.

    Assumes that clean signals, scanner and particles are known.
    """

    knows = "clean signals, the scanner and its particles"
    supervised = True
    scheme = "supervised"

    def noise_deviation(self, recordings):
        """One of the two signals has all of the noise, where with two noisy periods each has half of it."""
        return np.sqrt(2) * line_deviation(recordings)


@register("oracle_wiener")
class OracleWiener(Denoiser):
    """The best linear filter, C (C + S)^-1 on the sine lines, with the covariance C of the clean training signals.

    S is the noise power of each line, from the difference of noisy and clean signals. Assumes that clean signals are
    known, and enough of them for their covariance.
    """

    knows = "clean signals, the symmetry"
    supervised = True
    stored = False

    def __init__(self):
        self._filter = None

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Learn from noisy signals u1 and clean ones u2, each (n, N)."""
        scale = rms(u1)
        clean = sine_lines(u2 / scale)
        noise = np.mean((sine_lines(u1 / scale) - clean).astype(np.float64) ** 2, axis=0)
        covariance = (clean.T @ clean).astype(np.float64) / len(clean)
        self._filter = np.linalg.solve(covariance + np.diag(noise), covariance).astype(np.float32)
        return self

    def denoise(self, u):
        """Apply the filter, shape (n, N)."""
        if self._filter is None:
            raise ValueError(f"{self.name} must be fitted before it denoises")
        u = checks.signals(u, "u")
        return from_sine_lines(sine_lines(u) @ self._filter, u.shape[1])


@register("oracle_dct_wiener")
class OracleSpatialWiener(SpatialWiener):
    """The spatial Wiener filter with the true power of every coefficient.

    No filter that multiplies these coefficients one by one can do better on average. Assumes that the clean matrix is
    known.
    """

    knows = "the clean matrix"
    supervised = True

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Learn from a noisy matrix u1 and the clean one u2, each (P, N)."""
        MatrixDenoiser.fit(self, u1, u2)
        self.deviation *= np.sqrt(2)  # all of the difference is the noise of one period
        self.gains = np.square(self._transform(sine_lines(u2) / self.deviation))
        self.gains /= self.gains + 1
        return self

    def learn(self, y1, y2):
        """The gains follow from the clean matrix alone."""
