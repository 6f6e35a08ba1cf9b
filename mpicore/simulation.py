"""From particles to signals: the Langevin model, the scanner and its system matrix.

Conventions: fields are given as mu0 H in tesla (written T/mu0), gradients in T/m/mu0, lengths in metres.
The receive signal is the time derivative of the mean magnetisation in units of its saturation [1/s]; coil
sensitivity and particle amount are one scalar factor that no method of this project depends on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.langevin import SERIES_BELOW, langevin, langevin_derivative, series, series_excess
from mpicore.scanner import Particle, Scanner

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating[Any]]

# Entries of the system matrix that are computed together: their temporaries stay in the processor's cache.
_BLOCK = 2**19


def point_spread_function(
    displacement: ArrayLike, scanner: Scanner, particle: Particle, channel: int = 0
) -> NDArray[np.float64]:
    """Signal per FFP velocity along the channel's axis that a unit point at the origin induces.

    Args:
        displacement: FFP position relative to the point, shape (..., 2) [m].
        scanner: gives the gradient.
        particle: gives beta.
        channel: 0 for the x coil, 1 for the y coil.

    Returns:
        Shape (...) [1/m], the value beta G J_cc with J = (L/z) I + (L' - L/z) h h^T. It is Goodwill and Conolly's
        tangential PSF L' along the channel's axis, and their normal PSF L/z across.

    Raises:
        ValueError: another shape; NaN, infinite or complex values; a channel other than 0 and 1.
    """
    checks.choice(channel, "channel", (0, 1))
    field = checks.numbers(displacement, "displacement").astype(np.float64)
    if field.ndim == 0 or field.shape[-1] != 2:
        raise ValueError(f"displacement must have the shape (..., 2), got {field.shape}")
    field = field * np.array(scanner.gradient)
    z = particle.beta * np.linalg.norm(field, axis=-1)
    safe = np.where(z == 0, 1.0, z)
    normal = np.where(z == 0, 1 / 3, langevin(safe) / safe)
    along = (particle.beta * field[..., channel] / safe) ** 2
    psf = normal + (langevin_derivative(z) - normal) * along
    return particle.beta * scanner.gradient[channel] * psf


def system_matrix(scanner: Scanner, particle: Particle, channel: int = 0) -> NDArray[np.float32]:
    """Signal of a unit amount of particles in each pixel, for one period.

    Column p is d/dt of M(B)/M_s = L(z) h at pixel p, with the field's direction h and z = beta B: the vector Langevin
    model, whose derivative is beta J dB/dt with J = (L/z) I + (L' - L/z) h h^T. Where the path is mirrored in the first
    sample, the odd symmetry u[N-k] = -u[k] gives the second half of the period for free.

    Args:
        scanner: sequence and pixel grid.
        particle: gives beta.
        channel: 0 for the x coil, 1 for the y coil.

    Returns:
        Array of shape (N, P), float32 [1/s]; P = ny nx with x running fastest.

    Raises:
        ValueError: a channel other than 0 and 1.
    """
    import torch

    checks.choice(channel, "channel", (0, 1))
    n, (ny, nx) = scanner.num_samples, scanner.shape
    half = n // 2 + 1 if scanner.mirror == 0 else n
    ffp, velocity = scanner.ffp[:half], scanner.ffp_velocity[:half]
    # On each axis B = G (r_ffp - r), so both axes are small tables: beta B (half, pixels) and beta dB/dt (half, 1).
    axes = scanner.pixel_axes
    field = [particle.beta * scanner.gradient[i] * (ffp[:, i, None] - axes[i]) for i in (0, 1)]
    slope = [particle.beta * scanner.gradient[i] * velocity[:, i, None] for i in (0, 1)]
    power = [torch.from_numpy(np.square(b).astype(np.float32)) for b in field]
    work = [torch.from_numpy((b * db).astype(np.float32)) for b, db in zip(field, slope, strict=True)]
    component = torch.from_numpy(field[channel].astype(np.float32))
    component = component[:, None, :] if channel == 0 else component[:, :, None]
    rate = torch.from_numpy(slope[channel].astype(np.float32))[:, :, None]

    matrix = np.empty((n, ny * nx), np.float32)
    out = torch.from_numpy(matrix[:half]).view(half, ny, nx)
    rows = max(1, _BLOCK // (ny * nx))
    for start in range(0, half, rows):
        block = slice(start, start + rows)
        # J dB/dt = (L/z) dB/dt + (L' - L/z) / z^2 B (B . dB/dt)
        squared = power[0][block, None, :] + power[1][block, :, None]
        projection = work[0][block, None, :] + work[1][block, :, None]
        normal, excess = slopes(squared)
        torch.mul(normal, rate[block], out=out[block])
        out[block].addcmul_(excess.mul_(projection), component[block])
    _replace_near_field(matrix[:half].reshape(half, ny, nx), field, slope, channel)
    if half < n:  # second half of the period: u[N-k] = -u[k]
        np.negative(matrix[n - half : 0 : -1], out=matrix[half:])
    return matrix


def slopes(squared: "Tensor") -> tuple["Tensor", "Tensor"]:
    """L/z and (L' - L/z)/z^2 as functions of z^2, float32; loses digits below z = 1."""
    import torch

    inverse = squared.rsqrt()
    # Below exp(-80) nothing changes but the time: numbers near the least one that float32 holds take ten times as long.
    decay = squared.mul_(inverse).mul_(-2).clamp_(min=-80).exp_()
    coth = (1 - decay).reciprocal_()  # 1 / (1 - e); coth(z) = (1 + e) / (1 - e)
    csch2 = (coth * coth).mul_(decay)  # sinh(z)^-2 = 4 e / (1 - e)^2
    normal = coth.addcmul_(coth, decay).sub_(inverse).mul_(inverse)
    inverse.square_()
    excess = torch.sub(inverse, csch2, alpha=4, out=csch2).sub_(normal).mul_(inverse)
    return normal, excess


def _replace_near_field(response: Array, field: Sequence[Array], slope: Sequence[Array], channel: int) -> None:
    """Recompute in float64 the few pixels next to the field-free point, where the closed forms cancel.

    A window around the nearest pixel that holds every pixel with z < 1 is taken from the field tables.
    """
    samples, ny, nx = response.shape
    reach: list[int] = []
    nearest: list[Array] = []
    for axis, size in enumerate((nx, ny)):
        spacing = field[axis][0, 0] - field[axis][0, 1]
        half, centre = np.ceil(1 / spacing + 0.5), (field[axis][:, :1] / spacing).round()
        if half >= size - 1:  # the whole axis, also where the field-free point lies outside it
            half, centre = size - 1, centre.clip(0, size - 1)
        reach.append(int(half))
        nearest.append(centre)
    rows = max(1, _BLOCK // ((2 * reach[0] + 1) * (2 * reach[1] + 1)))
    for start in range(0, samples, rows):
        block = slice(start, min(start + rows, samples))
        index: list[NDArray[np.intp]] = []
        value: list[Array] = []
        for axis, size in enumerate((nx, ny)):
            window = nearest[axis][block] + np.arange(-reach[axis], reach[axis] + 1)
            index.append(np.clip(window, 0, size - 1).astype(int))
            value.append(np.take_along_axis(field[axis][block], index[axis], axis=1))
        bx, by = value[0][:, None, :], value[1][:, :, None]
        dx, dy = slope[0][block][:, :, None], slope[1][block][:, :, None]
        z = np.hypot(bx, by)
        small = z < SERIES_BELOW
        safe = np.where(small, 1.0, z)
        normal = np.where(small, series(z), langevin(safe) / safe)
        excess = np.where(small, series_excess(z), (langevin_derivative(safe) - langevin(safe) / safe) / safe**2)
        exact = normal * (dx, dy)[channel] + excess * (bx, by)[channel] * (bx * dx + by * dy)
        part = response[block]
        part[np.arange(len(part))[:, None, None], index[1][:, :, None], index[0][:, None, :]] = exact
