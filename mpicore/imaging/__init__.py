"""Images of a recording, by the system matrix of a calibration of the same scanner.

The lines of all receive channels are the rows of one system, (A x)_k = u_k. Rows are kept by the SNR of the calibration
and weighted by the noise of the recording, min(sigma) / sigma_k, and regularised Kaczmarz solves for x >= 0
(:func:`mpicore.reconstruction.kaczmarz`; Knopp et al., Phys. Med. Biol. 55 (2010) 1577). The unit of x is the amount of
tracer in the sample of the calibration.

The strength of the regularisation is the one with the least noisy error: the image of one half of the periods predicts
the other half, whose noise is its own, so no clean image is needed.
"""

from mpicore.imaging.comparison import compare
from mpicore.imaging.images import Images, described, reconstruct
from mpicore.imaging.rows import Rows, select_rows, system_matrix
from mpicore.imaging.saving import SUFFIXES, check_suffix, save
from mpicore.imaging.settings import Imaging
from mpicore.imaging.solution import CANDIDATES, Solution, choose_lambda, gain, image

__all__ = [
    "CANDIDATES",
    "SUFFIXES",
    "Images",
    "Imaging",
    "Rows",
    "Solution",
    "check_suffix",
    "choose_lambda",
    "compare",
    "described",
    "gain",
    "image",
    "reconstruct",
    "save",
    "select_rows",
    "system_matrix",
]
