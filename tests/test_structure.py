"""The house: who imports whom, read from the sources alone, and that the picture in CONTRIBUTING shows it."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx
import pytest

from companion import experiments
from mpicore import denoisers

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mpicore", "companion")
# What needs PyTorch, and is imported only where a network is.
NETWORKS = {"layers", "losses", "network", "one_period", "training", "unet"}


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> networkx.DiGraph:
    """The graph of modules, with an edge from a module to each that it imports, anywhere in its code."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(modules())
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: {ast.unparse(node)} is relative"
                names = [f"{node.module}.{name.name}" for name in node.names]
            else:
                continue
            for name in names:
                while name and name not in modules():
                    name = name.rpartition(".")[0]
                if name and name != module:
                    graph.add_edge(module, name)
    return graph


def test_the_library_never_imports_the_companion():
    upwards = [edge for edge in imports().edges if edge[0].startswith("mpicore") and edge[1].startswith("companion")]
    assert upwards == []


def test_imports_have_no_circle():
    assert list(networkx.simple_cycles(imports())) == []


def test_the_library_does_not_name_the_companion():
    for module, path in modules().items():
        if module.startswith("mpicore"):
            assert "companion" not in path.read_text(encoding="utf-8"), path


@cache
def picture() -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
    """Rooms and arrows of the picture: the modules of each room, and pairs of rooms (used, user)."""
    drawing = re.search(r"```mermaid\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    rooms: dict[str, list[str]] = {}
    arrows: set[tuple[str, str]] = set()
    package = ""
    for line in map(str.strip, drawing.splitlines()):
        if opened := re.fullmatch(r"subgraph (\w+).*", line):
            package = opened[1]
        elif room := re.fullmatch(r'(\w+)\["(.*)"\]', line):
            rooms[room[1]] = [f"{package}.{name}" for name in re.split(r", |<br>", room[2])]
        elif arrow := re.fullmatch(r"([\w &]+) --> ([\w &]+)", line):
            arrows |= {(a, b) for a in arrow[1].split(" & ") for b in arrow[2].split(" & ")}
        else:
            assert line in ("", "end") or line.startswith(("flowchart", "direction")), f"{line!r} is not understood"
    return rooms, arrows


def room_of(module: str) -> str | None:
    """The room of the picture in which a module is; a package's room holds all its modules."""
    rooms, _ = picture()
    found = [room for room, names in rooms.items() if any(f"{module}.".startswith(f"{name}.") for name in names)]
    assert len(found) <= 1, f"{module} is in {found}"
    return found[0] if found else None


def test_every_module_has_one_room_in_the_picture():
    without = [module for module in modules() if module not in PACKAGES and room_of(module) is None]
    assert without == []
    rooms, _ = picture()
    assert [name for names in rooms.values() for name in names if name not in modules()] == []


def test_the_arrows_of_the_picture_are_the_imports():
    """Drawn are the arrows that do not follow from others."""
    between = networkx.DiGraph()
    for importing, imported in imports().edges:
        user, used = room_of(importing), room_of(imported)
        if user and used and user != used:
            between.add_edge(used, user)
    assert networkx.is_directed_acyclic_graph(between), list(networkx.simple_cycles(between))[:3]
    expected = set(networkx.transitive_reduction(between).edges)
    _, arrows = picture()
    assert arrows == expected, f"to draw: {sorted(expected - arrows)}; to remove: {sorted(arrows - expected)}"


def test_import_needs_torch_only_for_networks():
    """A page that draws no network starts without it as well, and without what takes as long to load."""
    light = sorted(
        name
        for name in modules()
        if name.startswith("mpicore") and name.split(".")[-1] not in NETWORKS and ".denoisers." not in name
    )
    assert "mpicore.files" in light and "mpicore.denoisers" in light
    program = (
        f"import sys, {', '.join(light)}; print([n for n in ('torch', 'matplotlib', 'pandas') if n in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.strip() == "[]", process.stdout + process.stderr
    loaded = "print([n for n in ('torch', 'scipy.signal', 'scipy.stats', 'scipy.spatial') if n in sys.modules])"
    program = f"import sys, companion.figures, companion.pages, companion.studies; {loaded}"
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.strip() == "[]", process.stdout + process.stderr


def test_a_denoiser_for_good_has_its_four_files():
    """Its module, the experiments file, a test, and a sentence in the book, which calls it by its title."""
    known = experiments.read(ROOT / "experiments.yml")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    book = " ".join(" ".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md")).lower().split())
    for name in denoisers.names():
        if not denoisers.find(name).__module__.startswith("mpicore."):
            continue  # registered by another test
        titles = [method.title for method in known.methods.values() if method.denoiser == name]
        assert titles, f"{name} stands under no method of experiments.yml"
        assert f'"{name}"' in tests, f"{name} has no test"
        called = [title.partition(",")[0].lower() for title in titles]
        assert any(title in book for title in called), f"{name} has no sentence in the book that says {titles[0]}"


def text_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        return []
    return [name for name in listed.stdout.split("\0") if name and not name.startswith("published/")]


def test_nothing_names_a_folder_of_one_machine():
    if not text_files():
        pytest.skip("not a clone of the repository")
    machine = re.compile(r"(?<![\w.])/(?:work|root|home|opt)/\w")
    for name in text_files():
        path = ROOT / name
        if path.is_file() and name != "tests/test_structure.py":
            found = machine.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name} names {found[0]}…"
