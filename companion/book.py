"""Put the book's sources together: texts, executed notebooks, tables, and a note that says what the numbers are."""

import functools
import http.server
import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from companion import take_home
from companion.citation import CITATION, bibtex
from companion.experiments import Experiments
from companion.notebooks import check_executed
from companion.proofreading import refuse, texts
from companion.reading import read_yaml
from companion.schema import Preset
from mpicore import checks, files

PAGES = "pages"  #: folder of the executed notebooks in the staged book
TABLES = "tables"  #: folder of the tables in the staged book
EXTRA = "extra"  #: folder of the staged book whose files are put beside the pages as they are
EXPERIMENT = f"{EXTRA}/experiment"  #: folder of what the experiment in the browser computes with
MARKER = ".staged"  #: file that says of a folder that it was made here, and may be made anew
#: What an entry of a table of contents may say, and which of it are lists of entries.
_LISTS = ("parts", "chapters", "sections")
_ENTRIES = ("format", "defaults", "options", "caption", "title", "numbered", "maxdepth", "file", "url", *_LISTS)


def preset_note(name: str, preset: Preset) -> str:
    """Markdown that opens every page: what the preset means for the numbers. Empty for the preset ``paper``."""
    if name == "paper":
        return ""
    training, sizes = preset.training, preset.sizes["x-space"]
    steps = training.epochs * (sizes[0] // training.batch_size)
    what = "previews" if name == "preview" else "meaningless: they only show that everything runs"
    return (
        f":::{{admonition}} Preset {name}\n:class: warning\n**The numbers on this page are {what}.** "
        f"They were computed at the preset `{name}`: "
        f"{sizes[0]} training signals and {steps} training steps per x-space network. "
        "The paper trained on 8000 signals, for much longer. "
        "The preset `paper` has the full sizes: `make book`.\n:::\n"
    )


def stage(
    source: str | Path,
    target: str | Path,
    notebooks: Sequence[str | Path],
    tables: Sequence[str | Path],
    known: Experiments,
    preset: str,
    citation: str | Path = CITATION,
    experiment: Sequence[str | Path] = (),
    executed_from: str | Path = "notebooks",
) -> None:
    """Copy everything the book needs into one fresh folder, MathJax and the files of notebooks to take home among it.

    Args:
        source: folder of the texts, with ``_toc.yml``.
        target: the staged folder, made anew. One that is there already must be empty or have been made here.
        notebooks: executed notebooks.
        tables: CSV files, and code, that the pages include.
        known, preset: for the note.
        citation: how this work is cited, in the Citation File Format.
        experiment: the scripts that the experiment in the browser computes with, see
            :mod:`companion.browser_experiment`; a page that is staged without them says that they are not there.
        executed_from: folder of the sources of the notebooks, which must not have changed since.

    Raises:
        ValueError: the target is a source, holds one, lies in one, or is a folder that was not made here; a notebook
            is missing, failed or was not executed; the table of contents is not valid, or names a page that is not
            there; the texts have faults, see :mod:`companion.proofreading.texts`.
        OSError: a file cannot be read or written.
    """
    source, target = Path(source), Path(target)
    pages = _pages(source / "_toc.yml")
    for notebook in notebooks:
        check_executed(notebook)
    for table in tables:
        if not Path(table).is_file():
            raise ValueError(f"{table} is missing: the book cannot be built without it")
    cited = bibtex(citation)
    for script in experiment:
        if not Path(script).is_file():
            raise ValueError(f"{script} is missing: the experiment in the browser computes with it")
    parts = [*notebooks, *tables, *experiment]
    _check_target(target, [source, *(Path(path).parent for path in parts)])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files.write_text(target / MARKER, "Made by `python -m companion stage`, which makes this folder anew.\n")
    for text in sorted(source.rglob("*")):
        if text.is_file():
            files.copy(text, target / text.relative_to(source))
    for folder, paths in ((PAGES, notebooks), (TABLES, tables)):
        (target / folder).mkdir()
        for path in paths:
            files.copy(path, target / folder / Path(path).name)
    for path in tables:
        if Path(path).suffix == ".png":  # what other sites show of this one
            files.copy(path, target / EXTRA / Path(path).name)
    for name in take_home.read_and_made(notebooks):
        files.copy(name, target / EXTRA / take_home.FILES / name)
    # One file with all its fonts, out of the package django-static-mathjax.
    mathjax = resources.files("mathjax") / "static/mathjax/es5/tex-svg.js"
    files.write_text(target / EXTRA / "mathjax.js", mathjax.read_text(encoding="utf-8"))
    files.write_text(target / "citation.bib", cited)
    for script in experiment:
        files.copy(script, target / EXPERIMENT / Path(script).name)
    files.write_text(target / "preset.txt", preset_note(preset, known.presets[preset]))
    for page in pages:
        if not any((target / f"{page}{suffix}").exists() for suffix in (".md", ".ipynb")):
            raise ValueError(f"{source / '_toc.yml'} names {page}, which is neither a text nor an executed notebook")
    refuse(texts.faults(target, pages, executed_from))


def serve(folder: str | Path, port: int) -> None:
    """Serve a built book to this machine until an interruption.

    Raises:
        ValueError: there is no book in the folder.
        OSError: the port cannot be had.
    """
    if not (Path(folder) / "index.html").is_file():
        raise ValueError(f"there is no book in {folder} yet; `make book` builds it")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise OSError(f"port {port} cannot be had ({error}); choose another, as in: make serve PORT=8001") from None
    with server:
        print(f"The book: http://localhost:{server.server_port} (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def _check_target(target: Path, sources: Sequence[Path]) -> None:
    where = target.resolve()
    for source in sources:
        other = source.resolve()
        if where == other or where in other.parents:
            raise ValueError(f"{target} is or holds {source}, which the book is made from; stage into another folder")
    book = sources[0].resolve()
    if book in where.parents:
        raise ValueError(f"{target} lies in {sources[0]}, which the book is made from; stage into another folder")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ValueError(f"{target} is no folder; stage into another one")
    if target.is_dir() and any(target.iterdir()) and not (target / MARKER).is_file():
        raise ValueError(f"{target} holds files and was not made by `stage`; remove it yourself, or stage elsewhere")


def _pages(path: Path) -> list[str]:
    """All pages that a table of contents names, at any depth.

    Raises:
        ValueError: an entry that is none; where it stands is named.
    """
    contents = read_yaml(path)
    if not isinstance(contents, dict) or not isinstance(contents.get("root"), str):
        raise ValueError(f"{path} must be a mapping with the entry root, which names the first page")
    return [contents["root"], *_listed(path, "", {name: part for name, part in contents.items() if name != "root"})]


def _listed(path: Path, where: str, entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        raise ValueError(f"{path}: {where} must be a mapping with the entry file or url, got {entry!r}")
    pages: list[str] = []
    for name, part in entry.items():
        place = f"{where}.{name}".strip(".")
        checks.choice(name, f"{path}: the entry {place}", _ENTRIES)
        if name in _LISTS:
            if not isinstance(part, list):
                raise ValueError(f"{path}: {place} must be a list, got {part!r}")
            for number, item in enumerate(part, 1):
                within = f"{place}.{number}"
                if name != "parts" and not (isinstance(item, dict) and {"file", "url"} & item.keys()):
                    raise ValueError(f"{path}: {within} must be a mapping with the entry file or url, got {item!r}")
                pages += _listed(path, within, item)
        elif name == "file":
            if not isinstance(part, str):
                raise ValueError(f"{path}: {place} must name a page, got {part!r}")
            pages.append(part)
    return pages
