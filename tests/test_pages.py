"""The built book, as files and in a browser."""

import copy
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.book

GENERATED = {"search.html", "genindex.html", "py-modindex.html", "404.html"}


@pytest.fixture(scope="module")
def documents(html):
    """Every page by its address relative to the book."""
    return {
        path.relative_to(html).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in html.rglob("*.html")
        if "_static" not in path.parts
    }


@pytest.fixture(scope="module")
def contents(documents):
    """The pages that are written, without search, index and the like."""
    return {name: page for name, page in documents.items() if page.find("h1") and name not in GENERATED}


def test_every_link_and_anchor_leads_somewhere(html, documents):
    anchors = {name: {element["id"] for element in page.find_all(id=True)} for name, page in documents.items()}
    broken = []
    for name, page in documents.items():
        for tag, attribute in (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href")):
            for element in page.find_all(tag):
                address = element.get(attribute)
                if not address or urlparse(address).scheme or address.startswith("//"):
                    continue
                path, anchor = urldefrag(urljoin(name, unquote(address).split("?")[0]))
                if (path and not (html / path).exists()) or (anchor and anchor not in anchors.get(path, {anchor})):
                    broken.append((name, address))
    assert not broken


def test_every_figure_has_a_number_a_caption_and_an_alternative_text(contents):
    figures = [figure for page in contents.values() for figure in page.find_all("figure")]
    assert len(figures) >= 11
    for figure in figures:
        assert figure.find(class_="caption-number") and figure.find(class_="caption-text").get_text(strip=True)
        text = figure.find("img")["alt"]
        assert len(text) > 20 and "_images/" not in text  # Sphinx writes the path where there is none


def test_all_tables_and_figures_of_the_paper_are_there(documents):
    for table in ("table1", "table2", "table3"):
        assert documents[f"pages/{table}.html"].find(id=f"tab-{table}")
    for page, figure in (("figure1", "fig-network"), ("figure2", "fig-comparison"), ("figure3", "fig-components")):
        assert documents[f"pages/{page}.html"].find(id=figure)


def test_no_page_shows_an_error_or_an_unresolved_value(contents):
    for name, page in contents.items():
        page = copy.copy(page)  # others read it too
        for constant in page.select("dl.py.data"):  # the reference quotes the words that the build looks for
            constant.extract()
        text = page.get_text()
        # Examples of the API show the error that a function raises, and are run as tests.
        examples = "".join(block.get_text() for block in page.select("div.doctest"))
        for word in ("Traceback", "Warning:", "{glue", "{numref", "{eq}", "{cite"):
            assert text.count(word) == examples.count(word), (name, word)


def test_every_page_says_what_its_numbers_are(contents):
    for name, page in contents.items():
        assert "The numbers on this page are meaningless" in page.get_text(), name


@pytest.fixture
def visit(browser, server):
    """Open a page; returns it with the foreign hosts it asked for, which are refused, and its console errors.

    The page before is closed: its scripts no longer take time from this one.
    """
    opened = []

    def go(address, scheme="light"):
        while opened:
            opened.pop().close()
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        foreign, errors = set(), []

        def route(request_route):
            host = urlparse(request_route.request.url).hostname
            if host == "127.0.0.1":
                request_route.continue_()
            else:
                foreign.add(host)
                request_route.abort()

        def console(message):
            # A refused foreign request is an error of that address; it is counted in ``foreign``.
            if message.type == "error" and urlparse(message.location["url"]).hostname in (None, "127.0.0.1"):
                errors.append(message.text)

        page.route("**/*", route)
        page.on("console", console)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(120_000)  # a machine that builds beside this is slow
        page.goto(f"{server}/{address}", wait_until="load")
        page.evaluate("document.fonts.ready")
        return page, foreign, errors

    yield go
    for context in opened:
        context.close()


@pytest.mark.browser
def test_pages_need_no_other_machine_have_no_errors_and_fit_a_phone(visit, contents):
    for name in contents:
        page, foreign, errors = visit(name)
        page.set_viewport_size({"width": 390, "height": 900})
        excess = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert excess <= 0, (name, excess)
        assert not foreign, (name, foreign)
        assert not errors, (name, errors)


@pytest.mark.browser
def test_equations_are_set(visit, documents):
    """Each piece of mathematics becomes a drawing, and no TeX is left."""
    pieces = documents["network.html"].find_all(class_="math")
    page, _, _ = visit("network.html")
    page.wait_for_function(f"document.querySelectorAll('mjx-container svg').length >= {len(pieces)}")
    assert len(pieces) > 10 and "\\(" not in page.locator("main").inner_text()


@pytest.mark.browser
def test_search_finds_a_word_of_the_text(visit):
    page, _, errors = visit("search.html?q=interference")
    page.wait_for_selector("#search-results li a")
    assert any("Table 2" in entry for entry in page.locator("#search-results li").all_inner_texts())
    assert not errors


@pytest.mark.browser
def test_dark_mode_is_dark_and_readable(visit):
    """Text and background swap places; their contrast stays above 7 : 1 (WCAG AAA)."""
    script = """() => {
        const of = (element, what) => getComputedStyle(element)[what].match(/[0-9.]+/g).slice(0, 3).map(Number);
        return [of(document.querySelector("main p"), "color"), of(document.body, "backgroundColor")];
    }"""

    def luminance(colour):
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    found = {}
    for scheme in ("light", "dark"):
        page, _, _ = visit("index.html", scheme=scheme)
        text, background = map(luminance, page.evaluate(script))
        found[scheme] = background
        low, high = sorted((text, background))
        assert (high + 0.05) / (low + 0.05) > 7, scheme
    assert found["dark"] < 0.1 < 0.8 < found["light"]
