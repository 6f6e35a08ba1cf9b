"""The group of the signals: how they are stored, what was done to them, and which frames are background."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf.description import Acquisition, Calibration, Processing, Receiver
from mpicore.mdf.layout import TRANSFORMS, Layout, Sparsity, Stored
from mpicore.mdf.tree import RefusedError, Tree, shown

_DATA = "/measurement/data"
_WHOLE = 2**24  # bytes up to which a trial reads all signals

_Found = tuple[Layout | None, Processing | None, NDArray[np.bool_]]


def read_measurement(
    tree: Tree, acquisition: Acquisition, receiver: Receiver, calibration: Calibration | None
) -> _Found:
    """Layout, processing and the mask of background frames, in the order of recording; none without signals.

    Raises:
        ValueError: a data set is missing, or is not what it must be.
    """
    if "/measurement" not in tree:
        return None, None, np.zeros(0, bool)
    data = tree.dataset(_DATA)
    if data is None:
        raise RefusedError(f"{tree.path}: {_DATA} is missing, and needed where there is /measurement")
    shape, is_complex = _kind(tree, data)
    fourier = _flag(tree, "isFourierTransformed", absent=is_complex)
    if fourier != is_complex:
        allowed = "complex, as isFourierTransformed says" if fourier else "real, as isFourierTransformed is 0"
        raise tree.refused(_DATA, f"type {data.dtype}", allowed)
    fast = _flag(tree, "isFastFrameAxis", absent=False)
    J, C, columns, stored_frames = shape if fast else (*shape[1:], shape[0])
    axes = "J x C x K x N" if fast else "N x J x C x K"
    for count, wanted, name in (
        (J, acquisition.periods, "numPeriodsPerFrame"),
        (C, receiver.channels, "receiver/numChannels"),
    ):
        if count != wanted:
            raise tree.refused(_DATA, f"shape {shape}", f"of shape {axes}, with {wanted} from /acquisition/{name}")
    if not stored_frames:
        raise tree.refused(_DATA, f"shape {shape}", "of at least one frame")
    V, lines = _columns(tree, columns, fourier, receiver.samples)
    mask = tree.flags("/measurement/isBackgroundFrame")
    sparsity = _sparsity(tree, calibration, mask, shape, fast and fourier)
    N = stored_frames if sparsity is None else stored_frames - sparsity.coefficients + math.prod(sparsity.grid)
    if mask is None:
        tree.note("/measurement/isBackgroundFrame: missing, taken for 0")
        mask = np.zeros(N, bool)
    if len(mask) != N:
        raise tree.refused("/measurement/isBackgroundFrame", f"{len(mask)} values", f"of {N} values, one per frame")
    layout = Layout((N, J, C, V), fast, fourier, lines, _order(tree, N), sparsity)
    if calibration is not None and calibration.size is not None and math.prod(calibration.size) != (~mask).sum():
        told = f"{math.prod(calibration.size)} voxels, but there are {(~mask).sum()} foreground frames"
        tree.note(f"/calibration/size: {told}")
    processing = Processing(
        background_corrected=_flag(tree, "isBackgroundCorrected", absent=False),
        spectral_leakage_corrected=_flag(tree, "isSpectralLeakageCorrected", absent=False),
        transfer_function_corrected=_flag(tree, "isTransferFunctionCorrected", absent=False),
    )
    return layout, processing, layout.recorded(mask)


def stored(tree: Tree, layout: Layout) -> Stored:
    """The data sets of the signals of an open file."""
    indices = None if layout.sparsity is None else tree.dataset("/measurement/subsamplingIndices")
    return Stored(tree.path, layout, tree.dataset(_DATA), indices)


def probe(tree: Tree, layout: Layout) -> None:
    """Read all signals if they are few, else the first and the last ones: what the library dies of shows here."""
    for name in (_DATA, "/measurement/subsamplingIndices"):
        data = tree.dataset(name) if name == _DATA or layout.sparsity is not None else None
        if data is None:
            continue
        try:
            if data.size * data.dtype.itemsize <= _WHOLE:
                data[()]
            else:
                data[(0,) * data.ndim], data[tuple(size - 1 for size in data.shape)]
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            raise tree.refused(name, "what cannot be decoded", "whole") from error


def _flag(tree: Tree, name: str, absent: bool) -> bool:
    return tree.flag(f"/measurement/{name}", absent=absent)


def _kind(tree: Tree, data: Any) -> tuple[tuple[int, ...], bool]:
    """The four axes of the signals, and whether they are complex."""
    if data.shape is None:
        raise tree.refused(_DATA, "none", "four axes of numbers")
    with tree.told(_DATA):
        dtype = data.dtype
    shape = tuple(int(size) for size in data.shape)
    fields = [dtype[name] for name in dtype.names] if dtype.names == ("r", "i") else [dtype]
    if any(kind.kind not in "iufc" or kind.shape for kind in fields) or (dtype.kind == "V" and len(fields) != 2):
        raise tree.refused(_DATA, f"type {dtype}", "real numbers, or complex ones with parts r and i")
    is_complex = dtype.kind in "cV"
    if len(shape) == 5 and shape[-1] == 2 and not is_complex:
        tree.note(f"{_DATA}: real and imaginary parts as a last axis of two")
        shape, is_complex = shape[:4], True
    if len(shape) != 4 or not all(shape):
        raise tree.refused(_DATA, f"shape {shape}", "four axes, none of them empty")
    return shape, is_complex


def _columns(tree: Tree, columns: int, fourier: bool, V: int) -> tuple[int, NDArray[np.int64] | None]:
    """Samples of a signal, and which lines of it are stored."""
    name = "/measurement/frequencySelection"
    selected = _flag(tree, "isFrequencySelection", absent=False)
    lines = tree.array(name, "int")
    if not fourier:
        if columns < V:
            tree.note(f"{_DATA}: {columns} samples, fewer than the {V} of /acquisition/receiver/numSamplingPoints")
        elif columns > V:
            raise tree.refused(_DATA, f"{columns} samples", f"of {V} samples, as numSamplingPoints says")
        return columns, None
    if not selected:
        if columns != V // 2 + 1:
            allowed = f"of {V // 2 + 1} lines, half of /acquisition/receiver/numSamplingPoints and one"
            raise tree.refused(_DATA, f"{columns} lines", allowed)
        return V, None
    if lines is None:
        raise RefusedError(f"{tree.path}: {name} is missing, and needed as isFrequencySelection is 1")
    if lines.shape != (columns,):
        raise tree.refused(name, f"shape {lines.shape}", f"a list of {columns}, the stored lines")
    if lines.min() < 1 or lines.max() > V // 2 + 1 or len(np.unique(lines)) != columns:
        raise tree.refused(name, shown(lines), f"different whole numbers from 1 to {V // 2 + 1}")
    return V, lines - 1


def _order(tree: Tree, N: int) -> NDArray[np.int64] | None:
    name = "/measurement/framePermutation"
    moved = _flag(tree, "isFramePermutation", absent=False)
    order = tree.array(name, "int")
    if not moved:
        return None
    if order is None:
        raise RefusedError(f"{tree.path}: {name} is missing, and needed as isFramePermutation is 1")
    if order.shape != (N,) or not np.array_equal(np.sort(order), np.arange(1, N + 1)):
        raise tree.refused(name, shown(order), f"each of the frames 1 to {N} once")
    return order - 1


def _sparsity(
    tree: Tree, calibration: Calibration | None, mask: NDArray[np.bool_] | None, shape: tuple[int, ...], fit: bool
) -> Sparsity | None:
    group = "/measurement"
    if not tree.flag(f"{group}/isSparsityTransformed"):
        return None
    if not fit:
        allowed = "0 where the frames are not the last axis, or the data are not lines"
        raise tree.refused(f"{group}/isSparsityTransformed", 1, allowed)
    if mask is None:
        raise RefusedError(f"{tree.path}: {group}/isBackgroundFrame is missing, and needed for transformed frames")
    transform = tree.text(f"{group}/sparsityTransformation")
    if transform not in TRANSFORMS:
        raise tree.refused(f"{group}/sparsityTransformation", shown(transform), f"one of {', '.join(TRANSFORMS)}")
    if calibration is None or calibration.size is None:
        raise RefusedError(f"{tree.path}: /calibration/size is missing, and needed for transformed frames")
    foreground = int((~mask).sum())
    if math.prod(calibration.size) != foreground:
        allowed = f"of a product of {foreground}, the number of foreground frames"
        raise tree.refused("/calibration/size", calibration.size, allowed)
    if mask[:foreground].any():
        raise tree.refused(f"{group}/isBackgroundFrame", "others", "1 at the end alone, where frames are transformed")
    B = shape[3] - (len(mask) - foreground)
    indices = tree.dataset(f"{group}/subsamplingIndices")
    if indices is None:
        raise RefusedError(f"{tree.path}: {group}/subsamplingIndices is missing, and needed for transformed frames")
    if indices.shape != (*shape[:3], B) or not 0 < B <= foreground:
        raise tree.refused(f"{group}/subsamplingIndices", f"shape {indices.shape}", f"of shape {(*shape[:3], B)}")
    with tree.told(f"{group}/subsamplingIndices"):
        if indices.dtype.kind not in "iu":
            raise tree.refused(f"{group}/subsamplingIndices", f"type {indices.dtype}", "whole numbers")
    sizes = dict(zip("xyz", calibration.size, strict=True))
    return Sparsity(transform, tuple(sizes[axis] for axis in reversed(calibration.order)), B)
