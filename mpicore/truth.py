"""What really happens in a simulated measurement, where it differs from what the methods are told.

A method that knows the scanner must not gain from the data being made with exactly its own model. A truth changes the
particles, the gradient, adds relaxation, or makes the data on a finer grid; the methods still get the nominal values.
"""

from dataclasses import dataclass, replace

import numpy as np

from mpicore import checks
from mpicore.relaxation import debye_relaxation
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix

_BLOCK = 500


@dataclass(frozen=True)
class Truth:
    """How the data of an experiment are made.

    Args:
        core_diameter: of the particles [m].
        gradient_scale: true over nominal gradient.
        relaxation_time: of a first-order Debye relaxation [s]; 0 for none.
        relaxation_spread: s, at least 0 and below 1: half of the magnetisation follows with (1 - s) times the
            relaxation time, the other half with (1 + s) times.
        oversampling: pixels of the phantoms per pixel of the field of view and axis.

    Raises:
        ValueError: a value out of range.
    """

    core_diameter: float = Particle.core_diameter
    gradient_scale: float = 1.0
    relaxation_time: float = 0.0
    relaxation_spread: float = 0.0
    oversampling: int = 1

    def __post_init__(self):
        checks.positive(self.core_diameter, "core_diameter")
        checks.positive(self.gradient_scale, "gradient_scale")
        if checks.finite(self.relaxation_time, "relaxation_time") < 0:
            raise ValueError(f"relaxation_time must be at least 0, got {self.relaxation_time!r}")
        if not 0 <= checks.finite(self.relaxation_spread, "relaxation_spread") < 1:
            raise ValueError(f"relaxation_spread must be at least 0 and below 1, got {self.relaxation_spread!r}")
        if self.relaxation_spread and not self.relaxation_time:
            raise ValueError(f"relaxation_spread needs a relaxation_time, got {self.relaxation_spread!r} without one")
        checks.count(self.oversampling, "oversampling")

    def scanner(self, nominal: Scanner) -> Scanner:
        """The scanner as it is: its gradient, and the pixels on which the phantoms are drawn."""
        gradient = tuple(self.gradient_scale * component for component in nominal.gradient)
        shape = tuple(self.oversampling * (side - 1) + 1 for side in nominal.shape)
        return replace(nominal, gradient=gradient, shape=shape)

    def response(self, nominal: Scanner) -> np.ndarray:
        """Signals of the pixels of :meth:`scanner` without relaxation, shape (P, N)."""
        return system_matrix(self.scanner(nominal), Particle(core_diameter=self.core_diameter)).T

    def signals(self, phantoms, response, nominal: Scanner) -> np.ndarray:
        """Clean signals (n, N) of phantoms (n, ny, nx) on the pixels of :meth:`scanner`."""
        clean = phantoms.reshape(len(phantoms), -1) @ response
        if self.relaxation_time:
            for start in range(0, len(clean), _BLOCK):
                rows = slice(start, start + _BLOCK)
                clean[rows] = self._relaxed(clean[rows], nominal.sampling_frequency)
        return clean

    def _relaxed(self, u, sampling_frequency):
        if not self.relaxation_spread:
            return debye_relaxation(u, self.relaxation_time, sampling_frequency)
        times = [self.relaxation_time * (1 + side * self.relaxation_spread) for side in (-1, 1)]
        return sum(debye_relaxation(u, time, sampling_frequency) for time in times) / 2

    def seen(self, phantoms) -> np.ndarray:
        """The phantoms at the pixels of the nominal field of view."""
        return np.ascontiguousarray(phantoms[:, :: self.oversampling, :: self.oversampling])
