"""The two data sets: splits, sizes, what a denoiser may see, and that a small set is the beginning of a larger one."""

import numpy as np
import pytest

from mpicore.background import Background
from mpicore.datasets import (
    Dataset,
    most_pixels,
    pixel_splits,
    system_matrix_columns,
    xspace,
    xspace_pairs,
    xspace_test,
)
from mpicore.noise import Noise
from mpicore.recordings import HeldOut, Recordings
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.truth import Truth

GAUSSIAN = Noise(5.0)
HARMONIC = Noise(15.0, 5.0)


@pytest.fixture(scope="module")
def cartesian():
    return Scanner.cartesian(shape=(16, 16))


@pytest.fixture(scope="module")
def lissajous():
    return Scanner.lissajous(shape=(9, 11))


def rounding(u):
    """What the order of summation may change in float32."""
    return 1e-5 * np.abs(u).max()


# What a denoiser may see


def test_recordings_must_fit_together():
    assert len(Recordings(np.ones((3, 8)), np.ones((3, 8)))) == 3
    with pytest.raises(ValueError, match="u1 and u2 must hold the same objects, got 3 and 2 signals"):
        Recordings(np.ones((3, 8)), np.ones((2, 8)))
    with pytest.raises(ValueError, match="u2 must have 8 samples per signal, got 9"):
        Recordings(np.ones((3, 8)), np.ones((3, 9)))
    with pytest.raises(ValueError, match="u1 must be finite"):
        Recordings(np.full((3, 8), np.nan), np.ones((3, 8)))


@pytest.mark.parametrize("make", [xspace, system_matrix_columns])
def test_training_and_validation_hold_no_clean_signals(make, cartesian, lissajous):
    data = make((6, 4, 3), GAUSSIAN, 0, cartesian if make is xspace else lissajous)
    assert isinstance(data, Dataset)
    for part, count in ((data.train, 6), (data.validation, 4)):
        assert type(part) is Recordings
        assert vars(part).keys() == {"u1", "u2"}
        assert part.u1.shape == part.u2.shape == (count, data.scanner.num_samples)
        assert part.u1.dtype == part.u2.dtype == np.float32
    assert type(data.test) is HeldOut
    assert len(data.test) == 3
    assert data.test.clean.shape == data.test.u1.shape


# x-space


def test_clean_signals_are_those_of_the_phantoms(cartesian):
    """u = A c, with the system matrix A and the concentrations c of phantoms of the family."""
    test = xspace_test(5, GAUSSIAN, 3, cartesian)
    assert test.phantoms.shape == (5, 16, 16)
    expected = test.phantoms.reshape(5, -1).astype(np.float64) @ system_matrix(cartesian, Particle()).T.astype(
        np.float64
    )
    np.testing.assert_allclose(test.clean, expected, rtol=0, atol=rounding(expected))


def test_default_scanner_and_particle_are_the_papers(cartesian):
    weak = xspace_test(2, GAUSSIAN, 0, cartesian, Truth(core_diameter=20e-9))
    default, paper = (
        xspace_test(2, GAUSSIAN, 0, cartesian),
        xspace_test(2, GAUSSIAN, 0, cartesian, Truth(core_diameter=30e-9)),
    )
    np.testing.assert_array_equal(default.u1, paper.u1)
    np.testing.assert_array_equal(default.phantoms, weak.phantoms)
    assert np.abs(default.clean).max() > 1.2 * np.abs(weak.clean).max()


@pytest.mark.parametrize("noise", [GAUSSIAN, HARMONIC], ids=["gaussian", "harmonic"])
def test_a_smaller_test_set_is_the_beginning_of_a_larger_one(cartesian, noise):
    """Object, clean signal and the noise of both periods depend on the seed and the object's number alone."""
    small, large = (xspace_test(count, noise, 0, cartesian) for count in (3, 8))
    np.testing.assert_array_equal(small.phantoms, large.phantoms[:3])
    for name in ("clean", "u1", "u2"):
        u = getattr(large, name)
        np.testing.assert_allclose(getattr(small, name), u[:3], rtol=0, atol=rounding(u), err_msg=name)


@pytest.mark.parametrize("noise", [GAUSSIAN, HARMONIC], ids=["gaussian", "harmonic"])
def test_a_smaller_data_set_is_the_beginning_of_a_larger_one(cartesian, noise):
    small, large = (xspace(sizes, noise, 0, cartesian) for sizes in ((3, 2, 1), (7, 5, 4)))
    for split in ("train", "validation", "test"):
        first, second = getattr(small, split), getattr(large, split)
        for name in ("u1", "u2"):
            u = getattr(second, name)
            found = getattr(first, name)
            np.testing.assert_allclose(found, u[: len(first)], rtol=0, atol=rounding(u), err_msg=f"{split} {name}")


def test_the_test_set_alone_is_that_of_the_data_set(cartesian):
    data, alone = xspace((2, 2, 4), HARMONIC, 5, cartesian), xspace_test(4, HARMONIC, 5, cartesian)
    for name in ("u1", "u2", "clean", "phantoms"):
        np.testing.assert_array_equal(getattr(data.test, name), getattr(alone, name))


def test_splits_and_seeds_share_no_object_and_no_noise(cartesian):
    """Objects from recordings with hardly any noise, noise from the differences of two periods, which hold no object.

    Independent noises of N samples correlate by 1 / sqrt(N), and six times that does not happen among 276 pairs.
    """
    sets = [
        getattr(xspace((4, 4, 4), noise, seed, cartesian), split)
        for noise in (Noise(120.0), GAUSSIAN)
        for seed in (0, 1)
        for split in ("train", "validation", "test")
    ]
    objects = np.concatenate([part.u1 for part in sets[:6]])
    assert len(objects) == 24
    for row, u in enumerate(objects):
        distance = np.linalg.norm(objects - u, axis=1) / np.linalg.norm(u)
        assert np.delete(distance, row).min() > 1e-3
    noises = np.concatenate([part.u1.astype(np.float64) - part.u2 for part in sets[6:]])
    correlation = np.corrcoef(noises) - np.eye(24)
    assert np.abs(correlation).max() < 6 / np.sqrt(4950)


def test_other_noise_is_on_the_same_objects(cartesian):
    """So that the variants of a test set differ by their noise alone."""
    first, second = (xspace_test(3, noise, 0, cartesian) for noise in (HARMONIC, Noise(15.0, 6.81)))
    np.testing.assert_array_equal(first.clean, second.clean)
    np.testing.assert_array_equal(first.phantoms, second.phantoms)


# System matrix


def test_matrix_is_that_of_the_scanner(lissajous):
    data = system_matrix_columns((4, 2, 2), GAUSSIAN, 0, lissajous)
    np.testing.assert_array_equal(data.matrix.clean, system_matrix(lissajous, Particle()).T)
    assert data.matrix.phantoms is None


def test_splits_are_rows_of_the_matrix(lissajous):
    data = system_matrix_columns((70, 9, 5), GAUSSIAN, 0, lissajous)
    for split in ("train", "validation", "test"):
        for name in ("u1", "u2"):
            np.testing.assert_array_equal(
                getattr(getattr(data, split), name), getattr(data.matrix, name)[data.pixels[split]]
            )
    np.testing.assert_array_equal(data.test.clean, data.matrix.clean[data.pixels["test"]])


@pytest.mark.parametrize("shape, sizes", [((9, 11), (79, 9, 11)), ((101, 101), (8160, 1020, 1021))])
def test_full_splits_are_disjoint_and_cover_all_pixels(shape, sizes):
    """Eight tenths, one tenth and the rest; the paper's sizes are all of 101 x 101. Ten samples keep it small."""
    scanner = Scanner(drive_frequency=(25e3, 25e3), sampling_frequency=250e3, shape=shape)
    data = system_matrix_columns(sizes, GAUSSIAN, 0, scanner)
    pixels = np.concatenate([data.pixels[split] for split in ("train", "validation", "test")])
    np.testing.assert_array_equal(np.sort(pixels), np.arange(shape[0] * shape[1]))
    assert tuple(len(data.pixels[split]) for split in ("train", "validation", "test")) == sizes
    assert np.any(np.diff(data.pixels["train"]) < 0), "a permutation, not the pixels in order"


def test_a_smaller_matrix_split_is_the_beginning_of_a_larger_one(lissajous):
    small, large = (system_matrix_columns(sizes, HARMONIC, 0, lissajous) for sizes in ((5, 3, 2), (20, 6, 7)))
    for split in ("train", "validation", "test"):
        first, second = getattr(small, split), getattr(large, split)
        np.testing.assert_array_equal(small.pixels[split], large.pixels[split][: len(first)])
        for name in ("u1", "u2"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name)[: len(first)])


def test_another_seed_is_another_permutation_and_other_noise(lissajous):
    first, second = (system_matrix_columns((20, 6, 7), GAUSSIAN, seed, lissajous) for seed in (0, 1))
    assert not np.array_equal(first.pixels["train"], second.pixels["train"])
    assert not np.any(np.all(first.matrix.u1 == second.matrix.u1, axis=1))


@pytest.mark.parametrize("split", ["quadrant", "half"])
@pytest.mark.parametrize("shape", [(9, 11), (8, 8), (101, 101)])
def test_a_block_is_tested_and_no_pixel_of_it_is_trained(split, shape):
    """All of the block is for testing; the rest is shared out; pixels on an axis are not tested."""
    scanner = Scanner.lissajous(shape=shape)
    ny, nx = shape
    pixels = pixel_splits(most_pixels(scanner, split), 3, scanner, split)
    y, x = np.divmod(np.arange(ny * nx), nx)
    block = (2 * x > nx - 1) & ((2 * y > ny - 1) | (split == "half"))
    np.testing.assert_array_equal(np.sort(pixels["test"]), np.flatnonzero(block))
    rest = np.concatenate([pixels["train"], pixels["validation"]])
    np.testing.assert_array_equal(np.sort(rest), np.flatnonzero(~block))
    assert len(pixels["train"]) == 8 * len(rest) // 9


@pytest.mark.parametrize("split", ["quadrant", "half"])
def test_blocks_begin_with_the_test_pixels_of_the_random_split(lissajous, split):
    block = pixel_splits(most_pixels(lissajous, split), 0, lissajous, split)["test"]
    tested = pixel_splits(most_pixels(lissajous), 0, lissajous)["test"]
    common = [pixel for pixel in tested if pixel in block]
    assert 0 < len(common) < len(tested)
    np.testing.assert_array_equal(block[: len(common)], common)


def test_the_random_split_is_the_default_and_an_unknown_one_is_refused(lissajous):
    for part, pixels in pixel_splits((9, 3, 2), 0, lissajous, "random").items():
        np.testing.assert_array_equal(pixels, pixel_splits((9, 3, 2), 0, lissajous)[part])
    with pytest.raises(ValueError, match="split must be one of random, quadrant, half; got 'third'"):
        pixel_splits((9, 3, 2), 0, lissajous, "third")
    data = system_matrix_columns((9, 3, 2), GAUSSIAN, 0, lissajous, split="half")
    assert (lissajous.grid[data.pixels["test"], 0] > 0).all()


# Sizes


@pytest.mark.parametrize("make", [xspace, system_matrix_columns])
@pytest.mark.parametrize(
    "sizes, message",
    [
        ((8, 2), r"sizes must be \(train, validation, test\), got \(8, 2\)"),
        ((8, 2, 2, 2), r"sizes must be \(train, validation, test\)"),
        ((8, 0, 2), "sizes: validation must be a whole number of at least 1, got 0"),
        ((0.8, 0.1, 0.1), "sizes: train must be a whole number of at least 1, got 0.8"),
    ],
)
def test_odd_splits_are_named(make, sizes, message):
    with pytest.raises(ValueError, match=message):
        make(sizes, GAUSSIAN, 0)


@pytest.mark.parametrize(
    "sizes, message",
    [((80, 1, 1), "train holds 79"), ((1, 10, 1), "validation holds 9"), ((1, 1, 12), "test holds 11")],
)
def test_splits_that_are_too_large_are_named(lissajous, sizes, message):
    with pytest.raises(ValueError, match=f"sizes: {message} of the 99 pixels, got {max(sizes)}"):
        system_matrix_columns(sizes, GAUSSIAN, 0, lissajous)


def test_a_test_set_needs_a_signal(cartesian):
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
        xspace_test(0, GAUSSIAN, 0, cartesian)


def test_more_periods_make_a_circle_of_pairs(cartesian):
    """Each period is the first of one pair and the second of another, and the first two are those of the data set."""
    data = xspace((5, 2, 2), Noise(5.0), 0, cartesian)
    pairs, held = xspace_pairs((5, 2), Noise(5.0), 0, cartesian, periods=4)
    first, second = pairs.u1.reshape(4, 5, -1), pairs.u2.reshape(4, 5, -1)
    np.testing.assert_array_equal(second, np.roll(first, -1, axis=0))
    np.testing.assert_array_equal(first[0], data.train.u1)
    np.testing.assert_array_equal(first[1], data.train.u2)
    np.testing.assert_array_equal(held.u1, data.validation.u1)
    noise = first - first.mean(axis=0)
    assert (
        abs(np.corrcoef(noise.reshape(4, -1))[np.triu_indices(4, 1)] + 1 / 3).max() < 0.02
    )  # independent of each other


def test_periods_that_do_not_fit_are_named(cartesian):
    with pytest.raises(ValueError, match="periods must be even, got 5"):
        xspace_pairs((5, 2), Noise(5.0), 0, cartesian, periods=5)
    with pytest.raises(ValueError, match="periods must be 2 with a background, got 4"):
        xspace_pairs((5, 2), Noise(5.0), 0, cartesian, background=Background(0.0), periods=4)
