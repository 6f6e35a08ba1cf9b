"""A part of a recording that fits into memory: some objects with all their repeats, and some of the background."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks, pairing
from mpicore.frame_background import FrameBackground
from mpicore.mdf import Recording
from mpicore.pairing import Pairing

Array = NDArray[np.floating[Any]]
Read = Callable[[NDArray[np.int64]], Array]
_BYTES = 2**26  #: of the objects, as of the background
_OBJECTS = 4000
MOVES = 0.1  #: by which neighbouring frames may differ beyond the noise, and still be repeats


@dataclass(frozen=True, eq=False)
class Sample:
    """What is learned and checked from.

    Attributes:
        repeats: signals of n objects without the background, in the order of recording, shape (n, R, C, V).
        recorded: the same as they were recorded.
        found: where they are in the recording.
        objects: how many objects the recording has.
        background: from the frames of the empty scanner; ``None`` without any, or where it was subtracted before.
        empty: the noise of these frames, once the background is off, shape (B, J, C, V); B may be 0.
    """

    repeats: Array
    recorded: Array
    found: Pairing
    objects: int
    background: FrameBackground | None
    empty: Array

    @classmethod
    def of(
        cls,
        signals: ArrayLike,
        background: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        corrected: bool = False,
        rests: bool = True,
    ) -> "Sample":
        """All of some signals.

        Args:
            signals: shape (N, J, C, V); NaN where there is none.
            background: which frames have no object, shape (N,); none by default.
            classes: of the periods of a frame, shape (J,): those of one class repeat each other; by default all do.
            positions: of the frames with an object, where they are a calibration.
            corrected: the background was subtracted before.
            rests: neighbouring frames may be taken for repeats, where there are no others.

        Raises:
            ValueError: arrays that do not fit together, or no frame with an object.
        """
        array = np.asarray(signals, np.float64)
        if array.ndim != 4 or not array.size:
            raise ValueError(f"signals must have the shape (N, J, C, V), got {array.shape}")
        mask = np.zeros(len(array), bool) if background is None else np.asarray(background, bool)
        if mask.shape != (len(array),):
            raise ValueError(f"background must be one for each of {len(array)} frames, got shape {mask.shape}")
        kinds = np.zeros(array.shape[1], np.int64) if classes is None else np.asarray(classes, np.int64)
        if kinds.shape != (array.shape[1],):
            raise ValueError(f"classes must be one for each of {array.shape[1]} periods, got shape {kinds.shape}")

        def made(rests: bool) -> "Sample":
            found = pairing.pairing(mask, kinds, positions, rests)
            return cls._from(lambda frames: array[frames], mask, found, array.shape, corrected)

        return made(rests)._settled(made)

    @classmethod
    def read(cls, recording: Recording, rests: bool = True, split: bool = True) -> "Sample":
        """A part of a recording that is spread over all of it, of some hundred megabytes at most.

        Args:
            recording: whose file is read in part.
            rests: as for :meth:`of`.
            split: make two signals of one with the noise of the background, where each object has one.

        Raises:
            ValueError: there are no signals, no frame with an object, or the file is damaged.
        """
        done = recording.processing
        corrected, mask = done is not None and done.background_corrected, recording.background

        def made(rests: bool) -> "Sample":
            found = pairing.of_recording(recording, rests)
            return cls._from(recording.frames, mask, found, recording.shape, corrected)

        return made(rests)._settled(made) if split else made(rests)

    @classmethod
    def _from(
        cls, read: Read, mask: NDArray[np.bool_], found: Pairing, shape: tuple[int, ...], corrected: bool
    ) -> "Sample":
        _, J, C, V = shape
        frame = 4 * J * C * V  # objects are kept in single precision
        most = int(np.clip(_BYTES // (frame * found.repeats), 2, _OBJECTS))
        chosen = found.thinned(most)
        frames, place = np.unique(chosen.frames, return_inverse=True)
        place = place.reshape(chosen.frames.shape)
        recorded = read(frames)[place, chosen.periods].astype(np.float32)
        numbers = np.flatnonzero(mask)
        if len(numbers) > (limit := max(2, _BYTES // frame)):
            numbers = numbers[np.unique(np.linspace(0, len(numbers) - 1, limit).astype(int))]
        empty = read(numbers)
        if len(empty):
            finite = np.asarray(np.isfinite(empty).all(axis=(1, 3)))  # of each frame and channel
            alive = np.mean(finite, axis=0) > 0.5
            empty[:, :, ~alive] = 0
            whole = np.all(finite[:, alive], axis=1)
            empty, numbers = empty[np.flatnonzero(whole)], numbers[whole]
        background, repeats = None, recorded
        if len(empty) and not corrected:
            background = FrameBackground(empty, numbers, found.classes, recorded if found.kind == "periods" else None)
            repeats = recorded - background.at(frames)[place, chosen.periods].astype(np.float32)
            empty = background.residual
        return cls(repeats, recorded, chosen, len(found), background, empty)

    def _settled(self, again: Callable[[bool], "Sample"]) -> "Sample":
        """Neighbouring frames that differ are no repeats; and what has none gets two from the background."""
        found = self
        excess = self.excess()
        if excess is not None and excess > MOVES:
            found = again(False)
        return found._split() if found.found.kind == "none" and len(found.empty) > 1 else found

    def excess(self) -> float | None:
        """By which share the noise between neighbouring frames exceeds that of the background.

        ``None`` where the repeats are no neighbouring frames, or where there are fewer than two background frames.
        """
        if self.found.kind != "frames" or len(self.empty) < 2:
            return None
        found = []
        for channel in range(self.channels):
            repeats = self.of_channel(channel)
            noise = float(np.mean(self.empty[:, :, channel] ** 2))
            if len(repeats) and noise:
                found.append(float(np.mean((repeats[:, 0] - repeats[:, 1]) ** 2)) / 2 / noise - 1)
        return max(found, default=None)

    def _split(self) -> "Sample":
        """Each signal y as two, y + z and y - z, with z of the spectrum of the background's noise.

        For Gaussian noise of that spectrum the noises of the two are independent, with twice the power, and their mean
        is y (Pang et al. 2021).
        """
        n, _, C, V = self.repeats.shape
        power = np.mean(np.abs(np.fft.rfft(self.empty, axis=-1)) ** 2, axis=(0, 1))
        scale = np.sqrt(power / V)
        white = np.random.default_rng(0).standard_normal((n, C, V))
        z = np.fft.irfft(np.fft.rfft(white, axis=-1) * scale, V, axis=-1)
        repeats = np.stack([self.repeats[:, 0] + z, self.repeats[:, 0] - z], axis=1).astype(np.float32)
        where = [np.repeat(array, 2, axis=1) for array in (self.found.frames, self.found.periods)]
        found = Pairing("background", where[0], where[1], self.found.classes)
        return replace(self, repeats=repeats, recorded=np.repeat(self.recorded, 2, axis=1), found=found)

    @property
    def channels(self) -> int:
        """C."""
        return self.repeats.shape[2]

    def of_channel(self, channel: int) -> Array:
        """Repeats of the objects of one channel in which no repeat is NaN, infinite or constant, shape (n, R, V)."""
        chosen = self.repeats[:, :, checks.choice(channel, "channel", range(self.channels))]
        return chosen[usable(self.recorded[:, :, channel]).all(axis=1)]


def usable(rows: Array) -> NDArray[np.bool_]:
    """Which signals (..., V) are finite and not constant."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(rows).all(axis=-1) & (rows.max(axis=-1) > rows.min(axis=-1)))
