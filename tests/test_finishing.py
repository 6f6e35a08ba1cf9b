"""What is done to a built book: each page is complete, and nothing of its content is lost."""

import csv
import re
import xml.etree.ElementTree as ElementTree

import pytest
from bs4 import BeautifulSoup

from companion import finishing
from companion.finishing import drawings, footer, head, site, tables

PAGE = """<!DOCTYPE html><html lang="en"><head><meta name="viewport" content="a"/><meta name="viewport" content="b"/>
<title>One</title><script src="_static/scripts/fontawesome.js"></script><script src="mathjax.js"></script></head>
<body><button title="Find"><i class="fa-solid fa-list"></i></button><article><section><h1>One page</h1>
<p>A sentence that is long enough to be what this page is about, and no longer.</p>{more}</section></article>
<footer><div class="bd-footer-content__inner"></div></footer></body></html>"""
TABLE = """<table id="tab-values"><caption><span>Values</span></caption>
<thead><tr><th></th><th>SNR [dB]</th><th>Gap</th></tr></thead>
<tbody><tr><td>N2N</td><td>1.0</td><td></td></tr><tr><td></td><td>2.0</td><td>-1</td></tr></tbody></table>"""
SCRIPT = '{"list":[512,512,[],"f03a","M0 0z"]}'
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 36"><path fill="#000000" stroke="#56b4e9"/></svg>'


@pytest.fixture
def built(tmp_path):
    """A book of one page, with a function that adds pages."""

    def make(name="index", more=""):
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.replace("{more}", more), encoding="utf-8")
        return tmp_path

    (tmp_path / "_static/scripts").mkdir(parents=True)
    (tmp_path / "_static/scripts/fontawesome.js").write_text(SCRIPT)
    (tmp_path / "_static/scripts/a.js.map").write_text("{}")
    make()
    return make


def finished(folder, name="index", **about):
    finishing.finish(folder, site.Site("A book", "1.0", "MIT", "abc", **about))
    return BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def meta(page, **attributes):
    return [tag["content"] for tag in page.find_all("meta", attrs=attributes)]


def test_the_head_says_what_the_page_is_once(built):
    page = finished(built())
    assert len(meta(page, name="viewport")) == 1
    assert meta(page, name="description")[0].startswith("A sentence that is long enough")
    assert meta(page, property="og:title") == ["One page"]
    assert page.find("link", rel="icon")
    assert "MIT licence" in page.footer.get_text() and "commit abc" in page.footer.get_text()


def test_without_an_address_nothing_names_one(built):
    folder = built()
    page = finished(folder)
    assert not page.find("link", rel="canonical") and not page.footer.find("a")
    assert not (folder / "sitemap.xml").exists() and not (folder / "robots.txt").exists()
    assert (folder / "404.html").exists() and not list(folder.rglob("*.map"))


def test_with_addresses_pages_and_map_name_them(built):
    built("pages/study_snr")
    folder = built()
    page = finished(folder, "pages/study_snr", repository="https://example.org/a/b", address="https://example.org/")
    assert page.find("link", rel="canonical")["href"] == "https://example.org/pages/study_snr.html"
    shown = {link.get_text(): link["href"] for link in page.footer.find_all("a")}
    assert shown["Edit this page"] == "https://example.org/a/b/edit/main/notebooks/study.md"
    places = [entry.text for entry in ElementTree.parse(folder / "sitemap.xml").iter() if entry.tag.endswith("loc")]
    assert sorted(places) == ["https://example.org/index.html", "https://example.org/pages/study_snr.html"]
    assert "https://example.org/sitemap.xml" in (folder / "robots.txt").read_text()


@pytest.mark.parametrize("more, kept", [("", False), ('<span class="math">x</span>', True)])
def test_scripts_are_there_where_they_are_needed(built, more, kept):
    scripts = [script["src"] for script in finished(built(more=more)).find_all("script")]
    assert scripts == (["mathjax.js"] if kept else [])


def test_icons_are_drawn_and_their_buttons_have_names(built):
    button = finished(built()).button
    assert button["aria-label"] == "Find" and button.svg.path["d"] == "M0 0z" and not button.i


def test_a_second_finish_changes_nothing(built):
    folder = built(more=TABLE)
    finished(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    finished(folder)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_book_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no book in"):
        finishing.finish(tmp_path, site.Site("A book"))


def test_tables_have_headers_a_caption_that_stands_and_no_blank(built):
    folder = built(more=TABLE)
    frame = finished(folder).find(class_="table-frame")
    table, caption = frame.table, frame.find(class_="table-caption")
    assert [cell["scope"] for cell in table.select("thead th")] == ["col", "col"]
    assert [cell.get_text() for cell in table.select("tbody th[scope=row]")] == ["N2N", "N2N"]
    assert table["aria-labelledby"] == caption["id"] and not table.caption and caption not in table.parents
    assert [cell.get_text() for cell in table.find_all("td")][1:] == ["1.0", "–", "2.0", "−1"]
    assert "there is no value" in frame.find(class_="table-note").get_text()
    rows = list(csv.reader((folder / "_tables/values.csv").open(encoding="utf-8")))
    assert rows == [["", "SNR [dB]", "Gap"], ["N2N", "1.0", ""], ["N2N", "2.0", "-1"]]


@pytest.mark.parametrize(
    "columns, others, kind", [(3, 6, ["interval", "whole"]), (3, 7, ["interval"]), (4, 0, ["interval"])]
)
def test_an_interval_has_an_element_of_its_own_and_few_of_them_do_not_break(built, columns, others, kind):
    cell = "<td><p><b>1.5</b> [<b>1.4</b>, <b>1.6</b>]</p></td>"
    row = f"<tr><td>N2N</td>{cell}{(columns - 1) * '<td>1.5 (1.4 to 1.6)</td>'}{others * '<td>1</td>'}</tr>"
    head_row = f"<tr>{''.join(f'<th>{n}</th>' for n in range(columns + 1 + others))}</tr>"
    folder = built(more=f"<table id='tab-values'><thead>{head_row}</thead><tbody>{row}</tbody></table>")
    intervals = finished(folder).select("td .interval")
    assert [found.get_text() for found in intervals] == ["[1.4, 1.6]"] + (columns - 1) * ["(1.4 to 1.6)"]
    assert all(found["class"] == kind for found in intervals)
    rows = list(csv.reader((folder / "_tables/values.csv").open(encoding="utf-8")))
    assert rows[1] == ["N2N"] + columns * ["1.5", "1.4", "1.6"] + others * ["1"]


def test_csv_quotes_what_it_must():
    table = BeautifulSoup("<table><tr><th>a, b</th><td>1\n2</td></tr></table>", "html.parser").table
    assert tables.as_csv(table) == '"a, b",1 2\n'


def test_a_drawing_has_two_versions_and_goes_along(built):
    caption = '<figcaption><span class="caption-number">Fig. 1 </span></figcaption>'
    more = f'<figure><img alt="A line" src="a.svg"/>{caption}</figure>'
    folder = built(more=more)
    (folder / "a.svg").write_text(DRAWING)
    figure = finished(folder).figure
    light, dark = figure.find_all("img")
    assert (light["src"], dark["src"]) == ("a.svg", "a-dark.svg")
    assert light["alt"] == dark["alt"] == "A line" and light["width"] == "96" and light["height"] == "48"
    assert (folder / "a-dark.svg").read_text() == DRAWING.replace("<svg", '<svg fill="#ffffff"').replace(
        "#000000", "#ffffff"
    )
    # The theme hides a caption that is a sibling of a hidden picture.
    assert not {light, dark} & set(figure.figcaption.find_previous_siblings())
    assert figure.find("a")["href"] == "a.svg" and figure.button.get_text() == "Enlarge Fig.\N{NO-BREAK SPACE}1"


def luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#999999"])
def test_the_colours_of_methods_are_seen_on_a_dark_ground(colour):
    """3 : 1 against the theme's ground, what WCAG asks of drawings."""
    assert (luminance(drawings.dark_colour(colour)) + 0.05) / (luminance("#121212") + 0.05) > 3


def test_descriptions_end_with_a_word():
    text = "word " * 100
    page = BeautifulSoup(f"<article><p>{text}</p></article>", "html.parser")
    assert re.fullmatch(r"(word )+word…", head.description(page)) and len(head.description(page)) <= head.LONGEST


def test_every_page_has_a_source_that_exists(root):
    about = site.Site("A book", repository="https://example.org/a/b")
    pages = ["index", "decisions", "pages/table1", "pages/study_snr", "pages/study_objects"]
    for name in pages:
        source = footer.links(about, name)["Edit this page"].partition("/edit/main/")[2]
        assert (root / source).is_file(), source
    assert "Edit this page" not in footer.links(about, "search")


def test_settings_come_from_the_environment(root):
    known = site.read(root, {"BOOK_ADDRESS": "https://example.org/book/", "BOOK_REPOSITORY": "https://example.org/a"})
    assert (known.address, known.repository) == ("https://example.org/book/", "https://example.org/a")
    assert known.licence == "MIT" and site.read(root, {}).address == ""
    with pytest.raises(ValueError, match="BOOK_ADDRESS must start with https://"):
        site.read(root, {"BOOK_ADDRESS": "example.org"})


SOURCES = """<details class="provenance"><summary>Provenance</summary><ul>
<li>Notebook: <code>notebooks/one.md</code></li>
<li>Experiments, from <code>experiments.yml</code>: <code>white</code></li>
<li>Runs: <ul><li><code>0123456789ab</code>: n2n</li><li><code>ba9876543210</code>: r2r</li></ul></li></ul>
</details>"""
RUNS = "<table><thead><tr><th>Key</th></tr></thead><tbody><tr><td>0123456789ab</td></tr></tbody></table>"


def addresses(page):
    return {link.get_text(): link["href"] for link in page.select("details.provenance a")}


def test_where_a_page_comes_from_leads_there(built):
    """To the runs that the book lists, to the experiments, and to the tables; into the repository if there is one."""
    built("pages/provenance", RUNS.replace("<td>", "<td>x</td><td>"))
    folder = built("pages/one", TABLE + SOURCES)
    found = addresses(finished(folder, "pages/one"))
    assert found.pop("one.ipynb").endswith("/pages/one.ipynb")
    assert found == {
        "white": "data.html#noise",
        "0123456789ab": "provenance.html#run-0123456789ab",
        "values.csv": "../_tables/values.csv",
    }
    listed = BeautifulSoup((folder / "pages/provenance.html").read_text(), "html.parser")
    assert listed.find(id="run-0123456789ab").get_text() == "0123456789ab"
    built("pages/one", SOURCES)
    found = addresses(finished(folder, "pages/one", repository="https://example.org/a"))
    assert found["notebooks/one.md"] == "https://example.org/a/blob/main/notebooks/one.md"
    assert found["experiments.yml"] == "https://example.org/a/blob/main/experiments.yml"


def test_an_executed_page_that_names_no_source_gets_its_notebook_and_tables(built):
    folder = built("pages/two", TABLE)
    block = finished(folder, "pages/two").find("details", class_="provenance")
    assert block.summary.get_text() == "Provenance" and "notebooks/two.md" in block.get_text()
    assert list(addresses(finished(folder, "pages/two"))) == ["two.ipynb", "values.csv"]
    assert not finished(folder).find("details", class_="provenance")
