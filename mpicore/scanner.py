"""Particles, and the scanner that measures them: fields, path of the field-free point, sampling and pixels.

Conventions: fields are given as mu0 H in tesla (written T/mu0), gradients in T/m/mu0, lengths in metres.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.sequence import Sequence, Tone, matrix

MU0 = 4e-7 * math.pi  #: vacuum permeability [T m/A]
BOLTZMANN = 1.380649e-23  #: Boltzmann constant [J/K]


@dataclass(frozen=True)
class Particle:
    """A superparamagnetic nanoparticle in thermal equilibrium.

    Args:
        core_diameter: diameter of the magnetic core [m].
        saturation_magnetization: of the core material [A/m].
        temperature: [K].

    Raises:
        ValueError: a value that is not positive and finite.
    """

    core_diameter: float = 30e-9
    saturation_magnetization: float = 0.6 / MU0
    temperature: float = 293.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            checks.positive(getattr(self, name), name)

    @property
    def beta(self) -> float:
        """Magnetic moment over thermal energy, m / (k_B T) with m = M_s pi d^3 / 6 [1/T]."""
        moment = self.saturation_magnetization * math.pi * self.core_diameter**3 / 6
        return moment / (BOLTZMANN * self.temperature)


@dataclass(frozen=True)
class Scanner:
    """A two-dimensional field-free-point scanner with sinusoidal drive fields.

    The field is B(r, t) = A cos(2 pi f t + phi) - G r on each axis, so the field-free point runs along
    A/G cos(2 pi f t + phi). With phi = 0, cosine drive, it retraces its path in the second half of the period, which
    makes every signal odd: u(T - t) = -u(t) (eq. 4 of the source paper).

    Args:
        drive_frequency: (x, y) [Hz]; each must divide the sampling frequency.
        drive_amplitude: (x, y) [T/mu0].
        gradient: (x, y) of the selection field [T/m/mu0].
        sampling_frequency: [Hz].
        shape: pixels (ny, nx) of the field of view.
        fov: extent (x, y) from the first to the last pixel centre [m], centred on the origin.
        drive_phase: phi of (x, y) [rad].

    Raises:
        ValueError: a value that is out of range, or frequencies without a common period in whole samples.
    """

    drive_frequency: tuple[float, float]
    drive_amplitude: tuple[float, float] = (20e-3, 20e-3)
    gradient: tuple[float, float] = (0.4, 0.4)
    sampling_frequency: float = 2.475e6
    shape: tuple[int, int] = (101, 101)
    fov: tuple[float, float] = (0.1, 0.1)
    drive_phase: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        checks.positive(self.sampling_frequency, "sampling_frequency")
        for name in ("drive_frequency", "drive_amplitude", "gradient", "shape", "fov", "drive_phase"):
            value: object = getattr(self, name)
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise ValueError(f"{name} must be a pair, got {value!r}")
            for item in value:
                if name == "shape":
                    checks.count(item, name, minimum=2)
                elif name == "drive_phase":
                    checks.finite(item, name)
                else:
                    checks.positive(item, name)
            object.__setattr__(self, name, tuple(value))
        for frequency in self.drive_frequency:
            divider = self.sampling_frequency / frequency
            if abs(divider - round(divider)) > 1e-6 or divider < 4:
                raise ValueError(
                    f"sampling_frequency must be a whole multiple (at least 4) of each drive_frequency, "
                    f"got {self.sampling_frequency:g} / {frequency:g} = {divider:g}"
                )

    @classmethod
    def cartesian(cls, **changes: Any) -> "Scanner":
        """The paper's x-space scanner: 25 kHz lines, stepped by 0.5 kHz; N = 4950 samples in 2 ms."""
        return cls(**{"drive_frequency": (25e3, 0.5e3), **changes})

    @classmethod
    def lissajous(cls, **changes: Any) -> "Scanner":
        """The paper's system-matrix scanner: 25 and 24.75 kHz; N = 9900 samples in 4 ms, one line every 250 Hz."""
        return cls(**{"drive_frequency": (25e3, 24.75e3), **changes})

    @property
    def num_samples(self) -> int:
        """Samples N in one period, the least common multiple of the samples per drive cycle."""
        return math.lcm(*(round(self.sampling_frequency / f) for f in self.drive_frequency))

    @property
    def period(self) -> float:
        """Length of one period T [s]."""
        return self.num_samples / self.sampling_frequency

    @property
    def samples_per_cycle(self) -> int:
        """Samples in one cycle of the x drive field."""
        return round(self.sampling_frequency / self.drive_frequency[0])

    def harmonic_line(self, harmonic: int) -> int:
        """Number of the spectral line of one period at a harmonic of the x drive frequency.

        Raises:
            ValueError: a harmonic below 1, or above half the sampling frequency.

        Example:
            >>> Scanner.cartesian().harmonic_line(3), Scanner.lissajous().harmonic_line(3)
            (150, 300)
        """
        line = checks.count(harmonic, "harmonic") * self.num_samples // self.samples_per_cycle
        if line > self.num_samples // 2:
            raise ValueError(f"harmonic must lie below half the sampling frequency, got {harmonic}")
        return line

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """First and last pixel centre along x and along y, as (left, right, bottom, top) [mm]."""
        width, height = (500 * side for side in self.fov)
        return -width, width, -height, height

    @cached_property
    def sequence(self) -> Sequence:
        """The same fields as a general sequence, B = D + G r, whose gradient has the opposite sign."""
        dividers = [round(self.sampling_frequency / frequency) for frequency in self.drive_frequency]
        tones = zip(dividers, self.drive_amplitude, self.drive_phase, strict=True)
        drive = tuple((Tone(*tone),) for tone in tones)
        gradient = np.diag([-self.gradient[0], -self.gradient[1], 0.0])
        return Sequence(self.sampling_frequency, drive, matrix(gradient, "gradient"))

    @cached_property
    def mirror(self) -> int | None:
        """Sample m about which the field-free point retraces its path, r[m-k] = r[m+k]; the first of several.

        Indices are modulo N. 0 for cosine drive; ``None`` where there is no such sample, as for most sequences with
        sine drive.
        """
        # A cosine is even about each time at which its phase is a multiple of pi.
        samples_per_cycle = np.round(self.sampling_frequency / np.array(self.drive_frequency))
        turns = 2 * np.arange(self.num_samples)[:, None] / samples_per_cycle + np.array(self.drive_phase) / np.pi
        found = np.flatnonzero(np.all(np.abs(turns - np.round(turns)) < 1e-9, axis=1))
        return int(found[0]) if found.size else None

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """Sampling times of one period, shape (N,) [s]."""
        return np.arange(self.num_samples) / self.sampling_frequency

    @cached_property
    def ffp(self) -> NDArray[np.float64]:
        """Path of the field-free point, columns x and y, shape (N, 2) [m]."""
        return np.cos(self._phase) * self._ffp_amplitude

    @cached_property
    def ffp_velocity(self) -> NDArray[np.float64]:
        """Velocity of the field-free point, columns x and y, shape (N, 2) [m/s]."""
        omega = 2 * np.pi * np.array(self.drive_frequency)
        return -np.sin(self._phase) * omega * self._ffp_amplitude

    @property
    def pixel_axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel centres along x, shape (nx,), and along y, shape (ny,) [m]."""
        (ny, nx), (width, height) = self.shape, self.fov
        return np.linspace(-width / 2, width / 2, nx), np.linspace(-height / 2, height / 2, ny)

    @property
    def grid(self) -> NDArray[np.float64]:
        """Pixel centres, columns x and y, x running fastest, shape (P, 2) with P = ny nx [m]."""
        x, y = self.pixel_axes
        return np.stack([np.tile(x, y.size), np.repeat(y, x.size)], axis=1)

    @property
    def _phase(self) -> NDArray[np.float64]:
        # Whole samples per cycle keep the phase exact, so that the odd symmetry holds to rounding.
        samples_per_cycle = np.round(self.sampling_frequency / np.array(self.drive_frequency)).astype(int)
        index = np.arange(self.num_samples)[:, None] % samples_per_cycle
        return 2 * np.pi * index / samples_per_cycle + np.array(self.drive_phase)

    @property
    def _ffp_amplitude(self) -> NDArray[np.float64]:
        return np.array(self.drive_amplitude) / np.array(self.gradient)
