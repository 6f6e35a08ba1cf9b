"""How good a denoiser is on recorded signals, of which nobody knows the truth.

An object is recorded R times, and its estimate is the mean of what the denoiser f makes of each repeat. With u1 and u2
two of the repeats, f(u1) is as far from u2 as from the truth, but for the noise power of u2 (Lehtinen et al. 2018).
Half the mean square of f(u1) - f(u2) is the variance of f(u), which the mean over R repeats divides by R:

    error of the mean = mean((f(u1) - u2)^2) - noise power - (1 - 1/R) mean((f(u1) - f(u2))^2) / 2

The noise power is mean((u1 - u2)^2) / 2, so that for f(u) = u the error is noise power / R. The noises of the repeats
are taken to be independent. The noise of u2 alone makes most of the uncertainty, and is the same for all
denoisers: their differences are known better than their errors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.recordings import Recordings

Array = NDArray[np.floating[Any]]
Denoise = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Risk:
    """The error of the mean of denoised repeats, on objects that the denoiser has not learned from.

    Attributes:
        error: mean squared error of each object, shape (n,); its mean is meant, a single one may be below 0.
        noise: power of the noise of one repeat of each object, shape (n,).
        signal: power of each object without noise, shape (n,).
        noisy: mean square of f(u1) - u2 over the power of u1: what :func:`mpicore.recordings.noisy_error` gives.
        repeats: R.
    """

    error: Array
    noise: Array
    signal: Array
    noisy: float
    repeats: int

    @classmethod
    def of(cls, denoise: Denoise, pairs: Recordings, repeats: int = 2) -> Self:
        """Measure a denoiser.

        Args:
            denoise: (n, V) -> (n, V).
            pairs: two repeats of each object.
            repeats: R, over which is averaged afterwards.
        """
        u1, u2 = (u.astype(np.float64) for u in pairs.arrays)
        f1, f2 = (checks.signals(denoise(u), "the denoised", u.shape[1]).astype(np.float64) for u in pairs.arrays)
        noise = np.mean(np.square(u1 - u2), axis=1) / 2
        crossed = (np.mean(np.square(f1 - u2), axis=1) + np.mean(np.square(f2 - u1), axis=1)) / 2
        spread = np.mean(np.square(f1 - f2), axis=1) / 2
        power = (np.mean(np.square(u1), axis=1) + np.mean(np.square(u2), axis=1)) / 2
        share = 1 - 1 / checks.count(repeats, "repeats")
        noisy = float(np.mean(crossed / np.where(power > 0, power, 1)))
        return cls(crossed - noise - share * spread, noise, np.vecdot(u1, u2) / u1.shape[1], noisy, repeats)

    @property
    def snr_db(self) -> float:
        """Signal over error; infinite where no error shows [dB]."""
        return _db(self.signal.mean(), self.error.mean())

    @property
    def gain_db(self) -> float:
        """How far the error is below the noise of a single repeat [dB]."""
        return _db(self.noise.mean(), self.error.mean())

    @property
    def over_mean_db(self) -> float:
        """How far the error is below that of the mean of the same repeats [dB]."""
        return _db(self.noise.mean() / self.repeats, self.error.mean())

    def worse_than_mean(self, errors: float = 2.0) -> bool:
        """Whether the error is above that of the mean of the same repeats, by so many standard errors."""
        difference, uncertainty = _mean_of(self.error - self.noise / self.repeats)
        return difference > errors * uncertainty


def reference(frames: Array) -> tuple[Array, float]:
    """The mean of many recordings of one resting object, and the power of the noise that is left in it.

    What a denoiser makes of one more recording v is as far from the truth as from the mean, less the power of the noise
    of the mean: (f(v) - mean)^2 - noise / n, averaged over the samples.

    Args:
        frames: recordings of the object, shape (n, V), n at least 2.

    Returns:
        Shape (V,), and noise power over n, from the spread of the recordings.

    Raises:
        ValueError: a single recording.
    """
    found = checks.signals(frames, "frames")
    if len(found) < 2:
        raise ValueError("frames must hold at least 2 recordings of the object, got 1")
    mean = found.mean(axis=0, dtype=np.float64)
    noise = float(np.sum(np.square(found - mean)) / (found.shape[1] * (len(found) - 1)))
    return mean, noise / len(found)


def reference_error(denoised: Array, recordings: Array) -> float:
    """Mean squared error of denoised recordings of one resting object, measured by the mean of all other recordings.

    Each denoised recording is compared with the mean of the recordings without its own, less the noise of that mean.

    Args:
        denoised: what a denoiser made of each recording alone, shape (n, V).
        recordings: shape (n, V), n at least 3.

    Raises:
        ValueError: arrays of different shapes, or fewer than 3 recordings.
    """
    found, denoised = checks.signals(recordings, "recordings"), checks.signals(denoised, "denoised")
    if denoised.shape != found.shape or len(found) < 3:
        raise ValueError(f"denoised and recordings must be alike and at least 3, got {denoised.shape}, {found.shape}")
    total = found.sum(axis=0, dtype=np.float64)
    _, of_mean = reference(found)
    left = of_mean * len(found) / (len(found) - 1)
    others = (total - found) / (len(found) - 1)
    return float(np.mean(np.square(denoised - others)) - left)


def passed_of_nothing(denoise: Denoise, empty: Array) -> float:
    """Power of what a denoiser makes of background recordings over their own power: 0 is nothing from nothing.

    Args:
        denoise: (n, V) -> (n, V).
        empty: recordings without an object, their background taken off, shape (n, V).

    Raises:
        ValueError: recordings without any noise.
    """
    found = checks.signals(empty, "empty")
    power = float(np.mean(np.square(found, dtype=np.float64)))
    if not power:
        raise ValueError("empty must hold noise, got zeros")
    return float(np.mean(np.square(denoise(found), dtype=np.float64))) / power


def _mean_of(values: Array) -> tuple[float, float]:
    """Mean of values (n,), and its standard error; of a single one infinite."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
    return float(values.mean()), error


def _db(power: float, error: float) -> float:
    if error <= 0:
        return float("inf")
    return float(10 * np.log10(power / error)) if power > 0 else float("-inf")
