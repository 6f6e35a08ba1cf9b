"""The list of analyses, and the small ones whose outcome is known beforehand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from companion import analyses, evaluation, runs
from companion.analyses import comparison, networks, objects, registry
from companion.archive import Archive, Result
from companion.config import RunName
from companion.setup import Setup
from mpicore.scanner import Scanner
from mpicore.symmetry import odd_part


@pytest.fixture
def counted(monkeypatch, book):
    """A list with one analysis alone; its calls are counted."""
    calls = []
    monkeypatch.setattr(registry, "_registry", {})

    @registry.analysis(
        "sizes", lambda known, preset: [RunName("xspace-gaussian", "noisy")], arrays=True, factor=2, names=("a", "b")
    )
    def _sizes(sources, factor, names):
        calls.append(factor)
        sizes = sources[0].config.sizes[: len(names)]
        return pd.DataFrame({"name": names, "value": [factor * n for n in sizes]}), {"sizes": np.array(sizes)}

    return SimpleNamespace(calls=calls, known=book)


def test_every_analysis_has_a_key_at_every_preset_and_rests_on_runs_of_the_book(book):
    assert len(analyses.names()) >= 12 and {"gridding", "kaczmarz", "white", "tones"} <= set(analyses.names())
    assert set(analyses.with_arrays()) == {
        "browser",
        "comparison",
        "components",
        "distributions",
        "findings",
        "trust-bars",
    }
    for preset in ("smoke", "paper"):
        keys = {analyses.key(name, book, preset) for name in analyses.names()}
        assert len(keys) == len(analyses.names())
        for name in analyses.names():
            assert set(analyses.needs(name, book, preset)) <= set(book.names(preset))


def test_the_result_is_found_computed_written_and_read(counted, tmp_path):
    result = analyses.compute("sizes", counted.known, "smoke", [tmp_path])
    assert result.frame["value"].tolist() == [64, 16]
    assert result.key == analyses.key("sizes", counted.known, "smoke")
    analyses.write(result, tmp_path / "deep" / "sizes.csv")
    frame, arrays = analyses.read(tmp_path / "deep" / "sizes.csv")
    pd.testing.assert_frame_equal(frame, result.frame)
    np.testing.assert_array_equal(arrays["sizes"], [32, 8])


def test_what_is_published_under_the_key_is_taken_and_nothing_else(counted, tmp_path):
    published = Result(pd.DataFrame({"name": ["a"], "value": [7]}), {}, analyses.key("sizes", counted.known, "smoke"))
    Archive(tmp_path).publish({}, {"sizes": published})
    assert analyses.make("sizes", counted.known, "smoke", [tmp_path / "none", tmp_path]).frame["value"].tolist() == [7]
    assert counted.calls == []
    assert analyses.make("sizes", counted.known, "preview", [tmp_path]).frame["value"].tolist() == [4000, 400]
    assert analyses.compute("sizes", counted.known, "smoke", [tmp_path]).frame["value"].tolist() == [64, 16]
    assert counted.calls == [2, 2]


def test_the_key_changes_with_what_decides_and_not_with_how_it_is_written(counted, monkeypatch):
    entry = registry._registry["sizes"]
    first = analyses.key("sizes", counted.known, "smoke")
    assert analyses.key("sizes", counted.known, "preview") != first
    for settings, same in (
        ({"factor": 2.0, "names": ["a", "b"]}, True),
        ({"names": ("a", "b"), "factor": 2}, True),
        ({"factor": 3, "names": ("a", "b")}, False),
    ):
        monkeypatch.setitem(registry._registry, "sizes", replace(entry, settings=settings))
        assert (analyses.key("sizes", counted.known, "smoke") == first) == same
    monkeypatch.setitem(registry._registry, "sizes", replace(entry, needs=lambda known, preset: []))
    assert analyses.key("sizes", counted.known, "smoke") != first


def test_unknown_and_doubled_names_are_refused(counted):
    with pytest.raises(ValueError, match=r"analysis must be one of sizes; got 'size'"):
        analyses.key("size", counted.known, "smoke")
    with pytest.raises(ValueError, match=r"'sizes' is there already, from .*test_analyses"):
        registry.analysis("sizes", lambda known, preset: [])(lambda sources: None)


def test_the_even_share_of_an_error_without_symmetry_is_a_half(short_pairs):
    """Clean signals are odd; of white noise half is even, of its odd part nothing, and of its even part all."""
    noise = np.random.default_rng(0).standard_normal((200, 96)).astype(np.float32)
    clean = odd_part(short_pairs(200).u1)
    assert networks.even_share(clean + noise, clean) == pytest.approx(0.5, abs=0.02)
    assert networks.even_share(clean + odd_part(noise), clean) == pytest.approx(0, abs=1e-6)
    assert networks.even_share(clean + noise - odd_part(noise), clean) == pytest.approx(1, abs=1e-6)


def test_the_loss_of_a_known_estimate_implies_its_snr():
    """Mean squares of signals at 5 dB, in units of the noisy period's RMS, for an estimate of 20 dB."""
    rng = np.random.default_rng(1)
    clean = rng.standard_normal(400_000)
    u1, u2 = (clean + np.sqrt(10**-0.5) * rng.standard_normal(clean.size) for _ in range(2))
    estimate = clean + 0.1 * rng.standard_normal(clean.size)
    loss = np.mean((estimate - u2) ** 2) / np.mean(u1**2)
    assert evaluation.implied_snr_db(np.array([loss]), 5.0) == pytest.approx(20, abs=0.6)
    assert evaluation.implied_snr_db(np.array([0.0]), 5.0) == pytest.approx(60)


def test_total_variation_of_a_square_wave():
    """Two jumps per period, each of the height of the wave."""
    wave = np.repeat([0.0, 3.0], 10)[None].astype(np.float32)
    assert networks.total_variation(wave) == pytest.approx(6)


def test_the_spread_of_two_points_is_half_their_distance_and_of_one_is_zero():
    scanner = Scanner.cartesian(shape=(11, 21))
    x, y = scanner.pixel_axes
    phantoms = np.zeros((2, 11, 21))
    phantoms[0, 3, 4] = phantoms[0, 9, 18] = 0.4
    phantoms[1, 5, 2] = 0.7
    half = 1e3 * np.hypot(x[18] - x[4], y[9] - y[3]) / 2
    np.testing.assert_allclose(comparison.spread_mm(phantoms, scanner), [half, 0], atol=1e-5)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, book):
    """Runs of a few signals, in a root of their own, and an experiments file whose preset is that small."""
    root = [tmp_path_factory.mktemp("runs")]
    smoke = book.presets["smoke"]
    sizes = {"x-space": (8, 4, 6), "system-matrix": (8, 2, 6)}
    changes = {
        "shape": (16, 16),
        "sizes": sizes,
        "objects": 2,
        "network": smoke.network.model_copy(update={"width": 2}),
    }
    preset = smoke.model_copy(update=changes | {"training": replace(smoke.training, epochs=1)})
    return replace(book, file=book.file.model_copy(update={"presets": {"smoke": preset}})), root


def test_figure_2_shows_what_the_run_measured(finished):
    """Each signal shown has the stored SNR; the worst is below the median, and the noisy one is the recording."""
    known, root = finished
    for name in analyses.needs("comparison", known, "smoke"):
        runs.obtain(known.named(name, "smoke"), root, device="cpu")
    result = analyses.compute("comparison", known, "smoke", root)
    frame, arrays = result.frame, result.arrays
    np.testing.assert_allclose(frame["snr_db"], frame["stored_snr_db"], atol=1e-3)
    proposed = frame[frame["method"] == "proposed"].set_index("shown")
    assert proposed["snr_db"]["worst"] <= proposed["snr_db"]["median"]
    setup = Setup(known.run("xspace-gaussian", "noisy", "smoke"))
    indices = [int(proposed["index"][which]) for which in ("median", "worst")]
    np.testing.assert_array_equal(arrays["signals"][0], setup.held_out("literal").u1[indices])
    np.testing.assert_allclose(arrays["clean_images"], setup.gridding(arrays["clean"]), rtol=1e-5)


def test_figure_3_has_the_errors_of_its_own_components(finished):
    """White noise at 5 dB on every line; the error of the noisy component is the noise over the signal there."""
    known, root = finished
    for name in analyses.needs("components", known, "smoke"):
        runs.obtain(known.named(name, "smoke"), root, device="cpu")
    result = analyses.compute("components", known, "smoke", root)
    clean = result.arrays["clean"].view(np.complex64)
    setup = Setup(known.run("system-matrix", "noisy", "smoke"))
    recorded = setup.matrix()
    for number, harmonic in enumerate((3, 7)):
        line = setup.scanner.harmonic_line(harmonic)
        parts = [np.fft.rfft(u, axis=1)[:, line] for u in (recorded.clean, recorded.u1)]
        np.testing.assert_allclose(clean[number], parts[0], rtol=1e-3, atol=1e-4 * np.abs(parts[0]).max())
        expected = np.linalg.norm(parts[1] - parts[0]) / np.linalg.norm(parts[0])
        row = result.frame.query("method == 'noisy' and harmonic == @harmonic")
        assert row["error"].item() == pytest.approx(expected, rel=1e-3)


def test_objects_of_the_training_kind_give_the_snr_of_the_run(finished):
    known, root = finished
    for name in analyses.needs("objects", known, "smoke"):
        runs.obtain(known.named(name, "smoke"), root, device="cpu")
    frame = analyses.compute("objects", known, "smoke", root).frame
    assert frame["signals"].unique() == [6]
    assert set(frame["case"]) == {"training", "letters", "rings", "points"}
    assert frame.groupby("method")["snr_db"].nunique().min() == 4
    for method in objects.METHODS:
        run = runs.load(known.run("xspace-gaussian", method, "smoke"), root)
        row = frame.query("case == 'training' and method == @method")
        assert row["snr_db"].item() == pytest.approx(run.signals["snr_db"].mean(), abs=1e-3)
