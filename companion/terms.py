"""Links to the glossary: each page's first use of a term leads to where it is explained. A Sphinx extension.

Which words are terms is said in one place, the glossary of the page *Words and measures*. So no page has to name them,
and none can be forgotten. The rule:

- A term with a capital letter or a space, such as *SNR* or *object error*, is linked where running text uses it first.
- A single small word, such as *gap*, also has its everyday meaning: it is linked where it is first emphasised.

Headings, captions, tables, code, links, the API and the page of the glossary itself are left alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]

#: What running text does not lie in.
_APART: tuple[type[nodes.Node], ...] = (
    nodes.title,
    nodes.caption,
    nodes.table,
    nodes.figure,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.Admonition,
    nodes.citation,
)
#: The same by the names of classes that Sphinx and its extensions define.
_APART_NAMES = frozenset({"desc", "glossary", "pending_xref", "download_reference", "toctree"})


def is_abbreviation(term: str) -> bool:
    """Whether a term is an abbreviation: two capitals or digits in one word.

    Example:
        >>> [term for term in ("SNR", "N2N", "Lissajous trajectory", "gap") if is_abbreviation(term)]
        ['SNR', 'N2N']
    """
    return " " not in term and len(re.findall(r"[A-Z0-9]", term)) >= 2


def link(document: nodes.Element, terms: Mapping[str, str]) -> set[str]:
    """Make the first use of each term in a document a link, in place.

    Args:
        document: of one page.
        terms: address of the explanation of each term.

    Returns:
        The terms that were linked.
    """
    plain = {term: address for term, address in terms.items() if " " in term or term != term.lower()}
    waiting, done = dict(terms), set()
    for text in list(_texts(document)):
        parent = text.parent
        if isinstance(parent, nodes.emphasis):
            # A line break in the source makes several texts of it; the whole is one term, or none.
            whole = " ".join(parent.astext().split())
            term = _spelled(whole, waiting)
            if term is not None:
                done.add(term)
                parent.replace_self(_reference(whole, term, waiting.pop(term), nodes.emphasis))
            continue
        pieces = list(_split(text.astext(), {term: plain[term] for term in waiting if term in plain}, waiting.pop))
        if any(isinstance(piece, nodes.reference) for piece in pieces):
            done |= {piece["reftitle"] for piece in pieces if isinstance(piece, nodes.reference)}
            parent.replace(text, pieces)
    return done


def _split(text: str, terms: dict[str, str], use: Callable[[str], str]) -> Iterator[nodes.Node]:
    """The text in pieces, in which the first use of each term is a reference."""
    while terms:
        # Of two terms that start at one place the longer one is meant.
        words = "|".join(map(_pattern, sorted(terms, key=len, reverse=True)))
        found = re.search(rf"(?<![\w-])(?:{words})(?![\w-])", text)
        term = _spelled(found[0], terms) if found else None
        if found is None or term is None:
            break
        if found.start():
            yield nodes.Text(text[: found.start()])
        yield _reference(found[0], term, use(term), nodes.inline)
        del terms[term]
        text = text[found.end() :]
    if text:
        yield nodes.Text(text)


def _pattern(term: str) -> str:
    """A term of small letters may start a sentence; all have a plural."""
    first, rest = re.escape(term[0]), re.escape(term[1:])
    return f"[{first}{first.upper()}]{rest}s?" if first.islower() else f"{first}{rest}s?"


def _spelled(word: str, terms: Mapping[str, str]) -> str | None:
    """The term that a word is."""
    written = (word, word[:1].lower() + word[1:])
    return next(
        (term for term in (*written, *(spelled.removesuffix("s") for spelled in written)) if term in terms), None
    )


def _reference(word: str, term: str, address: str, kind: type[nodes.TextElement]) -> nodes.reference:
    reference = nodes.reference("", "", kind("", word), internal=True, refuri=address, reftitle=term)
    reference["classes"].append("term")
    return reference


def _texts(document: nodes.Element) -> Iterator[nodes.Text]:
    """Running text: the paragraphs, in the order of the page."""
    for paragraph in document.findall(nodes.paragraph):
        for text in paragraph.findall(nodes.Text):
            if not any(_apart(around) for around in _around(text)):
                yield text


def _around(node: nodes.Node) -> Iterator[nodes.Node]:
    while (parent := node.parent) is not None:
        yield parent
        node = parent


def _apart(node: nodes.Node) -> bool:
    return isinstance(node, _APART) or type(node).__name__ in _APART_NAMES


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _link(app: Any, document: nodes.document, page: str) -> None:
    known = {
        name: (where, anchor)
        for name, _, kind, where, anchor, _ in app.env.get_domain("std").get_objects()
        if kind == "term" and where != page
    }
    link(document, {name: f"{app.builder.get_relative_uri(page, where)}#{to}" for name, (where, to) in known.items()})
