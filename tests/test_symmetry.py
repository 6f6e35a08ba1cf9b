"""The odd symmetry: projection, coordinates, and scanners that do not have it."""

import numpy as np
import pytest

from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.symmetry import even_part, from_sine_lines, mirror, odd_part, require_odd, sine_lines


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
