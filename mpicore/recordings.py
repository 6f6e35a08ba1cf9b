"""Recorded periods: what a denoiser learns from, their unit, and how well one is predicted from the other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpicore import checks


@dataclass(frozen=True)
class Recordings:
    """Two noisy periods of the same objects: all that self-supervised training may see.

    Attributes:
        u1, u2: shape (n, N), float32 [1/s].
    """

    u1: np.ndarray
    u2: np.ndarray

    def __post_init__(self):
        checks.signals(self.u1, "u1")
        checks.signals(self.u2, "u2", length=self.u1.shape[1])
        if len(self.u1) != len(self.u2):
            raise ValueError(f"u1 and u2 must hold the same objects, got {len(self.u1)} and {len(self.u2)} signals")

    def __len__(self):
        return len(self.u1)


@dataclass(frozen=True)
class TestSignals(Recordings):
    """Test recordings with the truth they are measured against.

    Attributes:
        clean: signals without noise, shape (n, N), float32 [1/s].
        phantoms: the objects, shape (n, ny, nx); for the system matrix the objects are pixels, and this is ``None``.
    """

    __test__ = False  # not a test case, whatever its name

    clean: np.ndarray
    phantoms: np.ndarray | None = None


def split(u1, u2, validation: Recordings | None) -> tuple[Recordings, Recordings]:
    """Pairs to learn from and pairs to choose with; without any given, the last tenth (at least one) is held out.

    Raises:
        ValueError: a single pair, which cannot be split.
    """
    recordings = Recordings(u1, u2)
    if validation is not None:
        return recordings, validation
    if len(recordings) < 2:
        raise ValueError("u1 and u2 must hold at least 2 signals where no validation pairs are given, got 1")
    cut = len(recordings) - max(1, len(recordings) // 10)
    return Recordings(u1[:cut], u2[:cut]), Recordings(u1[cut:], u2[cut:])


def rms(u) -> np.ndarray:
    """Root mean square of each signal, shape (n, 1): the unit in which signals of any strength count alike.

    Raises:
        ValueError: a zero signal.
    """
    scale = np.sqrt(np.mean(np.square(u, dtype=np.float64), axis=1, keepdims=True))
    if not scale.all():
        raise ValueError(f"u must not hold a zero signal, found one at index {int(scale[:, 0].argmin())}")
    return scale.astype(u.dtype)


def noisy_error(denoise: Callable, pairs: Recordings) -> float:
    """How far denoised periods are from the *other* noisy period: mean square, in units of the period's power.

    The noise of the other period cannot be predicted, so its power adds the same amount for every denoiser. The one
    with the lowest value has the lowest expected error, and no clean signal is needed to find it.

    Args:
        denoise: (n, N) -> (n, N).
        pairs: noisy pairs that the denoiser has not learned from. Either period of each is input once.
    """
    total = 0.0
    for source, target in ((pairs.u1, pairs.u2), (pairs.u2, pairs.u1)):
        total += float(np.mean(np.square((denoise(source) - target) / rms(source), dtype=np.float64)))
    return total / 2
