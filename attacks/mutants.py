"""Small faults, one at a time: do the tests notice them? ``make mutants``, with the list ``attacks/mutants.yml``.

Each mutant is made in a copy of the project of its own, in which the tests that are named with it run until the first
one fails. What takes long to import is imported once, and each copy is tested in a fork of this process.
"""

import argparse
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from attacks import report

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_suffix(".yml")
REQUIRED = 0.95  #: share of the mutants that are not equivalent which the tests must notice
LIMIT = 1800  #: seconds for the tests of one mutant; what never ends is noticed as well
#: What the tests read. The archive of runs is large, and no mutant changes it: it is linked.
COPIED = ("mpicore", "companion", "tests", "notebooks", "book", "benchmarks", "attacks", "examples", ".ci", ".github")
LINKED = ("published", ".venv")
#: Imported before the forks: nothing of this project, and nothing that starts threads.
SHARED = (
    "numpy", "scipy.sparse", "scipy.spatial", "scipy.stats", "scipy.signal", "scipy.fft", "torch", "pandas", "h5py",
    "skimage.metrics", "pydantic", "safetensors.numpy", "tqdm", "psutil", "pytest",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        file: that it is made in.
        old: text that occurs there once.
        new: in its place.
        tests: files of tests that should notice it.
        equivalent: why no test can; empty for one that must be noticed.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def __str__(self) -> str:
        shown = self.old.strip().splitlines()[0]
        return f"{self.file}: {shown} -> {' '.join(self.new.split()) or 'nothing'}"

    def made(self, text: str) -> str:
        """The text of the file with the fault.

        Raises:
            ValueError: the text does not occur in it exactly once.
        """
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise ValueError(f"{self.file} must hold once, and {found} times holds: {self.old!r}")
        return text.replace(self.old, self.new)


def read(path: Path = LIST) -> list[Mutant]:
    """All mutants of a list, each checked against the file that it changes.

    Raises:
        ValueError: the text of a mutant is not in its file, or a file of tests is missing; all of them are named.
    """
    found, wrong = [], []
    for group in yaml.safe_load(path.read_text(encoding="utf-8")):
        tests = tuple(f"tests/test_{name}.py" for name in group["tests"])
        wrong += [f"{name} is missing" for name in tests if not (ROOT / name).is_file()]
        text = (ROOT / group["file"]).read_text(encoding="utf-8")
        for old, new, *why in group["mutants"]:
            found.append(Mutant(group["file"], old, new, tests, *why))
            try:
                found[-1].made(text)
            except ValueError as error:
                wrong.append(str(error))
    if wrong:
        raise ValueError(f"{path.name} does not fit the project:\n" + "\n".join(wrong))
    return found


def copy(folder: Path) -> Path:
    """A copy of what the tests read."""
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def tested(folder: Path, tests: Sequence[str]) -> int:
    """Run tests in a copy, in this process, which is then of no more use; returns the status of pytest."""
    import pytest

    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)
    sys.path[:] = [str(folder), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in ("mpicore", "companion", "attacks")]:
        del sys.modules[name]
    wanted = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not book and not browser and not attack"]
    return int(pytest.main([*wanted, *tests]))


def in_forks(jobs: int, tasks: Sequence[Callable[[], int]]) -> Iterator[tuple[int, int]]:
    """Run tasks side by side, each in a fork; yields the number and the exit status of each that has ended.

    The status is that of the task, or the negative number of the signal that ended it.
    """
    waiting, running = list(enumerate(tasks))[::-1], {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number, task = waiting.pop()
            sys.stdout.flush()
            child = os.fork()
            if not child:
                status = 99
                try:
                    signal.alarm(LIMIT)
                    status = task()
                finally:
                    os._exit(status)
            running[child] = number
        ended, status = os.wait()
        if ended in running:
            yield running.pop(ended), os.waitstatus_to_exitcode(status)


def main() -> int:
    """Make every mutant; prints what became of each, and returns 1 where too many stayed unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="mutants side by side")
    parser.add_argument("--only", default="", help="those whose file holds this text")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    mutants = [mutant for mutant in read() if options.only in mutant.file]
    for name in SHARED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as scratch:
        sets = sorted({mutant.tests for mutant in mutants})
        statuses = dict(in_forks(options.jobs, [_task(Path(scratch, f"whole{i}"), s) for i, s in enumerate(sets)]))
        broken = [", ".join(sets[number]) for number, status in statuses.items() if status]
        if broken:
            print(f"these tests fail without any mutant: {'; '.join(broken)}", file=sys.stderr)
            return 1
        print(f"{len(sets)} sets of tests pass without a mutant", flush=True)
        return _all(mutants, options, Path(scratch))


def _all(mutants: list[Mutant], options: Any, scratch: Path) -> int:
    survivors, wrong, killed = [], [], 0
    started = time.monotonic()
    tasks = [_task(scratch / f"{number}", mutant.tests, mutant) for number, mutant in enumerate(mutants)]
    for number, status in in_forks(options.jobs, tasks):
        mutant = mutants[number]
        if status not in (0, 1, -signal.SIGALRM):
            wrong.append(f"{mutant}: the tests end with status {status}, see {scratch / str(number)}.log")
        elif mutant.equivalent and status:
            wrong.append(f"{mutant}: is noticed, and so is not equivalent")
        elif not mutant.equivalent:
            killed += bool(status)
            survivors += [] if status else [str(mutant)]
        told = "equivalent" if mutant.equivalent else "noticed" if status else "SURVIVES"
        print(f"{time.monotonic() - started:5.0f} s  {told:10}  {mutant}", flush=True)
    equivalent = sum(bool(mutant.equivalent) for mutant in mutants)
    share = killed / max(1, len(mutants) - equivalent)
    print(f"\n{len(mutants)} mutants, {equivalent} equivalent, {killed} noticed: {share:.1%} of the others")
    for line in [f"survives: {text}" for text in survivors] + [f"wrong: {text}" for text in wrong]:
        print(line)
    if not options.only:
        found = {"mutants": len(mutants), "equivalent": equivalent, "killed": killed, "survivors": len(survivors)}
        report.write("mutants", found)
    return int(bool(wrong) or share < REQUIRED)


def _task(folder: Path, tests: Sequence[str], mutant: Mutant | None = None) -> Callable[[], int]:
    """What a fork does: a copy, the fault in it, and the tests, whose output goes into a file beside the copy."""

    def task() -> int:
        output = os.open(f"{folder}.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        folder.mkdir()
        copy(folder)
        if mutant is not None:
            path = folder / mutant.file
            path.write_text(mutant.made(path.read_text(encoding="utf-8")), encoding="utf-8")
        status = tested(folder, tests)
        shutil.rmtree(folder, ignore_errors=True)
        return status

    return task


if __name__ == "__main__":
    sys.exit(main())
