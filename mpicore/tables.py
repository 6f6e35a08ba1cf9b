"""The tables of the book: means over test items with 95 % intervals, beside the paper's figures."""

from pathlib import Path

import pandas as pd

from mpicore import checks, runs
from mpicore.experiments import Experiments
from mpicore.metrics import bootstrap_interval

VALUES = ["snr_db", "rmse", "ssim", "psnr_db"]
TITLES = {"noisy": "Noisy", "n2n": "N2N", "r2r": "R2R", "proposed": "Proposed"}  #: how the paper writes the methods
_SIGNAL_VALUES = ["snr_db", "rmse"]
_IMAGE_VALUES = ["ssim", "psnr_db", "object_error"]
_HEADINGS = {
    "snr_db": "SNR [dB]",
    "rmse": "RMSE",
    "ssim": "SSIM",
    "psnr_db": "PSNR [dB]",
    "object_error": "Object error",
}
_DIGITS = {"snr_db": 2, "rmse": 1, "ssim": 3, "psnr_db": 2, "object_error": 3}


def read_paper(path="book/paper_tables.csv") -> pd.DataFrame:
    """The source paper's own tables: columns ``table, experiment, method, snr_db, rmse, ssim, psnr_db``."""
    return pd.read_csv(path)


def make_table(experiments: Experiments, table: str, preset: str, paper: pd.DataFrame, root="runs") -> pd.DataFrame:
    """One table of the paper, from the finished runs.

    Args:
        experiments: the checked ``experiments.yml``.
        table: such as ``table1``.
        preset: whose runs.
        paper: the paper's figures, see :func:`read_paper`.
        root: folder of the runs.

    Returns:
        One row per method (and variant of the test noise, where there are several) with means, the paper's four values
        with prefix ``paper_``, the ends of all intervals, and the run's key.

    Raises:
        ValueError: no experiment makes this table.
        FileNotFoundError: a run is missing.
    """
    by_table = {entry.table: name for name, entry in experiments.experiments.items()}
    name = by_table[checks.choice(table, "table", list(by_table))]
    entry = experiments.experiments[name]
    printed = paper[paper["table"] == table].set_index("method")[VALUES]
    rows = []
    for variant in entry.variants:
        for method in entry.methods:
            run = runs.load(experiments.run(name, method, preset), root)
            row = {"method": method, "variant": variant, "key": run.config.key}
            for source, columns in ((run.signals, _SIGNAL_VALUES), (run.images, _IMAGE_VALUES)):
                chosen = source[source["variant"] == variant]
                for column in columns:
                    low, high = bootstrap_interval(chosen[column].to_numpy(float))
                    row |= {column: chosen[column].mean(), f"{column}_low": low, f"{column}_high": high}
            row |= {f"paper_{column}": printed[column].get(method) for column in VALUES}
            rows.append(row)
    columns = ["method", "variant", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
    columns += [f"paper_{column}" for column in VALUES]
    columns += [f"{column}_{end}" for column in ("rmse", *_IMAGE_VALUES) for end in ("low", "high")]
    columns += ["object_error", "key"]
    if len(entry.variants) == 1:
        columns.remove("variant")
    return pd.DataFrame(rows)[columns]


def display_table(table: pd.DataFrame) -> pd.DataFrame:
    """The same table as text for the book: mean with its interval, and the paper's value in its own column."""
    shown = pd.DataFrame({"Method": [TITLES.get(method, method) for method in table["method"]]})
    if "variant" in table:
        shown.insert(0, "Noise", table["variant"].str.capitalize())
    for column in [*VALUES, "object_error"]:
        digits = _DIGITS[column]
        shown[_HEADINGS[column]] = [
            f"**{mean:.{digits}f}** [{low:.{digits}f}, {high:.{digits}f}]"
            for mean, low, high in zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)
        ]
        if column in VALUES:
            printed = table[f"paper_{column}"]
            shown[f"Paper's {_HEADINGS[column]}"] = [
                f"{value:.2f}" if pd.notna(value) else "not given" for value in printed
            ]
    return shown


def display_path(path) -> Path:
    """Where the text version of a table lies, beside the numbers."""
    path = Path(path)
    return path.with_name(f"{path.stem}-display.csv")
