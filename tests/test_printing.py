"""The book as one file: every page is in it once, in order, and what leads from page to page still does."""

import re

import pytest
from bs4 import BeautifulSoup

from companion import printing
from companion.finishing.site import Site

ABOUT = Site("A book", "1.0", "MIT", "abc")
PAGE = """<html><head><link rel="stylesheet" href="_static/a.css"/></head><body>
<nav class="bd-links"><a class="internal" href="{up}pages/two.html">Two</a>
<a class="internal" href="{up}reference/code.html">A</a></nav>
<article class="bd-article"><section id="top"><h1>{title}<a class="headerlink" href="#top">#</a></h1>{more}</section>
</article></body></html>"""


@pytest.fixture
def book(tmp_path):
    """Two pages that name each other, and one of code."""
    (tmp_path / "pages").mkdir()
    links = '<a href="pages/two.html#top">there</a> <a href="reference/code.html">code</a>'
    links += ' <a href="https://example.org/">out</a>'
    (tmp_path / "index.html").write_text(PAGE.format(up="", title="One", more=links))
    picture = '<a href="../index.html">back</a><img src="../_images/a.svg" alt="a"/><img class="only-dark" src="b"/>'
    (tmp_path / "pages/two.html").write_text(PAGE.format(up="../", title="Two", more=picture))
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/code.html").write_text(PAGE.format(up="../", title="Code", more=""))
    return tmp_path


def test_pages_follow_each_other_and_their_links_stay_in_the_file(book):
    page = BeautifulSoup(printing.document(book, ABOUT), "html.parser")
    assert [title.get_text() for title in page.find_all("h1")] == ["One", "Two"]
    links = {link.get_text(): link.get("href") for link in page.find_all("a")}
    assert links == {"there": "#pages-two--top", "back": "#index", "code": None, "out": "https://example.org/"}
    names = [tag["id"] for tag in page.find_all(id=True)]
    assert len(set(names)) == len(names) and {"index", "pages-two--top"} <= set(names)
    assert [picture["src"] for picture in page.find_all("img")] == ["_images/a.svg"]
    assert "Version 1.0 · commit abc" in page.get_text()


def test_a_folder_without_a_book_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no book in"):
        printing.write(tmp_path, ABOUT)


def test_a_machine_without_a_browser_is_told_what_is_needed(book, monkeypatch):
    monkeypatch.setattr(printing, "BROWSERS", ("no-such-browser",))
    before = (book / "index.html").read_text()
    with pytest.raises(ValueError, match="none of no-such-browser was found"):
        printing.write(book, ABOUT)
    assert (book / "index.html").read_text() == before


@pytest.mark.browser
def test_the_printed_file_has_bookmarks_and_tags_and_is_offered_once(book):
    """A page of paper for the cover and one for each page."""
    for _ in range(2):
        path = printing.write(book, ABOUT)
    written = path.read_bytes()
    assert printing.count(path) == 3
    assert b"/Outlines" in written and b"/StructTreeRoot" in written and b"/Dest" in written
    front = BeautifulSoup((book / "index.html").read_text(), "html.parser")
    (link,) = front.select(f'a[href="{printing.NAME}"]')
    assert re.match(r"This book as one PDF: 3 pages", link.parent.get_text())
    assert sorted(found.name for found in book.iterdir() if found.suffix == ".html") == ["index.html"]


@pytest.mark.browser
def test_a_wide_table_is_made_to_fit_the_paper(book):
    """Forty columns of numbers: nothing sticks out, which is an error."""
    row = "".join(f"<td>{number}0000</td>" for number in range(40))
    (book / "pages/two.html").write_text(PAGE.format(up="../", title="Two", more=f"<table><tr>{row}</tr></table>"))
    assert printing.count(printing.write(book, ABOUT)) == 3
