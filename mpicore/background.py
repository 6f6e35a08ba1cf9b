"""The background: what a scanner records without an object, and how an empty measurement takes it off.

Distortion of the drive, and whatever else is locked to it, has the same phase in both periods of an object and the same
amplitude for every object. Two periods cannot tell it from signal. A measurement of the empty scanner can: its mean is
the background, and is subtracted before anything else. Where the background drifts, a second empty measurement after
the objects tells how far, and the background of an object lies between the two.

The mean has noise as well, which would be shared by all periods that it is subtracted from. Lines in which it does not
stand out of that noise are therefore left as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
_FALSE = 0.1  #: lines that chance alone may take for background, in the mean over many empty measurements


@dataclass(frozen=True)
class Background:
    """Tones on harmonics of a drive frequency, of equal power, that are there with every object and with none.

    Time runs from 0 to 1 over the measurement of all objects.

    Args:
        sir_db: mean power of the signals of many objects over the power of all tones together, at time 0 [dB].
        harmonics: of the drive frequency.
        drive: axis of the drive field whose frequency is multiplied.
        drift: of the amplitude from time 0 to time 1, relative to that at time 0; linear in time.
        turn: of the phases from time 0 to time 1 [rad]; linear in time.

    Raises:
        ValueError: a value that is not finite, a drift below -1, no harmonic, or one below 1.
    """

    sir_db: float
    harmonics: tuple[int, ...] = (2, 3, 5)
    drive: Literal["x", "y"] = "x"
    drift: float = 0.0
    turn: float = 0.0

    def __post_init__(self) -> None:
        checks.finite(self.sir_db, "sir_db")
        checks.choice(self.drive, "drive", ["x", "y"])
        checks.at_least(self.drift, "drift", -1)
        checks.finite(self.turn, "turn")
        if not self.harmonics:
            raise ValueError("harmonics must hold at least one, got none")
        for harmonic in self.harmonics:
            checks.count(harmonic, "harmonics")

    def signals(self, time: ArrayLike, scanner: Scanner, power: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """One period of the background at each of some times.

        Args:
            time: shape (n,); 0 for the begin of the measurement of the objects, 1 for its end.
            scanner: gives drive and sampling frequency.
            power: mean power of the signals of many objects.
            rng: generator of the phases at time 0. They belong to the scanner: the same generator for all objects.

        Returns:
            Shape (n, N).

        Raises:
            ValueError: a power that is not positive, a harmonic at or above half the sampling frequency.
        """
        tones = np.array(self.harmonics) * scanner.drive_frequency["xy".index(self.drive)]
        if tones.max() >= scanner.sampling_frequency / 2:
            limit = scanner.sampling_frequency / 2
            raise ValueError(f"harmonics must lie below {limit:g} Hz, got one at {tones.max():g} Hz")
        when = np.asarray(time, np.float64)[:, None]
        amplitude = np.sqrt(2 * checks.positive(power, "power") * 10 ** (-self.sir_db / 10) / tones.size)
        phases = rng.uniform(0, 2 * np.pi, tones.size) + self.turn * when
        angle = 2 * np.pi * tones[:, None] / scanner.sampling_frequency * np.arange(scanner.num_samples)
        waves = np.cos(phases) @ np.sin(angle) + np.sin(phases) @ np.cos(angle)
        return np.asarray(amplitude * (1 + self.drift * when) * waves)


@dataclass(frozen=True)
class Empty:
    """Which periods of the empty scanner are recorded.

    Args:
        before: how many, in a row, before the objects.
        after: how many after them; 0 for none.

    Raises:
        ValueError: no period before, a negative number after.
    """

    before: int
    after: int = 0

    def __post_init__(self) -> None:
        checks.count(self.before, "before")
        checks.count(self.after, "after", minimum=0)


class EmptyMeasurement:
    """The background as empty periods tell it: their mean, or the line through the means before and after the objects.

    It is taken in those spectral lines alone in which a mean stands out of its own noise, as the spread between the
    periods tells it; of a single period, which has no spread, in all.

    Args:
        before: periods that were recorded at time 0, shape (n, N).
        after: periods that were recorded at time 1, shape (m, N); ``None`` for none, and no drift.

    Raises:
        ValueError: no periods, or of different lengths; NaN or infinite values.

    Example:
        >>> empty = EmptyMeasurement(np.ones((2, 4)), 3 * np.ones((2, 4)))
        >>> empty.background([0.0, 0.5])
        array([[1., 1., 1., 1.],
               [2., 2., 2., 2.]])
    """

    def __init__(self, before: ArrayLike, after: ArrayLike | None = None) -> None:
        first = checks.signals(before, "before")
        last = first if after is None else checks.signals(after, "after", length=first.shape[1])
        kept = stands_out([first]) | stands_out([last])
        means = [np.fft.rfft(periods.mean(axis=0, dtype=np.float64)) for periods in (first, last)]
        self._first, end = (np.fft.irfft(np.where(kept, mean, 0), first.shape[1]) for mean in means)
        self._growth = end - self._first

    def background(self, time: ArrayLike) -> NDArray[np.float64]:
        """The background at times (n,) between 0 and 1, shape (n, N)."""
        return self._first + np.multiply.outer(np.asarray(time, np.float64), self._growth)

    def taken_off(self, u: Array, time: ArrayLike) -> Array:
        """Periods u (n, N) without the background of the times (n,) at which they were recorded, in the dtype of u.

        Raises:
            ValueError: periods of another length than the empty ones, or of another number than the times.
        """
        signals = checks.signals(u, "u", length=len(self._first))
        if np.shape(time) != (len(signals),):
            raise ValueError(f"time must be one for each of {len(signals)} periods, got shape {np.shape(time)}")
        return (signals - self.background(time)).astype(signals.dtype)


def stands_out(
    groups: Sequence[Array], noise: NDArray[np.float64] | None = None, degrees: int = 0
) -> NDArray[np.bool_]:
    """In which lines the mean of a group of periods is more than their noise, for any of the groups.

    The power of a mean over that of its noise, estimated with d degrees of freedom from the spread within the groups,
    is above t by chance with the probability (1 + t / d)^-d: an exponential over a gamma variable. Without any spread,
    where each group is a single period, all lines are taken.

    Args:
        groups: periods at one time each, shape (n, N).
        noise: power of the noise in each line of a period, from elsewhere, shape (N // 2 + 1,); by default from the
            spread.
        degrees: of freedom of that noise.

    Returns:
        Shape (N // 2 + 1,).
    """
    spectra = [np.fft.rfft(periods, axis=1).astype(np.complex128) for periods in groups]
    lines = spectra[0].shape[1]
    means = [found.mean(axis=0) for found in spectra]
    if noise is None:
        degrees = sum(map(len, spectra)) - len(spectra)
        if not degrees:
            return np.ones(lines, np.bool_)
        total = np.sum([np.sum(np.abs(x - mean) ** 2, axis=0) for x, mean in zip(spectra, means, strict=True)], axis=0)
    else:
        total = noise * degrees
    threshold = np.expm1(np.log(lines / _FALSE) / degrees) * total
    return np.any([len(x) * np.abs(mean) ** 2 > threshold for x, mean in zip(spectra, means, strict=True)], axis=0)
