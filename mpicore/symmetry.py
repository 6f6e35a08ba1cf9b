"""The odd symmetry u(T - t) = -u(t) of signals of cosine drive (eq. 4), and coordinates for odd signals.

With cosine drive the field-free point retraces its path in the second half of a period, so every clean signal is odd.
In samples, u[N-k] = -u[k] with indices modulo N. A sequence that does not retrace its path from its first sample on has
no such symmetry (:attr:`mpicore.scanner.Scanner.mirror`), and what rests on it refuses the scanner.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
_BLOCK = 500


def require_odd(scanner: Scanner, who: str) -> Scanner:
    """The scanner, if its signals are odd.

    Raises:
        ValueError: they are not; ``who`` names what needs it.
    """
    if scanner.mirror != 0:
        raise ValueError(
            f"{who} needs a sequence whose signals are odd, such as cosine drive (drive_phase 0 or a multiple of pi), "
            f"got drive_phase {scanner.drive_phase}"
        )
    return scanner


def mirror(u: Array) -> Array:
    """u[N-k], with indices modulo N, of signals (n, N).

    Example:
        >>> mirror(np.array([[0.0, 1.0, 2.0, 3.0]]))
        array([[0., 3., 2., 1.]])
    """
    return np.roll(u[:, ::-1], 1, axis=1)


def odd_part(u: Array) -> NDArray[np.float32]:
    """(u[k] - u[N-k]) / 2 of signals (n, N), with indices modulo N; float32."""
    return ((u - mirror(u)) / 2).astype(np.float32)


def even_part(u: Array) -> NDArray[np.float32]:
    """(u[k] + u[N-k]) / 2 of signals (n, N), with indices modulo N; float32. Of a clean odd signal it is zero."""
    return ((u + mirror(u)) / 2).astype(np.float32)


def sine_lines(u: Array) -> NDArray[np.float32]:
    """Coefficients of signals (n, N) on the orthonormal sines sqrt(2/N) sin(2 pi m k / N); (n, (N - 1) // 2), float32.

    They hold the whole odd part of a signal; u[0] and u[N/2] of an odd signal are zero.
    """
    samples = u.shape[1]
    blocks = [-np.fft.rfft(u[start : start + _BLOCK], axis=1).imag for start in range(0, len(u), _BLOCK)]
    return (np.concatenate(blocks)[:, 1 : (samples - 1) // 2 + 1] * np.sqrt(2 / samples)).astype(np.float32)


def from_sine_lines(lines: Array, samples: int) -> NDArray[np.float32]:
    """The odd signals (n, N) of these coefficients; float32."""
    spectrum = np.zeros((len(lines), samples // 2 + 1), np.complex64)
    spectrum[:, 1 : lines.shape[1] + 1] = -1j * np.sqrt(samples / 2) * lines
    return np.fft.irfft(spectrum, samples, axis=1).astype(np.float32)
