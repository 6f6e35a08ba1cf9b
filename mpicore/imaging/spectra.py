"""Lines of a recording, frame by frame, without their background."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.empty_frames import background_weights, runs_of
from mpicore.mdf import Recording

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]


def corrected(recording: Recording) -> Iterator[tuple[NDArray[np.intp], Complexes]]:
    """Foreground frames without their background: their numbers (n,) and their lines (n, J, C, K), piece by piece."""
    background = recording.background
    subtracted = recording.processing is not None and recording.processing.background_corrected
    correct = background.any() and not subtracted
    if correct:
        frames_without, _ = empty(recording)
        weights = background_weights(background)
    for start, piece in _spectra(recording):
        frames = np.flatnonzero(~background[start : start + len(piece)])
        lines = piece[frames]
        if correct and frames.size:
            lines = lines - np.tensordot(weights[start + frames], frames_without, axes=1)[:, None]
        if frames.size:
            yield start + frames, lines


def empty(recording: Recording) -> tuple[Complexes, NDArray[np.intp]]:
    """Lines of the background frames, mean of their periods, (E, C, K); and the run of frames that each belongs to."""
    background = recording.background
    found = []
    for start, piece in _spectra(recording):
        chosen = background[start : start + len(piece)]
        if chosen.any():
            found.append(piece[chosen].mean(axis=1))
    return np.concatenate(found), runs_of(background)


def _spectra(recording: Recording) -> Iterator[tuple[int, Complexes]]:
    """The number of the first frame of each piece, and its lines (n, J, C, K)."""
    start = 0
    for piece in recording.blocks():
        yield start, np.fft.rfft(piece, axis=-1)
        start += len(piece)
