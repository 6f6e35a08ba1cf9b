"""Links to the glossary, on small pages; and that the glossary has what the book uses."""

import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from companion import terms

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = {
    "SNR": "words.html#SNR",
    "PSNR": "words.html#PSNR",
    "object error": "words.html#error",
    "gap": "words.html#gap",
}


def linked(text, known=GLOSSARY):
    """The words of a page that are links, in the order of the page, each with its address."""
    page = publish_doctree(text, settings_overrides={"report_level": 5})
    before = page.astext()
    found = terms.link(page, known)
    assert page.astext() == before
    references = list(page.findall(nodes.reference))
    assert len(references) == len(found)
    return [(reference.astext(), reference["refuri"]) for reference in references]


def test_the_first_use_of_each_term_is_a_link_and_no_other():
    text = "The PSNR and the SNR, in that order.\n\nThe SNR again, and the PSNR. The object error, the object error."
    assert linked(text) == [
        ("PSNR", "words.html#PSNR"),
        ("SNR", "words.html#SNR"),
        ("object error", "words.html#error"),
    ]


def test_a_term_may_start_a_sentence_and_is_a_whole_word():
    assert linked("Object errors. An SNRx, an XSNR, an SNR-like thing.") == [("Object errors", "words.html#error")]


def test_a_small_word_is_a_term_only_where_it_is_emphasised():
    assert linked("A gap in a vessel.\n\nThe *gap* is a difference, and a *dip* is not.") == [("gap", "words.html#gap")]
    assert linked("The *SNR* is a ratio.") == [("SNR", "words.html#SNR")]


@pytest.mark.parametrize("words, expected", [(["object", "\n", "error"], "object error"), (["no", "\n", "gap"], None)])
def test_emphasised_words_across_a_line_break_stay_together(words, expected):
    """MyST makes a text of each line: no word is lost, and a part of them is not taken for the whole."""
    emphasised = nodes.emphasis("", "", *map(nodes.Text, words))
    page = nodes.paragraph("", "", emphasised)
    found = terms.link(page, GLOSSARY)
    assert page.astext().split() == words[::2] and found == ({expected} if expected else set())


@pytest.mark.parametrize(
    "apart", ["SNR\n===\n", "``SNR``\n", "::\n\n  SNR\n", "=== ===\nSNR SNR\n=== ===\n", "`SNR <there.html>`_\n"]
)
def test_headings_code_tables_and_links_are_left_alone(apart):
    page = publish_doctree(f"{apart}\nText.\n\nThe SNR.", settings_overrides={"report_level": 5})
    assert terms.link(page, GLOSSARY) == {"SNR"}
    (made,) = [reference for reference in page.findall(nodes.reference) if "term" in reference["classes"]]
    assert made.parent.astext() == "The SNR."


def test_of_two_terms_at_one_place_the_longer_one_is_meant():
    known = {"N2N": "a", "N2N through the forward model": "b"}
    assert linked("N2N through the forward model is N2N.", known) == [
        ("N2N through the forward model", "b"),
        ("N2N", "a"),
    ]


def glossary():
    """The terms of the glossary, as its page spells them."""
    page = (ROOT / "book/words.md").read_text(encoding="utf-8")
    bodies = re.findall(r"^:{3,}\{glossary\}\n(.*?)^:{3,}$", page, re.M | re.S)
    return [line for body in bodies for line in body.splitlines() if line and not line.startswith((" ", ":"))]


def test_every_abbreviation_of_the_book_is_in_the_glossary():
    """Words of capitals, less names of formats, of programs and of what is written out beside them."""
    known = set(glossary())
    assert {"SNR", "SIR", "RMSE", "PSNR", "SSIM", "N2N", "R2R", "FFP", "FOV", "MDF", "SURE", "UNSURE"} <= known
    names = {
        "API",
        "CPU",
        "GB",
        "CUDA",
        "CSV",
        "DOI",
        "GPU",
        "JSON",
        "MIT",
        "PNG",
        "SHA",
        "SVG",
        "YAML",
        "TOML",
        "URL",
        "PDF",
    }
    found = {}
    for path in [*(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\A---\n.*?^---$", "", text, flags=re.M | re.S)
        text = re.sub(r"^(`{3,}|:{3,}).*?^\1$", "", text, flags=re.M | re.S)  # code, tables, displays
        text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
        text = re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|^#.*$", "", text, flags=re.M)
        for word in re.findall(r"(?<![\w./-])[A-Z][A-Z0-9]*[A-Z0-9](?![\w/-])", text):
            if terms.is_abbreviation(word) and word not in known | names:
                found.setdefault(word, path.name)
    assert not found
