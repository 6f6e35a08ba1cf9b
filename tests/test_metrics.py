"""Metrics against scikit-image, against their definitions and against values worked by hand."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio

from mpicore.metrics import (
    bias_and_variance,
    bootstrap_interval,
    object_error,
    psnr_db,
    rmse,
    scaled_to_fit,
    snr_db,
    ssim,
)


@pytest.fixture
def images():
    """Three smooth images and noisy copies; their maxima differ."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 30)
    clean = np.exp(-(x[:, None] ** 2 + (x - 0.2) ** 2) * np.array([1, 3, 9])[:, None, None]) * [[[1]], [[40]], [[0.1]]]
    return clean, clean + 0.05 * clean.max(axis=(1, 2), keepdims=True) * rng.standard_normal(clean.shape)


def test_snr_and_rmse_by_hand():
    clean = [[3.0, -4, 0, 0], [1, 1, 1, 1]]
    estimate = [[3.0, -4, 0.5, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(snr_db(clean, estimate), [20, 0], rtol=0, atol=1e-12)  # 25 over 0.25, and 4 over 4
    np.testing.assert_allclose(rmse(clean, estimate), [0.25, 1], rtol=1e-15)


def test_snr_is_of_powers_and_rmse_in_units():
    """A tenth of the error is 20 dB; a common factor leaves the SNR and multiplies the RMSE."""
    rng = np.random.default_rng(0)
    clean, error = rng.standard_normal((2, 5, 64))
    np.testing.assert_allclose(snr_db(clean, clean + error / 10), snr_db(clean, clean + error) + 20, rtol=1e-10)
    np.testing.assert_allclose(snr_db(7 * clean, 7 * (clean + error)), snr_db(clean, clean + error), rtol=1e-12)
    np.testing.assert_allclose(rmse(7 * clean, 7 * (clean + error)), 7 * rmse(clean, clean + error), rtol=1e-12)
    relative = rmse(clean, clean + error) / np.sqrt(np.mean(clean**2, axis=1))
    np.testing.assert_allclose(snr_db(clean, clean + error), -20 * np.log10(relative), rtol=1e-10)


def test_a_perfect_estimate(images):
    clean, _ = images
    signals = clean[0]
    with np.errstate(all="raise"):
        assert np.all(snr_db(signals, signals) == np.inf)
        assert np.all(psnr_db(clean, clean) == np.inf)
    assert np.all(rmse(signals, signals) == 0)
    np.testing.assert_allclose(ssim(clean, clean), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(object_error(clean, 3 * clean), 0, atol=1e-7)


def test_single_precision_is_measured_in_double():
    """Errors of 1e-3 on a large offset keep all their digits."""
    clean = np.full((1, 1000), 100, np.float32)
    estimate = clean + np.float32(2**-10)
    assert rmse(clean, estimate)[0] == 2**-10
    assert snr_db(clean, estimate)[0] == pytest.approx(20 * np.log10(100 * 2**10), rel=1e-14)


def test_psnr_is_that_of_scikit_image(images):
    """With the mean squared error and the maximum of the clean image; the sum would be 10 log10(900) = 29.5 dB off."""
    clean, noisy = images
    expected = [peak_signal_noise_ratio(a, b, data_range=a.max()) for a, b in zip(clean, noisy, strict=True)]
    np.testing.assert_allclose(psnr_db(clean, noisy), expected, rtol=1e-13)


def test_psnr_by_hand():
    clean = np.zeros((1, 10, 10))
    clean[0, 2, 3] = 5
    estimate = clean.copy()
    estimate[0, 7, 7] = 1  # 25 over 1/100
    assert psnr_db(clean, estimate)[0] == pytest.approx(10 * np.log10(2500), rel=1e-14)


def test_ssim_is_the_definition_of_wang_et_al(images):
    """Means, variances and covariance over an 11 x 11 Gaussian window of 1.5 pixels; K1 = 0.01, K2 = 0.03."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def local(image):
        return convolve2d(image, window, mode="valid")

    expected = []
    for a, b in zip(*images, strict=True):
        c1, c2 = (0.01 * a.max()) ** 2, (0.03 * a.max()) ** 2
        ma, mb = local(a), local(b)
        va, vb, cov = local(a * a) - ma**2, local(b * b) - mb**2, local(a * b) - ma * mb
        similarity = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
        expected.append(similarity.mean())
    np.testing.assert_allclose(ssim(*images), expected, rtol=0, atol=1e-10)


def test_image_metrics_do_not_depend_on_units(images):
    clean, noisy = images
    for metric in (psnr_db, ssim, object_error):
        np.testing.assert_allclose(metric(1e6 * clean, 1e6 * noisy), metric(clean, noisy), rtol=1e-9)


def test_object_error_by_hand():
    """The best scale of (1, 1) for (1, 0) is 1/2, which leaves sqrt(1/2); nothing orthogonal or empty fits at all."""
    objects = np.array([[[1.0, 0]], [[1, 0]], [[1, 0]], [[2, 4]]])
    images = np.array([[[1.0, 1]], [[0, 5]], [[0, 0]], [[3, 6]]])
    np.testing.assert_allclose(object_error(objects, images), [np.sqrt(0.5), 1, 1, 0], rtol=0, atol=1e-12)


def test_object_error_is_the_least_over_all_scales(images):
    objects, found = images
    objects = np.roll(objects, 2, axis=2)
    errors = [
        np.linalg.norm(objects - scale * found, axis=(1, 2)) / np.linalg.norm(objects, axis=(1, 2))
        for scale in np.linspace(0, 2, 2001)
    ]
    np.testing.assert_allclose(object_error(objects, found), np.min(errors, axis=0), rtol=1e-5)
    assert np.all(object_error(objects, found) <= np.min(errors, axis=0))


@pytest.mark.parametrize("metric", [snr_db, rmse])
def test_bad_signals_are_named(metric):
    with pytest.raises(ValueError, match=r"clean and estimate must have one shape, got \(1, 3\) and \(1, 4\)"):
        metric(np.ones((1, 3)), np.ones((1, 4)))
    with pytest.raises(ValueError, match=r"estimate must be finite, found nan at index \(0, 1\)"):
        metric(np.ones((1, 2)), [[1, np.nan]])
    with pytest.raises(ValueError, match="clean must have 2 axes"):
        metric(np.ones(3), np.ones(3))


def test_a_zero_signal_is_named():
    with pytest.raises(ValueError, match="clean must not hold a zero signal, found one at index 1"):
        snr_db([[1.0, 2], [0, 0]], np.ones((2, 2)))


@pytest.mark.parametrize("metric", [psnr_db, ssim])
def test_bad_images_are_named(images, metric):
    clean, noisy = images
    with pytest.raises(ValueError, match="clean must have 3 axes"):
        metric(clean[0], noisy[0])
    clean[1] = -1
    with pytest.raises(ValueError, match="clean must have a positive maximum, image 1 has -1"):
        metric(clean, noisy)
    clean[1] = 0
    with pytest.raises(ValueError, match="clean must have a positive maximum, image 1 has 0"):
        metric(clean, noisy)


def test_interval_covers_the_mean_as_often_as_it_should():
    """About 95 %: exactly 94.2 % for n = 50, within four standard errors of 600 trials.

    The percentile interval of n normal values is the mean +- z s sqrt((n - 1) / n) / sqrt(n), with s the sample's
    standard deviation, so Student's distribution tells how often it holds the true mean.
    """
    n, trials = 50, 600
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(trials):
        low, high = bootstrap_interval(rng.standard_normal(n), resamples=1000)
        hits += low < 0 < high
    expected = 1 - 2 * stats.t.sf(stats.norm.ppf(0.975) * np.sqrt((n - 1) / n), n - 1)
    assert abs(hits / trials - expected) < 4 * np.sqrt(expected * (1 - expected) / trials)


@pytest.mark.parametrize("level", [0.68, 0.95])
def test_interval_has_the_width_of_the_standard_error(level):
    """Both ends lie z standard errors from the mean; each is the quantile of 20000 resamples, five errors allowed."""
    values, resamples = np.random.default_rng(0).standard_normal(400), 20000
    z, tail = stats.norm.ppf((1 + level) / 2), (1 - level) / 2
    error = np.sqrt(tail * (1 - tail) / resamples) / stats.norm.pdf(z)
    spread = values.std() / np.sqrt(400)
    low, high = (np.array(bootstrap_interval(values, level, resamples)) - values.mean()) / spread
    assert abs(low + z) < 5 * error
    assert abs(high - z) < 5 * error


def test_interval_repeats_and_holds_the_mean():
    values = np.random.default_rng(0).exponential(size=30)
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values) != bootstrap_interval(values, seed=1)
    assert low < values.mean() < high
    assert bootstrap_interval([2.0, 2, 2]) == (2.0, 2.0)
    assert bootstrap_interval([3.0]) == (3.0, 3.0)


@pytest.mark.parametrize(
    "values, options, message",
    [
        ([], {}, "values must hold at least one signal"),
        ([1.0, np.nan], {}, "values must be finite"),
        ([[1.0]], {}, "values must have 1 axes"),
        ([1.0], {"level": 1}, r"level must be in \(0, 1\), got 1"),
        ([1.0], {"level": 0.0}, r"level must be in \(0, 1\), got 0.0"),
        ([1.0], {"resamples": 0}, "resamples must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_intervals_are_named(values, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values, **options)


def test_scaled_to_fit_is_least_squares():
    rng = np.random.default_rng(0)
    objects, images = rng.random((2, 3, 5, 5))
    fitted = scaled_to_fit(objects, images)
    np.testing.assert_allclose(np.sum((objects - fitted) * images, axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_array_equal(scaled_to_fit(objects, 0 * images), 0)
    assert scaled_to_fit(objects, 7 * objects) == pytest.approx(objects)


def test_bias_and_variance_of_a_shrinker_are_those_that_are_known():
    """Of g (u + n): squared bias (1 - g)^2 u^2 and variance g^2, for any number of draws."""
    rng = np.random.default_rng(5)
    clean = 3 * np.sign(rng.standard_normal((400, 50)))
    for draws in (2, 5):
        estimates = 0.8 * (clean[:, None] + rng.standard_normal((400, draws, 50)))
        bias, variance = bias_and_variance(clean, estimates)
        assert bias.shape == variance.shape == (400,)
        assert bias.mean() == pytest.approx(0.2**2 * 9, abs=0.02)
        assert variance.mean() == pytest.approx(0.8**2, abs=0.02)
    total = np.mean((estimates - clean[:, None]) ** 2, axis=(1, 2))
    np.testing.assert_allclose(bias + variance, total, rtol=1e-9)  # the sum is the mean squared error, draw for draw


def test_bias_needs_two_estimates_of_the_same_signals():
    with pytest.raises(ValueError, match="estimates must have the shape"):
        bias_and_variance(np.ones((2, 5)), np.ones((2, 1, 5)))
    with pytest.raises(ValueError, match="estimates must have the shape"):
        bias_and_variance(np.ones((2, 5)), np.ones((3, 4, 5)))
