"""Where a line may break: not after the only letter before a hyphen, nor before the full stop of a formula."""

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

from companion.finishing.spaces import is_prose

_WHOLE = re.compile(r"(?<![\w-])(?:\w|\d+(?:\.\d+)?e)-\w+")  # x-space, 2e-3
_CLOSING = re.compile(r"[.,;:!?)\]\u2019\u201d]+")
_LONG = re.compile(r"[\w.]{36,}(?:\(\))?")  # longer than the line of a telephone


def keep(page: BeautifulSoup) -> None:
    """Keep words and formulas of the text whole, in elements of the class ``whole``; long names break at their dots.

    Args:
        page: its tree, changed in place.
    """
    for node in page.find_all(string=_WHOLE):
        if type(node) is NavigableString and node.find_parent("article") and is_prose(node) and not _stays(node):
            _words(page, node)
    for formula in page.select("article span.math"):
        after = formula.next_sibling
        closing = _CLOSING.match(after) if isinstance(after, NavigableString) else None
        if closing and isinstance(after, NavigableString) and not _stays(formula):
            after.replace_with(NavigableString(after[closing.end() :]))
            formula.wrap(_whole(page)).append(closing[0])
    for name in page.select("article code .pre"):
        if name.string and _LONG.fullmatch(name.string):
            _at_dots(page, name, name.string)
    for name in page.select(".bd-sidebar-secondary code .pre"):  # the list of contents is narrow everywhere
        if name.string:
            _at_dots(page, name, name.string)


def _at_dots(page: BeautifulSoup, name: Tag, text: str) -> None:
    *parts, last = text.split(".")
    name.clear()
    for part in parts:
        name.extend([NavigableString(f"{part}."), page.new_tag("wbr")])
    name.append(last)


def _words(page: BeautifulSoup, node: NavigableString) -> None:
    parts: list[Tag | NavigableString] = []
    end = 0
    for found in _WHOLE.finditer(node):
        word = _whole(page)
        word.string = found[0]
        parts += [NavigableString(node[end : found.start()]), word]
        end = found.end()
    node.replace_with(*parts, NavigableString(node[end:]))


def _whole(page: BeautifulSoup) -> Tag:
    return page.new_tag("span", attrs={"class": "whole"})


def _stays(node: PageElement) -> bool:
    return node.parent is not None and "whole" in node.parent.get_attribute_list("class")
