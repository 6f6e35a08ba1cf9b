"""Measured files that a reader may download: which they are, where they come from, and that they are those."""

import csv
import http.client
import os
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mpicore import checks, files, mdf

REPOSITORY = "MagneticParticleImaging/MPIMeasurements.jl"
COMMIT = "9e06834f18572d5d73fe8c613a709f9a8a4746fe"  #: of 2018-05-04
ADDRESS = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}"
SETTING = "MEASURED_FROM"  #: names an address or a folder that has the same files, in the environment
FOLDER = "build/measured"
LIST = "book/measured_files.csv"
PARTS = ("licence", "first", "second", "recorder", "chains")
EMPTY = (0, 10, 20)  #: rows of a calibration that were recorded without a sample
_MOST = 10_000_000  #: bytes of one file
_SECONDS = 30.0  #: without an answer


@dataclass(frozen=True)
class File:
    """One file of the list.

    Attributes:
        path: in the repository, and below the folder of the downloaded files.
        sha256: of its content, hexadecimal.
        what: it is, in words.
    """

    path: str
    sha256: str
    what: str


@dataclass(frozen=True, eq=False)
class Calibration:
    """Signals of a small sample of tracer at several positions, with the empty scanner in between.

    Attributes:
        rows: as recorded, shape (n, N).
        empty: which rows are of the empty scanner, shape (n,); at least two.
    """

    rows: NDArray[np.float64]
    empty: NDArray[np.bool_]

    @property
    def background(self) -> NDArray[np.float64]:
        """Rows of the empty scanner, shape (b, N)."""
        return self.rows[self.empty]

    @property
    def signals(self) -> NDArray[np.float64]:
        """Rows with the sample, without the mean of the empty rows, shape (n - b, N)."""
        return self.rows[~self.empty] - self.background.mean(axis=0)

    @property
    def noise(self) -> NDArray[np.float64]:
        """Empty rows without their mean, scaled to the power that one of them has, shape (b, N)."""
        count = len(self.background)
        return (self.background - self.background.mean(axis=0)) * np.sqrt(count / (count - 1))


@dataclass(frozen=True, eq=False)
class Measured:
    """What the files hold.

    Attributes:
        first, second: two calibrations, which do not say how they were sampled.
        sampling_frequency, drive_frequency: of a recording by the same program [Hz].
        averages: how many periods each row of that recording is the mean of.
        chain_frequency: of the transfer functions [Hz], shape (m,).
        chains: transfer functions of receive channels, shape (channels, m).
    """

    first: Calibration
    second: Calibration
    sampling_frequency: float
    drive_frequency: float
    averages: int
    chain_frequency: NDArray[np.float64]
    chains: NDArray[np.complex128]


def listed(path: str | Path = LIST) -> dict[str, File]:
    """The files that there are, by what they are for.

    Raises:
        ValueError: a part is missing or unknown.
    """
    with open(path, encoding="utf-8", newline="") as stream:
        found = {row["part"]: File(row["path"], row["sha256"], row["what"]) for row in csv.DictReader(stream)}
    if set(found) != set(PARTS):
        raise ValueError(f"{path} must list {', '.join(PARTS)}, got {', '.join(found) or 'nothing'}")
    return found


def display(known: Mapping[str, File]) -> pd.DataFrame:
    """The files as text for the book, each with the first digits of its hash."""
    rows = [{"What": file.what, "Path": file.path, "SHA-256": f"{file.sha256[:12]} …"} for file in known.values()]
    return pd.DataFrame(rows)


def download(folder: str | Path = FOLDER, source: str | None = None, names: str | Path = LIST) -> list[Path]:
    """Bring the files into a folder, each below its path in the repository. Those that are there and whole stay.

    Args:
        folder: made where it is missing.
        source: an address or a folder that has the files; by default that of the variable ``MEASURED_FROM``, and
            without it the commit on GitHub.
        names: list of the files.

    Returns:
        Where they are.

    Raises:
        OSError: a file cannot be had; the message names it.
        ValueError: a file is not the listed one; it is not kept.
    """
    base = source or os.environ.get(SETTING) or ADDRESS
    found = []
    for file in listed(names).values():
        target = Path(folder, file.path)
        found.append(target)
        if target.is_file() and files.digest(target) == file.sha256:
            continue
        content = _content(base, file.path)
        with files.replacing(target) as temporary:
            temporary.write_bytes(content)
            if (seen := files.digest(temporary)) != file.sha256:
                raise ValueError(f"{file.path} from {base} is not kept: its SHA-256 is {seen}, not {file.sha256}")
    return found


def _content(base: str, path: str) -> bytes:
    """One file of a source."""
    if urllib.parse.urlsplit(base).scheme not in ("http", "https", "file"):
        return Path(base, path).read_bytes()
    where = f"{base.rstrip('/')}/{urllib.parse.quote(path)}"
    try:
        with urllib.request.urlopen(where, timeout=_SECONDS) as answer:
            return bytes(answer.read(_MOST))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise OSError(f"cannot get {where} ({reason}); {SETTING} can name a folder that has the files") from None


def present(folder: str | Path = FOLDER, names: str | Path = LIST) -> list[Path]:
    """The files in a folder if all of them are there, else none."""
    paths = [Path(folder, file.path) for file in listed(names).values()]
    return paths if all(path.is_file() for path in paths) else []


def read(folder: str | Path = FOLDER, names: str | Path = LIST) -> Measured | None:
    """What the files of a folder hold; ``None`` where they were not downloaded.

    Raises:
        ValueError: a file is not the listed one; the message names it.
    """
    if not present(folder, names):
        return None
    paths = {}
    for part, file in listed(names).items():
        paths[part] = Path(folder, file.path)
        if files.digest(paths[part]) != file.sha256:
            raise ValueError(f"{paths[part]} does not have the SHA-256 {file.sha256}; delete it and download it again")
    recorder = mdf.read(paths["recorder"])
    if recorder.drive is None:
        raise ValueError(f"{paths['recorder']} does not tell its drive field")
    (drive,) = recorder.drive.base_frequency / recorder.drive.divider.ravel()
    with h5py.File(paths["chains"]) as file:
        frequency, parts = file["frequencies"][()], file["transferFunction"][()]  # real and imaginary parts, last axis
    return Measured(
        _calibration(paths["first"]),
        _calibration(paths["second"]),
        2 * recorder.receiver.bandwidth,
        float(drive),
        recorder.acquisition.averages,
        frequency,
        parts[..., 0] + 1j * parts[..., 1],
    )


def _calibration(path: Path) -> Calibration:
    with h5py.File(path) as file:
        rows = np.asarray(checks.signals(file["matrix"][()], f"matrix of {path}"), np.float64)
    return Calibration(rows, np.isin(np.arange(len(rows)), EMPTY))
