"""Options of commands in code, which no line break parts at their hyphens."""

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

_OPTION = re.compile(r"(?<!\S)--?[A-Za-z][\w-]*")


def keep(page: BeautifulSoup) -> None:
    """Put each option in the code of a page, such as ``--seed``, into an element of the class ``option``, in place."""
    for code in page.select("article code, article pre"):
        for node in code.find_all(string=_OPTION):
            if isinstance(node.parent, Tag) and "option" not in node.parent.get_attribute_list("class"):
                node.replace_with(*_parts(page, str(node)))


def _parts(page: BeautifulSoup, text: str) -> list[Tag | NavigableString]:
    parts: list[Tag | NavigableString] = []
    end = 0
    for found in _OPTION.finditer(text):
        option = page.new_tag("span", attrs={"class": "option"})
        option.string = found[0]
        parts += [NavigableString(text[end : found.start()]), option]
        end = found.end()
    return [*parts, NavigableString(text[end:])]
