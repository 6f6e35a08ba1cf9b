"""What really happens in a simulated measurement, where it differs from what the methods are told.

A method that knows the scanner must not gain from the data being made with exactly its own model. A truth changes the
particles, the gradient or the drive fields, adds relaxation or a receive chain, or makes the data on a finer grid; the
methods still get the nominal values.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.receive_chain import ReceiveChain
from mpicore.relaxation import debye_relaxation
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix

Float32 = NDArray[np.float32]
_BLOCK = 500  # signals


@dataclass(frozen=True)
class Truth:
    """How the data of an experiment are made.

    Args:
        core_diameter: of the particles [m]; ``None`` for that which the methods know.
        gradient_scale: true over nominal gradient.
        relaxation_time: of a first-order Debye relaxation [s]; 0 for none.
        relaxation_spread: s, at least 0 and below 1: half of the magnetisation follows with (1 - s) times the
            relaxation time, the other half with (1 + s) times.
        oversampling: pixels of the phantoms per pixel of the field of view and axis.
        chain: between the coil and the samples; ``None`` for samples of the induced voltage itself.
        drive_scale: true over nominal amplitude of both drive fields.

    Raises:
        ValueError: a value out of range.
    """

    core_diameter: float | None = None
    gradient_scale: float = 1.0
    relaxation_time: float = 0.0
    relaxation_spread: float = 0.0
    oversampling: int = 1
    chain: ReceiveChain | None = None
    drive_scale: float = field(default=1.0, metadata={"since": "0.2"})

    def __post_init__(self) -> None:
        if self.core_diameter is not None:
            checks.positive(self.core_diameter, "core_diameter")
        checks.positive(self.gradient_scale, "gradient_scale")
        if checks.finite(self.relaxation_time, "relaxation_time") < 0:
            raise ValueError(f"relaxation_time must be at least 0, got {self.relaxation_time!r}")
        if not 0 <= checks.finite(self.relaxation_spread, "relaxation_spread") < 1:
            raise ValueError(f"relaxation_spread must be at least 0 and below 1, got {self.relaxation_spread!r}")
        if self.relaxation_spread and not self.relaxation_time:
            raise ValueError(f"relaxation_spread needs a relaxation_time, got {self.relaxation_spread!r} without one")
        checks.count(self.oversampling, "oversampling")
        checks.positive(self.drive_scale, "drive_scale")

    def scanner(self, nominal: Scanner) -> Scanner:
        """The scanner as it is: its fields, and the pixels on which the phantoms are drawn."""
        x, y = (self.gradient_scale * component for component in nominal.gradient)
        amplitude_x, amplitude_y = (self.drive_scale * component for component in nominal.drive_amplitude)
        ny, nx = (self.oversampling * (side - 1) + 1 for side in nominal.shape)
        return replace(nominal, gradient=(x, y), drive_amplitude=(amplitude_x, amplitude_y), shape=(ny, nx))

    def response(self, nominal: Scanner, known: Particle | None = None) -> Float32:
        """Signals of the pixels of :meth:`scanner` without relaxation, shape (P, N).

        Args:
            nominal, known: scanner and particles as the methods know them, the latter ``Particle()`` by default.
        """
        particle = known or Particle()
        if self.core_diameter is not None:
            particle = replace(particle, core_diameter=self.core_diameter)
        return system_matrix(self.scanner(nominal), particle).T

    def signals(self, phantoms: Float32, response: Float32, nominal: Scanner) -> Float32:
        """Clean signals (n, N) of phantoms (n, ny, nx) on the pixels of :meth:`scanner`.

        Raises:
            ValueError: phantoms of other pixels than the response; NaN, infinite or complex values.
        """
        phantoms = checks.signals(phantoms, "phantoms", dimensions=(3,))
        response = checks.signals(response, "response", length=nominal.num_samples)
        if phantoms[0].size != len(response):
            raise ValueError(f"phantoms must have {len(response)} pixels, got {phantoms[0].size}")
        clean = phantoms.reshape(len(phantoms), -1) @ response
        if self.relaxation_time:
            for start in range(0, len(clean), _BLOCK):
                rows = slice(start, start + _BLOCK)
                clean[rows] = self._relaxed(clean[rows], nominal.sampling_frequency)
        if self.chain is not None:
            for start in range(0, len(clean), _BLOCK):
                rows = slice(start, start + _BLOCK)
                clean[rows] = self.chain.apply(clean[rows], nominal.sampling_frequency)
        return clean

    def _relaxed(self, u: Float32, sampling_frequency: float) -> Float32:
        if not self.relaxation_spread:
            return debye_relaxation(u, self.relaxation_time, sampling_frequency)
        fast, slow = (
            debye_relaxation(u, self.relaxation_time * (1 + side * self.relaxation_spread), sampling_frequency)
            for side in (-1, 1)
        )
        return np.divide(fast + slow, 2)

    def seen(self, phantoms: Float32) -> Float32:
        """The phantoms (n, ny, nx) at the pixels of the nominal field of view."""
        return np.ascontiguousarray(
            checks.signals(phantoms, "phantoms", dimensions=(3,))[:, :: self.oversampling, :: self.oversampling]
        )
