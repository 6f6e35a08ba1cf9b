"""The tables of the book: means over test items and trainings with 95 % intervals, beside the paper's figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from companion import runs
from companion.archive import IMAGE_VALUES, SIGNAL_VALUES
from companion.experiments import Experiments
from companion.reading import read_csv
from companion.runs import ROOT, Root
from companion.statistics import Statistics, estimate
from mpicore import checks

VALUES = ["snr_db", "rmse", "ssim", "psnr_db"]
_HEADINGS = {
    "snr_db": "SNR [dB]",
    "rmse": "RMSE",
    "ssim": "SSIM",
    "psnr_db": "PSNR [dB]",
    "object_error": "Object error",
    "gap": "Gap [dB]",
}
_DIGITS = {"snr_db": 2, "rmse": 1, "ssim": 3, "psnr_db": 2, "object_error": 3, "gap": 2}


def read_paper(path: str | Path = "book/paper_tables.csv") -> pd.DataFrame:
    """The source paper's own tables: columns ``table, experiment, method, snr_db, rmse, ssim, psnr_db``.

    Raises:
        ValueError: the file is no table, or lacks a column.
    """
    return read_csv(path, ["table", "experiment", "method", *VALUES])


def make_table(known: Experiments, table: str, preset: str, paper: pd.DataFrame, root: Root = ROOT) -> pd.DataFrame:
    """One table of the book, from the finished runs.

    Args:
        known: the checked ``experiments.yml``.
        table: such as ``table1``.
        preset: whose runs.
        paper: the paper's figures, see :func:`read_paper`.
        root: where the runs are.

    Returns:
        One row per method, variant of the test noise and protocol, the last two as columns where there are several. It
        holds means, the paper's four values with prefix ``paper_``, the ends of all intervals, and the run's key.
        ``gap`` is the mean of the method's SNR minus that of the proposed method on the same signals [dB],
        ``trainings`` the number of seeds that a row is the mean of. See :mod:`companion.statistics` for the intervals.

    Raises:
        ValueError: no such table.
        FileNotFoundError: a run is missing.
    """
    layout = known.tables[checks.choice(table, "table", list(known.tables))]
    entry = known.experiments[layout.experiment]
    printed = paper[paper["table"] == table].set_index("method")[VALUES]
    statistics = Statistics(known, preset, root)
    rows = []
    for variant in entry.variants:
        for protocol, names in known.rows(table, preset).items():
            measured = {name.method: statistics.of(name) for name in names}
            for method, found in measured.items():
                row: dict[str, Any] = {
                    "method": method,
                    "variant": variant,
                    "protocol": protocol,
                    "key": found.config.key,
                    "trainings": len(found.runs) if known.methods[method].network else None,
                }
                for column in SIGNAL_VALUES + IMAGE_VALUES:
                    row |= found.estimate(variant, column).columns(column)
                row |= dict.fromkeys(("gap", "gap_low", "gap_high"))
                if "proposed" in measured and method != "proposed":
                    row |= found.minus(measured["proposed"], variant, "snr_db").columns("gap")
                row |= {f"paper_{column}": printed[column].get(method) for column in VALUES}
                rows.append(row)
    made = pd.DataFrame(rows).astype(dict.fromkeys(("gap", "gap_low", "gap_high"), float))
    columns = ["method", "variant", "protocol", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
    columns += [f"paper_{column}" for column in VALUES]
    columns += [f"{column}_{end}" for column in ("rmse", *IMAGE_VALUES) for end in ("low", "high")]
    columns += ["object_error", "gap", "gap_low", "gap_high", "trainings", "key"]
    columns = [c for c in columns if c not in ("variant", "protocol") or made[c].nunique() > 1]
    return made[columns]


def make_summary(known: Experiments, preset: str, paper: pd.DataFrame, root: Root = ROOT) -> pd.DataFrame:
    """The SNR of every table that the paper has as well, at the last of its noise variants.

    Returns:
        Columns ``table``, ``source`` (``print`` for the paper's own values, else the protocol) and one per method: its
        mean test SNR [dB], missing where there is none.
    """
    rows = []
    for name, printed in paper.groupby("table", sort=False):
        rows.append({"table": name, "source": "print", **printed.set_index("method")["snr_db"]})
        made = make_table(known, str(name), preset, paper, root)
        if "variant" in made:
            made = made[made["variant"] == made["variant"].iloc[-1]]
        only = next(iter(known.rows(str(name), preset)))
        protocols = made.get("protocol", pd.Series(only, index=made.index))
        rows += [
            {"table": name, "source": protocol, **part.set_index("method")["snr_db"]}
            for protocol, part in made.groupby(protocols)
        ]
    return pd.DataFrame(rows)


def make_seed_table(known: Experiments, preset: str, root: Root = ROOT) -> pd.DataFrame:
    """The methods that are trained from several seeds: the test SNR of each training.

    Returns:
        Columns ``experiment, method, seed, snr_db, snr_db_low, snr_db_high, key``, the interval over test signals.
    """
    rows = []
    for name in known.repeats(preset):
        config = known.runs(preset)[name]
        signals = runs.load(config, root).signals
        first = signals["variant"] == next(iter(config.test_noise))
        value = estimate(signals.loc[first, "snr_db"]).columns("snr_db")
        rows.append({"experiment": name.experiment, "method": name.method, "seed": name.seed, **value})
        rows[-1]["key"] = config.key
    return pd.DataFrame(rows)


def projection_gains(known: Experiments, experiment: str, preset: str, root: Root = ROOT) -> pd.DataFrame:
    """What a projection of their output on odd signals adds to networks, each compared with one and the same training.

    Args:
        known: the checked ``experiments.yml``.
        experiment: whose tests.
        preset: whose runs.
        root: where the runs are.

    Returns:
        A row for each method that is shown with and without it, and columns ``snr_db, psnr_db``: differences of means
        over the test items [dB].

    Raises:
        ValueError: no such experiment.
        FileNotFoundError: a run is missing.
    """
    entry = known.experiments[checks.choice(experiment, "experiment", list(known.experiments))]
    rows = {}
    for name in entry.beyond:
        method = name.removesuffix("_projected")
        if name == method or known.methods[name].of != method:
            continue
        odd, plain = (
            runs.load(known.named(known.shown(experiment, shown, preset), preset), root) for shown in (name, method)
        )
        rows[method] = {
            "snr_db": odd.signals["snr_db"].mean() - plain.signals["snr_db"].mean(),
            "psnr_db": odd.images["psnr_db"].mean() - plain.images["psnr_db"].mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["snr_db", "psnr_db"]).rename_axis("method")


def display_table(table: pd.DataFrame, known: Experiments) -> pd.DataFrame:
    """The same table as text for the book: mean with its interval, and the paper's value in its own column."""
    protocols = table.get("protocol", pd.Series("paper", index=table.index))
    names = [known.methods[method].title for method in table["method"]]
    tuned = [" (tuned)" * (protocol == "tuned") for protocol in protocols]
    shown = pd.DataFrame({"Method": [name + suffix for name, suffix in zip(names, tuned, strict=True)]})
    if "variant" in table:
        shown.insert(0, "Noise", table["variant"].str.capitalize())
    for column in [*VALUES, "gap", "object_error"]:
        if not table[column].notna().any():
            continue
        shown[_HEADINGS[column]] = [
            "" if pd.isna(row[column]) else _interval(row, column) for row in table.to_dict("records")
        ]
        if column in VALUES and table[f"paper_{column}"].notna().any():
            shown[f"Paper's {_HEADINGS[column]}"] = [
                f"{value:.2f}" if pd.notna(value) else "not given" for value in table[f"paper_{column}"]
            ]
    return shown


def display_summary(summary: pd.DataFrame, known: Experiments) -> pd.DataFrame:
    """The summary as text for the front page, each table with a link to its page."""
    sources = {"print": "printed in the paper", "paper": "the paper's protocol", "tuned": "tuned protocol"}
    titles = [f"[{known.tables[name].title}](pages/{name}.ipynb)" for name in summary["table"]]
    shown = pd.DataFrame({"Experiment": titles, "SNR [dB]": summary["source"].map(sources)})
    shown["Experiment"] = shown["Experiment"].where(~summary["table"].duplicated(), "")
    for method in summary.columns[2:]:
        shown[known.methods[method].title] = ["" if pd.isna(value) else f"{value:.2f}" for value in summary[method]]
    return shown


def display_seed_table(table: pd.DataFrame, known: Experiments) -> pd.DataFrame:
    """The table of seeds as text: one row per experiment and method, a column per seed, and the spread between them."""
    rows = []
    for (experiment, method), trained in table.groupby(["experiment", "method"], sort=False):
        row = {"Experiment": known.experiments[str(experiment)].title, "Method": known.methods[str(method)].title}
        row |= {f"Seed {line['seed']}: SNR [dB]": _interval(line, "snr_db") for line in trained.to_dict("records")}
        row["Largest difference [dB]"] = f"{trained['snr_db'].max() - trained['snr_db'].min():.2f}"
        rows.append(row)
    return pd.DataFrame(rows)


def _interval(row: Mapping[Any, Any], column: str) -> str:
    digits = _DIGITS[column]
    sign = "+" if column == "gap" else ""
    mean, low, high = (f"{row[column + end]:{sign}.{digits}f}" for end in ("", "_low", "_high"))
    return f"**{mean}** [{low}, {high}]"


def display_path(path: str | Path) -> Path:
    """Where the text version of a table lies, beside the numbers."""
    path = Path(path)
    return path.with_name(f"{path.stem}-display.csv")
