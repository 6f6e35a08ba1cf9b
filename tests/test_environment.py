"""The environment is pinned in one place, and conda users get the same."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

LOCK = [line for line in Path("requirements.lock").read_text().splitlines() if line and not line.startswith("#")]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


PINNED = {canonical(Requirement(line).name): Requirement(line) for line in LOCK}


def test_every_line_is_an_exact_public_version():
    for requirement in PINNED.values():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==" and "+" not in specifier.version
        assert requirement.url is None
    assert len(PINNED) == len(LOCK)


def test_conda_installs_the_lock_file_and_pins_nothing_itself():
    environment = yaml.safe_load(Path("environment.yml").read_text())
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (nested,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert nested == ["--requirement requirements.lock", "--no-deps --editable ."]
    assert plain == ["python=3.11", "pip"]


def test_every_dependency_of_the_project_is_locked():
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    for text in [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]:
        requirement = Requirement(text)
        assert not requirement.specifier, f"{text} is pinned outside the lock file"
        assert canonical(requirement.name) in PINNED


@pytest.mark.parametrize("name", ["numpy", "torch", "jupyter-book", "papermill", "snakemake", "scikit-image"])
def test_the_tests_run_in_that_environment(name):
    assert version(name).split("+")[0] == next(iter(PINNED[canonical(name)].specifier)).version
