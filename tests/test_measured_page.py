"""The page on measured signals, executed without the files and with small ones of the same layout."""

import re

import measured_files
import nbformat
import pandas as pd
import pytest

from companion import contents, measured_data, notebooks, pages

SOURCE = "notebooks/measured_signals.md"


@pytest.fixture
def executed(tmp_path, root, monkeypatch):
    """Execute the page at smoke size, where what it says of the real files is not asserted."""
    monkeypatch.chdir(root)

    def run(**values):
        target, table = tmp_path / "page.ipynb", tmp_path / "chains.csv"
        tables = {"files_table": str(tmp_path / "files.csv"), "chains_table": str(table)}
        notebooks.execute(SOURCE, target, {"preset": "smoke", **tables, **values})
        notebooks.check_executed(target)
        outputs = [o for c in nbformat.read(target, 4).cells if c.cell_type == "code" for o in c.outputs]
        return outputs, pd.read_csv(table)

    return run


def texts(outputs):
    return [o.data["text/markdown"] for o in outputs if "text/markdown" in o.get("data", {})]


def images(outputs):
    return [o for o in outputs if "image/svg+xml" in o.get("data", {})]


def test_without_the_files_it_says_so_in_one_sentence_and_is_whole(executed, tmp_path):
    outputs, chains = executed(measured=str(tmp_path / "nothing"))
    (text,) = texts(outputs)
    assert text.strip().count(".") == 1 and "have not been downloaded" in text
    assert not images(outputs) and {o.output_type for o in outputs} == {"execute_result"}
    assert len(chains) == 5 and not chains["Chain"].str.contains("measured").any()


def test_with_files_it_shows_every_figure_once_and_tells_the_delay(executed, tmp_path):
    """The oracle is the delay that the files were made with; the chain is nothing else."""
    (tmp_path / "source").mkdir()
    names = measured_files.write(tmp_path / "source")
    kept = tmp_path / "kept"
    measured_data.download(kept, str(tmp_path / "source"), names)
    outputs, chains = executed(measured=str(kept), files_list=str(names))
    assert len(texts(outputs)) == 6 and len(images(outputs)) == 5
    odd = next(text for text in texts(outputs) if "After one delay" in text)
    samples, delayed, lines = (
        float(re.search(pattern, odd)[1])
        for pattern in (r"delay of ([\d.]+) samples", r"µs, ([\d.]+) % is odd", r"per line it is ([\d.]+) %")
    )
    assert samples == pytest.approx(measured_files.DELAY * measured_files.RATE, abs=0.05)
    assert delayed > 99.8 and lines > 99.8
    assert chains["Chain"].str.contains("measured").sum() == 3


def test_figures_of_the_page_have_the_cells_that_draw_them(root):
    """A cell with a label draws its figure by assignment: as its last value it would be shown twice."""
    text = (root / SOURCE).read_text(encoding="utf-8")
    assert (
        text.count("    name: fig-measured-") == len(re.findall(r"^    figure = figures_measured\.", text, re.M)) == 5
    )


def test_every_text_of_the_page_is_declared_and_used(root, book, monkeypatch):
    monkeypatch.chdir(root)
    used = set(re.findall(r"book/measured/\w+\.md", (root / SOURCE).read_text(encoding="utf-8")))
    there = {path.relative_to(root).as_posix() for path in (root / "book/measured").iterdir()}
    assert used == there == set(contents.FILES["measured_signals"])
    (page,) = (page for page in contents.pages(book) if page.name == "measured_signals")
    assert page.reads("results") == ["book/measured_files.csv"]
    assert page.writes("results") == ["results/tables/measured-files.csv", "results/tables/measured-chains.csv"]


def test_values_stand_in_a_text_with_their_format(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("@a:.1f@ % of @b@, $x_1$, someone@example.org and {mod}`m`.")
    assert pages.prose(path, a=1.26, b="all") == "1.3 % of all, $x_1$, someone@example.org and {mod}`m`."
    with pytest.raises(ValueError, match=r"text\.md names b, and given are a"):
        pages.prose(path, a=1.0)
