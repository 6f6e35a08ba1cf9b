r"""How odd signals are behind a receive chain (eq. 4), as recorded, after one delay, and after a phase per line.

Behind a chain of phase phi the spectrum of an odd signal is U = i X exp(i phi) with a real X. Turned back by some phase
theta, its odd part is the imaginary one. Summed over objects, the energy of that part is

    (sum abs(U)^2 + Re(exp(-2 i theta) q)) / 2  with  q = -sum U^2,

largest where 2 theta is the phase of q. Noise whose phase is as likely any other adds nothing to q on average, so one
recorded period tells the phase of a line (:mod:`mpicore.line_phase` takes two, and smooths over lines).
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
_STEPS = 4000  #: delays that are tried


@dataclass(frozen=True, eq=False)
class LineEnergy:
    """Energy of spectral lines, and the part of it whose phase all objects share.

    Attributes:
        frequency: of the lines [Hz], shape (K,).
        power: sum over objects of abs(U)^2, shape (K,).
        square: -sum over objects of U^2, which has twice the phase of the chain, shape (K,).
    """

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    square: NDArray[np.complex128]

    @classmethod
    def of(cls, u: Array, sampling_frequency: float) -> Self:
        """Of periods u (n, N); lines between zero and half the sampling frequency [Hz]."""
        samples = u.shape[1]
        lines = np.fft.rfft(u, axis=1)[:, 1 : (samples + 1) // 2]
        frequency = np.arange(1, lines.shape[1] + 1) * sampling_frequency / samples
        return cls(frequency, np.sum(np.abs(lines) ** 2, axis=0), -np.sum(lines**2, axis=0))

    @classmethod
    def behind(cls, response: NDArray[np.complex128], frequency: ArrayLike) -> Self:
        """Of odd signals with as much energy in each line, behind a chain with this response (K,)."""
        turn = np.exp(2j * np.angle(response))
        return cls(np.asarray(frequency, np.float64), np.ones(turn.shape), turn)

    def only(self, lines: Any) -> Self:
        """Some of the lines, by number or mask."""
        return replace(self, frequency=self.frequency[lines], power=self.power[lines], square=self.square[lines])

    def equal(self) -> Self:
        """Each line with the same energy."""
        return replace(self, power=np.ones_like(self.power), square=self.square / self.power)

    @property
    def phase(self) -> NDArray[np.float64]:
        """Phase of the chain in each line [rad], between -pi/2 and pi/2, as an odd signal is odd with either sign."""
        return np.asarray(np.angle(self.square) / 2)

    def odd(self, phase: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Share of each line's energy that is odd once a phase [rad] is turned back, shape (K,)."""
        return np.asarray((1 + np.real(np.exp(-2j * np.asarray(phase)) * self.square) / self.power) / 2)

    def share(self, phase: ArrayLike = 0.0) -> float:
        """Share of all energy that is odd once a phase [rad] is turned back: 1/2 for signals without a symmetry."""
        return float(np.average(self.odd(phase), weights=self.power))

    def delay(self, longest: float) -> float:
        """The delay after which most is odd, of those from 0 to ``longest`` [s]."""
        tried = np.linspace(0, longest, _STEPS + 1)
        turns = np.exp(4j * np.pi * np.multiply.outer(tried, self.frequency))
        return float(tried[np.argmax(np.real(turns @ self.square))])

    def delayed(self, seconds: float) -> NDArray[np.float64]:
        """The phase of each line behind a delay [rad]."""
        return -2 * np.pi * seconds * self.frequency

    def off(self, phase: ArrayLike) -> NDArray[np.float64]:
        """How far the phase of each line is from another one [rad], between -pi/2 and pi/2."""
        return np.asarray(np.angle(self.square * np.exp(-2j * np.asarray(phase))) / 2)


def standing_out(signals: Array, noise: Array, times: float = 10.0) -> slice:
    """The harmonics, from the second on, whose power is so many times that of the noise, up to the first without.

    Args:
        signals: shape (n, N).
        noise: recordings without an object, shape (b, N).
        times: ratio of mean powers.

    Returns:
        Which lines of :meth:`LineEnergy.of` these are.
    """
    powers = [np.mean(np.abs(np.fft.rfft(u, axis=1)[:, 2:-1]) ** 2, axis=0) for u in (signals, noise)]
    low = np.flatnonzero(powers[0] <= times * powers[1])
    return slice(1, 1 + (int(low[0]) if low.size else len(powers[0])))


def without(signals: Array, phase: ArrayLike) -> NDArray[np.float64]:
    """Periods (n, N) with a phase [rad] of each line between zero and half the sampling frequency turned back."""
    samples = signals.shape[1]
    lines = np.fft.rfft(signals, axis=1)
    lines[:, 1 : (samples + 1) // 2] *= np.exp(-1j * np.asarray(phase))
    return np.fft.irfft(lines, samples, axis=1)
