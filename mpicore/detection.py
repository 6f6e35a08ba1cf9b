"""Detection: a threshold for a stated rate of false alarms, and the level at which something is seen so often."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks


def threshold(silent: ArrayLike, rate: float) -> NDArray[Any]:
    """What a statistic exceeds in a stated share of cases without an object.

    Args:
        silent: the statistic without an object, shape (n, ...): n draws of each of several statistics.
        rate: of false alarms, in (0, 1).

    Returns:
        The (1 - rate) quantile of the draws, shape (...).

    Raises:
        ValueError: a rate out of range, or so few draws that less than one is above the threshold; NaN or infinite
            values.

    Example:
        >>> float(threshold(np.arange(1, 101), 0.05).round(2))
        95.05
    """
    values = checks.numbers(silent, "silent").astype(np.float64)
    if not values.ndim:
        raise ValueError(f"silent must hold one statistic for each draw, got {silent!r}")
    if not 0 < checks.finite(rate, "rate") < 1:
        raise ValueError(f"rate must be in (0, 1), got {rate!r}")
    if len(values) * rate < 1:
        raise ValueError(f"a rate of {rate:g} needs at least {int(np.ceil(1 / rate))} draws, got {len(values)}")
    return np.quantile(values, 1 - rate, axis=0)


def crossing(levels: ArrayLike, rates: ArrayLike, wanted: float) -> float:
    """The level at which a rate is reached, for rates that rise with the level up to their scatter.

    Args:
        levels: ascending, shape (n,).
        rates: at these levels, shape (n,); each counts as at least as high as those before it.
        wanted: rate.

    Returns:
        Linear between the levels; minus infinity where the first rate is above it, NaN where none reaches it.

    Example:
        >>> crossing([0, 10, 20], [0.0, 0.4, 0.8], 0.5)
        12.5

    Raises:
        ValueError: no levels, or rates of another number; NaN or infinite values.
    """
    x = checks.signals(levels, "levels", dimensions=(1,)).astype(np.float64)
    y = np.maximum.accumulate(checks.signals(rates, "rates", dimensions=(1,), length=len(x)).astype(np.float64))
    if y[0] >= wanted:
        return -np.inf
    if y[-1] < wanted:
        return np.nan
    upper = int(np.argmax(y >= wanted))
    share = (wanted - y[upper - 1]) / (y[upper] - y[upper - 1])
    return float(x[upper - 1] + share * (x[upper] - x[upper - 1]))
