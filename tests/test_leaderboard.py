"""The table in which all methods meet: which run stands for a method, denoisers from outside among them, and times."""

import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from companion import leaderboard, plugins, runs, tables
from companion.experiments import Experiments
from companion.schema import SignalProtocol
from companion.statistics import Measured
from mpicore import denoisers
from mpicore.denoisers import base

EXAMPLE = "examples/running_median.py:RunningMedian"


@pytest.fixture(autouse=True)
def independent(monkeypatch):
    """Stand-ins have two items, which are no columns of a matrix."""
    monkeypatch.setattr(Measured, "groups", lambda self, column: None)


@pytest.fixture(autouse=True)
def forget():
    """Leave the registry as it was."""
    before = dict(base._registry)
    yield
    base._registry.clear()
    base._registry.update(before)
    plugins._sources.clear()


@pytest.fixture(scope="module")
def known(book):
    """The real file with few methods in two experiments, one of them with a tuned protocol at smoke size."""
    smoke = book.presets["smoke"]
    protocol = SignalProtocol(network=smoke.network, training=replace(smoke.training, epochs=1))
    smoke = smoke.model_copy(update={"tuned": {"xspace-harmonic": protocol}, "shape": (15, 15)})
    none = {"tuned": (), "repeated": (), "studied": ()}
    harmonic = {"methods": ("noisy", "n2n"), "tuned": ("n2n",), "beyond": ("low_pass", "gp_wiener")}
    entries = {
        "xspace-harmonic": book.experiments["xspace-harmonic"].model_copy(update=none | harmonic),
        "system-matrix": book.experiments["system-matrix"].model_copy(
            update=none | {"methods": ("noisy",), "beyond": ("svd_shrinkage", "oracle_dct_wiener")}
        ),
    }
    layout = book.tables["own_lines"].model_copy(update={"methods": ("noisy", "n2n")})
    update = {"experiments": entries, "tables": {"own_lines": layout}, "studies": {}, "presets": {"smoke": smoke}}
    return Experiments(book.file.model_copy(update=update))


@pytest.fixture
def paper():
    printed = {"table": "own_lines", "experiment": "xspace-harmonic", "method": "n2n", "snr_db": 9.0}
    return pd.DataFrame([{**printed, "rmse": 1.0, "ssim": 1.0, "psnr_db": 50.0}])


class Stand:
    """A finished run whose SNR is told by its configuration; the paper's protocol has the higher one."""

    def __init__(self, config, root=None):
        snr = {"paper": 20.0, "tuned": 10.0}.get(config.protocol, 5.0)
        frames = [pd.DataFrame({"variant": v, "index": [0, 1], "snr_db": [snr, snr + 1]}) for v in config.test_noise]
        self.config, self.record = config, {"training_seconds": 7.0}
        self.signals = pd.concat(frames, ignore_index=True).assign(rmse=1.0)
        self.images = self.signals.assign(ssim=0.5, psnr_db=30.0, object_error=0.8)


def test_no_test_value_decides_which_run_is_shown(known, paper, monkeypatch):
    """The tuned run stands for a method although its SNR is lower; of the others the only run."""
    monkeypatch.setattr(runs, "load", Stand)
    table = leaderboard.make(known, "smoke", paper)
    mine = table[(table["method"] == "n2n") & table["key"].notna() & (table["variant"] == "literal")]
    assert mine.set_index("title")["shown"].to_dict() == {"N2N": False, "N2N (tuned)": True}
    assert mine.set_index("title")["snr_db"].to_dict() == {"N2N": 20.5, "N2N (tuned)": 10.5}
    assert table[table["method"] != "n2n"]["shown"].all()
    best = leaderboard.by_method(table, "xspace-harmonic", "literal")
    assert sorted(best.index) == ["gp_wiener", "low_pass", "n2n", "noisy"]
    assert best["snr_db"]["n2n"] == 10.5


def test_rows_come_in_order_beside_the_printed_ones(known, paper, monkeypatch):
    """Experiments as in the file, within a variant the best first; the paper's rows stand with the last variant."""
    monkeypatch.setattr(runs, "load", Stand)
    table = leaderboard.make(known, "smoke", paper)
    assert list(table) == leaderboard.COLUMNS
    assert list(dict.fromkeys(table["experiment"])) == ["xspace-harmonic", "system-matrix"]
    for _, part in table.groupby(["experiment", "variant"]):
        assert part["snr_db"].is_monotonic_decreasing
    printed = table[table["key"].isna()].iloc[0]
    assert (printed["title"], printed["variant"]) == ("N2N (printed in the paper)", "matched")
    assert np.isnan(printed["snr_db_low"])
    shown = leaderboard.display(table, "xspace-harmonic")
    assert "**9.00**" in set(shown["SNR [dB]"]) and set(shown["Noise"]) == {"Literal", "Matched"}
    assert "{py:class}`Low-pass <mpicore.denoisers.filters.LowPass>`" in set(shown["Method"])
    times = leaderboard.display(table.assign(denoising_seconds=0.1034), "xspace-harmonic")
    assert set(times["Per signal [ms]"]) == {"100"}, "two digits, and no exponent"


def test_groups_come_from_what_the_classes_say(known, paper, monkeypatch):
    monkeypatch.setattr(runs, "load", Stand)
    table = leaderboard.make(known, "smoke", paper)
    assert table[table["key"].notna()].drop_duplicates("method").set_index("method")["group"].to_dict() == {
        "noisy": "knows no scanner",
        "low_pass": "knows no scanner",
        "n2n": "the paper's network",
        "gp_wiener": "knows the scanner",
        "svd_shrinkage": "needs the whole matrix",
        "oracle_dct_wiener": "ceiling: needs clean signals",
    }
    learned = table.dropna(subset="training_seconds")["method"]
    assert set(learned) == {"low_pass", "n2n", "gp_wiener", "svd_shrinkage", "oracle_dct_wiener"}


def test_a_denoiser_from_outside_enters_every_table(known, paper, root, tmp_path, monkeypatch):
    """By its own run, from rows that were kept in a file; no sentence of a page rests on it."""
    monkeypatch.chdir(root)
    name = plugins.load_file(EXAMPLE)
    configs = leaderboard.own_runs(known, "smoke", [name])
    assert [config.experiment for config in configs] == list(known.experiments)
    for config in configs:
        runs.obtain(config, [tmp_path / "runs"])
    kept = tmp_path / "own.csv"
    leaderboard.own_rows(configs, [tmp_path / "runs"]).to_csv(kept, index=False)
    monkeypatch.setattr(runs, "load", Stand)
    table = leaderboard.make(known, "smoke", paper, own=pd.read_csv(kept))
    own = table[table["method"] == name]
    assert set(zip(own["experiment"], own["variant"], strict=True)) == {
        (experiment, variant) for experiment, entry in known.experiments.items() for variant in entry.variants
    }
    assert own["shown"].all() and table["shown"].dtype == bool
    assert set(own["code"]) == {"examples/running_median.py"} and set(own["group"]) == {leaderboard.OUTSIDE}
    assert set(own["key"]) == {config.key for config in configs}
    assert name not in leaderboard.by_method(table, "xspace-harmonic", "literal").index
    for _, part in table.groupby(["experiment", "variant"]):
        assert part["snr_db"].is_monotonic_decreasing


def test_methods_of_a_whole_matrix_run_on_the_matrix_alone(known, monkeypatch):
    monkeypatch.setattr(plugins, "source", lambda name: "digest")
    whole = type("Whole", (base.Denoiser,), {"whole": True, "denoise": lambda self, u: u})
    denoisers.register("mine")(whole)
    assert [config.experiment for config in leaderboard.own_runs(known, "smoke", ["mine"])] == ["system-matrix"]


def test_every_link_leads_to_a_class(book):
    """What the leaderboard links to is a class that the package has."""
    for method in book.methods.values():
        cls = denoisers.find(method.denoiser)
        assert getattr(importlib.import_module(cls.__module__), cls.__name__) is cls


def test_a_terminal_gets_no_marks():
    shown = pd.DataFrame({"Method": ["{py:class}`A b <mpicore.x.Y>`", "C"], "SNR [dB]": ["**1.00** [0.5, 1.5]", "2"]})
    text = leaderboard.plain(shown)
    assert "A b" in text and "1.00 [0.5, 1.5]" in text
    assert not set("{}`*<>") & set(text)
    assert len({len(line) for line in text.splitlines()}) == 1  # the columns are aligned


def test_times_come_from_the_row_of_that_name(known, paper, monkeypatch):
    """A row whose name merely begins alike is another method's; a network without a row of its own is the paper's."""
    monkeypatch.setattr(runs, "load", Stand)
    seconds = {"denoise_low_pass_other": 5.0, "denoise_network": 0.2, "denoise_low_pass": 0.1, "kaczmarz": 9.0}
    times = pd.DataFrame({"key": seconds.keys(), "candidate_seconds": seconds.values()})
    table = leaderboard.make(known, "smoke", paper, times=times)
    found = table.dropna(subset="key").drop_duplicates("method").set_index("method")["denoising_seconds"]
    assert found["low_pass"] == 0.1
    assert found["n2n"] == 0.2
    assert np.isnan(found["gp_wiener"]) and np.isnan(found["noisy"])


def test_r2r_passes_the_network_once_per_recorruption(book):
    times = pd.DataFrame({"candidate_seconds": {"denoise_network": 0.2}})
    assert leaderboard._denoising_seconds(book.run("xspace-gaussian", "r2r", "paper"), times) == pytest.approx(10.0)


@pytest.mark.parametrize("method", ["forward_n2n_two", "forward_n2n_mirrored", "linear_n2n_two", "n2n_mirrored"])
def test_two_passes_take_twice_the_time(book, method):
    seconds = {"denoise_network": 0.2, "denoise_forward_n2n": 0.3, "denoise_linear_n2n": 0.1}
    times = pd.DataFrame({"candidate_seconds": seconds})
    once, twice = (
        leaderboard._denoising_seconds(book.run("xspace-gaussian", name, "paper"), times)
        for name in (method.rpartition("_")[0], method)
    )
    assert twice == 2 * once


def test_files_of_text_lie_beside_those_of_numbers():
    assert str(tables.display_path("a/leaderboard.csv")) == "a/leaderboard-display.csv"
