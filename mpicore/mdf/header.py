"""The metadata of a file: each data set is checked, and each deviation from the format that is tolerated is noted."""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from mpicore.mdf.measurement import read_measurement
from mpicore.mdf.sequence import read_acquisition, read_drive, read_receiver
from mpicore.mdf.tree import RefusedError, Tree, shown

_UNKNOWN = 20  # names that are told one by one


@dataclass(frozen=True, eq=False)
class Header:
    """All that a file says beside its signals.

    Attributes:
        version, uuid, time: of the file.
        study, experiment, scanner, tracers: who and with what.
        acquisition, drive, receiver: how.
        calibration: of a system matrix, else ``None``.
        processing, layout: of the signals; ``None`` where the file has none.
        background: which frames have no sample, in the order of recording, shape (N,).
        provenance: the steps that the signals went through, as far as this package took them.
        deviations: from the format, one line each.
    """

    version: str
    uuid: str
    time: str
    study: Study
    experiment: Experiment
    scanner: Scanner
    tracers: tuple[Tracer, ...]
    acquisition: Acquisition
    drive: Drive | None
    receiver: Receiver
    calibration: Calibration | None
    processing: Processing | None
    layout: Layout | None
    background: NDArray[np.bool_]
    provenance: tuple[Provenance, ...]
    deviations: tuple[str, ...]


def parse(tree: Tree) -> Header:
    """Read the metadata of an open file.

    Raises:
        ValueError: it is no file of the format; a data set is missing, or is not what it must be.
    """
    version = _version(tree)
    acquisition = read_acquisition(tree)
    receiver = read_receiver(tree)
    calibration = _calibration(tree) if "/calibration" in tree else None
    layout, processing, background = read_measurement(tree, acquisition, receiver, calibration)
    if layout is None:
        tree.note("/measurement: missing, so there are no signals")
    else:
        acquisition = _told_frames(tree, acquisition, layout.shape[0])
    header: dict[str, Any] = {
        "uuid": tree.text("/uuid"),
        "time": tree.text("/time"),
        "study": _study(tree),
        "experiment": _experiment(tree),
        "scanner": _scanner(tree),
        "tracers": _tracers(tree) if "/tracer" in tree else (),
        "drive": read_drive(tree, acquisition.periods),
        "provenance": _provenance(tree),
    }
    unknown = tree.unknown()
    for name in unknown[:_UNKNOWN]:
        tree.note(f"{ascii(name)[1:-1]}: not known to the format, not used")
    if len(unknown) > _UNKNOWN:
        tree.note(f"{len(unknown) - _UNKNOWN} more data sets: not known to the format, not used")
    return Header(
        version=version,
        acquisition=acquisition,
        receiver=receiver,
        calibration=calibration,
        processing=processing,
        layout=layout,
        background=background,
        deviations=tuple(tree.deviations),
        **header,
    )


def _version(tree: Tree) -> str:
    if "/version" not in tree.datasets:
        names = ", ".join(sorted(ascii(name)[1:-1] for name in tree.datasets)[:3]) or "none"
        raise RefusedError(f"{tree.path}: not an MDF file, there is no /version; its data sets: {names}")
    version = tree.text("/version")
    if not re.fullmatch(r"v?2(\.\d+){0,2}", version):
        raise tree.refused("/version", shown(version), "2.0 to 2.1.0")
    if not version.startswith("2.1"):
        group = "/acquisition/drivefield"
        stored = next((tree.datasets[name].name for name in tree.datasets if name.startswith(group + "/")), None)
        told = f"; the drive field is in {stored.rpartition('/')[0]}" if stored else ""
        tree.note(f"/version: {version}, read by the tables of 2.1.0{told}")
    return version


def _study(tree: Tree) -> Study:
    return Study(
        name=tree.text("/study/name"),
        description=tree.text("/study/description"),
        uuid=tree.text("/study/uuid"),
        time=tree.text("/study/time", required=False),
        number=tree.count("/study/number", minimum=-(2**53), required=False),
    )


def _experiment(tree: Tree) -> Experiment:
    return Experiment(
        name=tree.text("/experiment/name"),
        description=tree.text("/experiment/description"),
        subject=tree.text("/experiment/subject"),
        uuid=tree.text("/experiment/uuid"),
        number=tree.count("/experiment/number", minimum=-(2**53), required=False),
        simulated=tree.flag("/experiment/isSimulation", absent=False),
    )


def _scanner(tree: Tree) -> Scanner:
    names = ("name", "manufacturer", "facility", "operator", "topology")
    found = {name: tree.text(f"/scanner/{name}") for name in names}
    return Scanner(**found, bore_size=tree.number("/scanner/boreSize", required=False))


def _tracers(tree: Tree) -> tuple[Tracer, ...]:
    texts = {name: tree.texts(f"/tracer/{name}") for name in ("name", "batch", "vendor", "solute")}
    texts["injection_time"] = tree.texts("/tracer/injectionTime")
    # Litres and moles per litre in the file.
    units = {"concentration": 1e3, "volume": 1e-3}
    numbers = {name: tree.array(f"/tracer/{name}", "float") for name in units}
    sizes = {name: array.size for name, array in {**texts, **numbers}.items() if array is not None}
    A = max(sizes.values(), default=0)
    for name, size in sizes.items():
        if size != A:
            stored = "injectionTime" if name == "injection_time" else name
            raise tree.refused(f"/tracer/{stored}", f"{size} values", f"{A} values, as others of its group")
    if A and any(array is not None and array.ndim != 1 for array in {**texts, **numbers}.values()):
        tree.note("/tracer: single values in place of lists")
    values: dict[str, list[Any]] = {name: list(array.ravel()) for name, array in texts.items() if array is not None}
    for name, array in numbers.items():
        if array is not None:
            values[name] = (array.ravel() * units[name]).tolist()
    return tuple(Tracer(**{name: value[a] for name, value in values.items()}) for a in range(A))


def _told_frames(tree: Tree, acquisition: Acquisition, frames: int) -> Acquisition:
    if acquisition.frames is None:
        tree.note("/acquisition/numFrames: missing")
    elif acquisition.frames != frames:
        tree.note(f"/acquisition/numFrames: {acquisition.frames}, but there are {frames} frames")
    return acquisition


def _calibration(tree: Tree) -> Calibration:
    group = "/calibration"
    size = tree.array(f"{group}/size", "int")
    if size is not None and (size.shape != (3,) or (size < 1).any()):
        raise tree.refused(f"{group}/size", shown(size), "three whole numbers above zero")
    order = tree.text(f"{group}/order", required=False) or "xyz"
    if sorted(order) != ["x", "y", "z"]:
        raise tree.refused(f"{group}/order", shown(order), "xyz in any order")
    snr = tree.array(f"{group}/snr", "float", finite=False)
    if snr is not None and snr.ndim == 2:
        tree.note(f"{group}/snr: shape {snr.shape}, not (J, C, K)")
        snr = snr[None]
    if snr is not None and snr.ndim != 3:
        raise tree.refused(f"{group}/snr", f"shape {snr.shape}", "of shape (J, C, K)")
    return Calibration(
        method=tree.text(f"{group}/method"),
        size=None if size is None else (int(size[0]), int(size[1]), int(size[2])),
        order=order,
        field_of_view=_vector(tree, f"{group}/fieldOfView"),
        field_of_view_center=_vector(tree, f"{group}/fieldOfViewCenter"),
        delta_sample_size=_vector(tree, f"{group}/deltaSampleSize"),
        offset_fields=_vectors(tree, f"{group}/offsetFields"),
        positions=_vectors(tree, f"{group}/positions"),
        snr=snr,
    )


def _vector(tree: Tree, name: str) -> NDArray[np.float64] | None:
    found = tree.array(name, "float")
    if found is not None and found.shape != (3,):
        raise tree.refused(name, f"shape {found.shape}", "of shape (3,)")
    return found


def _vectors(tree: Tree, name: str) -> NDArray[np.float64] | None:
    found = tree.array(name, "float")
    if found is not None and (found.ndim != 2 or found.shape[1] != 3):
        raise tree.refused(name, f"shape {found.shape}", "of shape (O, 3)")
    return found


def _provenance(tree: Tree) -> tuple[Provenance, ...]:
    """The steps under /_provenance; a group that another program made there is the user's own."""
    steps = [step for step in tree.children("/_provenance") if re.fullmatch(r"_[1-9]\d{0,5}", step)]
    found = []
    for step in sorted(steps, key=lambda step: int(step[1:])):
        group = f"/_provenance/{step}"
        if f"{group}/_method" not in tree.datasets:
            continue
        values = {name: tree.text(f"{group}/_{name}") or "{}" for name in ("options", "versions", "digests")}
        try:
            told = {name: json.loads(value) for name, value in values.items()}
            assert all(isinstance(value, dict) for value in told.values())
        except (ValueError, AssertionError, RecursionError):
            raise tree.refused(f"{group}/_options", "another text", "a JSON dictionary, as its neighbours") from None
        found.append(Provenance(tree.text(f"{group}/_method"), **told))
    return tuple(found)
