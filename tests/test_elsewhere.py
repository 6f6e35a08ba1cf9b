"""Where else the project runs: its container, which Binder takes, and a cluster."""

import json
import re
import shlex
import sys

import pytest
import yaml


@pytest.fixture(scope="module")
def steps(root):
    """The instructions of the Dockerfile, each with its arguments."""
    text = re.sub(r"\\\n\s*", "", (root / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    known = ["ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "RUN", "USER", "WORKDIR"]
    found = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    assert all(word in known for word, _ in found)
    return found


def values(steps, word):
    return [rest for found, rest in steps if found == word]


def test_the_image_starts_from_one_that_is_pinned(steps, root):
    """By version and by digest; its Python is that of the conda environment."""
    (base,) = values(steps, "FROM")
    found = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    assert found and steps[0] == ("FROM", base)
    assert f"python={found[1]}" in yaml.safe_load((root / "environment.yml").read_text())["dependencies"]


def test_the_image_holds_the_locked_versions_and_no_other(steps, root):
    """pip installs lines of the lock files, and the project without asking for more."""
    commands = [part.strip() for run in values(steps, "RUN") for part in run.split("&&") if " install " in part]
    assert all(part.startswith("pip install --no-cache-dir ") for part in commands)
    *locked, project = (shlex.split(part)[3:] for part in commands)
    assert project == ["--no-deps", "--no-build-isolation", "--editable", "."]
    named = set()
    for words in locked:
        named |= {words[place + 1] for place, word in enumerate(words) if word == "--requirement"}
        free = [word for place, word in enumerate(words) if not word.startswith("--") and words[place - 1][:2] != "--"]
        assert free == []
    assert named == {"/tmp/torch.lock", "requirements.lock", "requirements-lab.lock"}
    assert "grep '^torch==' requirements.lock > /tmp/torch.lock" in values(steps, "RUN")[0]
    assert re.search(r"^torch==", (root / "requirements.lock").read_text(), re.MULTILINE)


def test_the_image_runs_as_a_user_without_a_home(steps):
    """A number, which is not root's, from the first step that runs the project on; what is kept goes to /tmp."""
    (user,), place = values(steps, "USER"), [word for word, _ in steps].index("USER")
    arguments = dict(text.split("=", 1) for text in values(steps, "ARG"))
    assert int(arguments[user.removeprefix("$")]) > 0
    assert all("companion" not in rest for _, rest in steps[:place]) and values(steps[place:], "COPY") == []
    (variables,) = values(steps, "ENV")
    assert dict(part.split("=", 1) for part in variables.split())["HOME"] == "/tmp"
    (command,) = values(steps, "CMD")
    assert json.loads(command)[:4] == ["python", "-m", "companion", "lab"]


def test_the_image_gets_nothing_that_a_command_made(root):
    """What Git ignores, Docker ignores as well; and there is one file for both, where Binder looks for it."""
    ignored = {line.strip("/").removeprefix("**/") for line in (root / ".dockerignore").read_text().splitlines()}
    made = {line.strip("/") for line in (root / ".gitignore").read_text().splitlines() if not line.startswith("#")}
    assert made - {".ipynb_checkpoints"} <= ignored and ".git" in ignored
    assert not any((root / name).exists() for name in ("binder", ".binder"))


def test_the_page_shows_the_command_that_is_tried(root):
    """Continuous integration gives a graph to Slurm with the options of the page *On a cluster*."""
    page = (root / "book/reproducibility.md").read_text()
    shown = re.search(r"^snakemake (--executor slurm .*?) --config", page, re.MULTILINE)[1]
    tried = re.sub(r"\\\n\s*", "", (root / ".ci/slurm").read_text())
    assert f'snakemake "$work/cluster" {shown} ' in tried
    extra = re.search(r"Where Slurm keeps no accounts, add `(.*?)`", page)[1]
    assert all(option in tried for option in re.findall(r"--[\w-]+(?: \w+)?", extra))


def test_notebooks_import_what_the_package_brings_for_them(root):
    """A notebook outside the project has the library's packages and those of the extra ``notebooks``."""
    imported = set()
    for path in (root / "notebooks").glob("*.md"):
        imported |= set(
            re.findall(r"^(?:import (?=\w+$|\w+ as)|from (?=[\w.]+ import))(\w+)", path.read_text(), re.MULTILINE)
        )
    brought = {"mpicore", "companion", "numpy", "scipy", "torch", "pandas", "matplotlib", "IPython"}
    assert imported - brought - sys.stdlib_module_names == set()
