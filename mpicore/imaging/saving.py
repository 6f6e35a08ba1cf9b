"""Images in a file, whose kind its name tells."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from mpicore import files, image_files, mdf
from mpicore.imaging.images import Images
from mpicore.imaging.settings import Imaging

#: Endings of files that images are written to.
SUFFIXES = (".mdf", ".nii", ".nii.gz", ".png")


def check_suffix(path: str | Path) -> str:
    """The ending of a file that images can be written to.

    Raises:
        ValueError: there is no such kind.
    """
    for suffix in reversed(SUFFIXES):
        if str(path).lower().endswith(suffix):
            return suffix
    raise ValueError(f"the name of an image must end with {', '.join(SUFFIXES)}; got {path}")


def save(
    images: Images, path: str | Path, recording: mdf.Recording, calibration: mdf.Recording, settings: Imaging
) -> None:
    """Write images as MDF (``/reconstruction``), NIfTI or a picture, by the ending of the name.

    Where the calibration does not tell its field of view, NIfTI and pictures have voxels of 1 mm.

    Raises:
        OSError: the file cannot be written.
        ValueError: another ending; the path is that of the recording.
    """
    suffix = check_suffix(path)
    if Path(path).resolve() in (recording.path.resolve(), calibration.path.resolve()):
        raise ValueError(f"path must be another file than those that are read, got {path}")
    size = np.full(3, 1e-3) if images.voxel_size is None else images.voxel_size
    center = np.zeros(3) if images.center is None else images.center
    if suffix == ".png":
        image_files.write_png(path, images.values, size, center)
    elif suffix != ".mdf":
        frame = recording.drive.cycle * recording.acquisition.averages * recording.shape[1] if recording.drive else 0.0
        image_files.write_nifti(path, images.values, size, center, settings.average * frame)
    else:
        options = asdict(settings) | {
            "relative_lambda": images.relative_lambda,
            "rows": len(images.rows.line),
            "notes": list(images.notes),
        }
        digests = {"calibration": files.digest(calibration.path)}
        step = mdf.Provenance("regularised Kaczmarz, x >= 0", options, digests=digests)
        view = None if images.voxel_size is None else images.voxel_size * np.array(images.values.shape[:0:-1])
        mdf.write_images(recording, images.values, path, step, view, images.center)
