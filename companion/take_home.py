"""Notebooks to take home: what a page of the book offers as a download, and where it can run. A Sphinx extension.

The staged notebook of a page is written for the book: its texts hold roles and directives, and its code reads files of
the project. The one that is offered has values, tables, numbers and titles in their places, and begins with a cell that
fetches the files (:mod:`companion.fetch`). It runs in plain Jupyter, beside the package alone.
"""

import csv
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from companion import repository
from companion.notebooks import READS
from mpicore import __version__, files

FOLDER = "downloads"  #: folder of the built book with the notebooks to take home
FILES = "files"  #: folder of the built book with what the build has made and they read
_DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>.*)\n(?P<body>(?:.*\n)*?)(?P=fence)[ \t]*$",
    re.MULTILINE,
)
_ROLE = re.compile(r"\{(?P<name>[a-z][\w:-]*)\}`(?P<text>[^`]+)`")
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?![a-z]+:)[^)\s#]*)(?:#(?P<anchor>[^)\s]*))?\)")
_OPTION = re.compile(r":([\w-]+):[ \t]*(.*)")
_DROPPED = ("raw", "only", "toctree", "contents")
_DEPTH = 5  # includes within includes


@dataclass(frozen=True)
class Book:
    """What the texts of a page refer to.

    Attributes:
        folder: the staged book.
        glued: values in the prose, by page and name, as Python writes them.
        numbers: such as ``Table 3.1``, by the labels of tables, figures and equations.
        titles: of all pages, by their names.
        origin: where the project is published.
    """

    folder: Path
    glued: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    origin: repository.Repository = field(default_factory=repository.Repository)


def notebook(page: str, book: Book) -> Any:
    """The notebook of a page, to take home.

    Args:
        page: its name, such as ``pages/table1``.
        book: that it is a page of.

    Returns:
        A notebook with outputs, as nbformat has it.

    Raises:
        KeyError: the text names a value that no cell has glued.
        OSError: a table or text that it includes cannot be read.
    """
    executed = nbformat.read(book.folder / f"{page}.ipynb", as_version=4)
    cells: list[Any] = []
    injected = any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)
    for cell in executed.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code":
            cells.append(nbformat.v4.new_markdown_cell(plain(cell.source, page, book)))
            continue
        if not any(item.cell_type == "code" for item in cells):
            cells += _first_cells(executed.metadata.get(READS, {}), book.origin)
        if injected and "parameters" in tags:
            continue  # those that the page was made with come next
        new = nbformat.v4.new_code_cell(cell.source, execution_count=None)
        if "injected-parameters" in tags:
            new.metadata["tags"] = ["parameters"]
        new.outputs = [output for output in cell.outputs if "scrapbook" not in output.get("metadata", {})]
        cells.append(new)
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure:
            number = book.numbers.get(figure.get("name", ""), "Figure")
            caption = plain(figure.get("caption", ""), page, book).strip()
            cells.append(nbformat.v4.new_markdown_cell(f"**{number}.** {caption}"))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place:03d}"
    metadata = {name: executed.metadata[name] for name in ("kernelspec", "language_info") if name in executed.metadata}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def glued(path: str | Path) -> dict[str, str]:
    """The values that the cells of an executed notebook have glued, by name."""
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                texts = (text for kind, text in output.data.items() if kind.endswith("text/plain"))
                found[name] = next(texts, "")
    return found


def plain(text: str, page: str, book: Book, depth: int = _DEPTH) -> str:
    """A text in MyST as the Markdown that Jupyter shows.

    Args:
        text: with roles, directives and links to other pages.
        page: in which it stands.
        book: that it is a page of.
        depth: of includes within includes that are followed.

    Raises:
        KeyError, OSError: as :func:`notebook`.
    """

    def directive(found: re.Match[str]) -> str:
        lines = found["body"].splitlines()
        options: dict[str, str] = {}
        while lines and (option := _OPTION.fullmatch(lines[0])):
            options[option[1]] = option[2]
            lines.pop(0)
        body = "\n".join(lines).strip("\n")
        name, title = found["name"], found["title"].strip()
        if name == "include" and depth:
            return plain(_beside(title, page, book).read_text(encoding="utf-8").rstrip("\n"), page, book, depth - 1)
        if name == "csv-table":
            number = book.numbers.get(options.get("name", ""), "Table")
            return f"**{number}.** {title}\n\n{_table(_beside(options['file'], page, book))}"
        if name == "math":
            equation = book.numbers.get(options.get("label", ""), "").strip("()")
            return f"$$\n{body}\n" + (f"\\tag{{{equation}}}\n" if equation else "") + "$$"
        if name in _DROPPED:
            return ""
        quoted = [f"**{title}**", "", *lines] if title else lines
        return "\n".join(f"> {line}".rstrip() for line in quoted)

    text = _DIRECTIVE.sub(directive, text)
    text = _ROLE.sub(lambda found: _role(found["name"], found["text"], page, book), text)
    return _LINK.sub(lambda found: _link(found["text"], found["target"], found["anchor"], page, book), text)


def _beside(name: str, page: str, book: Book) -> Path:
    return book.folder / "".join(_named(name.strip(), page))


def _named(path: str, page: str) -> tuple[str, str]:
    """What a page means by a path: a name below the book, and its suffix."""
    return posixpath.splitext(posixpath.normpath(posixpath.join(posixpath.dirname(page), path)))


def _table(path: Path) -> str:
    with open(path, encoding="utf-8", newline="") as stream:
        rows = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in csv.reader(stream)]
    width = max(map(len, rows), default=0)
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    return "\n".join([*lines[:1], "|" + "---|" * width, *lines[1:]])


def _role(name: str, text: str, page: str, book: Book) -> str:
    if name == "glue:text":
        return _value(text, page, book)
    if name in ("numref", "eq"):
        return book.numbers.get(text, text)
    if name.startswith("cite"):
        keys = (re.sub(r"(\D)(\d{4}\w?)$", r"\1 \2", key.strip()) for key in text.split(","))
        return "(" + ", ".join(key[:1].upper() + key[1:] for key in keys) + ")"
    if titled := re.fullmatch(r"(.+?)\s*<[^>]+>", text):
        return titled[1]
    if name in ("term", "abbr", "ref", "doc"):
        return text
    return f"`{text.lstrip('~!')}`"


def _value(text: str, page: str, book: Book) -> str:
    """A glued value, formatted as in the book: ``NAME``, ``NAME:FORMAT`` or ``PAGE::NAME:FORMAT``."""
    from myst_nb.core.variables import format_plain_text

    whole, colon, form = text.rpartition(":")
    key, form = (whole, form) if colon else (text, "s")
    other, separator, name = key.rpartition("::")
    where = _named(other, page)[0] if separator else page
    values = book.glued[where]
    if name not in values:
        raise KeyError(f"{page} names the value {name}, which no cell of {where} has glued")
    return format_plain_text(values[name], form)


def _link(text: str, target: str, anchor: str | None, page: str, book: Book) -> str:
    if not target:
        return text or book.numbers.get(anchor or "", anchor or "")
    other, kind = _named(target, page)
    shown = text or book.titles.get(other, other)
    if kind not in (".ipynb", ".md", "") or not book.origin.book:
        return f"*{shown}*"
    return f"[{shown}]({book.origin.book}{other}.html{f'#{anchor}' if anchor else ''})"


def _first_cells(read: Mapping[str, str], origin: repository.Repository) -> list[Any]:
    """What this notebook is, and the cell that fetches what it reads."""
    package = origin.package or "FOLDER_OR_WHEEL_OF_THE_PROJECT[notebooks]"
    needed = f"This notebook needs the package mpicore {__version__}; install it and run this cell again: "
    needed += f"%pip install '{package}'"
    places = [place for place in (origin.book and f"{origin.book}{FILES}/", origin.files) if place]
    lines = [
        "# The files of the project that this notebook reads, each with its SHA-256. They are put beside the notebook.",
        "try:",
        "    from companion import fetch",
        "except ModuleNotFoundError:",
        f"    raise SystemExit({json.dumps(needed)}) from None",
        "",
        f"fetch.enter({json.dumps(dict(read), indent=4)}, {json.dumps(places)})",
    ]
    cell = nbformat.v4.new_code_cell("\n".join(lines))
    cell.metadata["jupyter"] = {"source_hidden": True}
    return [cell]


def read_and_made(notebooks: Iterable[str | Path]) -> list[str]:
    """The files that executed notebooks have read, and that a build has made: the repository does not hold them."""
    read: set[str] = set()
    for path in notebooks:
        read |= json.loads(Path(path).read_text(encoding="utf-8"))["metadata"].get(READS, {}).keys()
    return sorted(path for path in read if {"results", "runs"} & set(Path(path).parts[:3]))


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", _offer, priority=900)  # after the theme's own buttons
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _is_executed(app: Any, page: str) -> bool:
    path = Path(app.srcdir, f"{page}.ipynb")
    return path.is_file() and READS in json.loads(path.read_text(encoding="utf-8"))["metadata"]


def _offer(app: Any, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """The download button of an executed page leads to the notebook to take home; beside it stands where it can run."""
    if document is None or not _is_executed(app, page):
        return
    path: Callable[[str, int], str] = context["pathto"]
    name = f"{FOLDER}/{posixpath.basename(page)}.ipynb"
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button":
                button |= {"url": path(name, 1), "tooltip": "Download a notebook that runs outside the project"}
    origin = repository.read()
    built = posixpath.join(os.path.relpath(app.outdir), name)
    places = {"Binder": origin.binder(built), "Colab": origin.colab(name)}
    buttons = [
        {"type": "link", "text": where, "tooltip": f"Run on {where}", "icon": "fas fa-rocket", "url": url}
        | {"label": f"launch-{where.lower()}-button"}
        for where, url in places.items()
        if url
    ]
    if buttons:
        group = {"type": "group", "tooltip": "Run this notebook", "icon": "fas fa-rocket", "buttons": buttons}
        context["header_buttons"].append(group | {"label": "launch-buttons"})


def _write(app: Any, error: Exception | None) -> None:
    """Write the notebook of every executed page, once all numbers are known."""
    if error is not None or app.builder.name != "html":
        return
    folder = Path(app.srcdir)
    pages = [page for page in sorted(app.env.found_docs) if _is_executed(app, page)]
    values = {page: glued(folder / f"{page}.ipynb") for page in pages}
    titles = {page: title.astext() for page, title in app.env.titles.items()}
    book = Book(folder, values, _numbers(app.env), titles, repository.read())
    for page in pages:
        path = Path(app.outdir, FOLDER, f"{posixpath.basename(page)}.ipynb")
        with files.replacing(path) as temporary:
            nbformat.write(notebook(page, book), temporary)


def _numbers(environment: Any) -> dict[str, str]:
    """Numbers of tables, figures and equations, by their labels."""
    found = {}
    for label, (page, anchor) in environment.get_domain("std").anonlabels.items():
        for kind, numbers in environment.toc_fignumbers.get(page, {}).items():
            if anchor in numbers:
                found[label] = environment.config.numfig_format[kind] % ".".join(map(str, numbers[anchor]))
    for label, (_, number) in environment.get_domain("math").equations.items():
        found[label] = f"({number})"
    return found
