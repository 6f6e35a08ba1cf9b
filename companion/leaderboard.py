"""All methods of all experiments in one table, the paper's own values among them."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import plugins, runs
from companion.config import RunConfig
from companion.experiments import Experiments
from companion.runs import ROOT, Root
from companion.statistics import Measured, Statistics
from companion.tables import VALUES
from mpicore import denoisers
from mpicore.denoisers import Denoiser

#: Group of the denoisers that are not in the experiments file.
OUTSIDE = "from outside"
#: Columns of the leaderboard.
COLUMNS = ["experiment", "variant", "method", "title", "snr_db", "snr_db_low", "snr_db_high", "rmse", "ssim", "psnr_db"]
COLUMNS += [
    "object_error",
    "knows",
    "periods",
    "trainings",
    "validation_error",
    "training_seconds",
    "denoising_seconds",
]
COLUMNS += ["code", "key", "group", "shown"]


def make(
    known: Experiments,
    preset: str,
    paper: pd.DataFrame,
    root: Root = ROOT,
    own: pd.DataFrame | None = None,
    times: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per experiment, variant of the test noise and run; the best first.

    Args:
        known: the checked ``experiments.yml``.
        preset: whose runs.
        paper: the paper's figures, see :func:`companion.tables.read_paper`; they stand beside the last variant.
        root: where the runs are.
        own: rows of denoisers from outside, see :func:`own_rows`.
        times: the benchmarks, which say how long denoising takes.

    Returns:
        Columns :data:`COLUMNS`: means over the test items and trainings, the interval of the SNR, what a method is
        given besides the period that it denoises, how many periods that is, how many trainings a row is the mean of,
        the noisy validation error of the first (see :func:`companion.evaluation.validation_error`), the mean times to
        fit it and to denoise a signal [s], the class with its code or the file it came from, and the key of the first
        run. ``shown`` is true for the run by which a leaderboard knows the method: under the tuned protocol where the
        preset trains it so, which no test value decides. The paper's rows have no key.

    Raises:
        FileNotFoundError: a run is missing.
    """
    rows: list[dict[str, Any]] = []
    statistics = Statistics(known, preset, root)
    for name in known.runs(preset):
        if name.seed or name.case:
            continue
        method = known.methods[name.method]
        facts = {
            "title": method.title + " (tuned)" * name.tuned,
            "knows": method.knows,
            "shown": name == known.shown(name.experiment, name.method, preset),
        }
        rows += _rows(statistics.of(name), facts, times)
    for table, printed in paper.groupby("table"):
        experiment = known.tables[str(table)].experiment
        variant = list(known.experiments[experiment].variants)[-1]
        for line in printed.to_dict("records"):
            title = f"{known.methods[line['method']].title} (printed in the paper)"
            values = {column: line[column] for column in VALUES}
            rows.append({**values, "experiment": experiment, "variant": variant, "method": line["method"]})
            rows[-1] |= {"title": title, "group": "printed in the paper", "shown": True}
    frame = pd.DataFrame(rows, columns=COLUMNS)
    if own is not None and len(own):
        frame = pd.concat([frame, own[COLUMNS].astype(frame.dtypes)], ignore_index=True)
    order = {name: number for number, name in enumerate(known.experiments)}
    return frame.sort_values(
        ["experiment", "variant", "snr_db"],
        ascending=[True, True, False],
        key=lambda column: column.map(order) if column.name == "experiment" else column,
        kind="stable",
        ignore_index=True,
    )


def own_runs(known: Experiments, preset: str, names: Sequence[str]) -> list[RunConfig]:
    """The runs of denoisers from outside: on every experiment, or on the system matrix where they need all of one."""
    return [
        known.own(experiment, name, plugins.source(name), preset)
        for name in names
        for experiment, entry in known.experiments.items()
        if entry.dataset == "system-matrix" or not denoisers.find(name).whole
    ]


def own_rows(configs: Sequence[RunConfig], root: Root = ROOT) -> pd.DataFrame:
    """Rows of finished runs of denoisers from outside; what such a class knows, its attribute ``knows`` says."""
    rows: list[dict[str, Any]] = []
    for config in configs:
        cls = denoisers.find(config.denoiser)
        facts = {
            "title": getattr(cls, "title", config.method),
            "knows": getattr(cls, "knows", "not said"),
            "shown": True,
            "code": _file(cls),
            "group": OUTSIDE,
        }
        rows += _rows(Measured((runs.load(config, root),)), facts, None)
    return pd.DataFrame(rows, columns=COLUMNS)


def by_method(table: pd.DataFrame, experiment: str, variant: str) -> pd.DataFrame:
    """The rows by which texts speak of the methods of the file: one per method, the shown one, with its name as index.

    Args:
        table: of :func:`make`.
        experiment, variant: one experiment, and one of the kinds of test noise.
    """
    part = table[(table["experiment"] == experiment) & (table["variant"] == variant)]
    return part[part["shown"] & part["key"].notna() & (part["group"] != OUTSIDE)].set_index("method")


def chosen(methods: pd.DataFrame) -> pd.Series:
    """The method that one would take without any clean signal: that with the lowest error on noisy validation pairs.

    Of the methods that denoise one period and have seen no clean signal, those that have such an error.

    Args:
        methods: of :func:`by_method`.

    Raises:
        ValueError: no method has one.
    """
    fair = methods[(methods["periods"] == 1) & ~methods["group"].str.startswith("ceiling")]
    errors = fair["validation_error"].astype(float).dropna()
    if errors.empty:
        raise ValueError("no method has an error on noisy validation pairs")
    return fair.iloc[int(np.nanargmin(fair["validation_error"].to_numpy(float)))]


def display(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The rows of one experiment as text for the book; a method of the package is a link to its code."""
    part = table[table["experiment"] == experiment]
    lines: list[Any] = list(part.itertuples())
    methods = [_linked(row.title, row.code) for row in lines]
    shown = pd.DataFrame({"Method": methods}, index=part.index)
    if part["variant"].nunique() > 1:
        shown.insert(0, "Noise", part["variant"].str.capitalize())
    shown["SNR [dB]"] = [
        f"**{row.snr_db:.2f}**"
        + ("" if np.isnan(row.snr_db_low) else f" [{row.snr_db_low:.2f}, {row.snr_db_high:.2f}]")
        for row in lines
    ]
    for column, heading, digits in (("rmse", "RMSE", 1), ("ssim", "SSIM", 3), ("psnr_db", "PSNR [dB]", 2)):
        shown[heading] = part[column].map(lambda value, digits=digits: f"{value:.{digits}f}")
    shown["Noisy validation"] = [
        "" if np.isnan(value) else f"{value:.4f}" for value in part["validation_error"].astype(float)
    ]
    shown["Periods"] = ["" if np.isnan(value) else f"{value:.0f}" for value in part["periods"].astype(float)]
    shown["It knows"] = part["knows"].fillna("")
    shown["Fit"] = part["training_seconds"].map(_duration)
    shown["Per signal [ms]"] = part["denoising_seconds"].map(lambda s: "" if np.isnan(s) else _two_digits(1e3 * s))
    return shown


def plain(shown: pd.DataFrame) -> str:
    """A table of :func:`display` as text for a terminal, without marks."""
    marks = {r"\*\*": "", r"\{py:class\}`(.*?) <.*?>`": r"\1"}
    return shown.replace(marks, regex=True).to_string(index=False)


def _linked(title: str, code: Any) -> str:
    return f"{{py:class}}`{title} <{code}>`" if str(code).startswith("mpicore.") else title


def _two_digits(value: float) -> str:
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def _duration(seconds: float) -> str:
    if np.isnan(seconds):
        return ""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _rows(found: Measured, facts: dict[str, Any], times: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    config, cls = found.config, denoisers.find(found.config.denoiser)
    learns = cls.fit is not Denoiser.fit
    common = {
        "experiment": config.experiment,
        "method": config.method,
        "training_seconds": np.mean([run.record["training_seconds"] for run in found.runs]) if learns else None,
        "trainings": len(found.runs) if cls.trains else None,
        "periods": 2 if cls.periods == 2 or config.two_periods else 1,
        "validation_error": found.runs[0].record.get("validation_error"),
        "denoising_seconds": None if times is None else _denoising_seconds(config, times.set_index("key")),
        "code": f"{cls.__module__}.{cls.__name__}",
        "key": config.key,
        "group": _group(config, cls),
        **facts,
    }
    for variant in config.test_noise:
        values = {column: found.estimate(variant, column).mean for column in (*VALUES, "object_error")}
        yield {**values, **found.estimate(variant, "snr_db").columns("snr_db"), **common, "variant": variant}


def _group(config: RunConfig, cls: type[Denoiser]) -> str:
    if cls.supervised:
        return "ceiling: needs clean signals"
    if cls.trains and not cls.needs_scanner:
        return "the paper's network"
    if cls.whole:
        return "needs the whole matrix"
    return "knows the scanner" if cls.needs_scanner else "knows no scanner"


def _denoising_seconds(config: RunConfig, times: pd.DataFrame) -> float | None:
    """Of the benchmark of the denoiser, or of the network that it passes; R2R passes it once per recorruption.

    A denoiser that is read out over two periods, or over mirror images, is used twice.
    """
    twice = 2 if config.two_periods or "mirrored" in (config.readout or "") else 1
    if (key := f"denoise_{config.denoiser}") in times.index:
        return float(times["candidate_seconds"][key]) * twice
    if config.training is not None and "denoise_network" in times.index:
        passes = config.options.get("recorruptions", 1)
        return float(times["candidate_seconds"]["denoise_network"]) * passes * twice
    return None


def _file(cls: type[Denoiser]) -> str:
    path, root = Path(inspect.getsourcefile(cls) or "?").resolve(), Path.cwd()
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name
