"""Phase of the receive chain in each line, from two noisy periods alone; and its gain, where the signals are known.

Signals of cosine drive are odd, so their spectra are imaginary, and a chain H makes U = i X H of them with a real X. In
the product of two periods, U1 U2 = -X^2 H^2, the sign of X is gone and the noises do not agree: summed over objects,
-U1 U2 has twice the phase of the chain. No scanner and no clean signal is needed, and relaxation of the particles is
undone by the same phase.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.recordings import Recordings, rms

Array = NDArray[np.floating[Any]]
Complex = NDArray[np.complex128]
SMOOTH = 41  #: lines over which a chain changes little, in a period of many
MANY = 800  #: lines of such a period
_WIDTHS = (1, 3, 5, 9, 15, 25, SMOOTH)  #: among which shorter periods choose
_OBJECTS = 8  #: from which on they can
_ALIKE = 1e-3  #: of the cosine, by which widths do not differ
_FINER = 4  #: steps per sample in which a delay is sought
_LEAST, _MOST = 0.05, 20.0  #: gains beyond these are not believed


def line_phase(pairs: Recordings) -> NDArray[np.float64]:
    """Phase of the chain in each line [rad], shape (N // 2 + 1,); between -pi/2 and pi/2 in the strongest line.

    It is estimated in the lines that are mostly signal, in which the periods share more than half of their power, and
    interpolated between them. The delay that all lines share is found first, as the peak of the product's inverse
    transform; what is left of the phase is smoothed over neighbouring lines and held beyond the last. The sign of the
    chain stays open: an odd signal is odd with either.

    Without a line that is mostly signal there is no phase to tell (:func:`told`), and all are 0.
    """
    product, good = _shared(pairs)
    return _phase(product, good, smoothing(pairs), pairs.u1.shape[1])


def told(pairs: Recordings) -> bool:
    """Whether any line is mostly signal, so that its phase can be told."""
    return bool(_shared(pairs)[1].any())


def smoothing(pairs: Recordings) -> int:
    """Over how many lines the phase is smoothed.

    They are :data:`SMOOTH` in a period of :data:`MANY` lines. In a shorter one a chain may turn over few lines. There
    the phase from one half of the objects is compared with that of the other half in each line that is mostly signal,
    by the mean cosine of twice their difference, and the width is that of the largest; the widest of those within a
    thousandth. Fewer than eight objects tell none, and have a twentieth of all lines.
    """
    lines = pairs.u1.shape[1] // 2 + 1
    if lines >= MANY:
        return SMOOTH
    n, samples = pairs.u1.shape
    half = n // 2
    parts = [_shared(Recordings(pairs.u1[rows], pairs.u2[rows])) for rows in (slice(half), slice(half, n))]
    if n < _OBJECTS or not all(good.any() for _, good in parts):
        return lines // 20 | 1
    score = {}
    for width in (width for width in _WIDTHS if width <= lines):
        made = [_phase(*part, width, samples) for part in parts]
        turned = [np.cos(np.angle(p) - 2 * phase)[good] for phase, (p, good) in zip(made, parts[::-1], strict=True)]
        score[width] = float(np.concatenate(turned).mean())
    return max(width for width, value in score.items() if value >= max(score.values()) - _ALIKE)


def _phase(product: Complex, good: NDArray[np.bool_], width: int, samples: int) -> NDArray[np.float64]:
    """The phase of the chain from the product of two periods, smoothed over so many lines."""
    if not good.any():
        return np.zeros(len(product))
    chosen = np.flatnonzero(good)
    # A delay turns neighbouring lines against each other, so it is taken off before they are smoothed together.
    delayed = np.abs(np.fft.irfft(np.where(good, product, 0), _FINER * samples))
    shift = np.fft.fftfreq(_FINER * samples)[np.argmax(delayed)] * samples  # of both periods together [samples]
    ramp = 2 * np.pi * np.arange(len(product)) * shift / samples
    straight = np.unwrap(np.angle(_smoothed(product * np.exp(1j * ramp), width)[chosen]))
    phase = (np.interp(np.arange(len(product)), chosen, straight) - ramp) / 2
    strongest = chosen[np.argmax(np.abs(product[chosen]))]
    return phase - np.pi * np.round(phase[strongest] / np.pi)


def line_gain(pairs: Recordings, denoise: Callable[[Array], Array]) -> NDArray[np.float64]:
    """Gain of the chain in each line against signals of a model, shape (N // 2 + 1,).

    The regression of one period on what the model makes of the other: sum Re(U2 conj(S1)) / sum abs(S1)^2 over objects
    and neighbouring lines, and its swap. It is 1 where the model is right. As the phase, it is estimated in the lines
    that are mostly signal, and interpolated between them.

    Args:
        pairs: two noisy periods of each object, with the phase of the chain undone.
        denoise: signals (n, N) to signals that the scanner can produce.
    """
    mixed: Any = 0.0
    power: Any = 0.0
    for part in pairs.blocks():
        scale = rms(part.u1, name="u1")
        periods = [u / scale for u in part.arrays]
        spectra = [np.fft.rfft(u, axis=1).astype(np.complex128) for u in periods]
        models = [np.fft.rfft(denoise(u), axis=1).astype(np.complex128) for u in periods]
        for seen, made in ((spectra[0], models[1]), (spectra[1], models[0])):
            mixed = mixed + (seen * made.conj()).real.sum(axis=0)
            power = power + (np.abs(made) ** 2).sum(axis=0)
    _, good = _shared(pairs)
    top, bottom = _smoothed(np.where(good, mixed, 0)), _smoothed(np.where(good, power, 0))
    chosen = np.flatnonzero(good & (bottom > 0))
    if not chosen.size:
        return np.ones(len(good))
    gain = np.clip(top[chosen] / bottom[chosen], _LEAST, _MOST)
    return np.interp(np.arange(len(good)), chosen, gain)


def _shared(pairs: Recordings) -> tuple[Complex, NDArray[np.bool_]]:
    """Sum over objects of -U1 U2 in each line, and whether a line is mostly signal."""
    product: Any = 0.0
    common: Any = 0.0
    power: Any = 0.0
    for part in pairs.blocks():
        scale = rms(part.u1, name="u1")
        first, second = (np.fft.rfft(u / scale, axis=1).astype(np.complex128) for u in part.arrays)
        product = product - (first * second).sum(axis=0)
        common = common + (first * second.conj()).real.sum(axis=0)
        power = power + (np.abs(first) ** 2 + np.abs(second) ** 2).sum(axis=0) / 2
    good = common > power / 2
    good[[0, -1]] = False  # no phase at zero frequency, nor at half the sampling frequency
    return product, good


def filtered(u: Array, response: Complex) -> Array:
    """Periodic signals u (n, N) with each line times a complex number, shape (N // 2 + 1,); in the dtype of ``u``.

    Raises:
        ValueError: another number of lines; NaN or infinite values.
    """
    u = checks.signals(u, "u")
    samples = u.shape[1]
    response = checks.numbers(response, "response", dimensions=(1,), complex_too=True)
    if len(response) != samples // 2 + 1:
        raise ValueError(f"response must be one for each of {samples // 2 + 1} lines, got {len(response)}")
    return np.fft.irfft(np.fft.rfft(u, axis=1) * response, samples, axis=1).astype(u.dtype)


def _smoothed(lines: NDArray[Any], width: int = SMOOTH) -> NDArray[Any]:
    from scipy.signal import fftconvolve  # takes as long to load as the rest of the library

    return fftconvolve(lines, np.hanning(width + 2)[1:-1], mode="same") if width > 1 else lines
