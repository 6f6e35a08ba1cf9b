"""Matrices of low rank under noise: leading singular vectors, and shrinkage of singular values."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks

Array = NDArray[np.floating[Any]]


def optimal_shrinkage(singular: ArrayLike, aspect: float) -> NDArray[np.float64]:
    """Shrunk singular values for the Frobenius norm: sqrt((y^2 - b - 1)^2 - 4 b) / y above 1 + sqrt(b), else 0.

    Args:
        singular: in units of the noise's standard deviation times the root of the longer side of the matrix.
        aspect: b, the shorter over the longer side, in (0, 1].
    """
    values = checks.numbers(singular, "singular").astype(np.float64)
    inside = np.maximum((values**2 - aspect - 1) ** 2 - 4 * aspect, 0)
    return np.where(values > 1 + np.sqrt(aspect), np.sqrt(inside) / np.maximum(values, 1e-300), 0)


def leading_singular(matrix: Array, rank: int) -> tuple[Array, Array, Array]:
    """Leading left vectors, singular values and right vectors, by randomised iteration with a fixed seed.

    Args:
        matrix: shape (a, b); computed in float32.
        rank: how many at most.

    Returns:
        Shapes (a, r), (r,) and (b, r), with r the smallest of rank, a and b.

    Raises:
        ValueError: no matrix of real and finite numbers, or a rank below 1.
    """
    import torch

    matrix = checks.signals(matrix, "matrix").astype(np.float32, copy=False)
    if not matrix.flags.writeable or min(matrix.strides) < 0:  # which PyTorch does not take
        matrix = matrix.copy()
    checks.count(rank, "rank")

    with torch.random.fork_rng():
        torch.manual_seed(0)
        left, singular, right = torch.svd_lowrank(torch.from_numpy(matrix), q=min(rank, *matrix.shape), niter=3)
    return left.numpy(), singular.numpy(), right.numpy()
