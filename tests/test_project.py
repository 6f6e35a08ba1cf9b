"""Where the project lies, and that the files of a module are those that a fresh interpreter reads for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from companion import project

ROOT = Path(__file__).resolve().parents[1]
LOADED = """
import sys, {module}
for name, found in sorted(sys.modules.items()):
    if name.split(".")[0] in ("mpicore", "companion"):
        print(found.__file__)
"""


@pytest.mark.parametrize("module", ["companion.tables", "companion.verification", "mpicore.training"])
def test_the_sources_hold_all_that_an_interpreter_loads(module):
    process = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {Path(line).relative_to(ROOT).as_posix() for line in process.stdout.splitlines()}
    assert loaded and loaded <= set(project.sources([module], ROOT))


def test_sources_are_the_same_from_within_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert project.sources(["companion.tables"]) == project.sources(["companion.tables"], ROOT)


def test_sources_leave_out_what_is_not_imported():
    """Else a change of one module would run everything again."""
    found = project.sources(["companion.tables"], ROOT)
    assert "companion/figures.py" not in found and "companion/book.py" not in found
    assert project.sources(["mpicore.langevin"], ROOT) != project.sources(["mpicore.simulation"], ROOT)
    assert project.sources(["companion.nothing"], ROOT) == []


def test_sources_follow_imports_inside_functions_and_whole_packages(tmp_path):
    (tmp_path / "mpicore").mkdir()
    (tmp_path / "mpicore/__init__.py").touch()
    (tmp_path / "mpicore/one.py").write_text("import numpy\n\ndef later():\n    from mpicore import two\n")
    (tmp_path / "mpicore/two.py").write_text("import mpicore.three as t\n")
    (tmp_path / "mpicore/three.py").touch()
    names = ["__init__", "one", "three", "two"]
    assert project.sources(["mpicore.one"], tmp_path) == [f"mpicore/{name}.py" for name in names]
    assert project.sources(["mpicore.three"], tmp_path) == ["mpicore/__init__.py", "mpicore/three.py"]


def test_every_denoiser_belongs_to_what_sets_one_up():
    found = project.sources(["companion.setup"], ROOT)
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "mpicore/denoisers").glob("*.py")} <= set(found)


def test_cells_are_read_for_imports_and_text_is_not():
    code = "```{code-cell}\nimport numpy\nfrom companion import pages\n```\n"
    assert project.cells(f"from mpicore import metrics\n{code}import companion.tables\n", ROOT) == [
        "companion",
        "companion.pages",
    ]


def test_the_root_is_found_from_below_and_named_when_there_is_none(tmp_path):
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no experiments\.yml in .*b or above"):
        project.root(below)
    (tmp_path / project.MARK).touch()
    assert project.root(below) == tmp_path
