"""Studies: one quantity is varied, and every method meets it in the same way."""

import numpy as np
import pandas as pd

from companion import runs
from companion.experiments import ROOT, Experiments
from companion.tables import TITLES
from mpicore.metrics import bootstrap_interval


def make(experiments: Experiments, study: str, preset: str, root=ROOT) -> pd.DataFrame:
    """One row per case and method, in the order of the file.

    Returns:
        The columns of :func:`row`.

    Raises:
        FileNotFoundError: a run is missing.
    """
    entry = experiments.studies[study]
    cases = [(case, method) for case in entry.cases for method in entry.methods]
    return pd.DataFrame(
        row(case, runs.load(experiments.study_run(study, case, method, preset), root)) for case, method in cases
    )


def row(case: str, run: runs.Run) -> dict:
    """One run as a row of the table of a study.

    Returns:
        ``case, method, title, input_snr_db`` (of the noise as the case has it), ``signals`` (for training),
        ``snr_db, snr_db_low, snr_db_high, ssim, psnr_db, training_seconds, key``: means over the test signals with the
        95 % interval of the SNR.
    """
    values = run.signals["snr_db"].to_numpy()
    low, high = bootstrap_interval(values)
    return {
        "case": case,
        "method": run.config.method,
        "title": TITLES[run.config.method],
        "input_snr_db": run.config.noise.snr_db,
        "signals": run.config.sizes[0],
        "snr_db": values.mean(),
        "snr_db_low": low,
        "snr_db_high": high,
        **run.images[["ssim", "psnr_db"]].mean(),
        "training_seconds": run.record["training_seconds"],
        "key": run.config.key,
    }


def display(table: pd.DataFrame, heading: str, names: dict[str, str] | None = None) -> pd.DataFrame:
    """SNR with its interval as text: a row per case, a column per method; the best of several in bold.

    Args:
        table: of :func:`make`.
        heading: of the column with the cases.
        names: how cases are written; those that it does not have stand as they are.
    """
    rows = []
    for case, part in table.groupby("case", sort=False):
        part = part.round({"snr_db": 2, "snr_db_low": 2, "snr_db_high": 2}).replace(-0.0, 0.0)
        best = part["snr_db"].max() if len(part) > 1 else None
        cells = {
            row.title: (f"**{row.snr_db:.2f}**" if row.snr_db == best else f"{row.snr_db:.2f}")
            + f" [{row.snr_db_low:.2f}, {row.snr_db_high:.2f}]"
            for row in part.itertuples()
        }
        rows.append({heading: (names or {}).get(case, case), **cells})
    return pd.DataFrame(rows)


def differences(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """What each case costs each method against a reference [dB SNR]: a row per case, a column per method."""
    wide = table.pivot(index="case", columns="title", values="snr_db")
    order = list(dict.fromkeys(table["case"]))
    found = (wide - wide.loc[reference]).loc[order, list(dict.fromkeys(table["title"]))]
    return found.replace(-0.0, 0.0).astype(np.float64)
