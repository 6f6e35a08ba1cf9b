"""A fresh environment: the built wheel and the packages that it asks for, and nothing else."""

import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the project, without asking any other machine."""
    source = folder / "source"
    source.mkdir()
    listed = ["mpicore", "companion", "pyproject.toml", "README.md", "LICENSE"]
    subprocess.run(["cp", "-r", *listed, str(source)], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (found,) = folder.glob("mpicore-*.whl")
    return found


def environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """An interpreter with the wheel and what it requires, with these extras, as links to the packages that are here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (own,) = packages.glob("mpicore-*.dist-info")
    seen: set[tuple[str, frozenset[str]]] = set()
    ahead = [(Distribution.at(own), frozenset(extras))]
    while ahead:
        parent, wanted = ahead.pop()
        for requirement in map(Requirement, parent.requires or []):
            environments = [default_environment() | {"extra": extra} for extra in ("", *wanted)]
            if requirement.marker is not None and not any(map(requirement.marker.evaluate, environments)):
                continue
            found = (requirement.name.lower(), frozenset(requirement.extras))
            if found in seen or requirement.name.lower().startswith(("nvidia-", "cuda-", "triton")):
                continue
            seen.add(found)
            child = distribution(requirement.name)
            _link(child, packages)
            ahead.append((child, found[1]))
    return folder / "bin/python"


def _link(package: Distribution, folder: Path) -> None:
    for name in {path.parts[0] for path in package.files or [] if path.parts[0] not in ("..", "__pycache__")}:
        target = Path(str(package.locate_file(name)))
        if not (folder / name).exists():
            (folder / name).symlink_to(target)
