"""The built book as one file for paper: its pages in one document, which Chromium prints with bookmarks and tags."""

import copy
import os
import re
import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

from bs4 import BeautifulSoup, Tag

from companion.finishing.site import Site
from mpicore import files

NAME = "mpicore-book.pdf"  #: the file, beside the pages
#: Programs that can print it.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: Pages and folder of the reference, which is as long as all other pages together and is looked up, not read.
LEFT_OUT = ("api", "companion", "reference")
_OFFER = "book-as-pdf"  #: of the link on the front page
_SIDE, _MARGIN = 210, 17  # of a page in DIN A4, and of its margins [mm]
# What serves a screen alone.
_SCREEN = "script, .only-dark, .figure-tools, .headerlink, .toctree-wrapper, .table-note a, button, details, dialog"
_STYLE = """
body { background: #fff; font-size: 10pt; }
.page { break-before: page; }
.cover { padding-top: 60mm; }
.cover p:first-child { font-size: 26pt; line-height: 1.2; font-weight: 600; }
h1, h2, h3, h4 { margin-top: 1.2em; }
h1, h2, h3, h4, dt, .table-caption { break-after: avoid; }
h1 { font-size: 20pt; } h2 { font-size: 15pt; } h3 { font-size: 12pt; }
figure, tr, .admonition, div.math, .sd-card, .table-caption { break-inside: avoid; }
table:not(:has(tbody tr:nth-child(9))) { break-inside: avoid; }
div.math, .cell:has(.cell_input), .cell_input + .cell_output { break-before: avoid; }
mjx-container :is(path, use), svg defs path[id^=MJX] { stroke-width: 0 !important; }
.sd-row, .sd-col { display: block !important; width: 100% !important; }
thead { display: table-header-group; }
.bd-article figure img.drawing { width: 120mm; max-height: 225mm; object-fit: contain; }
.table-frame, .pst-scrollable-table-container { overflow: visible !important; }
pre, code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
"""
# Whatever is wider than the page is made smaller until it fits; smaller letters break lines at other places, so again.
# A figure a little higher than what is left below the first lines of a page is made as high as that.
_FIT = """() => { const free = document.querySelector("main").clientWidth;
for (const it of document.querySelectorAll("figure img.drawing")) {
    const high = it.getBoundingClientRect().height;
    if (high > 0.8 * free && high < 1.1 * free) it.style.maxHeight = `${0.8 * free}px`; }
for (const it of document.querySelectorAll("table, mjx-container > svg")) {
    const free = it.closest("section, .page").clientWidth;
    for (let zoom = 1, tried = 0; tried < 4; tried++) {
        const wide = it.getBoundingClientRect().width;
        if (wide <= free) break;
        it.style.zoom = zoom *= free / wide; } } }"""
# In print the box of a page is as wide as its paper: the widest thing that sticks out [CSS pixels].
_CLIPPED = """() => Math.max(0, ...[...document.querySelectorAll("table, figure img, pre, mjx-container")].map(
    it => it.getBoundingClientRect().right - document.querySelector("main").getBoundingClientRect().right))"""


def document(html: Path, about: Site) -> str:
    """The pages of a built book in the order of its contents, as one page without what serves a screen alone.

    Names of places get that of their page in front, and links between pages lead to these.

    Args:
        html: folder of the built book.
        about: for the cover.

    Raises:
        ValueError: there is no book in the folder.
        OSError: a page cannot be read.
    """
    if not (html / "index.html").is_file():
        raise ValueError(f"there is no book in {html}; `make book` builds it")
    front = _read(html / "index.html")
    names = [name for name in _order(front) if name.partition("/")[0] not in LEFT_OUT]
    pages = {name: _read(html / f"{name}.html") for name in names}
    head = "".join(str(sheet) for sheet in front.select('link[rel="stylesheet"]'))
    mathematics = next((page for page in pages.values() if page.select_one("script[src*=mathjax]")), None)
    if mathematics is not None:
        head += "".join(
            str(_moved(script, name, {}))
            for name, page in pages.items()
            if page is mathematics
            for script in page.find_all("script")
            if "mathjax" in f"{script.get('src', '')} {script.string or ''}".lower()
        )
    parts = "".join(_part(page, name, pages) for name, page in pages.items())
    made = " · ".join(filter(None, [f"Version {about.version}", about.commit and f"commit {about.commit}"]))
    cover = f'<div class="cover"><p>{escape(about.title)}</p><p>{escape(made)}</p><p>{escape(about.address)}</p></div>'
    return (
        f'<!DOCTYPE html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8"/>'
        f"<title>{escape(about.title)}</title>{head}<style>{_STYLE}</style></head>"
        f'<body><main class="bd-article">{cover}{parts}</main></body></html>'
    )


def write(html: str | Path, about: Site) -> Path:
    """Print a built book beside its pages, and offer the file on its front page.

    Args:
        html: folder of the built book.
        about: for the cover.

    Returns:
        The file.

    Raises:
        ValueError: there is no book in the folder, no Chromium on this machine, or something wider than the paper.
        OSError: a file cannot be read or written.
    """
    from playwright.sync_api import sync_playwright

    folder = Path(html)
    text = document(folder, about)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ValueError(f"printing needs a browser, and none of {', '.join(BROWSERS)} was found")
    source, target = folder / ".print.html", folder / NAME
    files.write_text(source, text)
    width = round((_SIDE - 2 * _MARGIN) / 25.4 * 96)
    margin = f"{_MARGIN}mm"
    try:
        with sync_playwright() as playwright, files.replacing(target) as temporary:
            running = playwright.chromium.launch(executable_path=browser, chromium_sandbox=os.geteuid() != 0)
            page = running.new_page(viewport={"width": width, "height": 1000})
            page.set_default_timeout(600_000)
            page.emulate_media(media="print", color_scheme="light")
            page.goto(source.resolve().as_uri())
            page.evaluate("() => window.MathJax?.startup?.promise")
            page.evaluate(_FIT)
            if (clipped := page.evaluate(_CLIPPED)) > 1:
                raise ValueError(f"the book has something that sticks {clipped:.0f} pixels out of the paper")
            page.pdf(
                path=str(temporary),
                format="A4",
                margin={"top": margin, "bottom": margin, "left": margin, "right": margin},
                tagged=True,
                outline=True,
                print_background=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template='<div style="width: 100%; text-align: center; font-size: 8pt">'
                '<span class="pageNumber"></span></div>',
            )
            running.close()
    finally:
        source.unlink(missing_ok=True)
    _offer(folder, target)
    return target


def count(path: Path) -> int:
    """Pages of a file that Chromium has printed."""
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def _read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def _order(front: BeautifulSoup) -> list[str]:
    """The front page, then all others as the sidebar lists them."""
    links = [urldefrag(str(link["href"])) for link in front.select("nav.bd-links a.internal")]
    return list(dict.fromkeys(["index", *(address.removesuffix(".html") for address, _ in links if address)]))


def _part(page: BeautifulSoup, name: str, pages: Mapping[str, object]) -> str:
    article = page.select_one("article.bd-article") or page.find("article")
    if not isinstance(article, Tag):
        raise ValueError(f"the page {name} has no text")
    part = _moved(article, name, pages)
    for tag in part.select(_SCREEN):
        tag.decompose()
    return f'<div class="page" id="{_place(name)}">{part.decode_contents()}</div>'


def _moved(tag: Tag, name: str, pages: Mapping[str, object]) -> Tag:
    """A copy of a part of a page whose names and addresses hold in the one document."""
    moved = copy.copy(tag)
    for part in [moved, *moved.find_all(True)]:
        if part.has_attr("id"):
            part["id"] = _place(name, str(part["id"]))
        if part.has_attr("src"):
            part["src"] = _address(str(part["src"]), name)
        if part.name == "a" and part.has_attr("href"):
            address, anchor = urldefrag(_address(str(part["href"]), name))
            if not urlparse(address).scheme and address.removesuffix(".html") in pages:
                part["href"] = f"#{_place(address.removesuffix('.html'), anchor)}"
            elif not urlparse(address).scheme:
                del part["href"]  # nothing that lies beside the file
        for key in ("aria-labelledby", "aria-describedby"):
            if part.has_attr(key):
                part[key] = " ".join(_place(name, value) for value in str(part[key]).split())
        if part.has_attr("loading"):
            del part["loading"]
    return moved


def _address(address: str, name: str) -> str:
    """An address on a page, from the folder of the book."""
    return address if urlparse(address).scheme else urljoin(f"{name}.html", unquote(address))


def _place(name: str, anchor: str = "") -> str:
    page = name.replace("/", "-")
    return f"{page}--{anchor}" if anchor else page


def _offer(html: Path, target: Path) -> None:
    """The front page says that the file is there."""
    front = _read(html / "index.html")
    for old in front.select(f"#{_OFFER}"):
        old.decompose()
    offer = front.new_tag("p", id=_OFFER)
    link = front.new_tag("a", href=target.name, download=target.name)
    link.string = "This book as one PDF"
    offer.append(link)
    offer.append(f": {count(target)} pages, {target.stat().st_size / 1e6:.1f} MB, without the reference of the code.")
    place = front.select_one("article .sd-container-fluid") or front.select_one("article h1")
    if place is None:
        raise ValueError("the front page has no place for the link to the file")
    place.insert_after(offer)
    files.write_text(html / "index.html", str(front))
