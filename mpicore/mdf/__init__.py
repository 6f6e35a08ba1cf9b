"""Files of the Magnetic Particle Imaging Data Format (MDF 2.1), which is HDF5: read, changed and written.

A file is read, its signals are denoised piece by piece, and all else is kept::

    recording = mdf.read("measurement.mdf")
    step = mdf.Provenance("my filter", {"width": 3})
    mdf.write(recording.mapped(denoise, step), "denoised.mdf")

The format: T. Knopp et al., MDF: Magnetic Particle Imaging Data Format, arXiv:1602.06072, version 2.1.0.
"""

from mpicore.mdf.description import Processing, Provenance
from mpicore.mdf.recording import Recording, read
from mpicore.mdf.writing import write

__all__ = ["Processing", "Provenance", "Recording", "read", "write"]
