"""Where each number comes from: the runs of a preset, with what each was made from, on what, and in which time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from companion.config import RunConfig, RunName
from companion.reading import read_csv
from companion.runs import ROOT, Root, distinct, load


def provenance(configs: Mapping[RunName, RunConfig], root: Root = ROOT) -> pd.DataFrame:
    """One row per run with its key, size, device, time and versions.

    Args:
        configs: of the runs, by name; equal ones are listed once.
        root: where they are.

    Raises:
        FileNotFoundError: a run is missing.
    """
    rows: list[dict[str, Any]] = []
    for name, config in distinct(configs):
        run = load(config, root)
        training, record = None if config.readout else config.training, run.record
        rows.append(
            {
                "experiment": name.experiment,
                "case": name.case or None,
                "method": name.method,
                "protocol": config.protocol,
                "key": config.key,
                "seed": config.seed,
                "signals": config.sizes[0] if training else None,
                "steps": run.history["step"].max() if training else None,
                "learning_rate": training.learning_rate if training else None,
                "training_seconds": None if config.readout else record["training_seconds"],
                "evaluation_seconds": record["evaluation_seconds"],
                "device": record["device"],
                "threads": record["threads"],
                "torch": record["versions"]["torch"],
            }
        )
    return pd.DataFrame(rows).astype({"seed": "Int64", "signals": "Int64", "steps": "Int64"})


def checked(names: Sequence[str], folder: str | Path = "results/checked") -> pd.DataFrame:
    """What a build has measured again of the published runs: one row per experiment and study that has any.

    Args:
        names: of experiments and studies.
        folder: the files that `python -m companion check` has written.

    Returns:
        ``experiment``, ``measured`` and ``kept`` (numbers of runs that were measured again, and of those whose stored
        values were counted alone), ``signals``, ``images``, and the largest deviation in ``snr_db`` [dB].
    """
    rows: list[dict[str, Any]] = []
    for name in names:
        path = Path(folder) / f"{name}.csv"
        if not path.exists():
            continue
        table = read_csv(path, ["signals", "images"])
        again = table["signals"] > 0
        deviations = table.get("largest_snr_db", pd.Series(dtype=float))
        row = {"experiment": name, "measured": int(again.sum()), "kept": int((~again).sum())}
        row |= {count: int(table[count].sum()) for count in ("signals", "images")}
        rows.append(row | {"snr_db": float(deviations.max())})
    return pd.DataFrame(rows, columns=["experiment", "measured", "kept", "signals", "images", "snr_db"])
