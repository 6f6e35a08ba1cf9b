"""The forward model in few coordinates: what a recorded period says about the particle distribution, and no more.

A clean period is A x, with the system matrix A and the particle distribution x. Odd periods are given by their sine
lines, in which the noise is made white (:mod:`mpicore.line_noise`). In the leading singular
vectors of A, so weighted, nearly all signal and little noise remain: a few hundred numbers in place of thousands of
samples.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from mpicore import checks
from mpicore.line_noise import LineNoise
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.symmetry import from_sine_lines, require_odd, sine_lines

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]


class ForwardModel:
    """Signals, coordinates and particle distributions of one scanner.

    Distributions live on a grid with every second pixel of the field of view, which is fine enough for every signal:
    the point spread function is several pixels wide.

    Args:
        scanner, particle: what is known of the measurement.
        noise: of the sine lines; white by default.
        rank: number of coordinates at most.
        channel: 0 for the x coil, 1 for the y coil.

    Attributes:
        matrix: distribution to coordinates, shape (rank, pixels of the coarse grid).
        shape: (ny, nx) of the coarse grid.

    Raises:
        ValueError: noise of another number of lines; a scanner whose signals are not odd.
    """

    def __init__(
        self,
        scanner: Scanner,
        particle: Particle | None = None,
        noise: LineNoise | None = None,
        rank: int = 400,
        channel: int = 0,
    ):
        require_odd(scanner, "the forward model")
        response = _coarse_response(scanner, particle or Particle(), channel)
        self.scanner, self.shape = scanner, _coarse(scanner.shape)
        self.noise = noise or LineNoise.white(len(response))
        if len(self.noise.deviation) != len(response):
            raise ValueError(f"noise must be of {len(response)} lines, got {len(self.noise.deviation)}")
        weighted = np.ascontiguousarray(self.noise.whitened(response.T).T)
        self._vectors = _leading_left_vectors(weighted, checks.count(rank, "rank"))
        self.matrix = self._vectors.T @ weighted

    def coordinates(self, u: Array) -> Float32:
        """Signals (n, N) to coordinates (n, rank), in which the noise has unit variance; float32."""
        return self.noise.whitened(sine_lines(checks.signals(u, "u", self.scanner.num_samples))) @ self._vectors

    def lines(self, z: Float32) -> Float32:
        """Coordinates (n, rank) to sine lines (n, (N - 1) // 2) of the signal they stand for."""
        coordinates = checks.numbers(z, "z", dimensions=(2,), length=self._vectors.shape[1])
        return self.noise.coloured(np.matmul(coordinates, self._vectors.T))

    def signals(self, z: Float32) -> Float32:
        """Coordinates (n, rank) to signals (n, N); float32."""
        return from_sine_lines(self.lines(z), self.scanner.num_samples)

    def images(self, x: ArrayLike) -> Float32:
        """Distributions (n, pixels of the coarse grid) to images (n, ny, nx) of the field of view, interpolated."""
        import torch

        flat = checks.numbers(x, "x", dimensions=(2,), length=self.shape[0] * self.shape[1])
        coarse = torch.from_numpy(np.array(flat, np.float32, order="C")).view(-1, 1, *self.shape)
        return _refine(coarse, self.scanner.shape)[:, 0].numpy()


def _leading_left_vectors(matrix: Float32, rank: int) -> Float32:
    """Left singular vectors of the largest singular values, shape (rows, rank), from the smaller Gram matrix."""
    wide = matrix.shape[0] <= matrix.shape[1]
    gram = (matrix @ matrix.T if wide else matrix.T @ matrix).astype(np.float64)
    last = len(gram) - 1
    power, vectors = eigh(gram, subset_by_index=(max(0, last - rank + 1), last))
    # Singular values at the level of rounding carry nothing, and their vectors would not be orthogonal.
    kept = vectors[:, power > 1e-9 * power[-1]][:, ::-1]
    if not wide:
        kept, _ = np.linalg.qr(matrix @ kept)
    return kept.astype(np.float32)


@lru_cache(maxsize=2)
def _coarse_response(scanner: Scanner, particle: Particle, channel: int) -> Float32:
    """Sine lines of the signals of the coarse pixels, shape (lines, pixels)."""
    import torch

    lines = sine_lines(system_matrix(scanner, particle, channel).T)
    # A coarse pixel stands for what it is interpolated to: the transpose of the interpolation, taken as a gradient.
    coarse = torch.zeros(1, 1, *_coarse(scanner.shape), requires_grad=True)
    coarse = coarse.expand(lines.shape[1], -1, -1, -1)
    fine = torch.from_numpy(np.ascontiguousarray(lines.T)).view(-1, 1, *scanner.shape)
    (response,) = torch.autograd.grad(_refine(coarse, scanner.shape), coarse, fine)
    return response.reshape(lines.shape[1], -1).numpy()


def _coarse(shape: tuple[int, int]) -> tuple[int, int]:
    return (shape[0] + 1) // 2, (shape[1] + 1) // 2


def _refine(coarse: "Tensor", shape: tuple[int, int]) -> "Tensor":
    import torch.nn.functional as F

    return F.interpolate(coarse, size=shape, mode="bilinear", align_corners=True)


def covariance_times(matrix: Float32, shape: tuple[int, int], pixel: float, length: float) -> Float32:
    """K A^T for the covariance exp(-(abs(dx) + abs(dy)) / l) of two pixels; the shape of ``matrix``, (rank, pixels).

    Args:
        matrix: A, one image per row.
        shape: (ny, nx) of the images.
        pixel: distance of neighbouring pixels [m].
        length: correlation length l [m].
    """
    along = [np.exp(-np.abs(np.subtract.outer(np.arange(n), np.arange(n))) * pixel / length) for n in shape]
    ky, kx = (k.astype(np.float32) for k in along)
    images: Float32 = np.matmul(np.matmul(ky, matrix.reshape(-1, *shape)), kx)
    return images.reshape(len(matrix), -1)
