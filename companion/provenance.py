"""Where each number comes from: the runs of a preset, with what each was made from, on what, and in which time."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from companion.config import RunConfig, RunName
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
        training, record = config.training, run.record
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
                "training_seconds": record["training_seconds"],
                "evaluation_seconds": record["evaluation_seconds"],
                "device": record["device"],
                "threads": record["threads"],
                "torch": record["versions"]["torch"],
            }
        )
    return pd.DataFrame(rows).astype({"seed": "Int64", "signals": "Int64", "steps": "Int64"})
