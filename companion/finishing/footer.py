"""The end of a page: version, commit and licence, and links into the repository where there is one."""

from urllib.parse import quote

from bs4 import BeautifulSoup

from companion.finishing.site import Site


def add(page: BeautifulSoup, about: Site, name: str) -> None:
    """Add version, commit, licence and links to the footer of a page in place.

    Args:
        page: its tree.
        about: what is published.
        name: of the page, without suffix.
    """
    place = page.select_one(".bd-footer-content__inner")
    if place is None:
        return
    item = page.new_tag("div", attrs={"class": "footer-item"})
    line = page.new_tag("p", attrs={"class": "made-from"})
    made = [f"Version {about.version}"] if about.version else []
    made += [f"commit {about.commit}"] if about.commit else []
    made += [f"{about.licence} licence"] if about.licence else []
    line.append(", ".join(made) + ". ")
    for text, address in links(about, name).items():
        link = page.new_tag("a", attrs={"href": address})
        link.string = text
        line.append(link)
        line.append(" ")
    item.append(line)
    place.append(item)


def links(about: Site, name: str) -> dict[str, str]:
    """Addresses in the repository that belong to a page, by what the link says; none without a repository."""
    if not about.repository:
        return {}
    found = {"Code": about.repository}
    found["Report an error"] = f"{about.repository}/issues/new?title={quote(f'Page {name}: ')}"
    source = _source(name)
    if source:
        found["Edit this page"] = f"{about.repository}/edit/main/{source}"
    return found


def _source(name: str) -> str:
    """The file of the repository that a page is made from; empty for those that the builder makes."""
    if name in ("search", "genindex", "py-modindex"):
        return ""
    folder, _, page = name.rpartition("/")
    if folder != "pages":
        return f"book/{name}.md"
    special = page.startswith("study_") and page != "study_objects"
    return "notebooks/study.md" if special else f"notebooks/{page}.md"
