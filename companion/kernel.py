"""The kernel of an executed notebook, which notes the files of the project that the notebook reads.

What a notebook reads is what must come along where the project is not: see :mod:`companion.take_home`.
"""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from companion.project import MARK, PACKAGES

NOTES = "COMPANION_NOTES"  #: variable of the environment that names the file of the notes
_READ, _WRITTEN = "read ", "written "


def note(path: str | Path) -> None:
    """From now on, write the name of each file that this process opens or moves into place to a file of notes."""
    notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(kind: str, name: str | bytes) -> None:
        line = f"{kind}{os.path.abspath(os.fsdecode(name))}\n"
        os.write(notes, line.encode(errors="surrogateescape"))

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            flags = arguments[2]
            changed = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            write(_WRITTEN if changed else _READ, arguments[0])
        elif event == "os.rename" and isinstance(arguments[1], str | bytes):
            write(_WRITTEN, arguments[1])

    sys.addaudithook(hear)


def read_files(notes: str | Path, folder: str | Path = ".") -> list[str]:
    """The files of a project that a noted process has read and not written.

    Left out are the code of the packages, hidden files, the environment, and the caches of other packages. What marks
    the project is looked for and not opened, and counts always.

    Args:
        notes: what :func:`note` wrote.
        folder: of the project.

    Returns:
        Paths relative to ``folder``, sorted.
    """
    found: set[str] = set()
    written: set[str] = set()
    for line in Path(notes).read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith(_WRITTEN):
            written.add(line.removeprefix(_WRITTEN))
        elif line.startswith(_READ):
            found.add(line.removeprefix(_READ))
    root = Path(folder).resolve()
    paths = {root / MARK, *(Path(name) for name in found - written)}
    return sorted(path.relative_to(root).as_posix() for path in paths if _counts(path, root))


def _counts(path: Path, root: Path) -> bool:
    if not path.is_relative_to(root) or path.is_relative_to(sys.prefix) or not path.is_file():
        return False
    parts = path.relative_to(root).parts
    hidden = any(part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in parts)
    return not (hidden or parts[0] in PACKAGES or parts[:2] == ("build", "caches"))


def main() -> None:
    """Start the kernel, with the arguments of IPython's own."""
    if NOTES in os.environ:
        note(os.environ.pop(NOTES))
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
