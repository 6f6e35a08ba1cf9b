"""A page that holds all of itself: texts, tables and pictures in one HTML file, without scripts."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mpicore import files

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .25rem .8rem .25rem 0; text-align: left;
vertical-align: top; border-bottom: 1px solid #eee; } figure { margin: 1.5rem 0; } img { max-width: 100%; }
figcaption { color: #555; font-size: .9rem; }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd; } img { background: #fff; }
h2 { border-color: #555; } td, th { border-color: #333; } figcaption { color: #aaa; } }
"""


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture of a page.

    Attributes:
        drawing: a matplotlib figure.
        caption: below it.
        alternative: what it shows, for those who do not see it.
    """

    drawing: Any
    caption: str
    alternative: str


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page.

    Attributes:
        title: of the part.
        paragraphs: of text.
        rows: of a table, each of the same number of texts.
        heading: of the table's columns.
        figures: in their order.
    """

    title: str
    paragraphs: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    heading: Sequence[str] = ()
    figures: Sequence[Figure] = field(default_factory=tuple)


def page(title: str, sections: Iterable[Section]) -> str:
    """The page as HTML. All texts are shown as they are: what looks like HTML in them is none."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{_safe(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head>",
        f"<body><h1>{_safe(title)}</h1>",
    ]
    for section in sections:
        parts.append(f"<section><h2>{_safe(section.title)}</h2>")
        parts += [f"<p>{_safe(text)}</p>" for text in section.paragraphs]
        if section.rows:
            parts += ["<table>", *_table(section), "</table>"]
        parts += [_figure(figure) for figure in section.figures]
        parts.append("</section>")
    return "\n".join([*parts, "</body></html>", ""])


def write(path: str | Path, title: str, sections: Iterable[Section]) -> None:
    """Write the page in one move.

    Raises:
        OSError: the file cannot be written.
    """
    files.write_text(path, page(title, sections))


def _table(section: Section) -> list[str]:
    rows = [f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in section.rows]
    if not section.heading:
        return rows
    return [f"<tr>{''.join(f'<th>{_safe(cell)}</th>' for cell in section.heading)}</tr>", *rows]


def png(drawing: Any) -> bytes:
    """A matplotlib figure as a PNG file."""
    stream = io.BytesIO()
    drawing.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _figure(figure: Figure) -> str:
    data = base64.b64encode(png(figure.drawing)).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" alt="{_safe(figure.alternative)}">'
    return f"<figure>{image}<figcaption>{_safe(figure.caption)}</figcaption></figure>"


def _safe(text: str) -> str:
    return html.escape("".join(letter if letter.isprintable() else "?" for letter in str(text)))
