"""The phase that the drive fields of a recording give each spectral line, for methods that use the symmetry.

A signal is a sum over mixing orders, and each order is that of cosine drive, turned by the phases of the drive fields
(:func:`mpicore.symmetry.sequence_phase` for a :class:`~mpicore.scanner.Scanner`; here for what a file says).
"""

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf import Recording
from mpicore.mdf.description import Drive


def of_recording(recording: Recording) -> NDArray[np.float64] | None:
    """Phase of each line [rad], shape (V // 2 + 1,); ``None`` where the file does not tell it."""
    if recording.drive is None or recording.layout is None:
        return None
    return drive_phase(recording.drive, recording.shape[3], 2 * recording.receiver.bandwidth)


def drive_phase(drive: Drive, samples: int, sampling_frequency: float, most: int = 40) -> NDArray[np.float64] | None:
    """Phase that sinusoidal drive fields give each line [rad], shape (V // 2 + 1,); ``None`` where it is not known.

    That of the lowest mixing order of the line, sum_d m_d f_d with phases sum_d m_d phi_d, where a sine of the format
    is a cosine a quarter turn later.

    Args:
        drive: with one frequency per channel.
        samples: of a period.
        sampling_frequency: [Hz].
        most: the highest sum of abs(m_d) that is looked at.
    """
    if drive.divider.shape[1] != 1 or any(wave != "sine" for row in drive.waveform for wave in row):
        return None
    active = np.flatnonzero(drive.strength[0, :, 0] > 0)
    turns = drive.frequencies[active, 0] * samples / sampling_frequency
    if not len(active) or len(active) > 3 or np.abs(turns - np.round(turns)).max() > 1e-6:
        return None
    cycles, phases = np.round(turns).astype(int), drive.phase[0, active, 0] - np.pi / 2
    axis = np.arange(-most, most + 1)
    orders = np.stack(np.meshgrid(*[axis] * len(active), indexing="ij"), axis=-1).reshape(-1, len(active))
    size = np.abs(orders).sum(axis=1)
    orders = orders[np.argsort(size, kind="stable")][: np.count_nonzero(size <= most)]
    lines = orders @ cycles
    inside = (lines >= 0) & (lines <= samples // 2)
    number, first = np.unique(lines[inside], return_index=True)
    found = np.zeros(samples // 2 + 1)
    found[number] = (orders[inside] @ phases)[first]
    return found
