"""The entry for BibTeX says what ``CITATION.cff`` says."""

from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_string

from companion import citation

ROOT = Path(__file__).resolve().parents[1]
FACTS = {
    "title": "tool: what it does",
    "authors": [{"name": "The Group"}],
    "version": "1.2.0",
    "date-released": "2026-01-02",
}


def entry(tmp_path, **changes):
    path = tmp_path / "CITATION.cff"
    path.write_text(yaml.safe_dump({k: v for k, v in (FACTS | changes).items() if v is not None}))
    (found,) = parse_string(citation.bibtex(path), "bibtex").entries.items()
    return found


def test_the_facts_arrive(tmp_path):
    """Read by another program: pybtex, which the bibliography of the book uses."""
    people = [{"family-names": "Doe", "given-names": "Ann B."}, {"name": "The Group"}]
    key, found = entry(tmp_path, authors=people, **{"repository-code": "https://example.org/x", "license": "MIT"})
    assert key == "tool2026" and found.original_type == "software"
    assert [str(person) for person in found.persons["author"]] == ["Doe, Ann B.", "{The Group}"]
    assert found.fields["title"] == "{tool: what it does}"
    assert found.fields["url"] == "https://example.org/x" and found.fields["note"] == "MIT licence"
    assert (found.fields["version"], found.fields["year"]) == ("1.2.0", "2026")


def test_what_is_not_known_is_left_out(tmp_path):
    _, found = entry(tmp_path)
    assert set(found.fields) == {"title", "version", "year"}


@pytest.mark.parametrize("name", ["title", "authors", "version", "date-released"])
def test_a_missing_fact_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=f"it lacks {name}"):
        entry(tmp_path, **{name: None})


def test_a_file_that_is_no_yaml_is_one_line(tmp_path):
    path = tmp_path / "CITATION.cff"
    path.write_text("title: [x\n")
    with pytest.raises(ValueError, match="is not valid YAML") as caught:
        citation.bibtex(path)
    assert "\n" not in str(caught.value)


def test_the_own_citation_is_whole():
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (found,) = parse_string(citation.bibtex(ROOT / "CITATION.cff"), "bibtex").entries.values()
    assert found.fields["title"] == f"{{{facts['title']}}}" and found.fields["version"] == facts["version"]
    assert facts["license"] in found.fields["note"]
