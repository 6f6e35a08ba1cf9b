"""Background frames of a recording: what is subtracted from each frame, and how large the noise is.

Frames are numbered in the order of recording. Background frames that follow each other are a run, whose mean is the
background at its middle; between two runs the background is taken to change linearly, and beyond the first and the last
one to stay.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def runs_of(background: ArrayLike) -> NDArray[np.intp]:
    """Number of the run of each background frame, shape (E,), of a mask of all frames, shape (N,)."""
    mask = np.asarray(background, bool)
    begins = mask & ~np.concatenate([[False], mask[:-1]])
    return (np.cumsum(begins) - 1)[mask]


def background_weights(background: ArrayLike, used: ArrayLike | None = None) -> NDArray[np.float64]:
    """Share of each background frame in the background of each frame, shape (N, E); every row sums to one.

    Args:
        background: which frames have no sample, shape (N,).
        used: which of them tell the background, shape (N,); all by default. The others have no share.

    Raises:
        ValueError: there is no background frame, or none that is used.

    Example:
        >>> background_weights([True, False, False, True])
        array([[1.        , 0.        ],
               [0.66666667, 0.33333333],
               [0.33333333, 0.66666667],
               [0.        , 1.        ]])
    """
    mask = np.asarray(background, bool)
    if mask.ndim != 1 or not mask.any():
        raise ValueError(f"background must mark at least one of the frames, got {mask.sum()} in shape {mask.shape}")
    runs, places = runs_of(mask), np.flatnonzero(mask)
    members = (runs == np.arange(runs[-1] + 1)[:, None]).astype(np.float64)
    if used is not None:
        members *= np.asarray(used, bool)[places]
        members = members[members.any(axis=1)]
        if not len(members):
            raise ValueError("used must leave at least one background frame, got none")
    members /= members.sum(axis=1, keepdims=True)
    middles = members @ places
    frames = np.arange(len(mask))
    share = np.stack([np.interp(frames, middles, row) for row in np.eye(len(middles))], axis=1)
    return np.asarray(share @ members)


def noise_deviation(empty: NDArray[Any], runs: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation of background frames about the mean of their run, so that drift between runs is no noise.

    Args:
        empty: shape (E, ...), real or complex.
        runs: number of the run of each frame, shape (E,).

    Returns:
        Shape (...), the root of the mean square; where no run has two frames, about the mean of all.

    Raises:
        ValueError: fewer than two frames.
    """
    number = np.asarray(runs)
    if len(empty) < 2:
        raise ValueError(f"empty must hold at least two frames, got {len(empty)}")
    if len(np.unique(number)) == len(number):
        number = np.zeros_like(number)
    total, freedom = np.zeros(empty.shape[1:]), 0
    for run in np.unique(number):
        part = empty[number == run]
        total += np.sum(np.abs(part - part.mean(axis=0)) ** 2, axis=0)
        freedom += len(part) - 1
    return np.sqrt(total / freedom)
