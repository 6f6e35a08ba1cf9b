"""The environment is pinned in one place, the metadata agree with it, and with each other."""

import ast
import re
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.version import Version

import mpicore

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name):
    """The lines of a file of requirements, by the canonical name of the package."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    found = {canonical(Requirement(line).name): Requirement(line) for line in lines}
    assert len(found) == len(lines)
    return found


def declared(*groups):
    return {canonical(Requirement(text).name): Requirement(text) for group in groups for text in group}


LOCKED = requirements("requirements.lock")
LIBRARY = declared(PROJECT["dependencies"])
ALL = declared(PROJECT["dependencies"], *EXTRAS.values())


def pinned(requirement):
    (specifier,) = requirement.specifier
    assert specifier.operator == "==" and "+" not in specifier.version and requirement.url is None
    return Version(specifier.version)


def test_every_line_is_an_exact_public_version():
    assert all(pinned(requirement) for requirement in LOCKED.values())


def test_the_lock_fulfils_what_the_project_asks_for():
    for name, requirement in ALL.items():
        assert name in LOCKED, f"{name} is not locked"
        assert requirement.specifier.contains(pinned(LOCKED[name])), f"{requirement} and {LOCKED[name]}"


BOUNDED = ("notebooks", "book")


def test_bounds_are_lower_ones_but_for_what_the_next_version_may_break():
    """Each package of the extras that run the book has an upper bound, and no other has one."""
    for group, texts in {"": PROJECT["dependencies"], **EXTRAS}.items():
        for requirement in map(Requirement, texts):
            operators = {specifier.operator for specifier in requirement.specifier}
            assert operators <= {"<", ">="} and ("<" in operators) == (group in BOUNDED), f"{group}: {requirement}"


@pytest.mark.parametrize(
    "name, package",
    [("requirements-lab.lock", "jupyterlab"), ("requirements-cluster.lock", "snakemake-executor-plugin-slurm")],
)
def test_what_not_everybody_needs_is_locked_beside_the_environment(name, package):
    """Its own file has what it needs besides; where it is installed, it is these versions."""
    beside = requirements(name)
    assert package in beside and not beside.keys() & LOCKED.keys()
    for name, requirement in beside.items():
        assert pinned(requirement)
        with suppress(PackageNotFoundError):
            asks = distribution(name).metadata.get("Requires-Python", "")
            assert all(Requirement(f"{name}{asks.replace(' ', '')}").specifier.contains(p) for p in pythons())


def test_the_library_is_tried_with_its_lower_bounds():
    oldest = requirements(".ci/oldest.txt")
    assert oldest.keys() == LIBRARY.keys()
    for name, requirement in LIBRARY.items():
        (bound,) = requirement.specifier
        assert Version(bound.version).release[:2] == pinned(oldest[name]).release[:2]
        assert requirement.specifier.contains(pinned(oldest[name]))


def test_conda_installs_the_lock_file_and_pins_nothing_itself():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (nested,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert nested == ["--requirement requirements.lock", "--no-deps --editable ."]
    assert plain == ["python=3.11", "pip"]


@pytest.mark.parametrize("name", ["numpy", "torch", "jupyter-book", "papermill", "snakemake", "scikit-image"])
def test_the_tests_run_in_that_environment(name):
    if version("numpy") != str(pinned(LOCKED["numpy"])):
        pytest.skip("this environment is not the locked one")
    assert version(name).split("+")[0] == str(pinned(LOCKED[name]))


def pythons():
    """The first release of every promised Python."""
    prefix = "Programming Language :: Python :: "
    found = [text.removeprefix(prefix) for text in PROJECT["classifiers"] if text.startswith(prefix)]
    return [f"{minor}.0" for minor in found if re.fullmatch(r"3\.\d+", minor)]


def test_every_locked_package_installs_on_every_promised_python():
    assert pythons()[0] == PROJECT["requires-python"].removeprefix(">=") + ".0"
    for name in LOCKED:
        asks = distribution(name).metadata.get("Requires-Python", "")
        for python in pythons() if asks else []:
            assert Requirement(f"{name}{asks.replace(' ', '')}").specifier.contains(python), f"{name} asks for {asks}"


def test_the_lock_holds_all_that_is_needed_and_nothing_else():
    """Following the requirements of the project, and of what they require, leads to each line, and to no other."""
    reached, ahead = set(), [*ALL.values(), Requirement("setuptools")]
    while ahead:
        requirement = ahead.pop()
        name = canonical(requirement.name)
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            environments = [default_environment() | {"extra": extra} for extra in ("", *requirement.extras)]
            known = canonical(needed.name) in reached
            if not known and (needed.marker is None or any(map(needed.marker.evaluate, environments))):
                ahead.append(needed)
        reached.add(name)
    foreign = {name for name in reached if name.startswith(("nvidia-", "cuda-")) or name == "triton"}
    assert reached - foreign == set(LOCKED), f"unused: {set(LOCKED) - reached}; missing: {reached - set(LOCKED)}"


def imported(folder):
    """Distributions that the code of a folder imports."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.partition(".")[0])
    own = {"mpicore", "companion", "benchmarks", "attacks"} | {path.stem for path in (ROOT / folder).glob("*.py")}
    return {canonical(packages_distributions()[name][0]) for name in names - own - sys.stdlib_module_names}


@pytest.mark.parametrize(
    "folder, groups",
    [
        ("mpicore", [PROJECT["dependencies"]]),
        ("companion", [PROJECT["dependencies"], EXTRAS["book"]]),
        ("tests", [PROJECT["dependencies"], EXTRAS["book"], EXTRAS["test"]]),
    ],
)
def test_what_is_imported_is_declared(folder, groups):
    lazily = {"matplotlib"} if folder == "mpicore" else set()  # letters as phantoms, in the extra
    assert imported(folder) - lazily <= declared(*groups).keys()


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"] == mpicore.__version__
    released = citation["date-released"]
    assert f"## {PROJECT['version']} ({released})\n" in (ROOT / "CHANGELOG.md").read_text()


def test_actions_are_pinned_by_hash():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: *(.*)", path.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", action), f"{path.name}: {action}"
