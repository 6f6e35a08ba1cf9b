"""Linear denoisers from noisy spectra and covariances, against the filters that theory gives."""

import numpy as np
import pytest

from mpicore.denoisers import create
from mpicore.recordings import Recordings

SAMPLES = 120
LINEAR = ["wiener", "wiener_antisymmetric", "linear_n2n", "singular_values"]


def recordings(count, noise, seed=0, powers=(9.0, 4.0, 1.0)):
    """Clean odd signals with known power on three sine lines, and two noisy periods; noise is (count, 2, N)."""
    rng = np.random.default_rng(seed)
    basis = np.sqrt(2) * np.sin(2 * np.pi * np.arange(1, 4)[:, None] * np.arange(SAMPLES) / SAMPLES)
    clean = (rng.choice([-1, 1], (count, 3)) * np.sqrt(powers)) @ basis
    periods = (clean[:, None] + noise).astype(np.float32)
    return clean, Recordings(periods[:, 0], periods[:, 1])


def white(count, deviation=2.0, seed=1):
    return deviation * np.random.default_rng(seed).standard_normal((count, 2, SAMPLES))


def test_wiener_gains_are_the_share_of_signal():
    """Line k has the signal power N^2 P_k / 2 and the noise power N s^2."""
    _, pairs = recordings(4000, white(4000))
    gains = create("wiener").fit(pairs.u1, pairs.u2).state()["gains"]
    power = np.array([9.0, 4.0, 1.0]) * SAMPLES**2 / 2
    np.testing.assert_allclose(gains[1:4], power / (power + SAMPLES * 4.0), rtol=0.02)
    assert gains[4:].max() < 0.1


def test_projection_doubles_the_gain_to_noise_ratio():
    """Of an odd signal nothing is lost, of white noise half: S / (S + n / 2)."""
    _, pairs = recordings(4000, white(4000))
    gains = create("wiener_antisymmetric").fit(pairs.u1, pairs.u2).state()["gains"]
    power = np.array([9.0, 4.0, 1.0]) * SAMPLES**2 / 2
    np.testing.assert_allclose(gains[1:4], power / (power + SAMPLES * 4.0 / 2), rtol=0.02)


def test_linear_n2n_comes_to_the_filter_with_the_true_covariance():
    clean, pairs = recordings(3000, white(3000))
    train, held, test = slice(0, 2000), slice(2000, 2300), slice(2300, None)
    denoiser = create("linear_n2n").fit(pairs.u1[train], pairs.u2[train], Recordings(pairs.u1[held], pairs.u2[held]))
    error = np.mean((denoiser.denoise(pairs.u1[test]) - clean[test]) ** 2)
    # Each of the three directions has the signal power P and, spread over N samples, the noise power s^2 / N.
    signal = np.array([9.0, 4.0, 1.0])
    best = np.sum(signal * (4 / SAMPLES) / (signal + 4 / SAMPLES))
    assert error < 1.3 * best


def test_linear_n2n_suppresses_interference_that_changes_its_phase():
    """A strong tone on the line of the signal's second component: the filter learns to distrust that line."""
    rng = np.random.default_rng(3)
    phase = rng.uniform(0, 2 * np.pi, (2000, 2, 1))
    tone = 20 * np.sin(2 * np.pi * 2 * np.arange(SAMPLES) / SAMPLES + phase)
    clean, pairs = recordings(2000, tone + white(2000, 0.5), powers=(9.0, 4.0, 4.0))
    denoiser = create("linear_n2n").fit(pairs.u1[:1500], pairs.u2[:1500])
    error = np.mean((denoiser.denoise(pairs.u1[1500:]) - clean[1500:]) ** 2)
    assert error < 1.2 * 4.0  # the line itself is lost, its power is 4; the interference had 200


def test_singular_values_keep_the_rank_of_the_signals():
    clean, pairs = recordings(3000, white(3000))
    denoiser = create("singular_values").fit(pairs.u1, pairs.u2)
    assert denoiser.state()["analysis"].shape[1] in (3, 4)  # the largest value of pure noise lies at the threshold
    # Three of 120 dimensions keep their noise, which had the power 4.
    assert np.mean((denoiser.denoise(pairs.u1) - clean) ** 2) == pytest.approx(4 * 3 / SAMPLES, rel=0.2)


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_method_is_stored_by_its_state(name):
    _, pairs = recordings(40, white(40))
    fitted = create(name).fit(pairs.u1, pairs.u2)
    restored = create(name).restore(fitted.state())
    np.testing.assert_array_equal(restored.denoise(pairs.u1), fitted.denoise(pairs.u1))
    assert fitted.denoise(pairs.u1).dtype == np.float32


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_method_is_linear(name):
    _, pairs = recordings(40, white(40))
    denoiser = create(name).fit(pairs.u1, pairs.u2)
    u, v = pairs.u1[:5], pairs.u2[:5]
    np.testing.assert_allclose(denoiser.denoise(2 * u - v), 2 * denoiser.denoise(u) - denoiser.denoise(v), atol=1e-4)


@pytest.mark.parametrize("name", LINEAR)
def test_denoising_before_fitting_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be fitted before it denoises"):
        create(name).denoise(np.ones((2, SAMPLES)))


@pytest.mark.parametrize("name", ["linear_n2n", "singular_values"])
def test_few_signals_are_enough_to_run(name):
    _, pairs = recordings(3, white(3))
    assert np.isfinite(create(name).fit(pairs.u1, pairs.u2).denoise(pairs.u1)).all()


def test_the_antisymmetric_option_can_be_left_out():
    _, pairs = recordings(40, white(40))
    even = np.cos(2 * np.pi * np.arange(SAMPLES) / SAMPLES)[None].astype(np.float32)
    denoiser = create("linear_n2n").fit(pairs.u1, pairs.u2)
    np.testing.assert_allclose(denoiser.denoise(even), 0, atol=1e-5)
    shifted = Recordings(np.roll(pairs.u1, 30, axis=1), np.roll(pairs.u2, 30, axis=1))
    free = create("linear_n2n", antisymmetric=False).fit(shifted.u1, shifted.u2)
    assert np.mean(free.denoise(shifted.u1) ** 2) > 5
