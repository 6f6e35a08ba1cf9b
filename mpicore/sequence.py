"""The fields of a scan in general: drive channels of several tones, a selection field, an offset; and their mirror.

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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks

if TYPE_CHECKING:
    from mpicore.mdf import Recording

Float64 = NDArray[np.float64]
Vector = tuple[float, float, float]
Signs = tuple[int, int, int]
SINE = -math.pi / 2  #: phase with which a cosine is a sine [rad]
_TURN = 1e-6  # phases agree when they differ by less than this share of half a turn
_PERIOD = 1e-6  # relative difference of two lengths of the period that is rounding


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


@dataclass(frozen=True)
class Mirror:
    """A time about which every signal of a sequence is mirrored: u_i(2 t0 - t) = s_i u_i(t).

    Attributes:
        time: t0 [s], at least 0 and below half a period; half a period later the mirror returns.
        sample: the same in samples; a whole number or a half maps samples to samples.
        signs: s_i of the signals of x, y and z coils: -1 odd, 1 even.
    """

    time: float
    sample: float
    signs: Signs

    @property
    def odd(self) -> bool:
        """Whether every signal is odd about it."""
        return self.signs == (-1, -1, -1)


@dataclass(frozen=True)
class Symmetry:
    """A repetition of the drive field: D_i(shift + t) = signs_i D_i(t), or D_i(shift - t) where time is reversed.

    Attributes:
        reverse: whether time runs backwards.
        shift: in samples, not always a whole number.
        signs: of x, y and z.
    """

    reverse: bool
    shift: float
    signs: Signs


@dataclass(frozen=True)
class Sequence:
    """Drive fields, selection field and offset of one period, and its samples.

    Args:
        base_frequency: that the dividers of the tones divide [Hz].
        drive: the tones of the channels along x, y and z, one to three; an empty channel has no field.
        gradient: G of the selection field, 3 x 3, or its diagonal [T/m/mu0]; of either sign, zeros included.
        offset: B0 [T/mu0].
        cycle: length of one period in cycles of the base frequency, a multiple of all dividers; their least common
            multiple by default.
        num_samples: V of one period; one per cycle of the base frequency by default.

    Raises:
        ValueError: a value that is out of range, a number of channels that is not 1 to 3, no tone at all, a cycle that
            a divider does not divide, or a tone above half the sampling frequency.

    Example:
        >>> sequence = Sequence.open_data()
        >>> sequence.num_samples, sequence.mirror
        (53856, None)
    """

    base_frequency: float
    drive: tuple[tuple[Tone, ...], ...]
    gradient: tuple[Vector, Vector, Vector]
    offset: Vector = (0.0, 0.0, 0.0)
    cycle: int = 0
    num_samples: int = 0

    def __post_init__(self) -> None:
        checks.positive(self.base_frequency, "base_frequency")
        drive = tuple(tuple(channel) for channel in self.drive)
        if not 1 <= len(drive) <= 3:
            raise ValueError(f"drive must have 1 to 3 channels, got {len(drive)}")
        if not all(isinstance(tone, Tone) for channel in drive for tone in channel):
            raise ValueError(f"drive must hold tones, got {drive!r}")
        object.__setattr__(self, "drive", drive)
        if not self.tones:
            raise ValueError("drive must have at least one tone, got none")
        object.__setattr__(self, "gradient", matrix(self.gradient, "gradient"))
        object.__setattr__(self, "offset", vector(self.offset, "offset"))
        dividers = [tone.divider for _, tone in self.tones]
        if not self.cycle:
            object.__setattr__(self, "cycle", math.lcm(*dividers))
        if any(checks.count(self.cycle, "cycle") % divider for divider in dividers):
            raise ValueError(f"cycle must be a multiple of all dividers {dividers}, got {self.cycle}")
        if not self.num_samples:
            object.__setattr__(self, "num_samples", self.cycle)
        if 2 * max(self.cycles) >= checks.count(self.num_samples, "num_samples"):
            raise ValueError(
                f"num_samples must be more than two per cycle of each tone, {2 * max(self.cycles) + 1} or more, "
                f"got {self.num_samples}"
            )

    @classmethod
    def sines(
        cls, dividers: Listed[int], amplitude: float, gradient: Listed[float], base_frequency: float = 2.5e6
    ) -> "Sequence":
        """Sine drive: one tone of the same amplitude [T/mu0] per channel."""
        drive = tuple((Tone(divider, amplitude, SINE),) for divider in dividers)
        return cls(base_frequency, drive, matrix(gradient, "gradient"))

    @classmethod
    def open_data(cls) -> "Sequence":
        """The sequence of OpenMPIData: 2.5 MHz over 102, 96 and 99, 12 mT, gradients -1, -1, 2 T/m, sine drive."""
        return cls.sines((102, 96, 99), 12e-3, (-1.0, -1.0, 2.0))

    @classmethod
    def from_mdf(cls, recording: "Recording", period: int | None = None) -> "Sequence":
        """The sequence of a recording: its drive field, gradient, offset field and samples.

        Args:
            recording: or any header.
            period: which of the J periods of a frame; needed where their fields differ.

        Raises:
            ValueError: no drive field or no gradient; what cannot be described: other waveforms than sine, more than
                three drive channels, an untold frequency, fields that change within a period or from period to period,
                a period that is no whole number of cycles of each tone.
        """
        drive, acquisition, receiver = recording.drive, recording.acquisition, recording.receiver
        told = recording.path
        if drive is None or acquisition.gradient is None:
            raise ValueError(f"{told}: /acquisition must have a drivefield and a gradient")
        if drive.channels > 3:
            raise ValueError(f"{told}: drivefield must have 1 to 3 channels, got {drive.channels}")
        offset = np.zeros((1, 1, 3)) if acquisition.offset_field is None else acquisition.offset_field
        fields = {
            "drivefield/strength": drive.strength,
            "drivefield/phase": drive.phase,
            "gradient": acquisition.gradient,
            "offsetField": offset,
        }
        if period is None:
            for name, field in fields.items():
                if (field != field[:1]).any():
                    raise ValueError(f"{told}: {name} differs between the periods, so period must say which one")
        J = len(drive.strength)
        if not 0 <= (j := period or 0) < J:
            raise ValueError(f"period must be in [0, {J}), got {period}")
        strength, phase, gradient, shift = (field[min(j, len(field) - 1)] for field in fields.values())
        for name, field in (("gradient", gradient), ("offsetField", shift)):
            if (field != field[:1]).any():
                raise ValueError(f"{told}: {name} must stay as it is during a period, it has {len(field)} values")
        channels: list[tuple[Tone, ...]] = []
        for d, waves in enumerate(drive.waveform):
            on = [f for f in range(len(waves)) if strength[d, f]]
            for f in on:
                if waves[f] != "sine":
                    raise ValueError(f"{told}: drivefield/waveform must be sine, got {waves[f]!r}")
                if not drive.divider[d, f]:
                    raise ValueError(f"{told}: drivefield/divider must be above 0, got 0")
            channels.append(
                tuple(Tone(int(drive.divider[d, f]), float(strength[d, f]), float(phase[d, f]) + SINE) for f in on)
            )
        ticks = drive.base_frequency * receiver.samples / (2 * receiver.bandwidth)
        if abs(ticks - round(ticks)) > _PERIOD * ticks:
            raise ValueError(
                f"{told}: a period of {receiver.samples} samples must be whole cycles of baseFrequency, got {ticks:g}"
            )
        return cls(
            base_frequency=drive.base_frequency,
            drive=tuple(channels),
            gradient=matrix(gradient[0], "gradient"),
            offset=vector(shift[0], "offset"),
            cycle=round(ticks),
            num_samples=receiver.samples,
        )

    @property
    def tones(self) -> list[tuple[int, Tone]]:
        """Every tone with the number of its axis."""
        return [(axis, tone) for axis, channel in enumerate(self.drive) for tone in channel]

    @property
    def cycles(self) -> list[int]:
        """Cycles of each tone in one period."""
        return [self.cycle // tone.divider for _, tone in self.tones]

    @property
    def period(self) -> float:
        """Length of one period T [s]."""
        return self.cycle / self.base_frequency

    @property
    def sampling_frequency(self) -> float:
        """Samples per second [Hz]."""
        return self.num_samples / self.period

    @cached_property
    def time(self) -> Float64:
        """Sampling times of one period, shape (V,) [s]."""
        return np.arange(self.num_samples) / self.sampling_frequency

    @cached_property
    def drive_field(self) -> Float64:
        """D(t) at the samples of one period, shape (V, 3) [T/mu0]."""
        field = np.zeros((self.num_samples, 3))
        for (axis, tone), phase in zip(self.tones, self._phases, strict=True):
            field[:, axis] += tone.amplitude * np.cos(phase)
        return field

    @cached_property
    def drive_rate(self) -> Float64:
        """dD/dt at the samples of one period, shape (V, 3) [T/s/mu0]."""
        rate = np.zeros((self.num_samples, 3))
        for (axis, tone), phase in zip(self.tones, self._phases, strict=True):
            omega = 2 * np.pi * self.base_frequency / tone.divider
            rate[:, axis] -= tone.amplitude * omega * np.sin(phase)
        return rate

    def static_field(self, positions: ArrayLike) -> Float64:
        """B0 + G r at positions of shape (..., 3) [m], the same shape [T/mu0]."""
        places = checks.numbers(positions, "positions").astype(np.float64)
        if not places.ndim or places.shape[-1] != 3:
            raise ValueError(f"positions must have the shape (..., 3), got {places.shape}")
        return places @ np.array(self.gradient).T + np.array(self.offset)

    @property
    def free_dimensions(self) -> int:
        """Dimensions of the field-free region, 0 for a point, 1 for a line, 2 for a plane, 3 without a gradient."""
        return 3 - int(np.linalg.matrix_rank(np.array(self.gradient)))

    @cached_property
    def mirror(self) -> Mirror | None:
        """The first time about which the signals of every object are mirrored; ``None`` where there is none.

        About t0 the field is B_i(2 t0 - t) = -s_i B_i(t), so that the magnetisation and its derivative follow. An axis
        with a gradient or an offset allows no change of sign, since objects are wherever they are: s_i is -1 there.
        Reflections along other directions than the axes are not sought.
        """
        fixed = np.array(self.gradient).any(axis=1) | (np.array(self.offset) != 0)
        first: Mirror | None = None
        for symmetry in self.symmetries:
            if symmetry.reverse and all(sign == 1 for sign, axis in zip(symmetry.signs, fixed, strict=True) if axis):
                turn = symmetry.shift / self.num_samples
                x, y, z = (-sign for sign in symmetry.signs)
                if first is None or turn * self.period / 2 < first.time:
                    first = Mirror(turn * self.period / 2, turn * self.num_samples / 2, (x, y, z))
        return first

    @cached_property
    def symmetries(self) -> list[Symmetry]:
        """The ways in which the drive field repeats itself within the period, the identity among them.

        The first of each kind: a pattern of signs, with or without reversal of time. Axes without a tone keep theirs.
        """
        slowest = int(np.argmin(self.cycles))
        driven = {axis for axis, _ in self.tones}
        found = []
        for reverse, *pattern in itertools.product(
            (False, True), *((1, -1) if i in driven else (1,) for i in range(3))
        ):
            x, y, z = pattern
            # A shift by x periods turns a tone of n cycles by n x: by none or a half, its phase reversed where time is.
            wanted = [(1 - pattern[axis]) / 4 - (tone.phase / np.pi if reverse else 0) for axis, tone in self.tones]
            turns = np.mod((wanted[slowest] + np.arange(self.cycles[slowest])) / self.cycles[slowest], 1)
            turns[turns > 1 - _TURN / max(self.cycles)] = 0
            misses = [n * turns - turn for n, turn in zip(self.cycles, wanted, strict=True)]
            good = np.all([np.abs(miss - np.round(miss)) < _TURN for miss in misses], axis=0)
            if good.any():
                found.append(Symmetry(bool(reverse), float(turns[good].min()) * self.num_samples, (x, y, z)))
        return found

    @cached_property
    def _phases(self) -> list[Float64]:
        # Whole cycles in a period keep the phase exact, so that a symmetry of the sequence holds to rounding.
        index = np.arange(self.num_samples)
        return [
            2 * np.pi * (n * index % self.num_samples) / self.num_samples + tone.phase
            for n, (_, tone) in zip(self.cycles, self.tones, strict=True)
        ]


def vector(value: ArrayLike, name: str) -> Vector:
    """Return ``value`` as three floats.

    Raises:
        ValueError: it is not three finite numbers.
    """
    array = checks.numbers(value, name).astype(np.float64)
    if array.shape != (3,) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be three finite numbers, got {value!r}")
    return float(array[0]), float(array[1]), float(array[2])


def matrix(value: ArrayLike, name: str) -> tuple[Vector, Vector, Vector]:
    """Return ``value`` as 3 x 3 floats; three numbers are a diagonal.

    Raises:
        ValueError: it is not of this form, or not finite.
    """
    array = checks.numbers(value, name).astype(np.float64)
    if array.shape == (3,):
        array = np.diag(array)
    if array.shape != (3, 3) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be three finite numbers, or 3 x 3 of them, got {value!r}")
    first, second, third = (vector(row, name) for row in array)
    return first, second, third
