"""Noise2Noise through the forward model: a network on the particle distribution, judged by the other period."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Array, Float32, Folder, State, register
from mpicore.denoisers.trained import Pairs, TrainedDenoiser, half_precision, load_weights
from mpicore.forward import ForwardModel, covariance_times
from mpicore.line_noise import LineNoise, line_noise
from mpicore.recordings import Recordings, SupervisedPairs, rms
from mpicore.scanner import Particle, Scanner
from mpicore.settings import Settings
from mpicore.symmetry import require_odd

if TYPE_CHECKING:
    from torch import Tensor

    from mpicore.losses import Scheme
    from mpicore.unet import ForwardNetwork

#: Correlation length of the linear estimates [m], and how much noise each is told in units of what there is.
_LENGTH, _NOISES = 8e-3, (1.0, 0.1)


@register("forward_n2n")
class ForwardNoise2Noise(TrainedDenoiser):
    """u1 -> linear estimates of the distribution -> small U-Net -> times A -> denoised signal, compared with u2.

    The loss is the squared difference of the coordinates (:class:`mpicore.forward.ForwardModel`), weighted by the
    estimated noise of the lines: ||A g(u1) - u2||^2 and its swap. Whatever the network does, what comes out is a signal
    that the scanner can produce. Assumes that scanner and particles are known and that the noises of the two periods
    are independent with zero mean.

    Args:
        scanner, particle: what is known of the measurement; default ``Scanner.cartesian()`` and ``Particle()``.
        rank: of the forward model.
        nonnegative: keep the distribution from being negative.
        width, dropout: of :class:`mpicore.unet.UNet`.
        seed: of the initial weights and of the training.
        training: a :class:`mpicore.settings.Settings`, or its keywords.
        device: ``auto``, ``cpu``, ``cuda``.

    Raises:
        ValueError: a scanner whose signals are not odd.
    """

    needs_scanner = True
    needs_odd = True
    batch = 50

    def __init__(
        self,
        scanner: Scanner | None = None,
        particle: Particle | None = None,
        rank: int = 400,
        nonnegative: bool = False,
        width: int = 16,
        dropout: float = 0.0,
        seed: int = 0,
        training: Settings | Mapping[str, Any] | None = None,
        device: str = "auto",
    ) -> None:
        super().__init__(width, dropout, seed, training, device)
        self.scanner = self.known(scanner or Scanner.cartesian())
        self.particle, self.rank = particle or Particle(), checks.count(rank, "rank")
        self.samples = self.scanner.num_samples
        self.nonnegative = bool(nonnegative)
        self.model: ForwardModel | None = None
        self.network: ForwardNetwork | None = None
        self.power = 0.0

    def known(self, scanner: Scanner) -> Scanner:
        """The scanner, if its signals are odd."""
        return require_odd(scanner, self.name)

    def scheme(self) -> "Scheme":
        """Pairs of two periods, squared loss."""
        from mpicore import losses

        return losses.Noise2Noise()

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the noise of the lines, build the network around the forward model, and train it."""
        recordings, held = self.parts(u1, u2, validation, odd=True, length=self.scanner.num_samples)
        return self._fit(recordings, held, line_noise(recordings), folder, progress)

    def _fit(self, pairs: Pairs, held: Pairs, noise: LineNoise, folder: str | Path | None, progress: bool) -> Self:
        """Train for a noise of the sine lines, in units of the RMS of a noisy period."""
        model = self.model = ForwardModel(self.scanner, self.particle, noise.stored(), self.rank)
        first, second = (self._coordinates(model, part) for part in (pairs, held))
        power = float(np.mean(np.sum(np.multiply(*first.arrays), axis=1, dtype=np.float64)))
        network = self._build(model, power)
        self.history = self.train(network, first, second, folder, progress)
        return self.restore(self.state())  # with the weights as they are stored, so that both denoise alike

    def _coordinates(self, model: ForwardModel, pairs: Pairs) -> Pairs:
        scale = rms(pairs.arrays[0])
        kind = SupervisedPairs if isinstance(pairs, SupervisedPairs) else Recordings
        return kind(*(model.coordinates(u / scale) for u in pairs.arrays))

    def _build(self, model: ForwardModel, power: float) -> "ForwardNetwork":
        """The network for a model and an expected power of the coordinates."""
        from mpicore.unet import ForwardNetwork

        self.power = power
        pixel = self.scanner.fov[0] / (model.shape[1] - 1)
        spread = covariance_times(model.matrix, model.shape, pixel, _LENGTH)
        covariance = (spread @ model.matrix.T).astype(np.float64)
        # Half the power of the coordinates: edges make distributions rougher than the prior says.
        factor = max(power, 1e-3) / 2 / np.trace(covariance)
        eye = np.eye(len(covariance))
        estimates = [np.linalg.solve(factor * covariance + noise * eye, factor * spread) for noise in _NOISES]
        network = self.seeded(
            lambda: ForwardNetwork(
                np.stack(estimates), model.matrix, model.shape, self.width, self.dropout, self.nonnegative
            )
        )
        assert isinstance(network, ForwardNetwork)
        self.network = network
        return network

    def denoise(self, u: Array) -> Float32:
        """One pass of the network per signal, shape (n, N)."""
        model, network = self.learned(self.model), self.learned(self.network)
        return self._pass(u, lambda z: network(z[:, None])[:, 0], model.signals)

    def distribution(self, u: Array) -> Float32:
        """The particle distribution behind each signal u (n, N), shape (n, ny, nx)."""
        model, network = self.learned(self.model), self.learned(self.network)
        return self._pass(u, lambda z: network.distribution(z).flatten(1), model.images)

    def _pass(self, u: Array, step: Callable[["Tensor"], "Tensor"], finish: Callable[[Float32], Float32]) -> Float32:
        model, network = self.learned(self.model), self.learned(self.network)
        signals = self.checked(u).astype(np.float32)
        found: list[Array] = []
        for start in range(0, len(signals), self.batch):
            part = signals[start : start + self.batch]
            scale = rms(part)
            made = finish(self.over_batches(network, model.coordinates(part / scale), step))
            found.append(made * scale.reshape(-1, *[1] * (made.ndim - 1)))
        return np.concatenate(found)

    def state(self) -> State:
        """Weights of the U-Net in half precision, noise of the lines and power."""
        weights = half_precision(self.learned(self.network).unet)
        return {**weights, **self.learned(self.model).noise.state(), "power": np.array(self.power)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up noise and weights; the rest follows from the scanner.

        Raises:
            ValueError: weights of another network, or a part is missing.
        """
        _, power = self.stored_values(state, "deviation", "power")
        weights = {name: value for name, value in state.items() if name not in ("deviation", "factors", "power")}
        noise = LineNoise.restore(state)
        if self.model is None or not self.model.noise.equals(noise):
            self.model = ForwardModel(self.scanner, self.particle, noise, self.rank)
        load_weights(self._build(self.model, float(power)).unet, weights)
        return self
