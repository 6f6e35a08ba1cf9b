"""``published/``: the runs and results that come with the repository.

One packed table per experiment and study holds a value per run and test item, the weights of networks lie beside it,
and the manifest says what each run is: its key and configuration, its history, and where its rows, weights and arrays
are.
Every file has its digest in the manifest, and the manifest one of its own. People find things by name; the book finds
them by key.
"""

import gzip
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.reading import NAME
from mpicore import files

MANIFEST = "manifest.json"
HISTORY = ["epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds"]
SIGNAL_VALUES = ["snr_db", "rmse"]
IMAGE_VALUES = ["ssim", "psnr_db", "object_error"]
_ITEM = ["run", "variant", "index"]
_DIGITS = "%.6g"
_SEAL = '"digest": '
#: Names of its files; nothing else is read, and nothing outside of it.
_NAME = NAME.strip("^$")
_FILE = re.compile(rf"{_NAME}(/{_NAME}(\.weights|\.arrays)?)?\.(csv|csv\.gz|safetensors)")
_TYPES = (
    {"run": "str", "variant": "str"}
    | dict.fromkeys(["index", "epoch", "step"], "int64")
    | dict.fromkeys(HISTORY[2:] + SIGNAL_VALUES + IMAGE_VALUES, "float64")
)


@dataclass(frozen=True)
class Stored:
    """A finished run as it is kept.

    Attributes:
        folder: what messages call it.
        record: configuration, key, versions, device, threads, times.
        history: one row per epoch.
        signals, images: one row per test item.
        weights, arrays: files, where there are any.
    """

    folder: Path
    record: dict[str, Any]
    history: pd.DataFrame
    signals: pd.DataFrame
    images: pd.DataFrame
    weights: Path | None = None
    arrays: Path | None = None


@dataclass(frozen=True)
class Result:
    """What an analysis gave.

    Attributes:
        frame: its table.
        arrays: what figures need besides.
        key: of everything that decides it.
    """

    frame: pd.DataFrame
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    key: str = ""


class Archive:
    """A folder of published runs and results.

    Args:
        folder: where it lies; it need not be there before something is published.

    Raises:
        ValueError: the manifest is damaged.
    """

    def __init__(self, folder: str | Path = "published"):
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        empty: dict[str, dict[str, Any]] = {"files": {}, "runs": {}, "results": {}}
        self._manifest = _read_manifest(path, _stamp(path)) if path.exists() else empty

    @staticmethod
    def is_at(folder: str | Path) -> bool:
        """Whether there is an archive in a folder."""
        return (Path(folder) / MANIFEST).is_file()

    @property
    def keys(self) -> list[str]:
        """Keys of all runs."""
        return list(self._manifest["runs"])

    def run(self, key: str) -> Stored | None:
        """The run of a key; ``None`` where there is none.

        Raises:
            ValueError: a file is damaged or missing.
        """
        entry = self._manifest["runs"].get(key)
        if entry is None:
            return None
        table = _read_table(self._file(entry["table"]), self._manifest["files"][entry["table"]])
        if entry["row"] not in table:
            raise ValueError(f"{self.folder / entry['table']} has no rows of {entry['row']}")
        rows = table[entry["row"]]
        return Stored(
            self.folder / entry["table"].removesuffix(".csv.gz") / entry["row"],
            entry["record"],
            pd.DataFrame(entry["history"], columns=HISTORY).astype({name: _TYPES[name] for name in HISTORY}),
            _values(rows, SIGNAL_VALUES),
            _values(rows, IMAGE_VALUES),
            self._file(entry["weights"]) if "weights" in entry else None,
            self._file(entry["arrays"]) if "arrays" in entry else None,
        )

    def result(self, key: str) -> Result | None:
        """The result of an analysis by its key; ``None`` where there is none.

        Raises:
            ValueError: a file is damaged or missing.
        """
        entry = self._manifest["results"].get(key)
        if entry is None:
            return None
        arrays = files.load_tensors(self._file(entry["arrays"]))[0] if "arrays" in entry else {}
        return Result(_read_csv(self._file(entry["table"]), entry["types"]), arrays, key)

    def publish(self, runs: Mapping[str, tuple[str, str, Stored]], results: Mapping[str, Result]) -> None:
        """Make the archive hold exactly these runs and results; other files in its folder are removed.

        Args:
            runs: by key the table and the row under which a run stands, and the run.
            results: by name.

        Raises:
            ValueError: the folder holds files and is no archive, or two runs have one name.
            OSError: the folder cannot be written.
        """
        if not self.is_at(self.folder) and [path for path in self.folder.glob("*") if path.name[0] != "."]:
            raise ValueError(f"{self.folder} holds files and no {MANIFEST}; publish into an archive or an empty folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        # All of it is written aside first: runs are also read from this archive, perhaps under other names. What a kill
        # leaves of that goes with the next publication.
        with tempfile.TemporaryDirectory(prefix=".draft.", dir=self.folder) as draft:
            self._manifest = _write(Path(draft), runs, results)
            written = [*self._manifest["files"], MANIFEST]
            for name in written:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(draft) / name, self.folder / name)
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in written:
                path.unlink()

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file() or _file_digest(path, _stamp(path)) != self._manifest["files"].get(name):
            raise ValueError(f"{path} is damaged or missing; restore it, or publish the run again")
        return path


def _write(
    folder: Path, runs: Mapping[str, tuple[str, str, Stored]], results: Mapping[str, Result]
) -> dict[str, dict[str, Any]]:
    """Write an archive into an empty folder; returns its manifest."""
    entries: dict[str, Any] = {}
    found: dict[str, Any] = {}
    tables: dict[str, list[pd.DataFrame]] = {}
    names: dict[tuple[str, str], str] = {}
    for key, (table, row, stored) in runs.items():
        if (table, row) in names:
            raise ValueError(f"two runs have the name {table} {row}: {names[table, row]} and {key}")
        names[table, row] = key
        tables.setdefault(table, []).append(_rows(row, stored))
        entry: dict[str, Any] = {"table": f"{table}.csv.gz", "row": row, "record": stored.record}
        entry["history"] = [[_rounded(value) for value in epoch] for epoch in stored.history[HISTORY].to_numpy(object)]
        for kind, path in (("weights", stored.weights), ("arrays", stored.arrays)):
            if path is not None:
                entry[kind] = f"{table}/{row}.{kind}.safetensors"
                (folder / table).mkdir(exist_ok=True)
                files.copy(path, folder / entry[kind])
        entries[key] = entry
    for table, parts in tables.items():
        _write_packed(folder / f"{table}.csv.gz", _csv(pd.concat(parts, ignore_index=True)))
    for name, result in results.items():
        entry = {"name": name, "table": f"analyses/{name}.csv", "types": _types(result.frame)}
        files.write_text(folder / entry["table"], _csv(result.frame))
        if result.arrays:
            entry["arrays"] = f"analyses/{name}.arrays.safetensors"
            files.save_tensors(folder / entry["arrays"], result.arrays)
        found[result.key] = entry
    written = (path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): files.digest(path) for path in written}
    manifest = {"files": digests, "runs": entries, "results": found}
    files.write_text(folder / MANIFEST, _sealed(_lines(manifest)))
    return json.loads(json.dumps(manifest))


def _rows(row: str, stored: Stored) -> pd.DataFrame:
    """All test items of a run, signals and images of one item in one row where they are of one object."""
    signals, images = stored.signals, stored.images
    joined = signals[["variant", "index"]].equals(images[["variant", "index"]])
    table = (
        signals.merge(images, on=["variant", "index"], how="left", sort=False)
        if joined
        else pd.concat([signals, images], ignore_index=True)
    )
    return table.assign(run=row)[[*_ITEM, *SIGNAL_VALUES, *IMAGE_VALUES]]


def _values(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    part = rows[rows[columns].notna().any(axis=1)]
    return part[["variant", "index", *columns]].reset_index(drop=True)


def _types(frame: pd.DataFrame) -> dict[str, str]:
    """The type of each column, by which a table is read as it was written."""
    numeric = pd.api.types.is_numeric_dtype
    return {str(name): str(column.dtype) if numeric(column) else "str" for name, column in frame.items()}


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format=_DIGITS)


def _write_packed(path: Path, text: str) -> None:
    """Without a time in the file: equal tables are equal files."""
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


def read_values(path: Path) -> pd.DataFrame:
    """A table of values or the history of a run, with the types of its columns."""
    return _read_csv(path, _TYPES)


def _read_csv(path: Path, types: Mapping[str, str]) -> pd.DataFrame:
    """A table in which an empty cell alone is a missing value: NA and nan are texts as others."""
    return pd.read_csv(path, dtype=dict(types), keep_default_na=False, na_values=[""])


def _rounded(value: Any) -> Any:
    """As the tables have it; counts stay whole, and what is missing is null."""
    if pd.isna(value):
        return None
    return float(_DIGITS % value) if isinstance(value, float) else int(value)


@lru_cache(maxsize=32)
def _read_table(path: Path, digest: str) -> dict[str, pd.DataFrame]:
    table = read_values(path)
    return {str(run): part.drop(columns="run") for run, part in table.groupby("run", sort=False)}


@lru_cache(maxsize=1024)
def _file_digest(path: Path, stamp: tuple[int, ...]) -> str:
    return files.digest(path)


@lru_cache(maxsize=8)
def _read_manifest(path: Path, stamp: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    try:
        text = path.read_bytes().decode()
        if text != _sealed(text[: max(text.rfind(_SEAL), 0)]):
            raise ValueError("its content does not match its digest")
        manifest = json.loads(text)
        for name in manifest["files"]:
            if not _FILE.fullmatch(name):
                raise ValueError(f"an archive has no file {name!r}")
        return {part: dict(manifest[part]) for part in ("files", "runs", "results")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); restore it") from None


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with a file."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _lines(manifest: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON, but for its end, with one line per entry, so that a change of one run is a change of one line."""
    parts: list[str] = []
    for part, content in manifest.items():
        entries = (f"{json.dumps(key)}: {json.dumps(entry, sort_keys=True)}" for key, entry in sorted(content.items()))
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(entries) + "\n},\n")
    return "{\n" + "".join(parts)


def _sealed(text: str) -> str:
    return f'{text}{_SEAL}"{hashlib.sha256(text.encode()).hexdigest()}"\n}}\n'
