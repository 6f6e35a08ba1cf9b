"""Files of the Magnetic Particle Imaging Data Format (MDF 2.1), which is HDF5: read, changed and written.

The format: T. Knopp et al., MDF: Magnetic Particle Imaging Data Format, arXiv:1602.06072, version 2.1.0.
"""

from mpicore.mdf.description import Processing, Provenance
from mpicore.mdf.recording import Recording, read
from mpicore.mdf.writing import write

__all__ = ["Processing", "Provenance", "Recording", "read", "write"]
