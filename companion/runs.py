"""Training runs as folders: made once, found again by their key, checked whenever they are read.

Runs live on a *search path*: folders separated by colons, such as ``published:runs``. A run is looked for in each of
them in turn; a new one is made in the last.
"""

import json
import os
import platform
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from companion import evaluation
from companion.experiments import ROOT, RunConfig, RunName
from mpicore import denoisers, files
from mpicore.denoisers import Denoiser
from mpicore.training import resolve_device

_RECORD = "record.json"
_WEIGHTS = "weights.safetensors"
_FILES = ("history.csv", "signals.csv", "images.csv", "arrays.safetensors")
#: How far a value may lie from the stored one on another machine (dB and SSIM absolute, RMSE relative). Rounding alone
#: stays far below. A wrong weight, noise or grid does not.
TOLERANCES = {"snr_db": 0.005, "rmse": 0.001, "ssim": 0.002, "psnr_db": 0.02}
_HISTORY_COLUMNS = ["epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds"]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        config: everything that decided its outcome.
        record: configuration, key, versions, device, threads, wall time [s], digests of the files.
        denoiser: fitted; ``None`` where the run does not bring its weights.
        history: one row per epoch, see :func:`mpicore.training.train`.
        signals, images, arrays: see :class:`companion.evaluation.Evaluation`.
    """

    config: RunConfig
    record: dict
    denoiser: Denoiser | None
    history: pd.DataFrame
    signals: pd.DataFrame
    images: pd.DataFrame
    arrays: dict[str, np.ndarray]


def make_denoiser(config: RunConfig, device: str = "auto") -> Denoiser:
    """The denoiser of a run, not yet fitted."""
    options = dict(config.options)
    if denoisers.find(config.denoiser).needs_scanner:
        options["scanner"] = evaluation.scanner(config)
    if config.network is not None:
        options |= config.network.model_dump()
        options |= {"training": config.training.model_dump(), "seed": config.seed, "device": device}
    return denoisers.create(config.denoiser, **options)


def find(config: RunConfig, root=ROOT) -> Path | None:
    """Folder of a finished run on the search path; ``None`` where there is none."""
    folders = (config.folder(part) for part in _parts(root))
    return next((folder for folder in folders if (folder / _RECORD).exists()), None)


def obtain(config: RunConfig, root=ROOT, device: str = "auto", progress: bool = False) -> Run:
    """The run of a configuration: loaded where it is there, else made (or resumed from its checkpoint) and stored.

    Raises:
        ValueError: what is there is damaged; its folder is named.
        OSError: the folder cannot be written.
    """
    if find(config, root) is None:
        _make(config, config.folder(_parts(root)[-1]), device, progress)
    return load(config, root)


def load(config: RunConfig, root=ROOT) -> Run:
    """Read a finished run, and check every file against the record.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: the record or a file is damaged, missing or of another configuration.
    """
    folder = find(config, root)
    if folder is None:
        where = " or ".join(str(config.folder(part)) for part in _parts(root))
        raise FileNotFoundError(f"no finished run in {where}; `make reproduce` trains it")
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        digests, stored = record["files"], record["config"]
        expected = {name: digests[name] for name in (*_FILES, *(n for n in digests if n == _WEIGHTS))}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / _RECORD} is damaged ({error}); delete {folder} to make the run again") from None
    if stored != config.resolved():
        raise ValueError(f"{folder / _RECORD} is of another configuration; delete {folder} to make the run again")
    for name, value in expected.items():
        path = folder / name
        if not path.exists() or files.digest(path) != value:
            raise ValueError(f"{path} is damaged or missing; delete {folder} to make the run again")
    denoiser = None
    if _WEIGHTS in expected:
        state, _ = files.load_tensors(folder / _WEIGHTS)
        denoiser = make_denoiser(config).restore(state)
    arrays, _ = files.load_tensors(folder / "arrays.safetensors")
    tables = [pd.read_csv(folder / f"{name}.csv") for name in ("history", "signals", "images")]
    return Run(config, record, denoiser, *tables, arrays)


def publish(config: RunConfig, source="runs", target="published", weights: bool = True) -> Path:
    """Copy a finished run to where the repository keeps it, its tables to six digits, with or without its weights.

    Returns:
        Its folder there.
    """
    record = load(config, source).record
    origin, folder = config.folder(source), config.folder(target)
    names = [name for name in record["files"] if weights or name != _WEIGHTS]
    for name in names:
        with files.replacing(folder / name) as temporary:
            if name.endswith(".csv"):
                pd.read_csv(origin / name).to_csv(temporary, index=False, float_format="%.6g")
            else:
                shutil.copyfile(origin / name, temporary)
    digests = {name: files.digest(folder / name) for name in names}
    files.write_json(folder / _RECORD, record | {"files": digests})
    return folder


def verify(config: RunConfig, root=ROOT, signals: int | list[int] | None = None) -> dict[str, float]:
    """Measure a finished run again, from its stored weights and data made anew, and compare.

    Args:
        config: of the run. Where weights are not stored because fitting takes seconds, the denoiser is fitted again; a
            network without weights is compared with nothing.
        root: search path.
        signals: how many test signals to denoise, or which. ``None`` for the whole evaluation.

    Returns:
        Largest deviation of each value from the stored one; empty for a network without weights.

    Raises:
        ValueError: a deviation is larger than :data:`TOLERANCES` allows; run, value and item are named.
    """
    run = load(config, root)
    denoiser, data = run.denoiser, None
    if denoiser is None and not denoisers.find(config.denoiser).stored:
        denoiser = make_denoiser(config)
        data, _ = _fit(denoiser, config)
    if denoiser is None:
        return {}
    indices = list(range(min(signals, config.sizes[2]))) if isinstance(signals, int) else signals
    found = evaluation.evaluate(denoiser, config, data, indices)
    deviations = {}
    for stored, measured in ((run.signals, found.signals), (run.images, found.images)):
        if measured.empty:
            continue
        both = measured.merge(stored, on=["variant", "index"], suffixes=("", "_stored"), validate="one_to_one")
        for column, tolerance in TOLERANCES.items():
            if column not in measured:
                continue
            scale = both[f"{column}_stored"].abs() if column == "rmse" else 1
            deviation = (both[column] - both[f"{column}_stored"]).abs() / scale
            deviations[column] = float(deviation.max())
            if len(both) != len(measured) or not deviations[column] <= tolerance:
                item = both.loc[deviation.idxmax()]
                raise ValueError(
                    f"{find(config, root)} does not agree with its weights: {column} of {item['variant']} item "
                    f"{item['index']} is stored as {item[f'{column}_stored']:.6g}, measured {item[column]:.6g}"
                )
    if "components" in found.arrays:
        stored, measured = run.arrays["components"], found.arrays["components"]
        deviations["components"] = float(np.linalg.norm(measured - stored) / np.linalg.norm(stored))
        if not deviations["components"] <= TOLERANCES["rmse"]:
            raise ValueError(f"{find(config, root)} does not agree with its weights: components of Figure 3")
    return deviations


def progress(configs: dict[RunName, RunConfig], root=ROOT) -> pd.DataFrame:
    """How far the trainings are: one row per run that trains.

    Returns:
        ``run``, ``state`` (``finished``, ``begun`` or ``waiting``), ``share`` of the steps that are done, and
        ``minutes_left`` of training at the pace of this run, or else of the trainings on the same data; missing where
        there is none.
    """
    rows = []
    for name, config in _distinct(configs):
        if config.training is None:
            continue
        steps = config.training.epochs * (config.sizes[0] // config.training.batch_size)
        checkpoint = config.folder(_parts(root)[-1]) / "checkpoint.safetensors"
        row = {"run": str(name), "dataset": config.dataset, "state": "waiting", "left": steps, "share": 0.0}
        if (folder := find(config, root)) is not None:
            seconds = json.loads((folder / _RECORD).read_text(encoding="utf-8"))["training_seconds"]
            done = pd.read_csv(folder / "history.csv")["step"].max()
            row |= {"state": "finished", "left": 0, "share": 1.0, "pace": seconds / done}
        elif checkpoint.exists():
            state = files.load_tensors(checkpoint)[1]
            row |= {"state": "begun", "left": steps - state["step"], "share": state["step"] / steps}
            row["pace"] = state["seconds"] / state["step"]
        rows.append(row)
    table = pd.DataFrame(rows, columns=["run", "dataset", "state", "left", "share", "pace"])
    pace = table["pace"].astype(float).fillna(table.groupby("dataset")["pace"].transform("mean"))
    return table[["run", "state", "share"]].assign(minutes_left=(pace * table["left"]).where(table["left"] > 0, 0) / 60)


def provenance(configs: dict[RunName, RunConfig], root=ROOT) -> pd.DataFrame:
    """Where each number comes from: one row per run with its key, size, device, time and versions."""
    rows = []
    for name, config in _distinct(configs):
        run = load(config, root)
        training, record = config.training, run.record
        rows.append(
            {
                "experiment": config.experiment,
                "method": config.method,
                "protocol": "tuned" if name.tuned else "paper" if training else None,
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


def source_note(notebook: str, preset: str, used: list[Run]) -> str:
    """Markdown that names what a table or figure was made from: notebook, preset, and each run with its cost."""
    listed = []
    for run in used:
        record, config = run.record, run.config
        cost = (
            f", trained in {record['training_seconds'] / 60:.0f} min on {record['device']}" if config.training else ""
        )
        seed = f", seed {config.seed}" if config.seed else ""
        listed.append(f"{config.experiment} {config.method} `{config.key}`{seed}{cost}")
    return f"*Source: `notebooks/{notebook}.md` with preset `{preset}`. Runs: {'; '.join(listed)}.*"


def _make(config, folder, device, progress):
    started = time.monotonic()
    denoiser = make_denoiser(config, device)
    files.write_json(folder / "config.json", config.resolved())
    data, seconds = _fit(denoiser, config, folder, progress)
    trained = time.monotonic()
    result = evaluation.evaluate(denoiser, config, data)
    history = pd.DataFrame(denoiser.history, columns=_HISTORY_COLUMNS)
    for name, table in (("history", history), ("signals", result.signals), ("images", result.images)):
        files.write_text(folder / f"{name}.csv", table.to_csv(index=False))
    if denoiser.stored:
        files.save_tensors(folder / _WEIGHTS, denoiser.state())
    files.save_tensors(folder / "arrays.safetensors", result.arrays)
    names = (*_FILES, _WEIGHTS) if denoiser.stored else _FILES
    files.write_json(
        folder / _RECORD,
        {
            "config": config.resolved(),
            "key": config.key,
            "versions": {"python": platform.python_version()} | {p: version(p) for p in ("numpy", "scipy", "torch")},
            "device": _device_name(device) if config.network is not None else "cpu",
            "threads": torch.get_num_threads(),
            "training_seconds": round(history["seconds"].max() if len(history) else seconds, 1),
            "evaluation_seconds": round(time.monotonic() - trained, 1),
            "last_session_seconds": round(time.monotonic() - started, 1),
            "files": {name: files.digest(folder / name) for name in names},
        },
    )
    # The record makes the run whole; until here a kill leaves the checkpoint to go on from.
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _fit(denoiser, config, folder=None, progress=False):
    """Fit in place; returns the data where it needed them, and the time of the fit [s]."""
    data, started = None, time.monotonic()
    if config.denoiser != "noisy" or config.dataset == "system-matrix":
        pairs, held, data = evaluation.fitting_pairs(denoiser, config)
        started = time.monotonic()
        denoiser.fit(pairs.u1, pairs.u2, held, folder=folder, progress=progress)
    return data, time.monotonic() - started


def _distinct(configs):
    """Names and configurations, each configuration under the first of its names."""
    first = {config.key: name for name, config in reversed(configs.items())}
    return [(name, config) for name, config in configs.items() if first[config.key] == name]


def _parts(root):
    return str(root).split(os.pathsep)


def _device_name(device):
    where = resolve_device(device)
    return torch.cuda.get_device_name(where) if where.type == "cuda" else str(where)
