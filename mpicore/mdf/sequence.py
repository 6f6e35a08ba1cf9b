"""How signals were recorded: the protocol, the drive field, the receive channels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf.description import Acquisition, Drive, Receiver
from mpicore.mdf.tree import RefusedError, Tree, shown


def read_acquisition(tree: Tree) -> Acquisition:
    """The protocol.

    Raises:
        ValueError: a data set is missing, or is not what it must be.
    """
    periods = tree.count("/acquisition/numPeriodsPerFrame", required=False)
    if periods is None:
        tree.note("/acquisition/numPeriodsPerFrame: missing, taken for 1")
    averages = tree.count("/acquisition/numAverages", required=False)
    if averages is None:
        tree.note("/acquisition/numAverages: missing, taken for 1")
    J = periods or 1
    return Acquisition(
        start_time=tree.text("/acquisition/startTime"),
        averages=averages or 1,
        periods=J,
        frames=tree.count("/acquisition/numFrames", minimum=0, required=False),
        gradient=_gradient(tree, J),
        offset_field=_offset_field(tree, J),
    )


def _gradient(tree: Tree, J: int) -> NDArray[np.float64] | None:
    name = "/acquisition/gradient"
    found = tree.array(name, "float")
    if found is None:
        return None
    shape = found.shape
    if found.ndim in (1, 2) and shape[-1] == 3 and shape != (3, 3):
        found = (found[..., None] * np.eye(3)).reshape(-1, 1, 3, 3)
        told = "a diagonal"
    elif found.ndim in (2, 3) and shape[-2:] == (3, 3):
        found = found.reshape(-1, 1, 3, 3)
        told = "a matrix"
    else:
        told = ""
    if found.ndim != 4 or found.shape[2:] != (3, 3) or found.shape[0] not in (1, J) or not found.size:
        raise tree.refused(name, f"shape {shape}", f"of shape ({J}, Y, 3, 3)")
    told = told and f"{name}: {told} of shape {shape}, not (J, Y, 3, 3)"
    return _per_period(tree, told, name, found, J)


def _offset_field(tree: Tree, J: int) -> NDArray[np.float64] | None:
    name = "/acquisition/offsetField"
    found = tree.array(name, "float")
    if found is None:
        return None
    shape = found.shape
    told = ""
    if found.ndim in (1, 2) and shape[-1] == 3:
        found = found.reshape(-1, 1, 3)
        told = f"{name}: shape {shape}, not (J, Y, 3)"
    if found.ndim != 3 or found.shape[2] != 3 or found.shape[0] not in (1, J) or not found.size:
        raise tree.refused(name, f"shape {shape}", f"of shape ({J}, Y, 3)")
    return _per_period(tree, told, name, found, J)


def _per_period(tree: Tree, told: str, name: str, found: NDArray[np.float64], J: int) -> NDArray[np.float64]:
    if told or len(found) != J:
        tree.note(told or f"{name}: of one period, taken for all {J}")
    return np.broadcast_to(found, (J, *found.shape[1:]))


def read_drive(tree: Tree, J: int) -> Drive | None:
    """The drive field; ``None`` without its group.

    Raises:
        ValueError: a data set is missing, or is not what it must be.
    """
    group = "/acquisition/drivefield"
    if group not in tree:
        tree.note(f"{group}: missing")
        return None
    base, cycle = tree.number(f"{group}/baseFrequency"), tree.number(f"{group}/cycle")
    for name, value in (("baseFrequency", base), ("cycle", cycle)):
        assert value is not None
        if value <= 0:
            raise tree.refused(f"{group}/{name}", value, "positive")
    assert base is not None and cycle is not None
    divider = _divider(tree, f"{group}/divider", tree.count(f"{group}/numChannels", required=False))
    D, F = divider.shape
    waves = tree.texts(f"{group}/waveform")
    if waves is None:
        raise RefusedError(f"{tree.path}: {group}/waveform is missing, and needed")
    waves = _fitted(tree, f"{group}/waveform", waves, (D, F))
    for wave in sorted(set(waves.ravel()) - {"sine", "triangle", "custom"}):
        tree.note(f"{group}/waveform: {shown(wave)}, not sine, triangle or custom")
    strength, phase = (tree.array(f"{group}/{name}", "float") for name in ("strength", "phase"))
    for name, array in (("strength", strength), ("phase", phase)):
        if array is None:
            raise RefusedError(f"{tree.path}: {group}/{name} is missing, and needed")
    return Drive(
        base_frequency=base,
        divider=divider,
        strength=_fitted(tree, f"{group}/strength", strength, (J, D, F)),
        phase=_fitted(tree, f"{group}/phase", phase, (J, D, F)),
        waveform=tuple(tuple(str(wave) for wave in row) for row in waves),
        cycle=cycle,
    )


def _divider(tree: Tree, name: str, channels: int | None) -> NDArray[np.int64]:
    found = tree.array(name, "int")
    if found is None:
        raise RefusedError(f"{tree.path}: {name} is missing, and needed")
    shape = found.shape
    D = channels or (shape[0] if shape else 1)
    if found.ndim != 2 or len(found) != D:
        if shape in ((), (D,), (1, D)) and found.size == D:
            found = found.reshape(D, 1)
        elif found.ndim == 2 and shape[1] == D:
            found = found.T
        else:
            raise tree.refused(name, f"shape {shape}", f"of shape ({D}, F), one row per drive channel")
        tree.note(f"{name}: shape {shape}, not (D, F)")
    if not found.size:
        raise tree.refused(name, f"shape {shape}", "of at least one frequency")
    if (found < 0).any():
        raise tree.refused(name, shown(found), "whole numbers above zero")
    if (found == 0).any():
        tree.note(f"{name}: 0, so a frequency is not told")
    return found


def _fitted(tree: Tree, name: str, array: Any, shape: tuple[int, ...]) -> Any:
    """An array of the shape; what has it but for missing or single axes is repeated, and noted."""
    if array.shape == shape:
        return array
    candidates = [array]
    if array.ndim < len(shape) and shape[-1] == 1:
        candidates = [array[..., None], array]
    for candidate in candidates:
        try:
            found = np.broadcast_to(candidate, shape)
        except ValueError:
            continue
        tree.note(f"{name}: shape {array.shape}, taken for all of {shape}")
        return found
    raise tree.refused(name, f"shape {array.shape}", f"of shape {shape}")


def read_receiver(tree: Tree) -> Receiver:
    """The receive channels.

    Raises:
        ValueError: a data set is missing, or is not what it must be.
    """
    group = "/acquisition/receiver"
    samples, C = tree.count(f"{group}/numSamplingPoints"), tree.count(f"{group}/numChannels")
    bandwidth = tree.number(f"{group}/bandwidth")
    assert samples is not None and C is not None and bandwidth is not None
    if bandwidth <= 0:
        raise tree.refused(f"{group}/bandwidth", bandwidth, "positive")
    if C > 1000:
        raise tree.refused(f"{group}/numChannels", C, "at most 1000")
    units = tree.texts(f"{group}/unit")
    if units is None:
        tree.note(f"{group}/unit: missing, taken for V")
        units = np.array("V", object)
    if units.shape not in ((), (1,)):
        if units.shape != (C,):
            raise tree.refused(f"{group}/unit", f"shape {units.shape}", f"a single text, or {C}")
        tree.note(f"{group}/unit: one for each channel")
    return Receiver(
        bandwidth=bandwidth,
        samples=samples,
        units=tuple(str(unit) for unit in np.broadcast_to(units, C)),
        conversion=_conversion(tree, f"{group}/dataConversionFactor", C),
        transfer_function=_transfer_function(tree, f"{group}/transferFunction", C),
        induction_factor=_induction_factor(tree, f"{group}/inductionFactor", C),
    )


def _conversion(tree: Tree, name: str, C: int) -> NDArray[np.float64] | None:
    found = tree.array(name, "float")
    if found is None:
        return None
    if found.shape == (2,):
        found = np.broadcast_to(found, (C, 2))
        tree.note(f"{name}: one pair, taken for all {C} channels")
    if found.shape != (C, 2):
        raise tree.refused(name, f"shape {found.shape}", f"of shape ({C}, 2)")
    if not found[:, 0].all():
        raise tree.refused(name, "a factor of 0", "of factors other than 0")
    return found


def _transfer_function(tree: Tree, name: str, C: int) -> NDArray[np.complex128] | None:
    found = tree.array(name, "complex", finite=False)
    if found is None:
        return None
    if found.ndim == 1 and C == 1:
        tree.note(f"{name}: shape {found.shape}, not (C, K)")
        found = found[None]
    if found.ndim != 2 or len(found) != C or not found.size:
        raise tree.refused(name, f"shape {found.shape}", f"of shape ({C}, K)")
    return found


def _induction_factor(tree: Tree, name: str, C: int) -> NDArray[np.float64] | None:
    found = tree.array(name, "float")
    if found is None:
        return None
    if found.size != C or found.ndim > 1:
        raise tree.refused(name, f"shape {found.shape}", f"of shape ({C},)")
    return found.reshape(C)
