"""An HDF5 file as a flat table of its data sets. No link is followed, and every value is checked when it is read."""

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

# More than any file of the format needs, and little enough for any machine.
_OBJECTS, _DEPTH, _STRINGS, _BYTES = 5_000, 16, 100_000, 2**28
# What a message shows of a value.
_SHOWN = 60

#: Names of drafts and of common programs, and what the format calls them.
EARLY = {
    "/acquisition/numPeriods": "/acquisition/numPeriodsPerFrame",
    "/acquisition/drivefield/period": "/acquisition/drivefield/cycle",
    "/calibration/offsetField": "/calibration/offsetFields",
    "/measurement/isFramePermution": "/measurement/isFramePermutation",
    "/measurement/isPermuted": "/measurement/isFastFrameAxis",
    "/measurement/isTransposed": "/measurement/isFastFrameAxis",
    "/measurement/sparsityIndices": "/measurement/subsamplingIndices",
    "/scanner/model": "/scanner/name",
}
_EARLY_GROUP, _GROUP = "/acquisition/driveField/", "/acquisition/drivefield/"


class RefusedError(ValueError):
    """What is wrong with a file, in one line that names the file and the data set."""


def shown(value: Any) -> str:
    """A value of a file in one short line of plain characters."""
    text = ascii(value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def size_of(path: str | Path) -> int:
    """Bytes of a file that can be read.

    Raises:
        OSError: there is no such file, or it cannot be opened.
        ValueError: it is something else, for instance a pipe.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path} is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError(f"{path} is not a regular file")
    with open(path, "rb"):
        return status.st_size


class Tree:
    """The data sets of a file by their names, as long as it is open.

    Attributes:
        path: of the file.
        datasets: by the name of the format; a data set knows the name in the file.
        groups: names in the file, each after the one that it is in.
        file: that h5py has opened.
        deviations: one line each, of what differs from the format and is tolerated.

    Raises:
        OSError: there is no such file, or it cannot be opened.
        ValueError: it is no HDF5 file, damaged, or holds links, or more objects than any file of the format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.datasets: dict[str, Any] = {}
        self.deviations: list[str] = []
        self._asked: set[str] = set()
        self.groups: list[str] = []
        self._size = size_of(self.path)
        with self.told("the file"):
            self.file = h5py.File(self.path, "r", locking=False)
        try:
            with self.told("the list of its data sets"):
                self._walk(self.file, "", [])
            self._rename()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __contains__(self, name: str) -> bool:
        """Whether there is a data set or a group of this name."""
        return name in self.datasets or any(found.startswith(name + "/") for found in self.datasets)

    def note(self, line: str) -> None:
        """Keep one tolerated deviation."""
        self.deviations.append(line)

    def refused(self, name: str, found: Any, allowed: str) -> RefusedError:
        """The error that names a data set, what was found in it, and what is allowed."""
        called = self.datasets[name].name if name in self.datasets else name
        return RefusedError(f"{self.path}: {called} must be {allowed}, found {found}")

    def unknown(self) -> list[str]:
        """Data sets that nobody has asked for, and that are neither the user's own nor of a reconstruction."""
        names = [name for name in self.datasets if name not in self._asked and "/_" not in name]
        return [self.datasets[name].name for name in names if not name.startswith("/reconstruction/")]

    def touch(self) -> None:
        """Read what nobody has asked for, whatever comes of it: what a copy would die of shows here."""
        for name in self.datasets.keys() - self._asked:
            with suppress(Exception):
                self._values(name)

    def children(self, group: str) -> list[str]:
        """Names of the groups in a group."""
        found = [name.removeprefix(group + "/") for name in self.groups if name.startswith(group + "/")]
        return [name for name in found if "/" not in name]

    def dataset(self, name: str) -> Any:
        """The data set itself, of which every value is in the file; ``None`` without it."""
        self._asked.add(name)
        dataset = self.datasets.get(name)
        if dataset is not None:
            with self.told(name):
                self._check_stored(name, dataset)
        return dataset

    def array(self, name: str, kind: str, finite: bool = True) -> NDArray[Any] | None:
        """All values of a data set: ``kind`` is int, float or complex; ``None`` without it."""
        raw = self._values(name)
        if raw is None:
            return None
        if kind == "complex":
            raw = self._complex(name, raw)
        allowed = {"int": "iuf", "float": "iuf", "complex": "iufc"}[kind]
        if raw.dtype.kind not in allowed:
            raise self.refused(name, _kind(raw), {"int": "whole numbers"}.get(kind, f"{kind} numbers"))
        if finite and not np.isfinite(raw).all():
            raise self.refused(name, shown(raw[~np.isfinite(raw)][0]), "finite")
        if kind == "int":
            return self._whole(name, raw)
        return raw.astype(np.complex128 if kind == "complex" else np.float64)

    def number(self, name: str, required: bool = True) -> float | None:
        """A single finite number."""
        array = self.array(name, "float")
        return None if self._absent(name, array, required) else float(self._single(name, array))

    def count(self, name: str, minimum: int = 1, required: bool = True) -> int | None:
        """A single whole number of at least ``minimum``."""
        array = self.array(name, "int")
        if self._absent(name, array, required):
            return None
        value = int(self._single(name, array))
        if value < minimum:
            raise self.refused(name, value, f"a whole number of at least {minimum}")
        return value

    def flag(self, name: str, absent: bool | None = None) -> bool:
        """0 or 1; without it a line says that it is taken for ``absent``, or nothing where that is ``None``."""
        raw = self._values(name)
        if raw is None:
            if absent is not None:
                self.note(f"{name}: missing, taken for {int(absent)}")
            return bool(absent)
        return bool(self._single(name, self._logical(name, raw)))

    def flags(self, name: str) -> NDArray[np.bool_] | None:
        """A mask of zeros and ones of one axis."""
        raw = self._values(name)
        if raw is None:
            return None
        mask = self._logical(name, raw)
        if mask.ndim == 0:
            mask = mask.reshape(1)
            self.note(f"{self.datasets[name].name}: a single value in place of a list")
        if mask.ndim != 1:
            raise self.refused(name, f"shape {mask.shape}", "a list")
        return mask

    def text(self, name: str, required: bool = True) -> str:
        """A single text; empty without it, with a line where it is ``required``."""
        texts = self.texts(name)
        if texts is None:
            if required:
                self.note(f"{name}: missing")
            return ""
        return str(self._single(name, texts))

    def texts(self, name: str) -> NDArray[np.object_] | None:
        """Texts of any shape."""
        raw = self._values(name)
        if raw is None:
            return None
        dataset = self.datasets[name]
        if raw.dtype == np.uint8 and raw.ndim == 1:
            self.note(f"{dataset.name}: bytes in place of a text")
            raw = np.array(raw.tobytes(), dtype=object)
        elif h5py.check_string_dtype(dataset.dtype) is None:
            raise self.refused(name, f"type {dataset.dtype}", "text")
        if raw.size > _STRINGS:
            raise self.refused(name, f"{raw.size} texts", f"at most {_STRINGS} texts")
        found = np.empty(raw.shape, dtype=object)
        for place in np.ndindex(raw.shape):
            found[place] = self._decoded(name, raw[place])
        return found

    def _decoded(self, name: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        data = bytes(value).rstrip(b"\0")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.note(f"{self.datasets[name].name}: not UTF-8, read as Latin-1")
            return data.decode("latin-1")

    def _values(self, name: str) -> NDArray[Any] | None:
        dataset = self.dataset(name)
        if dataset is None:
            return None
        if dataset.shape is None:
            raise self.refused(name, "none", "a value")
        with self.told(name):
            if dataset.size * dataset.dtype.itemsize > _BYTES:
                raise self.refused(name, f"shape {dataset.shape}", f"at most {_BYTES >> 20} MiB")
            return np.asarray(dataset[()])

    def _complex(self, name: str, raw: NDArray[Any]) -> NDArray[Any]:
        if raw.dtype.names == ("r", "i"):
            return parts(raw["r"], raw["i"])
        if raw.dtype.kind in "iuf" and raw.ndim and raw.shape[-1] == 2:
            self.note(f"{self.datasets[name].name}: real and imaginary parts as a last axis of two")
            return parts(raw[..., 0], raw[..., 1])
        return raw

    def _whole(self, name: str, raw: NDArray[Any]) -> NDArray[np.int64]:
        if raw.dtype.kind == "f":
            if not np.all(raw == np.round(raw)):
                raise self.refused(name, shown(raw), "whole numbers")
            self.note(f"{self.datasets[name].name}: whole numbers stored as {raw.dtype}")
        if raw.size and (raw.max() >= 2**53 or raw.min() <= -(2**53)):
            raise self.refused(name, shown(raw), "below 2^53")
        return raw.astype(np.int64)

    def _logical(self, name: str, raw: NDArray[Any]) -> NDArray[np.bool_]:
        if raw.dtype.kind not in "biuf":
            raise self.refused(name, _kind(raw), "0 or 1")
        if not np.isin(raw, (0, 1)).all():
            raise self.refused(name, shown(raw), "0 or 1")
        if raw.dtype.kind in "bf":
            self.note(f"{self.datasets[name].name}: stored as {raw.dtype}, not as int8")
        return raw.astype(bool)

    def _single(self, name: str, array: Any) -> Any:
        if array.size != 1:
            raise self.refused(name, f"shape {array.shape}", "a single value")
        if array.ndim > 1:
            self.note(f"{self.datasets[name].name}: a single value of shape {array.shape}")
        return array.reshape(1)[0]

    def _absent(self, name: str, array: Any, required: bool) -> bool:
        if array is None and required:
            raise RefusedError(f"{self.path}: {name} is missing, and needed")
        return array is None

    @contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Whatever the library says of a data set in this block becomes one line that names it."""
        try:
            yield
        except RefusedError:
            raise
        except MemoryError:
            raise RefusedError(f"{self.path}: {name} needs more memory than there is") from None
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RefusedError(f"{self.path}: {name} cannot be read, not HDF5 or damaged ({reason[:200]})") from error

    def _walk(self, group: Any, name: str, above: list[Any]) -> None:
        called = ascii(name)[1:-1] or "/"
        if group.id in above:
            raise RefusedError(f"{self.path}: group {called} contains itself")
        if len(above) >= _DEPTH:
            raise RefusedError(f"{self.path}: group {called} lies deeper than {_DEPTH} groups")
        if len(group) + len(self.datasets) + len(self.groups) > _OBJECTS:
            raise RefusedError(f"{self.path}: group {called} holds more than {_OBJECTS} objects")
        for key in group:
            full = f"{name}/{key}"
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a link"
                raise RefusedError(f"{self.path}: {ascii(full)[1:-1]} is {kind}, and must be a group or a data set")
            with self.told(ascii(full)[1:-1]):
                child = group[key]
                if isinstance(child, h5py.Group):
                    self.groups.append(full)
                    self._walk(child, full, [*above, group.id])
                elif isinstance(child, h5py.Dataset):
                    if len(self.datasets) >= _OBJECTS:
                        raise RefusedError(f"{self.path}: more than {_OBJECTS} data sets")
                    self.datasets[full] = child

    def _rename(self) -> None:
        if any(name.startswith(_EARLY_GROUP) for name in self.datasets) and _GROUP[:-1] not in self:
            self.note(f"{_EARLY_GROUP[:-1]}: in place of {_GROUP[:-1]}")
            for name in [name for name in self.datasets if name.startswith(_EARLY_GROUP)]:
                self.datasets[_GROUP + name.removeprefix(_EARLY_GROUP)] = self.datasets.pop(name)
        for early, name in EARLY.items():
            if early in self.datasets and name not in self.datasets:
                self.note(f"{self.datasets[early].name}: an early name of {name}")
                self.datasets[name] = self.datasets.pop(early)

    def _check_stored(self, name: str, dataset: Any) -> None:
        """Refuse a data set whose values are not, or not all, in this file."""
        if dataset.shape is None:
            return
        plan = dataset.id.get_create_plist()
        if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
            raise self.refused(name, "values in other files", "in this file")
        size = dataset.size * dataset.id.get_type().get_size()
        if plan.get_layout() == h5py.h5d.CONTIGUOUS and size:
            offset, stored = dataset.id.get_offset(), dataset.id.get_storage_size()
            if offset is None or stored < size or offset + stored > self._size:
                raise self.refused(name, f"{self._inside(offset, stored)} bytes of {size}", "stored in full")
        elif plan.get_layout() == h5py.h5d.CHUNKED and size:
            self._check_chunks(name, dataset)

    def _check_chunks(self, name: str, dataset: Any) -> None:
        bytes_of_one = math.prod(dataset.chunks) * dataset.id.get_type().get_size()
        if bytes_of_one > _BYTES:
            raise self.refused(name, f"chunks of {bytes_of_one} bytes", f"in chunks of at most {_BYTES >> 20} MiB")
        expected = math.prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
        found = dataset.id.get_num_chunks()
        if found != expected:
            raise self.refused(name, f"{found} chunks of {expected}", "stored in full")
        ends: list[int] = []
        dataset.id.chunk_iter(lambda chunk: ends.append(chunk.byte_offset + chunk.size))
        if max(ends) > self._size:
            raise self.refused(name, f"a chunk that ends at byte {max(ends)} of {self._size}", "stored in full")

    def _inside(self, offset: int | None, stored: int) -> int:
        return 0 if offset is None else max(0, min(stored, self._size - offset))


def _kind(raw: NDArray[Any]) -> str:
    return "text" if raw.dtype.kind in "SOU" else f"type {raw.dtype}"


def parts(real: NDArray[Any], imaginary: NDArray[Any]) -> NDArray[Any]:
    """The complex numbers of two real arrays of one shape."""
    found = np.empty(real.shape, np.complex128)
    found.real, found.imag = real, imaginary
    return found
