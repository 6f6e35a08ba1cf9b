"""The receive chain: what coil, filters and amplifiers do to a signal before it is sampled, as one linear filter.

A filter multiplies each spectral line by a complex number. Its phase takes the odd symmetry of cosine drive away; its
gain changes what a model of the scanner expects. Relaxation of the particles is a filter as well
(:mod:`mpicore.relaxation`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.line_phase import filtered

Array = NDArray[np.floating[Any]]
_RIPPLE_LENGTH = 100e3  #: over which gain and phase ripples change [Hz]


@dataclass(frozen=True)
class ReceiveChain:
    """A receive chain between the coil and the samples.

    Args:
        delay: [s].
        high_pass, high_pass_order: corner [Hz] and order of a Butterworth filter; a corner of 0 for none.
        low_pass, low_pass_order: the same; a corner of 0 for none.
        resonance, quality: frequency [Hz] and quality of a resonant coil, 1 / (1 - (f/f0)^2 + i f / (f0 Q)); a
            frequency of 0 for none.
        gain_ripple: relative deviation of the gain, as a root mean square over frequencies.
        phase_ripple: the same of the phase [rad].

    Raises:
        ValueError: a negative value, an order or quality below 1, or one of a filter that there is not.
    """

    delay: float = 0.0
    high_pass: float = 0.0
    high_pass_order: int = 1
    low_pass: float = 0.0
    low_pass_order: int = 1
    resonance: float = 0.0
    quality: float = 10.0
    gain_ripple: float = 0.0
    phase_ripple: float = 0.0

    def __post_init__(self) -> None:
        for name in ("delay", "high_pass", "low_pass", "resonance", "gain_ripple", "phase_ripple"):
            checks.at_least(getattr(self, name), name, 0)
        checks.count(self.high_pass_order, "high_pass_order")
        checks.count(self.low_pass_order, "low_pass_order")
        checks.at_least(self.quality, "quality", 1)
        for name, needed, plain in (
            ("high_pass_order", "high_pass", 1),
            ("low_pass_order", "low_pass", 1),
            ("quality", "resonance", 10.0),
        ):
            if getattr(self, name) != plain and not getattr(self, needed):
                raise ValueError(f"{name} needs a {needed}, got {getattr(self, name)!r} without one")

    def response(self, frequency: ArrayLike) -> NDArray[np.complex128]:
        """Complex gain at frequencies [Hz] of at least 0, in the shape that is given."""
        from scipy.signal import butter, freqs

        f = checks.numbers(frequency, "frequency").astype(np.float64)
        found = np.exp(-2j * np.pi * f * self.delay)
        for corner, order, kind in (
            (self.high_pass, self.high_pass_order, "highpass"),
            (self.low_pass, self.low_pass_order, "lowpass"),
        ):
            if corner:
                found = found * freqs(*butter(order, corner, kind, analog=True), worN=f.ravel())[1].reshape(f.shape)
        if self.resonance:
            ratio = f / self.resonance
            found = found / (1 - ratio**2 + 1j * ratio / self.quality)
        if self.gain_ripple:
            found = found * (1 + self.gain_ripple * _ripple(f, 0))
        if self.phase_ripple:
            found = found * np.exp(1j * self.phase_ripple * _ripple(f, 1))
        return np.asarray(found, np.complex128)

    def apply(self, u: Array, sampling_frequency: float) -> Array:
        """Periodic signals u (n, N) as they come out of the chain, in the dtype of ``u``."""
        u = checks.signals(u, "u")
        samples = u.shape[1]
        checks.positive(sampling_frequency, "sampling_frequency")
        response = self.response(np.fft.rfftfreq(samples, 1 / sampling_frequency))
        if samples % 2 == 0:
            response[-1] = response[-1].real  # the line at half the sampling frequency holds no phase
        return filtered(u, response)


def _ripple(frequency: Array, which: int) -> Array:
    """A smooth function of frequency with zero mean and unit mean square: eight cosines whose phases are fixed."""
    rng = np.random.default_rng([which, 8])
    phases, cycles = rng.uniform(0, 2 * np.pi, 8), rng.uniform(0.2, 1.0, 8)
    waves = np.cos(2 * np.pi * np.multiply.outer(frequency / _RIPPLE_LENGTH, cycles) + phases)
    return np.asarray(waves.sum(axis=-1) / 2)
