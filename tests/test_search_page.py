"""The search of the book, in a browser: what a reader looks for comes first, and the API after the pages."""

import pytest
import yaml

pytestmark = [pytest.mark.book, pytest.mark.browser]

REFERENCE = ("reference/", "api.html", "scanners.html", "companion.html", "bibliography.html")  # see scorer.js


@pytest.fixture
def found(browser, server):
    """Addresses that the search gives, in its order."""
    opened = []

    def look(word):
        page = browser.new_page()
        opened.append(page)
        page.set_default_timeout(120_000)
        page.goto(f"{server}/search.html?q={word}", wait_until="load")
        # Results come in one by one; the line above them is there at the end.
        page.wait_for_function("/found/.test(document.querySelector('.search-summary')?.textContent ?? '')")
        return [link.get_attribute("href") for link in page.locator("#search-results li > a").all()]

    yield look
    for page in opened:
        page.close()


@pytest.mark.parametrize("word", ["cite", "licence", "download"])
def test_what_is_looked_for_most_comes_first(found, word):
    assert found(word)[0].startswith("cite.html")


@pytest.mark.parametrize("word", ["denoise", "MDF"])
def test_pages_come_before_the_api(found, word):
    of_reference = [address.startswith(REFERENCE) for address in found(word)]
    assert any(of_reference) and not of_reference[0]
    assert of_reference == sorted(of_reference)


def test_the_reference_is_the_last_chapters(root):
    contents = yaml.safe_load((root / "book/_toc.yml").read_text(encoding="utf-8"))
    last = contents["parts"][-1]["chapters"][-2:]
    assert [chapter["file"] for chapter in last] == ["api", "companion"]
    listed = [section["file"] for chapter in last for section in chapter["sections"]]
    there = [f"reference/{path.stem}" for path in (root / "book/reference").glob("*.md")]
    assert sorted(listed) == sorted(["scanners", *there])
