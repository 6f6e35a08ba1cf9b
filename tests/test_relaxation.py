"""Relaxation: its equation."""

import numpy as np

from mpicore.relaxation import debye_relaxation

FS, TAU = 2.475e6, 3e-6


def test_relaxation_solves_its_differential_equation():
    """tau du/dt + u = u_eq for band-limited signals, with the derivative taken in the spectrum."""
    spectrum = np.zeros((2, 251), complex)
    spectrum[:, 1:40] = 1j * np.random.default_rng(0).standard_normal((2, 39))
    u_eq = np.fft.irfft(spectrum, 500, axis=1)
    u = debye_relaxation(u_eq, TAU, FS)
    rate = np.fft.irfft(np.fft.rfft(u, axis=1) * 2j * np.pi * np.fft.rfftfreq(500, 1 / FS), 500, axis=1)
    np.testing.assert_allclose(TAU * rate + u, u_eq, atol=1e-9)
    np.testing.assert_allclose(debye_relaxation(u_eq, 0.0, FS), u_eq, atol=1e-12)
