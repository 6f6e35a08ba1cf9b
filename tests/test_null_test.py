"""The null test of the rule by which differences are judged."""

from math import comb

import numpy as np
import pytest

from companion.analyses.null_test import by_chance, comparisons


@pytest.mark.parametrize("size", [1, 3])
def test_every_two_groups_without_a_common_training_are_compared_once(size):
    values = np.random.default_rng(0).normal(size=(7, 40))
    assert len(list(comparisons(values, size))) == comb(7, size) * comb(7 - size, size) // 2


@pytest.mark.parametrize("size", [1, 3])
def test_trainings_that_differ_by_chance_are_apart_in_one_of_twenty(size):
    """Independent trainings and items: intervals of 95 % leave out zero in 5 % of the cases, less what items add."""
    rng = np.random.default_rng(1)
    apart = []
    for _ in range(60):
        values = rng.normal(size=(8, 1)) + 0.01 * rng.normal(size=(8, 30))
        apart += [one.low > 0 or one.high < 0 for one in comparisons(values, size)]
    assert 0.02 < np.mean(apart) < 0.08


@pytest.mark.parametrize("count, size", [(2, 1), (3, 1), (8, 1), (7, 3)])
def test_what_chance_does_is_judged_by_the_same_rule(count, size):
    """Trainings of which every test item has the mean: the share is that of the comparisons of the rule itself."""
    means = np.random.default_rng(0).standard_normal((1, count))
    apart = [one.low > 0 or one.high < 0 for one in comparisons(means.T * np.ones(5), size)]
    assert by_chance(count, size, 1) == pytest.approx([np.mean(apart)])


def test_on_average_chance_errs_as_often_as_the_level_says():
    """The shares of single draws are far from it."""
    found = by_chance(10, 1, 300)
    assert found.mean() == pytest.approx(0.05, abs=0.01)
    assert np.quantile(found, 0.975) > 0.1


def test_a_training_that_is_another_method_is_found():
    values = np.random.default_rng(2).normal(scale=0.01, size=(8, 30))
    values[0] += 1
    first = list(comparisons(values, 1))[:7]
    assert all(one.low > 0.5 for one in first)
