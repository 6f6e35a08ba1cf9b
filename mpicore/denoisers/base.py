"""The interface of a denoiser, the registry that knows them by name, and how a parameter is chosen from noisy data."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.recordings import Recordings, SupervisedPairs, split
from mpicore.scanner import Particle, Scanner
from mpicore.sequence import Sequence

Array = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]
State = dict[str, NDArray[Any]]
#: Where a long fit may keep its checkpoint.
Folder = str | Path | None
#: Further noisy pairs, for choosing parameters.
Held = Recordings | None
Learned = TypeVar("Learned")
Candidate = TypeVar("Candidate")
Kind = TypeVar("Kind", Recordings, SupervisedPairs)

_registry: dict[str, type["Denoiser"]] = {}
#: Name of N in a state.
_SAMPLES = "samples"
#: What a constructor takes that is no option of the method: the measurement, and how and where it is trained.
_CIRCUMSTANCES = ("scanner", "sequence", "particle", "training", "seed", "device")
_KNOWN: dict[str, tuple[type, ...]] = {"scanner": (Scanner,), "sequence": (Scanner, Sequence), "particle": (Particle,)}


def register(name: str) -> Callable[[type["Denoiser"]], type["Denoiser"]]:
    """Class decorator: make a denoiser known by name.

    Raises:
        ValueError: the name is taken.
    """

    def add(cls: type["Denoiser"]) -> type["Denoiser"]:
        if name in _registry:
            raise ValueError(f"denoiser {name!r} is registered already")
        _registry[name] = cls
        cls.name = name
        return cls

    return add


def names() -> list[str]:
    """Names of all registered denoisers; every module of this folder is imported for that."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"mpicore.denoisers.{module.name}")
    return sorted(_registry)


def find(name: str) -> type["Denoiser"]:
    """The class of a denoiser by name.

    Raises:
        ValueError: an unknown name.
    """
    return _registry[checks.choice(name, "denoiser", names())]


def parameters(name: str) -> dict[str, Any]:
    """All options of a denoiser with their defaults.

    Scanner, sequence, particle, training, seed and device are circumstances and no options.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> parameters("proposed")
        {'alpha': 0.05, 'beta': 0.01, 'swap': True, 'width': 16, 'dropout': 0.0, 'stride': 2, 'normalise': True}
    """
    signature = inspect.signature(find(name))
    return {
        option: parameter.default
        for option, parameter in signature.parameters.items()
        if option not in _CIRCUMSTANCES and parameter.default is not parameter.empty
    }


def circumstances(name: str) -> set[str]:
    """Which of ``scanner``, ``sequence``, ``particle``, ``training``, ``seed`` and ``device`` a denoiser takes.

    Raises:
        ValueError: an unknown name.
    """
    return set(_CIRCUMSTANCES) & set(inspect.signature(find(name)).parameters)


def create(name: str, **options: Any) -> "Denoiser":
    """A new denoiser by name, with its options.

    Raises:
        ValueError: an unknown name or option, or one that is missing; no scanner, sequence or particle where one is
            asked for.

    Example:
        >>> create("r2r", alpha=0.05)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: denoiser 'r2r' has no option alpha; it has strength, floor, recorruptions, width, ...
    """
    cls = find(name)
    signature = inspect.signature(cls)
    allowed = signature.parameters
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in allowed.values())
    for option in options:
        if option not in allowed and not anything:
            raise ValueError(f"denoiser {name!r} has no option {option}; it has {', '.join(allowed) or 'none'}")
        kinds = _KNOWN.get(option, ())
        if kinds and options[option] is not None and not isinstance(options[option], kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"{option} of denoiser {name!r} must be {wanted}, got {options[option]!r}")
    try:
        signature.bind(**options)
    except TypeError as error:
        raise ValueError(f"denoiser {name!r}: {error}") from None
    return cls(**options)  # an error from in here is the constructor's own


class Denoiser:
    """What a denoiser is: ``fit`` once on noisy pairs, then ``denoise`` one period of anything.

    A new method overrides both, and keeps what it learned in ``state`` so that a run can be stored. It never sees a
    clean signal.
    """

    name = ""
    periods = 1  #: recorded periods of an object that ``denoise`` takes; with 2 its input has the shape (n, 2, N)
    needs_scanner = False  #: knows the measurement, and is created with the keyword ``scanner``
    whole = False  #: ``fit`` and ``denoise`` take all columns of a system matrix, in the order of the pixels
    needs_odd = False  #: takes clean signals for odd about the first sample, as they are under cosine drive
    supervised = False  #: for ceilings, whose ``fit`` gets noisy and clean signals, not two noisy periods
    stored = True  #: a run keeps ``state``; without, for what is large and takes seconds, it is fitted again
    trains = False  #: ``fit`` trains a network, under ``training``, ``seed`` and ``device``
    samples: int | None = None  #: N of the signals of the fit

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Learn from two noisy periods of each object.

        Args:
            u1, u2: shape (n, N).
            validation: further noisy pairs, for choosing parameters.
            folder: where a long fit may keep its checkpoint.
            progress: show how far a long fit is.

        Returns:
            Itself.

        Raises:
            ValueError: periods that do not fit together, or that are one and the same.
        """
        self.recorded(u1, u2, odd=self.needs_odd)
        return self

    def denoise(self, u: Array) -> Float32:
        """Denoise one noisy period per row: shape (n, N) -> (n, N), float32.

        Raises:
            ValueError: signals of another length than those of the fit; a denoiser that is not fitted.
        """
        raise NotImplementedError

    def state(self) -> State:
        """What was learned, as named arrays."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up what :meth:`state` gave; returns itself.

        Raises:
            ValueError: a part of it is missing.
        """
        self.without_samples(state)
        return self

    def with_samples(self, state: State) -> State:
        """A state that says the number of samples of the fit as well, for which alone it was learned."""
        return state if self.samples is None else {**state, _SAMPLES: np.array(self.samples)}

    def without_samples(self, state: Mapping[str, NDArray[Any]]) -> State:
        """Take up the number of samples of the fit, which older states do not say; returns the rest.

        Raises:
            ValueError: it is no whole number of at least 1.
        """
        if _SAMPLES in state:
            self.samples = checks.count(np.asarray(state[_SAMPLES]).tolist(), f"{_SAMPLES} in the state of {self.name}")
        return {name: value for name, value in state.items() if name != _SAMPLES}

    def stored_values(self, state: Mapping[str, NDArray[Any]], *names: str) -> list[NDArray[Any]]:
        """Arrays of a state by their names.

        Raises:
            ValueError: one of them is missing.
        """
        for name in names:
            if name not in state:
                raise ValueError(f"the state of {self.name} must hold {name}, got {', '.join(state) or 'nothing'}")
        return [np.array(state[name]) for name in names]

    def recorded(self, u1: Array, u2: Array, odd: bool = False, length: int | None = None) -> Recordings:
        """Two periods at the door of a fit: checked, with noise of their own; their length is that to be denoised.

        Args:
            u1, u2: shape (n, N).
            odd: clean signals are odd, so that noise which both periods share can be seen.
            length: the number of samples N that is required, if any.

        Raises:
            ValueError: periods that do not fit together, or that are one and the same.
        """
        pairs = Recordings(checks.signals(u1, "u1", length), u2).check_independent(self.name, odd)
        self.samples = pairs.u1.shape[1]
        return pairs

    def parts(
        self, u1: Array, u2: Array, validation: Recordings | None, odd: bool = False, length: int | None = None
    ) -> tuple[Recordings, Recordings]:
        """The same for methods that choose: pairs to learn from, and pairs to choose with.

        Without any given, the last tenth of the pairs (at least one) is held out.

        Raises:
            ValueError: as :meth:`recorded`; a single pair, which cannot be split; no two noisy periods to choose with.
        """
        train, held = split(u1, u2, of_kind(validation, Recordings))
        held.check_independent(f"the validation of {self.name}")
        return self.recorded(*train.arrays, odd, length), held

    def checked(self, u: Array) -> Array:
        """What is to be denoised, shape (n, N).

        Raises:
            ValueError: no real and finite signals, or not of the length of the fit; signals that are too weak for
                single precision.
        """
        return checks.strong(checks.signals(u, "u", length=self.samples), "u")

    def learned(self, value: Learned | None) -> Learned:
        """What a fit has left.

        Raises:
            ValueError: nothing yet.
        """
        if value is None:
            raise ValueError(f"{self.name} must be fitted before it denoises")
        return value


@register("noisy")
class Noisy(Denoiser):
    """The recorded period as it is: what every method is measured against."""

    def denoise(self, u: Array) -> Float32:
        """A checked copy of u, shape (n, N)."""
        return np.array(self.checked(u), dtype=np.float32)


def of_kind(validation: Any, kind: type[Kind]) -> Kind | None:
    """The validation pairs, if any: of two noisy periods, or of noisy and clean signals, as the method learns from.

    Raises:
        ValueError: something else, so that no clean signal is taken for a noisy period.
    """
    if validation is not None and not isinstance(validation, kind):
        raise ValueError(f"validation must be {kind.__name__}, got {type(validation).__name__}")
    return validation


def lowest(candidates: Iterable[Candidate], error: Callable[[Candidate], float]) -> Candidate:
    """The candidate with the lowest error; of equal ones the first."""
    return min(candidates, key=error)
