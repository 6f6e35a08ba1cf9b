"""Components of a system matrix by parity, and which lines are neighbours."""

import numpy as np
import pytest

from mpicore.components import CLASSES, cycles, fold, neighbours, quadrant_weights, unfold
from mpicore.datasets import system_matrix_columns
from mpicore.noise import Noise
from mpicore.scanner import Scanner
from mpicore.symmetry import sine_lines

SHAPES = [(7, 7), (6, 6), (5, 4), (1, 3)]


@pytest.fixture
def images():
    return lambda shape: np.random.default_rng(0).standard_normal((3, *shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_parts_add_up(images, shape):
    parts = fold(images(shape))
    assert parts.shape == (3, 4, (shape[0] + 1) // 2, (shape[1] + 1) // 2)
    whole = sum(unfold(parts[:, k], k, shape) for k in range(4))
    np.testing.assert_allclose(whole, images(shape), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_part_has_the_parity_of_its_class(images, shape):
    for k, (odd_y, odd_x) in enumerate(CLASSES):
        part = unfold(fold(images(shape))[:, k], k, shape)
        np.testing.assert_array_equal(part[:, ::-1], (-1) ** odd_y * part)
        np.testing.assert_array_equal(part[:, :, ::-1], (-1) ** odd_x * part)


@pytest.mark.parametrize("shape", SHAPES)
def test_folding_keeps_the_power(images, shape):
    power = np.sum(quadrant_weights(shape) * fold(images(shape)) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(power, np.sum(images(shape) ** 2, axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("samples", [60, 61])
@pytest.mark.parametrize("step", [1, 11, 29])
def test_a_cosine_moves_lines_to_their_neighbours(samples, step):
    """2 cos(c t) sin(m t) = sin((m + c) t) + sin((m - c) t): the lines of an odd signal times a cosine."""
    rng = np.random.default_rng(0)
    count = (samples - 1) // 2
    half = rng.standard_normal((1, count))
    middle = np.zeros((1, 1 - samples % 2))
    u = np.concatenate([np.zeros((1, 1)), half, middle, -half[:, ::-1]], axis=1)
    lines = np.concatenate([[0], sine_lines(u)[0]])
    moved = sine_lines(2 * np.cos(2 * np.pi * step * np.arange(samples) / samples) * u)[0]
    expected = 0
    for direction in (step, -step):
        number, sign = neighbours(np.arange(1, count + 1), direction, samples)
        expected = expected + sign * lines[number]
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-4)


def test_a_step_turns_the_parity():
    """Of a clean matrix: one step in x turns even in x to odd, one in y even in y to odd.

    Where harmonics of two classes fall on one line, the image has both parities; such lines are left out.
    """
    scanner = Scanner.lissajous(drive_frequency=(24.75e3, 22.5e3), shape=(9, 9))
    clean = system_matrix_columns((60, 8, 9), Noise(snr_db=5), 0, scanner).matrix.clean
    along = cycles(scanner)
    assert along == (11, 10)
    images = sine_lines(clean).T.reshape(-1, 9, 9)
    power = np.mean(fold(images) ** 2, axis=(2, 3))
    total = power.sum(axis=1)
    strong = np.flatnonzero((total > 1e-3 * total.max()) & (power.max(axis=1) > 0.95 * total))
    for step, turn in zip(along, (1, 2), strict=True):
        number, sign = neighbours(strong + 1, step, scanner.num_samples)
        both = (sign != 0) & np.isin(number - 1, strong)
        assert both.sum() > 10
        classes, turned = power[strong[both]].argmax(axis=1), power[number[both] - 1].argmax(axis=1)
        np.testing.assert_array_equal(turned, classes ^ turn)
