"""Images of lines with a system matrix: the strength of the regularisation, the sign, and what is explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.imaging.settings import Imaging
from mpicore.reconstruction import kaczmarz

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]

#: Strengths among which the noisy error chooses, in units of ||A||_F^2 / P.
CANDIDATES = tuple(float(10.0**exponent) for exponent in np.arange(-4, 1.5, 0.5))
_LITTLE = 1.05  # over the least misfit
_JUDGED = 16  # images that judge a strength or a sign
_MARGIN = 0.02  # of the energy of the other half, by which the opposite sign must be better


@dataclass(frozen=True, eq=False)
class Solution:
    """Images (n, P) of lines, and how they were made.

    Attributes are those of :class:`mpicore.imaging.images.Images` of the same names.
    """

    values: Floats
    relative_lambda: float
    errors: dict[float, float]
    explained: float
    signal: float
    notes: tuple[str, ...]


def image(
    matrix: Complexes,
    first: Complexes,
    second: Complexes | None = None,
    settings: Imaging | None = None,
    channel: ArrayLike | None = None,
    noise: float | None = None,
) -> Solution:
    """Images of weighted lines with a weighted matrix.

    Args:
        matrix: shape (M, P).
        first: lines of n images, shape (n, M); NaN where there is none. Such an image is made of its other lines.
        second: the same from other periods; images are made of the mean of both. ``None`` where there is one.
        settings: regularisation and sweeps.
        channel: of each row, shape (M,); one channel by default.
        noise: energy of the noise in the lines of one image, to which the misfit may rise where there is no second half
            to choose the regularisation; ``None`` where it is not known.

    Raises:
        ValueError: shapes that do not fit, the sign of a channel is the opposite of the matrix's, or no signal is
            explained.
    """
    matrix, first, second, unit = _in_unit(matrix, first, second, missing=True)
    noise = None if noise is None else checks.at_least(noise, "noise", 0) / unit**2
    chosen, notes = settings or Imaging(), []
    which = np.zeros(len(matrix), np.intp) if channel is None else np.asarray(channel)
    whole = np.isfinite(first).all(axis=1)
    if second is not None:
        mean = np.where(np.isfinite(first), np.where(np.isfinite(second), (first + second) / 2, first), second)
        both = whole & np.isfinite(second).all(axis=1)
        if not both.any():
            notes.append("no image has both halves of its periods in all lines, so that no half predicts another")
            first, second, whole = mean, None, np.isfinite(mean).all(axis=1)
        else:
            whole = both
    else:
        mean = first
    if not whole.any():
        raise ValueError("first must have all lines of at least one image, some are NaN in each")
    places = np.flatnonzero(whole)
    judged = places[np.unique(np.linspace(0, len(places) - 1, min(_JUDGED, len(places))).round().astype(int))]
    half, other = first[judged], None if second is None else second[judged]
    errors: dict[float, float] = {}
    strength = chosen.relative_lambda
    if strength is None:
        if other is None:
            strength = _discrepancy(matrix, half, (noise or 0.0) * len(judged), chosen.sweeps)
            told = "to within their noise" if noise else f"but for {100 * (_LITTLE - 1):.0f} % of the misfit"
            told = f"the largest that explains the lines as well as any, {told}"
        else:
            strength, errors = choose_lambda(matrix, half, other, chosen.sweeps)
            end = "" if CANDIDATES[0] < strength < CANDIDATES[-1] else ", at the end of the range"
            told = f"the least noisy error{end} of {len(CANDIDATES)} strengths"
        notes.append(f"regularisation of {strength:.3g}: {told}")
    _check_signs(matrix, half, other, strength, chosen.sweeps, which)
    explained, signal = gain(matrix, half, other, strength, chosen.sweeps), float("nan")
    if other is not None:
        common = np.sum((half.conj() * other).real)
        signal = float(common / (_energy(half) * _energy(other)) ** 0.5)
    values = _images(matrix, mean, strength, chosen.sweeps, notes) * unit
    if not np.isfinite(values).all():
        raise ValueError(f"first must be weaker or matrix stronger, their images overflow {values.dtype}")
    return Solution(values, strength, errors, explained, signal, tuple(notes))


def _images(matrix: Complexes, lines: Complexes, strength: float, sweeps: int, notes: list[str]) -> Floats:
    """Images (n, P) of lines (n, M), each of those that are not NaN; 0 where all are."""
    there = np.isfinite(lines)
    if there.all():
        return kaczmarz(matrix, lines, strength, sweeps)
    values = np.zeros((len(lines), matrix.shape[1]))
    kinds, kind = np.unique(there, axis=0, return_inverse=True)
    for number, rows in enumerate(kinds):
        alike = np.flatnonzero(kind.reshape(-1) == number)
        if rows.any():
            values[alike] = kaczmarz(matrix[rows], lines[alike][:, rows], strength, sweeps)
        told = f"{', '.join(str(n + 1) for n in alike[:10])}{', ...' if len(alike) > 10 else ''}"
        if not rows.all():
            notes.append(f"image {told}: " + ("made of fewer channels" if rows.any() else "empty, nothing can be used"))
    return values


def choose_lambda(
    matrix: Complexes, first: Complexes, second: Complexes, sweeps: int, candidates: Sequence[float] = CANDIDATES
) -> tuple[float, dict[float, float]]:
    """The strength of the regularisation with the least noisy error.

    Args:
        matrix: shape (M, P).
        first, second: lines of the same n objects with noise of their own, shape (n, M).
        sweeps: of Kaczmarz.
        candidates: strengths.

    Returns:
        The strength, and of each the mean over both directions of ||u2 - A x(u1)||^2 / ||u2||^2.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite values, no candidate.
    """
    if not len(candidates):
        raise ValueError("candidates must hold at least one strength, got none")
    errors = {strength: 1 - gain(matrix, first, second, strength, sweeps) for strength in candidates}
    return min(errors, key=lambda strength: errors[strength]), errors


def _discrepancy(matrix: Complexes, lines: Complexes, noise: float, sweeps: int) -> float:
    """The largest strength that leaves no more than the energy of the noise (Morozov 1966), or little above the least.

    The matrix has noise as well, and few sweeps leave some, so that the noise may not be reached.
    """
    left = {s: _energy(lines - kaczmarz(matrix, lines, s, sweeps) @ matrix.T) for s in CANDIDATES}
    limit = max(noise, _LITTLE * min(left.values()))
    return max(strength for strength, energy in left.items() if energy <= limit)


def gain(matrix: Complexes, first: Complexes, second: Complexes | None, strength: float, sweeps: int) -> float:
    """Share of the energy of one half that the image of the other predicts, 1 - ||u2 - A x(u1)||^2 / ||u2||^2.

    The mean over both directions; without a second half, of the half that the image is made of.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite values.
    """
    matrix, first, second, _ = _in_unit(matrix, first, second)
    seen = first if second is None else np.concatenate([first, second])
    other = first if second is None else np.concatenate([second, first])
    predicted = kaczmarz(matrix, seen, strength, sweeps) @ matrix.T
    shares = []
    for part in np.split(np.arange(len(seen)), 1 if second is None else 2):
        energy = max(_energy(other[part]), np.finfo(float).tiny)
        shares.append(1 - _energy(other[part] - predicted[part]) / energy)
    return float(np.mean(shares))


def _in_unit(
    matrix: Complexes, first: Complexes, second: Complexes | None, missing: bool = False
) -> tuple[Complexes, Complexes, Complexes | None, float]:
    """Matrix and lines, checked, with the lines in the unit of the largest; and that unit.

    It is a power of two, so that no bit changes, and energies fit into single precision.
    """
    matrix = checks.numbers(matrix, "matrix", dimensions=(2,), complex_too=True)
    first = checks.numbers(first, "first", dimensions=(2,), length=len(matrix), complex_too=True, missing=missing)
    if not first.size:
        raise ValueError(f"first must hold at least one image, got shape {first.shape}")
    largest = np.abs(first[~np.isnan(first)]).max(initial=0.0)
    unit = float(np.ldexp(1.0, np.frexp(largest)[1]))
    if second is not None:
        second = checks.numbers(
            second, "second", dimensions=(2,), length=len(matrix), complex_too=True, missing=missing
        )
        if second.shape != first.shape:
            raise ValueError(f"second must have the shape of first, {first.shape}, got {second.shape}")
        second = second / unit
    return matrix, first / unit, second, unit


def _energy(lines: Complexes) -> float:
    return float(np.sum(np.abs(lines) ** 2, dtype=np.float64))


def _check_signs(
    matrix: Complexes, first: Complexes, second: Complexes | None, strength: float, sweeps: int, channel: NDArray[Any]
) -> None:
    """Refuse channels that images without negative values explain better with the opposite sign."""
    wrong = []
    for number in np.unique(channel):
        rows = channel == number
        part, halves = matrix[rows], (first[:, rows], None if second is None else second[:, rows])
        if not np.any(part):
            continue
        turned = (-halves[0], None if halves[1] is None else -halves[1])
        as_is, opposite = (gain(part, *pair, strength, sweeps) for pair in (halves, turned))
        if opposite > max(as_is, 0.0) + _MARGIN:
            wrong.append(f"{number + 1} ({opposite:.2f} of its energy explained turned, {as_is:.2f} as it is)")
    if wrong:
        told = ", ".join(wrong)
        raise ValueError(f"receive channels must have the sign of the calibration, found the opposite in {told}")
