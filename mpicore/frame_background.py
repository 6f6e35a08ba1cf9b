"""The background of a recording, from the frames of the empty scanner between those of the objects.

Frames that follow each other tell the background of their time as their mean; between two such times it is the straight
line. The mean has noise of its own, which all signals would share: lines in which it does not stand out of that noise
are left as they are (:mod:`mpicore.background`).
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore.background import stands_out

Array = NDArray[np.floating[Any]]
_KNOTS = 32  #: times at most at which a background is kept
_FREEDOM = 8  #: degrees of freedom of the noise of empty frames, below which they hardly tell a line from it


class FrameBackground:
    """The background of each frame of a recording.

    Args:
        empty: frames of the empty scanner, shape (B, J, C, V).
        frames: their numbers in the recording, ascending, shape (B,).
        classes: of the periods of a frame, shape (J,): those of one class have the same background.
        repeats: periods of objects in the same fields, shape (n, R, C, V), whose differences tell the noise where the
            empty frames are too few for it.

    Attributes:
        times: numbers of frames at which the background is known, shape (T,).
        means: the background at these, with the lines alone that stand out of its noise, shape (T, J, C, V).
        residual: the noise of the empty frames, shape (B, J, C, V), in lines where a mean was taken off with the power
            that went with it; without frames where this was all of it.
        kept: which lines stand out at any time, shape (J, C, V // 2 + 1).
        told: there is enough to tell lines of the background from noise.

    Raises:
        ValueError: no frames, or another number of them.
    """

    def __init__(self, empty: Array, frames: ArrayLike, classes: ArrayLike, repeats: Array | None = None) -> None:
        numbers = np.asarray(frames, np.int64)
        if not len(numbers) or len(numbers) != len(empty):
            raise ValueError(f"frames must be one for each of {len(empty)} empty frames, and at least 1")
        runs = np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) != 1) + 1)
        runs = _merged(runs)
        self.times = np.array([numbers[run].mean() for run in runs])
        J, C, V = empty.shape[1:]
        self.means = np.zeros((len(runs), J, C, V))
        self.kept = np.zeros((J, C, V // 2 + 1), bool)
        kinds = np.asarray(classes)
        self.told = True
        for kind in np.unique(kinds):
            same = np.flatnonzero(kinds == kind)
            for c in range(C):
                groups = [empty[run][:, same, c].reshape(-1, V) for run in runs]
                kept = self._standing_out(groups, None if repeats is None else repeats[:, :, c])
                self.kept[same, c] = kept
                for knot, group in enumerate(groups):
                    line = np.where(kept, np.fft.rfft(group.mean(axis=0)), 0)
                    self.means[knot, same, c] = np.fft.irfft(line, V)
        self.residual = self._residual(empty, numbers)

    def _standing_out(self, groups: list[Array], repeats: Array | None) -> NDArray[np.bool_]:
        degrees = sum(map(len, groups)) - len(groups)
        if not 0 < degrees < _FREEDOM:
            return stands_out(groups)
        if repeats is not None:
            whole = repeats[np.isfinite(repeats).all(axis=(1, 2))]
            more = len(whole) * (repeats.shape[1] - 1)
            if more >= _FREEDOM:
                return stands_out(groups, np.var(np.fft.rfft(whole), axis=1, ddof=1).mean(axis=0), more)
        self.told = False
        return stands_out(groups)

    def _residual(self, empty: Array, numbers: NDArray[np.int64]) -> Array:
        left = len(empty) - len(self.times)
        if not left:
            return empty[:0]
        gain = np.where(self.kept, np.sqrt(len(empty) / left), 1)
        return np.fft.irfft(np.fft.rfft(empty - self.at(numbers), axis=-1) * gain, empty.shape[-1], axis=-1)

    def at(self, frames: ArrayLike) -> Array:
        """The background of frames by their numbers (n,), shape (n, J, C, V)."""
        when = np.asarray(frames, np.float64)
        if len(self.times) == 1:
            return np.broadcast_to(self.means[0], (len(when), *self.means.shape[1:]))
        right = np.clip(np.searchsorted(self.times, when), 1, len(self.times) - 1)
        width = self.times[right] - self.times[right - 1]
        share = np.clip((when - self.times[right - 1]) / width, 0, 1)[:, None, None, None]
        found = np.empty((len(when), *self.means.shape[1:]))
        for knot in np.unique(right):  # frames between the same two times together: each is read once
            frames = np.flatnonzero(right == knot)
            between = slice(frames[0], frames[-1] + 1) if len(frames) == np.ptp(frames) + 1 else frames
            line = share[between] * (self.means[knot] - self.means[knot - 1])
            line += self.means[knot - 1]
            found[between] = line
        return found


def _merged(runs: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Neighbouring runs as one where there are too many, or where each is a single frame, which does not tell noise."""
    groups = min(len(runs), _KNOTS)
    if all(len(run) == 1 for run in runs):
        groups = min(max(1, len(runs) // 2), _KNOTS)
    edges = np.linspace(0, len(runs), groups + 1).astype(int)
    return [np.concatenate(runs[first:last]) for first, last in pairwise(edges)]
