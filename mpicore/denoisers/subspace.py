"""Linear denoisers in the subspace that the noisy signals themselves span."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32, Folder, Held, State, register
from mpicore.lowrank import leading_singular, optimal_shrinkage
from mpicore.recordings import Recordings, rms
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import odd_part, require_odd

_LARGEST = 400  #: dimensions of a subspace at most


class _Subspace(Denoiser):
    """Coordinates of a signal, each multiplied by a factor: u -> sum_i f_i <a_i, u> b_i.

    Args:
        antisymmetric: work on the odd part of each period; assumes cosine drive.
        sequence: of the scanner, if it is known: one whose signals are not odd is refused, unless ``antisymmetric`` is
            off.

    Raises:
        ValueError: such a sequence.
    """

    stored = False
    needs_odd = True

    def __init__(self, antisymmetric: bool = True, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__()
        self.antisymmetric = bool(antisymmetric)
        if self.antisymmetric and sequence is not None:
            require_odd(sequence, self.name)
        self.analysis: Float32 | None = None
        self.synthesis: Float32 | None = None

    def denoise(self, u: Array) -> Float32:
        """Analyse u, shape (n, N), and put it together again."""
        analysis, synthesis = self.learned(self.analysis), self.learned(self.synthesis)
        signals = self.prepare(checks.strong(checks.signals(u, "u", length=len(analysis)), "u"))
        return ((signals @ analysis) @ synthesis.T).astype(np.float32)

    def prepare(self, u: Array) -> Float32:
        """What the coordinates are taken of."""
        return odd_part(u) if self.antisymmetric else u.astype(np.float32)

    def scaled(self, pairs: Recordings) -> tuple[Float32, Float32]:
        """Both prepared periods in units of the power of the first."""
        scale = rms(pairs.u1, name="u1")
        return self.prepare(pairs.u1 / scale), self.prepare(pairs.u2 / scale)

    def state(self) -> State:
        """The vectors a_i and f_i b_i, each of shape (N, rank)."""
        return {"analysis": self.learned(self.analysis), "synthesis": self.learned(self.synthesis)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take up the vectors."""
        analysis, synthesis = self.stored_values(state, "analysis", "synthesis")
        self.analysis, self.synthesis = analysis.astype(np.float32), synthesis.astype(np.float32)
        return self


@register("linear_n2n")
class LinearNoise2Noise(_Subspace):
    """The linear filter that best predicts one period from the other, of low rank.

    In the leading subspace of the recordings, C is the cross-covariance of the two periods, in which the noise averages
    out, and S half the covariance of their difference, in which the signal cancels. The regression of one period on the
    other is C (C + S)^-1; in coordinates where S is the identity and C diagonal with entries w it is w / (w + 1).
    Assumes that the noises of the two periods are independent. The number of coordinates, and how far S is drawn
    towards white noise, are chosen by the noisy validation error.
    """

    ranks = (10, 20, 30, 45, 65, 95, 140, 200, 280, 400)
    whitenesses = (0.01, 0.1, 1.0)

    def fit(
        self, u1: Array, u2: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Estimate the covariances, and choose rank and whiteness."""
        from scipy.linalg import eigh

        train, held = self.parts(u1, u2, validation, odd=self.antisymmetric)
        first, second = self.scaled(train)
        _, _, leading = leading_singular((first + second) / 2, _LARGEST)
        inner1, inner2 = first @ leading, second @ leading
        cross = (inner1.T @ inner2).astype(np.float64) / len(inner1)
        noise = np.cov(inner1 - inner2, rowvar=False, bias=True).astype(np.float64).reshape(cross.shape) / 2
        white = np.trace(noise) / len(noise) * np.eye(len(noise))
        held1, held2 = self.scaled(held)
        best = np.inf
        for whiteness in self.whitenesses:
            mixed = (1 - whiteness) * noise + whiteness * white
            power, vectors = eigh((cross + cross.T) / 2, mixed)
            power, vectors = np.maximum(power[::-1], 0), vectors[:, ::-1]
            analysis = (leading @ vectors).astype(np.float32)
            synthesis = (leading @ (mixed @ vectors * (power / (power + 1)))).astype(np.float32)
            for rank in sorted({min(rank, len(power)) for rank in self.ranks}):
                predicted1, predicted2 = (u @ analysis[:, :rank] @ synthesis[:, :rank].T for u in (held1, held2))
                error = np.mean((predicted1 - held2) ** 2) + np.mean((predicted2 - held1) ** 2)
                if error < best:
                    best, self.analysis, self.synthesis = error, analysis[:, :rank], synthesis[:, :rank]
        return self


@register("singular_values")
class SingularValueShrinkage(_Subspace):
    """Singular values of the matrix of noisy signals, shrunk as is optimal for white noise (Gavish and Donoho 2017).

    Each signal keeps its components along the leading right singular vectors, multiplied by shrunk over raw singular
    value. Assumes white noise, whose variance is taken from the difference of the periods, and signals of low rank.
    """

    def fit(
        self, u1: Array, u2: Array, /, validation: Held = None, folder: Folder = None, progress: bool = False
    ) -> Self:
        """Singular vectors and factors from both periods of all pairs; there is no parameter to choose."""
        pairs = self.recorded(u1, u2, odd=self.antisymmetric)
        if pairs.u1.shape[1] < 3:
            raise ValueError(f"u1 and u2 must have at least 3 samples per signal, got {pairs.u1.shape[1]}")
        first, second = self.scaled(pairs)
        noise = np.mean((first - second).astype(np.float64) ** 2) / 2
        matrix = np.concatenate([first, second])
        _, _, basis = leading_singular(matrix, _LARGEST)
        singular = np.linalg.norm(matrix @ basis, axis=0).astype(np.float64)
        # Odd signals have half the dimensions, and the noise of their projection is spread over these alone.
        dimensions = (matrix.shape[1] - 1) // 2 if self.antisymmetric else matrix.shape[1]
        variance = noise * matrix.shape[1] / dimensions
        longer, shorter = max(len(matrix), dimensions), min(len(matrix), dimensions)
        scaled = singular / np.sqrt(variance * longer)
        shrunk = optimal_shrinkage(scaled, shorter / longer)
        keep = max(1, int(np.count_nonzero(shrunk)))
        self.analysis = basis[:, :keep]
        self.synthesis = (basis * (shrunk / scaled))[:, :keep].astype(np.float32)
        return self
