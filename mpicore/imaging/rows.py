"""The rows of a system matrix: which lines of which channels of a calibration are used, and their values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.empty_frames import noise_deviation
from mpicore.imaging.settings import Imaging
from mpicore.imaging.spectra import corrected, empty, empty_frames, mean_of_periods
from mpicore.mdf import Recording
from mpicore.skipped import Skipped

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]
_FUNDAMENTAL = 1.1  # lines below this multiple of the highest drive frequency are left out


@dataclass(frozen=True, eq=False)
class Rows:
    """Lines of channels.

    Attributes:
        channel, line: of each row, counted from 0, shape (M,).
        snr: ratio of amplitudes of signal and noise in the calibration, shape (M,); NaN where it is not known.
    """

    channel: NDArray[np.intp]
    line: NDArray[np.intp]
    snr: Floats


def select_rows(calibration: Recording, settings: Imaging, notes: list[str], skipped: Skipped | None = None) -> Rows:
    """Rows of a calibration whose SNR reaches the threshold; what was assumed is added to the notes.

    Args:
        calibration: system matrix.
        settings: threshold and lowest frequency.
        notes: that are added to.
        skipped: signals of the calibration that cannot be used; dead channels have no rows.

    Raises:
        ValueError: no row reaches it.
    """
    layout = calibration.layout
    assert layout is not None
    V = layout.shape[3]
    lines = np.arange(1, (V + 1) // 2)  # neither the mean nor the line at half the sampling frequency
    if layout.lines is not None:
        lines = np.intersect1d(lines, layout.lines)
    lowest = settings.lowest_frequency
    if lowest is None and calibration.drive is not None and np.isfinite(calibration.drive.frequencies).any():
        lowest = _FUNDAMENTAL * float(np.nanmax(calibration.drive.frequencies))
    spacing = 2 * calibration.receiver.bandwidth / V
    lines = lines[lines * spacing >= (lowest or 0)]
    if lines.size == 0:
        raise ValueError(f"lowest_frequency must leave a line of the calibration, got {lowest:g} Hz")
    notes.append(f"lines from {lines[0] * spacing / 1e3:.6g} to {lines[-1] * spacing / 1e3:.6g} kHz")
    snr = _snr(calibration, notes, skipped)
    dead = () if skipped is None else skipped.dead
    if snr is None:
        channels, places = np.divmod(np.arange(layout.shape[2] * lines.size), lines.size)
        alive = ~np.isin(channels, dead)
        channels, places = channels[alive], places[alive]
        notes.append("the noise of the calibration is not known, so no row is left out for it")
        return Rows(channels, lines[places], np.full(channels.size, np.nan))
    kept = snr[:, lines]
    good = kept >= settings.snr_threshold
    good[list(dead)] = False
    if not good.any():
        told = f"the highest is {kept.max():.3g}"
        raise ValueError(f"snr_threshold must leave a row of the calibration, got {settings.snr_threshold:g}; {told}")
    threshold = settings.snr_threshold
    if good.sum() > settings.most_rows:
        threshold = float(np.sort(kept, axis=None)[-settings.most_rows])
        good &= kept >= threshold
    channels, places = np.nonzero(good)
    told = ", ".join(f"{(channels == c).sum()} of channel {c + 1}" for c in range(layout.shape[2]))
    notes.append(f"{channels.size} rows of an SNR of {threshold:.3g} or more: {told}")
    return Rows(channels, lines[places], kept[good])


def _snr(calibration: Recording, notes: list[str], skipped: Skipped | None) -> Floats | None:
    """Ratio of amplitudes of signal and noise of each channel and line, (C, K), from the best that the file has."""
    _, J, C, V = calibration.shape
    told = calibration.calibration
    assert told is not None and calibration.layout is not None
    backgrounds = int(empty_frames(calibration, skipped).sum())
    if backgrounds < 2 and J == 1:
        if told.snr is None:
            return None
        notes.append("SNR of the calibration as the file tells it")
        full = np.zeros((C, V // 2 + 1))
        stored = calibration.layout.lines
        full[:, slice(None) if stored is None else stored] = np.nan_to_num(told.snr.mean(axis=0))
        return full
    energy, frames = np.zeros((C, V // 2 + 1)), np.zeros((C, 1))
    if backgrounds >= 2:
        notes.append(f"SNR of the calibration from its {backgrounds} background frames")
        for _, lines in corrected(calibration, skipped):
            lines, count = _whole(lines)
            energy += np.sum(np.abs(lines.mean(axis=1)) ** 2, axis=0)
            frames += count
        variance = noise_deviation(*empty(calibration, skipped)) ** 2
    else:
        notes.append(f"SNR of the calibration from the differences of its {J} periods")
        variance = np.zeros((C, V // 2 + 1))
        for _, lines in corrected(calibration, skipped):
            lines, count = _whole(lines)
            energy += np.sum(np.abs(lines.mean(axis=1)) ** 2, axis=0)
            variance += np.sum(np.var(lines, axis=1, ddof=1), axis=0) / J
            frames += count
        variance /= np.maximum(frames, 1)
    mean = energy / np.maximum(frames, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.sqrt(mean / variance), nan=0.0, posinf=np.finfo(np.float64).max)


def _whole(lines: Complexes) -> tuple[Complexes, Floats]:
    """Lines (n, J, C, K) with 0 in frames and channels of which a period is skipped; the number of others, (C, 1)."""
    there = np.asarray(np.all(np.isfinite(lines[..., 0]), axis=1))
    count = np.asarray(np.sum(there, axis=0), np.float64)[:, None]
    return np.where(there[:, None, :, None], lines, 0), count


def system_matrix(calibration: Recording, rows: Rows, skipped: Skipped | None = None) -> Complexes:
    """Rows of the system matrix, one column per voxel in the order of the calibration: shape (M, P), complex.

    Background frames are subtracted, interpolated in time, unless that was done before; periods are averaged. Of
    skipped signals those that are NaN are left out of the average; a voxel of which a channel has none has zeros.
    """
    assert calibration.layout is not None
    N = calibration.shape[0]
    recorded = np.arange(N) if calibration.layout.order is None else calibration.layout.order
    recorded = recorded[~calibration.background[recorded]]
    column = np.full(N, -1)
    column[recorded] = np.arange(len(recorded))
    matrix = np.empty((len(rows.line), len(recorded)), np.complex128)
    for frames, lines in corrected(calibration, skipped):
        mean = mean_of_periods(lines[:, :, rows.channel, rows.line])
        mean[~np.isfinite(mean).all(axis=1)] = 0
        matrix[:, column[frames]] = mean.T
    return matrix
