"""Ways to read a fitted denoiser out: its output projected on odd signals, and the mean over two recorded periods."""

from collections.abc import Callable

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import odd_part, require_odd


class Projected(Denoiser):
    """The odd part of what a denoiser returns: of an error that is not odd, the even part goes.

    Assumes that clean signals are odd (eq. 4). It cannot make an odd signal worse: the error of the odd part is the odd
    part of the error.

    Args:
        denoiser: fitted.
        sequence: of the scanner, if it is known: one whose signals are not odd is refused.

    Raises:
        ValueError: such a sequence.
    """

    needs_odd = True

    def __init__(self, denoiser: Denoiser, sequence: Scanner | Sequence | None = None) -> None:
        super().__init__()
        if sequence is not None:
            require_odd(sequence, f"{denoiser.name}, projected,")
        self.denoiser = denoiser
        self.name, self.periods, self.whole = f"{denoiser.name}, projected", denoiser.periods, denoiser.whole
        self.supervised = denoiser.supervised

    def denoise(self, u: Array) -> Float32:
        """Odd part of the denoised signals, shape (n, N)."""
        return odd_part(self.denoiser.denoise(u))


class TwoPeriods(Denoiser):
    """The mean of both denoised periods, (f(u1) + f(u2)) / 2.

    Assumes that two periods of what is denoised are recorded, as they are for every pair of the training.

    Args:
        denoiser: fitted, of one period.

    Raises:
        ValueError: a denoiser that takes two periods itself.
    """

    periods = 2

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        if denoiser.periods != 1:
            raise ValueError(f"a denoiser of one period is needed, {denoiser.name} takes {denoiser.periods}")
        self.denoiser = denoiser
        self.name, self.whole = f"{denoiser.name}, two periods", denoiser.whole
        self.supervised = denoiser.supervised

    def denoise(self, u: Array) -> Float32:
        """Mean over the periods: shape (n, 2, N) -> (n, N)."""
        periods = checks.signals(u, "u", dimensions=(3,))
        if periods.shape[1] != 2:
            raise ValueError(f"u must hold two periods of each object, shape (n, 2, N), got {periods.shape}")
        first, second = (self.denoiser.denoise(np.ascontiguousarray(periods[:, k])) for k in (0, 1))
        return np.divide(first + second, np.float32(2))


# Ways to read a denoiser out, by name.
READOUTS: dict[str, Callable[[Denoiser], Denoiser]] = {
    "projected": Projected,
    "two periods": TwoPeriods,
    "two periods, projected": lambda denoiser: TwoPeriods(Projected(denoiser)),
}
