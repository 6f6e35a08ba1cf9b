"""What a built book says of itself, and the files of a site beside its pages."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml

from companion import repository
from mpicore import files

MISSING = "404"  #: name of the page that a server shows where there is none
_SHORT = 10  # letters of a commit on a page


@dataclass(frozen=True)
class Site:
    """A book as a thing that is published.

    Attributes:
        title: of the book.
        version: of the project.
        licence: of the project, its short name.
        commit: that the book was made from; empty where Git does not tell.
        repository: its address; empty where there is none, and then the pages have no links into it.
        address: of the published book, with a slash at its end; empty where there is none.
    """

    title: str
    version: str = ""
    licence: str = ""
    commit: str = ""
    repository: str = ""
    address: str = ""


def read(folder: str | Path = ".", variables: Mapping[str, str] | None = None) -> Site:
    """What the files of the project, Git and the environment say.

    Args:
        folder: of the project.
        variables: the environment; that of the process by default.

    Raises:
        ValueError: as :func:`companion.repository.read`.
        OSError: ``_config.yml`` or ``pyproject.toml`` cannot be read.
    """
    root = Path(folder)
    origin = repository.read(variables, root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Site(
        title=yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["title"],
        version=project["version"],
        licence=project["license"],
        commit=origin.commit[:_SHORT],
        repository=origin.address,
        address=origin.book,
    )


def complete(html: Path, about: Site, pages: Sequence[str]) -> None:
    """Write ``404.html`` and, where the address of the book is known, ``sitemap.xml`` and ``robots.txt``.

    Source maps, which help only who changes the theme's scripts, are dropped.

    Args:
        html: folder of the built book.
        about: what is published.
        pages: names without suffix, of the pages for the map.
    """
    for path in html.rglob("*.map"):
        path.unlink()
    files.write_text(html / f"{MISSING}.html", _missing(about))
    if not about.address:
        return
    places = "".join(f"  <url><loc>{escape(about.address + name)}.html</loc></url>\n" for name in pages)
    opening = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}\n{places}</urlset>\n'
    files.write_text(html / "sitemap.xml", text)
    files.write_text(html / "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {about.address}sitemap.xml\n")


def _missing(about: Site) -> str:
    """The page stands alone: it is shown at any depth, where relative addresses lead astray."""
    home = about.address or "/"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<link rel="icon" href="data:,"/>\n'
        f"<title>Page not found — {escape(about.title)}</title>\n"
        "<style>:root { color-scheme: light dark; } body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 36rem;"
        " margin: 15vh auto; padding: 0 1.5rem; } a { color: inherit; }</style>\n</head>\n<body>\n<main>\n"
        "<h1>Page not found</h1>\n<p>There is no page at this address. "
        f'<a href="{escape(home)}">{escape(about.title)}</a>'
        " has a list of its pages, and a search.</p>\n</main>\n</body>\n</html>\n"
    )
