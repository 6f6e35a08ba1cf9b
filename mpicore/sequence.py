"""The fields of a scan in general: drive channels of several frequencies, a selection field, an offset; and their mirror.

The field is B(r, t) = D(t) + B0 + G r, with D_i(t) = sum of A cos(2 pi f t + phi) over the tones of drive channel i,
each f a base frequency over a whole divider. So a gradient has the sign that it has in the format MDF; the planar
:class:`mpicore.scanner.Scanner`, whose field is D - G r, is the one with the opposite signs.

Conventions: fields are given as mu0 H in tesla (written T/mu0), gradients in T/m/mu0, lengths in metres.
"""

import itertools
import math
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from mpicore import checks

if TYPE_CHECKING:
    from mpicore.mdf import Recording

Float64 = NDArray[np.float64]
Vector = tuple[float, float, float]
_AXES = range(3)
_TURN = 1e-9  #: phases agree when they differ by less than this share of a turn
_PERIOD = 1e-6  #: relative difference of two lengths of the period that is rounding


@dataclass(frozen=True)
class Tone:
    """One sinusoid of a drive channel: A cos(2 pi f t + phi) with f = base frequency / divider.

    Args:
        divider: of the base frequency.
        amplitude: A [T/mu0].
        phase: phi [rad]; 0 is a cosine, -pi/2 a sine.

    Raises:
        ValueError: a value that is out of range.
    """

    divider: int
    amplitude: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        checks.count(self.divider, "divider")
        checks.at_least(self.amplitude, "amplitude", 0)
        checks.finite(self.phase, "phase")


class Mirror(NamedTuple):
    """A time about which every signal of a sequence is mirrored: u_i(2 t0 - t) = s_i u_i(t).

    Attributes:
        time: t0 [s], at least 0 and below half a period; half a period later the mirror returns.
        sample: the same in samples; a whole number or a half maps samples to samples.
        signs: s_i of the signals of x, y and z coils: -1 odd, 1 even.
    """

    time: float
    sample: float
    signs: tuple[int, int, int]

    @property
    def odd(self) -> bool:
        """Whether every signal is odd about it."""
        return self.signs == (-1, -1, -1)


@dataclass(frozen=True)
class Sequence:
    """Drive fields, selection field and offset of one period, and its samples.

    Args:
        base_frequency: that the dividers of the tones divide [Hz].
        drive: the tones of the channels along x, y and z, one to three; an empty channel has no field.
        gradient: G of the selection field, 3 x 3, or its diagonal [T/m/mu0]; of either sign, zeros included.
        offset: B0 [T/mu0].
        num_samples: V of one period; that of sampling at the base frequency by default.

    Raises:
        ValueError: a value that is out of range, a number of channels that is not 1 to 3, no tone at all, or a tone
            above half the sampling frequency.

    Example:
        >>> Sequence.open_data().num_samples, Sequence.open_data().mirror
        (53856, None)
    """

    base_frequency: float
    drive: tuple[tuple[Tone, ...], ...]
    gradient: tuple[Vector, Vector, Vector]
    offset: Vector = (0.0, 0.0, 0.0)
    num_samples: int = 0

    def __post_init__(self) -> None:
        raise NotImplementedError

    @classmethod
    def sines(
        cls, dividers: Listed[int], amplitude: float, gradient: Listed[float], base_frequency: float = 2.5e6
    ) -> "Sequence":
        """Sine drive, one tone of the same amplitude per channel."""
        raise NotImplementedError

    @classmethod
    def open_data(cls) -> "Sequence":
        """The sequence of OpenMPIData: 2.5 MHz over 102, 96 and 99, 12 mT, gradients -1, -1, 2 T/m, sine drive."""
        return cls.sines((102, 96, 99), 12e-3, (-1.0, -1.0, 2.0))

    @classmethod
    def from_mdf(cls, recording: "Recording", period: int = 0) -> "Sequence":
        """The sequence of one period of a recording: its drive field, gradient, offset field and samples.

        Raises:
            ValueError: no drive field or gradient; what cannot be described: other waveforms than sine, more than three
                drive channels, an untold frequency, a field that changes within a period, samples that are not one
                cycle of the drive field.
        """
        raise NotImplementedError

    @property
    def period(self) -> float:
        """Length of one period T [s]: the least common multiple of the dividers over the base frequency."""
        raise NotImplementedError

    @property
    def sampling_frequency(self) -> float:
        """Samples per second [Hz]."""
        return self.num_samples / self.period

    @cached_property
    def drive_field(self) -> Float64:
        """D(t) at the samples of one period, shape (V, 3) [T/mu0]."""
        raise NotImplementedError

    @cached_property
    def drive_rate(self) -> Float64:
        """dD/dt at the samples of one period, shape (V, 3) [T/s/mu0]."""
        raise NotImplementedError

    @property
    def free_dimensions(self) -> int:
        """Dimensions of the field-free region: 0 a field-free point, 1 a field-free line, 3 no gradient."""
        raise NotImplementedError

    @cached_property
    def mirror(self) -> Mirror | None:
        """The first time about which every signal is mirrored, whatever the object; ``None`` where there is none."""
        raise NotImplementedError
