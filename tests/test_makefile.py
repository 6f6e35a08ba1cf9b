"""What a person gives to a command of the Makefile or to the workflow reaches no shell, and lint judges the project."""

import re
import shutil
import subprocess

import pytest
from conftest import ROOT


@pytest.fixture
def project(tmp_path):
    """The Makefile in a folder with an unkind name, and programs that only write down what they are given."""
    folder = tmp_path / 'it\'s a "tëst"'
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".ci").mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in ("python", "ruff", "snakefmt", "check-jsonschema", "mypy"):
        program = folder / ".venv/bin" / name
        program.write_text(f'#!/bin/bash\nprintf "%s\\0" {name} "$@" "" >> told\n')
        program.chmod(0o755)
    shutil.copyfile(folder / ".venv/bin/python", folder / ".ci/notebooks")
    (folder / ".ci/notebooks").chmod(0o755)
    (folder / ".venv/.ready").touch()
    return folder


def told(folder, *words):
    """The commands that `make` gives, each as a list of words."""
    (folder / "told").unlink(missing_ok=True)
    subprocess.run(["make", *words], cwd=folder, check=True, capture_output=True)
    return [command.split("\0") for command in (folder / "told").read_text().rstrip("\0").split("\0\0")]


UNKIND = ["my dir's/x.py:A", 'a "b".py:A', "$(touch PWNED)", "a;touch PWNED", "`touch PWNED`", "a&touch PWNED&"]


@pytest.mark.parametrize("value", UNKIND)
def test_settings_reach_the_commands_as_they_are(project, value):
    given = value.replace("$", "$$")  # which is how `make` takes a dollar
    (command,) = told(project, "leaderboard", f"DENOISER={given}", f"DENOISERS={given};b.py:B", f"PRESET={given}")
    assert command[:4] == ["python", "-m", "companion", "own"]
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options["--denoiser"] == options["--preset"] == value and options["--denoisers"] == f"{value};b.py:B"
    for target in ("book", "reproduce", "progress"):
        (command,) = told(project, target, f"PRESET={given}", f"JOBS={given}")
        assert command.count(value) == 2
    (command,) = told(project, "serve", f"PORT={given}")
    assert command[-1] == value
    assert not (project / "PWNED").exists()


def test_lint_judges_what_belongs_to_the_project(project):
    """A denoiser of one's own in the folder is none of its business."""
    for name in ("ours.py", "theirs.py"):
        (project / name).write_text("")
    for words in (["init", "-q"], ["add", "ours.py"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    commands = told(project, "lint")
    assert ["ruff", "check", "ours.py"] in commands and ["ruff", "format", "--check", "ours.py"] in commands
    assert not [command for command in commands if "theirs.py" in command or "." in command]


def commands_of_the_workflow():
    """The texts of all shell commands of the Snakefile."""
    text = (ROOT / "Snakefile").read_text()
    return re.findall(r"\n +shell:\n((?: +(?:#.*|\".*\")\n)+)", text)


def test_the_workflow_quotes_whatever_it_puts_into_a_command():
    """Names of files, settings and parameters; a number of threads and the setting for one are none of a person."""
    commands = commands_of_the_workflow()
    assert len(commands) == (ROOT / "Snakefile").read_text().count("shell:")
    places = [place for command in commands for place in re.findall(r"\{(.+?)\}", command)]
    assert len(places) > 30
    assert {place for place in places if not place.endswith(":q")} <= {"threads", "ONE_THREAD"}


def test_the_workflow_runs_without_a_number_of_cores():
    """A dry run does not tell: with it neither a cluster nor ``--unlock`` could be called without ``--cores``."""
    assert "workflow.cores" not in (ROOT / "Snakefile").read_text()
