"""The odd symmetry: projection, coordinates, and scanners that do not have it."""

import numpy as np
import pytest

from mpicore.phantoms import random_phantoms
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.symmetry import (
    even_part,
    from_sine_lines,
    mirror,
    mixing_orders,
    odd_part,
    require_odd,
    sequence_phase,
    sine_lines,
)


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
