"""A whole calibration without its noise: each spectral line is an image over the positions of the delta sample.

The lines are filtered as images by a Wiener filter in two steps, in their cosine transform
(:class:`mpicore.denoisers.whole_matrix.TwoStepSpatialWiener` does so for the simulated matrices, whose signals are odd;
here lines are complex, the grid has one to three axes, and nothing is asked of the sequence). The noise of a line is
that of the difference of two recordings, or of the background frames where there is one alone.
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.denoisers.base import lowest
from mpicore.denoisers.whole_matrix import alternate_mean
from mpicore.mdf import Provenance, Recording
from mpicore.sample import Sample
from mpicore.skipped import ALIVE, usable

Array = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]
WINDOWS, SMALL_WINDOWS = (3, 5, 7), (1, 3)  #: neighbours along each axis over which power is averaged
_LINES = 256  #: that are filtered together


@dataclass(frozen=True)
class Filtered:
    """What was done to the lines of one channel.

    Attributes:
        noise, error, signal: sums over all lines of the power of the noise of one recording, of the error, and of the
            signal without noise. The error is that of a filter from one of two recordings, judged by the other one;
            what comes out is made from both, and is better.
    """

    noise: float
    error: float
    signal: float

    @property
    def gain_db(self) -> float:
        """By how much the noise became less, about [dB]."""
        return 10 * math.log10(self.noise / self.error) if self.noise > 0 and self.error > 0 else math.inf

    @property
    def snr_db(self) -> float:
        """Signal over error, about [dB]."""
        return 10 * math.log10(self.signal / self.error) if self.signal > 0 and self.error > 0 else math.inf


def denoise_lines(
    first: Complex, grid: tuple[int, ...], second: Complex | None = None, noise: ArrayLike | None = None
) -> tuple[Complex, Filtered]:
    """Filter lines of a system matrix.

    Args:
        first: lines over the positions, shape (K, O).
        grid: sizes of the axes of the positions, the slowest first, with the product O.
        second: the same of another recording.
        noise: power of the noise in each line of ``first``, shape (K,), where there is no other recording.

    Returns:
        The estimate of both recordings together, shape (K, O), and how good it is.

    Raises:
        ValueError: arrays that do not fit together, or neither a second recording nor a noise power.
    """
    first = checks.numbers(first, "first", dimensions=(2,), complex_too=True)
    K, O = first.shape  # noqa: E741
    if math.prod(grid) != O:
        raise ValueError(f"grid must have {O} positions, got {' x '.join(map(str, grid))}")
    if second is not None:
        second = checks.numbers(second, "second", complex_too=True)
        if second.shape != first.shape:
            raise ValueError(f"second must have the shape {first.shape}, got {second.shape}")
    if second is None and (noise is None or np.shape(noise) != (K,)):
        raise ValueError(f"noise must be one for each of {K} lines where there is no second recording")
    # In the unit of the largest entry, as a power of two, no bit changes, and powers fit into single precision.
    unit = float(np.ldexp(1.0, np.frexp(np.abs(first).max(initial=0))[1]))
    first, second = first / unit, None if second is None else second / unit
    power = None if noise is None else np.asarray(noise, np.float64) / unit**2
    if power is not None and not (np.isfinite(power) & (power >= 0)).all():
        raise ValueError(f"noise must be powers of at least 0, got {noise!r}")
    found = np.empty_like(first)
    sums = np.zeros(3)
    for start in range(0, K, _LINES):
        rows = slice(start, start + _LINES)
        other = None if second is None else second[rows]
        found[rows], part = _filtered(first[rows], grid, other, None if power is None else power[rows])
        sums += part
    return found * unit, Filtered(*(sums * unit**2).tolist())


def _filtered(
    first: Complex, grid: tuple[int, ...], second: Complex | None, noise: NDArray[np.float64] | None
) -> tuple[Complex, NDArray[np.float64]]:
    a = _transformed(first, grid)
    if second is not None:
        b = _transformed(second, grid)
    else:
        # Two recordings with twice the noise, whose mean is the one that there is (see Sample).
        assert noise is not None
        half = np.sqrt(noise / 2).reshape(-1, *[1] * len(grid))
        real, imaginary = np.random.default_rng(0).standard_normal((2, *a.shape))
        z = half * (real + 1j * imaginary)
        a, b = a + z, a - z
    N = np.mean(np.abs(a - b) ** 2, axis=tuple(range(1, a.ndim)), keepdims=True) / 2
    N = np.maximum(N, np.finfo(np.float64).tiny)
    own, both = np.abs(a) ** 2 - N, (a * b.conj()).real

    def first_step(size: int, power: Array, level: Array) -> Array:
        return _gains(_mean(power, size, grid), level)

    def second_step(size: int, gains: Array, power: Array, level: Array) -> Array:
        return _gains(_mean(gains**2 * power, size, grid), level)

    def error(gains: Array) -> float:
        # Gains from one recording, judged by the other. Each line counts by its noise, or the loud ones would choose.
        return float(np.mean(np.abs(gains * a - b) ** 2 / N))

    size = lowest(WINDOWS, lambda tried: error(first_step(tried, own, N)))
    pilot = first_step(size, own, N)
    small = lowest(SMALL_WINDOWS, lambda tried: error(second_step(tried, pilot, own, N)))
    alone = second_step(small, pilot, own, N)
    mean, left = (a + b) / 2, N / 2
    gains = second_step(small, first_step(size, both, left), both, left)
    crossed = float(np.sum(np.abs(alone * a - b) ** 2 - N))
    sums = [float(np.sum(N)) * a[0].size / (1 if second is not None else 2), crossed, float(np.sum(both))]
    return _back(gains * mean, first.shape, first.dtype), np.array(sums)


def _gains(power: Array, noise: Array) -> Array:
    signal = np.maximum(power, 0)
    return np.asarray(signal / (signal + noise))


def _mean(power: Array, size: int, grid: tuple[int, ...]) -> Array:
    """Running mean over so many of every second coefficient along each axis of the grid."""
    window: Any = (1, *[min(size, max(1, length // 2)) for length in grid])
    return alternate_mean(power.astype(np.float32), window)


def _transformed(lines: Complex, grid: tuple[int, ...]) -> Complex:
    from scipy.fft import dctn

    images = lines.reshape(-1, *grid).astype(np.complex128)
    axes = range(1, images.ndim)
    return np.asarray(dctn(images.real, axes=axes, norm="ortho") + 1j * dctn(images.imag, axes=axes, norm="ortho"))


def _back(coefficients: Complex, shape: tuple[int, ...], dtype: Any) -> Complex:
    from scipy.fft import idctn

    axes = range(1, coefficients.ndim)
    images = idctn(coefficients.real, axes=axes, norm="ortho") + 1j * idctn(coefficients.imag, axes=axes, norm="ortho")
    return np.asarray(images.reshape(shape).astype(dtype))


def grid_of(recording: Recording) -> tuple[int, ...] | None:
    """Sizes of the axes of a calibration, the slowest first; ``None`` where the file is none, or not on a grid."""
    found = recording.calibration
    if found is None or found.size is None or recording.layout is None:
        return None
    if math.prod(found.size) != int((~recording.background).sum()):
        return None
    sizes = dict(zip("xyz", found.size, strict=True))
    return tuple(sizes[axis] for axis in reversed(found.order))


class DenoisedMatrix:
    """A calibration that is being denoised: its lines lie in a file of their own, since they need all frames at once.

    Args:
        recording: a calibration on a grid.
        second: another recording of the same calibration; without one the periods of each position are the recordings,
            where there are two, else the background frames tell the noise.
        folder: where the file is made, which is removed by :meth:`close`.
        progress: is told what is being done.

    Attributes:
        told: of each channel, what was done; channels that are dead are missing.
        rows: frames that were NaN or constant in a channel: frame, channel. They were taken for 0 and are left as they
            were.
        source: what told the noise.

    Raises:
        ValueError: no calibration on a grid, another one as the second, or nothing that tells the noise.
    """

    def __init__(
        self,
        recording: Recording,
        second: Recording | None = None,
        folder: str | Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        grid = grid_of(recording)
        if grid is None:
            raise ValueError(f"{recording.path} is no calibration whose frames are the positions of a grid")
        self.recording, self.grid = recording, grid
        self.told: dict[int, Filtered] = {}
        self.rows: list[tuple[int, int]] = []
        _, J, C, V = recording.shape
        self.objects = np.flatnonzero(~recording.background)
        if second is not None and (second.shape[1:] != recording.shape[1:] or grid_of(second) != grid):
            raise ValueError(f"{second.path} must be a recording of the same calibration as {recording.path}")
        self.sample = Sample.read(recording, split=False)
        if second is not None:
            self.source = f"the difference from {second.path}"
        elif J > 1:
            self.source = "the difference of the periods of each position"
        elif len(self.sample.empty) > 1:
            self.source = f"{len(self.sample.empty)} background frames"
        else:
            raise ValueError(
                f"{recording.path} does not tell its noise: there is one period of each position, and fewer than two "
                "background frames; a second recording does"
            )
        self.temporary = tempfile.TemporaryDirectory(dir=folder, prefix=".matrix.")
        shape = (C, V // 2 + 1, len(self.objects))
        parts = [self._collected("first", recording, self.sample, shape, slice(0, J if J < 2 or second else J // 2))]
        if second is not None:
            parts.append(self._collected("second", second, Sample.read(second, split=False), shape, slice(0, J)))
        elif J > 1:
            parts.append(self._collected("second", recording, self.sample, shape, slice(J // 2, J)))
        self.lines = parts[0]
        dead = {c for c in range(C) if sum(row[1] == c for row in self.rows) > (1 - ALIVE) * len(self.objects)}
        self.rows = [row for row in self.rows if row[1] not in dead]
        for c in range(C):
            if c in dead:
                continue
            if progress is not None:
                progress(f"channel {c + 1}")
            noise = None
            if len(parts) == 1:
                empty = np.fft.rfft(self.sample.empty[:, :, c], axis=-1)
                noise = np.mean(np.abs(empty) ** 2, axis=(0, 1))
            other = parts[1][c] if len(parts) > 1 else None
            found, self.told[c] = denoise_lines(parts[0][c], grid, other, noise)
            parts[0][c] = found

    def _collected(self, name: str, source: Recording, sample: Sample, shape: tuple[int, ...], periods: slice) -> Any:
        """Lines of all positions, (C, K, O): the mean of some periods, without the background."""
        lines = np.memmap(Path(self.temporary.name) / name, np.complex64, "w+", shape=shape)
        start = frame = 0
        for piece in source.blocks():
            numbers = np.arange(frame, frame + len(piece))
            frame += len(piece)
            chosen = ~source.background[numbers]
            good = np.asarray(np.all(usable(piece), axis=1))
            if sample.background is not None:
                piece = piece - sample.background.at(numbers)
            signals = np.where(good[:, None, :, None], piece, 0)[chosen, periods].mean(axis=1)
            lines[:, :, start : start + len(signals)] = np.moveaxis(np.fft.rfft(signals, axis=-1), 0, -1)
            if source is self.recording and name == "first":
                self.rows += [(int(numbers[n]), int(c)) for n, c in np.argwhere(~good) if chosen[n]]
            start += len(signals)
        return lines

    def denoised(self) -> Recording:
        """The recording whose frames have these lines, until :meth:`close`; its background frames keep their noise."""
        V = self.recording.shape[3]
        place = np.full(self.recording.shape[0], -1)
        place[self.objects] = np.arange(len(self.objects))
        skipped = set(self.rows)

        def made(piece: Array, first: int) -> Array:
            numbers = np.arange(first, first + len(piece))
            found = np.array(piece, np.float64)
            if self.sample.background is not None:
                found -= np.where(usable(piece)[..., None], self.sample.background.at(numbers), 0)
            for channel in self.told:
                for n, frame in enumerate(numbers):
                    if place[frame] >= 0 and (int(frame), channel) not in skipped:
                        found[n, :, channel] = np.fft.irfft(self.lines[channel, :, place[frame]], V)
            return found

        told = {f"channel {c + 1}": {"snr_db": row.snr_db, "gain_db": row.gain_db} for c, row in self.told.items()}
        step = Provenance("mpicore denoise: spatial_wiener", {"grid": list(self.grid), "noise": self.source} | told)
        flags = self.recording.processing
        if flags is not None and self.sample.background is not None:
            flags = replace(flags, background_corrected=True)
        return self.recording.mapped_in_time(made, step, flags)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file of the lines."""
        self.temporary.cleanup()


def denoise_matrix(
    signals: ArrayLike, grid: tuple[int, ...], second: ArrayLike | None = None, noise: ArrayLike | None = None
) -> tuple[Array, Filtered]:
    """Denoise a system matrix in memory, of one channel.

    Args:
        signals: of each position, shape (O, V).
        grid: sizes of the axes of the positions, the slowest first.
        second: the same of another recording.
        noise: signals of the noise, such as background frames without their mean, shape (B, V).

    Returns:
        Shape (O, V), and how good it is.

    Raises:
        ValueError: as :func:`denoise_lines`.
    """
    first = checks.signals(signals, "signals")
    lines = np.fft.rfft(first, axis=1).T
    other = None if second is None else np.fft.rfft(checks.signals(second, "second", first.shape[1]), axis=1).T
    power = None
    if noise is not None:
        rows = checks.signals(noise, "noise", first.shape[1])
        unit = float(np.ldexp(1.0, np.frexp(np.abs(rows).max())[1]))
        power = np.mean(np.abs(np.fft.rfft(rows / unit, axis=1)) ** 2, axis=0).astype(np.float64) * unit**2
    found, told = denoise_lines(lines, grid, other, power)
    return np.fft.irfft(found.T, first.shape[1], axis=1), told
