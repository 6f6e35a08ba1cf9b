"""Images as a file of the format: what the recording says of itself, and a group of a reconstruction."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import ArrayLike

from mpicore import files
from mpicore.mdf.creating import now, uuid
from mpicore.mdf.description import Provenance
from mpicore.mdf.recording import Recording
from mpicore.mdf.tree import Tree
from mpicore.mdf.writing import Disk, copy, first_step, write_steps

_GROUP = "/reconstruction"


def write_images(
    recording: Recording,
    images: ArrayLike,
    path: str | Path,
    provenance: Provenance,
    field_of_view: ArrayLike | None = None,
    center: ArrayLike | None = None,
) -> None:
    """Write images of a recording as a file of its own, in one move.

    All that the recording says of itself is kept, but for its signals and an earlier reconstruction.

    Args:
        recording: that the images were made of.
        images: shape (n, nz, ny, nx); ``data`` has x as its fastest axis.
        path: of the new file; not that of the recording.
        provenance: how the images were made; the digest of the recording is added.
        field_of_view, center: along x, y and z [m].

    Raises:
        OSError: the file cannot be written.
        ValueError: another number of axes; the path is that of the recording.
    """
    values = np.asarray(images, np.float32)
    if values.ndim != 4:
        raise ValueError(f"images must have the shape (n, nz, ny, nx), got {values.shape}")
    if Path(path).resolve() == recording.path.resolve():
        raise ValueError(f"path must be another file than the recording, got {path}")
    with Tree(recording.path) as source, files.replacing(path) as temporary, Disk(temporary, "r+") as disk:
        left = {name for name in source.datasets if name.startswith(("/measurement/", "/calibration/", _GROUP + "/"))}
        with h5py.File(disk, "w") as target:
            copy(source, target, left | {"/time", "/uuid"})
            for group in ("measurement", "calibration", "reconstruction"):
                if group in target:
                    del target[group]
            target["/time"], target["/uuid"] = now(), uuid()
            target[f"{_GROUP}/data"] = values.reshape(len(values), -1, 1)
            target[f"{_GROUP}/size"] = np.array(values.shape[:0:-1], np.int64)
            target[f"{_GROUP}/order"] = "xyz"
            for name, vector in (("fieldOfView", field_of_view), ("fieldOfViewCenter", center)):
                if vector is not None:
                    target[f"{_GROUP}/{name}"] = np.asarray(vector, np.float64)
            write_steps(target, (provenance,), first_step(source), {"input": files.digest(recording.path)})
            disk.check()
        disk.check()
