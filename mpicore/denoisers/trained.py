"""What denoisers with a network share: how it is initialised, trained, stored and run over many signals."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Denoiser, Float32, State
from mpicore.recordings import Recordings, SupervisedPairs
from mpicore.seeds import branch
from mpicore.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mpicore.losses import Scheme

Pairs = Recordings | SupervisedPairs


class TrainedDenoiser(Denoiser):
    """A network that is trained by one scheme, and runs over signals in batches.

    Args:
        width, dropout: of the network.
        seed: of the initial weights and of the training.
        training: a :class:`mpicore.settings.Settings`, or its keywords.
        device: ``auto``, ``cpu``, ``cuda``.

    Raises:
        ValueError: a value out of range.
    """

    trains = True
    batch = 16  #: signals that pass the network together
    units = True  #: signals are trained in units of their own RMS

    def __init__(
        self, width: int, dropout: float, seed: int, training: Settings | Mapping[str, Any] | None, device: str
    ) -> None:
        super().__init__()
        self.width, self.dropout = checks.count(width, "width"), checks.probability(dropout, "dropout")
        self.settings = _settings(training)
        self.seed, self.device = seed, device
        branch(seed)  # refuse a bad seed now, not after the data are made

    def scheme(self) -> "Scheme":
        """The loss of the training."""
        raise NotImplementedError

    def seeded(self, build: Callable[[], "nn.Module"]) -> "nn.Module":
        """A network with the initial weights of the seed."""
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(int(branch(self.seed, "weights").generate_state(1)[0]))
            return build().eval()

    def train(
        self, network: "nn.Module", pairs: Pairs, held: Pairs, folder: str | Path | None, progress: bool
    ) -> list[dict[str, Any]]:
        """Train a network in place; returns its history."""
        from mpicore.training import train

        return train(
            network,
            self.scheme(),
            pairs,
            held,
            self.settings,
            self.seed,
            folder=folder,
            device=self.device,
            progress=progress,
            label=self.name,
            units=self.units,
        )

    def over_batches(self, network: "nn.Module", z: Float32, step: Callable[["Tensor"], "Tensor"]) -> Float32:
        """A step of the network on each row of z, shape (n, K), a batch at a time."""
        import torch

        from mpicore.training import resolve_device

        device = resolve_device(self.device)
        network.to(device).eval()
        found: list[Float32] = []
        with torch.inference_mode():
            for start in range(0, len(z), self.batch):
                part = torch.from_numpy(np.ascontiguousarray(z[start : start + self.batch])).to(device)
                found.append(step(part).cpu().numpy())
        return np.concatenate(found)


def _settings(training: Settings | Mapping[str, Any] | None) -> Settings:
    """Settings as they are, or of their keywords; without any, the default.

    Raises:
        ValueError: neither settings nor keywords, or a keyword that there is not.
    """
    if isinstance(training, Settings):
        return training
    options = {} if training is None else training
    if not isinstance(options, Mapping):
        raise ValueError(f"training must be Settings or their keywords, got {options!r}")
    allowed = [field.name for field in fields(Settings)]
    for option in options:
        if option not in allowed:
            raise ValueError(f"training has no option {option}; it has {', '.join(allowed)}")
    return Settings(**options)


def half_precision(network: "nn.Module") -> State:
    """Weights of a network, in half precision."""
    return {name: value.half().cpu().numpy() for name, value in network.state_dict().items()}


def load_weights(network: "nn.Module", state: Mapping[str, NDArray[Any]]) -> None:
    """Load what :func:`half_precision` gave.

    Raises:
        ValueError: weights of another network.
    """
    import torch

    try:
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    except RuntimeError as error:
        raise ValueError(f"state must be the weights of this network: {error}") from None
