"""The figures that open the pages of results: that what is drawn is what was measured."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from companion import analyses, figures, figures_results, leaderboard, looks, pages
from mpicore.scanner import Scanner

matplotlib.use("Agg")
SCANNER = Scanner.cartesian(shape=(3, 4), fov=(60e-3, 100e-3))


@pytest.fixture(autouse=True)
def close_figures():
    figures.use_style()
    yield
    plt.close("all")


def points(axis, marker):
    """Coordinates and face of every single point with a marker."""
    found = [line for line in axis.lines if line.get_marker() == marker and len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_markerfacecolor()) for line in found]


def test_a_result_shows_what_is_printed_each_protocol_and_the_best(book):
    rows = [
        {"method": method, "protocol": protocol, "snr_db": snr, "snr_db_low": snr - 1, "snr_db_high": snr + 1}
        | {"paper_snr_db": printed}
        for protocol, add in (("paper", 0.0), ("tuned", 2.0))
        for method, snr, printed in (("n2n", 20.0 + add, 16.5), ("proposed", 21.0 + add, np.nan))
    ]
    best = pd.Series({"snr_db": 28.0, "snr_db_low": 27.5, "snr_db_high": 28.5}, name="forward_n2n")
    axis = figures_results.result(pd.DataFrame(rows), best, book.methods).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["N2N through the\nforward model", "Proposed", "N2N"]
    colour = looks.look(book.methods, "n2n").colour
    assert points(axis, "o") == [(20.0, 1.0, "none"), (22.0, 1.0, colour)]
    assert [found[:2] for found in points(axis, "^")] == [(21.0, 2.0), (23.0, 2.0)]
    assert [found[:2] for found in points(axis, "D")] == [(28.0, 3.0)]
    assert [found[0] for found in points(axis, "|")] == [16.5, 16.5]
    bars = [tuple(map(float, line.get_xdata())) for line in axis.lines if line.get_marker() == "None"]
    assert (27.5, 28.5) in bars and (19.0, 21.0) in bars
    assert "[dB]" in axis.get_xlabel()


def test_terms_stand_over_the_spread_of_the_seeds(book):
    table = pd.DataFrame({"method": ["l1", "proposed"], "snr_db": [22.0, 23.0]})
    table = table.assign(snr_db_low=table["snr_db"] - 0.1, snr_db_high=table["snr_db"] + 0.1)
    axis = figures_results.terms(table, [22.9, 23.2, 23.1], book.methods).axes[0]
    assert points(axis, "o")[0][:2] == (22.0, 2.0) and points(axis, "^")[0][:2] == (23.0, 1.0)
    (band,) = axis.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((22.9, 23.2))


def test_claims_are_drawn_at_both_differences():
    judged = pd.DataFrame({"claim": ["a", "b"], "paper": [4.0, 5.0], "measured": [-0.1, 6.0]})
    judged = judged.assign(low=judged["measured"] - 1, high=judged["measured"] + 1, verdict=["x", "y"])
    axis = figures_results.claims(judged, 0.3).axes[0]
    assert [found[:2] for found in points(axis, "|")] == [(4.0, 2.0), (5.0, 1.0)]
    assert [found[:2] for found in points(axis, "o")] == [(-0.1, 2.0), (6.0, 1.0)]
    assert [text.get_text() for text in axis.texts] == ["a (x)", "b (y)"]
    assert axis.patches[0].get_width() == pytest.approx(0.6)


def test_findings_show_errors_against_the_clean_image(tmp_path):
    clean = np.arange(1.0, 13).reshape(3, 4)
    figure = figures_results.findings(2 * np.eye(3, 4), clean, {"a": clean, "b": clean - 3}, SCANNER)
    shown = [axis.images[0].get_array() for axis in figure.axes]
    np.testing.assert_allclose(shown[0], np.eye(3, 4))
    np.testing.assert_allclose(shown[3], clean / 12)
    np.testing.assert_allclose(shown[4], 0)
    np.testing.assert_allclose(shown[5], 3 / 12)
    pages.save_picture(figure, tmp_path / "a.png", "key")
    assert Image.open(tmp_path / "a.png").text["Source"] == "key"


def test_objects_share_one_scale():
    figure = figures_results.objects({"a": np.ones((2, 3, 4)), "b": 5 * np.ones((2, 3, 4))}, SCANNER)
    assert {axis.images[0].get_clim() for axis in figure.axes} == {(0.0, 5.0)}
    assert [axis.get_ylabel() for axis in figure.axes] == ["a", "", "b", ""]


def test_learning_curves_go_from_one_to_zero(book):
    """The scale is that of the validation loss, for the training loss as well."""
    run = pd.DataFrame({"step": [1000, 2000, 3000], "validation_loss": [5.0, 3.0, 4.0], "training_loss": [6.0, 4, 2]})
    left = figures_results.still_to_come(run)
    assert left["validation_loss"].tolist() == [1.0, 0.0, 0.5] and left["training_loss"].tolist() == [1.5, 0.5, -0.5]
    runs = pd.concat([run.assign(experiment="x", method=name, protocol="tuned") for name in ("n2n", "r2r")])
    drawn = figures_results.learning_curves(runs, book.methods, {"x": "white noise"})
    for axis, name in zip(drawn.axes, ("n2n", "r2r"), strict=True):
        assert axis.lines[1].get_color() == looks.look(book.methods, name).colour
        assert axis.lines[1].get_data()[1].tolist() == [1.0, 0.0, 0.5]


def test_the_chosen_method_has_seen_one_period_and_nothing_clean():
    rows = pd.DataFrame(
        {
            "periods": [1, 2, 1, 1, 1],
            "group": ["knows no scanner", "knows the scanner", "ceiling: needs clean signals", "x", "x"],
            "validation_error": [0.3, 0.1, 0.1, 0.2, np.nan],
        },
        index=["a", "b", "c", "d", "e"],
    )
    assert leaderboard.chosen(rows).name == "d"
    with pytest.raises(ValueError, match="no method has an error"):
        leaderboard.chosen(rows.loc[["b", "c", "e"]])


def test_the_readme_shows_the_picture_of_the_current_runs(book, root):
    """It says which; where a build of the paper's sizes is here, its picture is the same one."""
    committed = Image.open(root / "book/findings.png")
    key = analyses.key("findings", book, "paper")
    assert committed.text["Source"] == key
    assert (root / "book/findings.png").stat().st_size < 150_000
    assert "](book/findings.png)" in (root / "README.md").read_text(encoding="utf-8")
    built = root / "results/tables/findings.png"
    if built.exists() and Image.open(built).text["Source"] == key:
        one, other = (np.asarray(image.convert("RGB"), float) for image in (committed, Image.open(built)))
        assert one.shape == other.shape and np.abs(one - other).mean() < 2
