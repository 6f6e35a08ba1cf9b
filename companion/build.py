"""One build in one folder: Snakemake under a lock that the end of the process releases, however it comes.

Snakemake's own lock is a file, which a kill leaves behind. The lock here is the kernel's: where it is free, whatever a
dead process has left is no hindrance, and half-made files are made again.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from companion import project
from companion.reading import read_yaml
from mpicore import checks

#: How long jobs may take to stop after an interruption [s].
PATIENCE = 10.0


def run(
    preset: str = "paper",
    jobs: int | None = None,
    published: str = "published",
    targets: Sequence[str] = (),
    dry_run: bool = False,
) -> int:
    """Bring the book, or single files, up to date.

    Args:
        preset: of the experiments file.
        jobs: trainings side by side; by default as many as there are cores, which they share.
        published: the archive of runs, or ``none`` to make them all here.
        targets: files to make; the book by default.
        dry_run: say what would be done, and do nothing.

    Returns:
        The exit status, 130 after an interruption.

    Raises:
        ValueError: an unknown preset, a number of jobs below 1, or another build runs in this folder.
        OSError: the folder cannot be written.
    """
    _check_preset(preset)
    cores = available_cores()
    threads = max(1, cores // (jobs or cores))
    out = project.outputs(preset)
    settings = [f"preset={preset}", f"out={out}", f"threads={threads}", f"published={published}"]
    with _lock(out / "build" / ".lock") as lock:
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--nolock", "--rerun-incomplete"]
        command += ["--keep-going", "--quiet", "rules", "host", "reason", *(["--dry-run"] if dry_run else [])]
        status = _supervised([*command, "--config", *settings, "--", *targets], environment(Path.cwd()), lock)
    if status == 0 and not targets and not dry_run:
        print(f"The book: {(out / '_build/html/index.html').resolve().as_uri()}")
    return status


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(root: Path) -> dict[str, str]:
    """The environment of all jobs: this interpreter, this copy of the project, and nothing written into the home."""
    here = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    caches = root / "build" / "caches"
    here |= {"XDG_CACHE_HOME": str(caches), "MPLCONFIGDIR": str(caches / "matplotlib")}
    here |= {"IPYTHONDIR": str(caches / "ipython"), "JUPYTER_RUNTIME_DIR": str(caches / "jupyter")}
    for folder in here.values():
        if folder.startswith(str(caches)):
            Path(folder).mkdir(parents=True, exist_ok=True)
    packages = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | here | {"PYTHONPATH": os.pathsep.join(packages)}


def _check_preset(name: str) -> None:
    content = read_yaml(project.MARK)
    known = content.get("presets") if isinstance(content, dict) else None
    if not isinstance(known, dict):
        from companion import experiments

        known = experiments.read().presets  # says what is wrong with the file
    checks.choice(name, "preset", list(known))


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    """Hold the lock of a folder; yields the descriptor that holds it.

    Raises:
        ValueError: another process holds it.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip()
            raise ValueError(
                f"another build runs in {path.parents[1].resolve()}, process {holder}; "
                "wait until it has ended, or interrupt it and call this again"
            ) from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield stream.fileno()


def _supervised(command: Sequence[str], variables: Mapping[str, str], lock: int) -> int:
    """Run a command whose output is passed on until an interruption, after which one line says how to go on."""
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            for process in _descendants():
                if process.is_running():
                    process.send_signal(signal.SIGINT)

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    process = subprocess.Popen(
        command,
        env=dict(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[lock],
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    assert process.stdout is not None
    try:
        while chunk := os.read(process.stdout.fileno(), 65536):
            if not interrupted:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
            elif not _ended_in_time(process):
                break
        status = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if interrupted:
        print("\ninterrupted; the same command goes on", file=sys.stderr)
        return 130
    return status


def _ended_in_time(process: subprocess.Popen[bytes]) -> bool:
    """Wait for an interrupted process; at the end of the patience everything below this one is ended."""
    try:
        process.wait(PATIENCE)
        return True
    except subprocess.TimeoutExpired:
        for below in _descendants():
            below.kill()
        return False


def _descendants() -> list[psutil.Process]:
    try:
        return psutil.Process().children(recursive=True)
    except psutil.Error:
        return []


def _die_with_parent() -> None:
    """On Linux: a killed supervisor takes Snakemake along."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
