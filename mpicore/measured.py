"""Denoise a recording without clean signals: what :mod:`mpicore.methods` can do, on whatever a scanner has recorded.

The background is taken off, each receive channel has a denoiser of its own, and the estimate of an object is the mean
of what the denoiser makes of each of its periods. What learns and chooses sees a bounded part of the recording
(:mod:`mpicore.sample`); the result is then a function of a few frames at a time, so that a recording of any size is
denoised in constant memory::

    recording = mdf.read("in.mdf", finite=False)
    fitted = measured.fit(Sample.read(recording))
    mdf.write(measured.denoised(recording, fitted), "out.mdf")
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import methods
from mpicore.assumptions import Assumptions, check
from mpicore.denoisers import Denoiser
from mpicore.denoisers.spectral_wiener import SpectralWiener
from mpicore.frame_background import FrameBackground
from mpicore.held_out import Risk, passed_of_nothing
from mpicore.line_phase import filtered
from mpicore.mdf import Provenance, Recording
from mpicore.methods import METHODS, Method
from mpicore.pairing import pairs_of
from mpicore.recordings import Recordings
from mpicore.sample import Sample, usable

Array = NDArray[np.floating[Any]]
_SPLIT = 5  #: objects from which on some are held out
#: How a network is trained unless told otherwise, see :class:`mpicore.settings.Settings`.
TRAINING = {"epochs": 40, "batch_size": 8, "learning_rate": 1e-3, "schedule": "one-cycle", "patience": 8}
_VALIDATION, _HELD = 0.1, 0.2  #: shares of the objects that choose parameters, and methods


@dataclass(frozen=True, eq=False)
class Judged:
    """A method on one channel, and how well it does on objects that it has not learned from.

    Attributes:
        method: its name.
        channel: number of the receive channel.
        denoiser: fitted.
        risk: on the held-out objects.
        nothing: power of what it makes of background over its power; ``None`` without background frames.
    """

    method: str
    channel: int
    denoiser: Denoiser
    risk: Risk
    nothing: float | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A recording's denoiser.

    Attributes:
        chosen: the method of each channel; a channel without one is left as it is.
        candidates: all that were compared, for the report.
        assumptions: what was checked; ``None`` where the weights are those of another recording.
        background: that is taken off; ``None`` for none.
        classes: of the periods of a frame, shape (J,).
        mean: the periods of a frame are repeats, and each becomes the mean of all.
        empty: which frames have no object; their background is taken off alone.
        known: phase that the drive fields give each line, for methods that use the symmetry.
        held: objects that were held out; 0 where they were too few.
    """

    chosen: Mapping[int, Judged]
    candidates: tuple[Judged, ...]
    assumptions: Assumptions
    background: FrameBackground | None
    classes: NDArray[np.int64]
    mean: bool
    known: NDArray[np.float64] | None
    held: int

    def denoise(self, signals: Array, first: int, empty: ArrayLike) -> Array:
        """Denoise some frames that follow each other.

        Args:
            signals: shape (n, J, C, V); rows that are NaN or constant are left as they are.
            first: number of the first one in the recording.
            empty: which frames of the whole recording have no object, shape (N,): of these the background is taken off
                and nothing else, so that they still tell the noise.

        Returns:
            Shape (n, J, C, V).
        """
        numbers = np.arange(first, first + len(signals))
        good = usable(signals)
        found = np.array(signals, np.float64)
        if self.background is not None:
            np.subtract(found, self.background.at(numbers), out=found, where=good[..., None])
        objects = ~np.asarray(empty, bool)[numbers]
        for channel, judged in self.chosen.items():
            rows = good[:, :, channel] & objects[:, None]
            if rows.any():
                inside = found[:, :, channel]
                inside[rows] = _apply(judged.denoiser, METHODS[judged.method], inside[rows], self.known)
                found[:, :, channel] = self._mean(inside, rows) if self.mean else inside
        return found

    def _mean(self, signals: Array, rows: NDArray[np.bool_]) -> Array:
        """Signals (n, J, V) of which those in the rows (n, J) are the mean over the periods of their class."""
        found = signals.copy()
        for kind in np.unique(self.classes):
            same = np.flatnonzero(self.classes == kind)
            there = rows[:, same]
            total = np.where(there[..., None], signals[:, same], 0).sum(axis=1)
            mean = total / np.maximum(there.sum(axis=1), 1)[:, None]
            found[:, same] = np.where(there[..., None], mean[:, None], signals[:, same])
        return found

    def told(self) -> dict[str, Any]:
        """What was chosen for each channel, and by how much, as numbers and texts that JSON can hold."""
        report, split = {}, self.assumptions.split
        for channel, judged in sorted(self.chosen.items()):
            others = [row for row in self.candidates if row.channel == channel and row is not judged]
            second = min(others, key=lambda row: float(row.risk.error.mean()), default=None)
            report[f"channel {channel + 1}"] = {
                "method": judged.method,
                "snr_db": judged.risk.snr_db,
                "gain_over_a_period_db": judged.risk.over_mean_db if split else judged.risk.gain_db,
                "gain_over_the_mean_db": judged.risk.over_mean_db,
                "noisy_error": judged.risk.noisy,
                "of_nothing": judged.nothing,
                "next_best": None if second is None else second.method,
                "margin_db": None if second is None else second_margin(judged.risk, second.risk),
            }
        return report


def second_margin(best: Risk, other: Risk) -> float:
    """How far the error of one method is below that of another on the same objects [dB]."""
    first, second = float(best.error.mean()), float(other.error.mean())
    return float(10 * np.log10(second / first)) if first > 0 and second > 0 else float("nan")


def fit(
    sample: Sample,
    method: str | None = None,
    known: NDArray[np.float64] | None = None,
    options: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fitted:
    """Choose a method for each channel and learn what it needs.

    Without a method the one with the least error on held-out objects (:mod:`mpicore.held_out`) is chosen of all that
    are admissible and train no network. The objects held out are the last ones in time, and those before them choose
    parameters. With fewer than five objects none is held out, and all serve for everything.

    Args:
        sample: of the recording.
        method: name of a method of :mod:`mpicore.methods`.
        known: phase that the drive fields give each line, see :mod:`mpicore.drive_phase`.
        options: of the method's denoiser, such as ``training`` of a network.
        folder: where a training keeps its checkpoints, and is resumed from.
        progress: is told what is being done.

    Raises:
        ValueError: an unknown method; one that is not admissible, with the reason; no method that is.
    """
    asked = None if method is None else methods.find(method)
    found = check(sample, known)
    alive = [channel for channel in range(sample.channels) if channel not in found.dead]
    if not alive:
        raise ValueError("no channel has a signal that can be denoised, all are dead")
    chosen: dict[int, Judged] = {}
    candidates: list[Judged] = []
    held_out = 0
    for channel in alive:
        tried = [asked] if asked else [row for row in METHODS.values() if not row.trains]
        obstacles = {row.name: found.obstacle(row.name, channel) for row in tried}
        possible = [row for row in tried if not obstacles[row.name]]
        if not possible:
            name, reason = next(iter(obstacles.items()))
            raise ValueError(f"method {name} is not admissible for channel {channel + 1}: {reason}")
        repeats = sample.of_channel(channel)
        train, validation, held = _parts(repeats)
        held_out = max(held_out, 0 if held is repeats else len(held))
        judged = []
        for row in possible:
            if progress is not None:
                progress(f"channel {channel + 1}: {row.name}")
            place = None if folder is None else Path(folder) / f"channel{channel + 1}"
            made = _learned(row, train, validation, known, options or {}, place, progress is not None, found.split)
            judged.append(judge(row, channel, made, held, sample, known))
        best = min(judged, key=lambda row: float(row.risk.error.mean()))
        if asked and asked.name != "average" and best.risk.worse_than_mean():
            raise ValueError(
                f"method {asked.name} is not admissible for channel {channel + 1}: on held-out objects it is worse "
                f"than the mean of the same periods, by {-best.risk.over_mean_db:.1f} dB"
            )
        chosen[channel] = best
        candidates += judged
    return Fitted(
        chosen,
        tuple(candidates),
        found,
        sample.background,
        sample.found.classes,
        sample.found.kind == "periods",
        known,
        held_out,
    )


def denoised(recording: Recording, fitted: Fitted, progress: Callable[[int], Any] | None = None) -> Recording:
    """The recording with its denoiser, which works on some frames at a time when it is read or written.

    The signals are in single precision where that holds those of the file.

    Args:
        recording: that ``fitted`` was fitted to.
        fitted: its denoiser.
        progress: is told the number of frames of each piece that is done.
    """
    told = fitted.told()
    options = {"channels": told, "skipped_channels": [c + 1 for c in fitted.assumptions.dead]}
    names = sorted({row.method for row in fitted.chosen.values()})
    step = Provenance(f"mpicore denoise: {', '.join(names)}", finite(options))
    flags = recording.processing
    if flags is not None and _taken_off(fitted.background):
        flags = replace(flags, background_corrected=True)
    empty = recording.background
    kind: type[np.floating[Any]] = np.float32 if recording.single else np.float64  # denoisers give single precision

    def made(piece: Array, first: int) -> Array:
        found = fitted.denoise(piece, first, empty).astype(kind, copy=False)
        if progress is not None:
            progress(len(piece))
        return found

    return recording.mapped_in_time(made, step, flags)


def _taken_off(background: FrameBackground | None) -> bool:
    """Whether there is no background left; too few empty frames, of which no line stands out, leave it all."""
    return background is not None and (background.told or bool(background.kept.any()))


def denoise(
    signals: ArrayLike,
    background: ArrayLike | None = None,
    method: str | None = None,
    classes: ArrayLike | None = None,
    known: NDArray[np.float64] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Array, Fitted]:
    """Denoise signals in memory.

    Args:
        signals: shape (N, J, C, V); NaN where there is none.
        background: which frames have no object, shape (N,).
        method: its name; by default the best one.
        classes: of the periods of a frame, shape (J,): those of one class repeat each other; by default all do.
        known, options: as for :func:`fit`.

    Returns:
        Signals, shape (N, J, C, V), and what was learned and chosen.

    Raises:
        ValueError: as :func:`fit`.
    """
    array = np.asarray(signals, np.float64)
    fitted = fit(Sample.of(array, background, classes), method, known, options)
    mask = np.zeros(len(array), bool) if background is None else background
    return fitted.denoise(array, 0, mask), fitted


def judge(
    method: Method,
    channel: int,
    made: Denoiser,
    held: Array,
    sample: Sample,
    known: NDArray[np.float64] | None,
) -> Judged:
    """How good a fitted denoiser of one channel is on signals that it has not learned from.

    Args:
        method: what the denoiser is.
        channel: its number.
        made: the denoiser.
        held: repeats of objects, shape (n, R, V).
        sample: of the recording.
        known: phase that the drive fields give each line, see :mod:`mpicore.drive_phase`.
    """
    repeats = held.shape[1] if sample.found.kind in ("periods", "background") else 1
    risk = Risk.of(lambda u: _apply(made, method, u, known), pairs_of(held), repeats)
    rows = sample.empty[:, :, channel].reshape(-1, held.shape[2])[:100]
    rows = rows[usable(rows)] if len(rows) else rows
    nothing = passed_of_nothing(lambda u: _apply(made, method, u, known), rows) if len(rows) else None
    return Judged(method.name, channel, made, risk, nothing)


def finite(value: Any) -> Any:
    """A value for JSON, in which what is not finite is null."""
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _parts(repeats: Array) -> tuple[Array, Array, Array]:
    """Objects to learn from, to choose parameters with, and to judge methods by: the last ones in time."""
    n = len(repeats)
    if n < _SPLIT:
        return repeats, repeats, repeats
    held, chosen = max(1, round(_HELD * n)), max(1, round(_VALIDATION * n))
    return repeats[: n - held - chosen], repeats[n - held - chosen : n - held], repeats[n - held :]


def _learned(
    method: Method,
    train: Array,
    validation: Array,
    known: NDArray[np.float64] | None,
    options: Mapping[str, Any],
    folder: Path | None,
    progress: bool,
    split: bool,
) -> Denoiser:
    pairs, chosen = (_turned(method, pairs_of(part), known) for part in (train, validation))
    made = methods.create(method, **options)
    if not method.trains:
        made.fit(*pairs.arrays, validation=chosen)
        if split and isinstance(made, SpectralWiener):
            # Of S / (S + 2 N) for two signals with twice the noise, S / (S + N) for their mean.
            gains = made.learned(made.gains)
            made.gains = 2 * gains / (1 + gains)
        return made
    return made.fit(*pairs.arrays, validation=chosen, folder=folder, progress=progress)


def _apply(made: Denoiser, method: Method, u: Array, known: NDArray[np.float64] | None) -> Array:
    if method.symmetry and known is not None:
        return filtered(np.asarray(made.denoise(filtered(u, np.exp(-1j * known))), np.float64), np.exp(1j * known))
    return np.asarray(made.denoise(u), np.float64)


def _turned(method: Method, pairs: Recordings, known: NDArray[np.float64] | None) -> Recordings:
    if method.symmetry and known is not None:
        return Recordings(*(filtered(u, np.exp(-1j * known)) for u in pairs.arrays))
    return pairs
