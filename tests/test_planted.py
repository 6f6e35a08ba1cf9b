"""Faults that are planted into a small book, one by one: staging, the build, or the proofreading reports each of them.

What Sphinx reports is planted into one book, a page per fault, which is built once; what stops staging and what the
proofreading finds is planted by itself.
"""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from attacks import report
from companion import book as books
from companion.notebooks import DIGEST, MADE_FROM, source_digest
from companion.proofreading import built, refuse

ROOT = Path(__file__).resolve().parents[1]
NEW = nbformat.v4


@dataclass
class Small:
    """A small book that has no fault: its folder of texts, of sources and of executed notebooks, and its table."""

    folder: Path

    @property
    def texts(self) -> Path:
        return self.folder / "book"

    @property
    def notebook(self) -> Path:
        return self.folder / "made" / "one.ipynb"

    @property
    def table(self) -> Path:
        return self.folder / "made" / "levels.csv"

    @property
    def staged(self) -> Path:
        return self.folder / "staged"

    def add(self, name: str, text: str) -> None:
        """A page more, in the table of contents."""
        (self.texts / f"{name}.md").write_text(f"# Page {name}\n\n{text}\n")
        with open(self.texts / "_toc.yml", "a") as contents:
            contents.write(f"  - file: {name}\n")

    def stage(self, known) -> Path:
        tables = [self.table, *self.notebook.parent.glob("more*.csv")]
        notebooks = sorted(self.notebook.parent.glob("*.ipynb")) or [self.notebook]
        books.stage(
            self.texts, self.staged, notebooks, tables, known, "paper", ROOT / "CITATION.cff",
            executed_from=self.folder / "notebooks",
        )  # fmt: skip
        return self.staged


GOOD = """Text with $\\frac{1}{2}$ and [](pages/one.ipynb), {cite:p}`knuth`.

| a | b |
|---|---|
| 1 | 2 |

A tone at 5 dB.
"""
FIGURE = {"figure": {"caption": "What is drawn.", "name": "fig-one"}, "image": {"alt": "A point on a line."}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


def small(folder: Path) -> Small:
    made = Small(folder)
    for name in ("book", "notebooks", "made"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(ROOT / "book/_static", made.texts / "_static")  # which the settings of the book name
    (made.texts / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: pages/one\n")
    (made.texts / "index.md").write_text(f"# A book\n\n{GOOD}")
    (made.texts / "stated.yml").write_text("index: [5]\n")
    (made.texts / "references.bib").write_text(
        "@book{knuth, author={Knuth}, title={TeX}, publisher={AW}, year={1984}}\n"
    )
    made.add("sources", "```{bibliography}\n```")
    original = folder / "notebooks" / "one.md"
    original.write_text("# One\n")
    drawn = NEW.new_output("display_data", data={"image/png": PIXEL})
    glued = "```{csv-table} Levels.\n:name: tab-levels\n:file: ../tables/levels.csv\n:header-rows: 1\n```\n"
    cells = [
        NEW.new_markdown_cell("# One\n\n(here)=\n## Part\n\nText.\n\n" + glued),
        NEW.new_code_cell("1", execution_count=1, outputs=[drawn], metadata={"mystnb": FIGURE}),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    lexer = {"name": "python", "pygments_lexer": "ipython3"}
    metadata = {MADE_FROM: original.name, DIGEST: source_digest(original), "kernelspec": kernel, "language_info": lexer}
    nbformat.write(NEW.new_notebook(cells=cells, metadata=metadata), made.notebook)
    made.table.write_text("a,b\n1,2\n")
    return made


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


def in_notebook(change: Callable[[nbformat.NotebookNode], None]) -> Callable[[Small], None]:
    def plant(place: Small) -> None:
        notebook = nbformat.read(place.notebook, 4)
        change(notebook)
        nbformat.write(notebook, place.notebook)

    return plant


def error(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].outputs = [NEW.new_output("error", ename="KeyError", evalue="'x'", traceback=[])]


def unexecuted(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1].execution_count = None


def unseen(notebook: nbformat.NotebookNode) -> None:
    del notebook.cells[1].metadata["mystnb"]["image"]


def of_another(place: Small) -> None:
    (place.notebook.parent / "more.csv").write_text("c,d\n3,4\n")
    in_notebook(lambda notebook: _edit(notebook, "levels.csv", "more.csv"))(place)


def _edit(notebook: nbformat.NotebookNode, old: str, new: str) -> None:
    assert old in notebook.cells[0].source
    notebook.cells[0].source = notebook.cells[0].source.replace(old, new)


def text(old: str, new: str) -> Callable[[Small], None]:
    return lambda place: changed(place.texts / "index.md", old, new)


#: What stops the staging of a book, with what it says.
STAGING: dict[str, tuple[Callable[[Small], None], str]] = {
    "error output": (in_notebook(error), "cell 1 failed with KeyError"),
    "unexecuted cell": (in_notebook(unexecuted), "cell 1 was not executed"),
    "truncated notebook": (lambda p: p.notebook.write_bytes(p.notebook.read_bytes()[:200]), "is not a notebook"),
    "contents name no page": (lambda p: changed(p.texts / "_toc.yml", "pages/one", "pages/two"), "names pages/two"),
    "contents are no YAML": (lambda p: (p.texts / "_toc.yml").write_text("root: [index\n"), "is not valid YAML"),
    "notebook missing": (lambda p: p.notebook.unlink(), "is missing"),
    "another table": (of_another, "has the label tab-levels, and must have tab-more"),
    "cells of a row": (text("| 1 | 2 |", "| 1 | 2 | 3 |"), "a row has 3 cells and not 2"),
    "cells of a row of a file": (lambda p: p.table.write_text("a,b\n1,2,3\n"), "rows of .* have 2 to 3 cells"),
    "label of a table at a heading": (
        in_notebook(lambda n: _edit(n, "(here)=", "(tab-levels)=")),
        "the label tab-levels is given twice",
    ),
    "label of a paragraph twice": (text("A tone", "(here)=\nA tone"), "the label here is given twice"),
    "TODO": (text("A tone", "TODO: say more. A tone"), "index: says 'TODO'"),
    "page in no contents": (lambda p: (p.texts / "lost.md").write_text("# Lost\n"), "lost: is in no table of contents"),
    "brace of TeX": (text("{1}{2}$", "{1}{2$"), "broken TeX, braces do not match"),
    "command of TeX": (text("frac", "frca"), r"broken TeX, no command \\frca"),
    "environment of TeX": (text("$\\frac{1}{2}$", "$\\left( 1$"), "broken TeX, environments or delimiters"),
    "lone dollar": (text("$\\frac{1}{2}$", "$\\frac{1}{2}"), "broken TeX, a dollar without its partner"),
    "number in prose": (text("5 dB", "13.7 dB"), "index: 13.7 dB is typed"),
    "nan in prose": (text("A tone", "It is nan dB, and -inf there. A tone"), "index: says 'nan'.*\n.*says '-inf'"),
    "stale notebook": (lambda p: (p.folder / "notebooks/one.md").write_text("# Two\n"), "pages/one: is stale"),
    "notebook of nobody": (in_notebook(lambda n: n.metadata.pop(MADE_FROM)), "was not executed by the command"),
    "figure without alternative": (in_notebook(unseen), "picture of cell 1 has no alternative text"),
    "picture without alternative": (text("A tone", "![](a.png)\n\nA tone"), "picture a.png has no alternative text"),
}  # fmt: skip


def staging_says(name: str, folder: Path, known) -> bool:
    """Whether the staging of a book with one fault stops with the message of that fault."""
    plant, message = STAGING[name]
    place = small(folder)
    plant(place)
    try:
        place.stage(known)
    except ValueError as error:
        return bool(re.search(message, str(error)))
    return False


def test_a_book_without_faults_is_staged(tmp_path, book):
    small(tmp_path / "small").stage(book)


@pytest.mark.parametrize("name", STAGING)
def test_staging_stops_at_it(tmp_path, book, name):
    assert staging_says(name, tmp_path / "small", book)


def page(body: str) -> str:
    return f"<html><head></head><body><article>{body}</article></body></html>"


#: What the pages of a built book hold, with what is said of it.
PAGES = {
    "raw link": ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
    "raw anchor": ('<a href="#gone">x</a>', "#gone names an anchor that is not there"),
    "raw picture": ('<img src="gone.png" alt="A thing.">', "gone.png leads nowhere"),
    "script of another machine": ('<script src="https://example.org/a.js"></script>', "is loaded from another machine"),
    "nan in a table": ("<table><tr><td>nan</td></tr></table>", "says 'nan'"),
    "path as alternative": ('<img src="a.png" alt="../_images/0a.png">', "has no alternative text"),
    "traceback": ("<p>Traceback (most recent call last)</p>", "says 'Traceback'"),
}


def page_says(name: str, folder: Path) -> bool:
    """Whether a page with one fault is refused with the message of that fault."""
    body, message = PAGES[name]
    folder.mkdir(exist_ok=True)
    (folder / "a.png").touch()
    (folder / "index.html").write_text(page(body))
    try:
        refuse(built.faults(folder))
    except ValueError as error:
        return str(error).startswith("the book has faults:\nindex.html: ") and message in str(error)
    return False


def test_a_page_without_faults_passes(tmp_path):
    (tmp_path / "index.html").write_text(page("<p>It says <code>nan</code>.</p><a href='index.html'>x</a>"))
    refuse(built.faults(tmp_path))


@pytest.mark.parametrize("name", PAGES)
def test_a_built_page_is_refused_for_it(tmp_path, name):
    assert page_says(name, tmp_path)


def test_numbers_that_mean_nothing_need_not_be_numbers(tmp_path):
    note = "<p>The numbers on this page are meaningless</p>"
    (tmp_path / "index.html").write_text(page(f"{note}<p>nan</p>"))
    assert built.faults(tmp_path) == []


#: What the builder reports, each on a page of its own, with what it says. Pages are called by their number.
SPHINX: dict[str, tuple[str, str]] = {
    "dead link to a page": ("[there](gone.md)", "gone.md"),
    "dead anchor": ("[there](#gone)", "gone"),
    "missing glue": ("{glue:text}`gone`", "gone"),
    "missing glue of another page": ("{glue:text}`pages/one.ipynb::gone:.1f`", "gone"),
    "unknown citation": ("{cite:p}`nobody`", "nobody"),
    "missing table file": ("```{csv-table}\n:name: tab-gone\n:file: tables/gone.csv\n```", "csv-table. directive"),
    "missing picture": ("![A thing.](gone.png)", "gone.png"),
    "missing figure": ("```{figure} gone.svg\n:alt: A thing.\nCaption.\n```", "gone.svg"),
    "unknown numref": ("{numref}`fig-gone`", "fig-gone"),
    "unknown ref": ("{ref}`gone-too`", "gone-too"),
    "unknown eq": ("{eq}`gone-eq`", "gone-eq"),
    "unknown directive": ("```{gone}\n```", "gone"),
    "skipped heading": ("#### Deep", "[Nn]on-consecutive header level"),
    "unknown class": ("{py:class}`mpicore.Gone`", "mpicore.Gone"),
    "missing include": ("```{include} gone.txt\n```", "gone.txt"),
    "empty table file": ("```{csv-table}\n:name: tab-more\n:file: tables/more.csv\n```", "more.csv|[Nn]o .*data|table"),
}  # fmt: skip


def build(staged: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("jupyter-book"))
    command = [program, "build", str(staged), "--config", str(ROOT / "_config.yml")]
    command += ["--path-output", str(out), "--quiet", *(arguments or ("-W", "-n", "--keep-going"))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.attack
def test_every_planted_fault_is_reported(tmp_path, book):
    missed = [name for name in STAGING if not staging_says(name, tmp_path / name, book)]
    missed += [name for name in PAGES if not page_says(name, tmp_path / name)]
    missed += builder_misses(tmp_path, book) + links_miss(tmp_path / "links", book)
    planted = len(STAGING) + len(PAGES) + len(SPHINX) + 3
    report.write("faults", {"planted": planted, "reported": planted - len(missed)})
    assert not missed


def builder_misses(folder: Path, known) -> list[str]:
    """What the builder does not report of all that it must; a book without faults passes before that."""
    place = small(folder / "small")
    place.stage(known)
    whole = build(place.staged, folder / "whole")
    assert whole.returncode == 0, whole.stderr
    assert built.faults(folder / "whole/_build/html") == []

    for number, (body, _) in enumerate(SPHINX.values()):
        place.add(f"fault{number}", body)
    (place.notebook.parent / "more.csv").write_text("")
    metadata = nbformat.read(place.notebook, 4).metadata
    nbformat.write(NEW.new_notebook(metadata=metadata), place.notebook.with_name("two.ipynb"))
    with open(place.texts / "_toc.yml", "a") as contents:
        contents.write("  - file: pages/two\n")
    with open(place.texts / "references.bib", "a") as stream:
        stream.write("@book{knuth, author={Knuth}, title={Again}, publisher={AW}, year={1984}}\n")
    place.stage(known)
    broken = build(place.staged, folder / "broken")
    said = re.sub(r"\x1b\[[0-9;]*m", "", broken.stdout + broken.stderr)
    print(said)
    assert broken.returncode != 0
    missed = [
        name
        for number, (name, (_, message)) in enumerate(SPHINX.items())
        if not re.search(rf"fault{number}\b.*({message})", said)
    ]
    missed += [] if re.search(r"references\.bib.*knuth|repeated .*knuth", said, re.I) else ["entry given twice"]
    return missed + ([] if "pages/two" in said else ["notebook without cells"])


def links_miss(folder: Path, known) -> list[str]:
    """What `make links` does not report, which a build does not wait for; the other machine is this one."""
    place, missed = small(folder), []
    served = folder / "served"
    served.mkdir()
    (served / "there.html").write_text("<p>Here.</p>")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *arguments: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=served)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for name in ("there", "gone"):
            (place.texts / "index.md").write_text(f"# A book\n\n[there]({address}/{name}.html), {{cite:p}}`knuth`.\n")
            place.stage(known)
            checked = build(place.staged, folder / name, "--builder", "linkcheck")
            print(checked.stdout, checked.stderr)
            if bool(checked.returncode) != (name == "gone"):
                missed.append(f"link to a page that is {name}")
        server.shutdown()
    return missed
