"""Frequency components of a system matrix as images: their parts by parity, and which lines are neighbours.

The drive frequencies of a two-dimensional sequence have n_x and n_y cycles in one period, and a line m = a n_x + b n_y
mixes the harmonics a and b. The lines m + i n_x + j n_y are its neighbours: their images resemble that of m, as the
Chebyshev polynomials T_a and T_(a+1) do (Rahmer et al. 2009). Where the scanner is symmetric, a step in a turns a
component that is even in x into one that is odd, and a step in b does the same in y.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
#: The classes of parity (odd in y, odd in x); class k has the number 2 * odd_y + odd_x.
CLASSES = ((0, 0), (0, 1), (1, 0), (1, 1))


def fold(images: Array) -> NDArray[np.float32]:
    """The four parts of each image that are even or odd in y and in x, each on one quadrant.

    White noise keeps its variance, except on a line of symmetry that goes through pixels, where that of the even part
    is doubled for each such line. The first pixel of a quadrant is the one next to the centre.

    Args:
        images: shape (n, ny, nx).

    Returns:
        Shape (n, 4, (ny + 1) // 2, (nx + 1) // 2), the parts in the order of ``CLASSES``.

    Example:
        >>> fold(np.array([[[1.0, 2.0, 3.0]]])).tolist()
        [[[[4.0, 4.0]], [[0.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]]]]
    """
    images = checks.signals(images, "images", dimensions=(3,))
    ny, nx = images.shape[1:]
    found = np.empty((len(images), 4, (ny + 1) // 2, (nx + 1) // 2), np.float32)
    for k, (odd_y, odd_x) in enumerate(CLASSES):
        rows = images[:, ny // 2 :] + (1 - 2 * odd_y) * images[:, (ny - 1) // 2 :: -1]
        found[:, k] = (rows[:, :, nx // 2 :] + (1 - 2 * odd_x) * rows[:, :, (nx - 1) // 2 :: -1]) / 2
    return found


def unfold(parts: Array, parity: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The images (n, ny, nx) of one class of parity whose quadrants are the parts (n, qy, qx); the inverse of fold.

    Args:
        parts: shape (n, (ny + 1) // 2, (nx + 1) // 2).
        parity: number of the class in ``CLASSES``.
        shape: (ny, nx).

    Raises:
        ValueError: parts that are not quadrants of such images, or a class that there is not.
    """
    parts = checks.numbers(parts, "parts", dimensions=(3,))
    checks.choice(parity, "parity", range(len(CLASSES)))
    if parts.shape[1:] != tuple((size + 1) // 2 for size in shape):
        raise ValueError(f"parts must be quadrants of {shape[0]} x {shape[1]} pixels, got shape {parts.shape}")
    (ny, nx), (odd_y, odd_x) = shape, CLASSES[parity]
    images = np.empty((len(parts), ny, nx), np.float32)
    images[:, (ny - 1) // 2 :: -1, (nx - 1) // 2 :: -1] = (1 - 2 * odd_y) * (1 - 2 * odd_x) * parts
    images[:, (ny - 1) // 2 :: -1, nx // 2 :] = (1 - 2 * odd_y) * parts
    images[:, ny // 2 :, (nx - 1) // 2 :: -1] = (1 - 2 * odd_x) * parts
    images[:, ny // 2 :, nx // 2 :] = parts
    # What lies on a line of symmetry was added to itself by fold, and is zero in an odd part.
    if ny % 2 and odd_y:
        images[:, ny // 2] = 0
    if nx % 2 and odd_x:
        images[:, :, nx // 2] = 0
    images /= 2
    return images


def quadrant_weights(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Weights of the pixels of a quadrant, with which its sum of squares is that of the whole image.

    A pixel on a line of symmetry stands for half as many pixels of the image as one beside it.
    """
    rows, columns = (np.ones((size + 1) // 2, np.float32) for size in shape)
    for axis, size in ((rows, shape[0]), (columns, shape[1])):
        axis[0] -= 0.5 * (size % 2)
    return np.outer(rows, columns)


def cycles(scanner: Scanner) -> tuple[int, int]:
    """Cycles of the drive fields along x and y in one period of the sequence.

    Example:
        >>> cycles(Scanner.lissajous()), cycles(Scanner.cartesian())
        ((100, 99), (50, 1))
    """
    along_x, along_y = (round(frequency * scanner.period) for frequency in scanner.drive_frequency)
    return along_x, along_y


def neighbours(
    lines: NDArray[np.integer[Any]], step: int, samples: int
) -> tuple[NDArray[np.integer[Any]], NDArray[np.float32]]:
    """The sine lines that are a step away, with sines of negative and of too high frequency folded back.

    Args:
        lines: numbers of lines, from 1.
        step: added to them.
        samples: N of a period.

    Returns:
        Numbers of lines, 0 where there is none, and the sign with which each stands for the line that was asked for.

    Example:
        >>> number, sign = neighbours(np.array([1, 3, 4]), 3, 12)
        >>> number.tolist(), sign.tolist()
        ([4, 0, 5], [1.0, 0.0, -1.0])
        >>> neighbours(np.array([2]), -5, 12)[0].tolist()
        [3]
    """
    number = (np.asarray(lines) + step) % samples
    beyond = 2 * number > samples
    number = np.where(beyond, samples - number, number)
    none = (number == 0) | (2 * number == samples)
    return np.where(none, 0, number), np.where(none, 0, np.where(beyond, -1, 1)).astype(np.float32)
