"""The paper's two data sets, at any size, with noise that is drawn once and frozen.

A denoiser sees :class:`~mpicore.recordings.Recordings` alone: two noisy periods of each object. Clean signals exist for
test signals, and in :class:`~mpicore.recordings.SupervisedPairs` for ceilings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.noise import Noise
from mpicore.phantoms import other_phantoms, random_phantoms
from mpicore.recordings import HeldOut, Recordings, SupervisedPairs
from mpicore.scanner import Particle, Scanner
from mpicore.seeds import branch, generator
from mpicore.simulation import system_matrix
from mpicore.truth import Truth

#: How the pixels of a system matrix are split, see :func:`pixel_splits`.
PixelSplit = Literal["random", "quadrant", "half"]


@dataclass(frozen=True)
class Dataset:
    """Training and validation recordings, and the test set.

    Attributes:
        scanner: whose period the signals are.
        train, validation: noisy pairs.
        test: noisy pairs with the truth.
        matrix: for the system matrix all P columns in pixel order, else ``None``.
        pixels: for the system matrix the pixel numbers of each split, else ``None``.
    """

    scanner: Scanner
    train: Recordings
    validation: Recordings
    test: HeldOut
    matrix: HeldOut | None = None
    pixels: dict[str, NDArray[np.intp]] | None = None


def xspace(
    sizes: Sequence[int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
    particle: Particle | None = None,
) -> Dataset:
    """Signals of random phantoms on the Cartesian trajectory, x channel.

    Object i of a split depends on the seed, the split and i alone: a smaller set is the beginning of a larger one.

    Args:
        sizes: number of training, validation and test signals; the paper has (8000, 1000, 1000).
        noise: of all recordings.
        seed: root seed.
        scanner: as the methods know it, default ``Scanner.cartesian()``.
        truth: how the signals are made, default as the methods know it.
        particle: as the methods know them, default ``Particle()``.

    Raises:
        ValueError: sizes that are not three whole numbers of at least one.

    Example:
        >>> data = xspace((4, 2, 3), Noise(snr_db=5.0), seed=0, scanner=Scanner.cartesian(shape=(16, 16)))
        >>> len(data.train), data.test.clean.shape
        (4, (3, 4950))
    """
    named = _check_sizes(sizes, ("train", "validation", "test"))
    train, validation, test = _xspace_splits(named, noise, seed, scanner, truth, particle)
    learned, held = (Recordings(part.u1, part.u2) for part in (train, validation))
    return Dataset(scanner or Scanner.cartesian(), learned, held, test)


def xspace_pairs(
    sizes: Sequence[int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
    particle: Particle | None = None,
    periods: int = 2,
) -> tuple[Recordings, Recordings]:
    """The training and validation pairs of :func:`xspace` alone.

    Args:
        sizes: number of training and validation signals.
        noise, seed, scanner, truth, particle: as there.
        periods: recorded of each training object, an even number. Two make one pair per object. Of more, each makes a
            pair with the next one in a circle, and all first pairs come before all second ones; the first two periods
            stay those of :func:`xspace`.

    Raises:
        ValueError: as there; periods that are odd or fewer than two.
    """
    if checks.count(periods, "periods", 2) % 2:
        raise ValueError(f"periods must be even, got {periods}")
    parts = _xspace_splits(_check_sizes(sizes, ("train", "validation")), noise, seed, scanner, truth, particle)
    train, validation = (Recordings(part.u1, part.u2) for part in parts)
    if periods > 2:
        recorded = [train.u1, train.u2]
        for number in range(2, periods, 2):
            again = generator(seed, "x-space", "train", "noise", "periods", number)
            recorded += noise.record(parts[0].clean, scanner or Scanner.cartesian(), again)
        train = Recordings(np.concatenate(recorded), np.concatenate([*recorded[1:], recorded[0]]))
    return train, validation


def xspace_test(
    count: int,
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
    phantoms: str | None = None,
    particle: Particle | None = None,
) -> HeldOut:
    """The test signals of :func:`xspace` alone, the same for the same seed; ``count`` of them.

    Args:
        count, noise, seed, scanner, truth, particle: as there.
        phantoms: a kind of :func:`mpicore.phantoms.other_phantoms` in place of the usual objects.
    """
    (test,) = _xspace_splits({"test": checks.count(count, "count")}, noise, seed, scanner, truth, particle, phantoms)
    return test


def xspace_supervised(
    sizes: Sequence[int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
    particle: Particle | None = None,
) -> tuple[SupervisedPairs, SupervisedPairs]:
    """The first periods of the training and validation objects of :func:`xspace`, each with its clean signal.

    For ceilings alone: no self-supervised method may see them. The arguments are those of :func:`xspace_pairs`.
    """
    parts = _xspace_splits(_check_sizes(sizes, ("train", "validation")), noise, seed, scanner, truth, particle)
    train, validation = (SupervisedPairs(part.u1, part.clean) for part in parts)
    return train, validation


def system_matrix_columns(
    sizes: Sequence[int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    particle: Particle | None = None,
    split: PixelSplit = "random",
) -> Dataset:
    """The columns of the Lissajous system matrix, x channel: one signal per pixel, split by :func:`pixel_splits`.

    Args:
        sizes: number of training, validation and test pixels.
        noise: of all recordings.
        seed: root seed.
        scanner: default ``Scanner.lissajous()``.
        particle: default ``Particle()``.
        split: which pixels are tested.

    Raises:
        ValueError: sizes that are not three whole numbers of at least one, or more than a split holds.
    """
    scanner = scanner or Scanner.lissajous()
    pixels = pixel_splits(sizes, seed, scanner, split)
    matrix = recorded_matrix(noise, seed, scanner, particle)
    train, validation = (Recordings(matrix.u1[p], matrix.u2[p]) for p in (pixels["train"], pixels["validation"]))
    test = HeldOut(*(columns[pixels["test"]] for columns in (matrix.u1, matrix.u2, matrix.clean)))
    return Dataset(scanner, train, validation, test, matrix, pixels)


def pixel_splits(
    sizes: Sequence[int], seed: int, scanner: Scanner, split: PixelSplit = "random"
) -> dict[str, NDArray[np.intp]]:
    """Pixels of the ``train``, ``validation`` and ``test`` split of a system matrix, in a seeded order.

    With ``random``, a permutation is cut: eight tenths of the pixels are for training, one tenth for validation, the
    rest for testing. Nearly every test pixel then has training pixels beside it. With ``quadrant`` all pixels on the
    positive sides of both axes are for testing, with ``half`` all on the positive side of x; of the others eight ninths
    are for training, one ninth for validation. Pixels on an axis are not tested. Of each split the first ``sizes``
    pixels are taken. The paper has (8160, 1020, 1021), which is all of 101 x 101.

    The order is that of one permutation for all splits, and a block begins with the test pixels of ``random``: the
    first columns of both tests are the same as far as possible.

    Raises:
        ValueError: sizes that are not three whole numbers of at least one, or more than a split holds; an unknown
            split.
    """
    named = _check_sizes(sizes, ("train", "validation", "test"))
    parts = _pixel_parts(seed, scanner, split)
    total = scanner.shape[0] * scanner.shape[1]
    for (part, count), pixels in zip(named.items(), parts, strict=True):
        if count > len(pixels):
            raise ValueError(f"sizes: {part} holds {len(pixels)} of the {total} pixels, got {count}")
    return {part: pixels[:count] for (part, count), pixels in zip(named.items(), parts, strict=True)}


def most_pixels(scanner: Scanner, split: PixelSplit = "random") -> tuple[int, int, int]:
    """How many pixels the training, validation and test split hold, see :func:`pixel_splits`.

    Example:
        >>> most_pixels(Scanner.lissajous()), most_pixels(Scanner.lissajous(), "quadrant")
        ((8160, 1020, 1021), (6845, 856, 2500))
    """
    train, validation, test = (len(pixels) for pixels in _pixel_parts(0, scanner, split))
    return train, validation, test


def _pixel_parts(seed: int, scanner: Scanner, split: PixelSplit) -> list[NDArray[np.intp]]:
    """All pixels of each split, in order."""
    checks.choice(split, "split", get_args(PixelSplit))
    total = scanner.shape[0] * scanner.shape[1]
    order = generator(seed, "system-matrix", "split").permutation(total)
    parts = np.split(order, [8 * total // 10, 8 * total // 10 + total // 10])
    if split == "random":
        return parts
    x, y = scanner.grid.T
    tested = (x > 0) & (y > 0) if split == "quadrant" else x > 0
    left, block = order[~tested[order]], np.concatenate(parts[::-1])
    return [*np.split(left, [8 * len(left) // 9]), block[tested[block]]]


def recorded_matrix(noise: Noise, seed: int, scanner: Scanner, particle: Particle | None = None) -> HeldOut:
    """All columns of a system matrix in the order of the pixels, recorded twice; each array has the shape (P, N).

    The same seed gives the same draws for every noise: what differs is the noise alone.
    """
    clean = np.ascontiguousarray(system_matrix(scanner, particle or Particle()).T)
    return HeldOut(*noise.record(clean, scanner, generator(seed, "system-matrix", "noise")), clean)


def _xspace_splits(
    sizes: dict[str, int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None,
    truth: Truth | None,
    particle: Particle | None,
    kind: str | None = None,
) -> list[HeldOut]:
    """Each split with its truth, on one response of the scanner."""
    scanner, truth = scanner or Scanner.cartesian(), truth or Truth()
    response, shape = truth.response(scanner, particle), truth.scanner(scanner).shape
    made: list[HeldOut] = []
    for part, count in sizes.items():
        objects = branch(seed, "x-space", part)
        phantoms = other_phantoms(kind, count, shape, objects) if kind else random_phantoms(count, shape, objects)
        clean = truth.signals(phantoms, response, scanner)
        periods = noise.record(clean, scanner, generator(seed, "x-space", part, "noise"))
        made.append(HeldOut(*periods, clean, truth.seen(phantoms)))
    return made


def _check_sizes(sizes: Sequence[int], names: Sequence[str]) -> dict[str, int]:
    if len(tuple(sizes)) != len(names):
        raise ValueError(f"sizes must be ({', '.join(names)}), got {sizes!r}")
    return {part: checks.count(size, f"sizes: {part}") for part, size in zip(names, sizes, strict=True)}
