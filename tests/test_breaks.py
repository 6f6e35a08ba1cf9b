"""Where lines may break: words with one letter before a hyphen, formulas with what closes them, and long names."""

import pytest
from bs4 import BeautifulSoup

from companion.finishing import breaks


def kept(html):
    page = BeautifulSoup(f"<article>{html}</article>", "html.parser")
    breaks.keep(page)
    return page


@pytest.mark.parametrize("text, whole", [("an x-space image", ["x-space"]), ("2e-3 and 1.5e-13.", ["2e-3", "1.5e-13"])])
def test_a_word_that_would_break_after_one_letter_stays_whole(text, whole):
    page = kept(f"<p>{text}</p>")
    assert [found.get_text() for found in page.select(".whole")] == whole and page.get_text() == text


@pytest.mark.parametrize("html", ["<p>a held-out pair</p>", "<p>2026-11-30</p>", "<pre>x-space 1e-3</pre>"])
def test_other_words_and_code_stay_as_they_are(html):
    assert str(kept(html).article) == f"<article>{html}</article>"


def test_a_formula_stays_with_what_closes_it():
    page = kept('<p>from <span class="math">u</span>). With <span class="math">v</span> and</p>')
    assert [found.get_text() for found in page.select(".whole")] == ["u)."]
    assert page.get_text() == "from u). With v and"


def test_in_the_list_of_contents_every_name_breaks_at_its_dots():
    page = kept('<nav class="bd-sidebar-secondary"><code><span class="pre">mpicore.mdf.tree</span></code></nav>')
    assert page.get_text() == "mpicore.mdf.tree" and len(page.find_all("wbr")) == 2


def test_a_long_name_of_code_breaks_at_its_dots():
    name = "mpicore.denoisers.image_network.ForwardNoise2Noise()"
    page = kept(f'<code><span class="pre">{name}</span></code> <code><span class="pre">mpicore.mdf</span></code>')
    assert page.get_text() == f"{name} mpicore.mdf" and len(page.find_all("wbr")) == 3


def test_a_second_call_changes_nothing():
    page = kept(f'<p>x-space <span class="math">u</span>.</p><code><span class="pre">{"a." * 20}b</span></code>')
    once = str(page)
    breaks.keep(page)
    assert str(page) == once
