"""A report is one file that needs nothing else, shows texts as they are, and says what the files say."""

from html.parser import HTMLParser

import numpy as np
import pytest
from mdf_files import calibration as calibration_tables
from mdf_files import store, tables

from mpicore import imaging, mdf, recording_report, report, report_figures
from mpicore.mdf import guard, recording

pytest.importorskip("matplotlib")
V, C, P = 192, 2, 12


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def files(tmp_path):
    """A recording of four objects with noise of 1, two background frames at each end, and its calibration."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((P, C, V))
    objects = np.eye(P)[[0, 3, 5, 7]] * 8
    mask = np.array([1, 1, 0, 0, 0, 0, 1, 1], bool)
    signals = np.zeros((8, 2, C, V))
    signals[~mask] = np.tensordot(objects, columns, axes=1)[:, None]
    noisy = signals + rng.standard_normal(signals.shape)
    flags = {"/measurement/isBackgroundFrame": mask.astype(np.int8), "/study/name": "<script>alert(1)</script>"}
    before = mdf.read(store(tmp_path / "before.mdf", tables(noisy) | flags))
    after = mdf.read(store(tmp_path / "after.mdf", tables(signals) | flags))
    matrix = mdf.read(store(tmp_path / "matrix.mdf", tables(columns[:, None]) | calibration_tables((4, 3, 1))))
    return before, after, matrix


def test_the_page_holds_all_of_itself(tmp_path, files):
    before, after, matrix = files
    settings = imaging.Imaging(relative_lambda=0.1)
    images = tuple(imaging.reconstruct(one, matrix, settings) for one in (before, after))
    checked = [("1", "white noise", "holds", "flat to 0.1 dB")]
    parts = recording_report.sections(before, after, checked, [("1", "wiener: 20 dB")], images)
    report.write(tmp_path / "page.html", "Report", parts)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    sources = [found["src"] for tag, found in page.tags if tag == "img"]
    assert len(sources) == 4 and all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(found["alt"] for tag, found in page.tags if tag == "img")
    assert not [found for _, found in page.tags if "href" in found]
    for expected in ("<script>alert(1)</script>", "white noise", "wiener: 20 dB", "regularisation", "Before and after"):
        assert expected in page.text


def test_levels_are_those_of_the_signals(files):
    """Noise of 1 in the background frames, and the SNR of one period."""
    before, after, _ = files
    section = next(part for part in recording_report.sections(before) if part.title == "Signals")
    power = np.mean(after.signals()[~after.background] ** 2, axis=(0, 1, 3))
    for row, expected in zip(section.rows, power, strict=True):
        assert float(row[2]) == pytest.approx(1, rel=0.15)
        assert float(row[3].removesuffix(" dB")) == pytest.approx(10 * np.log10(expected), abs=1.5)


def test_other_shapes_are_refused(files):
    before, _, matrix = files
    with pytest.raises(ValueError, match=r"must have the shape \(8, 2, 2, 192\)"):
        recording_report.sections(before, matrix)


def test_figures_show_what_they_are_given():
    u = np.random.default_rng(0).standard_normal((3, 40))
    figure = report_figures.signals(u, 2 * u, 1e6, ("V", "A", "V"))
    assert [axis.get_ylabel() for axis in figure.axes] == ["channel 1 / V", "channel 2 / A", "channel 3 / V"]
    x, y = figure.axes[1].lines[1].get_data()
    np.testing.assert_allclose(y, 2 * u[1, :10])
    np.testing.assert_allclose(x, np.arange(10) * 1e-3)
    nothing = np.full((3, 21), np.nan)
    figure = report_figures.spectra(np.ones((3, 21)), np.ones((3, 21)), nothing, 1e3)
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 2]
    figure = report_figures.errors({0.1: 2.0, 0.01: 3.0}, 0.1)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_data(), [[0.01, 0.1], [3, 2]])
