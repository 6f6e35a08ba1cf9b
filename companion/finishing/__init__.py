"""What the built book still needs: the theme's pages, mended and completed, in the folder that they lie in."""

from pathlib import Path

from bs4 import BeautifulSoup

from companion.finishing import breaks, drawings, footer, head, icons, names, options, provenance, site, spaces, tables
from companion.finishing.site import Site
from mpicore import files

#: Pages that the builder makes: they have no words of their own.
GENERATED = ("search", "genindex", "py-modindex")

__all__ = ["Site", "finish"]


def finish(html: str | Path, about: Site) -> list[str]:
    """Mend every page of a built book, and add what belongs to a site. A second call changes nothing.

    Args:
        html: folder of the built book, which is changed in place.
        about: what the pages say of themselves.

    Returns:
        The names of the pages, without suffix.

    Raises:
        ValueError: there is no book in the folder.
        OSError: a file cannot be read or written.
    """
    folder = Path(html)
    if not (folder / "index.html").is_file():
        raise ValueError(f"there is no book in {folder}")
    drawn, runs = icons.read(folder), provenance.keys(folder)
    preview = head.PREVIEW if (folder / head.PREVIEW).is_file() else ""
    found = []
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name.startswith("_") or name == site.MISSING:
            continue
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        if page.find("meta", attrs={"name": head.MARK}):
            continue
        names.mend(page)
        tables.mend(page, folder, name)
        options.keep(page)
        provenance.complete(page, about, name, runs)
        drawings.show(page, folder, name)
        footer.add(page, about, name)
        icons.inline(page, drawn)
        head.complete(page, about, name, preview)
        spaces.keep(page)
        breaks.keep(page)
        files.write_text(path, str(page))
        found.append(name)
    site.complete(folder, about, [name for name in found if name not in GENERATED])
    return found
