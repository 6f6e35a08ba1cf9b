"""The window filters against the closed form of the Wiener filter, and what a larger window must do."""

import numpy as np
import pytest

from mpicore.yardsticks import apply_filters, n2n_gains, r2r_gains, second_moments, window_filters

N = 21


@pytest.fixture(scope="module")
def signals():
    """Unit-power mixtures of three waves, and white noise of power 0.5 on top of them."""
    rng = np.random.default_rng(0)
    waves = np.cos(2 * np.pi * np.outer([1, 2, 5], np.arange(N)) / N)
    clean = rng.standard_normal((4000, 3)) @ waves
    clean /= np.sqrt(np.mean(clean**2, axis=1, keepdims=True))
    return clean, clean + np.sqrt(0.5) * rng.standard_normal(clean.shape)


WHITE = np.r_[0.5, np.zeros(N - 1)]


def test_the_whole_period_gives_the_wiener_filter(signals):
    """C (C + R)^-1, written for all positions at once; its error has the expected power C - C (C + R)^-1 C."""
    clean, noisy = signals
    moments = clean.T @ clean / len(clean)
    expected = moments @ np.linalg.inv(moments + 0.5 * np.eye(N))
    found = apply_filters(window_filters(second_moments(clean), WHITE, 10, range(N)), noisy, range(N))
    np.testing.assert_allclose(found, noisy @ expected.T, atol=1e-10)
    power = np.mean((found - clean) ** 2)
    assert power == pytest.approx(np.trace(moments - expected @ moments) / N, rel=0.03)


def test_no_other_weights_of_the_window_do_better(signals):
    """Least squares on the noisy signals themselves, the same window: the same weights but for chance."""
    clean, noisy = signals
    window = (7 + np.arange(-3, 4)) % N
    fitted = np.linalg.lstsq(noisy[:, window], clean[:, 7], rcond=None)[0]
    np.testing.assert_allclose(window_filters(second_moments(clean), WHITE, 3, [7])[0], fitted, atol=0.03)


def test_a_larger_window_is_better(signals):
    clean, noisy = signals
    errors = []
    for half_width in (1, 3, 6, 10):
        found = apply_filters(window_filters(second_moments(clean), WHITE, half_width, range(N)), noisy, range(N))
        errors.append(np.mean((found - clean) ** 2))
    assert errors == sorted(errors, reverse=True) and errors[0] > 1.5 * errors[-1]


def test_scale_and_start_of_the_period_do_not_matter(signals):
    clean, _ = signals
    filters = window_filters(second_moments(clean), WHITE, 4, [0, 20])
    scale = np.linspace(0.1, 10, len(clean))[:, None]
    np.testing.assert_allclose(window_filters(second_moments(scale * clean), WHITE, 4, [0, 20]), filters, rtol=1e-6)
    rolled = second_moments(np.roll(clean, 5, axis=1))
    np.testing.assert_allclose(window_filters(rolled, WHITE, 4, [5, 4]), filters, rtol=1e-6)


@pytest.mark.parametrize(
    "autocovariance, half_width, named",
    [
        (WHITE[:5], 3, r"autocovariance must have shape \(21,\), got \(5,\)"),
        (WHITE, 11, "half_width must be at most 10, got 11"),
        (WHITE, 0, "half_width"),
    ],
)
def test_mistakes_are_named(signals, autocovariance, half_width, named):
    with pytest.raises(ValueError, match=named):
        window_filters(second_moments(signals[0]), autocovariance, half_width, [0])


def test_a_zero_signal_is_named(signals):
    clean = signals[0].copy()
    clean[3] = 0
    with pytest.raises(ValueError, match="index 3"):
        second_moments(clean)


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
