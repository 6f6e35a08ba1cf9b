"""How signals lie in a file, and how they are brought to physical units, time domain and the order of recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore.mdf.tree import RefusedError, parts

_BLOCK = 2**24  # bytes of signals in one piece, unless a frame is larger

#: The transforms of the format, by SciPy's numbers.
TRANSFORMS = {"DCT-I": 1, "DCT-II": 2, "DCT-III": 3, "DCT-IV": 4}


@dataclass(frozen=True, eq=False)
class Sparsity:
    """The O foreground frames are kept as B coefficients of a discrete cosine transform per line.

    Attributes:
        transform: one of :data:`TRANSFORMS`.
        grid: sizes of the axes that it runs along, the slowest first.
        coefficients: B.
    """

    transform: str
    grid: tuple[int, ...]
    coefficients: int


@dataclass(frozen=True, eq=False)
class Layout:
    """How N frames of J periods, C channels and V samples or K lines are stored.

    Attributes:
        shape: (N, J, C, V), of the signals.
        fast_frame_axis: the frames are the last axis, not the first.
        fourier_transformed: lines of the unscaled transform, not samples.
        lines: the stored lines, counted from 0, shape (K,); ``None`` where all are.
        order: place in the order of recording of each stored frame, shape (N,); ``None`` where nothing was moved.
        sparsity: ``None`` where the frames are stored as they are.
    """

    shape: tuple[int, int, int, int]
    fast_frame_axis: bool = False
    fourier_transformed: bool = False
    lines: NDArray[np.int64] | None = None
    order: NDArray[np.int64] | None = None
    sparsity: Sparsity | None = None

    @property
    def stored_lines(self) -> int:
        """Length of the axis of lines or samples in the file."""
        if not self.fourier_transformed:
            return self.shape[3]
        return self.shape[3] // 2 + 1 if self.lines is None else len(self.lines)

    @property
    def frames_at_once(self) -> int:
        """Frames of one piece."""
        return max(1, _BLOCK // (8 * int(np.prod(self.shape[1:], dtype=np.float64))))

    def runs(self, start: int, stop: int) -> Iterator[tuple[NDArray[np.int64], int, int]]:
        """Stored frames that follow each other, of a piece in the order of recording.

        Yields:
            Their places in the piece, and the first and the last but one of the stored frames.
        """
        if self.order is None:
            yield np.arange(stop - start), start, stop
            return
        stored = np.argsort(self.order)[start:stop]
        places = np.argsort(stored)
        breaks = np.flatnonzero(np.diff(stored[places]) != 1) + 1
        for run in np.split(places, breaks):
            first = int(stored[run[0]])
            yield run, first, first + len(run)

    def recorded(self, stored: NDArray[Any]) -> NDArray[Any]:
        """A value per stored frame, in the order of recording."""
        return stored if self.order is None else stored[np.argsort(self.order)]

    def decode(self, stored: NDArray[Any], conversion: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Stored values as signals.

        Args:
            stored: shape (n, J, C, K) complex, or (n, J, C, V).
            conversion: factor and offset of each channel, shape (C, 2).

        Returns:
            Shape (n, J, C, V), float64.
        """
        V = self.shape[3]
        if not self.fourier_transformed:
            signals = stored.astype(np.float64)
            if conversion is not None:
                signals *= conversion[:, :1]
                signals += conversion[:, 1:]
            return signals
        spectra = np.zeros((*stored.shape[:3], V // 2 + 1), np.complex128)
        lines = np.arange(V // 2 + 1) if self.lines is None else self.lines
        spectra[..., lines] = stored
        if conversion is not None:
            spectra *= conversion[:, :1]
            if 0 in lines:  # the mean of a period is its line 0 over V
                spectra[..., 0] += V * conversion[:, 1]
        return np.fft.irfft(spectra, n=V, axis=-1)

    def encode(self, signals: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Signals, shape (n, J, C, V), as values of this layout without a conversion, of the same precision."""
        if not self.fourier_transformed:
            return signals
        spectra = np.fft.rfft(signals.astype(np.float64), axis=-1)
        chosen = spectra if self.lines is None else spectra[..., self.lines]
        return chosen.astype(np.result_type(signals.dtype, np.complex64))


@dataclass(frozen=True, eq=False)
class Stored:
    """The data sets of signals of an open file.

    Attributes:
        path: of the file.
        layout: how they are stored.
        data: real, complex or with parts r and i; or with a last axis of two.
        indices: of the coefficients, counted from 1, shape (J, C, K, B), where the frames are transformed.
    """

    path: Path
    layout: Layout
    data: Any
    indices: Any = None

    def blocks(
        self, conversion: NDArray[np.float64] | None, first: int, last: int, finite: bool
    ) -> Iterator[NDArray[np.float64]]:
        """Signals of some frames in the order of recording, in pieces of shape (n, J, C, V).

        Raises:
            ValueError: NaN or infinite values where all must be finite, indices out of range.
        """
        _, *rest = self.layout.shape
        step = self.layout.frames_at_once
        for start in range(first, last, step):
            stop = min(start + step, last)
            signals = np.empty((stop - start, *rest))
            for places, begin, end in self.layout.runs(start, stop):
                with np.errstate(over="ignore", invalid="ignore"):
                    signals[places] = self.layout.decode(self.frames(begin, end), conversion)
            if finite and not np.isfinite(signals).all():
                frame = start + int(np.argwhere(~np.isfinite(signals))[0][0]) + 1  # counted from 1, as everywhere
                name = f"{self.path}: {self.data.name}"
                raise RefusedError(f"{name} must be finite, found NaN or infinite values in frame {frame}")
            yield signals

    def frames(self, first: int, last: int) -> NDArray[Any]:
        """Stored frames, shape (n, J, C, K or V)."""
        if not self.layout.fast_frame_axis:
            return self._numbers(self.data[first:last])
        sparsity = self.layout.sparsity
        if sparsity is None:
            return np.moveaxis(self._numbers(self.data[:, :, :, first:last]), -1, 0)
        foreground = int(np.prod(sparsity.grid))
        pieces = []
        if first < foreground:
            pieces.append(self._transformed_back(first, min(last, foreground)))
        if last > foreground:
            shift = sparsity.coefficients - foreground
            columns = self.data[:, :, :, max(first, foreground) + shift : last + shift]
            pieces.append(np.moveaxis(self._numbers(columns), -1, 0))
        return np.concatenate(pieces)

    def _transformed_back(self, first: int, last: int) -> NDArray[np.complex128]:
        from scipy.fft import idctn

        sparsity = self.layout.sparsity
        assert sparsity is not None
        J, C, K = (int(size) for size in self.data.shape[:3])
        B = sparsity.coefficients
        foreground = int(np.prod(sparsity.grid))
        found = np.empty((last - first, J, C, K), np.complex128)
        step = max(1, _BLOCK // (16 * foreground))
        for j, c, start in ((j, c, k) for j in range(J) for c in range(C) for k in range(0, K, step)):
            lines = slice(start, min(start + step, K))
            indices = self.indices[j, c, lines].astype(np.int64) - 1
            if indices.min() < 0 or indices.max() >= foreground or (np.diff(np.sort(indices), axis=-1) == 0).any():
                allowed = f"different whole numbers from 1 to {foreground} for each line"
                name = f"{self.path}: {self.indices.name}"
                raise RefusedError(f"{name} must be {allowed}, found others for line {start} or later")
            full = np.zeros((len(indices), foreground), np.complex128)
            np.put_along_axis(full, indices, self._numbers(self.data[j, c, lines, :B]), axis=-1)
            axes = [1 + axis for axis, size in enumerate(sparsity.grid) if size > 1]
            grids = full.reshape(-1, *sparsity.grid)
            if axes:
                grids = idctn(grids, type=TRANSFORMS[sparsity.transform], axes=axes, norm="ortho")
            found[:, j, c, lines] = grids.reshape(full.shape)[:, first:last].T
        return found

    def _numbers(self, raw: NDArray[Any]) -> NDArray[Any]:
        if raw.dtype.names:
            return parts(raw["r"], raw["i"])
        return parts(raw[..., 0], raw[..., 1]) if self.data.ndim == 5 else raw
