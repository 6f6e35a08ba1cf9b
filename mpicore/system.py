"""A scanner in general, of one to three axes: the fields of its sequence, a grid of voxels, and receive channels.

The planar :class:`mpicore.scanner.Scanner` is the special case on which the methods of this project are studied. What
can be described here is simulated by :mod:`mpicore.responses`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.sequence import Sequence, Vector, vector

if TYPE_CHECKING:
    from mpicore.mdf import Recording

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class System:
    """A sequence, the voxels that it scans, and the channels that receive.

    Args:
        sequence: of the fields.
        shape: voxels (nz, ny, nx); (1, ny, nx) is a plane, (1, 1, nx) a line.
        fov: extent along x, y and z from the first to the last voxel centre [m]; not used where there is one voxel.
        center: of the field of view [m].
        coils: sensitivity of each of the C channels along x, y and z, shape (C, 3); one along each drive axis by
            default.
        transfer_function: magnitude and phase of each channel and line, shape (C, V // 2 + 1), complex; ``None`` for
            the induced signal itself.

    Raises:
        ValueError: a value that is out of range, or not of its shape.

    Example:
        >>> System.open_data().grid.shape
        (6859, 3)
    """

    sequence: Sequence
    shape: tuple[int, int, int]
    fov: Vector
    center: Vector = (0.0, 0.0, 0.0)
    coils: Float64 | None = None
    transfer_function: NDArray[np.complex128] | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3:
            raise ValueError(f"shape must be three whole numbers (nz, ny, nx), got {self.shape!r}")
        nz, ny, nx = (checks.count(side, "shape") for side in self.shape)
        object.__setattr__(self, "shape", (nz, ny, nx))
        object.__setattr__(self, "fov", vector(self.fov, "fov"))
        object.__setattr__(self, "center", vector(self.center, "center"))
        for side, extent in zip((nx, ny, nz), self.fov, strict=True):
            if side > 1:
                checks.positive(extent, "fov")
        coils = np.eye(3)[: len(self.sequence.drive)] if self.coils is None else np.array(self.coils, np.float64)
        if coils.ndim != 2 or coils.shape[1] != 3 or not coils.any(axis=1).all() or not np.isfinite(coils).all():
            raise ValueError(f"coils must be directions other than 0, shape (C, 3), got {self.coils!r}")
        object.__setattr__(self, "coils", coils)
        if self.transfer_function is not None:
            gains = np.array(self.transfer_function, np.complex128)
            expected = len(coils), self.sequence.num_samples // 2 + 1
            if gains.shape != expected or not np.isfinite(gains).all():
                raise ValueError(
                    f"transfer_function must be finite and have the shape {expected}, got {gains.shape}"
                    + (", not finite" if gains.shape == expected else "")
                )
            object.__setattr__(self, "transfer_function", gains)

    @classmethod
    def open_data(cls, shape: tuple[int, int, int] = (19, 19, 19)) -> "System":
        """The system of OpenMPIData with three receive channels, on 19 voxels of 2, 2 and 1 mm along x, y and z."""
        return cls(Sequence.open_data(), shape, (36e-3, 36e-3, 18e-3))

    @classmethod
    def from_mdf(
        cls,
        recording: "Recording",
        shape: tuple[int, int, int] | None = None,
        fov: Vector | None = None,
        period: int | None = None,
    ) -> "System":
        """The system of a recording: its sequence, one coil per receive channel along x, y, z, the transfer function.

        The grid is that of the calibration, whose field of view goes from edge to edge of the voxels, unless ``shape``
        and ``fov`` are given. The transfer function is that of the header times the induction factor, if the signals
        are not corrected for it.

        Args:
            recording: or any header.
            shape, fov, period: as above and in :meth:`mpicore.sequence.Sequence.from_mdf`.

        Raises:
            ValueError: as :meth:`mpicore.sequence.Sequence.from_mdf`; no grid, more than three receive channels, a
                transfer function of another number of lines.
        """
        sequence = Sequence.from_mdf(recording, period)
        calibration, receiver = recording.calibration, recording.receiver
        center: Vector = (0.0, 0.0, 0.0)
        if shape is None or fov is None:
            if calibration is None or calibration.size is None or calibration.field_of_view is None:
                raise ValueError(f"{recording.path} has no grid of a calibration, so shape and fov must be given")
            nx, ny, nz = calibration.size
            shape = nz, ny, nx
            fov = vector(calibration.field_of_view * (1 - 1 / np.array(calibration.size)), "fov")
            if calibration.field_of_view_center is not None:
                center = vector(calibration.field_of_view_center, "center")
        if receiver.channels > 3:
            raise ValueError(f"{recording.path}: a file tells the coils of 1 to 3 channels, got {receiver.channels}")
        gains = receiver.transfer_function
        if recording.processing is not None and recording.processing.transfer_function_corrected:
            gains = None
        if gains is not None:
            gains = np.where(np.isfinite(gains), gains, 0)  # as at zero frequency, where nothing is received
            if receiver.induction_factor is not None:
                gains = gains * receiver.induction_factor[:, None]
        return cls(sequence, shape, fov, center, np.eye(3)[: receiver.channels], gains)

    @property
    def sensitivities(self) -> Float64:
        """The coils of the C channels, shape (C, 3)."""
        assert self.coils is not None
        return self.coils

    @property
    def channels(self) -> int:
        """C."""
        return len(self.sensitivities)

    @property
    def voxel_axes(self) -> tuple[Float64, Float64, Float64]:
        """Voxel centres along x, shape (nx,), along y, (ny,), and along z, (nz,) [m]."""
        x, y, z = (
            middle + (np.linspace(-extent / 2, extent / 2, side) if side > 1 else np.zeros(1))
            for middle, extent, side in zip(self.center, self.fov, self.shape[::-1], strict=True)
        )
        return x, y, z

    @property
    def grid(self) -> Float64:
        """Voxel centres, columns x, y and z, x running fastest, shape (P, 3) with P = nz ny nx [m]."""
        z, y, x = np.meshgrid(*self.voxel_axes[::-1], indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)

    @property
    def frequencies(self) -> Float64:
        """Of the spectral lines of one period, shape (V // 2 + 1,) [Hz]."""
        return np.arange(self.sequence.num_samples // 2 + 1) / self.sequence.period
