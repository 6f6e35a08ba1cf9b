"""The interface of a denoiser, the registry that knows them by name, and how a parameter is chosen from noisy data."""

from collections.abc import Callable, Iterable

import numpy as np

from mpicore import checks
from mpicore.recordings import Recordings

_registry: dict[str, type["Denoiser"]] = {}


def register(name: str):
    """Class decorator: make a denoiser known by name.

    Raises:
        ValueError: the name is taken.
    """

    def add(cls):
        if name in _registry:
            raise ValueError(f"denoiser {name!r} is registered already")
        _registry[name] = cls
        cls.name = name
        return cls

    return add


def names() -> list[str]:
    """Names of all registered denoisers."""
    return list(_registry)


def find(name: str) -> type["Denoiser"]:
    """The class of a denoiser by name.

    Raises:
        ValueError: an unknown name.
    """
    return _registry[checks.choice(name, "denoiser", names())]


def create(name: str, **options) -> "Denoiser":
    """A new denoiser by name, with its options.

    Raises:
        ValueError: an unknown name or option.
    """
    cls = find(name)
    try:
        return cls(**options)
    except TypeError as error:
        raise ValueError(f"denoiser {name!r}: {error}") from None


class Denoiser:
    """What a denoiser is: ``fit`` once on noisy pairs, then ``denoise`` one period of anything.

    A new method overrides both, and keeps what it learned in ``state`` so that a run can be stored. It never sees a
    clean signal.
    """

    name = ""
    history: list[dict] = []  #: one row per epoch, for methods that train
    periods = 1  #: recorded periods of an object that ``denoise`` takes; with 2 its input has the shape (n, 2, N)
    knows = "noisy pairs"  #: what it is given besides the period that it denoises, in words for the leaderboard
    needs_scanner = False  #: is created with the keyword ``scanner``: what is known of the measurement
    whole = False  #: ``fit`` and ``denoise`` take all columns of a system matrix, in the order of the pixels
    supervised = False  #: for ceilings, whose ``fit`` gets noisy and clean signals, not two noisy periods
    stored = True  #: a run keeps ``state``; without, for what is large and takes seconds, it is fitted again

    def fit(self, u1, u2, validation: Recordings | None = None, folder=None, progress: bool = False) -> "Denoiser":
        """Learn from two noisy periods of each object.

        Args:
            u1, u2: shape (n, N).
            validation: further noisy pairs, for choosing parameters.
            folder: where a long fit may keep its checkpoint.
            progress: show how far a long fit is.

        Returns:
            Itself.
        """
        return self

    def denoise(self, u) -> np.ndarray:
        """Denoise one noisy period per row: shape (n, N) -> (n, N), float32."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """What was learned, as named arrays."""
        return {}

    def restore(self, state: dict[str, np.ndarray]) -> "Denoiser":
        """Take up what :meth:`state` gave; returns itself."""
        return self


@register("noisy")
class Noisy(Denoiser):
    """The recorded period as it is: what every method is measured against."""

    knows = "nothing"

    def denoise(self, u):
        """A checked copy of u, shape (n, N)."""
        return np.array(checks.signals(u, "u"), dtype=np.float32)


def lowest(candidates: Iterable, error: Callable):
    """The candidate with the lowest error; of equal ones the first."""
    return min(candidates, key=error)
