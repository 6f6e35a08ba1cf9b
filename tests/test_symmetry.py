"""The odd symmetry: projection, coordinates, and scanners that do not have it."""

import warnings

import numpy as np
import pytest

from mpicore import denoisers
from mpicore.denoisers.readout import Projected
from mpicore.line_phase import filtered
from mpicore.phantoms import random_phantoms
from mpicore.recordings import SharedNoiseWarning
from mpicore.responses import deviation, record, signals
from mpicore.scanner import Particle, Scanner
from mpicore.sequence import SINE, Sequence, Tone
from mpicore.simulation import system_matrix
from mpicore.symmetry import (
    even_part,
    from_sine_lines,
    is_odd,
    mirror,
    mixing_orders,
    odd_part,
    require_mirror_image,
    require_odd,
    sequence_phase,
    sine_lines,
    tone_orders,
)
from mpicore.system import System


@pytest.mark.parametrize("samples", [16, 17])
def test_a_signal_is_its_odd_and_its_even_part(samples):
    u = np.random.default_rng(0).standard_normal((3, samples))
    np.testing.assert_allclose(odd_part(u) + even_part(u), u, atol=1e-6)
    np.testing.assert_allclose(mirror(odd_part(u)), -odd_part(u))
    np.testing.assert_allclose(mirror(even_part(u)), even_part(u))
    np.testing.assert_array_equal(mirror(mirror(u)), u)
    assert np.allclose(np.vecdot(odd_part(u), even_part(u)), 0, atol=1e-6)


def test_the_mirror_keeps_the_first_sample():
    """u[N-k] with indices modulo N: a plain reversal is one sample off."""
    np.testing.assert_array_equal(mirror(np.array([[0.0, 1.0, 2.0, 3.0]])), [[0.0, 3.0, 2.0, 1.0]])


def test_mirror_images_need_an_even_number_of_cycles():
    """Half a period later an even number of cycles is where it was, and an odd one is turned round."""
    scanner = Scanner.cartesian(shape=(5, 5))
    assert require_mirror_image(scanner, "it") is scanner
    odd = Scanner.cartesian(shape=(5, 5), drive_frequency=(27.5e3, 0.5e3))
    with pytest.raises(ValueError, match=r"it needs an even number of samples and of cycles .* got 4950 and 55"):
        require_mirror_image(odd, "it")


@pytest.mark.parametrize("samples", [16, 17])
def test_sine_lines_hold_the_odd_part_alone(samples):
    u = np.random.default_rng(1).standard_normal((4, samples))
    np.testing.assert_allclose(from_sine_lines(sine_lines(u), samples), odd_part(u), atol=1e-6)
    np.testing.assert_allclose(np.sum(sine_lines(u) ** 2, axis=1), np.sum(odd_part(u) ** 2, axis=1), rtol=1e-5)


def test_clean_signals_of_cosine_drive_are_odd_and_those_of_sine_drive_are_not():
    """What a scanner answers is what its signals do."""
    for scanner, odd in (
        (Scanner.cartesian(shape=(5, 5)), True),
        (Scanner.lissajous(shape=(5, 5), drive_phase=(-np.pi / 2, -np.pi / 2)), False),
    ):
        u = system_matrix(scanner, Particle()).T
        share = np.sum(even_part(u) ** 2) / np.sum(u**2)
        assert (share < 1e-10) == odd == (scanner.mirror == 0)
        assert odd or share > 0.3


def test_what_rests_on_the_symmetry_refuses_a_scanner_without_it():
    assert require_odd(Scanner.cartesian(), "linear_n2n") == Scanner.cartesian()
    with pytest.raises(
        ValueError, match=r"linear_n2n needs a sequence whose signals are odd, .*got drive_phase \(0.0, 1.0\)"
    ):
        require_odd(Scanner.cartesian(drive_phase=(0.0, 1.0)), "linear_n2n")


SEQUENCES = {
    "cartesian": {"drive_frequency": (25e3, 0.5e3)},
    "slow first": {"drive_frequency": (2.5e3, 25e3)},
    "lissajous": {"drive_frequency": (25e3, 24.75e3)},
    "102 / 96": {"drive_frequency": (2.5e6 / 96, 2.5e6 / 102), "sampling_frequency": 2.5e6},
    "one frequency": {"drive_frequency": (25e3, 25e3)},
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_mixing_orders_are_the_lowest_that_give_the_line(name):
    scanner = Scanner(**SEQUENCES[name], shape=(2, 2))
    m, n = mixing_orders(scanner)
    p, q = (round(f * scanner.period) for f in scanner.drive_frequency)
    line = np.arange(scanner.num_samples // 2 + 1)
    np.testing.assert_array_equal(m * p + n * q, line)
    trial = np.arange(-200, 201)[:, None]
    rest = line - trial * p
    order = np.where(rest % q == 0, np.abs(trial) + np.abs(rest // q), 10**6).min(axis=0)
    assert np.all(np.abs(m) + np.abs(n) <= order)


def test_cosine_drive_turns_no_line():
    assert not sequence_phase(Scanner.cartesian(shape=(2, 2))).any()


@pytest.mark.parametrize("name, left_db", [("cartesian", 45), ("lissajous", 45), ("102 / 96", 25)])
@pytest.mark.parametrize("phase", [(-np.pi / 2, -np.pi / 2), (0.3, -1.1)], ids=["sine", "any"])
def test_turned_back_a_signal_is_that_of_cosine_drive(name, left_db, phase):
    """The simulated signals of both, for which no mixing order is counted. Those of points have more high orders."""
    cosine = Scanner(**SEQUENCES[name], shape=(31, 31))
    turned = Scanner(**SEQUENCES[name], shape=(31, 31), drive_phase=phase)
    phantoms = random_phantoms(20, (31, 31), 0).reshape(20, -1)
    expected, u = (np.fft.rfft(phantoms @ system_matrix(s, Particle()).T, axis=1) for s in (cosine, turned))
    back = np.exp(-1j * sequence_phase(turned)) * u
    left, before = (np.sum(np.abs(found - expected) ** 2) / np.sum(np.abs(expected) ** 2) for found in (back, u))
    assert -10 * np.log10(left) > left_db
    assert before > 0.1


# Sequences in general


@pytest.mark.parametrize("name", SEQUENCES)
def test_the_lowest_order_of_tones_is_that_of_two_frequencies(name):
    """As low as that of the planar scanner, on the line that it says, for all lines that an order reaches."""
    scanner = Scanner(**SEQUENCES[name], drive_phase=(0.3, -1.1))
    orders, m, n = tone_orders(scanner.sequence), *mixing_orders(scanner)
    lines = orders @ np.array(scanner.sequence.cycles)
    reached = lines == np.arange(len(lines))
    assert reached.all() or not orders[~reached].any()
    np.testing.assert_array_equal(np.abs(orders).sum(axis=1)[reached], (np.abs(m) + np.abs(n))[reached])


SYSTEMS = {
    "sine": System(Sequence.sines((20, 16), 12e-3, (-1, -1, 2)), (1, 7, 7), (0.03, 0.03, 0)),
    "three axes": System(Sequence.sines((20, 16, 18), 12e-3, (-1, -1, 2)), (3, 5, 5), (0.03, 0.03, 0.01)),
    "two tones": System(
        Sequence(2.5e6, ((Tone(20, 1e-2, 0.4), Tone(25, 2e-3, 1.0)),), (-1, -1, 2)), (1, 1, 9), (0.03, 0, 0)
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_phase_of_a_sequence_turns_its_signals_odd(name):
    """Without a mirror, up to what the higher orders of each line add; before that they are mostly even."""
    system = SYSTEMS[name]
    objects = np.random.default_rng(0).random((3, len(system.grid)))
    u = signals(system, Particle(20e-9), objects)[:, 0]
    turned = filtered(u, np.exp(-1j * sequence_phase(system.sequence)))
    assert np.sum(odd_part(turned) ** 2) / np.sum(turned**2) > 0.999
    assert np.sum(odd_part(u) ** 2) / np.sum(u**2) < 0.9 and not is_odd(system.sequence)


def test_a_mirrored_sequence_is_turned_exactly():
    """A mirror between two samples is a delay by half a sample, of all orders alike."""
    tones = tuple((Tone(n, 12e-3, -2 * np.pi * 4.5 / n),) for n in (20, 16))
    system = System(Sequence(2.5e6, tones, (-1, -1, 2)), (1, 5, 5), (0.03, 0.03, 0))
    u = signals(system, Particle(), np.random.default_rng(1).random((3, 25)))[:, 1]
    turned = filtered(u, np.exp(-1j * sequence_phase(system.sequence)))
    assert np.sum(even_part(turned) ** 2) / np.sum(turned**2) < 1e-9
    with pytest.raises(ValueError, match=r"mirrored about sample 4.5, where signals of x, y, z are odd, odd, odd"):
        require_odd(system.sequence, "linear_n2n")


ODD = ("antisymmetric", "linear_n2n", "singular_values", "wiener_antisymmetric")


@pytest.mark.parametrize("name", ODD)
def test_methods_of_odd_signals_refuse_other_sequences(name):
    """Planar or not; where the sequence is not known, the even parts of two periods tell."""
    assert denoisers.find(name).needs_odd
    cosine = Sequence(2.5e6, ((Tone(20, 12e-3),), (Tone(16, 12e-3),)), (-1, -1, 2))
    denoisers.create(name, sequence=cosine)
    denoisers.create(name, sequence=Scanner.cartesian())
    for sequence in (SYSTEMS["sine"].sequence, Sequence.open_data(), Scanner.cartesian(drive_phase=(SINE, SINE))):
        with pytest.raises(ValueError, match=f"{name} needs a sequence whose signals are odd"):
            denoisers.create(name, sequence=sequence)


SINE_DRIVE = System(Sequence.sines((51, 48), 12e-3, (-1, -1, 2)), (1, 7, 7), (0.03, 0.03, 0))


@pytest.fixture(scope="module")
def sine_pairs():
    """Two noisy periods of signals of sine drive, and the clean ones."""
    rng, system = np.random.default_rng(2), SINE_DRIVE
    clean = signals(system, Particle(), rng.random((60, len(system.grid))) ** 4)
    noisy = record(clean, deviation(clean, 5.0), rng)[:, :, 0]
    return noisy[:, 0], noisy[:, 1], clean[:, 0]


@pytest.mark.parametrize("name", ODD)
def test_no_signal_is_projected_away_in_silence(name, sine_pairs):
    u1, u2, _ = sine_pairs
    with pytest.warns(SharedNoiseWarning, match="because the sequence is not mirrored in its first sample"):
        denoisers.create(name).fit(u1, u2)


@pytest.mark.parametrize("name", ["antisymmetric", "linear_n2n"])
def test_the_turned_methods_adapt_to_any_sequence(name, sine_pairs):
    """With the sequence the projection keeps the signal, and without it loses most of it."""
    u1, u2, clean = sine_pairs
    turned = denoisers.create(f"turned_{name}", sequence=SINE_DRIVE.sequence)
    assert not turned.needs_odd

    def snr_db(found):
        return 10 * np.log10(np.sum(clean**2) / np.sum((found - clean) ** 2))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted = snr_db(turned.fit(u1, u2).denoise(u1))
    assert adapted > snr_db(u1) + 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert snr_db(denoisers.create(name).fit(u1, u2).denoise(u1)) < 3


def test_projected_output_asks_for_the_sequence_too():
    with pytest.raises(ValueError, match="noisy, projected, needs a sequence whose signals are odd"):
        Projected(denoisers.create("noisy"), Sequence.open_data())
