"""Files that are whole or absent, and tensors that are checked when read. Nothing here unpickles."""

import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

if sys.platform != "win32":  # there, what a kill leaves stays
    import fcntl

#: End of the name of a file that is being written.
_DRAFT = ".draft"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it into place when the block ends without an error.

    What a killed process has left of the same file goes with the next one.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; the message names folder or file.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place = _shared(target)
    except OSError as error:
        raise OSError(f"cannot write into folder {target.parent}: {error.strerror or error}") from error
    try:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_DRAFT, dir=target.parent)
        except OSError as error:
            raise OSError(f"cannot write into folder {target.parent}: {error.strerror or error}") from error
        os.close(handle)
        os.chmod(name, 0o644)
        temporary = Path(name)
        try:
            with writing(target):
                yield temporary
                with open(temporary, "rb") as stream:
                    os.fsync(stream.fileno())
                os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    finally:
        if place is not None:
            os.close(place)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name the file or folder, of which a block writes, in the error that ends it.

    Raises:
        OSError: of the block, with the name in its message.
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def copy(source: str | Path, target: str | Path) -> None:
    """Copy the content of a file in one move.

    Raises:
        OSError: the source cannot be read, or the target not be written; the message names it.
    """
    with open(source, "rb") as stream, replacing(target) as temporary, open(temporary, "wb") as written:
        shutil.copyfileobj(stream, written, 2**20)


def _shared(target: Path) -> int | None:
    """Open the folder of a file with a lock that all who write there share, and a kill releases.

    Whoever has it alone for a moment knows that every draft in the folder was left by a process that is gone, and
    removes those of this file. File systems without such locks keep them.
    """
    if sys.platform == "win32":
        return None
    place = os.open(target.parent, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in target.parent.iterdir():
            if left.name.startswith(f".{target.name}.") and left.name.endswith(_DRAFT):
                left.unlink(missing_ok=True)
    with suppress(OSError):
        fcntl.flock(place, fcntl.LOCK_SH)
    return place


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in one move."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write readable JSON in one move."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def digest(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_tensors(
    path: str | Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write arrays and a JSON-able dictionary as safetensors in one move, with a digest over both."""
    text = json.dumps(metadata or {}, sort_keys=True)
    arrays = {name: np.array(array, order="C") for name, array in sorted(tensors.items())}
    # One field alone: safetensors writes several in random order, and equal content should give equal files.
    content = json.dumps({"metadata": text, "digest": _digest(arrays, text)})
    with replacing(path) as temporary:
        temporary.write_bytes(save(arrays, metadata={"content": content}))


def load_tensors(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote.

    Returns:
        The arrays and the dictionary.

    Raises:
        ValueError: the file is cut short, altered, or was not written by :func:`save_tensors`; the message names it.
    """
    data = Path(path).read_bytes()
    try:
        arrays = load(data)
        header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
        fields = json.loads(header["__metadata__"]["content"])
        if fields["digest"] != _digest(arrays, fields["metadata"]):
            raise ValueError("its content does not match its digest")
        return arrays, json.loads(fields["metadata"])
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to start over") from error


def _digest(arrays: Mapping[str, NDArray[Any]], text: str) -> str:
    total = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
