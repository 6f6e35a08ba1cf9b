"""The paper's network under the three schemes of self-supervision."""

import numpy as np
import torch

from mpicore import checks
from mpicore.denoisers.base import Denoiser, register
from mpicore.losses import scheme
from mpicore.network import EncoderDecoder
from mpicore.recordings import Recordings, split
from mpicore.seeds import branch
from mpicore.training import Settings, resolve_device, train

_BATCH = 16


class NetworkDenoiser(Denoiser):
    """A scheme of self-supervision with the encoder-decoder network.

    Args:
        width, dropout: of :class:`mpicore.network.EncoderDecoder`.
        seed: of the initial weights and of the training.
        training: keywords of :class:`mpicore.training.Settings`.
        device: ``auto``, ``cpu``, ``cuda``.
        options: of :func:`mpicore.losses.scheme`.
    """

    def __init__(self, width: int = 16, dropout: float = 0.0, seed: int = 0, training=None, device="auto", **options):
        self.settings = Settings(**(training or {}))
        self.seed, self.device, self.options = seed, device, options
        scheme(self.name, **options)  # refuse bad options now, not after the data are made
        with torch.random.fork_rng():
            torch.manual_seed(int(branch(seed, "weights").generate_state(1)[0]))
            self.network = EncoderDecoder(width, dropout).eval()

    def fit(self, u1, u2, validation=None, folder=None, progress=False):
        """Train the network; without validation pairs the last tenth of the pairs (at least one) is held out."""
        recordings, validation = split(u1, u2, validation)
        self.prepare(recordings)
        self.history = train(
            self.network,
            scheme(self.name, **self.options),
            recordings,
            validation,
            self.settings,
            self.seed,
            folder=folder,
            device=self.device,
            progress=progress,
            label=self.name,
        )
        return self.restore(self.state())  # with the weights as they are stored, so that both denoise alike

    def prepare(self, recordings: Recordings) -> None:
        """Estimate from the noisy pairs what the scheme needs before training."""

    def denoise(self, u):
        """One pass of the network per signal, shape (n, N)."""
        u = checks.signals(u, "u")
        device = resolve_device(self.device)
        self.network.to(device).eval()
        out = np.empty(u.shape, np.float32)
        with torch.inference_mode():
            for start in range(0, len(u), _BATCH):
                rows = slice(start, start + _BATCH)
                batch = torch.from_numpy(np.ascontiguousarray(u[rows], np.float32)).to(device)
                out[rows] = self._denoise_batch(batch).cpu().numpy()
        return out

    def _denoise_batch(self, u):
        return self.network(u[:, None])[:, 0]

    def state(self):
        """The weights of the network, in half precision."""
        return {name: value.half().cpu().numpy() for name, value in self.network.state_dict().items()}

    def restore(self, state):
        """Load weights.

        Raises:
            ValueError: weights of another network.
        """
        try:
            self.network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
        except RuntimeError as error:
            raise ValueError(f"state must be the weights of this network: {error}") from None
        return self


@register("n2n")
class Noise2Noise(NetworkDenoiser):
    """Noise2Noise (Lehtinen et al. 2018): one period predicts the other, squared loss.

    Assumes that the noises of the two periods are independent and have zero mean.
    """


@register("proposed")
class Proposed(NetworkDenoiser):
    """The source paper's method: one period predicts the other under the composed loss of eq. 7.

    Assumes that the noises of the two periods are independent, with zero median, and that clean signals are odd.
    """

    knows = "noisy pairs, the symmetry"


@register("r2r")
class Recorrupted(NetworkDenoiser):
    """Recorrupted-to-Recorrupted (Pang et al. 2021), and the mean over recorruptions when it denoises.

    Assumes white Gaussian noise. Its level relative to the signal is estimated from the differences of the training
    periods, so it is the level of all noise together, white or not. Every signal meets the same recorruptions.

    Args:
        recorruptions: how many recorrupted copies of a signal are denoised and averaged.
    """

    def __init__(self, recorruptions: int = 50, strength: float = 0.5, **options):
        self.recorruptions = checks.count(recorruptions, "recorruptions")
        super().__init__(strength=strength, sigma=0.0, **options)

    def prepare(self, recordings):
        """Noise level in units of the RMS of a noisy period: from half the power of u1 - u2."""
        difference = np.mean((recordings.u1 - recordings.u2) ** 2, axis=1)
        self.options["sigma"] = float(np.sqrt(np.mean(difference / np.mean(recordings.u1**2, axis=1)) / 2))

    def _denoise_batch(self, u):
        generator = torch.Generator().manual_seed(0)
        level = self.options["strength"] * self.options["sigma"] * u.square().mean(dim=1, keepdim=True).sqrt()
        total = torch.zeros_like(u)
        for _ in range(self.recorruptions):
            z = torch.randn(u.shape[1], generator=generator)
            total += super()._denoise_batch(u + level * z.to(u.device))
        return total / self.recorruptions

    def state(self):
        """The weights and the noise level."""
        return {**super().state(), "sigma": np.array(self.options["sigma"])}

    def restore(self, state):
        """Load weights and noise level."""
        state = dict(state)
        self.options["sigma"] = float(state.pop("sigma", 0.0))
        return super().restore(state)
