"""Lines of a recording, frame by frame, without their background."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.empty_frames import background_weights, runs_of
from mpicore.mdf import Recording
from mpicore.skipped import Skipped

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]


def corrected(recording: Recording, skipped: Skipped | None = None) -> Iterator[tuple[NDArray[np.intp], Complexes]]:
    """Foreground frames without their background: their numbers (n,) and their lines (n, J, C, K), piece by piece.

    The lines of skipped signals are NaN, and background frames with some are not subtracted from others.
    """
    background = recording.background
    subtracted = recording.processing is not None and recording.processing.background_corrected
    told = empty_frames(recording, skipped)
    correct = told.any() and not subtracted
    if correct:
        frames_without, _ = empty(recording, skipped)
        weights = background_weights(background, told)[:, told[background]]
    for start, piece in _spectra(recording):
        frames = np.flatnonzero(~background[start : start + len(piece)])
        lines = piece[frames]
        if skipped is not None:
            lines[~skipped.good[start + frames]] = np.nan
        if correct and frames.size:
            lines = lines - np.tensordot(weights[start + frames], frames_without, axes=1)[:, None]
        if frames.size:
            yield start + frames, lines


def empty_frames(recording: Recording, skipped: Skipped | None = None) -> NDArray[np.bool_]:
    """Which frames tell the background, shape (N,)."""
    return recording.background if skipped is None else skipped.empty


def empty(recording: Recording, skipped: Skipped | None = None) -> tuple[Complexes, NDArray[np.intp]]:
    """Lines of the frames that tell the background, (E, C, K); and the run of frames that each belongs to.

    They are the mean of the periods of each frame. Those of dead channels are 0.
    """
    background, told = recording.background, empty_frames(recording, skipped)
    found = []
    for start, piece in _spectra(recording):
        chosen = told[start : start + len(piece)]
        if chosen.any():
            found.append(piece[chosen].mean(axis=1))
    lines = np.concatenate(found)
    if skipped is not None:
        lines[:, list(skipped.dead)] = 0
    return lines, runs_of(background)[told[background]]


def mean_of_periods(lines: Complexes) -> Complexes:
    """Mean over those periods of lines (n, R, M) that are not NaN, shape (n, M); NaN where all are."""
    found = lines.mean(axis=1)
    broken = ~np.isfinite(found).all(axis=1)
    if broken.any():
        there = np.isfinite(lines[broken])
        count = there.sum(axis=1)
        total = np.where(there, lines[broken], 0).sum(axis=1)
        found[broken] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _spectra(recording: Recording) -> Iterator[tuple[int, Complexes]]:
    """The number of the first frame of each piece, and its lines (n, J, C, K)."""
    start = 0
    for piece in recording.blocks():
        yield start, np.fft.rfft(piece, axis=-1)
        start += len(piece)
