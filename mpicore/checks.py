"""Checks at the door: bad input is named, with what is allowed, before any work is done."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Choice = TypeVar("Choice")


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


def signals(
    u: ArrayLike, name: str, length: int | None = None, dimensions: Sequence[int] = (2,)
) -> NDArray[np.floating[Any]]:
    """Return ``u`` as a real floating-point array, one signal per row.

    Args:
        u: signals, shape (n, N); other numbers of axes where ``dimensions`` says so.
        name: what the message calls it.
        length: the number of samples N that is required, if any.
        dimensions: the allowed numbers of axes.

    Raises:
        ValueError: wrong dimensions or length, no signal, complex, NaN or infinite values.
    """
    array = np.asarray(u)
    if array.ndim not in dimensions:
        allowed = " or ".join(str(d) for d in dimensions)
        raise ValueError(f"{name} must have {allowed} axes, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one signal, got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.floating):
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}")
        array = array.astype(np.float64)
    if length is not None and array.shape[-1] != length:
        raise ValueError(f"{name} must have {length} samples per signal, got {array.shape[-1]}")
    if not np.isfinite(array).all():
        row = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name} must be finite, found {array[tuple(row)]} at index {tuple(row.tolist())}")
    return array


def choice(value: Choice, name: str, allowed: Sequence[Choice]) -> Choice:
    """Return ``value``.

    Raises:
        ValueError: it is not one of ``allowed``.
    """
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}")
    return value
