"""Where a page comes from, folded at its end: its notebook, its experiments and runs, and its tables as files."""

import re
from collections.abc import Set
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from companion.finishing import footer
from companion.finishing.site import Site

PAGES = "pages/"  #: folder of the executed notebooks
LIST = "pages/provenance"  #: the page that lists all runs
NOISE = "data.html#noise"  #: where the experiments are described, beside the executed notebooks
EXPERIMENTS = "experiments.yml"  #: file of the repository that has all settings
_KEY = re.compile(r"[0-9a-f]{12}")


def keys(html: Path) -> frozenset[str]:
    """Keys of the runs that the book lists; none where it has no list of them."""
    path = html / f"{LIST}.html"
    if not path.is_file():
        return frozenset()
    return frozenset(re.findall(r">\s*([0-9a-f]{12})\s*<", path.read_text(encoding="utf-8")))


def complete(page: BeautifulSoup, about: Site, name: str, listed: Set[str]) -> None:
    """Complete what a page that is executed says of its sources, in place.

    Notebook, experiments, runs and tables become links, where there is something to link to. A page that says nothing
    of its sources has its notebook and its tables listed.

    Args:
        page: its tree, with the tables mended.
        about: what is published.
        name: of the page, without suffix.
        listed: keys of the runs that the page :data:`LIST` has.
    """
    if not name.startswith(PAGES) or page.select_one("article section") is None:
        return
    if name == LIST:
        _anchors(page)
    block = page.select_one("article details.provenance") or _made(page, name)
    for code in block.find_all("code"):
        address = _address(code, about, name, listed)
        if address:
            code.wrap(page.new_tag("a", attrs={"href": address}))
    items = block.find("ul")
    if not isinstance(items, Tag):
        return
    items.append(_item(page, "As executed: ", [(f"../_sources/{name}.ipynb", name.removeprefix(PAGES) + ".ipynb")]))
    tables = [(str(link["href"]), Path(str(link["href"])).name) for link in page.select(".table-note a[download]")]
    if tables:
        items.append(_item(page, "Tables: ", tables))


def _made(page: BeautifulSoup, name: str) -> Tag:
    block = page.new_tag("details", attrs={"class": "provenance"})
    summary, items, item, code = (page.new_tag(tag) for tag in ("summary", "ul", "li", "code"))
    summary.string, code.string = "Provenance", footer.source(name)
    item.extend(["Notebook: ", code])
    items.append(item)
    block.extend([summary, items])
    place = page.select_one("article section")
    assert place is not None  # asked before
    place.append(block)
    return block


def _item(page: BeautifulSoup, text: str, links: list[tuple[str, str]]) -> Tag:
    item = page.new_tag("li")
    item.append(text)
    for number, (address, shown) in enumerate(links):
        link = page.new_tag("a", attrs={"href": address, "download": shown})
        link.string = shown
        item.extend([", "] * bool(number) + [link])
    return item


def _address(code: Tag, about: Site, name: str, listed: Set[str]) -> str:
    """What a name in the block leads to; empty where there is nothing."""
    text, line = code.get_text(), code.find_parent("li")
    if text in (footer.source(name), EXPERIMENTS):
        return f"{about.repository}/blob/main/{text}" if about.repository else ""
    if text in listed:
        return f"{LIST.removeprefix(PAGES)}.html#run-{text}"
    return NOISE if line is not None and line.get_text().strip().startswith("Experiments") else ""


def _anchors(page: BeautifulSoup) -> None:
    """The first row of each run is what others point at."""
    told = {element["id"] for element in page.find_all(id=True)}
    for cell in page.select("article table td"):
        key = cell.get_text(strip=True)
        anchor = f"run-{key}"
        if _KEY.fullmatch(key) and anchor not in told:
            cell["id"] = anchor
            told.add(anchor)
