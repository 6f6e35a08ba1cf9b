"""Denoisers that need the odd symmetry, for signals that a receive chain or relaxation has taken it from.

The phase of the chain is estimated from the noisy pairs (:mod:`mpicore.line_phase`) and undone, the method denoises
what is left as it would without a chain, and the phase is put back. A method that knows the scanner has its gain
estimated as well, against what its own model makes of the recordings.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, State, of_kind, register
from mpicore.denoisers.filters import AntisymmetricProjection
from mpicore.denoisers.gaussian_process import GaussianProcessWiener
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.denoisers.subspace import LinearNoise2Noise
from mpicore.line_phase import filtered, line_gain, line_phase
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner

if TYPE_CHECKING:

    class _WithScanner(Denoiser):
        """A denoiser that knows the scanner."""

        scanner: Scanner
        rank: int
        particle: Any

        def distribution(self, u: Array) -> Float32: ...

else:
    _WithScanner = object


class Turned(Denoiser):
    """Put before a denoiser that needs odd signals, this makes it one for signals behind a receive chain."""

    chain: NDArray[np.complex128] | None = None  #: as it was estimated, one complex gain per line

    def fit(
        self, u1: Array, u2: Array, /, validation: Any = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the chain from the training pairs, then fit to the signals without it."""
        held = of_kind(validation, Recordings)
        pairs = self.recorded(u1, u2)
        self.chain = self._estimate(pairs, held)
        if held is not None:
            held = Recordings(*(self._undone(u) for u in held.arrays))
        return super().fit(self._undone(pairs.u1), self._undone(pairs.u2), held, folder, progress)

    def _estimate(self, pairs: Recordings, held: Recordings | None) -> NDArray[np.complex128]:
        return np.exp(1j * line_phase(pairs))

    def denoise(self, u: Array) -> Float32:
        """The denoised signals as they were recorded, with the chain; shape (n, N)."""
        still = super().denoise(self._undone(u))
        return filtered(still, self.learned(self.chain)).astype(np.float32)

    def _undone(self, u: Array) -> Array:
        return filtered(self.checked(u), 1 / self.learned(self.chain))

    def state(self) -> State:
        """What the method has learned, and the chain."""
        chain = self.learned(self.chain)
        return {**super().state(), "chain": np.stack([chain.real, chain.imag])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the chain and what the method has learned."""
        (chain,) = self.stored_values(state, "chain")
        super().restore({name: value for name, value in state.items() if name != "chain"})
        self.chain = chain[0] + 1j * chain[1]
        return self


class TurnedWithGain(Turned, _WithScanner):
    """The same for a denoiser that knows the scanner, which the gain of the chain misleads as well."""

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
    """:class:`~mpicore.denoisers.filters.AntisymmetricProjection` behind a receive chain."""


@register("turned_linear_n2n")
class TurnedLinearNoise2Noise(Turned, LinearNoise2Noise):
    """:class:`~mpicore.denoisers.subspace.LinearNoise2Noise` behind a receive chain."""


@register("turned_gp_wiener")
class TurnedGaussianProcessWiener(TurnedWithGain, GaussianProcessWiener):
    """:class:`~mpicore.denoisers.gaussian_process.GaussianProcessWiener` behind a receive chain."""


@register("turned_forward_n2n")
class TurnedForwardNoise2Noise(TurnedWithGain, ForwardNoise2Noise):
    """:class:`~mpicore.denoisers.image_network.ForwardNoise2Noise` behind a receive chain."""
