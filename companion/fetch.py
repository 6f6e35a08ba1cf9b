"""Files of the project for a notebook that was taken home: fetched by name, and taken only with the right digest.

The first cell of such a notebook calls :func:`enter`. A file comes from the first place that has it with its digest:
the folder or the address in the variable ``MPICORE_FILES``, for instance a copy of the repository in which the book was
built, or else the addresses that the notebook brings along.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from companion.project import MARK
from mpicore import files

SETTING = "MPICORE_FILES"  #: variable of the environment with a folder or an address that has the project's files
EXTRA = "notebooks"  #: what the package brings for a notebook outside the project
FOLDER = "mpicore-files"  #: where they are put, beside the notebook
_PATIENCE = 60.0  # [s] per answer
_TOGETHER = 8  # files at a time


def enter(wanted: Mapping[str, str], places: Sequence[str] = ()) -> None:
    """Fetch what a notebook needs, and make the folder of it the working directory.

    Args:
        wanted: SHA-256 of each file by its path in the project.
        places: addresses that are asked in turn, where ``MPICORE_FILES`` is not set.

    Raises:
        SystemExit: a package of the extra ``notebooks`` is missing, or a file cannot be had; one sentence says which.
    """
    packages = missing_packages()
    if packages:
        raise SystemExit(f"This notebook needs {', '.join(packages)}: install mpicore with its extra `{EXTRA}`.")
    here = Path.cwd()
    folder = here if here.name == FOLDER and (here / MARK).is_file() else here / FOLDER
    setting = os.environ.get(SETTING, "").strip()
    asked = [setting] if setting else list(places)
    try:
        fetch(wanted, asked, folder)
    except OSError as error:
        raise SystemExit(f"{error}.") from None
    os.chdir(folder)


def missing_packages() -> list[str]:
    """The packages of the extra ``notebooks`` that are not installed."""
    try:
        needed = requires("mpicore") or []
    except PackageNotFoundError:  # the source of the project, which brings its own environment
        return []
    found = []
    for requirement in needed:
        name = re.match(r"[\w.-]+", requirement)
        if name is None or not re.search(rf"extra\s*==\s*.{EXTRA}\b", requirement):
            continue
        try:
            version(name[0])
        except PackageNotFoundError:
            found.append(name[0])
    return found


def fetch(wanted: Mapping[str, str], places: Sequence[str], folder: str | Path) -> int:
    """Bring files into a folder, unless they are there already.

    Args:
        wanted: SHA-256 of each file by its path below ``folder``.
        places: folders or addresses, asked in turn.
        folder: made where it is not there.

    Returns:
        How many files were fetched.

    Raises:
        OSError: a file is in none of the places with its digest, or cannot be written.
        ValueError: a path leads out of the folder.
    """
    base = Path(folder).resolve()
    for path in wanted:
        if not (base / path).resolve().is_relative_to(base):
            raise ValueError(f"{path} leads out of the folder {folder}")
    missing = [path for path, digest in wanted.items() if not _is_there(base / path, digest)]
    with ThreadPoolExecutor(_TOGETHER) as pool:
        contents = pool.map(lambda path: _content(path, wanted[path], places), missing)
        for path, content in zip(missing, contents, strict=True):
            if content is None:
                pool.shutdown(cancel_futures=True)
                where = " or ".join(places) or "anywhere, because no place is known"
                raise OSError(
                    f"{path}, one of {len(wanted)} files that this notebook needs, cannot be had from {where}; set "
                    f"{SETTING} to the folder or the address of a copy of the project in which the book was built"
                )
            with files.replacing(base / path) as temporary:
                temporary.write_bytes(content)
    return len(missing)


def _is_there(path: Path, digest: str) -> bool:
    return path.is_file() and files.digest(path) == digest


def _content(path: str, digest: str, places: Sequence[str]) -> bytes | None:
    """A file from the first place that has it with this digest."""
    for place in places:
        try:
            content = _read(path, place)
        except (OSError, HTTPException):  # those of urllib are among the first
            continue
        if hashlib.sha256(content).hexdigest() == digest:
            return content
    return None


def _read(path: str, place: str) -> bytes:
    if place.startswith(("http://", "https://")):
        with urlopen(f"{place.rstrip('/')}/{quote(path)}", timeout=_PATIENCE) as answer:
            return answer.read()
    return Path(place, path).read_bytes()
