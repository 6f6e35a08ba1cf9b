"""Staging of the book: everything is collected, and nothing is lost that was not made by it."""

import socket

import nbformat
import pytest

from companion.book import preset_note, serve
from companion.book import stage as stage_book
from companion.notebooks import DIGEST, MADE_FROM, source_digest


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
    original = tmp_path / "notebooks" / "one.md"
    original.parent.mkdir()
    original.write_text("# One\n")
    page = tmp_path / "made" / "one.ipynb"
    page.parent.mkdir()
    made = {MADE_FROM: original.name, DIGEST: source_digest(original)}
    cells = [nbformat.v4.new_code_cell("1", execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=made), page)
    table = tmp_path / "made" / "table.csv"
    table.write_text("a\n1\n")
    return source, tmp_path / "staged", page, table


def stage(parts, experiments, target=None, preset="preview"):
    source, staged, page, table = parts
    originals = source.parent / "notebooks"
    stage_book(source, target or staged, [page], [table], experiments, preset, executed_from=originals)


def test_stage_collects_everything_and_nothing_old(parts, book):
    _, target, page, _ = parts
    stage(parts, book)
    (target / "stale.md").write_text("old")
    stage(parts, book)
    assert not (target / "stale.md").exists()
    assert (target / "pages/one.ipynb").read_bytes() == page.read_bytes()
    assert (target / "tables/table.csv").exists()
    assert "MathJax" in (target / "extra/mathjax.js").read_text(encoding="utf-8")
    assert "previews" in (target / "preset.txt").read_text()


def tree(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "target, message",
    [
        ("keep", "holds files and was not made by `stage`"),
        ("book", "is or holds .*book, which the book is made from"),
        (".", "is or holds .*book, which the book is made from"),
        ("book/inner", "lies in .*book, which the book is made from"),
        ("made", "is or holds .*made, which the book is made from"),
        ("made/table.csv", "is no folder"),
    ],
)
def test_a_target_that_is_a_source_or_another_folder_is_refused_and_left(parts, book, tmp_path, target, message):
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/thesis.txt").write_text("years")
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=message):
        stage(parts, book, tmp_path / target)
    assert tree(tmp_path) == before


def test_a_link_to_a_source_is_no_way_around(parts, book, tmp_path):
    (tmp_path / "link").symlink_to(parts[0])
    with pytest.raises(ValueError, match="which the book is made from"):
        stage(parts, book, tmp_path / "link")
    assert (parts[0] / "index.md").exists()


def test_an_empty_folder_is_as_good_as_none(parts, book):
    parts[1].mkdir()
    stage(parts, book)
    assert (parts[1] / "index.md").exists()


def test_a_failed_notebook_stops_the_book_before_the_old_one_is_touched(parts, book):
    _, target, page, _ = parts
    stage(parts, book)
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="bad", traceback=[])
    cell = nbformat.v4.new_code_cell("1", execution_count=1, outputs=[error])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), page)
    with pytest.raises(ValueError, match="cell 0 failed with ValueError: bad"):
        stage(parts, book)
    assert (target / "pages/one.ipynb").exists()


def test_a_missing_table_stops_the_book_before_the_old_one_is_touched(parts, book):
    stage(parts, book)
    parts[3].unlink()
    with pytest.raises(ValueError, match=r"table.csv is missing"):
        stage(parts, book)
    assert (parts[1] / "tables/table.csv").exists()


def test_a_page_that_the_contents_name_must_be_there(parts, book):
    source, target, _, table = parts
    (source / "more.md").unlink()
    with pytest.raises(ValueError, match="names more"):
        stage(parts, book)
    (source / "more.md").write_text("# more\n")
    with pytest.raises(ValueError, match="names pages/one"):
        stage_book(source, target, [], [table], book, "preview")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "must be a mapping with the entry root"),
        ("- index", "must be a mapping with the entry root"),
        ("chapters: []", "must be a mapping with the entry root"),
        ("root: 3", "must be a mapping with the entry root"),
        ("root: index\nchapters: more", "chapters must be a list, got 'more'"),
        ("root: index\nchapters:\n- more", "chapters.1 must be a mapping with the entry file or url, got 'more'"),
        ("root: index\nchapters:\n- flie: more", "chapters.1 must be a mapping with the entry file or url"),
        ("root: index\nchapters:\n- file:", "chapters.1.file must name a page, got None"),
        ("root: index\nchaptres: []", "the entry chaptres must be one of .*chapters"),
        (
            "root: index\nparts:\n- caption: a\n  chapters:\n  - file: more\n    sections: 3",
            "parts.1.chapters.1.sections",
        ),
    ],
)
def test_entries_that_are_none_are_named_before_the_old_book_is_touched(parts, book, text, message):
    source, target, *_ = parts
    stage(parts, book)
    before = sorted(target.rglob("*"))
    (source / "_toc.yml").write_text(text)
    with pytest.raises(ValueError, match=f"{source}/_toc.yml.*{message}"):
        stage(parts, book)
    assert sorted(target.rglob("*")) == before


def test_contents_that_are_no_yaml_are_one_line(parts, book):
    (parts[0] / "_toc.yml").write_text("root: [index\n")
    with pytest.raises(ValueError, match=r"_toc.yml is not valid YAML") as caught:
        stage(parts, book)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset, word", [("preview", "previews"), ("smoke", "meaningless"), ("paper", "")])
def test_the_note_says_what_the_numbers_are(preset, word, book):
    note = preset_note(preset, book.presets[preset])
    assert word in note
    assert bool(note) == bool(word)


def test_without_a_book_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(ValueError, match=r"there is no book in .*; `make book` builds it"):
        serve(tmp_path, 0)


def test_a_port_in_use_is_one_line(tmp_path):
    (tmp_path / "index.html").write_text("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} cannot be had .*make serve PORT="):
            serve(tmp_path, port)
