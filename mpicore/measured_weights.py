"""What was learned from a recording, kept for other recordings of the same scanner."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import denoisers, files, methods
from mpicore.assumptions import check
from mpicore.mdf import Recording
from mpicore.measured import Fitted, Judged, finite, judge
from mpicore.methods import METHODS
from mpicore.sample import Sample

_FORMAT = "mpicore.measured"
_ALIKE = 0.01  #: of the largest value, by which numbers of one scan may differ


def scan_of(recording: Recording) -> dict[str, Any]:
    """What signals depend on besides the object, by the names of the format, as JSON can hold it."""
    drive, receiver, gradient = recording.drive, recording.receiver, recording.acquisition.gradient
    found: dict[str, Any] = {"receiver/bandwidth [Hz]": receiver.bandwidth, "receiver/unit": list(receiver.units)}
    if gradient is not None:
        found["gradient [T/m]"] = gradient[0].tolist()
    if drive is not None:
        found["frequencies of drivefield [Hz]"] = drive.frequencies.tolist()
        found["drivefield/strength [T]"] = drive.strength[0].tolist()
        found["drivefield/phase as cosine"] = np.cos(drive.phase[0]).tolist()
        found["drivefield/phase as sine"] = np.sin(drive.phase[0]).tolist()
        found["drivefield/waveform"] = [list(row) for row in drive.waveform]
    return dict(finite(found))


def save(fitted: Fitted, path: str | Path, scan: Mapping[str, Any] | None = None) -> None:
    """Keep what was learned, for other recordings of the same scanner: method and state of each channel.

    Args:
        fitted: what was learned.
        path: of the file.
        scan: of the recording that it was learned from, see :func:`scan_of`.
    """
    arrays: dict[str, NDArray[Any]] = {}
    told: dict[str, Any] = {}
    for channel, judged in fitted.chosen.items():
        arrays |= {f"{channel}.{name}": np.asarray(value) for name, value in judged.denoiser.state().items()}
        told[str(channel)] = {"method": judged.method, "samples": judged.denoiser.samples, "options": _kept(judged)}
    files.save_tensors(path, arrays, {"format": _FORMAT, "channels": told, "scan": dict(scan or {})})


def load(
    path: str | Path,
    sample: Sample,
    known: NDArray[np.float64] | None = None,
    scan: Mapping[str, Any] | None = None,
    method: str | None = None,
) -> Fitted:
    """Take up what :func:`save` has kept, and judge it on this recording.

    Args:
        path: of the file.
        sample: of the recording.
        known: phase that the drive fields give each line, see :mod:`mpicore.drive_phase`.
        scan: of the recording, see :func:`scan_of`; not compared by default.
        method: that the file must hold; any by default.

    Raises:
        ValueError: a damaged file, or one of another method, or of a recording with other channels, another number of
            samples or of another scan.
    """
    arrays, told = files.load_tensors(path)
    if told.get("format") != _FORMAT:
        raise ValueError(f"{path} holds no weights of mpicore denoise")
    learned = sorted({row["method"] for row in told["channels"].values()})
    if method is not None and learned != [method]:
        raise ValueError(f"{path} holds weights of {', '.join(learned)}, not of {method}; name another file for those")
    _check_scan(path, told.get("scan", {}), scan or {})
    found = check(sample, known)
    chosen = {}
    for number, row in told["channels"].items():
        channel, V = int(number), sample.repeats.shape[-1]
        if channel >= sample.channels or row["samples"] != V:
            wanted = f"{row['samples']} samples in channel {channel + 1}"
            raise ValueError(f"{path} is for {wanted}; the recording has {sample.channels} channels of {V} samples")
        if channel in found.dead:
            continue
        one = methods.find(row["method"])
        made = methods.create(one, **row["options"])
        state = {name.partition(".")[2]: value for name, value in arrays.items() if name.startswith(f"{channel}.")}
        made.samples = V
        made.restore(state)
        repeats = sample.of_channel(channel)
        chosen[channel] = judge(one, channel, made, repeats, sample, known)
    if not chosen:
        raise ValueError(f"{path} has no channel that the recording has")
    mean = sample.found.kind == "periods"
    every = tuple(chosen.values())
    return Fitted(chosen, every, found, sample.background, sample.found.classes, mean, known, 0)


def _check_scan(path: str | Path, learned: Mapping[str, Any], scan: Mapping[str, Any]) -> None:
    """Refuse weights of another scan; what one of the two does not tell is not compared."""
    for name in learned.keys() & scan.keys():
        one, other = np.asarray(learned[name]), np.asarray(scan[name])
        alike = one.shape == other.shape and (
            np.array_equal(one, other)
            if one.dtype.kind not in "if" or other.dtype.kind not in "if"
            else np.allclose(one, other, rtol=0, atol=_ALIKE * np.abs(one).max(initial=0))
        )
        if not alike:
            raise ValueError(
                f"{path} is of another scan, {name} was {learned[name]} there, and is {scan[name]} in the recording"
            )


def _kept(judged: Judged) -> dict[str, Any]:
    """Options of a denoiser that a file can hold; how it was trained does not matter any more."""
    method = METHODS[judged.method]
    if method.denoiser not in denoisers.names():
        return {}
    options = {**denoisers.parameters(method.denoiser), **method.options}
    return {name: getattr(judged.denoiser, name) for name in options if name not in ("stride", "normalise")}
