"""The noise of the sine lines: a standard deviation for each, and a few directions that several lines share.

A sinusoid that lies between two lines leaks into many of them, always in the same proportions. Its noise is strong
along one direction in the space of the lines, and a variance for each line alone does not say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.lowrank import leading_singular
from mpicore.recordings import Recordings, rms
from mpicore.symmetry import sine_lines

Array = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]

_MOST = 32  # shared directions
_NEIGHBOURS = 101  # lines whose median power is taken for the floor
_PASSES = 4  # over floor and directions, which depend on each other
_SPARE = 8  # directions that the iteration carries along
_MARGIN = 1.1  # above the largest eigenvalue of independent noise


@dataclass(frozen=True, eq=False)
class LineNoise:
    """Covariance D (I + F F^T) D of the noise in the sine lines.

    Args:
        deviation: the diagonal of D, shape (lines,), positive.
        factors: F, shape (lines, r); its columns are orthogonal.

    Raises:
        ValueError: deviations that are not positive, or factors of another number of lines.
    """

    deviation: NDArray[np.float64]
    factors: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("deviation", "factors"):
            object.__setattr__(self, name, checks.numbers(getattr(self, name), name).astype(np.float64))
        if self.deviation.ndim != 1 or not np.all(self.deviation > 0):
            raise ValueError(f"deviation must hold positive values, one per line, got shape {self.deviation.shape}")
        if self.factors.ndim != 2 or len(self.factors) != len(self.deviation):
            raise ValueError(f"factors must have shape ({len(self.deviation)}, r), got {self.factors.shape}")

    @classmethod
    def white(cls, lines: int) -> Self:
        """Unit variance in each of so many lines."""
        return cls(np.ones(lines), np.zeros((lines, 0)))

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`state` gave; without factors there are none."""
        deviation = np.asarray(state["deviation"], np.float64)
        factors = np.asarray(state.get("factors", np.zeros((len(deviation), 0))), np.float64)
        return cls(deviation, factors)

    def state(self) -> dict[str, NDArray[Any]]:
        """Deviation and, where there are any, factors; float32."""
        found: dict[str, NDArray[Any]] = {"deviation": self.deviation.astype(np.float32)}
        return found | ({"factors": self.factors.astype(np.float32)} if self.factors.size else {})

    def stored(self) -> Self:
        """The same, as it comes back from :meth:`state`."""
        return self.restore(self.state())

    def equals(self, other: "LineNoise") -> bool:
        """Whether another noise is the same, number by number."""
        return np.array_equal(self.deviation, other.deviation) and np.array_equal(self.factors, other.factors)

    def times(self, factor: float) -> Self:
        """Noise with this multiple of the deviation."""
        return type(self)(factor * self.deviation, self.factors)

    def whitened(self, lines: Array) -> Float32:
        """Lines (n, lines) in which this noise is white with unit variance; float32.

        Raises:
            ValueError: another number of lines; NaN, infinite or complex values.
        """
        lines = checks.numbers(lines, "lines", dimensions=(2,), length=len(self.deviation))
        directions, length = self._directions
        found = np.divide(lines, self.deviation.astype(np.float32))
        return self._along(found, directions, np.reciprocal(length))

    def coloured(self, white: Array) -> Float32:
        """The inverse of :meth:`whitened`."""
        white = checks.numbers(white, "white", dimensions=(2,), length=len(self.deviation))
        directions, length = self._directions
        return np.multiply(self._along(white, directions, length), self.deviation.astype(np.float32))

    @cached_property
    def _directions(self) -> tuple[Float32, Float32]:
        """Orthonormal columns of F, and the deviation along each, sqrt(1 + s^2)."""
        size = np.linalg.norm(self.factors, axis=0)
        return (self.factors / np.where(size > 0, size, 1)).astype(np.float32), np.sqrt(1 + size**2).astype(np.float32)

    @staticmethod
    def _along(lines: Array, directions: Float32, factor: Float32) -> Float32:
        if not directions.shape[1]:
            return lines.astype(np.float32, copy=False)
        inside = lines @ directions
        return (lines + (inside * (factor - 1)) @ directions.T).astype(np.float32)


def line_noise(pairs: Recordings) -> LineNoise:
    """Noise of a period in units of its RMS, from half the covariance of the difference of the periods.

    Each line has a deviation of its own where the lines are independent: where no eigenvalue of their correlation
    matrix is larger than after random signs, which leave nothing shared (parallel analysis, Horn 1965). Otherwise the
    deviation is that of the floor, a running median over lines, and the eigenvectors that stand out of it are shared
    directions.
    """
    from scipy.ndimage import median_filter

    lines = np.concatenate([sine_lines((part.u1 - part.u2) / rms(part.u1, name="u1")) for part in pairs.blocks()])
    lines = lines / np.float32(np.sqrt(2))
    count, size = lines.shape
    power = np.mean(np.square(lines, dtype=np.float64), axis=0)
    deviation = np.maximum(np.sqrt(power), 1e-6 * np.sqrt(power.max()))
    edge = _MARGIN * _independent_edge(lines / deviation.astype(np.float32))
    if _largest(lines / deviation.astype(np.float32), 1)[0][0] <= edge:
        return LineNoise(deviation, np.zeros((size, 0)))
    ratio = size / count
    left = power
    for _ in range(_PASSES):
        floor = median_filter(left, size=min(_NEIGHBOURS, size | 1), mode="nearest")
        deviation = np.sqrt(np.maximum(floor, 1e-12 * power.max()))
        values, vectors = _largest(lines / deviation.astype(np.float32), _MOST)
        kept = values > edge
        # Of what a direction shows, noise that is spread over all directions is a part (Baik and Silverstein 2006).
        half = values[kept] + 1 - ratio
        strength = (half + np.sqrt(np.maximum(half**2 - 4 * values[kept], 0))) / 2 - 1
        factors = vectors[:, kept] * np.sqrt(strength)
        left = np.maximum(power - np.square(deviation[:, None] * factors).sum(axis=1), 0)
    return LineNoise(deviation, factors)


def _independent_edge(lines: Float32) -> float:
    """The largest eigenvalue of the covariance of lines (n, lines) of unit variance, once nothing is shared."""
    signs = np.random.default_rng(0).integers(0, 2, lines.shape, dtype=np.int8)
    return float(_largest(lines * (2 * signs - 1), 1)[0][0])


def _largest(lines: Float32, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues of the covariance of lines (n, lines), in falling order, and their eigenvectors."""
    _, singular, vectors = leading_singular(lines, count + _SPARE)
    return singular[:count].astype(np.float64) ** 2 / len(lines), vectors[:, :count].astype(np.float64)
