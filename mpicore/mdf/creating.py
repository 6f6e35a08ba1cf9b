"""A new file of the format, from signals and from what is to be said of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import h5py
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mpicore import checks, files
from mpicore.mdf.description import (
    Acquisition,
    Calibration,
    Drive,
    Experiment,
    Processing,
    Provenance,
    Receiver,
    Scanner,
    Study,
    Tracer,
)
from mpicore.mdf.layout import Layout
from mpicore.mdf.writing import Disk, write_signals, write_steps

Signals = NDArray[np.floating[Any]]
_VERSION = "2.1.0"
_TYPES = ("int8", "int16", "int32", "float32", "float64")


def create(
    path: str | Path,
    signals: Signals | Iterable[Signals],
    *,
    acquisition: Acquisition,
    drive: Drive,
    receiver: Receiver,
    background: ArrayLike | None = None,
    calibration: Calibration | None = None,
    processing: Processing | None = None,
    layout: Layout | None = None,
    dtype: DTypeLike = "float32",
    study: Study | None = None,
    experiment: Experiment | None = None,
    scanner: Scanner | None = None,
    tracers: Sequence[Tracer] = (),
    provenance: Sequence[Provenance] = (),
) -> None:
    """Write a file of version 2.1.0 with all that its tables demand, in one move, and piece by piece.

    Texts that are not told are empty, numbers are 0, and every UUID and time is new. Phases are brought to [-pi, pi).
    One unit for all receive channels is one text, as the tables say; channels of different units have a list.

    Args:
        path: of the new file; one that is there is replaced.
        signals: in physical units, in the order of recording: shape (N, J, C, V), or pieces of shape (n, J, C, V),
            of which one at a time is in memory.
        acquisition: the protocol; where signals come in pieces, with the number of frames.
        drive: the drive field.
        receiver: the receive channels. With a ``conversion``, the values (u - offset) / factor are stored.
        background: which frames have no sample, in the order of recording, shape (N,); none by default.
        calibration: what a system matrix says of itself.
        processing: what was done to the signals; nothing by default.
        layout: how they are stored; as they are by default. :func:`calibration_layout` is the one of a system matrix.
        dtype: of stored samples: int8, int16, int32, float32 or float64. Lines are complex numbers of float32 or
            float64.
        study, experiment, scanner, tracers: who and with what.
        provenance: the steps that made the signals.

    Raises:
        OSError: the file cannot be written.
        ValueError: shapes that do not fit each other, values that are not finite or that the type does not hold, or
            another number of frames than announced.
    """
    array = signals if isinstance(signals, np.ndarray) else None
    frames = acquisition.frames if array is None else len(array)
    if frames is None:
        raise ValueError("acquisition must tell the number of frames where signals come in pieces, got none")
    if acquisition.frames is not None and acquisition.frames != frames:
        raise ValueError(f"signals must hold the {acquisition.frames} frames of acquisition, got {frames}")
    shape = (checks.count(frames, "frames"), acquisition.periods, receiver.channels, receiver.samples)
    layout = Layout(shape) if layout is None else layout
    kind = _checked(shape, layout, dtype, acquisition, drive, receiver, calibration)
    mask = np.zeros(frames, bool) if background is None else np.asarray(background, bool)
    if mask.shape != (frames,):
        raise ValueError(f"background must have the shape ({frames},), got {mask.shape}")
    if calibration is not None and calibration.size is not None and np.prod(calibration.size) != (~mask).sum():
        told = f"{int(np.prod(calibration.size))} voxels"
        raise ValueError(f"calibration must have one voxel per foreground frame, got {told} and {(~mask).sum()} frames")
    tables = {
        **_general(study or Study(), experiment or Experiment(), scanner or Scanner(), tracers),
        **_sequence(acquisition, drive, receiver, frames),
        **_measurement(layout, processing or Processing(), mask),
        **({} if calibration is None else _calibration(calibration)),
    }
    pieces = iter(signals) if array is None else _cut(array, layout.frames_at_once)
    stored = (_stored(piece, layout, receiver.conversion, kind) for piece in pieces)
    with files.replacing(path) as temporary, Disk(temporary, "r+") as disk:
        with h5py.File(disk, "w") as target:
            for name, value in tables.items():
                target[name] = value
            written = 0
            for total in write_signals(_counted(stored, shape), layout, target, "/measurement/data"):
                written = total
                disk.check()
            if written != frames:
                raise ValueError(f"signals must hold {frames} frames, got {written}")
            write_steps(target, provenance, 1, {})
        disk.check()


def calibration_layout(shape: tuple[int, int, int, int], background: ArrayLike) -> Layout:
    """The layout in which system matrices are kept: lines, frames as the last axis, background frames at the end.

    Args:
        shape: (N, J, C, V), of the signals.
        background: which frames have no sample, in the order of recording, shape (N,).
    """
    mask = np.asarray(background, bool)
    order = np.concatenate([np.flatnonzero(~mask), np.flatnonzero(mask)])
    moved = not np.array_equal(order, np.arange(len(mask)))
    return Layout(shape, fast_frame_axis=True, fourier_transformed=True, order=order if moved else None)


def integer_conversion(largest: ArrayLike, dtype: DTypeLike = "int16", headroom: float = 1.25) -> NDArray[np.float64]:
    """Factors and offsets with which a converter of that type holds signals, shape (C, 2).

    Args:
        largest: magnitude of each channel, shape (C,), positive.
        dtype: int8, int16 or int32.
        headroom: full scale over the largest magnitude, at least 1.
    """
    full = np.iinfo(np.dtype(dtype)).max
    scale = np.asarray(largest, np.float64) * checks.at_least(headroom, "headroom", 1) / full
    if scale.ndim != 1 or not np.isfinite(scale).all() or (scale <= 0).any():
        raise ValueError(f"largest must hold a positive number per channel, got {largest!r}")
    return np.stack([scale, np.zeros_like(scale)], axis=1)


def _checked(
    shape: tuple[int, int, int, int],
    layout: Layout,
    dtype: DTypeLike,
    acquisition: Acquisition,
    drive: Drive,
    receiver: Receiver,
    calibration: Calibration | None,
) -> np.dtype[Any]:
    """The type of stored samples, once all shapes fit."""
    _, J, C, V = shape
    D, F = drive.divider.shape
    if layout.shape != shape:
        raise ValueError(f"layout must have the shape {shape}, got {layout.shape}")
    if layout.sparsity is not None:
        raise ValueError("layout must store all coefficients, got one that leaves some out")
    waves = [len(row) for row in drive.waveform]
    if waves != [F] * D:
        raise ValueError(f"drive must have {F} waveforms for each of {D} channels, got {waves}")
    checks.positive(drive.base_frequency, "drive.base_frequency")
    checks.positive(drive.cycle, "drive.cycle")
    checks.positive(receiver.bandwidth, "receiver.bandwidth")
    if (drive.divider < 1).any():
        raise ValueError(f"drive.divider must be at least 1, got {drive.divider.tolist()}")
    K = layout.stored_lines
    expected: tuple[tuple[str, Any, tuple[int | None, ...]], ...] = (
        ("drive.strength", drive.strength, (J, D, F)),
        ("drive.phase", drive.phase, (J, D, F)),
        ("acquisition.gradient", acquisition.gradient, (J, None, 3, 3)),
        ("acquisition.offset_field", acquisition.offset_field, (J, None, 3)),
        ("receiver.conversion", receiver.conversion, (C, 2)),
        ("receiver.transfer_function", receiver.transfer_function, (C, V // 2 + 1)),
        ("receiver.induction_factor", receiver.induction_factor, (C,)),
        ("calibration.snr", None if calibration is None else calibration.snr, (J, C, K)),
    )
    for name, array, wanted in expected:
        if array is not None:
            fits = array.ndim == len(wanted) and all(w in (None, n) for n, w in zip(array.shape, wanted, strict=True))
            if not fits:
                raise ValueError(f"{name} must have the shape {wanted}, got {array.shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite, found NaN or infinite values")
    kind = np.dtype(dtype)
    checks.choice(kind.name, "dtype", _TYPES)
    if kind.kind == "i" and (receiver.conversion is None or layout.fourier_transformed):
        raise ValueError(f"dtype must be float32 or float64 for lines or without receiver.conversion, got {kind}")
    if layout.fourier_transformed and receiver.conversion is not None:
        raise ValueError("receiver.conversion must be none where lines are stored, got one")
    if receiver.conversion is not None and not receiver.conversion[:, 0].all():
        raise ValueError("receiver.conversion must have factors other than 0, got 0")
    return kind


def _cut(array: NDArray[Any], step: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _stored(
    piece: Signals, layout: Layout, conversion: NDArray[np.float64] | None, kind: np.dtype[Any]
) -> NDArray[Any]:
    """Signals in physical units as the file holds them."""
    signals = checks.signals(piece, "signals", dimensions=(4,))
    if signals.shape[1:] != layout.shape[1:]:
        raise ValueError(f"signals must have the shape (n, {', '.join(map(str, layout.shape[1:]))}), got {piece.shape}")
    if layout.fourier_transformed:
        return layout.encode(signals.astype(kind, copy=False))
    values = signals if conversion is None else (signals - conversion[:, 1:]) / conversion[:, :1]
    if kind.kind != "i":
        return values.astype(kind, copy=False)
    values = np.rint(values)
    bounds = np.iinfo(kind)
    for channel in range(values.shape[2]):
        low, high = float(values[:, :, channel].min()), float(values[:, :, channel].max())
        if low < bounds.min or high > bounds.max:
            told = f"{low:g} to {high:g} in receive channel {channel + 1}"
            raise ValueError(f"signals must become {bounds.min} to {bounds.max} by receiver.conversion, got {told}")
    return values.astype(kind)


def _counted(pieces: Iterable[NDArray[Any]], shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """The pieces, as long as there are no more frames than announced."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > shape[0]:
            raise ValueError(f"signals must hold {shape[0]} frames, got {total} or more")
        yield piece


def _general(study: Study, experiment: Experiment, scanner: Scanner, tracers: Sequence[Tracer]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "/time": now(),
        "/uuid": uuid(),
        "/version": _VERSION,
        "/study/description": study.description,
        "/study/name": study.name,
        "/study/number": np.int64(study.number or 0),
        "/study/uuid": study.uuid or uuid(),
        "/experiment/description": experiment.description,
        "/experiment/isSimulation": np.int8(experiment.simulated),
        "/experiment/name": experiment.name,
        "/experiment/number": np.int64(experiment.number or 0),
        "/experiment/subject": experiment.subject,
        "/experiment/uuid": experiment.uuid or uuid(),
        **{f"/scanner/{name}": getattr(scanner, name) for name in ("name", "manufacturer", "facility", "operator")},
        "/scanner/topology": scanner.topology,
    }
    if study.time:
        found["/study/time"] = study.time
    if scanner.bore_size is not None:
        found["/scanner/boreSize"] = np.float64(scanner.bore_size)
    return found | (_tracers(tracers) if tracers else {})


def _tracers(tracers: Sequence[Tracer]) -> dict[str, Any]:
    for place, tracer in enumerate(tracers, start=1):
        for name in ("concentration", "volume"):
            if getattr(tracer, name) is None:
                raise ValueError(f"tracer {place} must have a {name}, got none")
    found: dict[str, Any] = {
        f"/tracer/{name}": np.array([getattr(tracer, name) for tracer in tracers], object)
        for name in ("batch", "name", "solute", "vendor")
    }
    # Moles per litre and litres in the file.
    found["/tracer/concentration"] = np.array([tracer.concentration for tracer in tracers], np.float64) / 1e3
    found["/tracer/volume"] = np.array([tracer.volume for tracer in tracers], np.float64) * 1e3
    if any(tracer.injection_time for tracer in tracers):
        found["/tracer/injectionTime"] = np.array([tracer.injection_time for tracer in tracers], object)
    return found


def _sequence(acquisition: Acquisition, drive: Drive, receiver: Receiver, frames: int) -> dict[str, Any]:
    units = receiver.units
    single = len(set(units)) == 1
    return _told(
        {
            "/acquisition/gradient": acquisition.gradient,
            "/acquisition/numAverages": np.int64(acquisition.averages),
            "/acquisition/numFrames": np.int64(frames),
            "/acquisition/numPeriodsPerFrame": np.int64(acquisition.periods),
            "/acquisition/offsetField": acquisition.offset_field,
            "/acquisition/startTime": acquisition.start_time or now(),
            "/acquisition/drivefield/baseFrequency": np.float64(drive.base_frequency),
            "/acquisition/drivefield/cycle": np.float64(drive.cycle),
            "/acquisition/drivefield/divider": drive.divider.astype(np.int64),
            "/acquisition/drivefield/numChannels": np.int64(drive.channels),
            "/acquisition/drivefield/phase": _wrapped(drive.phase),
            "/acquisition/drivefield/strength": np.asarray(drive.strength, np.float64),
            "/acquisition/drivefield/waveform": np.array(drive.waveform, object),
            "/acquisition/receiver/bandwidth": np.float64(receiver.bandwidth),
            "/acquisition/receiver/dataConversionFactor": receiver.conversion,
            "/acquisition/receiver/inductionFactor": receiver.induction_factor,
            "/acquisition/receiver/numChannels": np.int64(receiver.channels),
            "/acquisition/receiver/numSamplingPoints": np.int64(receiver.samples),
            "/acquisition/receiver/transferFunction": receiver.transfer_function,
            "/acquisition/receiver/unit": units[0] if single else np.array(units, object),
        }
    )


def _wrapped(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """The phases in [-pi, pi); those that are there already keep every bit."""
    inside = (phase >= -np.pi) & (phase < np.pi)
    return np.where(inside, phase, np.mod(phase + np.pi, 2 * np.pi) - np.pi)


def _measurement(layout: Layout, processing: Processing, mask: NDArray[np.bool_]) -> dict[str, Any]:
    flags = {
        "BackgroundCorrected": processing.background_corrected,
        "FastFrameAxis": layout.fast_frame_axis,
        "FourierTransformed": layout.fourier_transformed,
        "FramePermutation": layout.order is not None,
        "FrequencySelection": layout.lines is not None,
        "SparsityTransformed": False,
        "SpectralLeakageCorrected": processing.spectral_leakage_corrected,
        "TransferFunctionCorrected": processing.transfer_function_corrected,
    }
    return _told(
        {
            **{f"/measurement/is{name}": np.int8(value) for name, value in flags.items()},
            "/measurement/isBackgroundFrame": (mask if layout.order is None else mask[layout.order]).astype(np.int8),
            # Counted from 1 in the file.
            "/measurement/framePermutation": None if layout.order is None else layout.order.astype(np.int64) + 1,
            "/measurement/frequencySelection": None if layout.lines is None else layout.lines.astype(np.int64) + 1,
        }
    )


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return _told(
        {
            "/calibration/deltaSampleSize": calibration.delta_sample_size,
            "/calibration/fieldOfView": calibration.field_of_view,
            "/calibration/fieldOfViewCenter": calibration.field_of_view_center,
            "/calibration/method": calibration.method,
            "/calibration/offsetFields": calibration.offset_fields,
            "/calibration/order": calibration.order,
            "/calibration/positions": calibration.positions,
            "/calibration/size": None if calibration.size is None else np.array(calibration.size, np.int64),
            "/calibration/snr": calibration.snr,
        }
    )


def _told(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tables.items() if value is not None}


def uuid() -> str:
    """A new universally unique identifier."""
    return str(uuid4())


def now() -> str:
    """The time in UTC, as the format writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
