"""Faults of the pages of a built book: links that lead nowhere, what comes from other machines, words that are none."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

from bs4 import BeautifulSoup, Tag

from companion.proofreading.texts import NO_NUMBER, UNFINISHED

#: Words that a page shows where a value or a reference was not resolved, or a cell complained.
UNRESOLVED = ("Traceback", "Warning:", "{glue", "{numref", "{eq}", "{cite", "{py:", "$$")
_CODE = ("code", "pre", "script", "style")
_UNREAD = {"math", "doctest", "sig", "py"}  # classes: mathematics, and the reference of the packages
_LINKS = (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"))


def faults(html: str | Path) -> list[str]:
    """Every fault of the pages in a folder, one line each.

    Args:
        html: folder of the built book.
    """
    folder = Path(html)
    pages = {
        path.relative_to(folder).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(folder.rglob("*.html"))
        if not path.relative_to(folder).parts[0].startswith("_")
    }
    anchors = {name: {str(element["id"]) for element in page.find_all(id=True)} for name, page in pages.items()}
    found = []
    for name, page in pages.items():
        found += [
            f"{name}: {line}"
            for line in links(page, name, folder, anchors) + foreign(page) + words(page) + unseen(page)
        ]
    return found


def links(page: BeautifulSoup, name: str, folder: Path, anchors: dict[str, set[str]]) -> list[str]:
    """Links and files that are not there, and anchors that no page has."""
    found = []
    for tag, attribute in _LINKS:
        for element in page.find_all(tag):
            address = str(element.get(attribute) or "")
            if not address or urlparse(address).scheme or address.startswith("//"):
                continue
            path, anchor = urldefrag(urljoin(name, unquote(address).split("?")[0]))
            if path and not (folder / path).exists():
                found.append(f"{address} leads nowhere")
            elif anchor and anchor not in anchors.get(path, {anchor}):
                found.append(f"{address} names an anchor that is not there")
    return found


def foreign(page: BeautifulSoup) -> list[str]:
    """What a browser would load from another machine."""
    loaded = [str(tag.get("src") or "") for tag in page.find_all(["script", "img", "iframe", "video", "audio"])]
    loaded += [
        str(tag.get("href") or "")
        for tag in page.find_all("link")
        if {"stylesheet", "preload", "icon"} & set(tag.get_attribute_list("rel"))
    ]
    return [
        f"{address} is loaded from another machine"
        for address in loaded
        if address.startswith("//") or urlparse(address).scheme in ("http", "https")
    ]


def words(page: BeautifulSoup) -> list[str]:
    """Words that no finished page has, outside code.

    What stands in place of a number that is none is allowed where the page says that its numbers mean nothing.
    """
    article = page.find("article")
    text = "".join(_read(article)) if isinstance(article, Tag) else ""
    found = UNFINISHED.findall(text) + [word for word in UNRESOLVED if word in text]
    if "numbers on this page are meaningless" not in text:
        found += NO_NUMBER.findall(text)
    return [f"says {word!r}" for word in dict.fromkeys(found)]


def _read(tag: Tag) -> Iterator[str]:
    """The text of an element without code, mathematics and the reference of the packages, which speaks of errors."""
    for child in tag.children:
        if isinstance(child, Tag):
            if child.name not in _CODE and not _UNREAD & set(child.get_attribute_list("class")):
                yield from _read(child)
        else:
            yield str(child)


def unseen(page: BeautifulSoup) -> list[str]:
    """Pictures whose alternative text is empty, or the path that Sphinx writes in its place."""
    found = []
    for picture in page.select("article img"):
        text = str(picture.get("alt") or "")
        if "_images/" in text or not text.strip():
            found.append(f"the picture {picture.get('src')} has no alternative text")
    return found
