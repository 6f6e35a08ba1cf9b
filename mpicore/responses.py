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
_BLOCK = 2**18  # entries that are computed together: their temporaries stay in the processor's cache
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
        # Sample k is that of k - shift, or of shift - k.
        if self.reverse:
            cut = self.shift + 1
            np.multiply(source[..., :cut][..., ::-1], self.signs, out=found[..., :cut])
            np.multiply(source[..., cut:][..., ::-1], self.signs, out=found[..., cut:])
        else:
            cut = u.shape[-1] - self.shift
            np.multiply(source[..., :cut], self.signs, out=found[..., self.shift :])
            np.multiply(source[..., cut:], self.signs, out=found[..., : self.shift])
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
    """Signals of n positions at a time. The memory between is kept, since to get it anew takes longer than to compute.

    What is needed of the field, B = D(t) + S(r), are products of a few numbers of each time and of each position:
    B^2 = D^2 + 2 D S + S^2, B dB/dt and the field along a coil. Next to the field-free point they cancel, and B is
    added up first.

    Args:
        drive, rate: D and dD/dt in units of 1 / beta, shape (V, 3).
        coils: shape (C, 3).
        n: positions.
    """

    def __init__(self, drive: Float64, rate: Float64, coils: Float64, n: int) -> None:
        import torch

        self.drive, self.rate, self.coils, self.n = drive, rate, coils, n
        self.step = max(1, _BLOCK // n)
        one = np.ones(len(drive))
        self._of_squared = _float32(np.stack([np.vecdot(drive, drive), one, *drive.T]))
        self._of_work = _float32(np.stack([np.vecdot(drive, rate), *rate.T]))
        self._of_coil = _float32(np.stack([coils @ drive.T, np.broadcast_to(one, (len(coils), len(one)))], axis=1))
        self._coil_rate = _float32(coils @ rate.T)
        self._driven, self._driven_rate = _float32(drive.T), _float32(rate.T)
        self._memory = torch.zeros(4, n * self.step)

    def signals(self, static: Float64) -> Float32:
        """Signals (n, C, V) of positions with static fields (n, 3) in units of 1 / beta."""
        import torch

        one = np.ones((self.n, 1))
        of_squared = _float32(np.hstack([one, np.vecdot(static, static)[:, None], 2 * static]))
        of_work = _float32(np.hstack([one, static]))
        still = _float32(static.T[:, :, None])
        of_coil = [_float32(np.hstack([one, (static @ coil)[:, None]])) for coil in self.coils]
        found = np.empty((self.n, len(self.coils), len(self.drive)), np.float32)
        out = torch.from_numpy(found)
        nearest: list[NDArray[np.intp]] = []
        for start in range(0, len(self.drive), self.step):
            times = slice(start, min(start + self.step, len(self.drive)))
            squared, work, normal, field = self._memory[:, : self.n * (times.stop - start)].view(4, self.n, -1)
            torch.mm(of_squared, self._of_squared[:, times], out=squared)
            torch.mm(of_work, self._of_work[:, times], out=work)
            least = squared.amin(dim=0)
            near = torch.nonzero(least < _SATURATED)[:, 0]
            # Where coth(z) is 1, L/z = 1/z - 1/z^2 and (L' - L/z)/z^2 = (1/z^2 - L/z)/z^2.
            inverse = squared.reciprocal_()
            torch.sqrt(inverse, out=normal).sub_(inverse)
            excess = work.mul_(inverse).mul_(inverse.sub_(normal))
            if len(near):
                normal.numpy()[:, near], excess.numpy()[:, near] = map(np.asarray, self._near(still, start + near))
            for c in range(len(self.coils)):
                torch.mm(of_coil[c], self._of_coil[c, :, times], out=field)
                part = torch.mul(normal, self._coil_rate[c, times], out=inverse)
                out[:, c, times] = part.addcmul_(excess, field)
            nearest.append(start + torch.nonzero(least < _CLOSE)[:, 0].numpy())
        self._replace_nearest(found, static, np.concatenate(nearest))
        return found

    def _near(self, static: "Tensor", when: "Tensor") -> tuple["Tensor", "Tensor"]:
        """L/z and (L' - L/z)/z^2 B dB/dt at some times, each (n, times); the static fields have the shape (3, n, 1)."""
        field = static + self._driven[:, when][:, None]
        normal, excess = slopes(field.square().sum(dim=0))
        return normal, excess.mul_(field.mul_(self._driven_rate[:, when][:, None]).sum(dim=0))

    def _replace_nearest(self, found: Float32, static: Float64, when: NDArray[np.intp]) -> None:
        """Recompute in float64 what is next to the field-free point at some times: there the closed forms cancel."""
        squared = sum((static[:, axis, None] + self.drive[when, axis]) ** 2 for axis in range(3))
        position, which = np.nonzero(squared < _CLOSE)
        when = when[which]
        found[position, :, when] = _exact(static[position] + self.drive[when], self.rate[when]) @ self.coils.T


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
