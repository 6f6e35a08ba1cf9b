"""Thresholds and crossings, against the normal distribution and by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from mpicore.detection import crossing, threshold


def test_false_alarms_come_as_often_as_stated():
    """The threshold of normal numbers is that of the normal distribution, and holds on others."""
    rng = np.random.default_rng(0)
    scale = np.array([1.0, 20.0])
    limits = threshold(scale * rng.standard_normal((40_000, 2)), 0.01)
    np.testing.assert_allclose(limits / scale, norm.ppf(0.99), atol=0.05)
    alarms = np.mean(scale * rng.standard_normal((40_000, 2)) > limits, axis=0)
    np.testing.assert_allclose(alarms, 0.01, atol=0.002)


def test_half_of_the_cases_are_seen_where_the_mean_is_at_the_threshold():
    rng = np.random.default_rng(1)
    limit = threshold(rng.standard_normal(20_000), 0.01)
    means = np.linspace(0, 5, 21)
    seen = [np.mean(mean + rng.standard_normal(20_000) > limit) for mean in means]
    assert crossing(means, seen, 0.5) == pytest.approx(norm.ppf(0.99), abs=0.05)
    assert crossing(means, seen, 0.9) == pytest.approx(norm.ppf(0.99) + norm.ppf(0.9), abs=0.05)


def test_a_rate_that_is_never_or_always_reached():
    assert np.isnan(crossing([0, 1], [0.1, 0.4], 0.5))
    assert crossing([0, 1], [0.6, 0.9], 0.5) == -np.inf
    assert crossing([0, 1, 2, 3], [0.0, 0.4, 0.3, 0.8], 0.6) == pytest.approx(2.5)  # a fall is scatter


@pytest.mark.parametrize(
    "rate, message", [(0.0, r"rate must be in \(0, 1\), got 0"), (0.001, "needs at least 1000 draws, got 100")]
)
def test_a_rate_that_the_draws_cannot_show_is_refused(rate, message):
    with pytest.raises(ValueError, match=message):
        threshold(np.arange(100), rate)
