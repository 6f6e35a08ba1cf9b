import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from companion import figures
from mpicore.network import EncoderDecoder
from mpicore.scanner import Particle, Scanner

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    figures.use_style()
    yield
    plt.close("all")


def labelled(axis):
    return axis.get_xlabel() != "" and axis.get_ylabel() != ""


def test_network_diagram_shows_the_true_dimensions():
    """Every box carries the channels and length that a real pass has, and the true number of parameters."""
    network = EncoderDecoder(8)
    texts = [text.get_text() for text in figures.network_diagram(network, 4950).axes[0].texts]
    for name, channels, length in network.dimensions(4950):
        if name != "up-sampling":
            assert f"{name}\n{channels} × {length}" in texts
    assert "input\n1 × 4950" in texts and "output\n1 × 4950" in texts
    assert f"{sum(p.numel() for p in network.parameters()):,} parameters" in texts[-1]


def test_trajectories_are_in_millimetres():
    figure = figures.trajectories({"Cartesian": Scanner.cartesian(), "Lissajous": Scanner.lissajous()})
    for axis in figure.axes:
        assert np.abs(axis.lines[0].get_xdata()).max() == pytest.approx(50)
        assert axis.get_xlabel() == "x [mm]"


def test_point_spread_is_half_its_peak_at_the_known_widths():
    """Full width at half maximum 4.161/(beta G) along x and 9.467/(beta G) along y."""
    figure = figures.point_spread(Scanner.cartesian(), Particle())
    for line, width in zip(figure.axes[1].lines[:2], (4.1610480483803, 9.46663879955036), strict=True):
        half = 1e3 * width / (Particle().beta * 0.4) / 2
        assert np.interp(half, line.get_xdata(), line.get_ydata()) == pytest.approx(0.5, abs=1e-3)


def test_odd_symmetry_draws_the_residual():
    time = np.arange(64) / 64
    figure = figures.odd_symmetry(time, np.sin(2 * np.pi * time))
    assert np.abs(figure.axes[1].lines[0].get_ydata()).max() < 1e-12


def test_images_share_one_scale():
    panels = {"a": np.eye(3), "b": 5 * np.eye(3), "c": -np.eye(3)}
    figure = figures.images(panels, columns=2, label="concentration")
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert {image.get_clim() for image in shown} == {(-1.0, 5.0)}
    assert "concentration" in [axis.get_ylabel() for axis in figure.axes]


def test_comparison_has_a_panel_per_method_and_errors():
    rng = np.random.default_rng(0)
    time, clean = np.arange(400) / 1e6, np.sin(np.arange(400) / 9)
    estimates = {method: clean + 0.1 * rng.standard_normal(400) for method in ("noisy", "proposed")}
    image = rng.random((5, 5))
    images = {"noisy": image + 0.1, "proposed": image}
    figure = figures.signals_and_images(time, clean, estimates, image, images, {"noisy": "Noisy", "proposed": "P"})
    pictures = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(pictures) == 5
    clean_panel, _, _, noisy_error, proposed_error = pictures
    assert np.array_equal(clean_panel, image / image.max())
    assert np.allclose(noisy_error, 0.1 / image.max())
    assert np.abs(proposed_error).max() == 0


def test_component_maps_are_relative_to_the_clean_maximum():
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((2, 12)) + 1j * rng.standard_normal((2, 12))
    figure = figures.component_maps({"Clean": clean, "Noisy": 2 * clean}, (3, 7), (3, 4))
    pictures = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(pictures) == 6
    for row in (0, 1):
        clean_map, noisy_map, error_map = (pictures[place] for place in (3 * row, 3 * row + 1, 3 * row + 2))
        assert clean_map.max() == pytest.approx(1)
        np.testing.assert_allclose(noisy_map, 2 * clean_map)
        np.testing.assert_allclose(error_map, clean_map)


def test_reconstructions_show_signed_errors_against_the_clean_matrix():
    objects, reference = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    figure = figures.reconstructions(objects, reference, {"Noisy": 0.5 * reference}, ["median", "worst"])
    pictures = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(pictures) == 8
    errors = [picture for picture in pictures if picture.get_clim()[0] < 0]
    assert len(errors) == 2
    for error in errors:
        np.testing.assert_allclose(error.get_array(), -0.5)


def test_learning_curves_start_at_one():
    history = pd.DataFrame({"step": [1, 2], "training_loss": [4.0, 2], "validation_loss": [5.0, 3]})
    history["learning_rate"] = 1e-3
    figure = figures.learning_curves({"x": {"n2n": history, "new": history}})
    assert figure.axes[0].lines[0].get_ydata()[0] == 1
    assert labelled(figure.axes[0])
    assert labelled(figures.training_curve(history).axes[0])


def test_spectra_are_cut_at_the_highest_frequency():
    frequency = np.linspace(0, 100e3, 101)
    figure = figures.spectra(frequency, {"clean": np.ones(101)}, highest=50e3)
    assert figure.axes[0].lines[0].get_xdata().max() == pytest.approx(50)


def test_known_methods_keep_their_colour():
    assert figures.colour("proposed") == figures.COLOURS["proposed"]
    assert figures.colour("new", 0) != figures.colour("new", 1)


def test_studies_have_a_line_or_a_row_of_points_per_method():
    rows = [
        {
            "case": case,
            "method": method,
            "title": method,
            "x": x,
            "snr_db": snr,
            "snr_db_low": snr - 1,
            "snr_db_high": snr + 1,
        }
        for x, case in enumerate("ab")
        for snr, method in ((5.0, "n2n"), (7.0, "proposed"))
    ]
    lines = figures.study(pd.DataFrame(rows), "x", "quantity [unit]").axes[0]
    assert [text.get_text() for text in lines.get_legend().get_texts()] == ["n2n", "proposed"]
    assert lines.get_xlabel() == "quantity [unit]" and "[dB]" in lines.get_ylabel()
    points = figures.cases(pd.DataFrame(rows), {"a": "first"}).axes[0]
    assert [text.get_text() for text in points.get_yticklabels()] == ["b", "first"]
    drawn = {container.get_label(): container.lines[0].get_data() for container in points.containers}
    assert drawn["proposed"][0].tolist() == [7.0, 7.0]
    assert [round(y) for y in drawn["n2n"][1]] == [1, 0]
