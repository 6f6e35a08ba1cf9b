"""What a recording says of itself: who, with what, and how. SI units; fields are in T/mu0, as in the format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Study:
    """A series of experiments; what the file does not say is empty or ``None``.

    Attributes:
        name, description, uuid, time: texts.
        number: of the study.
    """

    name: str = ""
    description: str = ""
    uuid: str = ""
    time: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Experiment:
    """One experiment of a study; what the file does not say is empty or ``None``.

    Attributes:
        name, description, subject, uuid: texts.
        number: within the study.
        simulated: the data were computed, not measured.
    """

    name: str = ""
    description: str = ""
    subject: str = ""
    uuid: str = ""
    number: int | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Scanner:
    """The device; what the file does not say is empty or ``None``.

    Attributes:
        name, manufacturer, facility, operator: texts.
        topology: for instance FFP, FFL or MPS.
        bore_size: diameter of the bore [m].
    """

    name: str = ""
    manufacturer: str = ""
    facility: str = ""
    operator: str = ""
    topology: str = ""
    bore_size: float | None = None


@dataclass(frozen=True)
class Tracer:
    """One of the A tracers or injections.

    Attributes:
        name, batch, vendor, solute: texts.
        concentration: amount of the solute per volume [mol/m^3].
        volume: applied in all [m^3].
        injection_time: empty for static phantoms.
    """

    name: str = ""
    batch: str = ""
    vendor: str = ""
    solute: str = ""
    concentration: float | None = None
    volume: float | None = None
    injection_time: str = ""


@dataclass(frozen=True, eq=False)
class Acquisition:
    """The protocol.

    Attributes:
        start_time: UTC.
        averages: blocks that each period is the mean of.
        periods: per frame, J.
        frames: as the file announces, ``None`` where it does not.
        gradient: of the selection field, shape (J, Y, 3, 3) [T/m/mu0].
        offset_field: shape (J, Y, 3) [T/mu0].
    """

    start_time: str
    averages: int
    periods: int
    frames: int | None
    gradient: Floats | None = None
    offset_field: Floats | None = None


@dataclass(frozen=True, eq=False)
class Drive:
    """The drive field: channel d has the sum over f of strength * waveform(2 pi base_frequency / divider t + phase).

    Attributes:
        base_frequency: [Hz].
        divider: shape (D, F); 0 where the file does not tell a frequency.
        strength: shape (J, D, F) [T/mu0].
        phase: shape (J, D, F) [rad].
        waveform: D tuples of F names: sine, triangle or custom.
        cycle: duration of the trajectory [s].
    """

    base_frequency: float
    divider: NDArray[np.int64]
    strength: Floats
    phase: Floats
    waveform: tuple[tuple[str, ...], ...]
    cycle: float

    @property
    def channels(self) -> int:
        """D."""
        return len(self.divider)

    @property
    def frequencies(self) -> Floats:
        """Shape (D, F) [Hz]; NaN where the file does not tell one."""
        divider = np.where(self.divider == 0, np.nan, self.divider)
        return np.asarray(self.base_frequency / divider, np.float64)


@dataclass(frozen=True, eq=False)
class Receiver:
    """The receive channels.

    Attributes:
        bandwidth: half the sampling rate [Hz].
        samples: V, in one period.
        units: of the C channels, for instance V.
        conversion: factor and offset of each channel from stored to physical values, shape (C, 2).
        transfer_function: of each channel and line, shape (C, K), from the coil to the converter.
        induction_factor: from magnetic moment to voltage, shape (C,) [unit/(A m^2)].
    """

    bandwidth: float
    samples: int
    units: tuple[str, ...]
    conversion: Floats | None = None
    transfer_function: NDArray[np.complex128] | None = None
    induction_factor: Floats | None = None

    @property
    def channels(self) -> int:
        """C."""
        return len(self.units)


@dataclass(frozen=True, eq=False)
class Calibration:
    """A system matrix: the foreground frames are positions of a delta sample.

    Attributes:
        method: for instance robot, hybrid or simulation.
        size: voxels along x, y and z, whose product is O.
        order: of the axes in the frames, the fastest first.
        field_of_view, field_of_view_center: along x, y and z, shape (3,) [m].
        delta_sample_size: shape (3,) [m].
        offset_fields: that stand for positions, shape (O, 3) [T/mu0].
        positions: shape (O, 3) [m].
        snr: amplitude ratio of each stored line, shape (J, C, K).
    """

    method: str
    size: tuple[int, int, int] | None = None
    order: str = "xyz"
    field_of_view: Floats | None = None
    field_of_view_center: Floats | None = None
    delta_sample_size: Floats | None = None
    offset_fields: Floats | None = None
    positions: Floats | None = None
    snr: Floats | None = None


@dataclass(frozen=True)
class Processing:
    """What was done to the signals before they were stored.

    Attributes:
        background_corrected: the background is subtracted.
        spectral_leakage_corrected: each frame is made periodic.
        transfer_function_corrected: the receive chain is undone.
    """

    background_corrected: bool = False
    spectral_leakage_corrected: bool = False
    transfer_function_corrected: bool = False


@dataclass(frozen=True)
class Provenance:
    """One step that signals went through.

    Attributes:
        method: its name.
        options: that JSON can hold.
        versions: of the programs.
        digests: SHA-256 of what went in, by name.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
