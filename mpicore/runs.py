"""Training runs as folders: made once, found again by their key, checked whenever they are read."""

import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch

from mpicore import denoisers, evaluation, files
from mpicore.denoisers import Denoiser
from mpicore.experiments import RunConfig

_RECORD = "record.json"
_FILES = ("history.csv", "signals.csv", "images.csv", "weights.safetensors", "arrays.safetensors")
_HISTORY_COLUMNS = ["epoch", "step", "learning_rate", "training_loss", "validation_loss", "seconds"]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        config: everything that decided its outcome.
        record: configuration, key, versions, device, threads, wall time [s], digests of the files.
        denoiser: fitted.
        history: one row per epoch, see :func:`mpicore.training.train`.
        signals, images, arrays: see :class:`mpicore.evaluation.Evaluation`.
    """

    config: RunConfig
    record: dict
    denoiser: Denoiser
    history: pd.DataFrame
    signals: pd.DataFrame
    images: pd.DataFrame
    arrays: dict[str, np.ndarray]


def make_denoiser(config: RunConfig, device: str = "auto") -> Denoiser:
    """The denoiser of a run, not yet fitted."""
    options = dict(config.options)
    if config.network is not None:
        options |= config.network.model_dump()
        options |= {"training": config.training.model_dump(), "seed": config.seed, "device": device}
    return denoisers.create(config.denoiser, **options)


def obtain(config: RunConfig, root="runs", device: str = "auto", progress: bool = False) -> Run:
    """The run of a configuration: loaded where it is there, else made (or resumed from its checkpoint) and stored.

    Raises:
        ValueError: what is there is damaged; its folder is named.
        OSError: the folder cannot be written.
    """
    if not (config.folder(root) / _RECORD).exists():
        _make(config, config.folder(root), device, progress)
    return load(config, root)


def load(config: RunConfig, root="runs") -> Run:
    """Read a finished run, and check every file against the record.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: the record or a file is damaged, missing or of another configuration.
    """
    folder = config.folder(root)
    if not (folder / _RECORD).exists():
        raise FileNotFoundError(f"no finished run in {folder}; `make reproduce` trains it")
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        expected = {name: record["files"][name] for name in _FILES}
        stored = record["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / _RECORD} is damaged ({error}); delete {folder} to make the run again") from None
    if stored != config.resolved():
        raise ValueError(f"{folder / _RECORD} is of another configuration; delete {folder} to make the run again")
    for name, value in expected.items():
        path = folder / name
        if not path.exists() or files.digest(path) != value:
            raise ValueError(f"{path} is damaged or missing; delete {folder} to make the run again")
    state, _ = files.load_tensors(folder / "weights.safetensors")
    arrays, _ = files.load_tensors(folder / "arrays.safetensors")
    tables = [pd.read_csv(folder / f"{name}.csv") for name in ("history", "signals", "images")]
    return Run(config, record, make_denoiser(config).restore(state), *tables, arrays)


def provenance(configs: list[RunConfig], root="runs") -> pd.DataFrame:
    """Where each number comes from: one row per run with its key, seed, size, device, time and versions."""
    rows = []
    for config in configs:
        record = load(config, root).record
        training = config.training
        rows.append(
            {
                "experiment": config.experiment,
                "method": config.method,
                "key": config.key,
                "seed": config.seed,
                "signals": config.sizes[0] if training else None,
                "epochs": training.epochs if training else None,
                "learning_rate": training.learning_rate if training else None,
                "training_seconds": record["training_seconds"],
                "evaluation_seconds": record["evaluation_seconds"],
                "device": record["device"],
                "threads": record["threads"],
                "torch": record["versions"]["torch"],
            }
        )
    return pd.DataFrame(rows).astype({"seed": "Int64", "signals": "Int64", "epochs": "Int64"})


def _make(config, folder, device, progress):
    started = time.monotonic()
    denoiser = make_denoiser(config, device)
    files.write_json(folder / "config.json", config.resolved())
    data = None
    if config.network is not None or config.dataset == "system-matrix":
        data = evaluation.dataset(config)
        denoiser.fit(data.train.u1, data.train.u2, data.validation, folder=folder, progress=progress)
    trained = time.monotonic()
    result = evaluation.evaluate(denoiser, config, data)
    history = pd.DataFrame(denoiser.history, columns=_HISTORY_COLUMNS)
    for name, table in (("history", history), ("signals", result.signals), ("images", result.images)):
        files.write_text(folder / f"{name}.csv", table.to_csv(index=False))
    files.save_tensors(folder / "weights.safetensors", denoiser.state())
    files.save_tensors(folder / "arrays.safetensors", result.arrays)
    files.write_json(
        folder / _RECORD,
        {
            "config": config.resolved(),
            "key": config.key,
            "versions": {"python": platform.python_version()} | {p: version(p) for p in ("numpy", "scipy", "torch")},
            "device": _device_name(device) if config.network is not None else "cpu",
            "threads": torch.get_num_threads(),
            "training_seconds": round(history["seconds"].max(), 1) if len(history) else 0.0,
            "evaluation_seconds": round(time.monotonic() - trained, 1),
            "last_session_seconds": round(time.monotonic() - started, 1),
            "files": {name: files.digest(folder / name) for name in _FILES},
        },
    )
    # The record makes the run whole; until here a kill leaves the checkpoint to go on from.
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _device_name(device):
    where = denoisers.resolve_device(device)
    return torch.cuda.get_device_name(where) if where.type == "cuda" else str(where)
