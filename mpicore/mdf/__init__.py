"""Files of the Magnetic Particle Imaging Data Format (MDF 2.1), which is HDF5: read, changed and written.

A file is read, its signals are denoised piece by piece, and all else is kept::

    recording = mdf.read("measurement.mdf")
    step = mdf.Provenance("my filter", {"width": 3})
    mdf.write(recording.mapped(denoise, step), "denoised.mdf")

A file that nobody has read before comes from :func:`mpicore.mdf.creating.create`.

The format: T. Knopp et al., MDF: Magnetic Particle Imaging Data Format, arXiv:1602.06072, version 2.1.0.
"""

from mpicore.mdf.creating import calibration_layout, create, integer_conversion
from mpicore.mdf.description import (
    Acquisition,
    Calibration,
    Drive,
    Experiment,
    Processing,
    Provenance,
    Receiver,
    Scanner,
    Study,
    Tracer,
)
from mpicore.mdf.layout import Layout
from mpicore.mdf.reconstruction import write_images
from mpicore.mdf.recording import Recording, read
from mpicore.mdf.writing import write

__all__ = [
    "Acquisition",
    "Calibration",
    "Drive",
    "Experiment",
    "Layout",
    "Processing",
    "Provenance",
    "Receiver",
    "Recording",
    "Scanner",
    "Study",
    "Tracer",
    "calibration_layout",
    "create",
    "integer_conversion",
    "read",
    "write",
    "write_images",
]
