"""A background that belongs to the scanner, and the empty measurement that takes it off."""

from dataclasses import replace

import numpy as np
import pytest

from companion.setup import Setup
from mpicore import denoisers
from mpicore.background import Background, Empty, EmptyMeasurement
from mpicore.datasets import xspace, xspace_empty, xspace_pairs, xspace_supervised, xspace_test, xspace_times
from mpicore.noise import Interference, Noise
from mpicore.recordings import Recordings, SharedNoiseWarning
from mpicore.scanner import Scanner
from mpicore.truth import Truth

SCANNER = Scanner.cartesian(drive_frequency=(25e3, 2.5e3), shape=(16, 16))
TONES = Background(5.0, harmonics=(2, 3, 5))
NOISE = Noise(5.0)


def made(background, times, power=1.0, seed=0):
    return background.signals(times, SCANNER, power, np.random.default_rng(seed))


def power(u):
    return np.mean(np.square(u, dtype=float), axis=-1)


# The background


def test_it_has_its_power_on_its_lines_at_all_times():
    u = made(TONES, [0.0, 0.4, 1.0], power=7.0)
    np.testing.assert_allclose(power(u), 7 * 10**-0.5)
    np.testing.assert_allclose(u[0], u[2], atol=1e-12)
    lines = np.flatnonzero(np.abs(np.fft.rfft(u[0])) > 1e-6)
    np.testing.assert_array_equal(lines, [SCANNER.harmonic_line(h) for h in (2, 3, 5)])
    slow = made(Background(5.0, harmonics=(3,), drive="y"), [0.0])
    assert np.argmax(np.abs(np.fft.rfft(slow[0]))) == 3


def test_it_drifts_as_it_says():
    start, middle, end = made(replace(TONES, drift=0.2, turn=0.3), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(power([start, middle, end]) / power(start), [1, 1.1**2, 1.2**2])
    spectra = np.fft.rfft([start, middle, end])[:, SCANNER.harmonic_line(3)]
    np.testing.assert_allclose(np.angle(spectra[1:] / spectra[0]), [0.15, 0.3])
    np.testing.assert_allclose(start, made(TONES, [0.0])[0], atol=1e-12)


def test_it_is_the_same_for_every_object_of_every_split():
    """What a recording has more than without it: one period, whose strength is that of no single object."""
    plain, other = (xspace((5, 3, 4), NOISE, 0, SCANNER, background=b) for b in (None, TONES))
    scale = np.abs(plain.train.u1).max()
    added = [
        getattr(getattr(other, split), name) - getattr(getattr(plain, split), name)
        for split in ("train", "validation", "test")
        for name in ("u1", "u2")
    ]
    for u in added:
        np.testing.assert_allclose(u, np.broadcast_to(added[0][0], u.shape), atol=1e-5 * scale)
    np.testing.assert_array_equal(other.test.clean, plain.test.clean)
    many = xspace_test(150, NOISE, 3, SCANNER).clean
    assert 10 * np.log10(power(many).mean() / power(added[0][0])) == pytest.approx(5, abs=1)


def test_objects_of_a_drifting_background_keep_their_time():
    """A smaller set is the beginning of a larger one, and the splits are measured through one another."""
    drifting = replace(TONES, drift=1.0, turn=0.5)
    small, large = (xspace_test(n, NOISE, 0, SCANNER, background=drifting) for n in (3, 7))
    np.testing.assert_allclose(small.u1, large.u1[:3], atol=1e-5 * np.abs(large.u1).max())
    times = xspace_times("train", 400, 0)
    np.testing.assert_array_equal(times[:10], xspace_times("train", 10, 0))
    assert 0 <= times.min() < 0.02 and 0.98 < times.max() <= 1
    assert not np.array_equal(times[:10], xspace_times("test", 10, 0))


def test_its_parts_are_those_of_the_whole_data_set():
    data = xspace((4, 2, 3), NOISE, 0, SCANNER, background=TONES)
    train, held = xspace_pairs((4, 2), NOISE, 0, SCANNER, background=TONES)
    np.testing.assert_array_equal(train.u1, data.train.u1)
    np.testing.assert_array_equal(held.u2, data.validation.u2)
    supervised, _ = xspace_supervised((4, 2), NOISE, 0, SCANNER, background=TONES)
    np.testing.assert_array_equal(supervised.noisy, data.train.u1)
    np.testing.assert_array_equal(supervised.clean, xspace_supervised((4, 2), NOISE, 0, SCANNER)[0].clean)


def test_two_periods_share_it_and_a_fit_says_so():
    data = xspace((40, 8, 3), NOISE, 0, SCANNER, background=TONES)
    with pytest.warns(SharedNoiseWarning):
        data.train.check_independent("a method", odd=True)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"sir_db": np.inf}, "sir_db must be finite, got inf"),
        ({"harmonics": ()}, "harmonics must hold at least one, got none"),
        ({"harmonics": (0,)}, "harmonics must be a whole number of at least 1, got 0"),
        ({"drive": "z"}, "drive must be one of x, y; got 'z'"),
        ({"drift": -1.1}, "drift must be at least -1, got -1.1"),
        ({"turn": np.nan}, "turn must be finite, got nan"),
    ],
)
def test_bad_backgrounds_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Background(**{"sir_db": 5.0, **changes})


def test_tones_that_are_not_sampled_are_named():
    with pytest.raises(ValueError, match=r"harmonics must lie below 1.2375e\+06 Hz, got one at 1.25e\+06 Hz"):
        made(Background(5.0, harmonics=(50,)), [0.0])


# The empty measurement


def empty_periods(count, time, background=TONES, noise=0.3, seed=0):
    rng = np.random.default_rng([seed, int(time)])
    return made(background, np.full(count, time)) + noise * rng.standard_normal((count, SCANNER.num_samples))


def test_one_takes_a_steady_background_off():
    measured = EmptyMeasurement(empty_periods(10, 0))
    clean = made(TONES, [0.2])[0]
    error = measured.background([0.0, 0.7]) - clean
    np.testing.assert_allclose(error[0], error[1])
    # Noise of the mean is left in the three lines of the tones alone: 6 of 990 degrees of freedom.
    assert power(error[0]) == pytest.approx(0.09 / 10 * 6 / 990, rel=1.5)
    u = np.random.default_rng(1).standard_normal((2, 990)).astype(np.float32)
    found = measured.taken_off(u + clean, np.array([0.3, 0.9]))
    np.testing.assert_allclose(found, u, atol=0.05)
    assert measured.taken_off(u, np.zeros(2)).dtype == np.float32


def test_two_take_a_drift_off_and_one_does_not():
    drifting = replace(TONES, drift=0.4)
    before, after = (empty_periods(10, time, drifting) for time in (0.0, 1.0))
    times = np.linspace(0, 1, 5)
    clean = made(drifting, times)
    left = [
        power(measured.background(times) - clean)
        for measured in (EmptyMeasurement(before, after), EmptyMeasurement(before))
    ]
    assert np.all(left[0] < 1e-3)
    assert left[1][0] < 1e-3 and left[1][-1] == pytest.approx(0.4**2 * 10**-0.5, rel=0.1)


def test_of_an_empty_scanner_without_a_background_nothing_is_taken_off():
    rng = np.random.default_rng(0)
    found = [np.any(EmptyMeasurement(rng.standard_normal((10, 990))).background([0.0])) for _ in range(20)]
    assert np.mean(found) < 0.4  # a line in ten measurements, by the threshold


def test_a_single_period_is_taken_as_it_is():
    u = np.random.default_rng(0).standard_normal((1, 990))
    np.testing.assert_allclose(EmptyMeasurement(u).background([0.5]), u, atol=1e-12)


@pytest.mark.parametrize(
    "act, message",
    [
        (lambda: Empty(0), "before must be a whole number of at least 1, got 0"),
        (lambda: Empty(3, -1), "after must be a whole number of at least 0, got -1"),
        (lambda: EmptyMeasurement(np.ones(5)), "before must have 2 axes"),
        (lambda: EmptyMeasurement(np.ones((2, 5)), np.ones((2, 6))), "after must have 5 samples per signal, got 6"),
        (lambda: EmptyMeasurement(np.ones((2, 5))).taken_off(np.ones((2, 6)), [0, 1]), "u must have 5 samples"),
        (lambda: EmptyMeasurement(np.ones((2, 5))).taken_off(np.ones((2, 5)), [0]), "time must be one for each of 2"),
    ],
)
def test_what_does_not_fit_together_is_named(act, message):
    with pytest.raises(ValueError, match=message):
        act()


@pytest.mark.parametrize("noise", [NOISE, Noise(5.0, colour=1.0), Noise(15.0, interference=Interference(5.0))])
def test_the_empty_scanner_has_the_noise_of_a_mean_signal(noise):
    """Recovered from single periods, which are taken as they are: of another seed, other noise."""
    found = [xspace_empty(Empty(1), noise, seed, SCANNER).background([0.0])[0] for seed in range(40)]
    signal = power(xspace_test(200, noise, 5, SCANNER).clean).mean()
    assert 10 * np.log10(signal / power(found).mean()) == pytest.approx(noise.total_snr_db, abs=0.8)


def test_the_empty_scanner_shows_the_background_of_the_recordings():
    truth = Truth(core_diameter=32e-9)
    drifting = replace(TONES, drift=0.3)
    plain, other = (xspace_test(6, NOISE, 0, SCANNER, truth, background=b) for b in (None, drifting))
    measured = xspace_empty(Empty(20, 20), NOISE, 0, SCANNER, truth, background=drifting)
    times = xspace_times("test", 6, 0)
    error = measured.taken_off(other.u2, times) - plain.u2
    assert np.all(power(error) < 0.01 * power(other.u2 - plain.u2))


# In a run


@pytest.mark.parametrize("denoiser", ["linear_n2n", "oracle_wiener"])
def test_a_method_with_an_empty_measurement_gets_all_without_the_background(tiny, tmp_path, denoiser):
    """Training, validation and test, and a ceiling as well; what was recorded is kept once."""
    drifting = replace(TONES, drift=0.3)
    plain = tiny("xspace-gaussian", "noisy")
    with_it, emptied = (replace(plain, background=drifting, empty=empty) for empty in (None, Empty(50, 50)))
    setups = [Setup(config, tmp_path) for config in (plain, with_it, emptied)]
    given = denoisers.create(denoiser)
    for place in ("train", "validation", "test"):
        u = []
        for setup in setups:
            (first, _), held = setup.fitting_pairs(given)
            u.append({"train": first, "validation": held.arrays[0], "test": setup.held_out("literal").u1}[place])
        assert np.all(power(u[2] - u[0]) < 0.02 * power(u[1] - u[0]))
    np.testing.assert_array_equal(setups[2].held_out("literal").clean, setups[0].held_out("literal").clean)
    np.testing.assert_array_equal(setups[2].validation().u1, Setup(emptied).validation().u1)
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    Setup(emptied, tmp_path).held_out("literal")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == kept
    assert len([name for name in kept if name.startswith("test")]) == 2


def test_without_a_background_the_data_stay_as_they_are(tiny):
    """Bit for bit, as long as no line of the empty scanner is taken for one."""
    plain = tiny("xspace-gaussian", "noisy")
    emptied = Setup(replace(plain, empty=Empty(10)))
    if not np.any(emptied.empty.background([0.0])):
        np.testing.assert_array_equal(emptied.held_out("literal").u1, Setup(plain).held_out("literal").u1)
    assert Setup(plain).empty is None
    assert isinstance(emptied.validation(), Recordings)


def test_an_empty_measurement_is_for_xspace_data(book, tmp_path, root):
    from companion import experiments

    text = (root / "experiments.yml").read_text(encoding="utf-8")
    path = tmp_path / "experiments.yml"
    old = "linear_n2n, svd_shrinkage"
    assert old in text
    path.write_text(text.replace(old, f"emptied_linear_n2n, {old}"), encoding="utf-8")
    with pytest.raises(
        ValueError, match="an empty measurement is for x-space data, emptied_linear_n2n of system-matrix"
    ):
        experiments.read(path)
    run = book.study_run("study-background", "drift", "twice_emptied_gp_wiener", "paper")
    assert run.empty == Empty(10, 10) and run.background == Background(5.0, drift=0.2, turn=0.2)
    assert (
        book.study_run("study-background", "none", "gp_wiener", "paper").key
        == book.study_run("study-snr", "5", "gp_wiener", "paper").key
    )
