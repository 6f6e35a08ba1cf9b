"""Where the project lies, and which of its files a module is made of."""

import ast
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

PACKAGES = ("mpicore", "companion")
MARK = "experiments.yml"  #: the file that lies at the root of the project


def root(start: str | Path = ".") -> Path:
    """The folder of the project: the first one, from ``start`` upwards, that holds ``experiments.yml``.

    Raises:
        FileNotFoundError: there is none.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / MARK).is_file():
            return folder
    raise FileNotFoundError(missing(here))


def missing(start: str | Path = ".") -> str:
    """The sentence that says that a folder is outside the project."""
    return f"there is no {MARK} in {Path(start).resolve()} or above it; work in a copy of the repository"


def enter() -> None:
    """Make the root of the project the working directory, which all relative paths start from.

    Raises:
        FileNotFoundError: as :func:`root`.
    """
    os.chdir(root())


def outputs(preset: str) -> Path:
    """The folder in which everything is made: toy results stay out of the way of those that mean something."""
    return Path("build/smoke") if preset == "smoke" else Path(".")


def sources(modules: Iterable[str], folder: str | Path = ".") -> list[str]:
    """The files that modules are made of: their own and those that they import, directly or not.

    A module that is imported inside a function counts as well. What is found by looking into a folder (denoisers,
    analyses) does not: whoever runs them says so by importing :mod:`companion.setup` or :mod:`companion.analyses`.

    Args:
        modules: dotted names.
        folder: of the project.

    Returns:
        Paths relative to ``folder``, sorted.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _path(module, Path(folder))
        if module in found or path is None:
            continue
        found[module] = path
        if "." in module:
            waiting.append(module.rpartition(".")[0])  # an import of a module runs the packages that it lies in
        waiting += imported(path, Path(folder))
        waiting += _looked_up(module, Path(folder))
    return sorted({str(path.relative_to(folder)) for path in found.values()})


@lru_cache(maxsize=256)
def imported(path: Path, folder: Path) -> tuple[str, ...]:
    """Modules of this project that a file imports, by their dotted names."""
    return tuple(dict.fromkeys(_imports(ast.parse(path.read_text(encoding="utf-8")), folder)))


def cells(text: str, folder: str | Path = ".") -> list[str]:
    """Modules of this project that the code cells of a notebook in MyST Markdown import."""
    code: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line.startswith("```{code-cell}")
        elif inside and line.lstrip().startswith(("from ", "import ")):
            code.append(line.strip())
    return list(_imports(ast.parse("\n".join(code)), Path(folder)))


def _imports(tree: ast.AST, folder: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            yield node.module
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if _path(name, folder))


def _path(module: str, folder: Path) -> Path | None:
    base = folder.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _looked_up(module: str, folder: Path) -> list[str]:
    """Modules that another finds by looking into their folder."""
    package = {"companion.setup": "mpicore.denoisers", "companion.analyses": "companion.analyses"}.get(module)
    if package is None:
        return []
    return [f"{package}.{path.stem}" for path in sorted(folder.joinpath(*package.split(".")).glob("*.py"))]
