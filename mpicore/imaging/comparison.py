"""Whether a recording and a calibration are of one scan."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf import Recording

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]


def compare(recording: Recording, calibration: Recording) -> None:
    """Refuse a calibration that is not one of the same scan.

    Raises:
        ValueError: what differs, by the names of the format.
    """
    names = (str(recording.path), str(calibration.path))
    if calibration.calibration is None:
        raise ValueError(f"{names[1]} must have a group /calibration, it has none")
    for one in (recording, calibration):
        _ = one.shape
        for what in ("gradient", "offset_field"):
            field = getattr(one.acquisition, what)
            if field is not None and not np.allclose(field, field[:1]):
                name = {"gradient": "gradient", "offset_field": "offsetField"}[what]
                raise ValueError(f"{one.path}: /acquisition/{name} must be the same in all periods, it differs")
    differences = [
        f"{name} {_short(a)} and {_short(b)}"
        for name, a, b, tolerance in _compared(recording, calibration)
        if a is not None and b is not None and not _alike(a, b, tolerance)
    ]
    if differences:
        raise ValueError(f"{names[0]} and {names[1]} must be of one scan, they differ: {'; '.join(differences)}")


def _compared(recording: Recording, calibration: Recording) -> Iterator[tuple[str, Any, Any, float]]:
    """Names of the format, both values, and by how much they may differ."""
    pairs = (recording, calibration)

    def both(name: str, of: Any, tolerance: float = 0.0) -> tuple[str, Any, Any, float]:
        first, second = (of(one) for one in pairs)
        return name, first, second, tolerance

    yield both("/acquisition/receiver/numSamplingPoints", lambda one: one.receiver.samples)
    yield both("/acquisition/receiver/bandwidth [Hz]", lambda one: one.receiver.bandwidth, 1e-6)
    yield both("/acquisition/receiver/numChannels", lambda one: one.receiver.channels)
    yield both("/acquisition/receiver/unit", lambda one: one.receiver.units)
    yield both("/acquisition/gradient [T/m]", lambda one: _first(one.acquisition.gradient), 1e-2)
    flag = "/measurement/isTransferFunctionCorrected"
    yield both(flag, lambda one: int(one.processing.transfer_function_corrected))
    if recording.drive is not None and calibration.drive is not None:
        yield both("frequencies of /acquisition/drivefield [Hz]", lambda one: one.drive.frequencies, 1e-6)
        yield both("/acquisition/drivefield/strength [T]", lambda one: one.drive.strength[0], 1e-2)
        yield both("/acquisition/drivefield/phase [rad]", lambda one: np.exp(1j * one.drive.phase[0]), 5e-2)
        yield both("/acquisition/drivefield/waveform", lambda one: one.drive.waveform)


def _first(array: Floats | None) -> Floats | None:
    return None if array is None else array[0]


def _alike(a: Any, b: Any, tolerance: float) -> bool:
    if not isinstance(a, np.ndarray) and not isinstance(a, float):
        return bool(a == b)
    one, other = np.asarray(a), np.asarray(b)
    if one.shape != other.shape:
        return False
    return np.allclose(one, other, rtol=0, atol=tolerance * float(np.nanmax(np.abs(one), initial=0)), equal_nan=True)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and np.iscomplexobj(value):
        value = np.angle(value)
    if isinstance(value, np.ndarray):
        return np.array2string(value.ravel(), precision=6, threshold=9, separator=", ").replace("\n", "")
    return f"{value:.10g}" if isinstance(value, float) else str(value)
