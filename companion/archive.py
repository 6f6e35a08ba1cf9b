"""``published/``: the runs and results that come with the repository.

One table per experiment and study holds a value per run and test item, the weights of networks lie beside it, and the
manifest says what each run is: its key and configuration, its history, and where its rows, weights and arrays are.
Every file has its digest in the manifest, and every entry of the manifest its own. People find things by name; the book
finds them by key.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mpicore import files

MANIFEST = "manifest.json"
HISTORY = ["epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds"]
SIGNAL_VALUES = ["snr_db", "rmse"]
IMAGE_VALUES = ["ssim", "psnr_db", "object_error"]
_ITEM = ["run", "variant", "index"]
_DIGITS = "%.6g"


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
        self._manifest = _read_manifest(path, path.stat().st_mtime_ns) if path.exists() else empty

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
            ValueError: an entry or a file is damaged or missing.
        """
        entry = self._entry("runs", key)
        if entry is None:
            return None
        table = _read_table(self._file(entry["table"]), self._manifest["files"][entry["table"]])
        if entry["row"] not in table:
            raise ValueError(f"{self.folder / entry['table']} has no rows of {entry['row']}")
        rows = table[entry["row"]]
        return Stored(
            self.folder / Path(entry["table"]).stem / entry["row"],
            entry["record"],
            pd.DataFrame(entry["history"], columns=HISTORY),
            _values(rows, SIGNAL_VALUES),
            _values(rows, IMAGE_VALUES),
            self._file(entry["weights"]) if "weights" in entry else None,
            self._file(entry["arrays"]) if "arrays" in entry else None,
        )

    def result(self, key: str) -> Result | None:
        """The result of an analysis by its key; ``None`` where there is none.

        Raises:
            ValueError: an entry or a file is damaged or missing.
        """
        entry = self._entry("results", key)
        if entry is None:
            return None
        arrays = files.load_tensors(self._file(entry["arrays"]))[0] if "arrays" in entry else {}
        return Result(pd.read_csv(self._file(entry["table"]), dtype=entry["texts"]), arrays, key)

    def publish(self, runs: Mapping[str, tuple[str, str, Stored]], results: Mapping[str, Result]) -> None:
        """Make the archive hold exactly these runs and results; files of others are removed.

        Args:
            runs: by key the table and the row under which a run stands, and the run.
            results: by name.

        Raises:
            OSError: the folder cannot be written.
        """
        written: dict[str, str] = {}
        entries: dict[str, Any] = {}
        tables: dict[str, list[pd.DataFrame]] = {}
        for key, (table, row, stored) in runs.items():
            tables.setdefault(table, []).append(_rows(row, stored))
            entry: dict[str, Any] = {"table": f"{table}.csv", "row": row, "record": stored.record}
            entry["history"] = json.loads(stored.history.to_json(orient="values", double_precision=10))
            for kind, path in (("weights", stored.weights), ("arrays", stored.arrays)):
                if path is not None:
                    name = f"{table}/{row}.{kind}.safetensors"
                    written[name] = self._copy(path, name)
                    entry[kind] = name
            entries[key] = entry
        for table, parts in tables.items():
            written[f"{table}.csv"] = self._write(f"{table}.csv", pd.concat(parts, ignore_index=True))
        found: dict[str, Any] = {}
        for name, result in results.items():
            texts = {c: "str" for c in result.frame if not pd.api.types.is_numeric_dtype(result.frame[c])}
            found[result.key] = {"name": name, "table": f"analyses/{name}.csv", "texts": texts}
            written[f"analyses/{name}.csv"] = self._write(f"analyses/{name}.csv", result.frame)
            if result.arrays:
                path = f"analyses/{name}.arrays.safetensors"
                files.save_tensors(self.folder / path, result.arrays)
                written[path], found[result.key]["arrays"] = files.digest(self.folder / path), path
        manifest = {"files": written, "runs": _sealed(entries), "results": _sealed(found)}
        files.write_text(self.folder / MANIFEST, _lines(manifest))
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif str(path.relative_to(self.folder)) not in {*written, MANIFEST}:
                path.unlink()

    def _entry(self, kind: str, key: str) -> dict[str, Any] | None:
        entry = self._manifest[kind].get(key)
        if entry is None:
            return None
        content = {name: value for name, value in entry.items() if name != "digest"}
        if entry.get("digest") != _digest(content):
            raise ValueError(f"{self.folder / MANIFEST}: the entry of {kind} {key} is damaged; restore the file")
        return content

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file() or _file_digest(path, path.stat().st_mtime_ns) != self._manifest["files"].get(name):
            raise ValueError(f"{path} is damaged or missing; restore it, or publish the run again")
        return path

    def _copy(self, source: Path, name: str) -> str:
        target = self.folder / name
        if not (target.exists() and source.samefile(target)):
            with files.replacing(target) as temporary:
                shutil.copyfile(source, temporary)
        return files.digest(target)

    def _write(self, name: str, frame: pd.DataFrame) -> str:
        files.write_text(self.folder / name, frame.to_csv(index=False, float_format=_DIGITS))
        return files.digest(self.folder / name)


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


@lru_cache(maxsize=32)
def _read_table(path: Path, digest: str) -> dict[str, pd.DataFrame]:
    table = pd.read_csv(path, dtype={"run": str, "variant": str})
    return {str(run): part.drop(columns="run") for run, part in table.groupby("run", sort=False)}


@lru_cache(maxsize=1024)
def _file_digest(path: Path, changed: int) -> str:
    return files.digest(path)


@lru_cache(maxsize=8)
def _read_manifest(path: Path, changed: int) -> dict[str, dict[str, Any]]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(manifest[part], dict) for part in ("files", "runs", "results")):
            raise ValueError("files, runs and results must be objects")
        return manifest
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); restore it, or publish again") from None


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sealed(entries: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {**entry, "digest": _digest(entry)} for key, entry in sorted(entries.items())}


def _lines(manifest: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON with one line per entry, so that a change of one run is a change of one line."""
    parts: list[str] = []
    for part, content in manifest.items():
        entries = (f"{json.dumps(key)}: {json.dumps(entry, sort_keys=True)}" for key, entry in sorted(content.items()))
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(entries) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
