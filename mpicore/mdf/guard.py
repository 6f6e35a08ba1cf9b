"""A file is read in a process of its own first: the library's death, or a file that asks for too much, ends only that.

HDF5 is written in C, and a hostile or damaged file can bring the library down. The process has limits of memory and
time, may write nothing, and says in one line what it found.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import mpicore
from mpicore.mdf.header import Header, parse
from mpicore.mdf.measurement import probe
from mpicore.mdf.tree import RefusedError, Tree, size_of

# Of memory, of computing, and in all: a busy machine may take long for what is short.
_MEMORY, _SECONDS, _WAIT = 2**31, 10, 60
_PROGRAM = "import sys; sys.path[:] = {paths}; from mpicore.mdf import guard; guard.main({path})"


def inspect(path: str | Path) -> Header:
    """Read the metadata, and try the signals, in this process.

    Raises:
        OSError: there is no such file, or it cannot be opened.
        ValueError: it is damaged, or is not of the format.
    """
    with Tree(path) as tree:
        header = parse(tree)
        if header.layout is not None:
            probe(tree, header.layout)
        tree.touch()
        return header


def check(path: str | Path) -> None:
    """Do the same in a process of its own.

    Raises:
        OSError: there is no such file, or it cannot be opened.
        ValueError: it is damaged, or is not of the format; or the library died of it.
    """
    size_of(path)
    paths = [*sys.path, str(Path(mpicore.__file__).parents[1])]
    program = _PROGRAM.format(paths=[os.path.abspath(place) for place in paths], path=repr(os.fspath(path)))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    try:
        found = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(f"{path}: reading it takes more than {_WAIT} s; it is damaged") from None
    if found.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise RefusedError(f"{path}: reading it takes more than {_SECONDS} s of computing; it is damaged")
    if found.returncode < 0:
        name = signal.Signals(-found.returncode).name
        raise RefusedError(f"{path}: the HDF5 library breaks down on it ({name}); it is damaged")
    try:
        told = json.loads(found.stdout)["error"]
    except (ValueError, KeyError, TypeError):
        last = (found.stderr.decode(errors="replace").split("\n") or [""])[-2:][0]
        raise RefusedError(f"{path}: reading it fails with status {found.returncode} ({last.strip()[:200]})") from None
    if told:
        raise RefusedError(told)


def main(path: str) -> None:
    """What the process does: limit itself, inspect the file, and say what is wrong, or nothing."""
    limit()
    try:
        inspect(path)
        told = ""
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())
    except MemoryError:
        told = f"{path}: reading it needs more memory than {_MEMORY >> 20} MiB; it is damaged"
    print(json.dumps({"error": told}))


def limit() -> None:
    """No more than the limits, no file written, no core left."""
    for kind, bound in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (bound if hard == resource.RLIM_INFINITY else min(bound, hard),) * 2)
