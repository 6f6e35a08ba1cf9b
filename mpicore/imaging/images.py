"""From two files to images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.empty_frames import noise_deviation
from mpicore.imaging.comparison import compare
from mpicore.imaging.rows import Rows, select_rows, system_matrix
from mpicore.imaging.settings import Imaging
from mpicore.imaging.solution import image
from mpicore.imaging.spectra import corrected, empty, empty_frames, mean_of_periods
from mpicore.mdf import Recording
from mpicore.skipped import Skipped

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]
_SAME = 1e-9  # of their energy: the difference of two halves that are one


@dataclass(frozen=True, eq=False)
class Images:
    """Images, and how they were made.

    Attributes:
        values: amount of tracer in each voxel, in units of the sample of the calibration, shape (n, nz, ny, nx); 0
            where nothing of an image could be used.
        voxel_size, center: along x, y and z, shape (3,) [m]; ``None`` where the calibration does not tell them.
        rows: that were used.
        relative_lambda: strength of the regularisation.
        errors: noisy error of each strength that was tried, by strength; empty where none was.
        explained: share of the energy of the other half that an image predicts; NaN without another half.
        signal: share of that energy that both halves have in common, so that can be explained; NaN likewise.
        notes: what was assumed, one line each.
    """

    values: Floats
    voxel_size: Floats | None
    center: Floats | None
    rows: Rows
    relative_lambda: float
    errors: dict[float, float]
    explained: float
    signal: float
    notes: tuple[str, ...]


def reconstruct(
    recording: Recording, calibration: Recording, settings: Imaging | None = None, skipped: Skipped | None = None
) -> Images:
    """Make images of the foreground frames of a recording.

    Signals that cannot be used are skipped, and named in the notes (:mod:`mpicore.skipped`): an image is made of its
    other periods and channels.

    Args:
        recording: read with ``finite=False`` if some of its signals may be NaN; so the calibration.
        calibration: of the same scan.
        settings: how images are made.
        skipped: signals of the recording that cannot be used; by default it is looked for them.

    Raises:
        ValueError: the calibration is none, or of another scan; no row has a signal; a channel whose sign is the
            opposite of the calibration's; signals that the matrix does not explain; nothing can be used.
    """
    chosen = settings or Imaging()
    compare(recording, calibration)
    broken = Skipped.of(recording) if skipped is None else skipped
    broken_matrix = Skipped.of(calibration, constant=False)
    notes = [*broken.told(), *(f"of the calibration: {line}" for line in broken_matrix.told() if "skipped" in line)]
    rows = select_rows(calibration, chosen, notes, broken_matrix)
    alive = ~np.isin(rows.channel, broken.dead)
    if not alive.any():
        raise ValueError(f"{recording.path} must have a signal in a channel of the calibration, all are dead")
    rows = Rows(rows.channel[alive], rows.line[alive], rows.snr[alive])
    halves, deviation = _measured(recording, rows, chosen, notes, broken)
    known = bool(deviation.any())
    if not known:
        deviation = np.ones(len(rows.line))
        notes.append("the noise of the recording is not known, so all rows have one weight")
    alive = deviation > 0
    if not alive.all():
        silent = ", ".join(str(c + 1) for c in np.unique(rows.channel[~alive]))
        notes.append(f"{(~alive).sum()} rows without any noise are left out, of channel {silent}: dead, or set to zero")
    rows = Rows(rows.channel[alive], rows.line[alive], rows.snr[alive])
    weights = deviation[alive].min() / deviation[alive]
    matrix = system_matrix(calibration, rows, broken_matrix) * weights[:, None]
    first, second = (None if half is None else half[:, alive] * weights for half in halves)
    assert first is not None
    single = known and recording.shape[1] * chosen.average == 1  # else the noise of equal periods is not known
    noise = float(alive.sum() * deviation[alive].min() ** 2) if single else None  # weighted rows have the least one
    found = image(matrix, first, second, chosen, rows.channel, noise)
    size, order = _grid(calibration, len(matrix.T))
    values = found.values.reshape(len(found.values), *(size["xyz".index(axis)] for axis in reversed(order)))
    # The axis that is named first is the last of the array; images have z, y, x.
    axes = [1 + list(reversed(order)).index(axis) for axis in "zyx"]
    told = calibration.calibration
    assert told is not None
    view = told.field_of_view
    return Images(
        values=np.ascontiguousarray(values.transpose(0, *axes)),
        voxel_size=None if view is None else view / np.array(size),
        center=np.zeros(3) if told.field_of_view_center is None else told.field_of_view_center,
        rows=rows,
        relative_lambda=found.relative_lambda,
        errors=found.errors,
        explained=found.explained,
        signal=found.signal,
        notes=(*notes, *found.notes),
    )


def described(images: Images) -> dict[str, str]:
    """What came out, in a few lines."""
    n, *shape = images.values.shape
    side = images.voxel_size
    told = "" if side is None else " of " + " x ".join(f"{1e3 * length:.4g}" for length in side) + " mm"
    found = {
        "images": f"{n} of {' x '.join(map(str, shape[::-1]))} voxels{told}",
        "largest value": f"{images.values.max():.4g} samples of the calibration",
        "regularisation": f"{images.relative_lambda:.3g}",
    }
    if np.isfinite(images.signal):
        found["explained"] = f"{images.explained:.1%} of the energy of the other half; {images.signal:.1%} is signal"
    else:
        found["explained"] = f"{images.explained:.1%} of the energy that the images were made of"
    return found


def _measured(
    recording: Recording, rows: Rows, settings: Imaging, notes: list[str], skipped: Skipped
) -> tuple[tuple[Complexes, Complexes | None], Floats]:
    """Lines of two halves of the periods of each image, (n, M), and the noise of each row in a frame's mean, (M,).

    Lines are NaN where a half has no signal that can be used.
    """
    _, J, C, _ = recording.shape
    if any(channel >= C for channel in settings.flipped):
        raise ValueError(f"flipped must be channels from 0 to {C - 1}, got {settings.flipped}")
    sign = np.where(np.isin(rows.channel, settings.flipped), -1.0, 1.0)
    found = [lines[:, :, rows.channel, rows.line] * sign for _, lines in corrected(recording, skipped)]
    if not found:
        raise ValueError(f"{recording.path} must have foreground frames, all are background")
    lines = np.concatenate(found)
    saturated = skipped.saturated[~recording.background][:, :, rows.channel]
    average = settings.average
    if len(lines) < average:
        raise ValueError(f"average must be at most {len(lines)}, the number of foreground frames, got {average}")
    kept = len(lines) // average * average
    if kept < len(lines):
        notes.append(f"the last {len(lines) - kept} frames are left out, which do not fill an average of {average}")
    grouped = lines[:kept].reshape(-1, average * J, lines.shape[2])
    backgrounds = int(empty_frames(recording, skipped).sum())
    if backgrounds >= 2:
        spectra, runs = empty(recording, skipped)
        deviation = noise_deviation(spectra[:, rows.channel, rows.line], runs)
        notes.append(f"weights of the rows from the {backgrounds} background frames of the recording")
    elif J > 1:
        variance = np.var(lines, axis=1, ddof=1)
        there = np.isfinite(variance)
        mean = np.where(there, variance, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        deviation = np.sqrt(mean / J)
        notes.append("weights of the rows from the differences of the periods, as there are no two background frames")
    else:
        deviation = np.zeros(lines.shape[2])
    if saturated.any():  # a saturated signal is used where there is no other of the same image alone
        clipped = saturated[:kept].reshape(grouped.shape)
        others = (np.isfinite(grouped) & ~clipped).any(axis=1, keepdims=True)
        grouped = np.where(clipped & others, np.nan, grouped)
    if grouped.shape[1] > 1:
        half = grouped.shape[1] // 2
        first, second = mean_of_periods(grouped[:, 0 : 2 * half : 2]), mean_of_periods(grouped[:, 1 : 2 * half : 2])
        whole = np.isfinite(first) & np.isfinite(second)
        if _energy((first - second)[whole]) < _SAME * _energy(first[whole]):
            notes.append("the periods of a frame are equal, as a denoised recording has them: no half predicts another")
            return (mean_of_periods(grouped), None), deviation
        if grouped.shape[1] % 2:
            notes.append(f"of {grouped.shape[1]} periods the last is left out, so that both halves have as many")
        if J == 1:
            notes.append("halves are every other frame, so the object is taken to rest during an average")
        return (first, second), deviation
    return (grouped[:, 0], None), deviation


def _energy(lines: Complexes) -> float:
    return float(np.sum(np.abs(lines) ** 2))


def _grid(calibration: Recording, voxels: int) -> tuple[tuple[int, int, int], str]:
    """Voxels along x, y and z, and the order of the axes, the fastest first."""
    told = calibration.calibration
    assert told is not None
    size = (voxels, 1, 1) if told.size is None else told.size
    if size[0] * size[1] * size[2] != voxels:
        product = " x ".join(map(str, size))
        raise ValueError(
            f"{calibration.path}: /calibration/size must be of {voxels} foreground frames, it is {product}"
        )
    return size, told.order
