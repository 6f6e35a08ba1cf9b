"""Icons as drawings of the page, in place of a script of 1.5 MB that draws a dozen of them."""

import re
from collections.abc import Mapping
from pathlib import Path

from bs4 import BeautifulSoup

SCRIPT = "_static/scripts/fontawesome.js"
_ICON = re.compile(r'"?([a-z0-9-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","(M[^"]+)"\]')
_STYLES = {"fa-solid", "fas", "fa-regular", "far", "fa-brands", "fab", "fa-lg"}


def read(html: Path) -> dict[str, tuple[str, str]]:
    """The icons that the theme brings, by name: view box and path. Where a name is there twice, the filled one."""
    path = html / SCRIPT
    if not path.is_file():
        return {}
    return {
        name: (f"0 0 {width} {height}", drawn)
        for name, width, height, drawn in _ICON.findall(path.read_text(encoding="utf-8"))
    }


def inline(page: BeautifulSoup, drawn: Mapping[str, tuple[str, str]]) -> None:
    """Replace each ``<i class="fa-solid fa-NAME">`` of a page by its drawing, which is hidden from screen readers.

    Args:
        page: its tree, changed in place.
        drawn: view box and path by name; an icon that is not among them stays as it is.
    """
    for tag in page.select("i[class*='fa-'], span[class*='fa-']"):
        classes = list(tag.get_attribute_list("class"))
        name = next((str(c)[3:] for c in classes if c and str(c)[3:] in drawn and c not in _STYLES), None)
        if name is None:
            continue
        box, path = drawn[name]
        kept = {key: str(value) for key, value in tag.attrs.items() if key.startswith("data-")}
        look = {"class": " ".join(["svg-inline--fa", *map(str, classes)]), "viewBox": box, "aria-hidden": "true"}
        picture = page.new_tag("svg", attrs={**kept, **look, "focusable": "false", "fill": "currentColor"})
        picture.append(page.new_tag("path", attrs={"d": path}))
        tag.replace_with(picture)
