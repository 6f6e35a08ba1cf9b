"""A Wiener filter that knows the scanner: the particle distribution is a Gaussian process, the signal its image."""

from itertools import product

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Denoiser, register
from mpicore.forward import ForwardModel, covariance_times, line_deviation
from mpicore.recordings import rms, split
from mpicore.scanner import Scanner
from mpicore.symmetry import sine_lines

#: Correlation lengths [m] and strengths of the prior, relative to the power of the recordings.
LENGTHS = (4e-3, 8e-3, 16e-3, 32e-3)
STRENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)


@register("gp_wiener")
class GaussianProcessWiener(Denoiser):
    """Wiener filter with the forward model and a smooth prior: C_z (C_z + I)^-1 with C_z = s A K A^T.

    Assumes that the scanner and the particles are known, that the noises of the two periods are independent, and that
    particle distributions are correlated over a length l, K = exp(-(abs(dx) + abs(dy)) / l). The noise spectrum is
    estimated from the difference of the periods; l and the strength s are chosen by the noisy validation error.

    Args:
        scanner: what is known of the measurement; default ``Scanner.cartesian()``.
        rank: of the forward model.
    """

    knows = "noisy pairs, the scanner and its particles"
    needs_scanner = True

    def __init__(self, scanner: Scanner | None = None, rank: int = 400):
        self.scanner, self.rank = scanner or Scanner.cartesian(), checks.count(rank, "rank")
        self.deviation = self.length = self.strength = self._filter = None

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Estimate the noise spectrum, and choose correlation length and strength."""
        train, held = split(u1, u2, validation)
        self.deviation = line_deviation(train)
        self.model = ForwardModel(self.scanner, deviation=self.deviation, rank=self.rank)
        scale = rms(held.u1)
        z1, z2 = (self.model.coordinates(u / scale) for u in (held.u1, held.u2))
        y1, y2 = (sine_lines(u / scale) for u in (held.u1, held.u2))
        power = max(float(np.mean(np.sum(z1 * z2, axis=1))), 1e-3)
        best = None
        for length, strength in product(LENGTHS, STRENGTHS):
            self._prepare(length, strength * power)
            predicted1, predicted2 = (self.model.lines(z @ self._filter) for z in (z1, z2))
            error = float(np.mean((predicted1 - y2) ** 2) + np.mean((predicted2 - y1) ** 2))
            if best is None or error < best[0]:
                best = error, length, strength * power
        self._prepare(*best[1:])
        return self

    def _prepare(self, length, power):
        """Filter of the coordinates for a prior of this correlation length and expected power of the coordinates."""
        self.length, self.power = float(length), float(power)
        model = self.model
        pixel = self.scanner.fov[0] / (model.shape[1] - 1)
        spread = covariance_times(model.matrix, model.shape, pixel, length)
        covariance = (spread @ model.matrix.T).astype(np.float64)
        factor = power / np.trace(covariance)
        inverse = np.linalg.inv(factor * covariance + np.eye(len(covariance)))
        self._filter = (inverse @ (factor * covariance)).astype(np.float32)
        self._posterior = (inverse @ (factor * spread)).astype(np.float32)

    def denoise(self, u):
        """Posterior mean of the signal, shape (n, N)."""
        u, scale = self._scaled(u)
        return self.model.signals(self.model.coordinates(u) @ self._filter) * scale

    def distribution(self, u) -> np.ndarray:
        """Posterior mean of the particle distribution, shape (n, ny, nx)."""
        u, scale = self._scaled(u)
        return self.model.images(self.model.coordinates(u) @ self._posterior) * scale[:, :, None]

    def _scaled(self, u):
        if self._filter is None:
            raise ValueError(f"{self.name} must be fitted before it denoises")
        u = checks.signals(u, "u", length=self.scanner.num_samples).astype(np.float32)
        scale = rms(u)
        return u / scale, scale

    def state(self):
        """Noise spectrum, correlation length and power."""
        return {"deviation": self.deviation, "prior": np.array([self.length, self.power])}

    def restore(self, state):
        """Take up noise spectrum and prior, and compute the filter from them."""
        self.deviation = np.array(state["deviation"], dtype=np.float64)
        self.model = ForwardModel(self.scanner, deviation=self.deviation, rank=self.rank)
        self._prepare(*np.array(state["prior"], dtype=np.float64))
        return self
