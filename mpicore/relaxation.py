"""Relaxation: the magnetisation follows the field late, tau dM/dt = M_eq - M (first-order Debye model).

With cosine drive a signal in equilibrium is odd. Relaxation multiplies each line by 1 / (1 + i omega tau), as a receive
chain does: it is undone in the same way (:mod:`mpicore.line_phase`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.line_phase import filtered

Array = NDArray[np.floating[Any]]


def debye_relaxation(u: Array, relaxation_time: float, sampling_frequency: float) -> Array:
    """Periodic signals as they are with relaxation: each line times 1 / (1 + i omega tau), smaller and later.

    Args:
        u: signals in equilibrium, shape (n, N).
        relaxation_time: tau [s], at least 0.
        sampling_frequency: [Hz].

    Returns:
        Shape (n, N), in the dtype of ``u``.

    Raises:
        ValueError: a negative time, a frequency that is not positive; NaN, infinite or complex values.
    """
    u = checks.signals(u, "u")
    checks.at_least(relaxation_time, "relaxation_time", 0)
    checks.positive(sampling_frequency, "sampling_frequency")
    omega = 2 * np.pi * np.fft.rfftfreq(u.shape[1], 1 / sampling_frequency)
    return filtered(u, np.asarray(1 / (1 + 1j * omega * relaxation_time), np.complex128))
