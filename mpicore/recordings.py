"""Recorded periods: what a denoiser learns from, their unit, and how well one is predicted from the other."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.symmetry import even_part

Array = NDArray[np.floating[Any]]

# Periods that differ by less than this share of their RMS differ by rounding alone.
_ROUNDING = 1e-6
# Two periods of an object are no more apart in strength than this factor.
_ALIKE = 1e9
# Shared noise is reported from this correlation of the even parts on, where it is so many standard errors above zero,
# and only for enough objects to know that error.
_SHARED, _SIGNIFICANT, _ENOUGH = 0.05, 6.0, 16
_BLOCK = 500  # signals


class SharedNoiseWarning(UserWarning):
    """Two periods share noise, which no method that compares them can tell from signal."""


@dataclass(frozen=True)
class Recordings:
    """Two noisy periods of the same objects: all that self-supervised training may see.

    Whole numbers, as scanners store them, become float64; floating-point arrays stay what they are.

    Attributes:
        u1, u2: shape (n, N) [1/s].

    Raises:
        ValueError: arrays of another or of different shapes; NaN, infinite or complex values; each is named.

    Example:
        >>> pairs = Recordings(np.array([[3, -4]], np.int16), np.array([[4, -3]], np.int16))
        >>> pairs.u1.dtype, len(pairs)
        (dtype('float64'), 1)
    """

    u1: Array
    u2: Array

    def __post_init__(self) -> None:
        first = checks.signals(self.u1, "u1")
        second = checks.signals(self.u2, "u2", length=first.shape[1])
        if len(first) != len(second):
            raise ValueError(f"u1 and u2 must hold the same objects, got {len(first)} and {len(second)} signals")
        object.__setattr__(self, "u1", first)
        object.__setattr__(self, "u2", second)

    def __len__(self) -> int:
        return len(self.u1)

    @property
    def arrays(self) -> tuple[Array, Array]:
        """u1 and u2."""
        return self.u1, self.u2

    def blocks(self) -> Iterable["Recordings"]:
        """The same in pieces of some hundred signals: bounds the memory of what is computed of them."""
        for start in range(0, len(self), _BLOCK):
            yield Recordings(self.u1[start : start + _BLOCK], self.u2[start : start + _BLOCK])

    def check_independent(self, who: str, odd: bool = False) -> Self:
        """Refuse two periods that are one, and warn of noise that both share where it shows.

        Noise that both periods share cannot be told from signal in general. Where clean signals are odd it shows in
        their even parts, which are noise alone.

        Args:
            who: what the message calls the method that needs two periods.
            odd: clean signals are odd.

        Returns:
            Itself.

        Raises:
            ValueError: the two periods of a signal are identical, or differ by rounding alone; signals that are too
                weak for single precision, or periods of very different strength.
        """
        shared, power = np.zeros(len(self)), np.zeros(len(self))
        for start, part in zip(range(0, len(self), _BLOCK), self.blocks(), strict=True):
            rows = slice(start, start + len(part))
            like_strength(part, ("u1", "u2"), start)
            difference = np.abs(part.u1 - part.u2).max(axis=1)
            alike = difference <= _ROUNDING * rms(part.u1, zero=True)[:, 0]
            if alike.any():
                raise ValueError(
                    f"{who} needs two recorded periods with noise of their own; u1 and u2 are the same period at index "
                    f"{start + int(np.flatnonzero(alike)[0])}"
                )
            if odd:
                first, second = even_part(part.u1).astype(np.float64), even_part(part.u2).astype(np.float64)
                shared[rows] = np.vecdot(first, second)
                power[rows] = (np.vecdot(first, first) + np.vecdot(second, second)) / 2
        if odd and len(self) >= _ENOUGH and power.any():
            # The scatter between objects says how far from zero the correlation of independent noises may be.
            correlation = shared.sum() / power.sum()
            error = np.linalg.norm(shared - correlation * power) / power.sum()
            if correlation > max(_SIGNIFICANT * error, _SHARED):
                warnings.warn(
                    "the even parts of the two periods, which hold no signal of cosine drive without relaxation, have "
                    f"a correlation of {correlation:.2f}; {who} takes noise that both periods share for signal, or "
                    "loses what is even because the sequence is not mirrored in its first sample",
                    SharedNoiseWarning,
                    stacklevel=3,
                )
        return self


@dataclass(frozen=True)
class HeldOut(Recordings):
    """Test recordings with the truth they are measured against.

    Attributes:
        clean: signals without noise, shape (n, N) [1/s].
        phantoms: the objects, shape (n, ny, nx); for the system matrix the objects are pixels, and this is ``None``.

    Raises:
        ValueError: as :class:`Recordings`; clean signals of another shape, phantoms of another number.
    """

    clean: Array
    phantoms: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "clean", checks.numbers(self.clean, "clean"))
        if self.clean.shape != self.u1.shape:
            raise ValueError(f"clean must have the shape of u1, {self.u1.shape}, got {self.clean.shape}")
        if self.phantoms is not None:
            object.__setattr__(self, "phantoms", checks.numbers(self.phantoms, "phantoms", dimensions=(3,)))
            if len(self.phantoms) != len(self):
                raise ValueError(f"phantoms must hold {len(self)} objects, got {len(self.phantoms)}")


@dataclass(frozen=True)
class SupervisedPairs:
    """Noisy signals with the clean ones: for ceilings alone, no self-supervised method may see them.

    Attributes:
        noisy, clean: shape (n, N) [1/s].

    Raises:
        ValueError: as :class:`Recordings`.
    """

    noisy: Array
    clean: Array

    def __post_init__(self) -> None:
        first = checks.signals(self.noisy, "noisy")
        second = checks.signals(self.clean, "clean", length=first.shape[1])
        if len(first) != len(second):
            raise ValueError(f"noisy and clean must hold the same objects, got {len(first)} and {len(second)} signals")
        object.__setattr__(self, "noisy", first)
        object.__setattr__(self, "clean", second)

    def __len__(self) -> int:
        return len(self.noisy)

    @property
    def arrays(self) -> tuple[Array, Array]:
        """The noisy and the clean signals."""
        return self.noisy, self.clean


def split(u1: ArrayLike, u2: ArrayLike, validation: Recordings | None) -> tuple[Recordings, Recordings]:
    """Pairs to learn from and pairs to choose with; without any given, the last tenth (at least one) is held out.

    Raises:
        ValueError: a single pair, which cannot be split; validation pairs of another length.
    """
    recordings = Recordings(checks.signals(u1, "u1"), checks.signals(u2, "u2"))
    if validation is not None:
        checks.signals(validation.u1, "validation", length=recordings.u1.shape[1])
        return recordings, validation
    if len(recordings) < 2:
        raise ValueError("u1 and u2 must hold at least 2 signals where no validation pairs are given, got 1")
    cut = len(recordings) - max(1, len(recordings) // 10)
    first, second = recordings.u1, recordings.u2
    return Recordings(first[:cut], second[:cut]), Recordings(first[cut:], second[cut:])


def like_strength(pairs: "Recordings | SupervisedPairs", names: tuple[str, str], start: int = 0) -> None:
    """Refuse signals that are too weak for single precision, and the two of an object where one is far the stronger.

    Args:
        pairs: the signals.
        names: what the message calls both.
        start: number of the first object.

    Raises:
        ValueError: such signals, unless they are zero.
    """
    first, second = (np.maximum(u.max(axis=1), -u.min(axis=1)) for u in pairs.arrays)
    for u, name in zip(pairs.arrays, names, strict=True):
        checks.strong(u, name)
    with np.errstate(over="ignore"):
        apart = (np.maximum(first, second) / _ALIKE > np.minimum(first, second)) & (first > 0) & (second > 0)
    if apart.any():
        number = int(np.flatnonzero(apart)[0])
        raise ValueError(
            f"{names[0]} and {names[1]} must be alike in strength, got magnitudes of {first[number]:g} and "
            f"{second[number]:g} at index {start + number}"
        )


def rms(u: Array, zero: bool = False, name: str = "u") -> Array:
    """Root mean square of each signal, shape (n, 1): the unit in which signals of any strength count alike.

    Args:
        u: shape (n, N).
        zero: a zero signal has the unit 0; else it is refused.
        name: what the message calls the signals.

    Raises:
        ValueError: a zero signal; no real and finite signals.
    """
    u = checks.signals(u, name)
    scale = np.sqrt(np.mean(np.square(u, dtype=np.float64), axis=1, keepdims=True))
    if not zero and not scale.all():
        raise ValueError(f"{name} must not hold a zero signal, found one at index {int(scale[:, 0].argmin())}")
    return scale.astype(u.dtype)


def noisy_error(denoise: Callable[[Array], Array], pairs: Recordings) -> float:
    """How far denoised periods are from the *other* noisy period: mean square, in units of the period's power.

    The noise of the other period cannot be predicted, so its power adds the same amount for every denoiser. The one
    with the lowest value has the lowest expected error, and no clean signal is needed to find it.

    Args:
        denoise: (n, N) -> (n, N).
        pairs: noisy pairs that the denoiser has not learned from. Either period of each is input once.

    Raises:
        ValueError: a zero period.
    """
    total = 0.0
    for source, target, name in ((pairs.u1, pairs.u2, "u1"), (pairs.u2, pairs.u1, "u2")):
        total += float(np.mean(np.square((denoise(source) - target) / rms(source, name=name), dtype=np.float64)))
    return total / 2


def binary_exponent(u: Array) -> NDArray[np.intc]:
    """Exponent e of each signal with its largest magnitude in [2^(e-1), 2^e), shape (n, 1); 0 of a zero signal.

    ``numpy.ldexp(u, -e)`` is the signal in a unit in which nothing overflows when it is squared, and not a bit changes.

    Raises:
        ValueError: no real and finite signals.
    """
    return np.frexp(np.abs(checks.signals(u, "u")).max(axis=1, keepdims=True))[1]
