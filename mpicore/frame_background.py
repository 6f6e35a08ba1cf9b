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


class FrameBackground:
    """The background of each frame of a recording.

    Args:
        empty: frames of the empty scanner, shape (B, J, C, V).
        frames: their numbers in the recording, ascending, shape (B,).
        classes: of the periods of a frame, shape (J,): those of one class have the same background.

    Attributes:
        times: numbers of frames at which the background is known, shape (T,).
        means: the background at these, with the lines alone that stand out of its noise, shape (T, J, C, V).
        residual: what is left of the empty frames, shape (B, J, C, V).
        kept: which lines stand out at any time, shape (J, C, V // 2 + 1).

    Raises:
        ValueError: no frames, or another number of them.
    """

    def __init__(self, empty: Array, frames: ArrayLike, classes: ArrayLike) -> None:
        numbers = np.asarray(frames, np.int64)
        if not len(numbers) or len(numbers) != len(empty):
            raise ValueError(f"frames must be one for each of {len(empty)} empty frames, and at least 1")
        runs = np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) != 1) + 1)
        if len(runs) > _KNOTS:
            runs = [np.concatenate(part) for part in _thinned(runs)]
        self.times = np.array([numbers[run].mean() for run in runs])
        J, C, V = empty.shape[1:]
        self.means = np.zeros((len(runs), J, C, V))
        self.kept = np.zeros((J, C, V // 2 + 1), bool)
        kinds = np.asarray(classes)
        for kind in np.unique(kinds):
            same = np.flatnonzero(kinds == kind)
            for c in range(C):
                groups = [empty[run][:, same, c].reshape(-1, V) for run in runs]
                kept = stands_out(groups)
                self.kept[same, c] = kept
                for knot, group in enumerate(groups):
                    line = np.where(kept, np.fft.rfft(group.mean(axis=0)), 0)
                    self.means[knot, same, c] = np.fft.irfft(line, V)
        self.residual = empty - self.at(numbers)

    def at(self, frames: ArrayLike) -> Array:
        """The background of frames by their numbers (n,), shape (n, J, C, V)."""
        when = np.asarray(frames, np.float64)
        if len(self.times) == 1:
            return np.broadcast_to(self.means[0], (len(when), *self.means.shape[1:]))
        right = np.clip(np.searchsorted(self.times, when), 1, len(self.times) - 1)
        width = self.times[right] - self.times[right - 1]
        share = np.clip((when - self.times[right - 1]) / width, 0, 1)[:, None, None, None]
        return np.asarray((1 - share) * self.means[right - 1] + share * self.means[right])


def _thinned(runs: list[NDArray[np.int64]]) -> list[list[NDArray[np.int64]]]:
    """Runs in so many groups of neighbours as are kept."""
    edges = np.linspace(0, len(runs), _KNOTS + 1).astype(int)
    return [runs[first:last] for first, last in pairwise(edges)]
