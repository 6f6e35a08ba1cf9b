"""Noise2Noise through the forward model: a network on the particle distribution, judged by the other period."""

import numpy as np
import torch

from mpicore import checks
from mpicore.denoisers.base import Denoiser, register
from mpicore.forward import ForwardModel, covariance_times, line_deviation
from mpicore.losses import scheme
from mpicore.recordings import Recordings, rms, split
from mpicore.scanner import Scanner
from mpicore.seeds import branch
from mpicore.training import Settings, resolve_device, train
from mpicore.unet import ForwardNetwork

_BATCH = 50
#: Correlation length of the linear estimates [m], and how much noise each is told in units of what there is.
_LENGTH, _NOISES = 8e-3, (1.0, 0.1)


@register("forward_n2n")
class ForwardNoise2Noise(Denoiser):
    """u1 -> linear estimates of the distribution -> small U-Net -> times A -> denoised signal, compared with u2.

    The loss is the squared difference of the coordinates (:class:`mpicore.forward.ForwardModel`), weighted by the
    estimated noise spectrum: ||A g(u1) - u2||^2 and its swap. Whatever the network does, what comes out is a signal
    that the scanner can produce. Assumes that scanner and particles are known and that the noises of the two periods
    are independent with zero mean.

    Args:
        scanner: what is known of the measurement; default ``Scanner.cartesian()``.
        rank: of the forward model.
        nonnegative: keep the distribution from being negative.
        width, dropout: of :class:`mpicore.unet.UNet`.
        seed: of the initial weights and of the training.
        training: keywords of :class:`mpicore.training.Settings`.
        device: ``auto``, ``cpu``, ``cuda``.
    """

    knows = "noisy pairs, the scanner and its particles"
    needs_scanner = True
    scheme = "n2n"  #: of :func:`mpicore.losses.scheme`

    def __init__(
        self, scanner: Scanner | None = None, rank: int = 400, nonnegative: bool = False, width: int = 16,
        dropout: float = 0.0, seed: int = 0, training=None, device="auto",
    ):  # fmt: skip
        self.scanner, self.rank = scanner or Scanner.cartesian(), checks.count(rank, "rank")
        self.nonnegative, self.width, self.dropout = bool(nonnegative), checks.count(width, "width"), dropout
        self.settings = Settings(**(training or {}))
        self.seed, self.device = seed, device
        branch(seed)
        self.model = self.network = None

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Estimate the noise spectrum, build the network around the forward model, and train it."""
        recordings, held = split(u1, u2, validation)
        deviation = self.noise_deviation(recordings).astype(np.float32)  # as it is stored
        self.model = ForwardModel(self.scanner, deviation=deviation, rank=self.rank)
        pairs, held = (self._coordinates(part) for part in (recordings, held))
        power = float(np.mean(np.sum(pairs.u1 * pairs.u2, axis=1, dtype=np.float64)))
        self._build(deviation, power)
        self.history = train(
            self.network, scheme(self.scheme), pairs, held, self.settings, self.seed,
            folder=folder, device=self.device, progress=progress, label=self.name,
        )  # fmt: skip
        return self.restore(self.state())  # with the weights as they are stored, so that both denoise alike

    def noise_deviation(self, recordings: Recordings) -> np.ndarray:
        """Standard deviation of the noise in each sine line, in units of the RMS of a noisy period."""
        return line_deviation(recordings)

    def _coordinates(self, pairs):
        scale = rms(pairs.u1)
        return Recordings(*(self.model.coordinates(u / scale) for u in (pairs.u1, pairs.u2)))

    def _build(self, deviation, power):
        """The network for a noise spectrum and an expected power of the coordinates."""
        self.deviation, self.power = np.asarray(deviation, dtype=np.float32), power
        model = self.model
        pixel = self.scanner.fov[0] / (model.shape[1] - 1)
        spread = covariance_times(model.matrix, model.shape, pixel, _LENGTH)
        covariance = (spread @ model.matrix.T).astype(np.float64)
        # Half the power of the coordinates: edges make distributions rougher than the prior says.
        factor = max(power, 1e-3) / 2 / np.trace(covariance)
        eye = np.eye(len(covariance))
        estimates = [np.linalg.solve(factor * covariance + noise * eye, factor * spread) for noise in _NOISES]
        with torch.random.fork_rng():
            torch.manual_seed(int(branch(self.seed, "weights").generate_state(1)[0]))
            self.network = ForwardNetwork(
                np.stack(estimates), model.matrix, model.shape, self.width, self.dropout, self.nonnegative
            ).eval()

    def denoise(self, u):
        """One pass of the network per signal, shape (n, N)."""
        return self._pass(u, lambda z: self.network(z[:, None])[:, 0], self.model and self.model.signals)

    def distribution(self, u) -> np.ndarray:
        """The particle distribution behind each signal u (n, N), shape (n, ny, nx)."""
        return self._pass(u, lambda z: self.network.distribution(z).flatten(1), self.model and self.model.images)

    def _pass(self, u, step, finish):
        if self.network is None:
            raise ValueError(f"{self.name} must be fitted before it denoises")
        u = checks.signals(u, "u", length=self.scanner.num_samples).astype(np.float32)
        device = resolve_device(self.device)
        self.network.to(device).eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(u), _BATCH):
                part = u[start : start + _BATCH]
                scale = rms(part)
                z = torch.from_numpy(self.model.coordinates(part / scale)).to(device)
                made = finish(step(z).cpu().numpy())
                found.append(made * scale.reshape(-1, *[1] * (made.ndim - 1)))
        return np.concatenate(found)

    def state(self):
        """Weights of the U-Net in half precision, noise spectrum and power."""
        weights = {name: value.half().cpu().numpy() for name, value in self.network.unet.state_dict().items()}
        return {**weights, "deviation": self.deviation, "power": np.array(self.power)}

    def restore(self, state):
        """Take up noise spectrum and weights; the rest follows from the scanner.

        Raises:
            ValueError: weights of another network.
        """
        state = dict(state)
        deviation, power = np.array(state.pop("deviation")), float(state.pop("power"))
        if self.model is None or not np.array_equal(self.model.deviation, deviation):
            self.model = ForwardModel(self.scanner, deviation=deviation, rank=self.rank)
        self._build(deviation, power)
        try:
            weights = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
            self.network.unet.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"state must be the weights of this network: {error}") from None
        return self
