"""Images as files that other programs open: NIfTI-1 and PNG."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import files

_SHOWN = 12  # images of a picture
_FLOAT32, _BITS = 16, 32  # NIfTI's number of the type, and its size
_MM_SECONDS = 2 | 8  # NIfTI's units of space and time
_SCANNER = 1  # NIfTI's name of the coordinates: those of the scanner


def write_nifti(
    path: str | Path, images: ArrayLike, voxel_size: ArrayLike, center: ArrayLike = (0, 0, 0), interval: float = 0.0
) -> None:
    """Write images as NIfTI-1, float32, in one move; ``.nii.gz`` is compressed.

    The header of 348 bytes is that of nifti1.h (R. W. Cox et al., 2004). Voxel coordinates become those of the scanner
    [mm] by the sform, and by the same qform without rotation.

    Args:
        path: ends with .nii or .nii.gz.
        images: shape (n, nz, ny, nx); n = 1 makes a volume, more a series.
        voxel_size: along x, y and z [m].
        center: of the field of view [m].
        interval: time from image to image [s]; 0 where it is not known.

    Raises:
        OSError: the file cannot be written.
        ValueError: another number of axes, more than 32767 along one, sizes that are not positive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_nifti(folder + "/image.nii", np.ones((1, 2, 3, 4)), (1e-3, 1e-3, 2e-3))
        ...     print(Path(folder + "/image.nii").stat().st_size)
        448
    """
    values, size, middle = _checked(images, voxel_size, center)
    n, nz, ny, nx = values.shape
    if max(values.shape) > 32767:
        raise ValueError(f"images must have at most 32767 along each axis, got {values.shape}")
    step = 1e3 * size
    origin = 1e3 * middle - step * (np.array([nx, ny, nz]) - 1) / 2
    header = bytearray(352)  # and four bytes that say that no extension follows
    dim = (4 if n > 1 else 3, nx, ny, nz, n, 1, 1, 1)
    for place, layout, fields in (
        (0, "i", (348,)),
        (40, "8h", dim),
        (70, "2h", (_FLOAT32, _BITS)),
        (76, "8f", (1.0, *step, interval, 0.0, 0.0, 0.0)),
        (108, "3f", (352.0, 1.0, 0.0)),  # where the values begin, their scale and intercept
        (123, "B", (_MM_SECONDS,)),
        (124, "2f", (float(values.max()), 0.0)),  # what viewers show as white and black
        (252, "2h", (_SCANNER, _SCANNER)),
        (256, "6f", (0.0, 0.0, 0.0, *origin)),
        (280, "4f", (step[0], 0.0, 0.0, origin[0])),
        (296, "4f", (0.0, step[1], 0.0, origin[1])),
        (312, "4f", (0.0, 0.0, step[2], origin[2])),
        (344, "4s", (b"n+1\0",)),
    ):
        struct.pack_into("<" + layout, header, place, *fields)
    content = bytes(header) + values.astype("<f4").tobytes()
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content)


def write_png(path: str | Path, images: ArrayLike, voxel_size: ArrayLike, center: ArrayLike = (0, 0, 0)) -> None:
    """Write a picture of up to twelve images, evenly chosen, in one move.

    Raises:
        OSError: the file cannot be written.
        ValueError: another number of axes, sizes that are not positive.
    """
    figure = picture(images, voxel_size, center)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def picture(images: ArrayLike, voxel_size: ArrayLike, center: ArrayLike = (0, 0, 0)) -> Any:
    """A matplotlib figure of up to twelve images, evenly chosen, with one scale from 0 to the largest value.

    Of a volume the largest value along z is shown, of a line a curve. Axes are named at the left and at the bottom.

    Args:
        images: shape (n, nz, ny, nx).
        voxel_size: along x, y and z [m].
        center: of the field of view [m].

    Raises:
        ValueError: another number of axes, sizes that are not positive.
    """
    values, size, middle = _checked(images, voxel_size, center)
    chosen = np.unique(np.linspace(0, len(values) - 1, min(_SHOWN, len(values))).round().astype(int))
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(2.6 * columns + 1, 2.6 * rows + 0.4)
    axes = figure.subplots(rows, columns, squeeze=False)
    flat = values.max(axis=1)
    top = float(flat.max()) or 1.0
    extent = 1e3 * (middle[:, None] + size[:, None] * np.array(values.shape[:0:-1])[:, None] * [-0.5, 0.5])
    shown = None
    for place, axis in enumerate(axes.ravel()):
        if place >= len(chosen):
            axis.axis("off")
            continue
        image = flat[chosen[place]]
        axis.set_title(f"image {chosen[place] + 1}", fontsize="medium")
        lowest, leftmost = place + columns >= len(chosen), place % columns == 0
        axis.set_xlabel("x / mm" if lowest else "")
        if image.shape[0] == 1:
            x = extent[0, 0] + 1e3 * size[0] * (np.arange(image.shape[1]) + 0.5)
            axis.plot(x, image[0])
            axis.set_ylim(0, 1.05 * top)
        else:
            axis.set_ylabel("y / mm" if leftmost else "")
            axis.tick_params(labelbottom=lowest, labelleft=leftmost)
            axis.grid(False)
            box = (*extent[0], *extent[1])
            shown = axis.imshow(image, origin="lower", extent=box, vmin=0, vmax=top, cmap="viridis")
    if shown is not None:
        figure.colorbar(shown, ax=axes, label="tracer, in calibration samples", shrink=0.8)
    return figure


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure [inch].

    Raises:
        ValueError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # the library works without matplotlib but for pictures
    except ModuleNotFoundError:
        raise ValueError("pictures need matplotlib, which is not installed: pip install matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def _checked(
    images: ArrayLike, voxel_size: ArrayLike, center: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    values = np.asarray(images, np.float64)
    if values.ndim != 4 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"images must be finite and of shape (n, nz, ny, nx), got shape {values.shape}")
    size, middle = np.asarray(voxel_size, np.float64), np.asarray(center, np.float64)
    if size.shape != (3,) or not np.isfinite(size).all() or (size <= 0).any():
        raise ValueError(f"voxel_size must be three positive numbers, got {voxel_size!r}")
    if middle.shape != (3,) or not np.isfinite(middle).all():
        raise ValueError(f"center must be three finite numbers, got {center!r}")
    return values, size, middle
