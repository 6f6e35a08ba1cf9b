"""Quality of signals and images: one value per item, and an interval for the mean."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks

Array = NDArray[np.float64]

_WINDOW = 11  # pixels of the window of the structural similarity
# Values that are resampled together: bounds the memory of the bootstrap.
_BATCH = 2**20


def snr_db(clean: ArrayLike, estimate: ArrayLike) -> Array:
    """Eq. 8: power of the clean signal over the power of the error [dB].

    Args:
        clean, estimate: signals, shape (n, N).

    Returns:
        Shape (n,). The mean over signals is the mean of these dB values.

    Raises:
        ValueError: shapes that differ, NaN or infinite values, a zero clean signal.

    Example:
        >>> snr_db([[10.0, 0.0]], [[9.0, 0.0]])
        array([20.])
    """
    clean, estimate = _pair(clean, estimate, (2,))
    power = np.sum(np.square(clean), axis=1)
    if not power.all():
        raise ValueError(f"clean must not hold a zero signal, found one at index {int(np.argmin(power))}")
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power / np.sum(np.square(clean - estimate), axis=1))


def rmse(clean: ArrayLike, estimate: ArrayLike) -> Array:
    """Eq. 9: root of the mean squared error over the samples, in the units of the signals.

    Args:
        clean, estimate: signals, shape (n, N).

    Returns:
        Shape (n,).
    """
    clean, estimate = _pair(clean, estimate, (2,))
    return np.sqrt(np.mean(np.square(clean - estimate), axis=1))


def bias_and_variance(clean: ArrayLike, estimates: ArrayLike) -> tuple[Array, Array]:
    """What estimates of a signal do wrong each time, and how they scatter; both without bias of their own.

    The sum of the two is the expected squared error. From K estimates with independent noise, the variance has the
    denominator K - 1, and the squared bias is the squared error of their mean less 1/K of the variance, so that it may
    be slightly negative where there is none.

    Args:
        clean: shape (n, N).
        estimates: shape (n, K, N), K at least 2.

    Returns:
        Squared bias and variance, means over the samples, shape (n,) each.

    Raises:
        ValueError: shapes that do not fit, a single estimate, NaN or infinite values.
    """
    truth = checks.signals(clean, "clean").astype(np.float64)
    drawn = checks.signals(estimates, "estimates", dimensions=(3,)).astype(np.float64)
    if drawn.shape[::2] != truth.shape or drawn.shape[1] < 2:
        raise ValueError(f"estimates must have the shape (n, K, N) with K >= 2, got {drawn.shape} for {truth.shape}")
    variance = np.mean(np.var(drawn, axis=1, ddof=1), axis=1)
    squared = np.mean(np.square(drawn.mean(axis=1) - truth), axis=1)
    return squared - variance / drawn.shape[1], variance


def psnr_db(clean: ArrayLike, estimate: ArrayLike) -> Array:
    """Eq. 11 with the mean squared error: squared maximum of the clean image over it [dB].

    The source paper prints the sum of squared errors, which is 40 dB away at 101 x 101 pixels; its values need
    the mean.

    Args:
        clean, estimate: images, shape (n, ny, nx).

    Returns:
        Shape (n,).
    """
    clean, estimate = _pair(clean, estimate, (3,))
    peak = _peak(clean)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / np.mean(np.square(clean - estimate), axis=(1, 2)))


def ssim(clean: ArrayLike, estimate: ArrayLike) -> Array:
    """Structural similarity of Wang et al. 2004: K1 = 0.01, K2 = 0.03, data range = maximum of the clean image.

    Local statistics over an 11 x 11 Gaussian window of 1.5 pixels standard deviation, as in that paper; eq. 10 gives
    the two K's as c1 and c2.

    Args:
        clean, estimate: images of at least 11 x 11, shape (n, ny, nx).

    Returns:
        Shape (n,), at most 1.
    """
    from skimage.metrics import structural_similarity

    clean, estimate = _pair(clean, estimate, (3,))
    if min(clean.shape[1:]) < _WINDOW:
        raise ValueError(
            f"images must have at least {_WINDOW} x {_WINDOW} pixels, got {clean.shape[1]} x {clean.shape[2]}"
        )
    return np.array(
        [
            structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image gives it no types
                a, b, data_range=peak, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            for a, b, peak in zip(clean, estimate, _peak(clean), strict=True)
        ]
    )


def scaled_to_fit(objects: ArrayLike, images: ArrayLike) -> Array:
    """Images, each times the factor that brings it closest to its object in least squares; shape (n, ny, nx)."""
    objects, images = _pair(objects, images, (3,), ("objects", "images"))
    energy = np.sum(images**2, axis=(1, 2), keepdims=True)
    return images * np.sum(objects * images, axis=(1, 2), keepdims=True) / np.where(energy > 0, energy, 1)


def object_error(objects: ArrayLike, images: ArrayLike) -> Array:
    """Error of an image, scaled to fit, against the true particle distribution, relative to its norm.

    The scale is the one of least squares, because x-space images carry the units of the point spread function.

    Args:
        objects, images: shape (n, ny, nx).

    Returns:
        Shape (n,), between 0 and 1.

    Raises:
        ValueError: shapes that differ, NaN or infinite values, an object that is zero everywhere.
    """
    objects, images = _pair(objects, images, (3,), ("objects", "images"))
    error = objects - scaled_to_fit(objects, images)
    norm = np.linalg.norm(objects, axis=(1, 2))
    if not norm.all():
        raise ValueError(f"objects must not be zero everywhere, found one at index {int(np.argmin(norm))}")
    return np.linalg.norm(error, axis=(1, 2)) / norm


def bootstrap_interval(
    values: ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    Args:
        values: one per item, shape (n,).
        level: coverage in (0, 1).
        resamples: number of resamples.
        seed: of the resampling, so that a repeat gives the same interval.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: no value, NaN or infinite values, or a level outside (0, 1).
    """
    from scipy.stats import bootstrap

    items = checks.signals(values, "values", dimensions=(1,)).astype(np.float64)
    if not 0 < checks.finite(level, "level") < 1:
        raise ValueError(f"level must be in (0, 1), got {level!r}")
    checks.count(resamples, "resamples")
    if items.size == 1 or np.ptp(items) == 0:  # nothing varies
        return float(items[0]), float(items[0])
    found = bootstrap(
        (items,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _BATCH // items.size),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def _pair(
    clean: ArrayLike, estimate: ArrayLike, dimensions: Sequence[int], names: tuple[str, str] = ("clean", "estimate")
) -> tuple[Array, Array]:
    first = checks.signals(clean, names[0], dimensions=dimensions).astype(np.float64)
    second = checks.signals(estimate, names[1], dimensions=dimensions).astype(np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} and {names[1]} must have one shape, got {first.shape} and {second.shape}")
    return first, second


def _peak(clean: Array) -> Array:
    peak = clean.max(axis=(1, 2))
    if not (peak > 0).all():
        raise ValueError(f"clean must have a positive maximum, image {int(np.argmin(peak))} has {peak.min():g}")
    return peak
