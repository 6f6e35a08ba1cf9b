"""Signals of a recording that cannot be used: NaN, infinite or constant ones, dead channels, and saturated ones.

What is made of a recording skips them, and names them in one line (:func:`one_line`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf import Recording

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
ALIVE = 0.5  #: share of its signals that a channel must be able to use, else it is dead
CLIPPED = 3  #: equal samples in a row at the largest or least value
_NAMED = 5  #: signals that are named one by one


def usable(rows: Array) -> Mask:
    """Which signals (..., V) are finite and not constant."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(rows).all(axis=-1) & (rows.max(axis=-1) > rows.min(axis=-1)))


def stays(rows: Array, value: Array | float) -> NDArray[np.int8]:
    """Where in signals (..., V) a value is held over :data:`CLIPPED` samples, shape (..., V - 2): 1 at the first ones.

    Args:
        rows: signals.
        value: one for each signal, shape (..., 1), or for all.
    """
    there = (rows == value).astype(np.int8)
    runs = there[..., : -CLIPPED + 1].copy()
    for shift in range(1, CLIPPED):
        runs &= there[..., shift : there.shape[-1] - CLIPPED + 1 + shift]
    return runs


@dataclass(frozen=True, eq=False)
class Skipped:
    """Which signals of a recording cannot be used.

    Attributes:
        good: which are finite and not constant, shape (N, J, C).
        saturated: which of them stay at the largest or least value of their channel, shape (N, J, C).
        background: which frames have no object, shape (N,).
    """

    good: Mask
    saturated: Mask
    background: Mask

    @classmethod
    def of(cls, recording: Recording, constant: bool = True) -> Self:
        """Look at all signals of a recording.

        Args:
            recording: read with ``finite=False``, else NaN is refused.
            constant: constant signals are skipped; in a calibration they may be those of a far voxel.

        Raises:
            ValueError: there are no signals, or the file is damaged.
        """
        N, J, C, _ = recording.shape
        good, low, high = np.empty((N, J, C), bool), np.empty((N, J, C)), np.empty((N, J, C))
        at_low, at_high = np.empty((N, J, C), bool), np.empty((N, J, C), bool)
        start = 0
        for piece in recording.blocks():
            part = slice(start, start + len(piece))
            start += len(piece)
            good[part] = usable(piece) if constant else np.isfinite(piece).all(axis=-1)
            for extreme, there, function in ((low, at_low, np.min), (high, at_high, np.max)):
                extreme[part] = function(piece, axis=-1)
                there[part] = stays(piece, extreme[part][..., None]).any(axis=-1)
        at_low &= low == np.min(low, axis=(0, 1), where=good, initial=np.inf)
        at_high &= high == np.max(high, axis=(0, 1), where=good, initial=-np.inf)
        return cls(good, good & (at_low | at_high), recording.background)

    @property
    def dead(self) -> tuple[int, ...]:
        """Channels that can hardly be used in any frame with an object."""
        share = np.mean(self.good[~self.background], axis=(0, 1)) if not self.background.all() else []
        return tuple(int(channel) for channel in np.flatnonzero(np.less(share, ALIVE)))

    @property
    def empty(self) -> Mask:
        """Background frames in which every channel that is not dead can be used, shape (N,).

        Saturated ones are not among them, unless all are.
        """
        alive = np.setdiff1d(np.arange(self.good.shape[2]), self.dead)
        whole = self.background & self.good[:, :, alive].all(axis=(1, 2))
        unclipped = whole & ~self.saturated[:, :, alive].any(axis=(1, 2))
        return unclipped if unclipped.any() else whole

    @property
    def rows(self) -> list[tuple[int, int, int]]:
        """Frame, period and channel of single signals that cannot be used, in channels that are not dead."""
        return [(int(n), int(j), int(c)) for n, j, c in np.argwhere(~self.good) if c not in self.dead]

    def told(self) -> tuple[str, ...]:
        """The same in words: at most a line on what cannot be used, and a line on what is saturated."""
        found = []
        if line := one_line(self.dead, self.rows):
            found.append(line)
        counts = self.saturated.sum(axis=(0, 1))
        if counts.any():
            parts = [f"{counts[c]} of channel {c + 1}" for c in np.flatnonzero(counts)]
            found.append(f"saturated signals, used only where there is no other of the same image: {', '.join(parts)}")
        return tuple(found)


def one_line(dead: Iterable[int], rows: Sequence[tuple[int, int | None, int]]) -> str:
    """What is skipped, in one line; empty where nothing is.

    Args:
        dead: channels.
        rows: single signals: frame, period, channel; ``None`` for all periods.

    Example:
        >>> one_line([2], [(30, 1, 0)])
        'skipped: channel 3 (dead); channel 1, frame 31, period 2 (NaN or constant)'
    """
    said = [f"channel {channel + 1} (dead)" for channel in dead]
    for n, j, c in rows[:_NAMED]:
        period = "" if j is None else f", period {j + 1}"
        said.append(f"channel {c + 1}, frame {n + 1}{period} (NaN or constant)")
    if len(rows) > _NAMED:
        said.append(f"and {len(rows) - _NAMED} more signals that are NaN or constant")
    return f"skipped: {'; '.join(said)}" if said else ""
