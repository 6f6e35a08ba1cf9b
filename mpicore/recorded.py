"""What a recording says of its drive fields, for methods that use the symmetry of a sequence."""

import numpy as np
from numpy.typing import NDArray

from mpicore.assumptions import drive_phase
from mpicore.mdf import Recording


def drive_phase_of(recording: Recording) -> NDArray[np.float64] | None:
    """Phase that the drive fields give each line [rad], shape (V // 2 + 1,); ``None`` where the file does not tell."""
    if recording.drive is None or recording.layout is None:
        return None
    return drive_phase(recording.drive, recording.shape[3], 2 * recording.receiver.bandwidth)
