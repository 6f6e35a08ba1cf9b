"""On machines that do not help: the smallest useful commands work, or end in one line that says what is wrong.

A path with a space, an apostrophe and an umlaut has its test in test_pipeline.py, a broken kernel in test_notebooks.py,
and an interpreter that is not fit in test_makefile.py.
"""

import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from conftest import ROOT, copy_project

NOTEBOOK = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Ü

```{code-cell}
:tags: [parameters]

preset = "smoke"
```

```{code-cell}
from companion import experiments
print("µ", experiments.read().preset(preset))
```
"""
RUN = ("run", "xspace-gaussian", "antisymmetric", "--preset", "smoke", "--threads", "1")
PAGE = ("notebook", "page.md", "page.ipynb")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, which anybody may write."""
    folder = copy_project(tmp_path_factory.mktemp("hostile") / "project")
    (folder / "page.md").write_text(NOTEBOOK, encoding="utf-8")
    for path in (folder, *folder.rglob("*"), *folder.parents[:3]):
        path.chmod(path.stat().st_mode | (0o777 if path.is_dir() else 0o666))
    return folder


def command(project: Path, *arguments: str, **settings) -> subprocess.CompletedProcess[str]:
    """Run a command of the companion under the settings of :func:`subprocess.run`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project), **settings.pop("env", {})}
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-m", "companion", *arguments],
        cwd=project, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False, **settings,
    )  # fmt: skip


def memory(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def hostile(name: str, folder: Path) -> dict:
    """Settings of a process, by what is hostile about its machine."""
    (folder / "with a space").mkdir()
    closed = folder / "closed"
    closed.mkdir(mode=0o500)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    return {
        "no home": {"env": {"HOME": None}},
        "home that is not there": {"env": {"HOME": "/nonexistent/home"}},
        "home that cannot be written, not root": {"env": {"HOME": str(closed)}, **nobody},
        "narrow umask": {"umask": 0o077},
        "plain locale": {"env": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}},
        "place for temporary files with a space": {"env": {"TMPDIR": str(folder / "with a space")}},
        "place for temporary files that is not there": {"env": {"TMPDIR": str(folder / "gone")}},
        "no programs": {"env": {"PATH": "/nonexistent"}},
        "6 GB of memory": {"preexec_fn": partial(memory, 6 * 2**30)},
    }[name]


def readable_by_others(path: Path) -> bool:
    """Whether every folder on the way to a file, and to what it links to, may be entered by anybody."""
    ways = (path.absolute(), path.resolve())
    return all(folder.stat().st_mode & 0o001 for way in ways for folder in way.parents)


HOSTILE = [
    "no home",
    "home that is not there",
    "home that cannot be written, not root",
    "narrow umask",
    "plain locale",
    "place for temporary files with a space",
    "place for temporary files that is not there",
    "no programs",
    "6 GB of memory",
]


@pytest.mark.attack
@pytest.mark.parametrize("name", HOSTILE)
def test_a_run_and_a_page_are_made(project, tmp_path, name):
    settings = hostile(name, tmp_path)
    if "user" in settings and os.geteuid():
        settings = {"env": settings["env"]}
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(0o777)
    if "user" in settings and not readable_by_others(Path(sys.executable)):
        pytest.skip("the environment cannot be read by others")
    made = command(project, *RUN, "--root", str(project / name.replace(" ", "_")), **settings)
    assert made.returncode == 0 and "test SNR" in made.stdout, made.stderr
    (project / "page.ipynb").unlink(missing_ok=True)
    page = command(project, *PAGE, **settings)
    assert page.returncode == 0 and "µ" in (project / "page.ipynb").read_text(encoding="utf-8"), page.stderr


@pytest.mark.attack
def test_too_little_memory_is_one_line(project, tmp_path):
    for limit in (2**30, 3 * 2**29):
        made = command(project, *RUN, "--root", str(tmp_path / str(limit)), preexec_fn=partial(memory, limit))
        if made.returncode:
            assert made.stderr.startswith("error: ") and len(made.stderr.splitlines()) == 1, made.stderr


def test_an_environment_that_was_interrupted_is_made_anew(tmp_path):
    """Half an environment has no mark of being whole: the next `make env` clears it before it goes on."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/bash\necho "$@" >> "{told}"\n'
        'if [ "$2" = venv ]; then mkdir -p .venv/bin; ln -sf "$0" .venv/bin/python; fi\n'
        '[ "$3" != fail ] || exit 1\n'
    )
    python.chmod(0o755)
    for whole in (False, True):
        if whole:
            later = (tmp_path / ".venv/.ready").stat().st_mtime + 10
            os.utime(tmp_path / "requirements.lock", (later, later))
        made = subprocess.run(
            ["make", "env", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        calls = told.read_text().splitlines()
        assert (tmp_path / ".venv/.ready").exists()
        assert any("-m venv --clear .venv" in call for call in calls) == (not whole), calls
        assert any("pip install" in call for call in calls)
        told.unlink()
