"""Helpers of the pages: claims that fail a build, values for the prose, where numbers come from; and the API pages."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from companion import contents, pages, signatures


def test_a_false_sentence_fails_the_build_of_the_paper():
    """With the sentence in the error; what the condition is of does not matter."""
    planted = pd.Series([3.0, 1.0])
    with pytest.raises(pages.ClaimError, match="the second is larger"):
        pages.holds(planted[1] > planted[0], "the second is larger", "paper")
    with pytest.raises(pages.ClaimError):
        pages.holds((planted > 2).all(), "all are above 2", "paper")
    pages.holds(planted[0] > planted[1], "the first is larger", "paper")


@pytest.mark.parametrize("preset", ["smoke", "preview"])
def test_toy_numbers_bear_out_nothing(preset):
    pages.holds(False, "a sentence", preset)


@pytest.fixture
def glued(monkeypatch):
    """What is glued, by name."""
    found = {}
    monkeypatch.setattr("myst_nb.glue", lambda name, value, display: found.update({name: value}))
    return found


def test_values_are_glued_as_python_prints_them(glued):
    """A NumPy number is printed with its type, which no page can format."""
    pages.glue_values(a=np.float64(1.5), b=np.int64(2), c="text", d=3)
    assert {name: repr(value) for name, value in glued.items()} == {"a": "1.5", "b": "2", "c": "'text'", "d": "3"}


def test_every_number_of_a_table_is_glued(glued):
    """Under the names of its row and column; texts are left out, and levels of the index are joined."""
    frame = pd.DataFrame({"snr_db": [1.5, 2.5], "title": ["A", "B"]}, index=["n2n", "r2r"])
    pages.glue_table(frame, "best")
    assert glued == {"best_n2n_snr_db": 1.5, "best_r2r_snr_db": 2.5}
    glued.clear()
    levels = pd.MultiIndex.from_tuples([("n2n", 3)], names=["method", "harmonic"])
    pages.glue_table(pd.DataFrame({"error": [0.25]}, index=levels), "component")
    assert glued == {"component_n2n_3_error": 0.25}


def test_the_source_says_which_protocol_each_run_has(book):
    """Two trainings of one method differ in it; what does not train has none."""
    configs = [
        book.run("xspace-gaussian", "n2n", "paper"),
        book.run("xspace-gaussian", "n2n", "paper", seed=1, tuned=True),
        book.run("xspace-gaussian", "forward_n2n", "paper"),
        book.run("xspace-gaussian", "noisy", "paper"),
    ]
    record = {"training_seconds": 120.0, "device": "cpu"}
    note = pages.source_note("table1", "paper", [SimpleNamespace(config=config, record=record) for config in configs])
    assert "`notebooks/table1.md` with preset `paper`" in note
    assert "`experiments.yml`: `xspace-gaussian`\n" in note
    listed = [line for line in note.splitlines() if line.startswith("  - ")]
    assert [config.key in text for config, text in zip(configs, listed, strict=True)] == [True] * 4
    assert "paper protocol, trained in 2 min on cpu" in listed[0] and "seed" not in listed[0]
    assert "seed 1, tuned protocol" in listed[1]
    assert "forward model" in listed[2] and "protocol" not in listed[2]
    assert "trained" not in listed[3]


def test_every_claim_of_a_page_names_its_preset(root):
    """A call without it would never fail a build; ``holds`` is used on every page that compares methods."""
    for name in (
        "leaderboard_gaussian",
        "leaderboard_interference",
        "leaderboard_matrix",
        "verdicts",
        "table2",
        "study",
    ):
        text = (root / f"notebooks/{name}.md").read_text(encoding="utf-8")
        calls = re.findall(r"pages\.holds\((.*?)\)\n(?!\s)", text, re.S)
        assert calls, name
        assert all(re.search(r"preset,?\s*$", call) for call in calls), name


def test_pages_are_known_by_what_they_read(book, monkeypatch, root):
    """One per notebook and one per study; a page rests on runs that the file has."""
    monkeypatch.chdir(root)
    found = {page.name: page for page in contents.pages(book)}
    studies = {name.replace("-", "_"): study.page for name, study in book.studies.items()}
    assert {name for name in studies if name in found} == {name for name, page in studies.items() if page}
    assert "study" not in found
    for page in found.values():
        assert set(page.runs or ()) <= set(book.experiments), page.name
        assert "preset" in page.defaults, page.name
    study = found["study_snr"].parameters("elsewhere/results", "smoke", ["runs"])
    assert study["study"] == "study-snr" and study["preset"] == "smoke" and study["root"] == ["runs"]
    assert study["target"].startswith("elsewhere/results/")


def test_parameters_of_a_page_are_plain_assignments(tmp_path):
    source = tmp_path / "page.md"
    source.write_text("```{code-cell}\n:tags: [parameters]\n\ncount = 3\nprint(count)\n```\n")
    with pytest.raises(ValueError, match=r"page\.md: parameters are NAME = CONSTANT, got 'print\(count\)'"):
        _ = contents.Page("page", str(source)).defaults


@pytest.mark.parametrize("package", ["mpicore", "companion"])
def test_every_public_module_is_on_a_page_of_the_reference(root, package):
    modules = set()
    for path in (root / package).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        modules.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    pages = [path.read_text(encoding="utf-8") for path in (root / "book/reference").glob("*.md")]
    listed = re.findall(rf"^\.\. automodule:: ({package}\.\S+)$", "\n".join(pages), re.M)
    private = {name for name in modules if name.rpartition(".")[2].startswith("_")}
    assert set(listed) == modules - private - {package}
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    "types, written",
    [
        (
            "~numpy.ndarray[tuple[~typing.Any, ...], ~numpy.dtype[~numpy.float32]] | None",
            "NDArray[~numpy.float32] | None",
        ),
        ("ndarray[tuple[Any, ...], dtype[floating[Any]]]", "NDArray[floating[Any]]"),
        ("(a: int, b: ~typing.Annotated[float, Gt(gt=0), X([1, 2])] = 1.0)", "(a: int, b: float = 1.0)"),
        ("dict[Annotated[str, F(pattern='^[a-z]')], Annotated[int, Ge(1)]]", "dict[str, int]"),
        (
            "(x: ~collections._Buffer | ~a.B[dtype[Any]] | complex | bytes | str | ~a.N[complex | bytes | str])",
            "(x: ArrayLike)",
        ),
        ("(x: Sequence[int])", "(x: Sequence[int])"),
    ],
)
def test_types_are_written_as_in_the_code(types, written):
    assert signatures.written(types) == written


@pytest.mark.parametrize(
    "types, written",
    [
        ("pathlib.Path | None", "~pathlib.Path | None"),
        ("collections.abc.Mapping[str, ~typing.Any]", "~collections.abc.Mapping[str, ~typing.Any]"),
        ("numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[numpy.bool]]", "NDArray[~numpy.bool]"),
    ],
)
def test_types_of_fields_link_to_what_they_name_without_its_module(types, written):
    """Sphinx shows of ``~a.B`` the ``B``."""
    lines = ["of the file", f"   :type: {types}", "   :type of noise: white"]
    signatures._write_fields(None, "class", "a.B", object, None, lines)
    assert lines == ["of the file", f"   :type: {written}", "   :type of noise: white"]
