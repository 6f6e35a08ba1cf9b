"""Tables: means with their intervals, gaps, protocols and seeds, and their text beside the paper's figures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from companion import runs, tables
from companion.config import RunName
from companion.experiments import Experiments
from companion.schema import SignalProtocol
from companion.statistics import estimate

REQUIRED = ["method", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
PAPER = ["paper_snr_db", "paper_rmse", "paper_ssim", "paper_psnr_db"]


def cut(book, table, presets=None, **entry):
    """The real file with one experiment and its table alone, and no studies."""
    layout = book.tables[table]
    experiment = book.experiments[layout.experiment].model_copy(update=entry)
    methods = [method for method in layout.methods if method in experiment.methods]
    update = {
        "experiments": {layout.experiment: experiment},
        "tables": {table: layout.model_copy(update={"methods": tuple(methods)})},
        "studies": {},
        "presets": {**book.presets, **(presets or {})},
    }
    return Experiments(book.file.model_copy(update=update))


@pytest.fixture(scope="module")
def made(book, tmp_path_factory):
    """Interference at two levels with the noisy method alone, its run, the file and the place."""
    known = cut(book, "own_lines", methods=("noisy",), tuned=(), beyond=())
    root = [tmp_path_factory.mktemp("runs")]
    run = runs.obtain(known.run("xspace-harmonic", "noisy", "smoke"), root)
    paper = tables.read_paper().replace({"table": {"table2": "own_lines"}})
    return tables.make_table(known, "own_lines", "smoke", paper, root), run, known, root


def test_columns(made):
    """The columns that others rely on come first, with the variant where a table has several."""
    table, *_ = made
    assert list(table.columns[:12]) == [REQUIRED[0], "variant", *REQUIRED[1:], *PAPER]
    assert list(table["variant"]) == ["literal", "matched"]


def test_cells_are_means_with_their_interval(made):
    table, run, *_ = made
    for row in table.to_dict("records"):
        signals = run.signals[run.signals["variant"] == row["variant"]]
        images = run.images[run.images["variant"] == row["variant"]]
        assert row["snr_db"] == pytest.approx(signals["snr_db"].mean())
        assert row["psnr_db"] == pytest.approx(images["psnr_db"].mean())
        expected = estimate(images["ssim"])
        assert (row["ssim_low"], row["ssim_high"]) == pytest.approx((expected.low, expected.high))
        assert row["snr_db_low"] < row["snr_db"] < row["snr_db_high"]


def test_paper_values_are_those_of_the_csv(made):
    table, *_ = made
    assert list(table["paper_snr_db"]) == [6.20, 6.20]
    assert list(table["paper_psnr_db"]) == [22.58, 22.58]


def test_display_shows_mean_interval_and_paper(made):
    table, _, known, _ = made
    shown = tables.display_table(table, known)
    first = table.iloc[0]
    expected = f"**{first['snr_db']:.2f}** [{first['snr_db_low']:.2f}, {first['snr_db_high']:.2f}]"
    assert shown["SNR [dB]"][0] == expected
    assert list(shown["Noise"]) == ["Literal", "Matched"]
    assert list(shown["Paper's SNR [dB]"]) == ["6.20", "6.20"]


def test_a_method_that_the_paper_leaves_out_says_so(made):
    table, _, known, _ = made
    unknown = table.copy()
    unknown.loc[0, PAPER] = np.nan
    assert list(tables.display_table(unknown, known)["Paper's SSIM"]) == ["not given", "0.47"]
    assert "Paper's SSIM" not in tables.display_table(table.assign(**dict.fromkeys(PAPER, np.nan)), known)


def test_unknown_table_and_missing_run_are_refused(made, tmp_path):
    _, _, known, _ = made
    with pytest.raises(ValueError, match="table9"):
        tables.make_table(known, "table9", "smoke", tables.read_paper(), [tmp_path])
    with pytest.raises(FileNotFoundError, match="no finished run"):
        tables.make_table(known, "own_lines", "smoke", tables.read_paper(), [tmp_path])


def test_the_paper_csv_names_known_experiments_and_tables(book):
    paper = tables.read_paper()
    for row in paper.to_dict("records"):
        assert book.tables[row["table"]].experiment == row["experiment"]
        assert row["method"] in book.tables[row["table"]].methods
    assert pd.api.types.is_float_dtype(paper["snr_db"])


def test_the_gap_is_the_paired_difference_to_the_proposed_method(book, tmp_path):
    """Of each signal its own difference; the seeds of a repeated method stand side by side."""
    known = cut(book, "table1", methods=("noisy", "n2n", "proposed"), tuned=(), repeated=("n2n", "proposed"), beyond=())
    loaded = {name: runs.obtain(config, [tmp_path]) for name, config in known.runs("smoke").items()}
    noisy, proposed = (loaded[RunName("xspace-gaussian", method)] for method in ("noisy", "proposed"))
    table = tables.make_table(known, "table1", "smoke", tables.read_paper(), [tmp_path])
    second = loaded[RunName("xspace-gaussian", "proposed", seed=1)].signals["snr_db"]
    differences = noisy.signals["snr_db"] - (proposed.signals["snr_db"] + second) / 2
    assert table["gap"][0] == pytest.approx(differences.mean())
    assert table["gap_low"][0] < table["gap"][0] < table["gap_high"][0]
    assert np.isnan(table["gap"][2])
    assert not {"variant", "protocol"} & set(table)
    assert tables.display_table(table, known)["Gap [dB]"][2] == ""

    seeds = tables.make_seed_table(known, "smoke", [tmp_path])
    assert seeds["method"].tolist() == ["n2n", "n2n", "proposed", "proposed"]
    assert seeds["seed"].tolist() == [0, 1, 0, 1]
    assert seeds["snr_db"][2] == pytest.approx(proposed.signals["snr_db"].mean())
    shown = tables.display_seed_table(seeds, known)
    assert shown["Method"].tolist() == ["N2N", "Proposed"]
    assert float(shown["Largest difference [dB]"][0]) == pytest.approx(
        abs(seeds["snr_db"][0] - seeds["snr_db"][1]), abs=0.005
    )


def test_protocols_stand_below_each_other(book, tmp_path):
    """With a tuned protocol, its methods get rows of their own, and each row is measured against its own protocol."""
    smoke = book.presets["smoke"]
    protocol = SignalProtocol(network=smoke.network, training=replace(smoke.training, epochs=1))
    smoke = smoke.model_copy(update={"tuned": {"xspace-gaussian": protocol}, "seeds": 1})
    entry = {"methods": ("noisy", "n2n", "proposed"), "tuned": ("n2n", "proposed"), "repeated": (), "beyond": ()}
    known = cut(book, "table1", {"smoke": smoke}, **entry)
    for config in known.runs("smoke").values():
        runs.obtain(config, [tmp_path])
    table = tables.make_table(known, "table1", "smoke", tables.read_paper(), [tmp_path])
    rows = list(zip(table["method"], table["protocol"], strict=True))
    assert rows == [
        ("noisy", "paper"),
        ("n2n", "paper"),
        ("proposed", "paper"),
        ("n2n", "tuned"),
        ("proposed", "tuned"),
    ]
    assert table["key"].nunique() == 5
    difference = table["snr_db"][3] - table["snr_db"][4]
    assert table["gap"][3] == pytest.approx(difference)
    shown = tables.display_table(table, known)["Method"].tolist()
    assert shown == ["Noisy", "N2N", "Proposed", "N2N (tuned)", "Proposed (tuned)"]

    paper = tables.read_paper().query("table == 'table1'")
    summary = tables.make_summary(known, "smoke", paper, [tmp_path])
    assert summary["source"].tolist() == ["print", "paper", "tuned"]
    assert summary["r2r"].tolist()[0] == 11.68 and summary["r2r"][1:].isna().all()
    assert summary["proposed"].tolist()[1:] == [table["snr_db"][2], table["snr_db"][4]]
    text = tables.display_summary(summary, known)
    assert text["Experiment"].tolist() == ["[Gaussian noise at an SNR of 5 dB](pages/table1.ipynb)", "", ""]
    assert text["R2R"].tolist() == ["11.68", "", ""] and text["Noisy"][2] == ""


def test_a_projection_is_compared_with_the_training_that_it_reads_out(book, monkeypatch):
    """N2N is trained from several seeds, and its projected row is of the first. The planted means differ by 3 dB."""
    asked = []

    def load(config, root):
        asked.append(config)
        value = 4.0 if config.method.endswith("_projected") else 1.0
        table = pd.DataFrame({"snr_db": [value - 1, value + 1], "psnr_db": [2.0, 3.0]})
        return SimpleNamespace(signals=table, images=table)

    monkeypatch.setattr(runs, "load", load)
    gains = tables.projection_gains(book, "system-matrix", "paper", ["anywhere"])
    assert list(gains.index) == ["n2n", "proposed", "supervised"]
    assert (gains["snr_db"] == 3).all() and (gains["psnr_db"] == 0).all()
    assert {config.seed for config in asked} == {0}
    with pytest.raises(ValueError, match="experiment must be one of"):
        tables.projection_gains(book, "nowhere", "paper")
