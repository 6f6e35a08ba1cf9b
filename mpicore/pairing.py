"""Which signals of a recording are repeats of one object, and how many of the objects are different ones.

A denoiser that learns without clean signals needs each object at least twice, with noise of its own each time. In a
recording the repeats of an object are the periods of a frame that were recorded in the same fields; where a frame has
one of these, positions of a calibration that occur again, or two neighbouring frames of an object that rests.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.mdf import Recording
from mpicore.recordings import Recordings

Array = NDArray[np.floating[Any]]
Kind = Literal["periods", "positions", "frames", "background", "none"]

#: Objects are one where they differ by less than this share of their power, or of the power of the noise.
_ALIKE, _OF_NOISE = 0.01, 0.1
_ERRORS, _SEEN = 3.0, 5.0  #: standard errors within which a difference is none, and a signal
_STRETCHES = 64  #: in which a part of a recording is taken
_LOOKED_AT = 300  #: objects that are compared with each other at most


@dataclass(frozen=True, eq=False)
class Pairing:
    """Where the R repeats of each of n objects are.

    Attributes:
        kind: what the repeats are; ``none`` where each object has one signal, and R is 1; ``background`` where this
            was made two with the noise of background frames (:class:`mpicore.sample.Sample`).
        frames, periods: of each repeat, shape (n, R), the objects in the order of recording.
        classes: of the periods of a frame, shape (J,): those of one class are in the same fields.
    """

    kind: Kind
    frames: NDArray[np.int64]
    periods: NDArray[np.int64]
    classes: NDArray[np.int64]

    @property
    def repeats(self) -> int:
        """R."""
        return self.frames.shape[1]

    def __len__(self) -> int:
        return len(self.frames)

    def thinned(self, most: int) -> "Pairing":
        """At most so many of the objects, in stretches that are evenly spread over the recording."""
        if len(self) <= most:
            return self
        length = max(1, most // _STRETCHES)
        starts = np.linspace(0, len(self) - length, most // length).astype(int)
        rows = np.unique(starts[:, None] + np.arange(length))
        return Pairing(self.kind, self.frames[rows], self.periods[rows], self.classes)


def pairing(
    background: ArrayLike, classes: ArrayLike, positions: ArrayLike | None = None, rests: bool = True
) -> Pairing:
    """Find the repeats.

    Args:
        background: which frames have no object, shape (N,).
        classes: of the periods of a frame, shape (J,).
        positions: of the frames with an object in a calibration, shape (O, d); ``None`` without one.
        rests: neighbouring frames may be taken for repeats, where there are no others.

    Raises:
        ValueError: no frame with an object, or positions of another number.

    Example:
        >>> pairing([0, 0], [0, 0, 0]).frames
        array([[0, 0, 0],
               [1, 1, 1]])
    """
    kinds = np.asarray(classes, np.int64)
    frames = np.flatnonzero(~np.asarray(background, bool))
    if not len(frames):
        raise ValueError("the recording must hold a frame with an object, all frames are background")
    groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    R = min(map(len, groups))
    periods = np.stack([group[:R] for group in groups])
    if R > 1:
        where = np.repeat(frames, len(groups))
        return Pairing("periods", np.repeat(where[:, None], R, 1), np.tile(periods, (len(frames), 1)), kinds)
    if positions is not None:
        again = _again(np.asarray(positions, np.float64), frames)
        kind: Kind = "positions" if again.shape[1] > 1 else "none"
        return Pairing(kind, *_each_period(again, periods), kinds)
    if rests and len(frames) > 1:
        neighbours = frames[: len(frames) // 2 * 2].reshape(-1, 2)
        return Pairing("frames", *_each_period(neighbours, periods), kinds)
    return Pairing("none", *_each_period(frames[:, None], periods), kinds)


def of_recording(recording: Recording, rests: bool = True) -> Pairing:
    """The repeats of a recording.

    Raises:
        ValueError: there are no signals, or no frame with an object.
    """
    _ = recording.shape
    positions = None
    if recording.calibration is not None:
        found = recording.calibration.positions
        objects = int((~recording.background).sum())
        positions = found if found is not None and len(found) == objects else np.arange(objects)[:, None]
    return pairing(recording.background, period_classes(recording), positions, rests)


def period_classes(recording: Recording) -> NDArray[np.int64]:
    """Which periods of a frame are in the same fields, shape (J,): patches have fields of their own."""
    J = recording.shape[1]
    told = [recording.acquisition.gradient, recording.acquisition.offset_field]
    if recording.drive is not None:
        told += [recording.drive.strength, recording.drive.phase]
    rows = [np.asarray(array).reshape(J, -1) for array in told if array is not None]
    if not rows:
        return np.zeros(J, np.int64)
    _, classes = np.unique(np.concatenate(rows, axis=1), axis=0, return_inverse=True)
    return np.asarray(classes, np.int64).reshape(J)


def pairs_of(repeats: Array, most: int = 20_000) -> Recordings:
    """Two periods of each object: every repeat with every other one, shape (n, R, V) to at most so many pairs.

    Raises:
        ValueError: one repeat alone.
    """
    if repeats.shape[1] < 2:
        raise ValueError(f"repeats must be at least 2 for each object, got {repeats.shape[1]}")
    chosen = list(combinations(range(repeats.shape[1]), 2))
    chosen = chosen[:: -(-len(chosen) * len(repeats) // most)]
    first, second = zip(*chosen, strict=True)
    # Objects stay in their order, so that the last ones can be held out.
    u1, u2 = repeats[:, list(first)], repeats[:, list(second)]
    return Recordings(u1.reshape(-1, repeats.shape[2]), u2.reshape(-1, repeats.shape[2]))


@dataclass(frozen=True)
class Distinct:
    """How many different objects there are among those that were compared.

    Attributes:
        number: of different ones.
        compared: with each other.
        objects: in the recording.
    """

    number: int
    compared: int
    objects: int

    @property
    def told(self) -> str:
        """In words."""
        least = "at least " if self.number == self.compared < self.objects else ""
        return f"{least}{self.number} different of {self.compared} compared, {self.objects} in all"


def distinct(repeats: Array, objects: int | None = None) -> Distinct:
    """Count the different objects: each one that resembles an earlier one is not new.

    The distance of two objects is <u1 - v1, u2 - v2> over their repeats u and v, in which the noise averages out.
    Signals of unit power are one where it is below a hundredth, a tenth of the power of their noise, or what chance
    makes of it. An object that shows no signal is not counted.

    Args:
        repeats: shape (n, R, V).
        objects: how many the recording has; those given by default.

    Raises:
        ValueError: one repeat alone.
    """
    if repeats.shape[1] < 2:
        raise ValueError(f"repeats must be at least 2 for each object, got {repeats.shape[1]}")
    total = len(repeats) if objects is None else checks.count(objects, "objects")
    rows = np.unique(np.linspace(0, len(repeats) - 1, min(len(repeats), _LOOKED_AT)).astype(int))
    chosen = repeats[rows].astype(np.float64)
    half = repeats.shape[1] // 2
    u1, u2 = chosen[:, :half].mean(axis=1), chosen[:, half:].mean(axis=1)
    level = np.square(u1 - u2).sum(axis=1) / 2
    u1, u2, dimensions = _without_empty_lines(u1, u2)
    inner = (u1 @ u2.T + u2 @ u1.T) / 2
    power = np.diagonal(inner)
    noise = np.square(u1 - u2).sum(axis=1) / 2
    seen = np.flatnonzero(power > _SEEN * noise * np.sqrt(2 / dimensions))
    if not seen.size:
        return Distinct(0, len(rows), total)
    scale = np.sqrt(power[seen])
    cosine = inner[np.ix_(seen, seen)] / np.outer(scale, scale)
    level, noise = level[seen] / power[seen], noise[seen] / power[seen]
    # What a signal shares with noise is the same in all three products, and falls out of the distance.
    error = (noise[:, None] + noise[None]) / np.sqrt(dimensions)
    limit = np.maximum(_ALIKE, _OF_NOISE * (level[:, None] + level[None]) / 2) + _ERRORS * error
    new: list[int] = []
    for k in range(len(seen)):
        if all(2 - 2 * cosine[k, j] > limit[k, j] for j in new):
            new.append(k)
    return Distinct(len(new), len(rows), total)


def _without_empty_lines(u1: Array, u2: Array) -> tuple[Array, Array, float]:
    """Signals (n, V) with each line times its share of signal, and the dimensions that their noise is spread over."""
    first, second = np.fft.rfft(u1, axis=1), np.fft.rfft(u2, axis=1)
    cross = (first * second.conj()).real.sum(axis=0)
    power = (np.abs(first) ** 2 + np.abs(second) ** 2).sum(axis=0) / 2
    gains = np.clip(cross / np.where(power > 0, power, 1), 0, 1)
    left = gains**2 * (np.abs(first - second) ** 2).sum(axis=0)
    dimensions = 2 * left.sum() ** 2 / np.sum(left**2) if left.any() else float(u1.shape[1])
    found = [np.fft.irfft(gains * lines, u1.shape[1], axis=1) for lines in (first, second)]
    return found[0], found[1], dimensions


def _again(positions: Array, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of each position, shape (n, R), in the order of their first one; R is that of the rarest."""
    if len(positions) != len(frames):
        raise ValueError(f"positions must be one for each of {len(frames)} frames, got {len(positions)}")
    _, number, counts = np.unique(positions.round(9), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(number.reshape(-1), kind="stable")
    groups = np.split(frames[order], np.cumsum(counts)[:-1])
    R = int(counts.min())
    found = np.stack([frames_of[:R] for frames_of in groups])
    return found[np.argsort(found[:, 0])]


def _each_period(frames: NDArray[np.int64], periods: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of frames (n, R), once for each class of periods; periods (classes, 1)."""
    classes, (n, R) = len(periods), frames.shape
    return np.repeat(frames, classes, axis=0), np.broadcast_to(np.tile(periods, (n, 1)), (n * classes, R))
