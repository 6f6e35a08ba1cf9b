"""Numbers that no line break parts from their unit or sign, with a minus in the place of a hyphen."""

import re
from itertools import groupby

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

NO_BREAK = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_INLINE = {"a", "abbr", "b", "em", "i", "span", "strong", "sub", "sup"}
_UNREAD = {"code", "math", "pre", "script", "style", "svg"}  # elements and classes whose text is no prose
_UNIT = r"(?:%|°|dB\b|[kMG]?Hz\b|(?:n|µ|μ|m|c|k)?[smgT]\b|min\b|h\b|K\b|(?:[kMGT]i?)?B\b)"
_NAMED = r"\b(?:Table|Figure|Fig\.|Section|[Ee]q\.|[Pp]age)"
_SPACE = re.compile(
    rf"(?<=\d)\s(?={_UNIT})"  # 5 dB
    r"|(?<=[=<>≤≥≈±×])\s(?=[+−-]?\d)"  # = 5
    r"|(?<=[\w)|])\s(?=[=<>≤≥≈±×]\s[+−-]?\d)"  # t =
    r"|(?<=[\w)|])\s(?=−\s[\w(])|(?<=\s−)\s(?=[\w(])"  # T − t
)
_LABEL = re.compile(rf"({_NAMED})\s(?=\d)")
_ENDS = re.compile(r"(?<=\d,)\s(?=[+−-]?\d+\.\d+\])")  # [0.1, 0.2]
_HYPHEN = re.compile(r"(?<![^\s(\[])-(?=\d)")


def keep(page: BeautifulSoup) -> None:
    """Put no-break spaces between numbers and what belongs to them, and true minus signs, in place.

    A number and its unit may stand in elements of their own, as glued numbers do: what is read is the text of a
    paragraph, a cell or a heading. Code and mathematics stay as they are. An interval stays in one line as well, save
    in the cell of a table: see :func:`companion.finishing.tables.mend`.

    Args:
        page: its tree.
    """
    read = [node for node in page.find_all(string=True) if type(node) is NavigableString and is_prose(node)]
    for _, group in groupby(read, key=lambda node: id(_block(node))):
        nodes = list(group)
        text = together("".join(nodes))
        if not nodes[0].find_parent(["td", "th"]):
            text = _ENDS.sub(NO_BREAK, text)
        for node in nodes:
            kept, text = text[: len(node)], text[len(node) :]
            if kept != node:
                node.replace_with(NavigableString(kept))


def together(text: str) -> str:
    r"""A text of the same length whose numbers keep their units and signs.

    Example:
        >>> together("by -0.1 dB at t = 0").split(" ")
        ['by', '−0.1\xa0dB', 'at', 't\xa0=\xa00']
    """
    text = _HYPHEN.sub(MINUS, text)
    return _LABEL.sub(rf"\1{NO_BREAK}", _SPACE.sub(NO_BREAK, text))


def is_prose(node: NavigableString) -> bool:
    """Whether a text is none of code, mathematics or a drawing."""
    return not any(
        parent.name in _UNREAD or _UNREAD & set(parent.get_attribute_list("class")) for parent in node.parents
    )


def _block(node: NavigableString) -> Tag | None:
    """The paragraph, cell or other block that a text stands in."""
    return next((parent for parent in node.parents if parent.name not in _INLINE), None)
