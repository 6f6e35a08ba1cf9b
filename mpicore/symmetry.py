"""The odd symmetry u(T - t) = -u(t) of signals of cosine drive (eq. 4), and coordinates for odd signals."""

import numpy as np


def odd_part(u):
    """(u[k] - u[N-k]) / 2 of signals (n, N), with indices modulo N; float32."""
    mirrored = np.roll(u[:, ::-1], 1, axis=1)
    return ((u - mirrored) / 2).astype(np.float32)


def sine_lines(u) -> np.ndarray:
    """Coefficients of signals (n, N) on the orthonormal sines sqrt(2/N) sin(2 pi m k / N); (n, (N - 1) // 2), float32.

    They hold the whole odd part of a signal; u[0] and u[N/2] of an odd signal are zero.
    """
    samples = u.shape[1]
    blocks = [-np.fft.rfft(u[start : start + 500], axis=1).imag for start in range(0, len(u), 500)]
    return (np.concatenate(blocks)[:, 1 : (samples - 1) // 2 + 1] * np.sqrt(2 / samples)).astype(np.float32)


def from_sine_lines(lines, samples: int) -> np.ndarray:
    """The odd signals (n, N) of these coefficients; float32."""
    spectrum = np.zeros((len(lines), samples // 2 + 1), np.complex64)
    spectrum[:, 1 : lines.shape[1] + 1] = -1j * np.sqrt(samples / 2) * lines
    return np.fft.irfft(spectrum, samples, axis=1).astype(np.float32)
