"""A Wiener filter that knows the scanner: the particle distribution is a Gaussian process, the signal its image."""

from collections.abc import Mapping
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, Held, State, register
from mpicore.forward import ForwardModel, covariance_times
from mpicore.line_noise import LineNoise, line_noise
from mpicore.recordings import rms
from mpicore.scanner import Particle, Scanner
from mpicore.symmetry import require_odd, sine_lines

#: Correlation lengths [m] and strengths of the prior, relative to the power of the recordings.
LENGTHS = (4e-3, 8e-3, 16e-3, 32e-3)
STRENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)


@register("gp_wiener")
class GaussianProcessWiener(Denoiser):
    """Wiener filter with the forward model and a smooth prior: C_z (C_z + I)^-1 with C_z = s A K A^T.

    Assumes that the scanner and the particles are known, that the noises of the two periods are independent, and that
    particle distributions are correlated over a length l, K = exp(-(abs(dx) + abs(dy)) / l). The noise of the lines is
    estimated from the difference of the periods; l and the strength s are chosen by the noisy validation error.

    Args:
        scanner, particle: what is known of the measurement; default ``Scanner.cartesian()`` and ``Particle()``.
        rank: of the forward model.

    Raises:
        ValueError: a scanner whose signals are not odd.
    """

    needs_scanner = True
    needs_odd = True

    def __init__(self, scanner: Scanner | None = None, particle: Particle | None = None, rank: int = 400) -> None:
        super().__init__()
        self.scanner = self.known(scanner or Scanner.cartesian())
        self.particle, self.rank = particle or Particle(), checks.count(rank, "rank")
        self.samples = self.scanner.num_samples
        self.length = self.power = 0.0
        self._model: ForwardModel | None = None
        self._filter: Float32 | None = None
        self._posterior: Float32 | None = None

    def known(self, scanner: Scanner) -> Scanner:
        """The scanner, if its signals are odd."""
        return require_odd(scanner, self.name)

    def fit(
        self, u1: Array, u2: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the noise spectrum, and choose correlation length and strength."""
        train, held = self.parts(u1, u2, validation, odd=True, length=self.scanner.num_samples)
        model = self._model = ForwardModel(self.scanner, self.particle, line_noise(train), self.rank)
        scale = rms(held.u1, name="the first validation period")
        z1, z2 = (model.coordinates(u / scale) for u in (held.u1, held.u2))
        y1, y2 = (sine_lines(u / scale) for u in (held.u1, held.u2))
        power = max(float(np.mean(np.sum(z1 * z2, axis=1))), 1e-3)
        best = np.inf, LENGTHS[0], power
        for length, strength in product(LENGTHS, STRENGTHS):
            gains, _ = self._prior(model, length, strength * power)
            predicted1, predicted2 = (model.lines(z @ gains) for z in (z1, z2))
            error = float(np.mean((predicted1 - y2) ** 2) + np.mean((predicted2 - y1) ** 2))
            if error < best[0]:
                best = error, length, strength * power
        self._prepare(model, *best[1:])
        return self

    def _prepare(self, model: ForwardModel, length: float, power: float) -> None:
        self.length, self.power = float(length), float(power)
        self._filter, self._posterior = self._prior(model, self.length, self.power)

    def _prior(self, model: ForwardModel, length: float, power: float) -> tuple[Float32, Float32]:
        """Filter of the coordinates, and posterior mean of the distribution from them.

        Both are for a correlation length and an expected power of the coordinates.
        """
        pixel = self.scanner.fov[0] / (model.shape[1] - 1)
        spread = covariance_times(model.matrix, model.shape, pixel, length)
        covariance = (spread @ model.matrix.T).astype(np.float64)
        factor = power / np.trace(covariance)
        inverse = np.linalg.inv(factor * covariance + np.eye(len(covariance)))
        gains, posterior = inverse @ (factor * covariance), inverse @ (factor * spread)
        return gains.astype(np.float32), posterior.astype(np.float32)

    def denoise(self, u: Array) -> Float32:
        """Posterior mean of the signal, shape (n, N)."""
        model, gains = self.learned(self._model), self.learned(self._filter)
        signals, scale = self._scaled(u)
        return model.signals(model.coordinates(signals) @ gains) * scale

    def distribution(self, u: Array) -> Float32:
        """Posterior mean of the particle distribution, shape (n, ny, nx)."""
        model, posterior = self.learned(self._model), self.learned(self._posterior)
        signals, scale = self._scaled(u)
        return model.images(model.coordinates(signals) @ posterior) * scale[:, :, None]

    def _scaled(self, u: Array) -> tuple[Float32, Float32]:
        signals = self.checked(u).astype(np.float32)
        scale = rms(signals).astype(np.float32)
        return (signals / scale).astype(np.float32), scale

    def state(self) -> State:
        """Noise spectrum, correlation length and power."""
        return {**self.learned(self._model).noise.state(), "prior": np.array([self.length, self.power])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up noise spectrum and prior, and compute the filter from them."""
        _, prior = self.stored_values(state, "deviation", "prior")
        self._model = ForwardModel(self.scanner, self.particle, LineNoise.restore(state), self.rank)
        length, power = prior.astype(np.float64)
        self._prepare(self._model, float(length), float(power))
        return self
