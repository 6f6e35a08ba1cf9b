import numpy as np
import pandas as pd
import pytest

from mpicore import experiments, runs, tables
from mpicore.metrics import bootstrap_interval

REQUIRED = ["method", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
PAPER = ["paper_snr_db", "paper_rmse", "paper_ssim", "paper_psnr_db"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Table 2 with the noisy method alone, and its run."""
    known = experiments.read()
    entry = known.experiments["xspace-harmonic"].model_copy(update={"methods": ("noisy",)})
    known = known.model_copy(update={"experiments": {"xspace-harmonic": entry}})
    root = tmp_path_factory.mktemp("runs")
    run = runs.obtain(known.run("xspace-harmonic", "noisy", "smoke"), root)
    return tables.make_table(known, "table2", "smoke", tables.read_paper(), root), run, known, root


def test_columns(made):
    """The columns that others rely on come first, with the variant where a table has several."""
    table, *_ = made
    assert list(table.columns[:12]) == [REQUIRED[0], "variant", *REQUIRED[1:], *PAPER]
    assert list(table["variant"]) == ["literal", "matched"]


def test_cells_are_means_with_their_bootstrap_interval(made):
    table, run, *_ = made
    for row in table.to_dict("records"):
        signals = run.signals[run.signals["variant"] == row["variant"]]
        images = run.images[run.images["variant"] == row["variant"]]
        assert row["snr_db"] == pytest.approx(signals["snr_db"].mean())
        assert row["psnr_db"] == pytest.approx(images["psnr_db"].mean())
        assert (row["ssim_low"], row["ssim_high"]) == bootstrap_interval(images["ssim"].to_numpy())
        assert row["snr_db_low"] < row["snr_db"] < row["snr_db_high"]


def test_paper_values_are_those_of_the_csv(made):
    table, *_ = made
    assert list(table["paper_snr_db"]) == [6.20, 6.20]
    assert list(table["paper_psnr_db"]) == [22.58, 22.58]


def test_display_shows_mean_interval_and_paper(made):
    table, *_ = made
    shown = tables.display_table(table)
    first = table.iloc[0]
    expected = f"**{first['snr_db']:.2f}** [{first['snr_db_low']:.2f}, {first['snr_db_high']:.2f}]"
    assert shown["SNR [dB]"][0] == expected
    assert list(shown["Noise"]) == ["Literal", "Matched"]
    assert list(shown["Paper's SNR [dB]"]) == ["6.20", "6.20"]


def test_a_method_that_the_paper_leaves_out_says_so(made):
    table, *_ = made
    unknown = table.assign(**dict.fromkeys(PAPER, np.nan))
    assert set(tables.display_table(unknown)["Paper's SSIM"]) == {"not given"}


def test_unknown_table_and_missing_run_are_refused(made, tmp_path):
    _, _, known, _ = made
    with pytest.raises(ValueError, match="table9"):
        tables.make_table(known, "table9", "smoke", tables.read_paper())
    with pytest.raises(FileNotFoundError, match="no finished run"):
        tables.make_table(known, "table2", "smoke", tables.read_paper(), tmp_path)


def test_the_paper_csv_names_known_experiments_and_tables():
    known = experiments.read()
    paper = tables.read_paper()
    for row in paper.to_dict("records"):
        assert known.experiments[row["experiment"]].table == row["table"]
        assert row["method"] in known.experiments[row["experiment"]].methods
    assert pd.api.types.is_float_dtype(paper["snr_db"])
