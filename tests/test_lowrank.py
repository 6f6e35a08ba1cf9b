"""Matrices of low rank: leading singular vectors, and what noise leaves of singular values."""

import numpy as np
import pytest
import torch

from mpicore.lowrank import leading_singular, optimal_shrinkage


def test_optimal_shrinkage_of_a_square_matrix():
    """For b = 1 the formula is sqrt(y^2 - 4)."""
    np.testing.assert_allclose(optimal_shrinkage([1.0, 2.0, 2.5, 10.0], 1.0), [0, 0, 1.5, np.sqrt(96)])


def test_large_singular_values_are_left_alone():
    y = np.array([50.0, 500.0])
    np.testing.assert_allclose(optimal_shrinkage(y, 0.3) / y, 1, atol=1e-3)


@pytest.mark.parametrize("aspect", [0.1, 0.5, 1.0])
def test_optimal_shrinkage_is_least_squares(aspect):
    """A value x comes out as y, and its vectors turn by angles of known cosines; x times both is closest to the truth.

    The three are those of a matrix of growing size with one component and noise of unit variance over its longer side.
    """
    x = np.array([1.1, 2.0, 7.0])
    y = np.sqrt((x + 1 / x) * (x + aspect / x))
    cosines = (x**4 - aspect) / np.sqrt((x**4 + aspect * x**2) * (x**4 + x**2))
    np.testing.assert_allclose(optimal_shrinkage(y, aspect), x * cosines, rtol=1e-12)


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_leading_vectors_are_those_of_the_whole_decomposition(shape):
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((shape[0], 4)) * [8, 4, 2, 1] @ rng.standard_normal((4, shape[1]))).astype(np.float32)
    left, singular, right = leading_singular(matrix, 4)
    np.testing.assert_allclose(singular, np.linalg.svd(matrix)[1][:4], rtol=1e-5)
    np.testing.assert_allclose(left * singular @ right.T, matrix, atol=1e-5 * np.abs(matrix).max())
    for vectors in (left, right):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-5)


def test_leading_vectors_repeat_and_leave_the_generator_alone():
    matrix = np.random.default_rng(1).standard_normal((30, 20)).astype(np.float32)
    state = torch.random.get_rng_state()
    first, second = leading_singular(matrix, 50), leading_singular(matrix, 50)
    assert [part.shape for part in first] == [(30, 20), (20,), (20, 20)]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)
