"""Finished runs: made once, found again by their key, checked whenever they are read.

Runs are looked for in several places in turn: the archive that comes with the repository (:mod:`companion.archive`),
and folders in which each run has one of its own, named by its key. A new run is made in the last place.
"""

import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import evaluation, record
from companion.archive import HISTORY, Archive, Stored, read_values
from companion.cache import lock
from companion.config import RunConfig, RunName
from companion.setup import Setup, denoiser_of
from mpicore import denoisers, files
from mpicore.denoisers import Denoiser
from mpicore.denoisers.readout import read_out

#: Where runs are looked for.
ROOT = ("published", "runs")
Root = Sequence[str | Path]

CHECKPOINT = "checkpoint.safetensors"
_RECORD = "record.json"
_WEIGHTS = "weights.safetensors"
_ARRAYS = "arrays.safetensors"
_TABLES = ("history", "signals", "images")
_LOCK = ".lock"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        config: everything that decided its outcome.
        stored: its record, history and values as they are kept, and where its weights and arrays are.
        root: where it was found, and where the run is whose denoiser it reads out.
    """

    config: RunConfig
    stored: Stored
    root: Root = ROOT

    @property
    def record(self) -> dict[str, Any]:
        """Configuration, key, versions, device, threads, noisy validation error, times [s]."""
        return self.stored.record

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch, see :func:`mpicore.training.train`."""
        return self.stored.history

    @property
    def signals(self) -> pd.DataFrame:
        """One row per test signal, see :class:`companion.evaluation.Evaluation`."""
        return self.stored.signals

    @property
    def images(self) -> pd.DataFrame:
        """One row per image, see :class:`companion.evaluation.Evaluation`."""
        return self.stored.images

    @cached_property
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What figures need, see :class:`companion.evaluation.Evaluation`."""
        return files.load_tensors(self.stored.arrays)[0] if self.stored.arrays else {}

    @cached_property
    def denoiser(self) -> Denoiser | None:
        """The fitted denoiser; ``None`` where the run does not bring what it learned."""
        if self.config.readout:
            assert self.config.base is not None
            fitted = load(self.config.base, self.root).denoiser
            return None if fitted is None else read_out(fitted, self.config.readout, self.config.scanner)
        if self.stored.weights is None and learns(self.config):
            return None
        denoiser = denoiser_of(self.config)
        denoiser.samples = self.config.scanner.num_samples  # weights of the first release do not say it
        return denoiser.restore(files.load_tensors(self.stored.weights)[0]) if self.stored.weights else denoiser


def find(config: RunConfig, root: Root = ROOT) -> Path | None:
    """Where a finished run is; ``None`` where there is none.

    Returns:
        The folder of the archive or that of the run.
    """
    for place in root:
        if Archive.is_at(place) and config.key in Archive(place).keys:
            return Path(place)
        if (Path(place) / config.key / _RECORD).exists():
            return Path(place) / config.key
    return None


def obtain(
    config: RunConfig, root: Root = ROOT, device: str = "auto", progress: bool = False, cache: str | Path | None = None
) -> Run:
    """The run of a configuration: loaded where it is there, else made (or resumed from its checkpoint) and stored.

    Args:
        config: of the run.
        root: where it is looked for; a new one is made in the last place.
        device: ``auto``, ``cpu``, ``cuda``.
        progress: show how far a training is.
        cache: folder of shared data, see :class:`companion.setup.Setup`.

    Raises:
        ValueError: what is there is damaged; its place is named.
        OSError: the folder cannot be written.
    """
    folder = Path(root[-1]) / config.key
    if find(config, root) is None:
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder / _LOCK):  # another process may be making it
            if find(config, root) is None:
                _make(Setup(config, cache), folder, root, device, progress)
    found = load(config, root)
    if found.stored.folder == folder:
        _sweep(folder)
    return found


def load(config: RunConfig, root: Root = ROOT) -> Run:
    """Read a finished run, and check every file against its digest.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: a record or a file is damaged, missing or of another configuration.
    """
    place = find(config, root)
    if place is None:
        name, where = f"{config.experiment} {config.method} ({config.key})", " or ".join(str(part) for part in root)
        raise FileNotFoundError(f"no finished run of {name} in {where}; `make reproduce` makes it")
    stored = Archive(place).run(config.key) if Archive.is_at(place) else _read(place)
    if stored is None or stored.record.get("config") != config.resolved():
        raise ValueError(f"{place}: the run {config.key} is of another configuration; delete it to make it again")
    if Archive.is_at(place):
        try:
            record.check(stored.record)
        except ValueError as error:
            raise ValueError(f"{place}: the record of the run {config.key} is damaged ({error}); restore it") from None
    elif stored.weights is None and keeps_weights(config):
        raise ValueError(f"{place} has no weights, which such a run keeps; delete it to make the run again")
    return Run(config, stored, root)


def progress(configs: Mapping[RunName, RunConfig], root: Root = ROOT) -> pd.DataFrame:
    """How far the trainings are: one row per run that trains.

    Returns:
        ``run``, ``state`` (``finished``, ``begun`` or ``waiting``), ``share`` of the steps that are done, and
        ``minutes_left`` of training at the pace of this run, or else of those that differ in the seed alone, or of the
        trainings on the same data; missing where there is none.
    """
    rows = []
    made: dict[str, int] = {}  # steps of finished trainings, by all that decides a run but its seed
    for name, config in distinct(configs):
        if config.training is None or config.readout:
            continue
        alike = replace(config, seed=None).key
        steps = made.get(alike) or config.training.epochs * (config.sizes[0] // config.training.batch_size)
        checkpoint = Path(root[-1]) / config.key / CHECKPOINT
        row: dict[str, Any] = {
            "run": str(name),
            "alike": alike,
            "dataset": config.dataset,
            "state": "waiting",
            "left": steps,
            "share": 0.0,
        }
        if find(config, root) is not None:
            run = load(config, root)
            made[alike] = int(run.history["step"].max())
            pace = run.record["training_seconds"] / made[alike]
            row |= {"state": "finished", "left": 0, "share": 1.0, "pace": pace}
        elif checkpoint.exists():
            done, seconds = _reached(checkpoint)
            row |= {"state": "begun", "left": steps - done, "share": done / steps, "pace": seconds / done}
        rows.append(row)
    table = pd.DataFrame(rows, columns=["run", "alike", "dataset", "state", "left", "share", "pace"])
    pace = table["pace"].astype(float)
    for others in ("alike", "dataset"):
        pace = pace.fillna(pace.groupby(table[others]).transform("mean"))
    left = (pace * table["left"]).where(table["left"] > 0, 0) / 60
    return table[["run", "state", "share"]].assign(minutes_left=left)


def _reached(checkpoint: Path) -> tuple[int, float]:
    """Steps and seconds of a training so far."""
    state = files.load_tensors(checkpoint)[1]
    step, seconds = state.get("step"), state.get("seconds")
    if not isinstance(step, int) or step < 1 or not isinstance(seconds, (int, float)):
        raise ValueError(f"{checkpoint} is no checkpoint; delete it to start over")
    return step, seconds


def distinct(configs: Mapping[RunName, RunConfig]) -> list[tuple[RunName, RunConfig]]:
    """Names and configurations, each configuration under the first of its names."""
    first: dict[str, tuple[RunName, RunConfig]] = {}
    for name, config in configs.items():
        first.setdefault(config.key, (name, config))
    return list(first.values())


def learns(config: RunConfig) -> bool:
    """Whether a run has anything to learn."""
    return not config.readout and denoisers.find(config.denoiser).fit is not Denoiser.fit


def keeps_weights(config: RunConfig) -> bool:
    """Whether a run keeps what it has learned; of a denoiser from outside nothing is known."""
    return learns(config) and denoisers.find(config.denoiser).stored and config.source is None


def fit(denoiser: Denoiser, setup: Setup, folder: Path | None = None, progress: bool = False) -> float:
    """Fit in place; returns the time of the fit [s]."""
    if type(denoiser).fit is Denoiser.fit:  # no data to make
        return 0.0
    pairs, held = setup.fitting_pairs(denoiser)
    started = time.monotonic()
    denoiser.fit(*pairs, validation=held, folder=folder, progress=progress)
    return time.monotonic() - started


def fitted(run: Run, setup: Setup) -> Denoiser | None:
    """The fitted denoiser of a run; what is not kept is fitted again, ``None`` where that would train a network."""
    if run.denoiser is not None or denoisers.find(run.config.denoiser).trains:
        return run.denoiser
    denoiser = setup.denoiser()
    fit(denoiser, setup)
    return read_out(denoiser, run.config.readout, run.config.scanner) if run.config.readout else denoiser


def _make(setup: Setup, folder: Path, root: Root, device: str, progress: bool) -> None:
    started = time.monotonic()
    config = setup.config
    if config.base is not None:
        assert config.readout is not None
        read = obtain(config.base, root, device, progress, setup.cache)
        found = fitted(read, Setup(config.base, setup.cache))
        if found is None:
            raise ValueError(f"{read.stored.folder} has no weights, and cannot be read out")
        denoiser = read_out(found, config.readout, config.scanner)
        seconds, history = read.record["training_seconds"], read.history[:0]
    else:
        denoiser = setup.denoiser(device)
        seconds = fit(denoiser, setup, folder, progress)
        history = pd.DataFrame(denoiser.history, columns=HISTORY)
    trained = time.monotonic()
    result = evaluation.evaluate(denoiser, setup)
    names = [f"{name}.csv" for name in _TABLES]
    for name, table in zip(names, (history, result.signals, result.images), strict=True):
        files.write_text(folder / name, table.to_csv(index=False))
    for name, tensors in (
        (_WEIGHTS, denoiser.state() if denoiser.stored and not config.readout else {}),
        (_ARRAYS, result.arrays),
    ):
        if tensors:
            files.save_tensors(folder / name, tensors)
            names.append(name)
    content = {
        "config": config.resolved(),
        "key": config.key,
        "name": f"{config.experiment} {config.method}",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in ("numpy", "scipy", "torch")},
        "training_seconds": round(float(history["seconds"].max()) if len(history) else seconds, 3),
        "validation_error": evaluation.validation_error(denoiser, setup),
        "evaluation_seconds": round(time.monotonic() - trained, 3),
        "last_session_seconds": round(time.monotonic() - started, 3),
        **_machine(config, device),
        "files": {name: files.digest(folder / name) for name in names},
    }
    files.write_json(folder / _RECORD, record.sealed(content))
    # The record makes the run whole; until here a kill leaves the checkpoint to go on from.
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove what a whole run does not need: its checkpoint, and what killed processes have left."""
    kept = {_LOCK, _RECORD, _WEIGHTS, _ARRAYS, *(f"{name}.csv" for name in _TABLES)}
    for path in folder.iterdir():
        if path.name not in kept and (path.name == CHECKPOINT or path.name.startswith(".")):
            path.unlink(missing_ok=True)


def _machine(config: RunConfig, device: str) -> dict[str, Any]:
    """Device and threads: what a training ran on."""
    import torch

    from mpicore.training import resolve_device

    name = "cpu"
    if config.training is not None:
        where = resolve_device(device)
        name = torch.cuda.get_device_name(where) if where.type == "cuda" else str(where)
    return {"device": name, "threads": torch.get_num_threads()}


def _read(folder: Path) -> Stored:
    try:
        content = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        record.check(content)
        digests = content["files"]
        missing = {f"{name}.csv" for name in _TABLES} - digests.keys()
        if missing or digests.keys() - {f"{name}.csv" for name in _TABLES} - {_WEIGHTS, _ARRAYS}:
            raise ValueError(f"files must be the tables and tensors of a run, got {sorted(digests)}")
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(f"{folder / _RECORD} is damaged ({error}); delete {folder} to make the run again") from None
    for name, value in digests.items():
        if not (folder / name).is_file() or files.digest(folder / name) != value:
            raise ValueError(f"{folder / name} is damaged or missing; delete {folder} to make the run again")
    history, signals, images = (read_values(folder / f"{name}.csv") for name in _TABLES)
    weights, arrays = (folder / name if name in digests else None for name in (_WEIGHTS, _ARRAYS))
    return Stored(folder, content, history, signals, images, weights, arrays)
