"""Figures: that what is drawn is what was given, in the unit that the axis says."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from companion import figures, looks
from mpicore.network import EncoderDecoder
from mpicore.scanner import Particle, Scanner

matplotlib.use("Agg")
SCANNER = Scanner.cartesian(shape=(3, 4), fov=(60e-3, 100e-3))


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
    panels = {"a": np.eye(3, 4), "b": 5 * np.eye(3, 4), "c": -np.eye(3, 4)}
    figure = figures.images(panels, 2, "concentration", SCANNER)
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert {image.get_clim() for image in shown} == {(-1.0, 5.0)}
    assert "concentration" in [axis.get_ylabel() for axis in figure.axes]


def test_maps_show_the_field_of_view_of_their_scanner():
    """In millimetres, with ticks inside it, whatever its sides are."""
    figure = figures.images({"a": np.eye(3, 4)}, 1, "concentration", SCANNER)
    axis = figure.axes[0]
    assert axis.images[0].get_extent() == pytest.approx(SCANNER.extent_mm)
    left, right, bottom, top = SCANNER.extent_mm
    assert all(left <= tick <= right for tick in axis.get_xticks())
    assert all(bottom <= tick <= top for tick in axis.get_yticks())
    assert labelled(axis) and axis.get_xlabel() == "x [mm]"


def test_comparison_has_a_panel_per_method_and_errors(book):
    rng = np.random.default_rng(0)
    clean = np.sin(np.arange(SCANNER.num_samples) / 9)
    estimates = {method: clean + 0.1 * rng.standard_normal(clean.size) for method in ("noisy", "proposed")}
    image = rng.random(SCANNER.shape)
    images = {"noisy": image + 0.1, "proposed": image}
    figure = figures.signals_and_images(
        image.T.reshape(image.shape), clean, estimates, image, images, book.methods, SCANNER
    )
    pictures = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(pictures) == 6
    clean_panel, thing, _, noisy_error, _, proposed_error = pictures
    assert np.array_equal(thing, image.T.reshape(image.shape) / image.max())
    assert np.array_equal(clean_panel, image / image.max())
    assert np.allclose(noisy_error, 0.1 / image.max())
    assert np.abs(proposed_error).max() == 0


def test_component_maps_are_relative_to_the_clean_maximum():
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((2, 12)) + 1j * rng.standard_normal((2, 12))
    figure = figures.component_maps({"Clean": clean, "Noisy": 2 * clean}, (3, 7), SCANNER)
    pictures = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(pictures) == 6
    for harmonic in (0, 1):
        clean_map, noisy_map, error_map = (pictures[place] for place in (harmonic, 2 + 2 * harmonic, 3 + 2 * harmonic))
        assert clean_map.max() == pytest.approx(1)
        np.testing.assert_allclose(noisy_map, 2 * clean_map)
        np.testing.assert_allclose(error_map, clean_map)


def test_reconstructions_show_signed_errors_against_the_clean_matrix():
    objects, reference = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    figure = figures.reconstructions(objects, reference, {"Noisy": 0.5 * reference}, ["median", "worst"], SCANNER)
    pictures = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(pictures) == 8
    errors = [picture for picture in pictures if picture.get_clim()[0] < 0]
    assert len(errors) == 2
    for error in errors:
        np.testing.assert_allclose(error.get_array(), -0.5)


def test_a_training_is_drawn_over_its_steps():
    history = pd.DataFrame({"step": [1, 2], "training_loss": [4.0, 2], "validation_loss": [5.0, 3]})
    upper, lower = figures.training_curve(history.assign(learning_rate=1e-3)).axes
    assert labelled(lower) and upper.get_ylabel() == "loss per sample"
    assert [line.get_ydata().tolist() for line in upper.lines] == [[4, 2], [5, 3]]


def test_spectra_are_cut_at_the_highest_frequency():
    frequency = np.linspace(0, 100e3, 101)
    figure = figures.spectra(frequency, {"clean": np.ones(101)}, highest=50e3)
    assert figure.axes[0].lines[0].get_xdata().max() == pytest.approx(50)


@pytest.mark.parametrize("group", ["knows no scanner", "a group that nobody has told of"])
def test_leaderboards_draw_groups_that_they_do_not_know(group, book):
    """A point per row at its SNR, the first row on top; a printed value has no interval."""
    rows = pd.DataFrame(
        {
            "method": ["of nobody", "n2n"],
            "title": ["first", "second"],
            "group": [group, "printed in the paper"],
            "snr_db": [7.0, 5.0],
            "snr_db_low": [6.5, np.nan],
            "snr_db_high": [7.5, np.nan],
        }
    )
    axis = figures.leaderboard(rows, book.methods).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["second", "first"]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines]
    assert drawn == [([5.0], [0]), ([6.5, 7.5], [1, 1]), ([7.0], [1])]


def test_averages_show_where_denoised_matrices_stand(book):
    averaged = pd.DataFrame({"averages": [1, 4], "snr_db": [5.0, 11.0], "psnr_db": [38.0, 44.0]})
    figure = figures.averages(averaged, {"dct_wiener": {"snr_db": 9.0, "psnr_db": 43.0}}, book.methods)
    for axis, column in zip(figure.axes, ("snr_db", "psnr_db"), strict=True):
        curve, line = axis.lines
        assert curve.get_ydata().tolist() == averaged[column].tolist()
        assert line.get_ydata()[0] == {"snr_db": 9.0, "psnr_db": 43.0}[column]
        assert labelled(axis)


def test_losses_have_a_row_per_method_and_a_colour_per_kind():
    rows = [
        {"title": title, "kind": kind, "loss_db": loss, "loss_db_low": loss - 1, "loss_db_high": loss + 2}
        for title, kind, loss in (("N2N", "a", 1.0), ("N2N", "b", 2.0), ("Wiener", "a", 3.0), ("Wiener", "b", 4.0))
    ]
    axis = figures.losses(pd.DataFrame(rows)).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["N2N", "Wiener"]
    drawn = {container.get_label(): container.lines[0].get_data() for container in axis.containers}
    assert drawn["a"][0].tolist() == [1, 3] and [round(y) for y in drawn["b"][1]] == [0, -1]
    assert axis.containers[0].lines[2][0].get_segments()[0][:, 0].tolist() == [0, 3]
    assert "[dB]" in axis.get_xlabel()


def test_conditions_have_a_panel_per_regularisation_and_no_point_at_infinity(book):
    rows = [
        {"condition": name, "relative_lambda": strength, "title": title, "method": title, "psnr_db": value}
        for strength in (3.0, 0.01)
        for name, title, value in (("clean", "exact", np.inf), ("clean", "N2N", 40.0), ("noisy", "N2N", 30.0))
    ]
    axes = figures.conditions(pd.DataFrame(rows), book.methods).axes
    assert [axis.get_title() for axis in axes] == ["relative λ = 3", "relative λ = 0.01"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["clean", "noisy"]
    for axis in axes:
        drawn = {line.get_label(): line.get_xdata().tolist() for line in axis.lines}
        assert drawn == {"exact": [], "N2N": [40, 30]}
        assert "[dB]" in axis.get_xlabel()


def test_distributions_have_one_scale_per_object():
    objects = np.stack([np.eye(3, 4), 5 * np.eye(3, 4)])
    figure = figures.distributions(objects, {"estimate": 2 * objects}, ["median", "worst"], SCANNER)
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert [image.get_clim() for image in shown] == [(0, 1), (0, 1), (0, 5), (0, 5)]
    assert np.array_equal(shown[1].get_array(), 2 * np.eye(3, 4))
    ends = [end for axis in figure.axes for end in axis.patches]
    assert len(ends) == 4 and all(end.get_rasterized() for end in ends)


def test_studies_have_a_line_or_a_row_of_points_per_method(book):
    rows = [
        {
            "case": case,
            "case_title": {"a": "first", "b": "b"}[case],
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
    lines = figures.study(pd.DataFrame(rows), book.methods, "x", "quantity [unit]")
    assert [text.get_text() for text in lines.legends[0].get_texts()] == ["n2n", "proposed"]
    axis = lines.axes[0]
    assert axis.get_xlabel() == "quantity [unit]" and "[dB]" in axis.get_ylabel()
    points = figures.cases(pd.DataFrame(rows), book.methods).axes[0]
    assert [text.get_text() for text in points.get_yticklabels()] == ["b", "first"]
    for name, snr in (("n2n", 5.0), ("proposed", 7.0)):
        shown = [line for line in points.lines if line.get_marker() == looks.look(book.methods, name).marker]
        drawn = [(line.get_xdata()[0], round(line.get_ydata()[0])) for line in shown if len(line.get_xdata())]
        assert drawn == [(snr, 1), (snr, 0)]
        (line,) = (line for line in axis.lines if line.get_label() == name)
        assert line.get_ydata().tolist() == [snr, snr]
        assert line.get_color() == shown[0].get_color() == looks.look(book.methods, name).colour
