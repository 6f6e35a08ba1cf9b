"""Ways to read a fitted denoiser out: projected on odd signals, with the mirror image, the mean over two periods."""

from collections.abc import Callable

import numpy as np

from mpicore import checks
from mpicore.denoisers.base import Array, Denoiser, Float32
from mpicore.scanner import Scanner
from mpicore.sequence import Sequence
from mpicore.symmetry import odd_part, require_mirror_image, require_odd


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


class Mirrored(Denoiser):
    """The mean over an object and its mirror image, (f(u) + S^-1 f(S u)) / 2, where S is a shift by half a period.

    Half a period later the scanner measures the mirror image of the object, if the drive of the receive channel makes
    an even number of cycles in a period. So S u is a recorded period as u is, and of another object. A linear filter of
    spectral lines gives the same for both; a network does not, and the mean has less of what it made up.

    Args:
        denoiser: fitted, on objects that are as likely as their mirror images.
        scanner: whose periods it denoises.

    Raises:
        ValueError: a scanner whose signals are not those of a mirror image half a period later.
    """

    def __init__(self, denoiser: Denoiser, scanner: Scanner) -> None:
        super().__init__()
        self.half = require_mirror_image(scanner, f"{denoiser.name}, mirrored,").num_samples // 2
        self.denoiser = denoiser
        self.name, self.periods, self.whole = f"{denoiser.name}, mirrored", denoiser.periods, denoiser.whole
        self.supervised = denoiser.supervised

    def denoise(self, u: Array) -> Float32:
        """Mean of both, shape (n, N)."""
        periods = checks.signals(u, "u", length=2 * self.half, dimensions=(2,))
        image = self.denoiser.denoise(np.roll(periods, self.half, axis=1))
        return np.divide(self.denoiser.denoise(periods) + np.roll(image, self.half, axis=1), np.float32(2))


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


_STEPS: dict[str, Callable[[Denoiser, Scanner], Denoiser]] = {
    "projected": Projected,
    "mirrored": Mirrored,
    "two periods": lambda denoiser, _: TwoPeriods(denoiser),
}


def read_out(denoiser: Denoiser, how: str, scanner: Scanner) -> Denoiser:
    """A fitted denoiser, read out in another way.

    Args:
        denoiser: fitted.
        how: ``projected``, ``mirrored``, ``two periods`` or several of them, such as ``two periods, projected``; the
            last one is applied first.
        scanner: whose periods it denoises.

    Raises:
        ValueError: another way, or one that does not fit the denoiser or the scanner.
    """
    for step in reversed(how.split(", ")):
        denoiser = _STEPS[checks.choice(step, "readout", list(_STEPS))](denoiser, scanner)
    return denoiser
