"""Denoisers that need the odd symmetry, for signals that a receive chain or relaxation has taken it from.

The phase of the chain is estimated from the noisy pairs (:mod:`mpicore.line_phase`) and undone, the method denoises
what is left as it would without a chain, and the phase is put back. A method that knows the scanner has its gain
estimated as well, against what its own model makes of the recordings.

Where the drive fields have a phase, as under sine drive, the sequence gives each line a phase of its own
(:func:`mpicore.symmetry.sequence_phase`). It is known, and is taken off first: the phase of the chain that is left
changes little from line to line.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, State, of_kind, register
from mpicore.denoisers.filters import AntisymmetricProjection
from mpicore.denoisers.gaussian_process import GaussianProcessWiener
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.denoisers.spectral_wiener import AntisymmetricWiener
from mpicore.denoisers.subspace import LinearNoise2Noise
from mpicore.line_phase import filtered, line_gain, line_phase
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import is_odd, sequence_phase

if TYPE_CHECKING:

    class _WithScanner(Denoiser):
        """A denoiser that knows the scanner."""

        scanner: Scanner
        rank: int
        particle: Any

        def known(self, scanner: Scanner) -> Scanner: ...

        def distribution(self, u: Array) -> Float32: ...

else:
    _WithScanner = object


class Turned(Denoiser):
    """Put before a denoiser that needs odd signals, this makes it one for signals behind a receive chain."""

    chain: NDArray[np.complex128] | None = None  #: as it was estimated with the sequence, one complex gain per line
    sequence: Scanner | Sequence | None = None  #: whose drive phases turn the lines; none for cosine drive
    needs_odd = False

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the chain from the training pairs, then fit to the signals without it."""
        held = of_kind(validation, Recordings)
        pairs = self.recorded(u1, u2, length=self.sequence.num_samples if self.sequence else None)
        self.chain = self._estimate(pairs, held)
        if held is not None:
            held = Recordings(*(self._undone(u) for u in held.arrays))
        return super().fit(self._undone(pairs.u1), self._undone(pairs.u2), held, folder, progress)

    def _estimate(self, pairs: Recordings, held: Recordings | None) -> NDArray[np.complex128]:
        if self.sequence is None:
            return np.exp(1j * line_phase(pairs))
        known = np.exp(1j * sequence_phase(self.sequence))
        return known * np.exp(1j * line_phase(Recordings(*(filtered(u, 1 / known) for u in pairs.arrays))))

    def _of_phases(self, scanner: Scanner | Sequence | None) -> None:
        """Take up the drive phases of a scanner, if its signals are not odd as they are."""
        if scanner is not None and not is_odd(scanner):
            self.sequence = scanner

    def denoise(self, u: Array) -> Float32:
        """The denoised signals as they were recorded, with the chain; shape (n, N)."""
        still = super().denoise(self._undone(u))
        return filtered(still, self.learned(self.chain)).astype(np.float32)

    def _undone(self, u: Array) -> Array:
        return filtered(self.checked(u), 1 / self.learned(self.chain))

    def state(self) -> State:
        """What the method has learned, the chain, and N."""
        chain = self.learned(self.chain)
        return self.with_samples({**super().state(), "chain": np.stack([chain.real, chain.imag])})

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the chain and what the method has learned."""
        (chain,) = self.stored_values(state, "chain")
        super().restore({name: value for name, value in self.without_samples(state).items() if name != "chain"})
        self.chain = chain[0] + 1j * chain[1]
        return self


class TurnedWithGain(Turned, _WithScanner):
    """The same for a denoiser that knows the scanner, which the gain of the chain misleads as well.

    Its model is that of the same scanner with cosine drive, as which the lines are turned back.
    """

    def known(self, scanner: Scanner) -> Scanner:
        """The scanner with cosine drive; the phases of its drive fields are kept apart."""
        self._of_phases(scanner)
        return super().known(replace(scanner, drive_phase=(0.0, 0.0)) if self.sequence else scanner)

    def _estimate(self, pairs: Recordings, held: Recordings | None) -> NDArray[np.complex128]:
        chain = super()._estimate(pairs, held)
        turned = Recordings(*(filtered(u, 1 / chain) for u in pairs.arrays))
        chosen = None if held is None else Recordings(*(filtered(u, 1 / chain) for u in held.arrays))
        model = GaussianProcessWiener(self.scanner, self.particle, self.rank)
        return chain * line_gain(turned, model.fit(*turned.arrays, validation=chosen).denoise)

    def distribution(self, u: Array) -> Float32:
        """The particle distribution behind each signal u (n, N), shape (n, ny, nx)."""
        return super().distribution(self._undone(u))


@register("turned_antisymmetric")
class TurnedAntisymmetricProjection(Turned, AntisymmetricProjection):
    """:class:`~mpicore.denoisers.filters.AntisymmetricProjection` behind a receive chain.

    Args:
        sequence: scanner whose drive phases are known; cosine drive by default.
    """

    def __init__(self, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__()
        self._of_phases(sequence)


class TurnedWiener(Turned, AntisymmetricWiener):
    """:class:`~mpicore.denoisers.spectral_wiener.AntisymmetricWiener` behind a receive chain, for recordings."""

    name = "turned_wiener"


@register("turned_linear_n2n")
class TurnedLinearNoise2Noise(Turned, LinearNoise2Noise):
    """:class:`~mpicore.denoisers.subspace.LinearNoise2Noise` behind a receive chain.

    Args:
        antisymmetric: work on the odd part of each period, once it is turned.
        sequence: scanner whose drive phases are known; cosine drive by default.
    """

    def __init__(self, antisymmetric: bool = True, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__(antisymmetric)
        self._of_phases(sequence)


@register("turned_gp_wiener")
class TurnedGaussianProcessWiener(TurnedWithGain, GaussianProcessWiener):
    """:class:`~mpicore.denoisers.gaussian_process.GaussianProcessWiener` behind a receive chain."""


@register("turned_forward_n2n")
class TurnedForwardNoise2Noise(TurnedWithGain, ForwardNoise2Noise):
    """:class:`~mpicore.denoisers.image_network.ForwardNoise2Noise` behind a receive chain."""
