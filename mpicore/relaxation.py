"""Relaxation: the magnetisation follows the field late, tau dM/dt = M_eq - M (first-order Debye model).

With cosine drive a signal in equilibrium is odd, so its spectrum is imaginary. Relaxation multiplies each line by
1 / (1 + i omega tau): the symmetry is lost, but in a way that a single number describes, and two noisy periods tell it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.recordings import Recordings

Array = NDArray[np.floating[Any]]


def debye_relaxation(u: Array, relaxation_time: float, sampling_frequency: float) -> Array:
    """Periodic signals as they are with relaxation: each line times 1 / (1 + i omega tau), smaller and later.

    Args:
        u: signals in equilibrium, shape (n, N).
        relaxation_time: tau [s], at least 0.
        sampling_frequency: [Hz].

    Returns:
        Shape (n, N), in the dtype of ``u``.
    """
    return _times(u, 1 / (1 + 1j * _angular(u, sampling_frequency) * relaxation_time))


def without_relaxation(u: Array, relaxation_time: float, sampling_frequency: float) -> Array:
    """The inverse of :func:`debye_relaxation`: u + tau du/dt. Noise grows with its frequency.

    The line at half the sampling frequency, which cannot hold a phase, is the only one that does not come back.
    """
    return _times(u, 1 + 1j * _angular(u, sampling_frequency) * relaxation_time)


def estimate_relaxation_time(pairs: Recordings, sampling_frequency: float) -> float:
    """Tau [s] from two noisy periods of each object; no scanner and no clean signal is needed.

    Spectra of signals that are odd in equilibrium obey Re U = omega tau Im U in every line. The least-squares fit of
    tau to that has Re U and Im U from different periods, in which the noises do not agree:

        tau = sum omega (Re U1 Im U2 + Re U2 Im U1) / (2 sum omega^2 Im U1 Im U2),

    where both sums run over objects, and over the lines that are mostly signal: those in which the periods share more
    than half of their power. Noise draws the estimate down a little where it is so strong that it decides which lines
    these are. What is alike in both periods and is no signal, such as interference that is locked in phase, spoils it.

    Args:
        pairs: of signals of cosine drive, see :class:`mpicore.recordings.Recordings`.
        sampling_frequency: [Hz].

    Returns:
        tau, at least 0; 0 where no line is mostly signal.
    """
    mixed = imaginary = common = power = 0.0
    for start in range(0, len(pairs), 500):
        block = (u[start : start + 500] for u in (pairs.u1, pairs.u2))
        first, second = (np.fft.rfft(u, axis=1).astype(np.complex128) for u in block)
        mixed = mixed + (first * second).imag.sum(axis=0) / 2
        imaginary = imaginary + (first.imag * second.imag).sum(axis=0)
        common = common + (first * second.conj()).real.sum(axis=0)
        power = power + (np.abs(first) ** 2 + np.abs(second) ** 2).sum(axis=0) / 2
    omega = _angular(pairs.u1, sampling_frequency) * (common > power / 2)
    denominator = np.sum(omega**2 * imaginary)
    return max(float(np.sum(omega * mixed) / denominator), 0.0) if denominator > 0 else 0.0


def _angular(u: Array, sampling_frequency: float) -> NDArray[np.floating[Any]]:
    return 2 * np.pi * np.fft.rfftfreq(u.shape[1], 1 / sampling_frequency)


def _times(u: Array, factor: NDArray[Any]) -> Array:
    return np.fft.irfft(np.fft.rfft(u, axis=1) * factor, u.shape[1], axis=1).astype(u.dtype)
