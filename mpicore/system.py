"""A scanner in general, of one to three axes: a sequence, a grid of voxels, and receive channels; and its signals.

The receive signal of a channel is the time derivative of the mean magnetisation along its coil, in units of its
saturation [1/s], behind the transfer function of the channel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore.scanner import Particle
from mpicore.sequence import Sequence, Vector

if TYPE_CHECKING:
    from mpicore.mdf import Recording

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class System:
    """A sequence, the voxels that it scans, and the channels that receive.

    Args:
        sequence: of the fields.
        shape: voxels (nz, ny, nx); (1, ny, nx) is a plane, (1, 1, nx) a line.
        fov: extent along x, y and z from the first to the last voxel centre [m]; not used where there is one voxel.
        center: of the field of view [m].
        coils: sensitivity of each of the C channels along x, y and z, shape (C, 3); one coil per drive axis by default.
        transfer_function: of each channel and line, shape (C, V // 2 + 1); ``None`` for the induced signal itself.
    """

    sequence: Sequence
    shape: tuple[int, int, int]
    fov: Vector
    center: Vector = (0.0, 0.0, 0.0)
    coils: NDArray[np.float64] | None = None
    transfer_function: NDArray[np.complex128] | None = None

    @classmethod
    def open_data(cls, shape: tuple[int, int, int] = (19, 19, 19)) -> "System":
        """The system of OpenMPIData, three channels; its grid of 37 x 37 x 18.5 mm^3."""
        raise NotImplementedError

    @classmethod
    def from_mdf(
        cls, recording: "Recording", shape: tuple[int, int, int] | None = None, fov: Vector | None = None
    ) -> "System":
        """The system of a recording: sequence, receive channels, transfer function if the header has it.

        The grid is that of the calibration, unless ``shape`` and ``fov`` are given.
        """
        raise NotImplementedError

    @property
    def channels(self) -> int:
        """C."""
        raise NotImplementedError

    @property
    def grid(self) -> NDArray[np.float64]:
        """Voxel centres, columns x, y and z, x running fastest, shape (P, 3) [m]."""
        raise NotImplementedError

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Of the lines, shape (V // 2 + 1,) [Hz]."""
        raise NotImplementedError


def response_blocks(system: System, particle: Particle, channel: int | None = None) -> Iterator[Float32]:
    """Signals of a unit amount of particles in each voxel, row by row of the grid: pieces of shape (nx, C, V), float32.

    All pieces in turn are the columns of the system matrix, (P, C, V). With a ``channel`` C is 1.
    """
    raise NotImplementedError


def responses(system: System, particle: Particle, channel: int | None = None) -> Float32:
    """All of :func:`response_blocks` at once, shape (P, C, V), float32."""
    raise NotImplementedError


def signals(system: System, particle: Particle, objects: ArrayLike) -> Float32:
    """Clean signals (M, C, V) of objects (M, nz, ny, nx) or (M, P)."""
    raise NotImplementedError


def record(
    system: System, particle: Particle, objects: ArrayLike, snr_db: float, rng: np.random.Generator, periods: int = 2
) -> Float32:
    """Noisy signals (M, J, C, V): white noise of its own in each period, of the given SNR in each channel."""
    raise NotImplementedError
