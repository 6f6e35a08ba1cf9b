"""The sources of a staged book as a reader sees them: prose without code, directives with options, mathematics."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Directives whose body, or caption, is prose. Whatever else stands in a fence is code, a table or a picture.
_PROSE = {
    "admonition", "note", "warning", "tip", "important", "seealso", "dropdown", "glossary", "figure", "csv-table",
    "list-table", "table", "grid", "grid-item-card", "card", "topic", "margin",
}  # fmt: skip
_FENCE = re.compile(r"^\s*(`{3,}|:{3,}|~{3,})\s*(?:\{([\w:.-]+)\})?(.*)$")
_OPTION = re.compile(r"^\s*:([\w-]+):(?:\s+(.*))?$")
_INLINE_MATH = re.compile(r"(?<![\\$])\$(?![\s$])([^$]+?)(?<!\\)\$(?!\d)")
_ROLE = re.compile(r"(?:\{[\w:.-]+\})?(`+).+?\1", re.S)
_ADDRESS = re.compile(r"\]\([^)]*\)|<[^<>\s]+>|https?://\S+")


@dataclass
class Directive:
    """One directive.

    Attributes:
        name: such as ``csv-table``.
        argument: what stands behind the name.
        options: by name.
        body: the lines below them.
    """

    name: str
    argument: str
    options: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)


@dataclass
class Text:
    """One text: a file, or the Markdown cells of a notebook.

    Attributes:
        name: of the page or the included file, without suffix, relative to the book.
        lines: of Markdown.
        captions: of figures, which stand in the metadata of cells.
        labels: of figures.
        cells: code cells by their place in the notebook.
        metadata: of the notebook.
    """

    name: str
    lines: list[str]
    captions: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    cells: dict[int, dict[str, Any]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def directives(self) -> list[Directive]:
        """All directives, in the order of their openings."""
        found: list[Directive] = []
        for kind, line in self._walk(found):
            if kind == "body" and found:
                option = None if found[-1].body else _OPTION.match(line)
                if option:
                    found[-1].options[option[1]] = option[2] or ""
                else:
                    found[-1].body.append(line)
        return found

    @property
    def raw_prose(self) -> str:
        """What is read as text, with mathematics, roles and addresses."""
        found: list[Directive] = []
        kept = [line for kind, line in self._walk(found) if kind in ("prose", "caption")]
        return "\n".join([*kept, *self.captions])

    @property
    def prose(self) -> str:
        """What is read as text, less code, roles such as glued values, mathematics and addresses."""
        text = re.sub(r"<!--.*?-->|^%.*$", " ", self.raw_prose, flags=re.S | re.M)
        text = _ROLE.sub(" ", text)
        text = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S)
        return _ADDRESS.sub(" ", _INLINE_MATH.sub(" ", text))

    @property
    def mathematics(self) -> list[str]:
        """TeX of every formula, in the text and on lines of its own."""
        text = _outside_code(self.raw_prose)
        found = re.findall(r"\$\$(.*?)\$\$", text, re.S)
        found += _INLINE_MATH.findall(re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S))
        found += re.findall(r"\{math\}`([^`]+)`", self.raw_prose)
        return found + ["\n".join(part.body) for part in self.directives if part.name == "math"]

    def _walk(self, found: list[Directive]) -> Iterator[tuple[str, str]]:
        """Each line as prose, as the caption of a directive, or as a line of the body of the last directive."""
        open_fences: list[tuple[str, bool]] = []  # mark, and whether its body is prose
        for line in self.lines:
            fence = _FENCE.match(line)
            inside = bool(open_fences) and not open_fences[-1][1]
            if fence and open_fences and not fence[2] and not fence[3].strip() and fence[1] == open_fences[-1][0]:
                open_fences.pop()
            elif fence and not inside:
                prose = fence[2] in _PROSE
                open_fences.append((fence[1], prose))
                if fence[2]:
                    found.append(Directive(fence[2], fence[3].strip()))
                    if prose:
                        yield "caption", fence[3].strip()
            elif inside or (open_fences and _OPTION.match(line) and found and found[-1].name in _PROSE):
                yield "body", line
            else:
                if open_fences and found:
                    found[-1].body.append(line)
                yield "prose", line


def read(path: Path, name: str) -> Text:
    """A text of a staged book.

    Args:
        path: a file in Markdown, or a notebook.
        name: see :class:`Text`.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        source = re.sub(r"\A---\n.*?\n---\n", "", source, flags=re.S)
        return Text(name, source.splitlines())
    notebook = json.loads(source)
    found = Text(name, [], metadata=notebook.get("metadata", {}))
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            found.lines += ["", *"".join(cell["source"]).splitlines()]
        elif cell["cell_type"] == "code":
            found.cells[number] = cell
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            found.captions += [figure["caption"]] if figure.get("caption") else []
            found.labels += [figure["name"]] if figure.get("name") else []
    return found


def _outside_code(text: str) -> str:
    return re.sub(r"(?:\{[\w:.-]+\})?(`+).+?\1", " ", text, flags=re.S)
