"""What a page shows of its code: a few lines that use the package, and nothing of the plumbing."""

import jupytext
import pytest

#: Pages without such lines: tables of what was measured elsewhere, and a page of commands and functions.
WITHOUT = {"attacks", "benchmarks", "measured_signals", "your_own_recording"}
HIDDEN = {"parameters", "hide-input", "remove-input", "remove-cell"}


def shown(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and not HIDDEN & set(cell.metadata["tags"])]


@pytest.fixture(scope="module")
def notebooks(root):
    found = {}
    for path in sorted((root / "notebooks").glob("*.md")):
        found[path.stem] = jupytext.read(path)
        for cell in found[path.stem].cells:
            cell.metadata.setdefault("tags", [])
    return found


def test_each_page_shows_a_few_lines_that_use_the_package(notebooks):
    for name, notebook in notebooks.items():
        if name in WITHOUT:
            continue
        (cell,) = shown(notebook)
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert 3 <= len(lines) <= 12, name
        assert "from mpicore" in cell.source or "from companion" in cell.source, name
        assert "glue" not in cell.source and "write_text" not in cell.source, name


def test_the_plumbing_is_hidden(notebooks):
    """Values for the prose, files for the tables and claims are made in cells whose code is folded or left out."""
    for name, notebook in notebooks.items():
        for cell in shown(notebook):
            for word in ("pages.", "files.write_text", "project.enter", "use_style"):
                assert word not in cell.source, (name, word)
