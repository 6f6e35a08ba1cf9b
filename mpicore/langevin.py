"""The Langevin function and its derivative, exact to rounding for every argument."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks

# Below this argument the closed forms lose digits to cancellation, and the power series takes over.
SERIES_BELOW = 0.3
# Taylor coefficients of L(x)/x in powers of x^2: 2^(2n) B_(2n) / (2n)! for n = 1, 2, ... (B: Bernoulli numbers).
_SERIES = (1 / 3, -1 / 45, 2 / 945, -1 / 4725, 2 / 93555, -1382 / 638512875, 4 / 18243225, -3617 / 162820783125)


def langevin(x: ArrayLike) -> NDArray[np.floating[Any]]:
    """The Langevin function L(x) = coth(x) - 1/x.

    Args:
        x: field in units of the thermal field, beta B, any shape. float32 is computed in float64 and returned
            as float32.

    Returns:
        L(x), odd, between -1 and 1, the shape of ``x``.

    Example:
        >>> float(langevin(1.0).round(12))
        0.313035285499
    """
    field, dtype = _as_float(x)
    z = np.abs(field)
    small = z < SERIES_BELOW
    safe = np.where(small, 1.0, z)
    # (1 + e) / (1 - e) with e = exp(-2 z) is coth(z) in a form that cannot overflow.
    decay = np.exp(-2 * safe)
    closed = (1 + decay) / (1 - decay) - 1 / safe
    return np.where(small, field * series(field), np.copysign(closed, field)).astype(dtype)


def langevin_derivative(x: ArrayLike) -> NDArray[np.floating[Any]]:
    """The derivative L'(x) = 1/x^2 - 1/sinh(x)^2 of the Langevin function.

    Args:
        x: field in units of the thermal field, beta B, any shape.

    Returns:
        L'(x), even, between 0 and 1/3, the shape of ``x``.
    """
    field, dtype = _as_float(x)
    z = np.abs(field)
    small = z < SERIES_BELOW
    safe = np.where(small, 1.0, z)
    decay = np.exp(-2 * safe)
    closed = 1 / safe**2 - 4 * decay / (1 - decay) ** 2
    return np.where(small, series_derivative(field), closed).astype(dtype)


def _as_float(x: ArrayLike) -> tuple[NDArray[np.float64], type[np.floating[Any]]]:
    array = checks.numbers(x, "x")
    return array.astype(np.float64), array.dtype.type


def series(x: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
    """L(x)/x for small x."""
    return np.polynomial.polynomial.polyval(x * x, _SERIES)


def series_derivative(x: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
    """L'(x) for small x: term n of L is multiplied by its power 2n + 1."""
    return np.polynomial.polynomial.polyval(x * x, [c * (2 * n + 1) for n, c in enumerate(_SERIES)])


def series_excess(x: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
    """(L'(x) - L(x)/x) / x^2 for small x."""
    return np.polynomial.polynomial.polyval(x * x, [2 * n * c for n, c in enumerate(_SERIES) if n])
