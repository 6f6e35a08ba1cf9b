"""The filters to which schemes of self-supervision lead, line by line.

They are no denoisers of this project: they are given the mean spectrum of clean signals, which no method may see. They
tell what a scheme can do at best, apart from how a network was trained.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks

Array = NDArray[np.floating[Any]]


def n2n_gains(signal: Array, noise: Array) -> Array:
    """Gain of each spectral line that best predicts one period from another with independent noise: Sx / (Sx + Sn).

    Args:
        signal, noise: mean power of the clean signals and of the noise in each line, shape (lines,).

    Raises:
        ValueError: powers that are negative, not finite or of another number; a line with neither.
    """
    signal, noise = _powers(signal=signal, noise=noise)
    return signal / (signal + noise)


def r2r_gains(signal: Array, noise: Array, added: Array, strength: float) -> Array:
    """The same for Recorrupted-to-Recorrupted: it best predicts y - z/a from y + a z, with z independent of y.

    The cross-power of the two is Sx + Sn - Sz and the power of the input Sx + Sn + a^2 Sz. The gain is the Wiener gain
    of the input only where Sz = Sn.

    Args:
        signal, noise: as in :func:`n2n_gains`.
        added: mean power of z in each line, shape (lines,).
        strength: a.

    Raises:
        ValueError: as there.
    """
    signal, noise, added = _powers(signal=signal, noise=noise, added=added)
    return (signal + noise - added) / (signal + noise + strength**2 * added)


def _powers(**powers: Array) -> list[Array]:
    """Mean powers by their names, checked: the first two are of signal and noise."""
    found = [checks.numbers(power, name, dimensions=(0, 1)) for name, power in powers.items()]
    for name, power in zip(powers, found, strict=True):
        if power.shape != found[0].shape or not power.size or (power < 0).any():
            raise ValueError(f"{name} must be powers of at least 0, of shape {found[0].shape}, got {power!r}")
    if not (found[0] + found[1] > 0).all():
        raise ValueError("signal and noise must not both be zero in a line")
    return found
