import nbformat
import pytest

from companion import book, experiments


@pytest.fixture
def parts(tmp_path):
    """A small book: one text, one executed notebook, one table."""
    source = tmp_path / "book"
    source.mkdir()
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n- chapters:\n  - file: pages/one\n    sections:\n    - file: more\n"
    )
    for name in ("index", "more"):
        (source / f"{name}.md").write_text(f"# {name}\n")
    page = tmp_path / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)]), page)
    table = tmp_path / "table.csv"
    table.write_text("a\n1\n")
    return source, tmp_path / "staged", page, table


def test_stage_collects_everything_and_nothing_old(parts):
    source, target, page, table = parts
    target.mkdir()
    (target / "stale.md").write_text("old")
    book.stage(source, target, [page], [table], experiments.read(), "preview")
    assert not (target / "stale.md").exists()
    assert (target / "pages/one.ipynb").read_bytes() == page.read_bytes()
    assert (target / "tables/table.csv").exists()
    assert "MathJax" in (target / "extra/mathjax.js").read_text(encoding="utf-8")
    assert "previews" in (target / "preset.txt").read_text()


def test_a_failed_notebook_stops_the_book_before_the_old_one_is_touched(parts):
    source, target, page, table = parts
    book.stage(source, target, [page], [table], experiments.read(), "preview")
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="bad", traceback=[])
    cell = nbformat.v4.new_code_cell("1", execution_count=1, outputs=[error])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), page)
    with pytest.raises(ValueError, match="cell 0 failed with ValueError: bad"):
        book.stage(source, target, [page], [table], experiments.read(), "preview")
    assert (target / "pages/one.ipynb").exists()


def test_a_page_that_the_contents_name_must_be_there(parts):
    source, target, page, table = parts
    (source / "more.md").unlink()
    with pytest.raises(ValueError, match="names more"):
        book.stage(source, target, [page], [table], experiments.read(), "preview")
    (source / "more.md").write_text("# more\n")
    with pytest.raises(ValueError, match="names pages/one"):
        book.stage(source, target, [], [table], experiments.read(), "preview")


@pytest.mark.parametrize("preset, word", [("preview", "previews"), ("smoke", "meaningless"), ("paper", "")])
def test_the_note_says_what_the_numbers_are(preset, word):
    note = book.preset_note(preset, experiments.read().presets[preset])
    assert word in note
    assert bool(note) == bool(word)
