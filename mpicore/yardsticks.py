"""The linear filters to which schemes of self-supervision lead: of a window of the signal, and line by line.

They are no denoisers of this project: they are given the second moments of clean signals, which no method may see. They
tell what a scheme, or a network of limited reach, can do at best, apart from how it was trained.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve, toeplitz

from mpicore import checks

Array = NDArray[np.floating[Any]]


def second_moments(clean: ArrayLike) -> Array:
    """Mean products of the samples of signals (m, N), each scaled to unit power; shape (N, N).

    Raises:
        ValueError: another shape, or a zero signal.
    """
    signals = checks.signals(clean, "clean")
    power = np.vecdot(signals, signals)[:, None] / signals.shape[1]
    if not power.all():
        raise ValueError(f"clean must not hold a zero signal, found one at index {int(power[:, 0].argmin())}")
    scaled = signals / np.sqrt(power)
    return scaled.T @ scaled / len(signals)


def window_filters(moments: Array, autocovariance: ArrayLike, half_width: int, positions: ArrayLike) -> Array:
    """Linear minimum-mean-square-error filters, one per position, each from a window around its position.

    Args:
        moments: of the clean signals, see :func:`second_moments`, shape (N, N).
        autocovariance: of the noise of a signal of unit power at lags 0 to N-1, shape (N,).
        half_width: h; the filter of position p sees the samples p-h to p+h of the circular period, 1 to (N-1)/2.
        positions: samples to estimate, shape (P,).

    Returns:
        Weights, shape (P, 2h+1).

    Raises:
        ValueError: shapes that do not fit, or a window longer than the period.
    """
    samples = len(moments)
    noise_at_lag = np.asarray(autocovariance, dtype=np.float64)
    if noise_at_lag.shape != (samples,):
        raise ValueError(f"autocovariance must have shape ({samples},), got {noise_at_lag.shape}")
    if 2 * checks.count(half_width, "half_width") + 1 > samples:
        raise ValueError(f"half_width must be at most {(samples - 1) // 2}, got {half_width}")
    noise = toeplitz(noise_at_lag[: 2 * half_width + 1])
    filters: list[Array] = []
    for window in _windows(positions, half_width, samples):
        position = window[half_width]
        filters.append(solve(moments[np.ix_(window, window)] + noise, moments[window, position], assume_a="pos"))
    return np.array(filters)


def apply_filters(filters: Array, u: ArrayLike, positions: ArrayLike) -> Array:
    """Estimates of u (n, N) at the positions (P,) by filters (P, 2h+1); shape (n, P)."""
    signals = checks.signals(u, "u")
    windows = _windows(positions, (filters.shape[1] - 1) // 2, signals.shape[1])
    return np.stack([signals[:, window] @ weights for window, weights in zip(windows, filters, strict=True)], axis=1)


def n2n_gains(signal: Array, noise: Array) -> Array:
    """Gain of each spectral line that best predicts one period from another with independent noise: Sx / (Sx + Sn).

    Args:
        signal, noise: mean power of the clean signals and of the noise in each line, shape (lines,).
    """
    return signal / (signal + noise)


def r2r_gains(signal: Array, noise: Array, added: Array, strength: float) -> Array:
    """The same for Recorrupted-to-Recorrupted: it best predicts y - z/a from y + a z, with z independent of y.

    The cross-power of the two is Sx + Sn - Sz and the power of the input Sx + Sn + a^2 Sz. The gain is the Wiener gain
    of the input only where Sz = Sn.

    Args:
        signal, noise: as in :func:`n2n_gains`.
        added: mean power of z in each line, shape (lines,).
        strength: a.
    """
    return (signal + noise - added) / (signal + noise + strength**2 * added)


def _windows(positions: ArrayLike, half_width: int, samples: int) -> NDArray[np.intp]:
    return (np.asarray(positions)[:, None] + np.arange(-half_width, half_width + 1)) % samples
