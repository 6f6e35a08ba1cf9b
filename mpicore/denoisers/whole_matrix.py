"""Denoisers of a whole system matrix: neighbouring pixels have neighbouring signals, which no single column shows.

They are given all columns at once, in the order of the pixels, and need no training: what they learn, they learn from
the two noisy periods of the matrix that they denoise.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, lowest, register
from mpicore.lowrank import leading_singular, optimal_shrinkage
from mpicore.recordings import binary_exponent
from mpicore.scanner import Scanner
from mpicore.symmetry import even_part, from_sine_lines, require_odd, sine_lines

_LARGEST = 600  #: singular values that are looked at
_UNIT = 3.0  #: factor by which noise and signal are together stronger, or weaker, in another unit alone
_BLOCK = 500  # columns


class MatrixDenoiser(Denoiser):
    """Works on the sine lines of all columns, so the even half of the noise is gone before it begins.

    Each column is measured in units of its own noise, taken from the difference of its two periods. What multiplies
    coefficients by gains is ``linear``, and denoises a matrix in another unit alike. What compares them with the noise
    of the fit takes a matrix with such noise: the one that it was fitted to, or another of the same scanner in the same
    unit; one that is three times as strong, noise and all, or as weak, is refused.

    Args:
        scanner: gives the pixel grid; default ``Scanner.lissajous()``.

    Raises:
        ValueError: a scanner whose signals are not odd.
    """

    needs_scanner = True
    needs_odd = True
    whole = True
    stored = False
    linear = True  #: f(c u) = c f(u)

    def __init__(self, scanner: Scanner | None = None) -> None:
        super().__init__()
        self.shape = require_odd(scanner or Scanner.lissajous(), self.name).shape
        self.deviation: Array | None = None
        self._strength: NDArray[np.float64] | None = None

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Learn the statistics of the matrix from both periods of all its columns, shape (P, N)."""
        pairs = self.recorded(u1, u2, odd=True)
        self._check(pairs.u1)
        if not self.linear:
            self._strength = _strength(pairs.u1)
        self.learn(*self.units_of_noise(pairs.u1, pairs.u2))
        return self

    def units_of_noise(self, u1: Array, u2: Array) -> tuple[Float32, Float32]:
        """Sine lines of two arrays of columns in units of half the power of their difference, column by column."""
        y1, y2 = sine_lines(u1), sine_lines(u2)
        unit = binary_exponent(y1 - y2)
        difference = np.ldexp(y1 - y2, -unit)
        self.deviation = deviation = np.ldexp(np.sqrt(np.mean(difference**2, axis=1, keepdims=True) / 2), unit)
        if not deviation.all():
            raise ValueError(f"u1 and u2 must differ, column {int(deviation.argmin())} is the same in both")
        return y1 / deviation, y2 / deviation

    def denoise(self, u: Array) -> Float32:
        """Denoise one period of all columns, shape (P, N)."""
        deviation = self.learned(self.deviation)
        columns = self._check(u)
        if not self.linear:
            self._check_unit(columns)
        return from_sine_lines(self.shrink(self.in_noise(columns)) * deviation, columns.shape[1])

    def in_noise(self, columns: Array) -> Float32:
        """Sine lines of columns (P, N) in units of the noise of the fit, shape (P, lines).

        Raises:
            ValueError: columns that are too strong beside it for single precision.
        """
        deviation = self.learned(self.deviation)
        with np.errstate(over="ignore"):
            y: Float32 = np.divide(sine_lines(columns), deviation, dtype=np.float32)
        if not np.isfinite((y.min(), y.max())).all():
            raise ValueError(
                f"u must be alike in strength to the matrix of the fit, whose noise is at most {deviation.max():g}; "
                f"got magnitudes up to {max(columns.max(), -columns.min()):g}"
            )
        return y

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Take up the statistics of both periods, each (P, lines), with white noise of unit variance."""
        raise NotImplementedError

    def shrink(self, y: Array) -> Array:
        """Denoise one period of such lines."""
        raise NotImplementedError

    def _check(self, u: Array) -> Array:
        columns = self.checked(u)
        if len(columns) != np.prod(self.shape):
            raise ValueError(f"u must hold all {np.prod(self.shape)} columns of the system matrix, got {len(columns)}")
        return columns

    def _check_unit(self, columns: Array) -> None:
        """Refuse a matrix in another unit: its noise would not be that of the thresholds."""
        first, found = self.learned(self._strength), _strength(columns)
        if np.all(found >= _UNIT * first) or (np.all(_UNIT * found <= first) and found.any()):
            raise ValueError(
                f"u must be in the unit in which {self.name} was fitted, with such noise: the matrix of the fit has an "
                f"RMS of {first[1]:.3g}, got {found[1]:.3g}; fit to periods in this unit"
            )

    def _transform(self, y: Array) -> Float32:
        """Cosine transforms of the components of lines (P, lines), shape (lines, ny, nx)."""
        from scipy.fft import dctn

        images = np.array(y.T, np.float32, order="C").reshape(-1, *self.shape)  # a copy, which is overwritten
        return dctn(images, axes=(1, 2), norm="ortho", overwrite_x=True)

    def _back(self, coefficients: Float32) -> Float32:
        """The lines of such transforms, which are overwritten."""
        from scipy.fft import idctn

        images = idctn(coefficients, axes=(1, 2), norm="ortho", overwrite_x=True)
        return np.ascontiguousarray(images.reshape(len(images), -1).T)


@register("dct_threshold")
class SpatialThreshold(MatrixDenoiser):
    """Thresholds on the two-dimensional cosine transform of each frequency component.

    System matrices are known to have few large coefficients there (Lampe et al. 2012). Each coefficient below a
    multiple of the noise of its component is set to zero; ``hard`` leaves the others as they are, ``soft`` brings them
    nearer to zero by the threshold (Donoho and Johnstone 1994). The noise of a component comes from the difference of
    its two periods, so thresholds are in the unit of the fit. The kind and the multiple are chosen from ``kinds`` and
    ``factors`` by the noisy error: what the first period becomes, judged by the second. Assumes noise that is white
    over the pixels and independent between the periods.
    """

    linear = False
    kinds = ("hard", "soft")
    factors = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)

    def __init__(self, scanner: Scanner | None = None) -> None:
        super().__init__(scanner)
        self.kind, self.factor = "", 0.0
        self.noise: Float32 | None = None

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Noise of each component, then kind and factor."""
        self.noise = np.sqrt(np.mean((y1 - y2) ** 2, axis=0) / 2)
        first, second = self._transform(y1), self._transform(y2)
        candidates = [(kind, factor) for kind in self.kinds for factor in self.factors]
        self.kind, self.factor = lowest(
            candidates, lambda tried: float(np.mean((self._thresholded(first, *tried) - second) ** 2))
        )

    def shrink(self, y: Array) -> Array:
        """Threshold the cosine transform of each component."""
        self.learned(self.noise)
        return self._back(self._thresholded(self._transform(y), self.kind, self.factor))

    def _thresholded(self, coefficients: Float32, kind: str, factor: float) -> Float32:
        threshold = (np.float32(factor) * self.learned(self.noise))[:, None, None]
        if kind == "hard":
            return np.where(np.abs(coefficients) > threshold, coefficients, np.float32(0))
        return coefficients - np.clip(coefficients, -threshold, threshold)


@register("dct_wiener")
class SpatialWiener(MatrixDenoiser):
    """Wiener filter of each frequency component, an image over the pixels, in its two-dimensional cosine transform.

    The signal power of a coefficient is the cross-power of the two periods, averaged over its neighbours: over
    a window of lines, rows and columns. The components of a symmetric scanner are even or odd in x and in y, and hold
    every second coefficient alone; which ones, changes from line to line. So only neighbours at even distances are
    averaged; that a component has a parity is found and not assumed. Assumes that the noise is white over lines and
    pixels and independent between the periods.

    The window is chosen from ``windows`` by the noisy error: gains from the first period alone, judged by the second.
    """

    windows = ((3, 3, 3), (5, 3, 3), (5, 5, 5), (9, 5, 5), (15, 7, 7))

    def __init__(self, scanner: Scanner | None = None) -> None:
        super().__init__(scanner)
        self.window: tuple[int, int, int] | None = None
        self.gains: Float32 | None = None

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Choose the window; then gains from the averaged cross-power: S / (S + 1)."""
        first, second = self._transform(y1), self._transform(y2)
        own = np.square(first)
        self.window = lowest(
            self.windows,
            lambda window: float(np.mean((first * wiener_gains(alternate_mean(own, window) - 1) - second) ** 2)),
        )
        first *= second
        self.gains = wiener_gains(alternate_mean(first, self.window))

    def shrink(self, y: Array) -> Array:
        """Multiply the cosine transform of each component by its gains."""
        coefficients = self._transform(y)
        coefficients *= self.learned(self.gains)
        return self._back(coefficients)


@register("dct_wiener_twice")
class TwoStepSpatialWiener(SpatialWiener):
    """The spatial Wiener filter, and a second one whose gains come from what the first has made of both periods.

    After the first step the noise is low enough to see the power of a coefficient in few neighbours or in itself
    alone: the cross-power of the two filtered periods, averaged over one of ``small_windows``. Weak neighbourhoods
    are suppressed twice. Such empirical Wiener filters are the second step of many image denoisers (Dabov et al. 2007).
    Assumes what :class:`SpatialWiener` does; the small window is chosen by the noisy error in the same way.
    """

    small_windows = ((1, 1, 1), (1, 1, 3), (1, 3, 3), (3, 3, 3))

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Gains of the first step, then those of the second."""
        super().learn(y1, y2)
        first, second = self._transform(y1), self._transform(y2)
        gains = self.learned(self.gains)
        pilot = first * gains
        own, share = np.square(pilot), np.square(gains)

        def error(window: tuple[int, int, int]) -> float:
            # The filtered noise of the one period that is looked at has the power g^2.
            tried = wiener_gains(alternate_mean(own, window) - alternate_mean(share, window))
            return float(np.mean((first * tried - second) ** 2))

        self.small_window = lowest(self.small_windows, error)
        pilot *= second
        pilot *= gains
        self.gains = wiener_gains(alternate_mean(pilot, self.small_window))


@register("svd_dct")
class CombinedShrinkage(TwoStepSpatialWiener):
    """Spatial Wiener filter in two steps, then shrinkage of the singular values that are left.

    Each right singular vector of the filtered matrix is a pattern over the lines. What the filtered first period says
    about it is multiplied by the factor, from 0 to 1, that best predicts the second period. Assumes what
    :class:`SpatialWiener` does, and a matrix of low rank.
    """

    rank = 1500

    def learn(self, y1: Float32, y2: Float32) -> None:
        """The filter, then patterns and factors."""
        super().learn(y1, y2)
        filtered = super().shrink(y1)
        _, _, self.patterns = leading_singular(filtered, self.rank)
        inner, other = filtered @ self.patterns, y2 @ self.patterns
        power = np.sum(inner**2, axis=0, dtype=np.float64)
        factors = np.sum(inner * other, axis=0, dtype=np.float64) / np.where(power > 0, power, 1)
        self.factors = np.clip(factors, 0, 1).astype(np.float32)

    def shrink(self, y: Array) -> Array:
        """The filter, then the factors."""
        return (super().shrink(y) @ self.patterns * self.factors) @ self.patterns.T


@register("svd_shrinkage")
class MatrixShrinkage(MatrixDenoiser):
    """Singular values of the whole matrix, shrunk as is optimal for white noise (Gavish and Donoho 2017).

    Assumes white noise of the same level in all entries, once each column is measured in units of its noise, and a
    matrix of low rank. Singular values are compared with the noise of the fit.
    """

    linear = False

    def learn(self, y1: Float32, y2: Float32) -> None:
        """Nothing beyond the noise of each column: a matrix is denoised by its own singular values."""

    def shrink(self, y: Array) -> Array:
        """Truncate and shrink the singular values."""
        left, singular, right = leading_singular(y, _LARGEST)
        longer, shorter = max(y.shape), min(y.shape)
        unit = np.sqrt(longer)
        shrunk = unit * optimal_shrinkage(singular / unit, shorter / longer)
        return (left * shrunk.astype(np.float32)) @ right.T


def _strength(u: Array) -> NDArray[np.float64]:
    """RMS of the even parts of odd signals (P, N), which are noise alone, and of the signals; shape (2,)."""
    sums = np.zeros(2)
    for start in range(0, len(u), _BLOCK):
        part = u[start : start + _BLOCK]
        sums += [np.sum(np.square(signals, dtype=np.float64)) for signals in (even_part(part), part)]
    return np.sqrt(sums / u.size)


def wiener_gains(power: Float32) -> Float32:
    """Wiener gains for noise of unit variance."""
    power = np.maximum(power, 0)
    return power / (power + 1)


def alternate_mean(values: Float32, window: tuple[int, int, int]) -> Float32:
    """Running mean over every second neighbour along each axis, so that even and odd indices do not mix.

    Args:
        values: shape (a, b, c).
        window: how many neighbours along each axis are averaged. Beyond an edge the values are mirrored.
    """
    from scipy.ndimage import uniform_filter

    padded = np.pad(values, [(0, size % 2) for size in values.shape], mode="reflect")
    split = padded.reshape(sum(((size // 2, 2) for size in padded.shape), ()))
    mean = uniform_filter(split, sum(((size, 1) for size in window), ()), mode="reflect")
    return mean.reshape(padded.shape)[tuple(slice(size) for size in values.shape)]
