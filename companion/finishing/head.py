"""What stands in the head of a page: what search engines and previews read, and only the scripts that it needs."""

import re
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag

from companion.finishing.site import Site

MARK = "generator"  #: name of the meta tag that says that a page is finished
LONGEST = 200  #: letters of a description
ICON = "_static/logo.svg"  #: the picture in a browser's tab


def complete(page: BeautifulSoup, about: Site, name: str) -> None:
    """Complete the head of a page in place.

    Args:
        page: its tree.
        about: what is published; addresses that are not known are left out.
        name: of the page, without suffix.
    """
    head = page.head
    if head is None:
        raise ValueError(f"{name} has no head")
    up = "../" * name.count("/")
    for tag in head.find_all("meta", attrs={"name": "viewport"}):
        tag.decompose()
    _drop_scripts(page)
    title = _title(page) or about.title
    text = description(page) or about.title
    add = {"viewport": "width=device-width, initial-scale=1", "description": text, MARK: f"mpicore {about.version}"}
    for key, content in add.items():
        _append(page, head, "meta", {"name": key, "content": content})
    kind = "website" if name == "index" else "article"
    graph = {"og:title": title, "og:description": text, "og:type": kind, "og:site_name": about.title}
    picture = page.select_one("article figure img[src$='.png']")
    if about.address:
        if picture is not None:
            graph["og:image"] = urljoin(f"{about.address}{name}.html", str(picture["src"]))
        graph["og:url"] = f"{about.address}{name}.html"
        _append(page, head, "link", {"rel": "canonical", "href": f"{about.address}{name}.html"})
    for key, content in graph.items():
        _append(page, head, "meta", {"property": key, "content": content})
    _append(page, head, "link", {"rel": "icon", "type": "image/svg+xml", "href": up + ICON})


def description(page: BeautifulSoup) -> str:
    """The first sentences of a page's text, cut at a word; empty where it has none."""
    article = page.find("article")
    if article is None:
        return ""
    for paragraph in article.find_all("p"):
        if paragraph.find_parent(class_=["admonition", "cell", "toctree-wrapper"]) or paragraph.find_parent("table"):
            continue
        text = re.sub(r"\s+", " ", paragraph.get_text()).strip()
        if len(text) > 40:
            return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return ""


def _title(page: BeautifulSoup) -> str:
    found = page.select_one("article h1")
    if found is None:
        return ""
    return re.sub(r"\s+", " ", "".join(found.find_all(string=True))).strip().rstrip("#¶")


def _drop_scripts(page: BeautifulSoup) -> None:
    """MathJax goes where there is no mathematics, and the script of icons everywhere: they are drawings of the page."""
    mathematics = page.select_one("article .math") is not None
    for script in page.find_all("script"):
        what = f"{script.get('src', '')} {script.string or ''}"
        if "fontawesome" in what or (not mathematics and "mathjax" in what.lower()):
            script.decompose()


def _append(page: BeautifulSoup, head: Tag, tag: str, attributes: dict[str, str]) -> None:
    head.append(page.new_tag(tag, attrs=attributes))
    head.append("\n")
