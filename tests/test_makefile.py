"""What a person gives to a command of the Makefile or to the workflow reaches no shell, and lint judges the project."""

import re
import shutil
import subprocess
import sys

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
    for name in ("python", "ruff", "snakefmt", "check-jsonschema", "hadolint", "mypy"):
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


def interpreter(folder, name, body):
    """A program that answers as an interpreter would when `make env` asks it what it is."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / name
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(0o755)


def environment(folder, *words):
    """`make env` where no other interpreter is on the way: status and what it says."""
    (folder / ".venv/.ready").unlink(missing_ok=True)
    variables = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder)}
    made = subprocess.run(
        ["make", "env", *words], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    return made.returncode, made.stdout + made.stderr


def test_the_first_interpreter_that_is_fit_makes_the_environment(project):
    """One that is too old is passed over, whatever it is called."""
    interpreter(project, "python3.11", 'echo "it is Python 3.9.1, and 3.11 is needed" >&2; exit 1')
    interpreter(
        project, "python3.12", 'printf "%s\\0" python3.12 "$@" "" >> told; [ "$1" != -V ] || echo "Python 3.12.1"'
    )
    status, said = environment(project)
    assert status == 0 and said == "environment .venv with Python 3.12.1\n"
    commands = [command.split("\0") for command in (project / "told").read_text().rstrip("\0").split("\0\0")]
    assert ["python3.12", "-m", "venv", "--clear", ".venv"] in commands
    assert [command[:4] for command in commands[-2:]] == [["python", "-m", "pip", "install"]] * 2
    assert (project / ".venv/.ready").exists()


def test_without_an_interpreter_that_is_fit_one_line_says_why(project):
    interpreter(project, "old", 'echo "it is Python 3.9.1, and 3.11 is needed" >&2; exit 1')
    for name, reason in (("old", "it is Python 3.9.1, and 3.11 is needed"), ("nowhere", "there is none")):
        status, said = environment(project, f"PYTHON={name}")
        assert status != 0 and said.splitlines()[0] == f"error: no Python that is fit; {name}: {reason}"
        assert not (project / ".venv/.ready").exists()


@pytest.mark.parametrize(
    "before, said",
    [
        ("", ""),
        ("sys.version_info = (3, 9, 18)", "it is Python 3.9.18, and 3.11, 3.12 or 3.13 is needed\n"),
        ("sys.version_info = (4, 0, 0)", "it is Python 4.0.0, and 3.11, 3.12 or 3.13 is needed\n"),
        ("sys.modules['ensurepip'] = None", "it has no module ensurepip; on Debian"),
    ],
)
def test_an_interpreter_says_what_it_lacks(before, said):
    check = re.search(r"^define CHECK\n(.*?)^endef", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)[1]
    found = subprocess.run(
        [sys.executable, "-c", f"import sys\n{before}\n{check}"], capture_output=True, text=True, check=False
    )
    assert (found.returncode == 0) == (said == "") and found.stderr.startswith(said)
