"""Faults in the sources of a staged book that Sphinx does not report."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from companion.notebooks import DIGEST, MADE_FROM, source_digest
from companion.proofreading import tex
from companion.proofreading.sources import Directive, Text, read

STATED = "stated.yml"  #: file of the book with numbers in dB that its texts may type, see :func:`typed_numbers`
#: Words of whoever has not finished; and what is printed where there is no number.
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
NO_NUMBER = re.compile(r"(?<![\w.-])[-+]?(?:nan|inf)\b(?![\w-])")
_LEVEL = re.compile(r"(?<![\w.])([-−]?\d+(?:\.\d+)?) ?dB\b")
_LIST = re.compile(r"(?<![\w.])((?:[-−]?\d+(?:\.\d+)?(?:, | and | to | or ))+)(?=[-−]?\d+(?:\.\d+)? ?dB\b)")


def faults(folder: Path, pages: Sequence[str], notebooks: str | Path = "notebooks") -> list[str]:
    """Every fault of a staged book, one line each.

    Args:
        folder: the staged book.
        pages: that the table of contents names, without suffix.
        notebooks: folder of the sources of the executed notebooks.
    """
    texts = [read(path, path.relative_to(folder).with_suffix("").as_posix()) for path in _files(folder)]
    stated = _stated(folder)
    known = tex.commands(folder / "extra" / "mathjax.js")
    found = orphans(texts, pages) + repeated_labels(texts)
    for text in texts:
        lines = unfinished(text) + unseen(text) + tables(text, folder) + typed_numbers(text, stated)
        lines += [f"broken TeX, {wrong}" for wrong in tex.faults(text, known)] + stale(text, Path(notebooks))
        found += [f"{text.name}: {line}" for line in lines]
    return found


def orphans(texts: Sequence[Text], pages: Sequence[str]) -> list[str]:
    """Texts that no page shows: neither in the table of contents, nor included, nor read by a cell of a page."""
    shown = set(pages)
    for text in texts:
        for part in text.directives:
            if part.name == "include":
                place = (Path(text.name).parent / part.argument).as_posix()
                shown.add(str(Path(_plain(place)).with_suffix("")))
        for cell in text.cells.values():
            shown |= set(re.findall(r"book/([\w/-]+)\.md", "".join(cell["source"])))
    return [
        f"{text.name}: is in no table of contents, and no page shows it" for text in texts if text.name not in shown
    ]


def repeated_labels(texts: Sequence[Text]) -> list[str]:
    """Labels that two things have."""
    places: dict[str, list[str]] = {}
    for text in texts:
        labels = [*text.labels, *re.findall(r"^\(([\w:.-]+)\)=\s*$", "\n".join(text.lines), re.M)]
        labels += [part.options["name"] for part in text.directives if part.options.get("name")]
        for label in labels:
            places.setdefault(label, []).append(text.name)
    return [f"{' and '.join(found)}: the label {label} is given twice" for label, found in places.items() if found[1:]]


def unfinished(text: Text) -> list[str]:
    """Words such as TODO, and nan or inf in prose."""
    return [f"says {word!r}" for word in dict.fromkeys(UNFINISHED.findall(text.prose) + NO_NUMBER.findall(text.prose))]


def unseen(text: Text) -> list[str]:
    """Pictures without an alternative text."""
    found = []
    for part in text.directives:
        if part.name in ("figure", "image") and not part.options.get("alt", "").strip():
            found.append(f"the picture {part.argument} has no alternative text")
    source = "\n".join(text.lines)
    found += [
        f"the picture {address} has no alternative text" for address in re.findall(r"!\[\s*\]\(([^)]*)\)", source)
    ]
    for tag in re.findall(r"<img\b[^>]*>", source):
        if not re.search(r"""\balt=(["']).+?\1""", tag):
            found.append(f"the picture {tag} has no alternative text")
    for number, cell in text.cells.items():
        data = [output.get("data", {}) for output in cell.get("outputs", [])]
        drawn = any(kind.startswith("image/") for part in data for kind in part)
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        if drawn and not alt.strip() and not {"remove-cell", "remove-output"} & set(cell["metadata"].get("tags", [])):
            found.append(f"the picture of cell {number} has no alternative text")
    return found


def tables(text: Text, folder: Path) -> list[str]:
    """Tables that are of another file than their label says, and rows with more or fewer cells than the first."""
    found = []
    for part in text.directives:
        if part.name == "csv-table" and part.options.get("file"):
            found += _csv_table(part, (folder / text.name).parent / part.options["file"])
    rows: list[str] = []
    for line in [*text.lines, ""]:
        if line.lstrip().startswith("|"):
            rows.append(line.strip())
            continue
        cells = [_cells(row) for row in rows]
        found += [
            f"a row has {n} cells and not {cells[0]}: {row}"
            for n, row in zip(cells, rows, strict=True)
            if n != cells[0]
        ]
        rows = []
    return found


def _csv_table(part: Directive, path: Path) -> list[str]:
    file, label = part.options["file"], part.options.get("name", "")
    expected = f"tab-{path.stem.removesuffix('-display').replace('_', '-')}"
    found = []
    if label != expected:
        found.append(f"the table of {file} has the label {label or 'none'}, and must have {expected}")
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as stream:
            widths = [len(row) for row in csv.reader(stream) if row]
        if len(set(widths)) > 1:
            found.append(f"rows of {file} have {min(widths)} to {max(widths)} cells")
    return found


def typed_numbers(text: Text, stated: Mapping[str, Sequence[float]]) -> list[str]:
    """Numbers in dB that are typed and not glued, other than those that the page may state.

    A measured value comes from the table of the build that has it; what is typed stays when the table changes. So every
    text lists in :data:`STATED` the settings, definitions and bounds that it types.
    """
    prose = re.sub(r"\s+", " ", text.prose)
    typed = _LEVEL.findall(prose)
    for numbers in _LIST.findall(prose):
        typed += re.findall(r"[-−]?\d+(?:\.\d+)?", numbers)
    allowed = {float(value) for value in stated.get(text.name.removeprefix("pages/"), ())}
    levels = dict.fromkeys(float(number.replace("−", "-")) for number in typed)
    return [
        f"{level:g} dB is typed; glue what is measured, and list what is stated in {STATED}"
        for level in levels
        if level not in allowed
    ]


def stale(text: Text, notebooks: Path) -> list[str]:
    """An executed notebook whose source has changed since."""
    if not text.cells and MADE_FROM not in text.metadata:
        return []
    name = text.metadata.get(MADE_FROM)
    if not name:
        return ["was not executed by the command notebook"]
    source = notebooks / str(name)
    if not source.is_file():
        return [f"was executed from {source}, which is not there"]
    if text.metadata.get(DIGEST) != source_digest(source):
        return [f"is stale: {source} has changed since it was executed"]
    return []


def _files(folder: Path) -> list[Path]:
    hidden = ("_static", "extra", "tables")
    paths = [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]
    return sorted(path for path in paths if path.relative_to(folder).parts[0] not in hidden)


def _stated(folder: Path) -> dict[str, Any]:
    path = folder / STATED
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def _plain(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _cells(row: str) -> int:
    """Cells of a row of a table in Markdown: a bar that is escaped, or in code, is none."""
    return len(re.sub(r"(`+).+?\1|\\\|", " ", row).strip("|").split("|"))
