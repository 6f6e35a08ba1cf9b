"""Arrays that are made once, kept as files, and shared between processes as memory maps."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mpicore import files

Arrays = dict[str, np.ndarray[Any, Any]]


def shared(folder: str | Path | None, name: str, make: Callable[[], Mapping[str, np.ndarray[Any, Any]]]) -> Arrays:
    """The arrays of this name: mapped from ``folder`` where they are there, else made and kept there.

    Two processes that ask at once wait for each other. A process that is killed leaves nothing that counts as whole.
    What is written into a mapped array stays in this process.

    Args:
        folder: of all such arrays; ``None`` to keep them in memory alone.
        name: of these, a hash of everything that decides them.
        make: gives the arrays.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the message names it.
    """
    if folder is None:
        return dict(make())
    target = Path(folder) / name
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock(target.with_suffix(".lock")):
            if not target.is_dir():
                _write(target, make())
    return {path.stem: np.load(path, mmap_mode="c") for path in sorted(target.glob("*.npy"))}


@contextmanager
def lock(path: str | Path) -> Iterator[None]:
    """Hold a lock that other processes wait for, and that the end of this process releases, whatever ends it."""
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _write(target: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    # What a killed process has left of the same arrays; the lock says that it is gone.
    for left in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(left)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with files.writing(target):
            for name, array in arrays.items():
                _save(draft / f"{name}.npy", np.ascontiguousarray(array))
            draft.chmod(0o755)  # temporary folders are private
            os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _save(path: Path, array: np.ndarray[Any, Any]) -> None:
    try:
        np.save(path, array)
    except OSError as error:
        if error.errno is not None:
            raise
        raise OSError(f"{error} bytes; the disk is full") from error  # all that NumPy says: how much was written
