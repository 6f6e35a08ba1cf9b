"""What a system in general receives: its system matrix, row by row of the grid, and noisy signals of objects.

The receive signal of a channel is the time derivative of the mean magnetisation along its coil, in units of its
saturation [1/s], behind the transfer function of the channel. The magnetisation is that of the vector Langevin model,
M = L(beta B) h with the direction h of the field, so that dM/dt = beta J dB/dt with J = (L/z) I + (L' - L/z) h h^T and
z = beta B.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.langevin import SERIES_BELOW, langevin, langevin_derivative, series, series_excess
from mpicore.scanner import Particle
from mpicore.sequence import Sequence
from mpicore.simulation import slopes
from mpicore.system import System

if TYPE_CHECKING:
    from torch import Tensor

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
_BLOCK = 2**16  # entries that are computed together: their temporaries stay in the processor's cache
_SATURATED = 81.0  # z^2, from which on coth(z) is 1 in float32
_CLOSE = 4.0  # z^2, below which B in float32 has too few digits


def response_blocks(system: System, particle: Particle, channel: int | None = None) -> Iterator[tuple[slice, Float32]]:
    """Signals of a unit amount of particles in each voxel, one row of the grid along x at a time.

    They are columns of the system matrix. What the symmetries of sequence and grid tell of another row is not computed
    again, so that the rows come in an order of their own.

    Args:
        system: sequence, grid and channels.
        particle: gives beta.
        channel: the only one; all C by default.

    Yields:
        The voxels of a row in the order of the grid, and their signals of shape (nx, C, V), float32 [1/s]; with a
        ``channel`` C is 1.

    Raises:
        ValueError: a channel that there is not.
    """
    if channel is None:
        chosen = list(range(system.channels))
    else:
        chosen = [checks.choice(channel, "channel", range(system.channels))]
    return _blocks(system, particle, chosen)


def _blocks(system: System, particle: Particle, chosen: list[int]) -> Iterator[tuple[slice, Float32]]:
    sequence, nx, coils = system.sequence, system.shape[2], system.sensitivities[chosen]
    static = particle.beta * sequence.static_field(system.grid.reshape(-1, nx, 3))
    rows = _Rows(particle.beta * sequence.drive_field, particle.beta * sequence.drive_rate, coils, nx)

    def received(u: Float32) -> Float32:
        if system.transfer_function is None:
            return u
        spectra = np.fft.rfft(u) * system.transfer_function[chosen]
        return np.fft.irfft(spectra, sequence.num_samples).astype(np.float32)

    images, done = _images(sequence, static, coils), np.zeros(len(static), bool)
    for row in range(len(static)):
        if done[row]:
            continue
        done[row] = True
        u = rows.signals(static[row])
        yield slice(row * nx, (row + 1) * nx), received(u)
        for image in images:
            if (other := int(image.rows[row])) >= 0 and not done[other]:
                done[other] = True
                yield slice(other * nx, (other + 1) * nx), received(image.of(u))


def responses(system: System, particle: Particle, channel: int | None = None) -> Float32:
    """All of :func:`response_blocks` at once: the columns of the system matrix, shape (P, C, V), float32 [1/s].

    Raises:
        ValueError: a channel that there is not.
    """
    channels = system.channels if channel is None else 1
    found = np.empty((len(system.grid), channels, system.sequence.num_samples), np.float32)
    for voxels, u in response_blocks(system, particle, channel):
        found[voxels] = u
    return found


def signals(system: System, particle: Particle, objects: ArrayLike) -> Float32:
    """Clean signals of objects.

    Args:
        system: sequence, grid and channels.
        particle: gives beta.
        objects: amounts of particles, shape (M, nz, ny, nx) or (M, P) with x running fastest.

    Returns:
        Shape (M, C, V), float32 [1/s].

    Raises:
        ValueError: objects of another shape.
    """
    amounts = np.asarray(objects, np.float32)
    voxels, nx = int(np.prod(system.shape)), system.shape[2]
    if amounts.shape[1:] not in (system.shape, (voxels,)):
        raise ValueError(f"objects must have the shape (M, {', '.join(map(str, system.shape))}), got {amounts.shape}")
    amounts = amounts.reshape(-1, voxels)
    found = np.zeros((len(amounts), system.channels * system.sequence.num_samples), np.float32)
    for row, u in response_blocks(system, particle):
        found += amounts[:, row] @ u.reshape(nx, -1)
    return found.reshape(len(amounts), system.channels, -1)


def deviation(clean: ArrayLike, snr_db: float) -> Float64:
    """Standard deviation of white noise in each channel, at which the signals (M, C, V) have an SNR on average.

    Returns:
        The root of the mean power over 10^(snr_db / 10) in the unit of the signals, shape (C,).
    """
    power = np.mean(np.square(clean, dtype=np.float64), axis=(0, 2))
    return np.sqrt(power / 10 ** (checks.finite(snr_db, "snr_db") / 10))


def record(clean: ArrayLike, deviation: ArrayLike, rng: np.random.Generator, periods: int = 2) -> Float32:
    """Noisy periods of clean signals: white noise of its own in each period and channel.

    Args:
        clean: shape (M, C, V); zeros for background frames.
        deviation: of the noise in each channel, shape (C,), in the unit of the signals.
        rng: where the noise comes from.
        periods: J.

    Returns:
        Shape (M, J, C, V), float32, the layout of a recording's frames.
    """
    still = np.asarray(clean, np.float32)[:, None]
    scale = np.asarray(deviation, np.float32)[:, None]
    M, _, C, V = still.shape
    return still + scale * rng.standard_normal((M, checks.count(periods, "periods"), C, V), np.float32)


@dataclass(frozen=True, eq=False)
class _Image:
    """How the signals of a row follow from those of another one.

    With D(shift + t) = S D(t) the field at r', whose static field is S times that at r, is S B(t) at shift + t. So are
    the magnetisation and its derivative, the latter with the opposite sign where time is reversed.

    Attributes:
        rows: the row that each one gives, -1 for none.
        flip: whether x runs backwards there.
        reverse, shift: of time, in samples.
        signs: of each channel, shape (C, 1).
    """

    rows: NDArray[np.intp]
    flip: bool
    reverse: bool
    shift: int
    signs: Float32

    def of(self, u: Float32) -> Float32:
        """Signals of the other row, shape (n, C, V)."""
        source = u[::-1] if self.flip else u
        found = np.empty_like(u)
        for c, sign in enumerate(self.signs.ravel()):
            # By the sign alone, since a product takes longer; sample k is that of k - shift, or of shift - k.
            signed = np.negative if sign < 0 else np.positive
            taken, given = source[:, c], found[:, c]
            if self.reverse:
                cut = self.shift + 1
                signed(taken[:, :cut][:, ::-1], out=given[:, :cut])
                signed(taken[:, cut:][:, ::-1], out=given[:, cut:])
            else:
                cut = taken.shape[-1] - self.shift
                signed(taken[:, :cut], out=given[:, self.shift :])
                signed(taken[:, cut:], out=given[:, : self.shift])
        return found


def _images(sequence: Sequence, static: Float64, coils: Float64) -> list[_Image]:
    """Every way in which rows of the grid, with static fields (rows, n, 3), follow from other rows."""
    found = []
    unit = np.abs(static).max() or 1.0

    def known(field: Float64) -> bytes:
        return (np.round(field / unit, 9) + 0.0).tobytes()  # + 0.0: a zero has no sign

    numbers = {known(row): number for number, row in enumerate(static)}
    for symmetry in sequence.symmetries:
        signs, shift = np.array(symmetry.signs, float), round(symmetry.shift)
        # A coil must see S M as plus or minus what it sees of M.
        seen = signs[np.abs(coils).argmax(axis=1)]
        if abs(symmetry.shift - shift) > 1e-6 or (coils * signs != coils * seen[:, None]).any():
            continue
        for flip in (False, True):
            turned = (static * signs)[:, ::-1] if flip else static * signs
            rows = np.array([numbers.get(known(row), -1) for row in turned])
            if (rows >= 0).any():
                gains = (-seen if symmetry.reverse else seen)[:, None].astype(np.float32)
                found.append(_Image(rows, flip, symmetry.reverse, shift, gains))
    return found


class _Rows:
    """Signals of a row of n positions at a time, in blocks of times whose temporaries stay in the processor's cache.

    Along a row r = r_0 + s g the field is B = W(t) + s G, with W the field at its middle. So B^2, and B dB/dt times the
    field along a coil, are polynomials in s of second order with coefficients that depend on time alone. Next to the
    field-free point they cancel, and B is added up first.

    Args:
        drive, rate: D and dD/dt in units of 1 / beta, shape (V, 3).
        coils: shape (C, 3).
        n: positions.
    """

    def __init__(self, drive: Float64, rate: Float64, coils: Float64, n: int) -> None:
        import torch

        self.drive, self.rate, self.coils = drive, rate, coils
        V, C, step = len(drive), len(coils), max(1, _BLOCK // n)
        self._driven, self._driven_rate = _float32(drive.T), _float32(rate.T)
        self._along, self._coil_rate = _float32(coils), _float32(coils @ rate.T)
        self._powers = _float32(np.vander(_places(n), 3, increasing=True))
        self._squared, self._product = torch.empty(3, V), torch.empty(C, 3, V)
        memory, self._blocks = torch.zeros(4 * n * step), []
        for when in (slice(start, min(start + step, V)) for start in range(0, V, step)):
            width = when.stop - when.start
            self._blocks.append((when, memory[: 4 * n * width].view(4, n, width).unbind()))

    def signals(self, static: Float64) -> Float32:
        """Signals (n, C, V) of positions at equal distances with static fields (n, 3) in units of 1 / beta."""
        import torch

        middle, step = _float32((static[0] + static[-1]) / 2), _float32((static[-1] - static[0]) / 2)
        self._expand(middle, step)
        found = np.empty((len(static), len(self.coils), len(self.drive)), np.float32)
        out = torch.from_numpy(found)
        for when, (squared, root, along, across) in self._blocks:
            inverse = torch.mm(self._powers, self._squared[:, when], out=squared).reciprocal_()
            torch.sqrt(inverse, out=root)
            for c in range(len(self.coils)):
                # Where coth(z) is 1, L/z = 1/z - 1/z^2 and L' = 1/z^2. With the part b = B_c B dB/dt / B^2 of dB_c/dt
                # that is along B, and the other part a, the signal is a/z + (b - a)/z^2.
                torch.mm(self._powers, self._product[c, :, when], out=along).mul_(inverse)
                torch.sub(self._coil_rate[c, when], along, out=across)
                torch.mul(torch.lerp(across, along, root, out=across), root, out=out[:, c, when])
        self._replace_near(found, static, middle, step)
        return found

    def _expand(self, middle: "Tensor", step: "Tensor") -> None:
        """Coefficients of the powers of s, for B^2 and for the product of each coil."""
        import torch

        field, rate = self._driven + middle[:, None], self._driven_rate
        torch.matmul(step[None], field, out=self._squared[1:2]).mul_(2)
        self._squared[0], self._squared[2] = _dot(field, field), step @ step
        work, more = _dot(field, rate), step @ rate
        for coil, product in zip(self._along, self._product, strict=True):
            along, slope = coil @ field, float(coil @ step)
            torch.mul(along, work, out=product[0])
            torch.mul(along, more, out=product[1]).add_(work, alpha=slope)
            torch.mul(more, slope, out=product[2])

    def _replace_near(self, found: Float32, static: Float64, middle: "Tensor", step: "Tensor") -> None:
        """Compute again what is next to the field-free point: there coth(z) is not 1."""
        import torch

        n, square = len(static), float(self._squared[2, 0])
        # Where on the row B^2 is least, from -1 to 1; 0 where the field is the same along it.
        nearest = self._squared[1].div(-2 * square).clamp_(-1, 1) if square else torch.zeros(len(self.drive))
        least = self._squared[0] + nearest * self._squared[1].add(nearest, alpha=square)
        when = torch.from_numpy(np.flatnonzero(least.numpy() < _SATURATED + 1))  # NumPy finds and sets faster
        if not len(when):
            return
        # The positions around, as far as coth(z) is not 1.
        spacing = 2 / max(n - 1, 1)
        reach = min(n - 1, int(np.sqrt((_SATURATED + 1) / square) / spacing + 0.5)) if square else n - 1
        nearest = nearest[when]
        centre = nearest.add(1).div_(spacing).round_().long().clamp_(reach, max(reach, n - 1 - reach))
        position = (centre + torch.arange(-reach, reach + 1)[:, None]).clamp_(0, n - 1)
        distance = self._powers[:, 1][position].sub_(nearest)
        # The field at the nearest point, where all of it is added up first.
        field = self._driven[:, when].add_(middle[:, None]).addcmul_(step[:, None], nearest)
        rate = self._driven_rate[:, when]
        squared = (distance * square).add_(2 * (step @ field)).mul_(distance).add_(_dot(field, field))
        closest = np.unravel_index(np.flatnonzero(squared.numpy() < _CLOSE), squared.shape)
        normal, excess = slopes(squared)
        excess.mul_((step @ rate * distance).add_(_dot(field, rate)))
        positions, times = position.numpy(), when.numpy()
        for c, coil in enumerate(self._along):
            along = (distance * float(coil @ step)).add_(coil @ field)
            found[positions, c, times] = (normal * (coil @ rate)).addcmul_(excess, along).numpy()
        # In float64 where the closed forms cancel.
        positions, times = positions[closest], times[closest[1]]
        found[positions, :, times] = _exact(static[positions] + self.drive[times], self.rate[times]) @ self.coils.T


def _places(n: int) -> Float64:
    """Positions of a row, from -1 to 1."""
    return np.linspace(-1, 1, n) if n > 1 else np.zeros(1)


def _dot(a: "Tensor", b: "Tensor") -> "Tensor":
    """Inner products of vectors (3, n), shape (n,)."""
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])


def _float32(array: Float64) -> "Tensor":
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _exact(field: Float64, rate: Float64) -> Float64:
    """dM/dt of fields and their rates (n, 3) in units of 1 / beta, in float64, also where the field vanishes."""
    z = np.linalg.norm(field, axis=1, keepdims=True)
    small = z < SERIES_BELOW
    safe = np.where(small, 1.0, z)
    ratio = langevin(safe) / safe
    normal = np.where(small, series(z), ratio)
    excess = np.where(small, series_excess(z), (langevin_derivative(safe) - ratio) / safe**2)
    return normal * rate + excess * np.vecdot(field, rate)[:, None] * field
