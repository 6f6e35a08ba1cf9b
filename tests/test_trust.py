"""What may be trusted: the analyses on denoisers whose answers are known, the identity and a factor."""

from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from companion import figures, figures_trust, runs
from companion.analyses import registry, trust
from companion.config import RunName
from companion.setup import Setup
from mpicore.scanner import Scanner

matplotlib.use("Agg")
GAIN = 0.5


@pytest.fixture(scope="module")
def sources(tiny):
    """The noisy signal, and half of it: as sources of an analysis."""
    config = tiny("xspace-gaussian", "noisy", sizes=(8, 40, 6))
    setup = Setup(config)
    return [
        SimpleNamespace(name=RunName("xspace-gaussian", name), config=config, setup=setup, fitted=made)
        for name, made in (
            ("noisy", SimpleNamespace(denoise=lambda u: u.astype(np.float32))),
            ("half", SimpleNamespace(denoise=lambda u: (GAIN * u).astype(np.float32))),
        )
    ]


@pytest.fixture
def measured(sources):
    """Compute an analysis of the list for these sources, with some of its settings changed."""

    def compute(name, **changes):
        entry = registry._registry[name]
        found = entry.function(sources, **entry.settings | changes)
        return found[0] if entry.arrays else found

    return compute


def test_a_factor_changes_every_amplitude_by_itself(measured):
    """In noise of one level the amplitude is the factor, its scatter that of a projection, and noise alone is g^2."""
    table = measured("trust-amplitude", levels_db=(-10.0, 0.0, 10.0), objects=6, draws=40, silent=40)
    heard = table[~np.isneginf(table["level_db"])].set_index(["method", "level_db"])
    for method, gain in (("noisy", 1.0), ("half", GAIN)):
        for level in (-10.0, 0.0, 10.0):
            row = heard.loc[(method, level)]
            assert row["snr_db"] == 5 + level
            expected = gain * 10 ** (-(5 + level) / 20) / np.sqrt(4950)
            assert row["amplitude"] == pytest.approx(gain, abs=5 * expected / np.sqrt(240))
            assert row["noise_spread"] == pytest.approx(expected, rel=0.2)
            power = gain**2 + (1 - gain) ** 2 * 10 ** ((5 + level) / 10)
            assert row["error_db"] == pytest.approx(10 * np.log10(power), abs=0.1)
    alone = table[np.isneginf(table["level_db"])].set_index("method")["error_db"]
    np.testing.assert_allclose(alone[["noisy", "half"]], [0, 20 * np.log10(GAIN)], atol=0.05)


def test_a_factor_sees_what_the_noisy_signal_sees(measured):
    """With thresholds on noise alone nothing else can be; the known signal is seen at its signal-to-noise ratio."""
    # N times the SNR is the squared distance of the projection with a dot from that without, in units of its noise.
    level = float(10 * np.log10(2.326**2 / 4950))
    table = measured("trust-detection", levels_db=(-60.0, level, 0.0), averages=(4,), checked=600, draws=6)
    seen = table.pivot(index=["rule", "snr_db"], columns="method", values="seen")
    np.testing.assert_allclose(seen["half"], seen["noisy"], atol=1e-9)
    assert seen["noisy"][("projection", level)] == pytest.approx(0.5, abs=0.3)
    assert seen["average4"][("projection", level)] > 0.8
    assert (seen.xs(0.0, level="snr_db") == 1).all(axis=None) and (seen.xs(-60.0, level="snr_db") < 0.2).all(axis=None)
    assert table["false_alarms"].between(0, 0.05).all()


def test_bias_and_variance_of_a_factor_are_known_for_every_kind_of_object(measured):
    table = measured("trust-structure", kinds={"training": None, "points": "points"}, objects=4, draws=16, away_mm=20.0)
    half = table[table["method"] == "half"]
    np.testing.assert_allclose(half["bias_db"], 20 * np.log10(1 - GAIN), atol=0.1)
    np.testing.assert_allclose(half["variance_db"], 20 * np.log10(GAIN) - 5, atol=0.1)
    assert (table[table["method"] == "noisy"]["bias_db"] < -30).all()
    assert (half["empty"] > 0).all()
    noisy = table[table["method"] == "noisy"]
    # What changes from draw to draw is the noise, times the factor; what stays is what it takes off the tails.
    changing = [np.sqrt(part["invented"] ** 2 - part["invented_always"] ** 2).to_numpy() for part in (noisy, half)]
    np.testing.assert_allclose(changing[1], GAIN * changing[0], rtol=0.01)
    assert (half["invented_always"].to_numpy() > 2 * noisy["invented_always"].to_numpy()).all()
    assert (table["invented_always"] <= table["invented"]).all()


def test_a_factor_leaves_every_dip_and_a_gap_has_one(measured):
    table = measured("trust-gap", gaps_mm=(0, 30), length_mm=80.0, beside_mm=25.0, draws=6)
    dips = table.pivot(index="gap_mm", columns="method", values="dip")
    np.testing.assert_allclose(dips["half"], dips["noisy"], rtol=1e-4)
    clean = table.drop_duplicates("gap_mm").set_index("gap_mm")["clean_dip"]
    assert clean[30] > 0.3 > clean[0]
    told = table.pivot(index="gap_mm", columns="method", values="told")
    assert (told.loc[0] == 0).all() and (told.loc[30] > 0).all()


def test_error_bars_of_noise_hold_what_they_say(sources, monkeypatch):
    """The noisy signal has the error that the pairs have; with other noise it has another one."""
    entry = registry._registry["trust-bars"]
    situations = {"training": {}, "points": {"test_phantoms": "points"}, "minus5": {"snr_db": -5.0}}
    table, arrays = entry.function(sources, situations=situations, count=6, speeds=2, levels=3)
    assert arrays == {}  # which are of the proposed method
    found = table.set_index(["method", "situation", "bars"])
    for bars in ("one", "classes"):
        for situation in ("training", "points"):
            row = found.loc[("noisy", situation, bars)]
            assert row["within_1"] == pytest.approx(0.683, abs=0.02)
            assert row["within_2"] == pytest.approx(0.95, abs=0.01)
            assert row["ratio"] == pytest.approx(1, abs=0.05)
        assert found.loc[("noisy", "minus5", bars)]["within_2"] < 0.87
    assert found.loc[("half", "training", "one")]["ratio"] == pytest.approx(1, abs=0.1)


def test_what_is_not_kept_is_fitted_again(tiny, tmp_path):
    """Linear N2N is not stored: it is fitted to the pairs of its run."""
    config = tiny("xspace-gaussian", "linear_n2n", sizes=(30, 6, 4))
    runs.obtain(config, [tmp_path])
    source = registry.Source(RunName("xspace-gaussian", "linear_n2n"), Setup(config), [tmp_path])
    u = source.setup.validation().u1
    denoiser = source.setup.denoiser()
    pairs, held = source.setup.fitting_pairs(denoiser)
    np.testing.assert_array_equal(source.fitted.denoise(u), denoiser.fit(*pairs, held).denoise(u))


def test_a_disc_and_a_bar_have_the_pixels_that_they_should():
    scanner = Scanner.cartesian(shape=(21, 41), fov=(40e-3, 20e-3))  # pixels of 1 mm
    disc = trust.disc(scanner, np.array([3e-3, -2e-3]), 1.5e-3)
    assert disc.sum() == 9 and disc[7:10, 22:25].all()
    assert trust.disc(scanner, np.array([0.2e-3, 0.1e-3]), 1e-6).sum() == 1  # never without a pixel
    bar = trust.bar(scanner, np.zeros(2), 20.0, 4.0, 3.0)
    assert bar.sum() == 5 * (21 - 3) and not bar[:, 19:22].any()
    assert trust.bar(scanner, np.zeros(2), 20.0, 4.0, 0.0).sum() == 5 * 21


def test_coverage_counts_what_is_within():
    clean = np.array([[1.0, -1.0, 1.0, 5.0]] * 2)
    denoised = clean + np.array([[0.5, -1.5, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
    found = trust.coverage(clean, denoised, np.ones((2, 4)))
    assert found["within_1"] == 5 / 8 and found["within_2"] == 6 / 8 and found["loud"] == 1 / 2
    assert found["worst"] == pytest.approx(0.525)
    assert found["ratio"] == pytest.approx(np.sqrt(8 / 20.5))


def test_figures_draw_what_the_analyses_give(measured, book):
    """Every method once in the legend, with a marker and a colour of its own."""
    figures.use_style()
    renamed = {"noisy": "noisy", "half": "proposed"}
    table = measured("trust-amplitude", levels_db=(-10.0, 0.0, 10.0), objects=2, draws=2, silent=2)
    drawn = figures_trust.amplitude(table.replace({"method": renamed}), book.methods)
    labels = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert labels == ["Noisy", "Proposed"]
    table = measured("trust-detection", levels_db=(-30.0, 0.0), averages=(4, 16), places=1, draws=2, checked=2)
    drawn = figures_trust.detection(table.replace({"method": renamed}), book.methods)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["4 averages", "16 averages", *labels]
    table = measured("trust-structure", kinds={"training": None}, objects=2, draws=2)
    drawn = figures_trust.bias_and_variance(table.replace({"method": renamed}), book.methods, {"training": "as it is"})
    assert [t.get_text() for t in drawn.axes[0].get_yticklabels()] == ["Proposed", "Noisy"]
    table = measured("trust-gap", gaps_mm=(0, 30), draws=3)
    drawn = figures_trust.gap(table.replace({"method": renamed}), book.methods)
    assert drawn.axes[0].lines[0].get_label() == "Clean" and len(drawn.axes[1].lines) == 2
    table = measured("trust-bars", situations={"training": {}}, count=2)
    table = table.replace({"method": renamed})
    drawn = figures_trust.coverage(
        table, book.methods, {"all": ("training", "within_2"), "peaks": ("training", "loud")}
    )
    assert [t.get_text() for t in drawn.axes[0].get_yticklabels()] == ["peaks", "all"]
    assert drawn.axes[0].lines[0].get_xdata()[1] == pytest.approx(100 * table["within_2"][1])
    scanner = Scanner.cartesian()
    wave = np.sin(2 * np.pi * np.arange(scanner.num_samples) / 99)
    drawn = figures_trust.error_bars(wave, wave, wave, 0.1 + 0 * wave, scanner)
    assert {line.get_label() for line in drawn.axes[0].lines} == {"Noisy", "Denoised", "Clean"}
    plt.close("all")


def test_every_method_of_the_page_is_one_of_the_book(book):
    assert set(trust.METHODS) <= set(book.methods)
    assert pd.Series(trust.METHODS).is_unique
