"""The phase that the drive fields of a recording give each spectral line, for methods that use the symmetry."""

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf import Recording
from mpicore.sequence import Sequence
from mpicore.symmetry import sequence_phase


def of_recording(recording: Recording) -> NDArray[np.float64] | None:
    """Phase of each line [rad], shape (V // 2 + 1,), by :func:`mpicore.symmetry.sequence_phase`.

    ``None`` where the file does not tell the sequence, or tells one that cannot be described: methods then see signals
    as they are, and what is checked of the symmetry says whether they may.
    """
    try:
        return sequence_phase(Sequence.from_mdf(recording))
    except ValueError:
        return None
