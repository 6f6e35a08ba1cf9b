"""The filters of the schemes against regressions over many draws of one line."""

import numpy as np
import pytest

from mpicore.yardsticks import n2n_gains, r2r_gains


def test_gains_of_a_line_are_least_squares_fits():
    """Regression of the target on the input over many draws of one line, for both schemes."""
    rng = np.random.default_rng(0)
    count, (signal, noise, added, strength) = 200_000, (2.0, 0.7, 1.1, 0.5)
    x = np.sqrt(signal) * rng.standard_normal(count)
    first, second = (x + np.sqrt(noise) * rng.standard_normal(count) for _ in range(2))
    assert n2n_gains(signal, noise) == pytest.approx(first @ second / (first @ first), rel=0.01)
    z = np.sqrt(added) * rng.standard_normal(count)
    given, target = first + strength * z, first - z / strength
    assert r2r_gains(signal, noise, added, strength) == pytest.approx(given @ target / (given @ given), rel=0.02)


def test_r2r_is_right_where_the_added_noise_is_that_of_the_recording():
    """Then its gain is the Wiener gain of the recorrupted input; with too little added noise it keeps the noise."""
    assert r2r_gains(2.0, 0.7, 0.7, 0.5) == pytest.approx(2 / (2 + 0.7 * 1.25))
    assert r2r_gains(0.0, 5.0, 1e-6, 0.5) == pytest.approx(1, rel=1e-5)
