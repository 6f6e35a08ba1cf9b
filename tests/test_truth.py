"""Data that are not made with the model that the methods know."""

import numpy as np
import pytest

from mpicore.datasets import xspace_test
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.phantoms import OTHER_KINDS, other_phantoms
from mpicore.truth import Truth

NOISE = Noise(snr_db=5)


def clean(scanner, **changes):
    return xspace_test(12, NOISE, 0, scanner, Truth(**changes)).clean


def test_the_default_is_what_the_methods_know(scanner):
    test = xspace_test(3, NOISE, 0, scanner)
    np.testing.assert_array_equal(test.u1, xspace_test(3, NOISE, 0, scanner, Truth()).u1)


@pytest.mark.parametrize(
    "changes",
    [
        {"core_diameter": 32e-9},
        {"gradient_scale": 1.02},
        {"drive_scale": 0.98},
        {"relaxation_time": 2e-6},
        {"oversampling": 2},
    ],
)
def test_every_difference_changes_the_signals_a_little(scanner, changes):
    """More than rounding, and less than would make another experiment."""
    nominal, changed = clean(scanner), clean(scanner, **changes)
    scale = np.vecdot(changed, nominal)[:, None] / np.vecdot(changed, changed)[:, None]
    assert 5 < snr_db(nominal, scale * changed).mean() < 50


def test_a_finer_grid_converges(scanner):
    """The signals of twice the resolution are nearer to those of three times than to the nominal ones."""
    single, double, triple = (clean(scanner, oversampling=n) / n**2 for n in (1, 2, 3))
    assert snr_db(triple, double).mean() > snr_db(triple, single).mean() + 3


def test_objects_are_seen_at_the_nominal_pixels(scanner):
    test = xspace_test(5, NOISE, 0, scanner, Truth(oversampling=2))
    nominal = xspace_test(5, NOISE, 0, scanner)
    assert test.phantoms.shape == nominal.phantoms.shape
    assert np.mean(test.phantoms == nominal.phantoms) > 0.95


def test_the_true_gradient_moves_the_path(scanner):
    truth = Truth(gradient_scale=1.02).scanner(scanner)
    np.testing.assert_allclose(truth.ffp, scanner.ffp / 1.02)


def test_the_true_drive_moves_the_path_and_leaves_the_pixels(scanner):
    truth = Truth(drive_scale=0.98).scanner(scanner)
    np.testing.assert_allclose(truth.ffp, 0.98 * scanner.ffp)
    np.testing.assert_array_equal(truth.grid, scanner.grid)


def test_stronger_fields_all_alike_are_larger_particles_on_the_same_path(scanner):
    """Drive and gradient enter as beta B alone: 2 % more of both is 2 % more beta, and beta grows with the volume."""
    both = clean(scanner, drive_scale=1.02, gradient_scale=1.02)
    larger = clean(scanner, core_diameter=30e-9 * 1.02 ** (1 / 3))
    np.testing.assert_allclose(both, larger, rtol=0, atol=1e-5 * np.abs(larger).max())


def test_relaxation_ends_the_odd_symmetry(scanner):
    even = [
        np.abs(u[:, 1:] + u[:, :0:-1]).max() / np.abs(u).max()
        for u in (clean(scanner), clean(scanner, relaxation_time=3e-6))
    ]
    assert even[0] < 1e-5 and even[1] > 0.1


def test_a_spread_lies_between_its_two_relaxations(scanner):
    """Half of the magnetisation with 1 us, half with 3 us."""
    fast, slow = (clean(scanner, relaxation_time=tau) for tau in (1e-6, 3e-6))
    mixed = clean(scanner, relaxation_time=2e-6, relaxation_spread=0.5)
    np.testing.assert_allclose(mixed, (fast + slow) / 2, rtol=1e-4, atol=1e-5 * np.abs(fast).max())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"core_diameter": 0}, "core_diameter must be positive, got 0"),
        ({"gradient_scale": -1}, "gradient_scale must be positive, got -1"),
        ({"drive_scale": 0}, "drive_scale must be positive, got 0"),
        ({"relaxation_time": -1e-6}, "relaxation_time must be at least 0, got -1e-06"),
        ({"relaxation_spread": 0.5}, "relaxation_spread needs a relaxation_time, got 0.5 without one"),
        ({"relaxation_spread": 1.0}, "relaxation_spread must be at least 0 and below 1, got 1.0"),
        ({"oversampling": 0}, "oversampling must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_values_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Truth(**changes)


# Objects of another kind


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_objects_have_values_in_range_and_are_never_empty(kind):
    images = other_phantoms(kind, 40, (101, 101), 0)
    assert images.shape == (40, 101, 101) and images.dtype == np.float32
    painted = images[images > 0]
    assert painted.min() >= 0.3 and painted.max() <= 1
    assert images.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(images[:5], other_phantoms(kind, 5, (101, 101), 0))
    assert other_phantoms(kind, 300, (8, 8), 0).any(axis=(1, 2)).all()  # nothing falls between the pixels


def test_rings_are_hollow_and_points_are_small():
    rings, points = (other_phantoms(kind, 60, (101, 101), 0) for kind in ("rings", "points"))
    assert np.mean(points > 0) < np.mean(rings > 0) < 0.2
    # The largest disc has a radius of 1.5 pixels, so no point covers a square of 4 x 4.
    single = np.lib.stride_tricks.sliding_window_view(points[0] > 0, (4, 4)).all(axis=(2, 3))
    assert not single.any()


def test_letters_stand_upright():
    """An L has its bar at the bottom, which is the first rows of an image."""
    from mpicore.phantoms import _letter_mask

    mask = _letter_mask("L")
    rows = np.flatnonzero(mask.any(axis=1))
    assert mask[rows[2]].sum() > 2 * mask[rows[-3]].sum()


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match="kind must be one of letters, rings, points; got 'cats'"):
        other_phantoms("cats", 1, (32, 32), 0)
