"""Checks at the door: bad input is named, with what is allowed, before any work is done."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Choice = TypeVar("Choice")

#: Magnitudes between which signals can be filtered in single precision. Sums over a period do not overflow, and no
#: digit is lost to underflow.
SMALLEST, LARGEST = 1e-32, 1e32


def positive(value: Any, name: str) -> float:
    """Return ``value`` as a float.

    Raises:
        ValueError: it is not a finite number above zero.
    """
    number = finite(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number


def finite(value: Any, name: str) -> float:
    """Return ``value`` as a float.

    Raises:
        ValueError: it is not a finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def at_least(value: Any, name: str, minimum: float) -> float:
    """Return ``value`` as a float.

    Raises:
        ValueError: it is not a finite number of at least ``minimum``.
    """
    number = finite(value, name)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum:g}, got {value!r}")
    return number


def probability(value: Any, name: str) -> float:
    """Return ``value`` as a float.

    Raises:
        ValueError: it is not a number in [0, 1).
    """
    number = finite(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value!r}")
    return number


def count(value: Any, name: str, minimum: int = 1) -> int:
    """Return ``value`` as an int.

    Raises:
        ValueError: it is not a whole number of at least ``minimum``.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name} must be a whole number of at least {minimum}, got {value!r}")
    return int(value)


def several(values: Any, name: str) -> Sequence[Any]:
    """Return ``values`` as a tuple.

    Raises:
        ValueError: a single one, or text.
    """
    if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)):
        raise ValueError(f"{name} must be a sequence, got {values!r}")
    return tuple(values)


def counts(values: Any, name: str) -> Sequence[int]:
    """Return ``values`` as a list of ints.

    Raises:
        ValueError: they are not whole numbers of at least 1, or there is none.
    """
    found = several(values, name)
    if not found:
        raise ValueError(f"{name} must hold at least one, got none")
    return [count(value, name) for value in found]


def numbers(
    values: ArrayLike,
    name: str,
    dimensions: Sequence[int] | None = None,
    length: int | None = None,
    complex_too: bool = False,
    missing: bool = False,
) -> NDArray[Any]:
    """Return ``values`` as an array of finite floating-point numbers: the one conversion of all that comes in.

    Whole numbers become float64. Half precision becomes single and extended becomes double precision; single and double
    precision stay what they are, in the byte order of the machine. Nothing is copied that need not be.

    Args:
        values: an array, or what NumPy makes one of.
        name: what the message calls it.
        dimensions: the allowed numbers of axes; any by default.
        length: the required length of the last axis, if any.
        complex_too: complex numbers are allowed.
        missing: NaN is allowed, and stands for a value that is not there.

    Raises:
        ValueError: no numbers, masked values, wrong dimensions or length, complex values, NaN, infinite values, or
            values above ``LARGEST``; values are named with their place.

    Example:
        >>> numbers([1, 2], "x")
        array([1., 2.])
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must not hold masked values; fill them or leave them out")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None
    if dimensions is not None and array.ndim not in dimensions:
        allowed = " or ".join(str(d) for d in dimensions)
        raise ValueError(f"{name} must have {allowed} axes, got shape {array.shape}")
    if array.dtype.kind not in ("iufc" if complex_too else "iuf"):
        kinds = "numbers" if complex_too else "real numbers"
        raise ValueError(f"{name} must be {kinds}, got dtype {array.dtype}")
    if length is not None and array.shape[-1] != length:
        raise ValueError(f"{name} must have {length} samples per signal, got {array.shape[-1]}")
    with np.errstate(over="ignore"):
        array = array.astype(_precision(array.dtype), copy=False)
    for part in (array.real, array.imag) if array.dtype.kind == "c" else (array,):
        # The extremes tell of NaN and infinity as well, and need no memory.
        ends = (np.fmin.reduce, np.fmax.reduce) if missing else (np.min, np.max)
        least, most = (end(part, axis=None) for end in ends) if part.size else (0.0, 0.0)
        absent = missing and bool(np.isnan(least))  # all of it
        if not absent and not (least >= -LARGEST and most <= LARGEST):
            wrong = ~(np.abs(part) <= LARGEST)
            place = tuple(np.argwhere(wrong & ~np.isnan(part) if missing else wrong)[0].tolist())
            if np.isfinite(part[place]):
                raise ValueError(
                    f"{name} must be at most {LARGEST:g} in magnitude, found {part[place]:g} at index {place}; "
                    "choose a larger unit"
                )
            raise ValueError(f"{name} must be finite, found {part[place]} at index {place}")
    return array


def _precision(dtype: np.dtype[Any]) -> type[np.inexact[Any]]:
    if dtype.kind in "iu":
        return np.float64
    if dtype.kind == "f":
        return np.float32 if dtype.itemsize <= 4 else np.float64
    return np.complex64 if dtype.itemsize <= 8 else np.complex128


def signals(
    u: ArrayLike, name: str, length: int | None = None, dimensions: Sequence[int] = (2,)
) -> NDArray[np.floating[Any]]:
    """Return ``u`` as a real floating-point array, one signal per row; see :func:`numbers`.

    Args:
        u: signals, shape (n, N); other numbers of axes where ``dimensions`` says so.
        name: what the message calls it.
        length: the number of samples N that is required, if any.
        dimensions: the allowed numbers of axes.

    Raises:
        ValueError: as there; no signal.
    """
    array = numbers(u, name, dimensions, length)
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one signal, got shape {array.shape}")
    return array


def strong(u: NDArray[np.floating[Any]], name: str) -> NDArray[np.floating[Any]]:
    """Return signals, along the last axis, which are zero or strong enough for single precision.

    Raises:
        ValueError: a signal whose largest magnitude is below ``SMALLEST``, and not zero.
    """
    largest = np.maximum(u.max(axis=-1), -u.min(axis=-1))
    weak = np.argwhere((largest > 0) & (largest < SMALLEST))
    if len(weak):
        place = tuple(weak[0].tolist())
        raise ValueError(
            f"{name} must reach {SMALLEST:g} in magnitude, found at most {largest[place]:g} in the signal at index "
            f"{place[0] if len(place) == 1 else place}; choose a smaller unit"
        )
    return u


def choice(value: Choice, name: str, allowed: Sequence[Choice]) -> Choice:
    """Return ``value``.

    Raises:
        ValueError: it is not one of ``allowed``.
    """
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}")
    return value
