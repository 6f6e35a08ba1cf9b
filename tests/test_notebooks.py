import json
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from papermill.exceptions import PapermillExecutionError

from companion import notebooks

SOURCES = sorted(Path("notebooks").glob("*.md"))
TEMPLATE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A notebook

```{code-cell}
:tags: [parameters]

count = 2
name = "a"
```

```{code-cell}
BODY
```
"""


@pytest.fixture
def write(tmp_path):
    def make(body, template=TEMPLATE):
        path = tmp_path / "source.md"
        path.write_text(template.replace("BODY", body))
        return path, tmp_path / "out" / "result.ipynb"

    return make


def outputs(path):
    return "".join(o.get("text", "") for c in nbformat.read(path, 4).cells for o in c.get("outputs", []))


def test_parameters_replace_defaults_and_a_repeat_is_byte_identical(write):
    source, target = write("print(count, name)")
    notebooks.execute(source, target, {"count": 5})
    first = target.read_bytes()
    assert outputs(target) == "5 a\n"
    notebooks.execute(source, target, {"count": 5})
    assert target.read_bytes() == first


@pytest.mark.parametrize(
    "values, named",
    [({"cuont": 3}, "cuont"), ({"count": "three"}, "count must be int"), ({"name": 1}, "name must be str")],
)
def test_unknown_and_mistyped_parameters_are_refused(write, values, named):
    source, target = write("pass")
    with pytest.raises(ValueError, match=named):
        notebooks.execute(source, target, values)
    assert not target.exists()


def test_a_failing_cell_leaves_no_output_and_keeps_the_old_one(write):
    source, target = write('print("fine")')
    notebooks.execute(source, target)
    before = target.read_bytes()
    source, target = write("values = [1]\nvalues[7]")
    with pytest.raises(PapermillExecutionError, match="IndexError") as caught:
        notebooks.execute(source, target)
    assert "values[7]" in str(caught.value)
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["result.ipynb"]


def test_the_parameters_cell_must_be_plain(write):
    source, target = write("pass", TEMPLATE.replace("count = 2", "count = open('x')"))
    with pytest.raises(ValueError, match="assign constants"):
        notebooks.execute(source, target)
    source, target = write("pass", TEMPLATE.replace(":tags: [parameters]", ":tags: [other]"))
    with pytest.raises(ValueError, match="one cell tagged parameters"):
        notebooks.execute(source, target)


def test_what_was_not_made_here_is_never_overwritten(write):
    source, target = write("pass")
    target.parent.mkdir()
    text = source.read_text()
    with pytest.raises(ValueError, match=r"source.md is the source itself"):
        notebooks.execute(source, source)
    foreign = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("mine")])
    for content in ("years of work", nbformat.writes(foreign)):
        target.write_text(content)
        with pytest.raises(ValueError, match="was not made by this command"):
            notebooks.execute(source, target)
        assert target.read_text() == content
    assert source.read_text() == text


def test_a_text_that_is_no_notebook_is_named(write):
    source, target = write("pass", "# A heading\n")
    with pytest.raises(ValueError, match="one cell tagged parameters"):
        notebooks.execute(source, target)


def test_the_kernel_is_this_interpreter_whatever_is_installed_under_its_name(write, tmp_path, monkeypatch):
    folder = tmp_path / "kernels/python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": ["/nowhere"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    source, target = write("import sys\nprint(sys.executable)")
    notebooks.execute(source, target)
    assert outputs(target).strip() == sys.executable


def test_values_stand_in_texts_and_labels(write):
    text = TEMPLATE.replace("# A notebook", "# A notebook of @count@ and @other@")
    source, target = write("print(count)", text)
    notebooks.execute(source, target, {"count": 5})
    assert nbformat.read(target, 4).cells[0].source == "# A notebook of 5 and @other@"


@pytest.mark.parametrize("spoil", ["error", "unexecuted", "missing", "text"])
def test_a_notebook_that_is_not_whole_is_refused(tmp_path, spoil):
    path = tmp_path / "page.ipynb"
    cell = nbformat.v4.new_code_cell("1", execution_count=1)
    if spoil == "error":
        cell.outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])]
    if spoil == "unexecuted":
        cell.execution_count = None
    if spoil == "text":
        path.write_text("not a notebook")
    elif spoil != "missing":
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    with pytest.raises(ValueError, match=r"page\.ipynb"):
        notebooks.check_executed(path)


def test_a_whole_notebook_passes(tmp_path):
    path = tmp_path / "page.ipynb"
    cells = [nbformat.v4.new_markdown_cell("text"), nbformat.v4.new_code_cell("1", execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    notebooks.check_executed(path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_sources_tell_the_story_and_define_nothing(source):
    """One parameters cell, the preset among its names, no functions or classes, no cell longer than a screen.

    Each enters the project first, so that it can be opened anywhere.
    """
    notebook = jupytext.read(source)
    assert "preset" in notebooks.parameters(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert "project.enter()" in code[1]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines())
            assert len(cell.source.splitlines()) <= 45
            figure = cell.metadata.get("mystnb", {}).get("figure")
            if figure:
                assert figure["caption"].strip() and cell.metadata["mystnb"]["image"]["alt"].strip()
    assert "preset.txt" in source.read_text()


def test_neighbouring_pieces_of_a_stream_are_joined():
    pieces = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("a", "b")]
    other = nbformat.v4.new_output("stream", name="stderr", text="c")
    merged = notebooks._merge_streams([*pieces, other])
    assert [(o.name, o.text) for o in merged] == [("stdout", "ab"), ("stderr", "c")]
    assert json.dumps(merged)
