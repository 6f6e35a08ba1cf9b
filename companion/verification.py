"""Stored runs, measured again from their weights and from data that are made anew, and compared value by value."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import evaluation, runs
from companion.archive import IMAGE_VALUES, SIGNAL_VALUES, Archive
from companion.config import RunConfig, RunName
from companion.experiments import Experiments
from companion.runs import ROOT, Root, Run
from companion.setup import Setup
from mpicore import denoisers
from mpicore.denoisers import Denoiser
from mpicore.denoisers.trained import TrainedDenoiser
from mpicore.reconstruction import frequency_components

#: How far a value may lie from the stored one on another machine (dB, SSIM and object error absolute, RMSE relative).
#: Rounding alone stays far below. A wrong weight, noise or grid does not.
TOLERANCES = {"snr_db": 0.005, "rmse": 0.001, "ssim": 0.002, "psnr_db": 0.02, "object_error": 0.002}
#: The same for a loss or an error of the whole validation set, relative.
MEAN_TOLERANCE = 0.001
#: The same for each element of an array, relative to the largest; whole numbers are equal.
ARRAY_TOLERANCE = 0.001
_ITEM = ["variant", "index"]


@dataclass(frozen=True)
class Check:
    """What was measured again of one run.

    Attributes:
        signals, images: how many test items.
        deviations: the largest of each value from the stored one; empty where there was nothing to measure with.
    """

    signals: int
    images: int
    deviations: dict[str, float]


def verify(
    config: RunConfig,
    root: Root = ROOT,
    signals: int | Sequence[int] | None = None,
    refit: bool = True,
    cache: str | Path | None = None,
) -> Check:
    """Measure a finished run again and compare.

    Args:
        config: of the run. A network without weights is compared with nothing, and arrays where they were kept.
        root: where runs are.
        signals: how many test signals to denoise, or which. ``None`` for the whole evaluation.
        refit: fit again what has no weights and takes seconds to fit.
        cache: folder of shared data, see :class:`companion.setup.Setup`.

    Raises:
        ValueError: a value deviates by more than :data:`TOLERANCES` allows, is missing or not a number, or an item is
            on one side alone; run, value and item are named.
    """
    run, setup = runs.load(config, root), Setup(config, cache)
    _check_rows(run, setup)
    _check_history(run)
    denoiser = runs.fitted(run, setup) if refit else run.denoiser
    if denoiser is None:
        return Check(0, 0, {})
    indices = list(range(min(signals, config.sizes[2]))) if isinstance(signals, int) else signals
    found = evaluation.evaluate(denoiser, setup, indices)
    deviations = _compared(run, run.signals, found.signals, SIGNAL_VALUES, indices)
    if not found.images.empty:
        deviations |= _compared(run, run.images, found.images, IMAGE_VALUES, indices)
    if found.arrays and run.stored.arrays is not None:
        if further := run.arrays.keys() - found.arrays.keys():
            raise ValueError(f"{run.stored.folder} holds arrays that no test gives: {', '.join(sorted(further))}")
        deviations |= _compared_arrays(run, found.arrays)
    if signals is None:
        deviations |= _compared_means(run, denoiser, setup)
    return Check(len(found.signals), len(found.images), deviations)


def check(
    known: Experiments,
    experiment: str,
    preset: str,
    root: Root = ROOT,
    signals: int = 20,
    mapped: Collection[RunName] = (),
    cache: str | Path | None = None,
) -> Iterator[tuple[RunName, RunConfig, Check]]:
    """Measure again a part of every published run of an experiment or study, as each build does.

    Args:
        known: the checked experiments file.
        experiment: name of the experiment or study.
        preset: whose runs.
        root: where runs are; those in folders of their own were made here and need no check.
        signals: how many test signals of each stored network.
        mapped: runs of system matrices that figures show: every tenth pixel of their maps is measured.
        cache: folder of shared data, see :class:`companion.setup.Setup`.

    Raises:
        ValueError: as :func:`verify`; a run without the weights, or the arrays, that it must have.
    """
    for name, config in runs.distinct(known.runs(preset)):
        place = runs.find(config, root)
        if name.experiment != experiment or place is None or not Archive.is_at(place):
            continue
        require_weights(known, name, config, root)
        found = verify(config, root, signals, refit=False, cache=cache)
        if name in mapped:
            if runs.load(config, root).stored.arrays is None:
                raise ValueError(f"{place}: {name} has no arrays, and its figures cannot be drawn")
            whole = verify_map(config, root, cache, every=10)
            found = Check(whole.signals, whole.images, found.deviations | whole.deviations)
        yield name, config, found


def require_weights(known: Experiments, name: RunName, config: RunConfig, root: Root = ROOT) -> None:
    """Refuse a published run that must bring its weights and does not.

    Raises:
        ValueError: it has none; the message names it.
    """
    if must_have_weights(known, name, config) and runs.load(config, root).stored.weights is None:
        raise ValueError(f"{runs.find(config, root)}: {name} has no weights, and cannot be measured again")


def must_have_weights(known: Experiments, name: RunName, config: RunConfig) -> bool:
    """Whether a published run brings weights: the first seed of each row, but not what is large and quickly fitted.

    Of studies, and of experiments whose entry says so, the numbers alone are kept.
    """
    experiment = known.experiments.get(name.experiment)
    kept = experiment is not None and experiment.weights and not name.seed
    return kept and runs.learns(config) and denoisers.find(config.denoiser).stored


def verify_map(config: RunConfig, root: Root = ROOT, cache: str | Path | None = None, every: int = 1) -> Check:
    """Of a system matrix, measure again what figures show: components as maps, and the images of the objects shown.

    Args:
        config: of the run.
        root: where it is.
        cache: folder of shared data, see :class:`companion.setup.Setup`.
        every: take each so many pixels of the maps; with 1 all of them, and the images, which need every column.

    Raises:
        ValueError: as :func:`verify`; a network without weights.
    """
    run, setup = runs.load(config, root), Setup(config, cache)
    denoiser = runs.fitted(run, setup)
    if denoiser is None:
        raise ValueError(f"{run.stored.folder} has no weights, and its figures cannot be measured again")
    recorded = setup.matrix(next(iter(config.test_noise)))
    chosen = slice(None, None, every)
    matrix = (
        evaluation.denoised(denoiser, recorded)[chosen]
        if denoiser.whole
        else evaluation.denoised(denoiser, recorded, chosen)
    )
    lines = [setup.scanner.harmonic_line(harmonic) for harmonic in evaluation.FIGURE_HARMONICS]
    components = np.ascontiguousarray(frequency_components(matrix, lines).T, np.complex64)
    if every > 1:
        stored = np.ascontiguousarray(run.arrays["components"].view(np.complex64)[:, chosen]).view(np.float32)
        deviation = _deviation(run, "components", stored, components.view(np.float32))
        return Check(len(matrix), 0, {"components": deviation})
    shown = setup.objects[run.arrays["shown_objects"]]
    measured = setup.kaczmarz(recorded.clean).measure(shown)
    images = setup.kaczmarz(matrix)(measured).astype(np.float32)
    found = {"components": components.view(np.float32), "images": images}
    return Check(len(matrix), len(images), _compared_arrays(run, found))


def _check_rows(run: Run, setup: Setup) -> None:
    """A value per test item of each variant, no more and no less."""
    config = run.config
    images = config.objects if setup.of_matrix else config.sizes[2]
    for table, count, columns in (
        (run.signals, config.sizes[2], SIGNAL_VALUES),
        (run.images, images, IMAGE_VALUES),
    ):
        expected = {(variant, index) for variant in config.test_noise for index in range(count or 0)}
        found = list(table[_ITEM].itertuples(index=False, name=None))
        if len(found) != len(expected) or set(found) != expected:
            raise ValueError(f"{run.stored.folder} must hold {len(expected)} rows of {columns}, got {len(found)}")
        missing = table[~np.isfinite(table[columns].to_numpy(float)).all(axis=1)]
        if len(missing):
            raise ValueError(
                f"{run.stored.folder}: {columns} must be numbers, they are not in item {_item(missing.iloc[0])}"
            )


def _check_history(run: Run) -> None:
    """A row per epoch, with the steps and learning rates of the settings, up to where the training had to end."""
    table, settings, config = run.history, run.config.training, run.config
    if config.source is not None:  # a denoiser from outside may write what it likes
        return
    if settings is None or config.readout:
        if len(table):
            raise ValueError(
                f"{run.stored.folder} trains nothing, and its history must be empty, got {len(table)} rows"
            )
        return
    epochs = np.arange(1, len(table) + 1)
    rows = f"{run.stored.folder}: history must have 1 to {settings.epochs} rows"
    if not 1 <= len(table) <= settings.epochs:
        raise ValueError(f"{rows}, got {len(table)}")
    steps, losses = table["step"].to_numpy(), table["validation_loss"].to_numpy(float)
    total, seconds = int(steps[0]) * settings.epochs, table["seconds"].to_numpy(float)
    rates = [settings.rate(int(step) - 1, total) for step in steps]
    right = {
        "epoch": np.array_equal(table["epoch"], epochs),
        "step": steps[0] >= 1 and np.array_equal(steps, steps[0] * epochs),
        "learning_rate": np.allclose(table["learning_rate"], rates, rtol=2e-5, atol=1e-12),
        "training_loss": np.isfinite(table["training_loss"]).all(),
        "validation_loss": np.isfinite(losses).all(),
        "seconds": seconds[0] >= 0 and (np.diff(seconds) >= 0).all(),
    }
    for column, holds in right.items():
        if not holds:
            raise ValueError(f"{run.stored.folder}: {column} of the history is not that of such a training")
    if len(table) < settings.epochs and not 0 < settings.patience <= len(table) - 1 - int(np.argmin(losses)):
        raise ValueError(f"{rows}, and fewer only where its patience ends, got {len(table)}")
    if abs(seconds[-1] - run.record["training_seconds"]) > 0.06 + 1e-5 * seconds[-1]:
        raise ValueError(f"{run.stored.folder}: training_seconds must be those of the history, {seconds[-1]:.1f}")


def _compared_means(run: Run, denoiser: Denoiser, setup: Setup) -> dict[str, float]:
    """The noisy validation error of the record, and the loss by which the epoch of the weights was chosen."""
    found: dict[str, tuple[float | None, float | None]] = {}
    if "validation_error" in run.record:
        found["validation_error"] = run.record["validation_error"], evaluation.validation_error(denoiser, setup)
    if not run.config.readout and (measured := _validation_loss(denoiser, setup)) is not None:
        found["validation_loss"] = float(run.history["validation_loss"].min()), measured
    deviations = {}
    for name, (kept, value) in found.items():
        if kept is None and value is None:
            continue
        deviations[name] = abs(value / kept - 1) if kept and value is not None else np.inf
        if not deviations[name] <= MEAN_TOLERANCE:
            raise ValueError(
                f"{run.stored.folder} does not agree with its weights: {name} is stored as {kept}, measured {value}"
            )
    return deviations


class _MeasuredError(Exception):
    """Ends a fit before it trains."""


def _validation_loss(denoiser: Denoiser, setup: Setup) -> float | None:
    """The loss of a trained network on the validation pairs; ``None`` where its run keeps a part of it alone."""
    if not isinstance(denoiser, TrainedDenoiser) or type(denoiser).train is not TrainedDenoiser.train:
        return None
    from mpicore.training import validation_loss

    weights, found = list(denoiser.network.parameters()), []  # type: ignore[attr-defined]
    fresh = setup.denoiser()
    assert isinstance(fresh, TrainedDenoiser)

    def measure(network: Any, pairs: Any, held: Any, *further: Any) -> None:
        parameters = list(network.parameters())
        if [part.shape for part in parameters] == [part.shape for part in weights]:
            for part, value in zip(parameters, weights, strict=True):
                part.data.copy_(value.data)
            found.append(validation_loss(network, fresh.scheme(), held, fresh.seed, fresh.device, fresh.units))
        raise _MeasuredError

    fresh.train = measure  # type: ignore[method-assign,assignment]
    pairs, held = setup.fitting_pairs(fresh)
    with suppress(_MeasuredError):
        fresh.fit(*pairs, validation=held)
    return found[0] if found else None


def _compared(
    run: Run, stored: pd.DataFrame, measured: pd.DataFrame, columns: Sequence[str], indices: Sequence[int] | None
) -> dict[str, float]:
    deviations = {}
    both = measured.merge(stored, on=_ITEM, suffixes=("", "_stored"), how="left", validate="one_to_one")
    for column in columns:
        value, kept = both[column].to_numpy(float), both[f"{column}_stored"].to_numpy(float)
        deviation = np.abs(value - kept) / (np.abs(kept) if column == "rmse" else 1)
        wrong = ~(deviation <= TOLERANCES[column])  # what is not a number deviates
        if wrong.any():
            item = both.iloc[int(np.flatnonzero(wrong)[0])]
            raise ValueError(
                f"{run.stored.folder} does not agree with its weights: {column} of {_item(item)} is stored as "
                f"{item[f'{column}_stored']:.6g}, measured {item[column]:.6g}"
            )
        deviations[column] = float(deviation.max())
    return deviations


def _compared_arrays(run: Run, found: dict[str, np.ndarray]) -> dict[str, float]:
    deviations = {}
    for name, measured in found.items():
        stored = run.arrays.get(name)
        if stored is None or stored.shape != measured.shape:
            raise ValueError(f"{run.stored.folder} must hold the array {name} of shape {measured.shape}")
        deviations[name] = _deviation(run, name, stored, measured)
    return deviations


def _deviation(run: Run, name: str, stored: np.ndarray, measured: np.ndarray) -> float:
    """The largest difference of two arrays, relative to the largest stored element."""
    deviation = float(np.abs(np.subtract(measured, stored, dtype=float)).max() / (np.abs(stored).max() or 1))
    tolerance = ARRAY_TOLERANCE if np.issubdtype(measured.dtype, np.floating) else 0
    if not deviation <= tolerance:
        raise ValueError(f"{run.stored.folder} does not agree with its weights: array {name} is {deviation:.2g} off")
    return deviation


def _item(row: pd.Series) -> str:
    return f"{row['variant']} item {row['index']}"
