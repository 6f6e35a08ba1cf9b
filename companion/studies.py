"""Studies: one quantity is varied, and every method meets it in the same way."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import runs
from companion.evaluation import implied_snr_db
from companion.experiments import Experiments
from companion.reading import read_csv
from companion.runs import ROOT, Root, Run
from companion.schema import Case, Method
from companion.statistics import Spread, estimate, pooled

_WIDEST = 9  #: methods side by side in a table


def make(known: Experiments, study: str, preset: str, root: Root = ROOT) -> pd.DataFrame:
    """One row per case and method, in the order of the file.

    Args:
        known: the checked ``experiments.yml``.
        study: its name.
        preset: whose runs.
        root: where the runs are.

    Returns:
        The columns of :func:`row`.

    Raises:
        FileNotFoundError: a run is missing.
    """
    entry = known.studies[study]
    made = {
        (case, method): [
            runs.load(known.named(name, preset), root) for name in known.cases(study, case, method, preset)
        ]
        for case in entry.cases
        for method in entry.methods
    }
    trained: dict[str | None, list[list[float]]] = defaultdict(list)
    for (_, method), found in made.items():
        trained[known.methods[method].network].append([float(run.signals["snr_db"].mean()) for run in found])
    spread = {kind: pooled(means) if kind else Spread() for kind, means in trained.items()}
    rows = [
        row(case, entry.cases[case].title or case, known.methods[method], found, spread[known.methods[method].network])
        for (case, method), found in made.items()
    ]
    for method in entry.methods if entry.full else ():
        run = runs.load(known.named(known.shown(entry.experiment, method, preset), preset), root)
        rows.append(row("full", "{signals}", known.methods[method], [run], Spread()))
    return pd.DataFrame(rows)


def row(case: str, title: str, method: Method, trainings: Sequence[Run], spread: Spread) -> dict[str, Any]:
    """All trainings of a method in one case as a row of the table of a study.

    Args:
        case, title: name of the case, and how it is written.
        method: how the method of the runs is called.
        trainings: a run per seed.
        spread: between trainings, see :mod:`companion.statistics`.

    Returns:
        ``case, case_title, method, title, input_snr_db`` (of the noise as the case has it), ``signals`` (for
        training), ``steps`` (of the training), ``trainings`` (how many), ``snr_db, snr_db_low, snr_db_high, ssim,
        psnr_db, training_seconds``: means over the test signals and trainings with the 95 % interval of the SNR; the
        ``key`` of the first run; and ``validated_db``, the SNR that the error of the first training on noisy validation
        pairs implies, missing where that was not kept. The seed draws which period of a validation pair is the target,
        so that errors compare trainings of one seed.
    """
    run = trainings[0]
    values = np.mean([one.signals["snr_db"].to_numpy(float) for one in trainings], axis=0)
    found = estimate(values, spread=spread, share=1 / len(trainings))
    images = pd.concat([one.images[["ssim", "psnr_db"]] for one in trainings]).mean()
    error = _noisy_error(run)
    implied = None if error is None else float(implied_snr_db(error, run.config.noise.total_snr_db))
    return {
        "case": case,
        "case_title": title.format(signals=run.config.sizes[0]),
        "method": run.config.method,
        "title": method.title,
        "input_snr_db": run.config.noise.snr_db,
        "signals": run.config.sizes[0],
        "steps": run.history["step"].max() if run.config.training else None,
        "trainings": len(trainings) if run.config.training else None,
        **found.columns("snr_db"),
        "ssim": images["ssim"],
        "psnr_db": images["psnr_db"],
        "training_seconds": np.mean([one.record["training_seconds"] for one in trainings]),
        "validated_db": implied,
        "key": run.config.key,
    }


def _noisy_error(run: Run) -> float | None:
    """Mean square error on the noisy validation pairs: the loss of N2N itself, which every training keeps."""
    if run.config.denoiser == "n2n" and not run.config.readout:
        return float(run.history["validation_loss"].min())
    return run.record.get("validation_error")


def display(table: pd.DataFrame, heading: str) -> pd.DataFrame:
    """SNR with its interval as text: a row per case, a column per method; the best of several in bold.

    More methods than a page is wide become rows, and the cases columns.

    Of one method alone, the SNR that the noisy validation pairs imply stands beside, where every run has kept it.

    Args:
        table: of :func:`make`.
        heading: of the column with the cases.
    """
    rows: list[dict[str, str]] = []
    validated = table["title"].nunique() == 1 and bool(table["validated_db"].notna().all())
    for _, part in table.groupby("case", sort=False):
        part = part.round({"snr_db": 2, "snr_db_low": 2, "snr_db_high": 2}).replace(-0.0, 0.0)
        best = part["snr_db"].max() if len(part) > 1 else None
        cells = {heading: str(part["case_title"].iloc[0])}
        line: Any
        for line in part.itertuples():
            value = f"**{line.snr_db:.2f}**" if line.snr_db == best else f"{line.snr_db:.2f}"
            cells[str(line.title)] = f"{value} [{line.snr_db_low:.2f}, {line.snr_db_high:.2f}]"
        if validated:
            cells["By noisy validation, first training"] = f"{part['validated_db'].iloc[0]:.2f}"
        rows.append(cells)
    shown = pd.DataFrame(rows)
    if table["title"].nunique() > _WIDEST:
        shown = shown.set_index(heading).T.rename_axis(None, axis=1).rename_axis("Method").reset_index()
    return shown


def columns(study: str, analyses_folder: str | Path) -> dict[str, dict[Any, float]]:
    """Further columns of a study's table, from the analysis of the same name: a value per case by heading.

    Args:
        study: its name.
        analyses_folder: where results of analyses are.
    """
    path = Path(analyses_folder) / f"{study}.csv"
    if not path.exists():
        return {}
    frame = read_csv(path, ["case"], dtype={"case": str}).set_index("case")
    return {str(heading): frame[heading].to_dict() for heading in frame}


def full_training(known: Experiments, study: str, preset: str, root: Root = ROOT) -> pd.DataFrame:
    """How far the methods of a study are from what its experiment shows of them, on the same kind of data.

    Args:
        known, study, preset, root: as for :func:`make`.

    Returns:
        A row per method that both have, with its name as index. ``steps`` and ``snr_db`` are of the case of the study
        that changes nothing, and ``full_steps`` and ``full_snr_db`` of the run that the experiment shows; steps are
        those of the training, missing for what does not train.
    """
    entry = known.studies[study]
    plain = next(case for case, changed in entry.cases.items() if changed == Case(title=changed.title))
    listed = set(known.names(preset))
    rows: dict[str, dict[str, Any]] = {}
    for method in entry.methods:
        name = known.shown(entry.experiment, method, preset)
        if name not in listed or known.methods[method].denoiser == "noisy":
            continue
        short = runs.load(known.study_run(study, plain, method, preset), root)
        full = runs.load(known.named(name, preset), root)
        rows[method] = {
            "steps": short.history["step"].max(),
            "snr_db": float(short.signals["snr_db"].mean()),
            "full_steps": full.history["step"].max(),
            "full_snr_db": float(full.signals["snr_db"].mean()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def display_training(full: pd.DataFrame, known: Experiments) -> pd.DataFrame:
    """The methods of :func:`full_training` that train, as text for the book."""
    trained = full[full["steps"].notna()]
    return pd.DataFrame(
        {
            "Method": [known.methods[str(method)].title for method in trained.index],
            "Steps here": trained["steps"].astype(int),
            "SNR here [dB]": trained["snr_db"].map("{:.2f}".format),
            "Steps in full": trained["full_steps"].astype(int),
            "SNR in full [dB]": trained["full_snr_db"].map("{:.2f}".format),
        }
    )


def reversed_orders(full: pd.DataFrame, known: Experiments) -> str:
    """Pairs of methods of :func:`full_training` whose order by SNR the full training reverses, in words."""
    pairs: list[str] = []
    for better, worse in permutations(full.index, 2):
        here = full["snr_db"][better] > full["snr_db"][worse]
        if here and full["full_snr_db"][better] < full["full_snr_db"][worse]:
            pairs.append(f"{known.methods[str(worse)].title} passes {known.methods[str(better)].title}")
    return "; ".join(pairs) or "none"
