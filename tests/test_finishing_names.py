"""What the theme leaves without a name, or gives a wrong one, is mended for those who listen to a page."""

import pytest
from bs4 import BeautifulSoup

from companion.finishing import names


@pytest.fixture
def mended():
    """The tree of a piece of HTML, mended."""

    def mend(text):
        page = BeautifulSoup(text, "html.parser")
        names.mend(page)
        return page

    return mend


def test_the_search_field_is_named_by_what_it_shows(mended):
    page = mended('<button class="search-button-field" aria-label="Search">Find a word</button>')
    assert "aria-label" not in page.button.attrs and page.button.get_text() == "Find a word"


def test_a_folded_cell_is_named_by_what_it_shows(mended):
    page = mended('<details class="hide"><summary aria-label="Toggle">Show the code</summary></details>')
    assert "aria-label" not in page.summary.attrs and page.summary.get_text() == "Show the code"


@pytest.mark.parametrize("link, name", [('<a href="a.html"> Results </a>', "Pages below Results"), ("", "Pages below")])
def test_an_arrow_of_the_list_of_pages_says_which_pages_it_shows(mended, link, name):
    page = mended(f'<div class="bd-links"><ul><li>{link}<details><summary></summary></details></li></ul></div>')
    assert page.summary["aria-label"] == name


def test_the_list_of_pages_is_a_region_of_its_own(mended):
    sidebar = mended('<dialog id="pst-primary-sidebar"></dialog>').dialog
    assert (sidebar["role"], sidebar["aria-label"]) == ("region", "The book")


def test_the_lines_of_a_signature_are_no_list_of_definitions(mended):
    page = mended("<dl><dt>f(<dl><dd>first,</dd><dd>second</dd></dl>)</dt><dd>What it does.</dd></dl>")
    assert page.dt.find(["dl", "dd"]) is None and page.dt.get_text() == "f(first,second)"
    assert [line.get_text() for line in page.select("span.signature-line")] == ["first,", "second"]
    assert page.dl.find("dd", recursive=False).get_text() == "What it does."


def test_the_bibliography_is_a_list_of_its_entries(mended):
    page = mended('<div class="citation-list"><div class="citation">One</div><div class="citation">Two</div></div>')
    assert page.div["role"] == "list"
    assert [entry.get_text() for entry in page.select("[role=listitem]")] == ["One", "Two"]


def test_a_button_without_a_text_is_named_by_its_title(mended):
    page = mended('<button title="Print"></button><button title="More">Show</button>')
    assert [button.get("aria-label") for button in page.select("button")] == ["Print", None]
