"""Recordings: what is converted, what is refused, and noise that two periods share."""

import warnings

import numpy as np
import pytest

from mpicore.noise import Interference, Noise
from mpicore.recordings import HeldOut, Recordings, SharedNoiseWarning, SupervisedPairs, noisy_error, rms, split
from mpicore.scanner import Scanner

SCANNER = Scanner.cartesian()


@pytest.fixture
def clean():
    """64 odd signals."""
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * np.arange(1, 9)[:, None] * np.arange(4950) / 198)
    return rng.standard_normal((64, 8)) @ waves


def recorded(clean, noise, seed=1):
    return Recordings(*noise.record(clean, SCANNER, np.random.default_rng(seed)))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint16])
def test_whole_numbers_are_what_they_are(dtype):
    """Kept as float64, so that a square or a difference does not wrap."""
    rng = np.random.default_rng(0)
    u1, u2 = rng.integers(0, 120, (2, 3, 64)).astype(dtype)
    pairs = Recordings(u1, u2)
    assert pairs.u1.dtype == pairs.u2.dtype == np.float64
    np.testing.assert_array_equal(pairs.u1 - pairs.u2, u1.astype(float) - u2.astype(float))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_arrays_are_not_copied(dtype):
    u1, u2 = np.ones((2, 3, 64), dtype)
    pairs = Recordings(u1, u2)
    assert np.shares_memory(pairs.u1, u1) and pairs.u1.dtype == dtype


@pytest.mark.parametrize(
    "u1, u2, message",
    [
        (np.ones((3, 8)), np.ones((2, 8)), "must hold the same objects, got 3 and 2 signals"),
        (np.ones((3, 8)), np.ones((3, 9)), "u2 must have 8 samples per signal, got 9"),
        (np.ones((3, 8)), np.full((3, 8), np.nan), r"u2 must be finite, found nan at index \(0, 0\)"),
        (np.ones((3, 8), complex), np.ones((3, 8)), "u1 must be real numbers, got dtype complex128"),
        (np.ones(8), np.ones(8), r"u1 must have 2 axes, got shape \(8,\)"),
        (np.array([["a"]]), np.ones((1, 1)), "u1 must be real numbers"),
    ],
)
def test_what_is_no_recording_is_named(u1, u2, message):
    with pytest.raises(ValueError, match=message):
        Recordings(u1, u2)


def test_lists_are_taken():
    assert Recordings([[1, 2], [3, 4]], [[2, 1], [4, 3]]).u1.shape == (2, 2)


def test_supervised_pairs_must_fit_together():
    pairs = SupervisedPairs(np.ones((3, 8), np.int16), np.ones((3, 8)))
    assert len(pairs) == 3 and pairs.noisy.dtype == np.float64
    with pytest.raises(ValueError, match="noisy and clean must hold the same objects, got 3 and 2 signals"):
        SupervisedPairs(np.ones((3, 8)), np.ones((2, 8)))
    with pytest.raises(ValueError, match="clean must be finite"):
        SupervisedPairs(np.ones((3, 8)), np.full((3, 8), np.inf))


def test_held_out_signals_know_the_truth(clean):
    held = HeldOut(*recorded(clean, Noise(5.0)).__dict__.values(), clean)
    assert len(held) == 64 and held.phantoms is None


@pytest.mark.parametrize("change", [0.0, 1e-9])
def test_one_period_twice_is_refused(clean, change):
    """Identical, or different by rounding alone, in a single signal of many."""
    pairs = recorded(clean, Noise(5.0))
    u2 = pairs.u2.copy()
    u2[5] = pairs.u1[5] * (1 + change)
    message = "n2n needs two recorded periods .*; u1 and u2 are the same period at index 5"
    with pytest.raises(ValueError, match=message):
        Recordings(pairs.u1, u2).check_independent("n2n")


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_two_periods_of_any_strength_are_two(clean, scale):
    pairs = recorded(clean, Noise(30.0))
    assert Recordings(pairs.u1 * scale, pairs.u2 * scale).check_independent("n2n", odd=True)


@pytest.mark.parametrize(
    "noise",
    [Noise(5.0), Noise(5.0, colour=1.0), Noise(15.0, interference=Interference(5.0))],
    ids=["white", "coloured", "free"],
)
@pytest.mark.parametrize("seed", range(5))
def test_independent_noise_gives_no_warning(clean, noise, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorded(clean, noise, seed).check_independent("n2n", odd=True)


def test_locked_interference_is_told_where_signals_are_odd(clean):
    """Its even half is alike in both periods: 10^-0.5 of the power against 10^-1.5 of white noise, 0.91."""
    pairs = recorded(clean, Noise(15.0, interference=Interference(5.0, phases="locked")))
    with pytest.warns(SharedNoiseWarning, match=r"have a correlation of 0\.(8|9)\d; n2n takes noise"):
        pairs.check_independent("n2n", odd=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs.check_independent("n2n")  # nothing is known of the signals


def test_the_unit_is_the_root_mean_square_at_any_strength():
    """Taken in float64: no square overflows or vanishes in float32."""
    u = np.random.default_rng(0).standard_normal((3, 500)).astype(np.float32)
    expected = np.sqrt(np.mean(u.astype(float) ** 2, axis=1, keepdims=True))
    for scale in (1e-30, 1.0, 1e30):
        np.testing.assert_allclose(rms(u * np.float32(scale)), expected * scale, rtol=1e-6)
    with pytest.raises(ValueError, match="u must not hold a zero signal, found one at index 1"):
        rms(np.array([[1.0, 2.0], [0.0, 0.0]]))


def test_without_validation_pairs_the_last_tenth_is_held_out():
    u1, u2 = np.random.default_rng(0).standard_normal((2, 25, 8))
    train, held = split(u1, u2, None)
    np.testing.assert_array_equal(train.u1, u1[:23])
    np.testing.assert_array_equal(held.u2, u2[23:])
    given = Recordings(u1[:3], u2[:3])
    assert split(u1, u2, given)[1] is given
    with pytest.raises(ValueError, match="at least 2 signals where no validation pairs are given, got 1"):
        split(u1[:1], u2[:1], None)
    with pytest.raises(ValueError, match="validation must have 8 samples per signal, got 9"):
        split(u1, u2, Recordings(np.ones((2, 9)), np.ones((2, 9))))


def test_the_noisy_error_of_nothing_is_the_power_of_a_period(clean):
    """Against a period of the same power, in units of that power: 1; and of the clean signal the noise power alone."""
    pairs = recorded(clean, Noise(0.0))
    assert noisy_error(np.zeros_like, pairs) == pytest.approx(1, rel=0.01)
    assert noisy_error(np.copy, pairs) == pytest.approx(1, rel=0.02), "the noise of both, and not of none"
    known = {id(pairs.u1): clean, id(pairs.u2): clean}
    assert noisy_error(lambda u: known[id(u)], pairs) == pytest.approx(0.5, rel=0.02)


def test_held_out_signals_must_fit_together(clean):
    u1, u2 = clean + 1, clean - 1
    with pytest.raises(ValueError, match=r"clean must have the shape of u1, .*, got \(1, "):
        HeldOut(u1, u2, clean[:1])
    with pytest.raises(ValueError, match=f"phantoms must hold {len(clean)} objects, got 1"):
        HeldOut(u1, u2, clean, np.ones((1, 4, 4), np.float32))
