"""From signals to images: x-space gridding and regularised Kaczmarz with a system matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from mpicore import checks
from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
ComplexArray = NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True)
class Gridding:
    """How x-space samples become pixels.

    Args:
        slow_fraction: speed below which samples are left out, as a fraction of the highest, in (0, 1).
        outside: pixels outside the triangulation of the samples are ``zero`` or take the ``nearest`` sample.

    Raises:
        ValueError: a fraction out of range, an unknown fill.
    """

    slow_fraction: float = 0.45
    outside: Literal["zero", "nearest"] = "zero"

    def __post_init__(self) -> None:
        checks.choice(self.outside, "outside", ("zero", "nearest"))
        if not 0 < checks.finite(self.slow_fraction, "slow_fraction") < 1:
            raise ValueError(f"slow_fraction must be in (0, 1), got {self.slow_fraction!r}")


@dataclass(frozen=True)
class Kaczmarz:
    """How images are made with a system matrix.

    Args:
        relative_lambda: strength of the regularisation in units of ||A||_F^2 / P.
        sweeps: number of sweeps over all rows.
        snr_threshold: lowest ratio of amplitudes of signal and noise of a line that is used.

    Raises:
        ValueError: a value that is not positive.
    """

    relative_lambda: float
    sweeps: int
    snr_threshold: float

    def __post_init__(self) -> None:
        checks.positive(self.relative_lambda, "relative_lambda")
        checks.count(self.sweeps, "sweeps")
        checks.positive(self.snr_threshold, "snr_threshold")


class XSpace:
    """Linear x-space reconstruction of one receive channel (Goodwill and Conolly 2010).

    The signal divided by the FFP velocity along the channel's axis is the particle distribution blurred by the point
    spread function. Where the path retraces itself (cosine drive), both passes over a point are combined by
    velocity-weighted least squares; their speeds are equal, so that is (u[k] - u[N-k]) / (2 v[k]). Samples slower than
    a fraction of the highest speed are left out, and the rest are interpolated linearly on their Delaunay triangulation
    to the pixels.
    Meant for the Cartesian trajectory: where a path crosses itself, the triangulation keeps one of the samples.

    Args:
        scanner: sequence and pixel grid.
        gridding: which samples are kept, and what lies beyond them.
        channel: 0 for the x coil, 1 for the y coil.

    Raises:
        ValueError: an unknown channel.

    Example:
        >>> scanner = Scanner.cartesian(shape=(21, 21))
        >>> XSpace(scanner)(np.ones((2, scanner.num_samples), np.float32)).shape
        (2, 21, 21)
    """

    def __init__(self, scanner: Scanner, gridding: Gridding | None = None, channel: int = 0):
        checks.choice(channel, "channel", (0, 1))
        self.scanner, self.gridding = scanner, gridding or Gridding()
        velocity = scanner.ffp_velocity[:, channel]
        n, mirrored = scanner.num_samples, scanner.mirror == 0
        first = np.arange(1, (n + 1) // 2) if mirrored else np.arange(n)
        first = first[np.abs(velocity[first]) >= self.gridding.slow_fraction * np.abs(velocity).max()]
        samples = np.arange(first.size)
        if mirrored:
            weights = np.concatenate([0.5 / velocity[first], -0.5 / velocity[first]])
            places = np.concatenate([samples, samples]), np.concatenate([first, n - first])
        else:
            weights, places = 1 / velocity[first], (samples, first)
        passes = sparse.csr_array((weights, places), shape=(first.size, n))
        interpolation = _linear_interpolation(scanner.ffp[first], scanner.grid, self.gridding.outside)
        self._operator = (interpolation @ passes).tocsr()

    @property
    def operator(self) -> sparse.csr_array:
        """A copy of the matrix that takes a signal of N samples to the pixels of its image, shape (ny nx, N)."""
        return self._operator.copy()

    def __call__(self, u: ArrayLike) -> Array:
        """Reconstruct signals.

        Args:
            u: shape (n, N) [1/s].

        Returns:
            Images, shape (n, ny, nx) [1/m], in the dtype of ``u``, the PSF times the concentration.

        Raises:
            ValueError: another length than the scanner's N; NaN or infinite values.
        """
        signals = checks.signals(u, "u", length=self.scanner.num_samples)
        images = self._operator.astype(signals.dtype) @ signals.T
        return np.ascontiguousarray(images.T).reshape(len(signals), *self.scanner.shape)


class SystemMatrixReconstruction:
    """Images by regularised Kaczmarz with a system matrix, non-negative.

    Args:
        columns: signals of the pixels, shape (P, N).
        lines: numbers of the spectral lines that are used, see :func:`select_frequencies`.
        shape: pixels (ny, nx) of an image, P = ny nx.
        settings: regularisation and sweeps.

    Attributes:
        matrix: shape (lines, P), complex.

    Raises:
        ValueError: another number of columns than pixels.
    """

    def __init__(
        self, columns: ArrayLike, lines: Sequence[int] | NDArray[np.intp], shape: tuple[int, int], settings: Kaczmarz
    ):
        self.lines, self.shape, self.settings = np.asarray(lines), tuple(shape), settings
        self.matrix = frequency_components(columns, self.lines).T
        if self.matrix.shape[1] != shape[0] * shape[1]:
            raise ValueError(f"columns must hold {shape[0] * shape[1]} pixels, got {self.matrix.shape[1]}")

    def measure(self, objects: ArrayLike) -> ComplexArray:
        """What the scanner with this matrix measures of objects (n, ny, nx) without noise: lines (n, lines)."""
        phantoms = checks.signals(objects, "objects", dimensions=(3,))
        if phantoms.shape[1:] != self.shape:
            raise ValueError(f"objects must have the shape (n, {self.shape[0]}, {self.shape[1]}), got {phantoms.shape}")
        return phantoms.reshape(len(phantoms), -1) @ self.matrix.T

    def components(self, u: ArrayLike) -> ComplexArray:
        """The lines of measured signals (n, N), shape (n, lines)."""
        return frequency_components(u, self.lines)

    def __call__(self, components: ArrayLike) -> Array:
        """Images (n, ny, nx) of measured lines (n, lines)."""
        solution = kaczmarz(self.matrix, components, self.settings.relative_lambda, self.settings.sweeps)
        return solution.reshape(-1, *self.shape)


def kaczmarz(A: ArrayLike, u: ArrayLike, relative_lambda: float, sweeps: int, nonnegative: bool = True) -> NDArray[Any]:
    """Regularised Kaczmarz, all right-hand sides swept together.

    Row k of the classic loop is b = (u_k - a_k x - sqrt(l) v_k) / (a_k a_k^H + l), x += b conj(a_k), v_k += sqrt(l) b.
    One sweep over all rows is one forward Gauss-Seidel step on A A^H + l I: with its lower triangle T,
    d = T^-1 (u - A x - sqrt(l) v), x += A^H d, v += sqrt(l) d. These are the same iterates with matrix products in
    place of the loop. They converge to the Tikhonov solution (A^H A + l I)^-1 A^H u.

    Args:
        A: system matrix, shape (M, P), real or complex; rows of zeros are skipped.
        u: measurements, shape (n, M).
        relative_lambda: l in units of ||A||_F^2 / P, positive.
        sweeps: number of sweeps over all rows, at least one.
        nonnegative: project on real, non-negative values after each sweep.

    Returns:
        Shape (n, P), real with ``nonnegative``, else in the common dtype of A and u.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite values, a zero matrix, parameters out of range; images that
            the dtype cannot hold.

    Example:
        >>> A, x = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, 2.0]])
        >>> kaczmarz(A, x @ A.T, relative_lambda=1e-9, sweeps=50).round(3)
        array([[1., 2.]])
    """
    matrix = checks.numbers(A, "A", complex_too=True)
    measured = checks.numbers(u, "u", complex_too=True)
    if matrix.ndim != 2 or measured.ndim != 2 or measured.shape[1] != matrix.shape[0]:
        raise ValueError(f"A must have shape (M, P) and u shape (n, M), got {matrix.shape} and {measured.shape}")
    checks.positive(relative_lambda, "relative_lambda")
    checks.count(sweeps, "sweeps")
    dtype = np.result_type(matrix.dtype, measured.dtype, np.float32)
    # In the unit of the largest entry, as a power of two, no bit of the result changes, nothing overflows in single
    # precision, and no product is so small that it slows down the processor.
    exponent = int(np.frexp(np.abs(matrix).max(initial=0))[1])
    strength = np.frexp(np.abs(measured).max(axis=1, keepdims=True, initial=0))[1]
    matrix, measured = matrix * 2.0**-exponent, measured * np.ldexp(np.ones((), measured.real.dtype), -strength)
    row_energy = np.vecdot(matrix, matrix).real
    rows = row_energy > 0
    if not rows.any():
        raise ValueError("A must not be zero everywhere")
    matrix, measured = matrix[rows].astype(dtype, copy=False), measured[:, rows].T.astype(dtype)
    lam = float(relative_lambda * row_energy.sum() / matrix.shape[1])
    root = np.sqrt(lam).astype(measured.real.dtype)
    split = bool(nonnegative and np.iscomplexobj(matrix))
    # For real x, A x and the real part of A^H d need half the work in real arithmetic, on real and imaginary rows.
    forward = np.concatenate([matrix.real, matrix.imag]) if split else matrix
    adjoint = forward.conj().T
    triangle = np.tril(_gram(forward, split))
    triangle[np.diag_indices_from(triangle)] += lam
    # The small triangle is inverted once: a triangular solver would bring a second pool of threads, which spin against
    # those of the matrix products.
    inverse = np.tril(np.linalg.inv(triangle))
    x = np.zeros((matrix.shape[1], measured.shape[1]), measured.real.dtype if nonnegative else dtype)
    update, v = np.empty_like(x), np.zeros_like(measured)
    for sweep in range(sweeps):
        residual = measured - root * v
        if sweep:  # x is still zero in the first
            seen = forward @ x
            residual -= _join(seen) if split else seen
        step = inverse @ residual
        np.matmul(adjoint, np.concatenate([step.real, step.imag]) if split else step, out=update)
        x += update
        if nonnegative:
            np.maximum(x, 0, out=x)
        v += root * step
    found = np.ascontiguousarray(x.T)
    with np.errstate(over="ignore"):
        unit = np.ldexp(np.ones(()), strength - exponent)
        scaled = (found * unit).astype(found.dtype)
    if not np.isfinite(scaled).all():
        raise ValueError(f"A must be stronger or u weaker, their images overflow {found.dtype}; choose other units")
    return scaled


def _gram(forward: NDArray[Any], split: bool) -> NDArray[Any]:
    """A A^H, from A itself or from its real and imaginary rows."""
    products = forward @ (forward.conj().T if np.iscomplexobj(forward) else forward.T)
    if not split:
        return products
    rows = len(products) // 2
    real = products[:rows, :rows] + products[rows:, rows:]
    return _join(np.concatenate([real, products[rows:, :rows] - products[:rows, rows:]]))


def _join(parts: NDArray[Any]) -> ComplexArray:
    """Real rows over imaginary rows to complex rows."""
    joined = np.empty((len(parts) // 2, *parts.shape[1:]), np.result_type(parts, np.complex64))
    joined.real, joined.imag = np.split(parts, 2)
    return joined


def frequency_components(u: ArrayLike, lines: Sequence[int] | NDArray[Any] | None = None) -> ComplexArray:
    """Spectral lines of one period; line k lies at the frequency k / T.

    Args:
        u: signals, shape (n, N).
        lines: numbers of the lines to keep, all N // 2 + 1 by default.

    Returns:
        Shape (n, lines), complex.
    """
    signals = checks.signals(u, "u")
    kept = slice(None) if lines is None else _chosen(lines, signals.shape[1] // 2 + 1)
    return np.concatenate([np.fft.rfft(block, axis=1)[:, kept] for block in _row_blocks(signals)])


def _chosen(lines: Sequence[int] | NDArray[Any], count: int) -> NDArray[Any]:
    """Numbers of lines, of so many.

    Raises:
        ValueError: no whole numbers, or a line that there is not.
    """
    found = np.asarray(lines)
    if found.ndim != 1 or found.dtype.kind not in "iu" or (found < 0).any() or (found >= count).any():
        raise ValueError(f"lines must be whole numbers from 0 to {count - 1}, got {lines!r}")
    return found


def select_frequencies(u1: ArrayLike, u2: ArrayLike, threshold: float = 1.5) -> NDArray[np.intp]:
    """Lines whose signal amplitude exceeds the noise, judged from two noisy periods of a calibration alone.

    The cross-power of the periods estimates the signal power of a line, half the power of their difference its noise
    power; the ratio of amplitudes is compared with the threshold (a ratio, not dB).

    Args:
        u1, u2: two noisy periods of every pixel, shape (P, N).
        threshold: lowest amplitude ratio, positive.

    Returns:
        Numbers of the selected lines, ascending.

    Raises:
        ValueError: shapes that differ, or no line above the threshold.
    """
    checks.positive(threshold, "threshold")
    one, other = checks.signals(u1, "u1"), checks.signals(u2, "u2")
    if one.shape != other.shape:
        raise ValueError(f"u1 and u2 must have one shape, got {one.shape} and {other.shape}")
    exponent = np.frexp(max(np.abs(one).max(), np.abs(other).max()))[1]  # in this unit no power over- or underflows
    signal = noise = np.zeros(one.shape[1] // 2 + 1)
    for blocks in zip(_row_blocks(one), _row_blocks(other), strict=True):
        first, second = (np.fft.rfft(np.ldexp(block, -exponent), axis=1) for block in blocks)
        signal = signal + np.sum((first * second.conj()).real, axis=0, dtype=np.float64)
        noise = noise + np.sum(np.abs(first - second) ** 2, axis=0, dtype=np.float64) / 2
    lines = np.flatnonzero(signal > threshold**2 * noise)
    if lines.size == 0:
        raise ValueError(f"threshold must leave at least one line, none lies above {threshold:g}")
    return lines


def _row_blocks(u: Array) -> list[Array]:
    """Views of a thousand signals each: bounds the memory of spectra of whole system matrices."""
    return [u[start : start + 1000] for start in range(0, len(u), 1000)]


def _linear_interpolation(points: Array, targets: Array, outside: str) -> Any:
    """Barycentric weights on the Delaunay triangulation of scattered points, sparse (targets, points)."""
    from scipy.spatial import Delaunay, KDTree

    triangulation = Delaunay(points)
    simplex = triangulation.find_simplex(targets)
    inside = simplex >= 0
    corners = triangulation.simplices[simplex]
    affine = triangulation.transform[simplex]
    weights = np.einsum("pij,pj->pi", affine[:, :2], targets - affine[:, 2])
    weights = np.column_stack([weights, 1 - weights.sum(axis=1)])
    weights[~inside] = 0
    if outside == "nearest":
        corners[~inside, 0] = KDTree(points).query(targets[~inside])[1]
        weights[~inside, 0] = 1
    rows = np.repeat(np.arange(len(targets)), 3)
    return sparse.csr_array((weights.ravel(), (rows, corners.ravel())), shape=(len(targets), len(points)))
