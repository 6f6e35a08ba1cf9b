"""Noise: the powers that come out, and what the two periods share. Bounds are five standard errors."""

import numpy as np
import pytest

from mpicore.noise import Interference, Noise, Spikes, add_gaussian, add_harmonics, add_spikes, coloured_power
from mpicore.scanner import Scanner

FS = 2.475e6
SCANNER = Scanner.cartesian()
INTERFERED = {
    locked: Noise(15.0, interference=Interference(5.0, phases="locked" if locked else "free"))
    for locked in (False, True)
}
SLOW = Noise(15.0, interference=Interference(5.0, (2, 3), drive="y", spread_db=3.0))
HARMONICS = (50e3, 75e3, 125e3)


@pytest.fixture
def clean():
    """40 signals of 4950 samples whose powers span six decades."""
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * np.arange(1, 9)[:, None] * np.arange(4950) / 198)
    return np.logspace(-3, 3, 40)[:, None] * (rng.standard_normal((40, 8)) @ waves)


def power(u):
    return np.mean(np.square(u, dtype=np.float64), axis=-1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("snr_db", [-10.0, 5.0, 15.0])
def test_gaussian_noise_has_its_power_in_every_signal(clean, snr_db, dtype):
    """The power of N normal numbers has the relative standard deviation sqrt(2 / N)."""
    u = clean.astype(dtype)
    noisy = add_gaussian(u, snr_db, np.random.default_rng(1))
    assert noisy.dtype == dtype
    found = 10 * np.log10(power(u) / power(noisy - u))
    error = 10 / np.log(10) * np.sqrt(2 / u.shape[1])
    assert np.all(np.abs(found - snr_db) < 5 * error)
    assert abs(found.mean() - snr_db) < 5 * error / np.sqrt(len(u))


def test_gaussian_noise_is_white_and_normal(clean):
    """Neighbouring samples are uncorrelated; the fourth moment of a normal number is 3, with variance 96 / n."""
    noise = add_gaussian(clean, 5.0, np.random.default_rng(2)) - clean
    noise /= np.sqrt(power(noise))[:, None]
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 5 / np.sqrt(noise.size)
    assert abs(np.mean(noise)) < 5 / np.sqrt(noise.size)
    assert abs(np.mean(noise**4) - 3) < 5 * np.sqrt(96 / noise.size)


@pytest.mark.parametrize("shape", [(4950,), (8, 4950), (2, 4, 4950)])
def test_noise_goes_onto_one_signal_as_onto_many(clean, shape):
    u = clean[: max(1, np.prod(shape[:-1], dtype=int))].reshape(shape)
    assert add_gaussian(u, 5.0, np.random.default_rng(0)).shape == shape
    disturbed = add_harmonics(u, 5.0, HARMONICS, FS, np.random.default_rng(0))
    np.testing.assert_allclose(power(u) / power(disturbed - u), 10**0.5, rtol=1e-12)


@pytest.mark.parametrize("sir_db", [5.0, 6.81, -3.0])
@pytest.mark.parametrize("frequencies", [HARMONICS, (25e3,), 75e3])
def test_interference_has_exactly_its_power(clean, sir_db, frequencies):
    """Whole numbers of cycles in a period make the power that of the amplitudes: no statistics are left."""
    interference = add_harmonics(clean, sir_db, frequencies, FS, np.random.default_rng(3)) - clean
    np.testing.assert_allclose(10 * np.log10(power(clean) / power(interference)), sir_db, rtol=0, atol=1e-10)


def test_interference_sits_at_its_frequencies_in_equal_parts(clean):
    """All power lies in the lines of 50, 75 and 125 kHz, which are lines 100, 150 and 250 of a 2 ms period."""
    interference = add_harmonics(clean, 5.0, HARMONICS, FS, np.random.default_rng(4)) - clean
    spectrum = np.abs(np.fft.rfft(interference, axis=1)) ** 2
    shares = spectrum[:, [100, 150, 250]] / spectrum.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, 1 / 3, rtol=1e-10)


def test_interference_has_random_phases(clean):
    """Uniform phases: the squared length of the mean of n unit vectors is 1 / n, and above 10 / n with e^-10 only."""
    rng = np.random.default_rng(5)
    u = np.repeat(clean[20:21], 1000, axis=0)
    lines = np.fft.rfft(add_harmonics(u, 5.0, HARMONICS, FS, rng) - u, axis=1)[:, [100, 150, 250]]
    mean = np.mean(lines / np.abs(lines), axis=0)
    assert np.all(np.abs(mean) ** 2 < 10 / len(u))


def test_locked_phases_give_both_periods_the_same_interference(clean):
    periods = np.repeat(clean[:, None], 2, axis=1)
    disturbed = add_harmonics(periods, 5.0, HARMONICS, FS, np.random.default_rng(6), advance=np.zeros(len(HARMONICS)))
    first, second = np.moveaxis(disturbed - periods, 1, 0)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(power(clean) / power(first), 10**0.5, rtol=1e-10)
    lines = np.fft.rfft(first, axis=1)[:, 100]
    assert np.unique(np.round(np.angle(lines), 9)).size == len(clean), "one phase per signal, not one for all"


@pytest.mark.parametrize("offset, expected", [(0.0, 1.0), (50.0, 0.809), (125.0, 0.0), (250.0, -1.0)])
def test_consecutive_periods_correlate_as_the_phase_goes_on(clean, offset, expected):
    """cos(2 pi d T) for a sinusoid d Hz off its line: the values for a period of 2 ms, and what is recorded."""
    scanner = Scanner.cartesian()
    tones = Interference(0.0, (4,), phases="consecutive", offsets=(offset,))
    assert tones.correlation(scanner) == pytest.approx(expected, abs=1e-3)
    u1, u2 = Noise(200.0, interference=tones).record(
        np.repeat(clean[20:21], 400, axis=0), scanner, np.random.default_rng(8)
    )
    first, second = u1 - clean[20], u2 - clean[20]
    found = np.sum(first * second) / np.sqrt(np.sum(first**2) * np.sum(second**2))
    assert found == pytest.approx(expected, abs=0.02)


def test_a_phase_goes_on_through_consecutive_periods(clean):
    """Two periods in a row are one sinusoid of twice the length."""
    scanner = Scanner.cartesian()
    tones = Interference(0.0, (4,), phases="consecutive", offsets=(37.0,))
    u1, u2 = Noise(250.0, interference=tones).record(clean[20:21], scanner, np.random.default_rng(9))
    wave = np.concatenate([u1[0] - clean[20], u2[0] - clean[20]])
    angle = 2 * np.pi * (100e3 + 37.0) * np.arange(wave.size) / FS
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    _, residual, *_ = np.linalg.lstsq(basis, wave, rcond=None)
    assert residual[0] < 1e-12 * np.sum(wave**2)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"offsets": (1.0,)}, "offsets must be one for each of 3 harmonics"),
        ({"offsets": (1.0, 0.0, 0.0), "phases": "locked"}, "phases are locked on a harmonic alone"),
        ({"phases": "loose"}, "phases must be one of free, consecutive, locked; got 'loose'"),
    ],
)
def test_bad_phases_are_named(options, message):
    with bad(message):
        Interference(5.0, **options)


def test_free_phases_give_the_periods_independent_interference(clean):
    """Normalised inner products of sinusoids with free phases: mean 0, variance 1/6 for three equal lines."""
    periods = np.repeat(clean[:, None], 2, axis=1)
    disturbed = add_harmonics(periods, 5.0, HARMONICS, FS, np.random.default_rng(7))
    first, second = np.moveaxis(disturbed - periods, 1, 0)
    products = np.mean(first * second, axis=1) / np.sqrt(power(first) * power(second))
    assert abs(products.mean()) < 5 / np.sqrt(6 * len(products))
    assert np.all(products < 0.999)


def test_two_periods_have_independent_noise(clean):
    """Their correlation is zero within 5 / sqrt(n N), and each has the power asked for."""
    u1, u2 = Noise(5.0).record(clean, SCANNER, np.random.default_rng(8))
    n1, n2 = ((u - clean) / np.sqrt(power(u - clean))[:, None] for u in (u1, u2))
    assert abs(np.mean(n1 * n2)) < 5 / np.sqrt(n1.size)
    error = 10 / np.log(10) * np.sqrt(2 / clean.size)
    for u in (u1, u2):
        assert abs(np.mean(10 * np.log10(power(clean) / power(u - clean))) - 5) < 5 * error


@pytest.mark.parametrize("locked", [False, True])
def test_both_power_ratios_refer_to_the_clean_signal(clean, locked):
    """15 dB of Gaussian noise and 5 dB of interference: powers add up to 4.58 dB.

    The error's power has two random parts: that of the Gaussian noise, and its product with the interference.
    """
    u1, u2 = INTERFERED[locked].record(clean, SCANNER, np.random.default_rng(9))
    gaussian, interference = 10**-1.5, 10**-0.5
    error = np.sqrt((2 * gaussian**2 + 4 * gaussian * interference) / clean.size)
    for u in (u1, u2):
        ratio = power(u - clean) / power(clean)
        assert abs(ratio.mean() - gaussian - interference) < 5 * error
        assert -10 * np.log10(ratio.mean()) == pytest.approx(4.58, abs=0.02)
    lines = [np.fft.rfft(u - clean, axis=1)[:, 100] for u in (u1, u2)]
    aligned = np.abs(np.angle(lines[0] / lines[1])) < 0.2
    assert aligned.all() == locked
    if not locked:
        assert aligned.mean() < 0.5


@pytest.mark.parametrize(
    "noise",
    [
        Noise(5.0),
        Noise(5.0, colour=1.0),
        INTERFERED[False],
        INTERFERED[True],
        Noise(15.0, spikes=Spikes(5.0, 0.01)),
        SLOW,
        Noise(15.0, 1.0, Interference(5.0), Spikes(5.0)),
    ],
    ids=["white", "coloured", "free", "locked", "spikes", "slow", "all"],
)
def test_fewer_signals_get_the_noise_of_the_first_of_more(clean, noise):
    """Both periods, every kind of noise: a smaller data set is the beginning of a larger one."""
    few, many = (noise.record(u, SCANNER, np.random.default_rng(11)) for u in (clean[:7], clean))
    for u, v in zip(few, many, strict=True):
        np.testing.assert_allclose(u, v[:7], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("factor", [2.0**40, 2.0**-40])
def test_noise_does_not_depend_on_units(clean, factor):
    """A signal in other units gets the same noise in those units, bit for bit for a power of two, in float32 too."""
    u = clean[10:30].astype(np.float32)
    first, scaled = (Noise(5.0).record(v, SCANNER, np.random.default_rng(12)) for v in (u, u * np.float32(factor)))
    np.testing.assert_array_equal(scaled, np.multiply(first, np.float32(factor)))


def test_two_periods_accept_whole_numbers():
    u1, _ = Noise(5.0).record([[3, -3, 3, -3]], SCANNER, np.random.default_rng(0))
    assert u1.dtype == np.float64


def bad(values):
    return pytest.raises(ValueError, match=values)


@pytest.mark.parametrize("ratio", [float("nan"), float("inf"), None])
def test_bad_ratios_are_named(clean, ratio):
    rng = np.random.default_rng(0)
    with bad("snr_db must be"):
        add_gaussian(clean, ratio, rng)
    with bad("sir_db must be"):
        add_harmonics(clean, ratio, HARMONICS, FS, rng)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_samples_are_named(clean, value):
    rng = np.random.default_rng(0)
    clean[3, 7] = value
    for call in (
        lambda: add_gaussian(clean, 5.0, rng),
        lambda: add_harmonics(clean, 5.0, HARMONICS, FS, rng),
        lambda: Noise(5.0).record(clean, SCANNER, rng),
    ):
        with bad(r"u must be finite, found (nan|inf) at index \(3, 7\)"):
            call()


def test_zero_signals_are_named(clean):
    rng = np.random.default_rng(0)
    clean[5] = 0
    with bad(r"u must not hold a zero signal, found one at index \[5\]"):
        add_gaussian(clean, 5.0, rng)
    with bad(r"u must not hold a zero signal, found one at index \[0, 5\]"):
        add_harmonics(clean[None], 5.0, HARMONICS, FS, rng)


@pytest.mark.parametrize("frequencies", [(), (0,), (-25e3,), (25e3, FS / 2)])
def test_bad_frequencies_are_named(clean, frequencies):
    with bad(r"frequencies must lie in \(0, 1.2375e\+06\) Hz, got"):
        add_harmonics(clean, 5.0, frequencies, FS, np.random.default_rng(0))


def test_a_bad_sampling_frequency_is_named(clean):
    with bad("sampling_frequency must be positive, got -1"):
        add_harmonics(clean, 5.0, HARMONICS, -1, np.random.default_rng(0))


def test_locked_phases_need_periods(clean):
    with bad(r"advance needs signals of shape \(n, periods, N\), got shape \(40, 4950\)"):
        add_harmonics(clean, 5.0, HARMONICS, FS, np.random.default_rng(0), advance=np.zeros(len(HARMONICS)))
    with bad("advance must be one for each of 3 frequencies, got shape \\(2,\\)"):
        add_harmonics(clean[:, None], 5.0, HARMONICS, FS, np.random.default_rng(0), advance=[0, 0])


# Coloured noise and spikes


@pytest.mark.parametrize("colour", [0.5, 1.0, 2.0])
def test_coloured_noise_has_its_power_and_its_slope(clean, colour):
    """Lines 10 to 100 hold 10^colour times the power of lines 100 to 1000, line for line."""
    u = np.repeat(clean[20:21], 2000, axis=0)
    noise = add_gaussian(u, 5.0, np.random.default_rng(6), colour) - u
    assert 10 * np.log10(power(u)[0] / power(noise).mean()) == pytest.approx(5.0, abs=0.3)
    spectrum = np.mean(np.abs(np.fft.rfft(noise, axis=1)) ** 2, axis=0)
    lines = np.array([10, 100, 1000])
    measured = np.array([np.mean(spectrum[k - 2 : k + 3]) for k in lines])
    slope = np.polyfit(np.log(lines), np.log(measured), 1)[0]
    assert slope == pytest.approx(-colour, abs=0.05)
    expected = coloured_power(colour, 4950)
    np.testing.assert_allclose(spectrum[1:] / spectrum[1:].mean(), expected[1:] / expected[1:].mean(), rtol=0.25)
    assert spectrum[0] < 1e-9 * spectrum[1]


@pytest.mark.parametrize("samples", [64, 65])
def test_coloured_power_has_unit_mean_over_all_lines(samples):
    for colour in (0.0, 1.0):
        assert np.fft.irfft(coloured_power(colour, samples), samples)[0] == pytest.approx(1)


def test_no_colour_is_white_noise_bit_for_bit(clean):
    white, same = (add_gaussian(clean, 5.0, np.random.default_rng(0), *c) for c in ((), (0.0,)))
    np.testing.assert_array_equal(white, same)


def test_spikes_have_their_power_and_their_rate(clean):
    u = np.repeat(clean[20:21], 400, axis=0)
    spikes = add_spikes(u, 10.0, 0.01, np.random.default_rng(7)) - u
    assert np.mean(spikes != 0) == pytest.approx(0.01, rel=0.04)
    assert 10 * np.log10(power(u)[0] / power(spikes).mean()) == pytest.approx(10.0, abs=0.25)
    with pytest.raises(ValueError, match=r"rate must be in \(0, 1\], got 0"):
        add_spikes(u, 10.0, 0, np.random.default_rng(0))


def test_spikes_leave_the_other_noise_as_it_is(clean):
    """Each kind of noise has a stream of its own."""
    plain, spiky = (
        Noise(5.0, spikes=spikes).record(clean, SCANNER, np.random.default_rng(0))
        for spikes in (None, Spikes(5.0, 0.01))
    )
    for before, after in zip(plain, spiky, strict=True):
        assert 0.005 < np.mean(~np.isclose(before, after, rtol=1e-9, atol=0)) < 0.02


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Noise(float("nan")), "snr_db must be finite, got nan"),
        (lambda: Noise(5.0, colour=float("nan")), "colour must be finite, got nan"),
        (lambda: Noise(5.0, interference=5.0), "interference must be Interference or None, got 5.0"),
        (lambda: Noise(5.0, spikes=2), "spikes must be Spikes or None, got 2"),
        (lambda: Interference(float("inf")), "sir_db must be finite, got inf"),
        (lambda: Interference(5.0, ()), "harmonics must hold at least one"),
        (lambda: Interference(5.0, (2, 0)), "harmonics must be a whole number of at least 1, got 0"),
        (lambda: Interference(5.0, drive="z"), "drive must be one of x, y; got 'z'"),
        (lambda: Interference(5.0, spread_db=-1.0), "spread_db must be at least 0, got -1.0"),
        (lambda: Interference(5.0, spread_db=float("nan")), "spread_db must be finite, got nan"),
        (lambda: Spikes(float("nan")), "spike_db must be finite, got nan"),
        (lambda: Spikes(5.0, 0.0), r"rate must be in \(0, 1\], got 0.0"),
    ],
)
def test_bad_parts_of_the_noise_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_interference_of_the_slow_drive_has_its_lines_alone():
    """Harmonics h of f_y = f_x / 99 are the lines h of a period of one cycle of the slow drive."""
    clean = np.ones((3, SCANNER.num_samples))
    tones = Interference(5.0, (2, 3), drive="y")
    np.testing.assert_allclose(tones.frequencies(SCANNER), np.array([2, 3]) * SCANNER.drive_frequency[1])
    whole = Noise(300.0, interference=tones).record(clean, SCANNER, np.random.default_rng(0))[0] - clean
    spectrum = np.abs(np.fft.rfft(whole)) ** 2
    lines = np.round(tones.frequencies(SCANNER) / SCANNER.sampling_frequency * SCANNER.num_samples).astype(int)
    np.testing.assert_allclose(spectrum[:, lines].sum(axis=1), spectrum.sum(axis=1), rtol=1e-9)


def test_the_ratio_of_interference_spreads_between_signals_and_not_between_periods():
    """Normal in dB with the mean and the deviation that are asked for; the mean power is log-normal."""
    tones = Interference(5.0, (2, 3), drive="y", spread_db=3.0)
    clean = np.ones((2000, SCANNER.num_samples), np.float32)
    first, second = (
        10 * np.log10(1 / power(u - clean))
        for u in Noise(300.0, interference=tones).record(clean, SCANNER, np.random.default_rng(0))
    )
    np.testing.assert_allclose(first, second, atol=1e-3)
    assert abs(first.mean() - 5) < 5 * 3 / np.sqrt(2000)
    assert abs(first.std() - 3) < 5 * 3 / np.sqrt(2 * 2000)
    deviation = np.std(10 ** (-first / 10)) / np.sqrt(2000)
    assert abs(np.mean(10 ** (-first / 10)) - tones.mean_power) < 5 * deviation
    assert Interference(5.0).mean_power == pytest.approx(10**-0.5)


@pytest.mark.parametrize(
    "sir_db, message",
    [("five", "sir_db must be real numbers"), ([5.0, 6.0], "must .* have 2 axes"), ([[np.nan]], "must be finite")],
)
def test_a_ratio_is_one_number_or_one_for_each_signal(sir_db, message):
    with pytest.raises(ValueError, match=message):
        add_harmonics(np.ones((2, 2, 99)), sir_db, 25e3, FS, np.random.default_rng(0))


def test_a_harmonic_beyond_half_the_sampling_frequency_is_named(clean):
    with pytest.raises(ValueError, match="frequencies must lie in"):
        Noise(15.0, interference=Interference(5.0, (50,))).record(clean, SCANNER, np.random.default_rng(0))


def test_all_noise_together_is_the_sum_of_the_powers():
    noise = Noise(15.0, interference=Interference(5.0), spikes=Spikes(8.0))
    assert 10 ** (-noise.total_snr_db / 10) == pytest.approx(10**-1.5 + 10**-0.5 + 10**-0.8)


@pytest.mark.parametrize(
    "noise",
    [Noise(5.0), Noise(5.0, 1.0), INTERFERED[False], SLOW, Noise(15.0, spikes=Spikes(5.0, 0.05))],
    ids=["white", "coloured", "interference", "slow", "spikes"],
)
def test_the_autocovariance_is_that_of_the_noise(clean, noise):
    """Products of samples at a few lags, over 2000 periods of a signal of unit power."""
    u = np.repeat(clean[20:21] / np.sqrt(power(clean[20:21])), 2000, axis=0)
    made = noise.record(u, SCANNER, np.random.default_rng(3))[0] - u
    expected = noise.autocovariance(SCANNER)
    for lag in (0, 1, 7, 33, 200):
        measured = np.mean(made * np.roll(made, -lag, axis=1))
        assert measured == pytest.approx(expected[lag], abs=0.03 * expected[0])
