"""JupyterLab on the notebooks of the project, each of which runs there as it is.

Jupytext shows the notebooks, which are Markdown, as notebooks; the folder ``.jupyter`` of the project makes that what a
double click does. A notebook finds the project from its own folder (:func:`companion.project.enter`).
"""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from companion import build, project

CONFIGURATION = ".jupyter"  #: folder of the project with JupyterLab's settings


def command(arguments: Sequence[str] = ()) -> list[str]:
    """The words that start JupyterLab with this interpreter in the working directory, which is that of the project."""
    options = ["--ServerApp.root_dir=.", "--LabApp.default_url=/lab/tree/notebooks", *arguments]
    return [sys.executable, "-m", "jupyterlab", *options]


def environment(root: Path) -> dict[str, str]:
    """That of a build, with the project's settings of JupyterLab; what it keeps stays below ``build``."""
    caches = root / "build" / "caches" / "lab"
    kept = {name: str(caches / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    kept |= {f"JUPYTERLAB_{name}_DIR": str(caches / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    for folder in kept.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    return build.environment(root) | kept | {"JUPYTER_CONFIG_PATH": str(root / CONFIGURATION)}


def run(arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> None:
    """Become JupyterLab.

    Args:
        arguments: of JupyterLab, such as ``--no-browser``.
        variables: the environment; that of the working directory by default.

    Raises:
        ValueError: it is not installed.
        OSError: the working directory is not the project, or the folder of its settings cannot be written.
    """
    if not Path(project.MARK).is_file():
        raise FileNotFoundError(project.missing())
    if importlib.util.find_spec("jupyterlab") is None:
        raise ValueError("JupyterLab is not installed; `make lab` does it, or pip with requirements-lab.lock")
    chosen = environment(Path.cwd()) if variables is None else variables
    words = command(arguments)
    os.execve(words[0], words, dict(chosen))
