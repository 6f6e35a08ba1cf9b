"""All methods of all experiments in one table, the paper's own values among them."""

import inspect
from pathlib import Path

import numpy as np
import pandas as pd

from companion import plugins, runs
from companion.experiments import ROOT, Experiments, RunConfig
from companion.tables import TITLES, VALUES
from mpicore import denoisers
from mpicore.denoisers.networks import NetworkDenoiser
from mpicore.metrics import bootstrap_interval

#: Columns of the leaderboard.
COLUMNS = ["experiment", "variant", "method", "title", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
COLUMNS += ["object_error", "knows", "training_seconds", "denoising_seconds", "code", "key", "group"]


def make(
    experiments: Experiments,
    preset: str,
    paper: pd.DataFrame,
    root=ROOT,
    own: list[RunConfig] = (),
    times: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per experiment, variant of the test noise and method; the best first.

    Args:
        experiments: the checked ``experiments.yml``.
        preset: whose runs.
        paper: the paper's figures, see :func:`companion.tables.read_paper`; they stand beside the last variant.
        root: search path of the runs.
        own: further runs, of denoisers from outside.
        times: the benchmarks, which say how long denoising takes.

    Returns:
        Columns :data:`COLUMNS`: means over the test items, the interval of the SNR, what a method is given besides the
        period that it denoises, the time to fit it and to denoise a signal [s], the class with its code or the file it
        came from, and the key of the run. The paper's rows have no key.

    Raises:
        FileNotFoundError: a run is missing.
    """
    listed = {name: config for name, config in experiments.runs(preset).items() if not (name.seed or name.case)}
    titled = [(_title(name.method) + " (tuned)" * name.tuned, config) for name, config in listed.items()]
    titled += [(config.method, config) for config in own]
    rows = []
    for title, config in titled:
        run = runs.load(config, root)
        for variant in config.test_noise:
            rows.append({**_values(run, variant), **_facts(run, times), "variant": variant, "title": title})
    for table, printed in paper.groupby("table"):
        experiment = experiments.tables[table].experiment
        variant = list(experiments.experiments[experiment].variants)[-1]
        for row in printed.to_dict("records"):
            title = f"{_title(row['method'])} (printed in the paper)"
            rows.append({**{column: row[column] for column in VALUES}, "experiment": experiment, "variant": variant})
            rows[-1] |= {"method": row["method"], "title": title, "group": "printed in the paper"}
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = {name: number for number, name in enumerate(experiments.experiments)}
    return table.sort_values(
        ["experiment", "variant", "snr_db"],
        ascending=[True, True, False],
        key=lambda column: column.map(order) if column.name == "experiment" else column,
        kind="stable",
        ignore_index=True,
    )


def own_runs(experiments: Experiments, preset: str, names: list[str]) -> list[RunConfig]:
    """The runs of denoisers from outside: on every experiment, or on the system matrix where they need all of one."""
    found = []
    for name in names:
        for experiment, entry in experiments.experiments.items():
            if entry.dataset == "system-matrix" or not denoisers.find(name).whole:
                found.append(experiments.own(experiment, name, plugins.source(name), preset))
    return found


def display(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The rows of one experiment as text for the book; a method of the package is a link to its code."""
    part = table[table["experiment"] == experiment]
    methods = [_linked(row.title, row.code) for row in part.itertuples()]
    shown = pd.DataFrame({"Method": methods}, index=part.index)
    if part["variant"].nunique() > 1:
        shown.insert(0, "Noise", part["variant"].str.capitalize())
    shown["SNR [dB]"] = [
        f"**{row.snr_db:.2f}**"
        + ("" if np.isnan(row.snr_db_low) else f" [{row.snr_db_low:.2f}, {row.snr_db_high:.2f}]")
        for row in part.itertuples()
    ]
    for column, heading, digits in (("rmse", "RMSE", 1), ("ssim", "SSIM", 3), ("psnr_db", "PSNR [dB]", 2)):
        shown[heading] = part[column].map(lambda value, digits=digits: f"{value:.{digits}f}")
    shown["It knows"] = part["knows"].fillna("")
    shown["Fit"] = part["training_seconds"].map(_duration)
    shown["Per signal [ms]"] = part["denoising_seconds"].map(lambda s: "" if np.isnan(s) else f"{1e3 * s:.2g}")
    return shown


def plain(shown: pd.DataFrame) -> str:
    """A table of :func:`display` as text for a terminal, without marks."""
    marks = {r"\*\*": "", r"\{py:class\}`(.*?) <.*?>`": r"\1"}
    return shown.replace(marks, regex=True).to_string(index=False)


def _linked(title, code):
    return f"{{py:class}}`{title} <{code}>`" if str(code).startswith("mpicore.") else title


def _duration(seconds):
    if np.isnan(seconds):
        return ""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _title(method):
    return TITLES.get(method, method)


def _values(run, variant):
    signals, images = (part[part["variant"] == variant] for part in (run.signals, run.images))
    low, high = bootstrap_interval(signals["snr_db"].to_numpy())
    found = {"snr_db": signals["snr_db"].mean(), "snr_db_low": low, "snr_db_high": high, "rmse": signals["rmse"].mean()}
    return found | {column: images[column].mean() for column in ("ssim", "psnr_db", "object_error")}


def _facts(run, times):
    config, cls = run.config, denoisers.find(run.config.denoiser)
    return {
        "experiment": config.experiment,
        "method": config.method,
        "knows": cls.knows,
        "training_seconds": run.record["training_seconds"] if config.denoiser != "noisy" else None,
        "denoising_seconds": None if times is None else _denoising_seconds(config, cls, times.set_index("key")),
        "code": _file(cls) if config.source else f"{cls.__module__}.{cls.__name__}",
        "key": config.key,
        "group": _group(config, cls),
    }


def _group(config, cls):
    if config.source:
        return "from outside"
    if cls.supervised:
        return "ceiling: needs clean signals"
    if issubclass(cls, NetworkDenoiser):
        return "the paper's network"
    if cls.whole:
        return "needs the whole matrix"
    return "knows the scanner" if cls.needs_scanner else "knows no scanner"


def _denoising_seconds(config, cls, times):
    """The paper's network is the baseline of these benchmarks; R2R passes it once per recorruption."""
    rows = times[times.index.str.startswith("denoise_")]
    if (key := f"denoise_{config.denoiser}") in rows.index:
        return rows["candidate_seconds"][key]
    if issubclass(cls, NetworkDenoiser):
        return rows["baseline_seconds"].iloc[0] * config.options.get("recorruptions", 1)
    return None


def _file(cls):
    path, root = Path(inspect.getsourcefile(cls)).resolve(), Path.cwd()
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name
