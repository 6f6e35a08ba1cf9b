"""An error bar for each sample of a denoised signal, from noisy pairs alone."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.recordings import Recordings, rms
from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
Classes = NDArray[np.intp]


@dataclass(frozen=True)
class ErrorBars:
    """How far a denoised sample may be from the clean one: a standard deviation for each class of samples.

    Samples are classed by where they are in the period, and by how loud the denoised signal is around them. The
    standard deviation is learned from two noisy periods u1 and u2 of each object and what a denoiser f makes of them,
    and needs no clean signal:

    - Half the mean square of f(u1) - f(u2) is the variance of f(u), in each class.
    - The mean square of f(u1) - u2, less the variance of the noise, is the mean squared error, with what f does wrong
      in the same way each time. It is known with the uncertainty of all the noise in u2, so it gives one factor for all
      classes: mean squared error over variance, at least 1.

    Everything is in units of the RMS of the noisy period, so it holds for the noise level of the pairs.

    Attributes:
        position: class of each sample of the period by its place, shape (N,).
        window: samples around each one over which loudness is the RMS of the denoised signal.
        edges: between the classes of loudness, ascending, shape (levels - 1,).
        variance: of f(u) in each class, shape (positions, levels).
        factor: mean squared error over variance.
    """

    position: Classes
    window: int
    edges: Array
    variance: Array
    factor: float

    @classmethod
    def learn(
        cls,
        pairs: Recordings,
        denoised: tuple[Array, Array],
        position: ArrayLike,
        window: int,
        levels: int = 10,
    ) -> Self:
        """Learn from noisy pairs that the denoiser has not been fitted to.

        Args:
            pairs: two noisy periods of each object, with independent noise of zero mean and equal power.
            denoised: what the denoiser makes of the first and of the second period, shape (n, N) each.
            position: class of each sample by its place, whole numbers from 0 on, shape (N,); see
                :func:`speed_classes`.
            window: samples over which loudness is taken, such as those of half a drive cycle.
            levels: classes of loudness, with equally many samples each.

        Raises:
            ValueError: denoised periods or positions of another shape, positions below 0, a window longer than the
                period, no level.
        """
        made = [checks.numbers(f, "denoised") for f in denoised]
        if len(made) != 2 or any(f.shape != pairs.u1.shape for f in made):
            raise ValueError(f"denoised must be two arrays of the shape {pairs.u1.shape}")
        places = np.asarray(position)
        if places.shape != (pairs.u1.shape[1],) or not np.issubdtype(places.dtype, np.integer) or places.min() < 0:
            raise ValueError(f"position must be {pairs.u1.shape[1]} whole numbers of at least 0, got {position!r}")
        if checks.count(window, "window") > len(places):
            raise ValueError(f"window must be at most the period of {len(places)} samples, got {window}")
        unit = rms(pairs.u1, name="u1")
        u1, u2 = pairs.u1 / unit, pairs.u2 / unit
        f1, f2 = (f / unit for f in made)
        loud = np.concatenate([loudness(f1, window), loudness(f2, window)])
        edges = np.quantile(loud, np.linspace(0, 1, checks.count(levels, "levels") + 1)[1:-1])
        number = (places.max() + 1, levels)
        classes = places * levels + np.searchsorted(edges, loud)
        variance = np.square(f1 - f2, dtype=np.float64) / 2
        sums = np.bincount(classes.ravel(), np.concatenate([variance, variance]).ravel(), np.prod(number))
        counts = np.bincount(classes.ravel(), minlength=np.prod(number))
        found = np.where(counts > 0, sums / np.maximum(counts, 1), variance.mean()).reshape(number)
        residual = np.mean(np.square(f1 - u2, dtype=np.float64)) + np.mean(np.square(f2 - u1, dtype=np.float64))
        noise = np.mean(np.square(u1 - u2, dtype=np.float64)) / 2
        spread = variance.mean()
        factor = max(1.0, float((residual / 2 - noise) / spread)) if spread > 0 else 1.0
        return cls(places, window, edges, found, factor)

    def deviation(self, noisy: Array, denoised: Array) -> Array:
        """Standard deviation of the error of each sample, shape (n, N), in the units of the signals.

        Args:
            noisy, denoised: shape (n, N).

        Raises:
            ValueError: signals of another length than the learned, shapes that differ; NaN, infinite or complex values;
                a zero signal.
        """
        noisy = checks.signals(noisy, "noisy", length=len(self.position))
        denoised = checks.signals(denoised, "denoised", length=len(self.position))
        if denoised.shape != noisy.shape:
            raise ValueError(f"denoised must have the shape of noisy, {noisy.shape}, got {denoised.shape}")
        unit = rms(noisy, name="noisy")
        level = np.searchsorted(self.edges, loudness(denoised / unit, self.window))
        return np.sqrt(self.factor * self.variance[self.position, level]) * unit


def loudness(u: Array, window: int) -> Array:
    """RMS of signals (n, N) over ``window`` samples around each one, the period taken as a circle; shape (n, N).

    Example:
        >>> loudness(np.array([[0.0, 3.0, 0.0, 0.0, 0.0, 0.0]]), 3).round(2)
        array([[1.73, 1.73, 1.73, 0.  , 0.  , 0.  ]])

    Raises:
        ValueError: a window below 1 or longer than the period; NaN, infinite or complex values.
    """
    u = checks.signals(u, "u")
    if checks.count(window, "window") > u.shape[1]:
        raise ValueError(f"window must be at most the period of {u.shape[1]} samples, got {window}")
    power = np.square(u, dtype=np.float64)
    before = window // 2
    turned = np.concatenate([power[:, power.shape[1] - before :], power, power[:, : window - before - 1]], axis=1)
    total = np.concatenate([np.zeros((len(u), 1)), np.cumsum(turned, axis=1)], axis=1)
    return np.sqrt(np.maximum(total[:, window:] - total[:, :-window], 0) / window)


def speed_classes(scanner: Scanner, count: int, channel: int = 0) -> Classes:
    """Class of each sample by the speed of the field-free point along a channel's axis, equal steps of it; shape (N,).

    Args:
        scanner: whose period it is.
        count: number of classes; 0 is the slowest.
        channel: 0 for the x coil, 1 for the y coil.
    """
    speed = np.abs(scanner.ffp_velocity[:, checks.choice(channel, "channel", (0, 1))])
    steps = np.floor(checks.count(count, "count") * speed / speed.max()).astype(np.intp)
    return np.minimum(steps, count - 1)
