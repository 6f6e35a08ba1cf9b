"""The phantom family: its ranges, its geometry, and that phantom i depends on the seed and on i alone."""

import numpy as np
import pytest

from mpicore import phantoms
from mpicore.phantoms import SHAPES, random_phantoms, random_shapes


@pytest.fixture(scope="module")
def family():
    return random_phantoms(600, (101, 101), 0)


def test_values_are_zero_or_between_three_tenths_and_one(family):
    assert family.shape == (600, 101, 101)
    assert family.dtype == np.float32
    painted = family[family > 0]
    assert painted.min() >= 0.3
    assert painted.max() <= 1
    assert family.min() == 0


def test_one_to_five_shapes_per_phantom(family):
    """Each shape has one value, so the number of values is the number of shapes that are still seen."""
    numbers = [np.unique(image[image > 0]).size for image in family]
    assert set(numbers) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("shape", [(8, 8), (8, 40), (101, 101)])
def test_no_phantom_is_empty(shape):
    """One to five shapes, on the smallest grid that is allowed too: an empty phantom has no signal to measure."""
    assert random_phantoms(2000 if shape[0] == 8 else 200, shape, 0).any(axis=(1, 2)).all()


@pytest.mark.parametrize("count", [3, 500, 503])
def test_a_smaller_count_gives_the_first_phantoms(count):
    """Also across the blocks of 500 that are drawn together."""
    np.testing.assert_array_equal(random_phantoms(count, (16, 12), 4), random_phantoms(1003, (16, 12), 4)[:count])


def test_other_seeds_give_other_phantoms():
    first, second = random_phantoms(20, (32, 32), 0), random_phantoms(20, (32, 32), 1)
    assert not any(np.array_equal(a, b) for a in first for b in second)


def test_objects_keep_their_size_on_a_finer_grid():
    """The same draws at twice the resolution cover the same fraction of the field of view.

    Rasterising is without bias, so the mean difference lies within five standard errors of zero.
    """
    coarse, fine = (
        (random_phantoms(300, shape, 5) > 0).mean(axis=(1, 2), dtype=float) for shape in ((101, 101), (202, 202))
    )
    difference = fine - coarse
    assert abs(difference.mean()) < 5 * difference.std(ddof=1) / np.sqrt(300)


def test_a_wide_grid_takes_its_scale_from_the_shorter_side():
    """Objects on 50 x 200 are as large in pixels as those on 50 x 50, and cover more only where they overlap less."""
    square, wide = ((random_phantoms(200, shape, 6) > 0).sum(axis=(1, 2)).mean() for shape in ((50, 50), (50, 200)))
    assert square < wide < 1.25 * square


def single(painter, **changes):
    """One shape at the middle of 101 x 101 pixels."""
    values = {"centre": [[50, 50]], "size": [[12, 5]], "angle": [0.0], "turns": np.zeros((1, 60)), "scale": 1.0}
    arrays = {
        name: value if name == "scale" else np.asarray(value, float) for name, value in (values | changes).items()
    }
    return painter((101, 101), **arrays)[0]


def test_ellipse_is_the_quadratic_form():
    """(x cos + y sin)^2 / a^2 + (y cos - x sin)^2 / b^2 <= 1, pixel by pixel."""
    a, b, angle = 12, 5, 0.4
    inside = single(phantoms._ellipse, angle=[angle])
    for row in range(101):
        for column in range(101):
            x, y = column - 50, row - 50
            u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            assert inside[row, column] == ((u / a) ** 2 + (v / b) ** 2 <= 1)


def test_rectangle_has_its_half_sides():
    expected = np.zeros((101, 101), bool)
    expected[50 - 5 : 50 + 6, 50 - 12 : 50 + 13] = True
    np.testing.assert_array_equal(single(phantoms._rectangle), expected)


def test_a_vessel_without_turns_is_a_straight_tube():
    """60 discs of radius 2.5 at x = 51 ... 110, cut off at the edge of the image."""
    y, x = np.mgrid[:101, :101]
    expected = np.zeros((101, 101), bool)
    for step in range(1, 61):
        expected |= (x - 50 - step) ** 2 + (y - 50) ** 2 <= 2.5**2
    np.testing.assert_array_equal(single(phantoms._vessel), expected)


def test_a_vessel_turns_by_the_sum_of_its_turns():
    """Sixty turns by 2 pi / 60 close a circle; discs of radius 2.5 lie along it."""
    turn = 2 * np.pi / 60
    y, x = np.mgrid[:101, :101]
    expected = np.zeros((101, 101), bool)
    place = np.array([50.0, 50.0])
    for step in range(1, 61):
        place += np.cos(0.3 + step * turn), np.sin(0.3 + step * turn)
        expected |= (x - place[0]) ** 2 + (y - place[1]) ** 2 <= 2.5**2
    np.testing.assert_allclose(place, 50, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(single(phantoms._vessel, angle=[0.3], turns=np.full((1, 60), turn)), expected)


@pytest.mark.parametrize(
    "count, shape, message",
    [
        (0, (32, 32), "count must be a whole number of at least 1, got 0"),
        (1, (32, 7), "shape must be a whole number of at least 8, got 7"),
        (1, (32, 32, 32), r"shape must be \(ny, nx\), got"),
    ],
)
def test_bad_phantoms_are_named(count, shape, message):
    with pytest.raises(ValueError, match=message):
        random_phantoms(count, shape, 0)


def test_the_shapes_of_a_phantom_are_those_that_were_painted():
    """A phantom of one shape has one value, and a vessel alone is thinner than it is long."""
    shapes, images = random_shapes(600, 3), random_phantoms(600, (101, 101), 3)
    assert [len(set(image[image > 0])) <= len(names) for image, names in zip(images, shapes, strict=True)] == [
        True
    ] * 600
    alone = {name: [] for name in SHAPES}
    for image, names in zip(images, shapes, strict=True):
        if len(names) == 1:
            y, x = np.nonzero(image)
            extent = np.linalg.eigvalsh(np.cov(np.stack([x, y])) + np.eye(2) / 12)
            alone[names[0]].append(len(x) / np.sqrt(extent.prod()))
    # Area over the root of the determinant of the second moments: 4 pi for an ellipse and 12 for a rectangle.
    assert np.median(alone["ellipse"]) == pytest.approx(4 * np.pi, abs=0.1)
    assert np.median(alone["rectangle"]) == pytest.approx(12, abs=0.1)
    assert np.median(alone["vessel"]) < 11
