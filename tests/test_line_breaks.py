"""Options in code, small numbers and dates: a line breaks before them, and never within."""

import pytest
from bs4 import BeautifulSoup

from companion.finishing import options, tables


def page(html):
    return BeautifulSoup(f"<article>{html}</article>", "html.parser")


def marked(html):
    tree = page(html)
    before = tree.get_text()
    options.keep(tree)
    assert tree.get_text() == before
    return [option.get_text() for option in tree.select(".option")]


def test_options_of_a_command_are_marked_and_nothing_else():
    text = "<pre>make-it run --seed 1 -o a-b.csv  # one --flag\nx = 3 - 2 -1</pre>"
    assert marked(text) == ["--seed", "-o", "--flag"]
    assert marked("<p>not --here <code><span class='pre'>--but-here</span> too</code></p>") == ["--but-here"]


def test_a_second_call_marks_nothing_again():
    tree = page("<pre><code>run --seed 1</code></pre>")
    options.keep(tree)
    once = str(tree)
    options.keep(tree)
    assert str(tree) == once and once.count('class="option"') == 1


@pytest.mark.parametrize(
    "text, whole", [("2026-11-30", True), ("1.7e-05", True), ("xspace-slow", False), ("1-D", False)]
)
def test_cells_of_one_number_or_date_stay_whole(tmp_path, text, whole):
    tree = page(f"<table><thead><tr><th>What</th></tr></thead><tbody><tr><td>{text}</td></tr></tbody></table>")
    tables.mend(tree, tmp_path, "index")
    assert ("whole" in tree.select_one("tbody th").get_attribute_list("class")) == whole


def test_a_second_row_of_the_head_goes_where_it_is_blank(tmp_path):
    """Pandas writes one for the name of an index, which may have none."""
    head = "<tr><th></th><th>SNR</th></tr><tr><th></th><th></th></tr>"
    tree = page(f"<table><thead>{head}</thead><tbody><tr><th>N2N</th><td>1</td></tr></tbody></table>")
    tables.mend(tree, tmp_path, "index")
    assert len(tree.select("thead tr")) == 1
    assert (tmp_path / "_tables/index-1.csv").read_text() == ",SNR\nN2N,1\n"
