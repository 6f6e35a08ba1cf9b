"""Filters without a model: what they leave alone, what they remove, and that they choose on noisy data."""

import numpy as np
import pytest

from mpicore.denoisers import create
from mpicore.denoisers.base import lowest
from mpicore.recordings import Recordings, noisy_error
from mpicore.symmetry import odd_part

TUNED = ["low_pass", "savitzky_golay", "wavelet"]
SAMPLES = 960


def odd_signals(count, lines=(1, 2, 3), seed=0):
    rng = np.random.default_rng(seed)
    waves = np.sin(2 * np.pi * np.array(lines)[:, None] * np.arange(SAMPLES) / SAMPLES)
    return rng.standard_normal((count, len(lines))) @ waves


def noisy_pairs(clean, deviation, seed=1):
    noise = deviation * np.random.default_rng(seed).standard_normal((2, *clean.shape))
    return Recordings(*(clean + noise).astype(np.float32))


def test_the_average_is_the_mean_of_both_periods():
    pairs = noisy_pairs(odd_signals(3), 1.0)
    both = np.stack([pairs.u1, pairs.u2], axis=1)
    denoiser = create("average")
    assert denoiser.periods == 2
    np.testing.assert_allclose(denoiser.denoise(both), (pairs.u1 + pairs.u2) / 2, rtol=1e-6)
    with pytest.raises(ValueError, match=r"u must have 3 axes, got shape \(3, 960\)"):
        denoiser.denoise(pairs.u1)


def test_the_projection_keeps_odd_signals_and_removes_even_ones():
    odd = odd_signals(4).astype(np.float32)
    even = np.cos(2 * np.pi * np.arange(SAMPLES) / SAMPLES)[None].astype(np.float32)
    np.testing.assert_allclose(create("antisymmetric").denoise(odd), odd, atol=1e-6)
    np.testing.assert_allclose(create("antisymmetric").denoise(even), 0, atol=1e-6)


def test_the_projection_is_a_projection_and_halves_white_noise():
    noise = np.random.default_rng(0).standard_normal((200, SAMPLES)).astype(np.float32)
    once = odd_part(noise)
    np.testing.assert_allclose(odd_part(once), once, atol=1e-7)
    assert np.mean(once**2) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("name", TUNED)
def test_tuned_filters_gain_on_smooth_signals(name):
    clean = odd_signals(24)
    pairs = noisy_pairs(clean, 1.0)
    denoiser = create(name).fit(pairs.u1[:4], pairs.u2[:4], Recordings(pairs.u1[4:8], pairs.u2[4:8]))
    error = np.mean((denoiser.denoise(pairs.u1[8:]) - clean[8:]) ** 2)
    assert error < 0.2  # the noise has the power 1


@pytest.mark.parametrize("name", TUNED)
def test_tuned_filters_are_stored_by_their_choice(name):
    pairs = noisy_pairs(odd_signals(8), 1.0)
    fitted = create(name).fit(pairs.u1, pairs.u2)
    restored = create(name).restore(fitted.state())
    assert restored.chosen == fitted.chosen
    np.testing.assert_array_equal(restored.denoise(pairs.u1), fitted.denoise(pairs.u1))


@pytest.mark.parametrize("name", TUNED)
def test_the_choice_has_the_lowest_noisy_error(name):
    pairs = noisy_pairs(odd_signals(6), 0.5)
    denoiser = create(name).fit(pairs.u1, pairs.u2, pairs)
    errors = {c: noisy_error(lambda u, c=c: denoiser.apply(u, c), pairs) for c in denoiser.candidates}
    assert errors[denoiser.chosen] == min(errors.values())


def test_the_low_pass_keeps_what_lies_below_the_cut_off():
    denoiser = create("low_pass")
    low, high = odd_signals(1, lines=(3,)), odd_signals(1, lines=(400,))
    np.testing.assert_allclose(denoiser.apply(low + high, 0.5), low, atol=1e-9)
    np.testing.assert_allclose(denoiser.apply(low + high, 1.0), low + high, atol=1e-9)


def test_the_low_pass_follows_the_band_of_the_signal():
    shares = []
    for line in (10, 200):
        pairs = noisy_pairs(odd_signals(8, lines=(line,)), 0.3)
        shares.append(create("low_pass").fit(pairs.u1, pairs.u2, pairs).chosen)
    assert 10 / 481 < shares[0] < 0.1 < 200 / 481 < shares[1] < 0.6


def test_savitzky_golay_reproduces_polynomials():
    """A window reproduces a polynomial of its order exactly, away from the jump where the period closes."""
    time = np.linspace(-1, 1, SAMPLES)
    u = (time**3 - time)[None]
    np.testing.assert_allclose(create("savitzky_golay").apply(u, (11, 3))[0, 10:-10], u[0, 10:-10], atol=1e-12)


def test_the_noisy_error_ranks_as_the_error_does():
    """The other period's noise adds the same to every candidate, so the order is that of the errors."""
    clean = odd_signals(200)
    pairs = noisy_pairs(clean, 1.0)
    gains = np.linspace(0, 1, 11)
    noisy = [noisy_error(lambda u, g=g: g * u, pairs) for g in gains]
    scale = np.sqrt(np.mean(pairs.u1**2, axis=1, keepdims=True))
    true = [np.mean(((g * pairs.u1 - clean) / scale) ** 2) for g in gains]
    assert np.argmin(noisy) == np.argmin(true)
    np.testing.assert_allclose(np.subtract(noisy, true), noisy[0] - true[0], atol=0.02)


def test_a_zero_signal_is_named():
    with pytest.raises(ValueError, match="u1 must not hold a zero signal, found one at index 1"):
        noisy_error(lambda u: u, Recordings(np.array([[1.0, 2.0], [0.0, 0.0]]), np.ones((2, 2))))


def test_the_first_of_equals_is_taken():
    assert lowest([3, 1, 2], lambda c: 0) == 3
