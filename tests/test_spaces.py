"""A line break parts no number from its unit or sign, and nothing but spaces and hyphens of numbers changes."""

import pytest
from bs4 import BeautifulSoup

from companion.finishing import spaces

NO_BREAK = spaces.NO_BREAK


def kept(html):
    page = BeautifulSoup(html, "html.parser")
    spaces.keep(page)
    return page


@pytest.mark.parametrize(
    "text",
    [
        "5 dB",
        "95 %",
        "25\nkHz",
        "0.4 T/m",
        "2 µs",
        "t = 0",
        "x ≥ −3",
        "0.1 ± 0.2",
        "Table 1",
        "eq. 8",
        "12 GiB",
        "T − t",
    ],
)
def test_a_number_stays_with_what_belongs_to_it(text):
    together = spaces.together(f"a {text} b")
    assert len(together) == len(f"a {text} b")
    assert not any(character in " \n" for character in together[2:-2])


@pytest.mark.parametrize(
    "text",
    [
        "5 signals",
        "5 to 7",
        "5 sets",
        "a - b",
        "1e-3",
        "2026-11-30",
        "x-1",
        "5 times",
        "Tables 1",
        "the = sign",
        "[3, 4]",
    ],
)
def test_other_words_and_hyphens_stay(text):
    assert spaces.together(f"a {text} b") == f"a {text} b"


def test_a_glued_number_keeps_its_unit_and_gets_a_minus():
    page = kept('<p>by <strong><span class="pasted-text">-0.1</span></strong> dB on 3\n<em>signals</em></p>')
    assert page.p.decode_contents().startswith("by <strong>")
    assert page.get_text() == f"by −0.1{NO_BREAK}dB on 3\nsignals"


def test_neither_code_nor_mathematics_nor_the_space_between_blocks_changes():
    html = '<p><code>-1 dB = 2 dB</code> <span class="math">\\(x = -1\\)</span></p><tr><td>5</td>\n<td>%</td></tr>'
    assert str(kept(html)) == html


def test_only_spaces_and_hyphens_change_and_a_second_call_changes_nothing():
    page = kept("<ul><li><p>5 dB</p></li> <li>at t = -2 s, and <b>7</b> %</li></ul><!-- 5 dB -->")
    once = str(page)
    spaces.keep(page)
    assert str(page) == once
    assert once.replace(NO_BREAK, " ").replace("−", "-") == (
        "<ul><li><p>5 dB</p></li> <li>at t = -2 s, and <b>7</b> %</li></ul><!-- 5 dB -->"
    )


def test_an_interval_stays_in_one_line_but_for_a_cell():
    page = kept("<p>by 0.2 [<b>-0.1</b>, <b>0.5</b>] dB</p><table><tr><td>0.2 [-0.1, 0.5]</td></tr></table>")
    assert page.p.get_text() == f"by 0.2 [−0.1,{NO_BREAK}0.5] dB"
    assert page.td.get_text() == "0.2 [−0.1, 0.5]"
