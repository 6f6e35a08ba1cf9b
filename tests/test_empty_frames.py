"""What background frames say: linear drift is exact, and noise is what differs within a run."""

import numpy as np
import pytest

from mpicore.empty_frames import background_weights, noise_deviation, runs_of

MASK = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 1], bool)


def test_a_linear_drift_is_interpolated_exactly():
    """Between the middles of the first and the last run."""
    drift = 3.0 + 2.0 * np.arange(10)
    found = background_weights(MASK) @ drift[MASK]
    np.testing.assert_allclose(found[1:], drift[1:], rtol=1e-12)
    assert found[0] == drift[:2].mean()
    np.testing.assert_allclose(background_weights(MASK).sum(axis=1), 1)


def test_runs():
    assert runs_of(MASK).tolist() == [0, 0, 1, 1, 1, 2]


def test_noise_is_that_within_runs():
    """Offsets of whole runs are no noise; the deviation of complex noise is that of both parts together."""
    rng = np.random.default_rng(0)
    runs = np.repeat(np.arange(200), 5)
    noise = 2 * (rng.standard_normal((1000, 3)) + 1j * rng.standard_normal((1000, 3)))
    found = noise_deviation(noise + 100 * rng.standard_normal(200)[runs, None], runs)
    np.testing.assert_allclose(found, 2 * np.sqrt(2), rtol=0.05)


def test_runs_of_one_frame_are_taken_together():
    values = np.array([[1.0], [3.0]])
    np.testing.assert_allclose(noise_deviation(values, [0, 1]), [np.sqrt(2)])


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="at least one of the frames"):
        background_weights([False, False])
    with pytest.raises(ValueError, match="at least two frames"):
        noise_deviation(np.ones((1, 2)), [0])
