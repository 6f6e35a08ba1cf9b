"""From particles to signals: the Langevin model, the scanner and its system matrix.

Conventions: fields are given as mu0 H in tesla (written T/mu0), gradients in T/m/mu0, lengths in metres.
The receive signal is the time derivative of the mean magnetisation in units of its saturation [1/s]; coil
sensitivity and particle amount are one scalar factor that no method of this project depends on.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from mpicore import checks

MU0 = 4e-7 * math.pi  #: vacuum permeability [T m/A]
BOLTZMANN = 1.380649e-23  #: Boltzmann constant [J/K]

# Below this argument the closed forms lose digits to cancellation, and the power series takes over.
_SERIES_BELOW = 0.3
# Entries of the system matrix that are computed together: their temporaries stay in the processor's cache.
_BLOCK = 2**19
# Taylor coefficients of L(x)/x in powers of x^2: 2^(2n) B_(2n) / (2n)! for n = 1, 2, ... (B: Bernoulli numbers).
_SERIES = (1 / 3, -1 / 45, 2 / 945, -1 / 4725, 2 / 93555, -1382 / 638512875, 4 / 18243225, -3617 / 162820783125)


@dataclass(frozen=True)
class Particle:
    """A superparamagnetic nanoparticle in thermal equilibrium.

    Args:
        core_diameter: diameter of the magnetic core [m].
        saturation_magnetization: of the core material [A/m].
        temperature: [K].

    Raises:
        ValueError: a value that is not positive and finite.
    """

    core_diameter: float = 30e-9
    saturation_magnetization: float = 0.6 / MU0
    temperature: float = 293.0

    def __post_init__(self):
        for name in self.__dataclass_fields__:
            checks.positive(getattr(self, name), name)

    @property
    def beta(self) -> float:
        """Magnetic moment over thermal energy, m / (k_B T) with m = M_s pi d^3 / 6 [1/T]."""
        moment = self.saturation_magnetization * math.pi * self.core_diameter**3 / 6
        return moment / (BOLTZMANN * self.temperature)


@dataclass(frozen=True)
class Scanner:
    """A two-dimensional field-free-point scanner with cosine drive fields.

    The field is B(r, t) = A cos(2 pi f t) - G r on each axis, so the field-free point runs along A/G cos(2 pi f t).
    Cosine drive makes it retrace its path in the second half of the period, which makes every signal odd:
    u(T - t) = -u(t) (eq. 4 of the source paper).

    Args:
        drive_frequency: (x, y) [Hz]; each must divide the sampling frequency.
        drive_amplitude: (x, y) [T/mu0].
        gradient: (x, y) of the selection field [T/m/mu0].
        sampling_frequency: [Hz].
        shape: pixels (ny, nx) of the field of view.
        fov: extent (x, y) from the first to the last pixel centre [m], centred on the origin.

    Raises:
        ValueError: a value that is out of range, or frequencies without a common period in whole samples.
    """

    drive_frequency: tuple[float, float]
    drive_amplitude: tuple[float, float] = (20e-3, 20e-3)
    gradient: tuple[float, float] = (0.4, 0.4)
    sampling_frequency: float = 2.475e6
    shape: tuple[int, int] = (101, 101)
    fov: tuple[float, float] = (0.1, 0.1)

    def __post_init__(self):
        checks.positive(self.sampling_frequency, "sampling_frequency")
        for name in ("drive_frequency", "drive_amplitude", "gradient", "shape", "fov"):
            value = getattr(self, name)
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise ValueError(f"{name} must be a pair, got {value!r}")
            for item in value:
                checks.count(item, name, minimum=2) if name == "shape" else checks.positive(item, name)
            object.__setattr__(self, name, tuple(value))
        for frequency in self.drive_frequency:
            divider = self.sampling_frequency / frequency
            if abs(divider - round(divider)) > 1e-6 or divider < 4:
                raise ValueError(
                    f"sampling_frequency must be a whole multiple (at least 4) of each drive_frequency, "
                    f"got {self.sampling_frequency:g} / {frequency:g} = {divider:g}"
                )

    @classmethod
    def cartesian(cls, **changes) -> "Scanner":
        """The paper's x-space scanner: 25 kHz lines, stepped by 0.5 kHz; N = 4950 samples in 2 ms."""
        return cls(**{"drive_frequency": (25e3, 0.5e3), **changes})

    @classmethod
    def lissajous(cls, **changes) -> "Scanner":
        """The paper's system-matrix scanner: 25 and 24.75 kHz; N = 9900 samples in 4 ms, one line every 250 Hz."""
        return cls(**{"drive_frequency": (25e3, 24.75e3), **changes})

    @property
    def num_samples(self) -> int:
        """Samples N in one period, the least common multiple of the samples per drive cycle."""
        return math.lcm(*(round(self.sampling_frequency / f) for f in self.drive_frequency))

    @property
    def period(self) -> float:
        """Length of one period T [s]."""
        return self.num_samples / self.sampling_frequency

    @cached_property
    def time(self) -> np.ndarray:
        """Sampling times of one period, shape (N,) [s]."""
        return np.arange(self.num_samples) / self.sampling_frequency

    @cached_property
    def ffp(self) -> np.ndarray:
        """Path of the field-free point, columns x and y, shape (N, 2) [m]."""
        return np.cos(self._phase) * self._ffp_amplitude

    @cached_property
    def ffp_velocity(self) -> np.ndarray:
        """Velocity of the field-free point, columns x and y, shape (N, 2) [m/s]."""
        omega = 2 * np.pi * np.array(self.drive_frequency)
        return -np.sin(self._phase) * omega * self._ffp_amplitude

    @property
    def pixel_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres along x, shape (nx,), and along y, shape (ny,) [m]."""
        (ny, nx), (width, height) = self.shape, self.fov
        return np.linspace(-width / 2, width / 2, nx), np.linspace(-height / 2, height / 2, ny)

    @property
    def grid(self) -> np.ndarray:
        """Pixel centres, columns x and y, x running fastest, shape (P, 2) with P = ny nx [m]."""
        x, y = self.pixel_axes
        return np.stack([np.tile(x, y.size), np.repeat(y, x.size)], axis=1)

    @property
    def _phase(self):
        # Whole samples per cycle keep the phase exact, so that the odd symmetry holds to rounding.
        samples_per_cycle = np.round(self.sampling_frequency / np.array(self.drive_frequency)).astype(int)
        index = np.arange(self.num_samples)[:, None] % samples_per_cycle
        return 2 * np.pi * index / samples_per_cycle

    @property
    def _ffp_amplitude(self):
        return np.array(self.drive_amplitude) / np.array(self.gradient)


def langevin(x):
    """The Langevin function L(x) = coth(x) - 1/x.

    Args:
        x: field in units of the thermal field, beta B, any shape. float32 is computed in float64 and returned
            as float32.

    Returns:
        L(x), odd, between -1 and 1, the shape of ``x``.
    """
    x, dtype = _as_float(x)
    z = np.abs(x)
    small = z < _SERIES_BELOW
    safe = np.where(small, 1.0, z)
    # (1 + e) / (1 - e) with e = exp(-2 z) is coth(z) in a form that cannot overflow.
    decay = np.exp(-2 * safe)
    closed = (1 + decay) / (1 - decay) - 1 / safe
    return np.where(small, x * _series(x), np.copysign(closed, x)).astype(dtype)


def langevin_derivative(x):
    """The derivative L'(x) = 1/x^2 - 1/sinh(x)^2 of the Langevin function.

    Args:
        x: field in units of the thermal field, beta B, any shape.

    Returns:
        L'(x), even, between 0 and 1/3, the shape of ``x``.
    """
    x, dtype = _as_float(x)
    z = np.abs(x)
    small = z < _SERIES_BELOW
    safe = np.where(small, 1.0, z)
    decay = np.exp(-2 * safe)
    closed = 1 / safe**2 - 4 * decay / (1 - decay) ** 2
    return np.where(small, _series_derivative(x), closed).astype(dtype)


def point_spread_function(displacement, scanner: Scanner, particle: Particle, channel: int = 0):
    """Signal per FFP velocity along the channel's axis that a unit point at the origin induces.

    Args:
        displacement: FFP position relative to the point, shape (..., 2) [m].
        scanner: gives the gradient.
        particle: gives beta.
        channel: 0 for the x coil, 1 for the y coil.

    Returns:
        Shape (...) [1/m], the value beta G J_cc with J = (L/z) I + (L' - L/z) h h^T. It is Goodwill and Conolly's
        tangential PSF L' along the channel's axis, and their normal PSF L/z across.
    """
    checks.choice(channel, "channel", (0, 1))
    field = np.asarray(displacement, dtype=np.float64) * np.array(scanner.gradient)
    z = particle.beta * np.linalg.norm(field, axis=-1)
    safe = np.where(z == 0, 1.0, z)
    normal = np.where(z == 0, 1 / 3, langevin(safe) / safe)
    along = (particle.beta * field[..., channel] / safe) ** 2
    psf = normal + (langevin_derivative(z) - normal) * along
    return particle.beta * scanner.gradient[channel] * psf


def system_matrix(scanner: Scanner, particle: Particle, channel: int = 0) -> np.ndarray:
    """Signal of a unit amount of particles in each pixel, for one period.

    Column p is d/dt of M(B)/M_s = L(z) h at pixel p, with the field's direction h and z = beta B: the vector Langevin
    model, whose derivative is beta J dB/dt with J = (L/z) I + (L' - L/z) h h^T. The odd symmetry u[N-k] = -u[k] gives
    the second half of the period for free.

    Args:
        scanner: sequence and pixel grid.
        particle: gives beta.
        channel: 0 for the x coil, 1 for the y coil.

    Returns:
        Array of shape (N, P), float32 [1/s]; P = ny nx with x running fastest.

    Raises:
        ValueError: a channel other than 0 and 1.
    """
    checks.choice(channel, "channel", (0, 1))
    n, (ny, nx) = scanner.num_samples, scanner.shape
    half = n // 2 + 1
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
        normal, excess = _slopes_block(squared)
        torch.mul(normal, rate[block], out=out[block])
        out[block].addcmul_(excess.mul_(projection), component[block])
    _replace_near_field(matrix[:half].reshape(half, ny, nx), field, slope, channel)
    # Second half of the period: u[N-k] = -u[k].
    np.negative(matrix[n - half : 0 : -1], out=matrix[half:])
    return matrix


def _slopes_block(squared):
    """L/z and (L' - L/z)/z^2 as functions of z^2, float32; loses digits below z = 1."""
    inverse = squared.rsqrt()
    decay = squared.mul_(inverse).mul_(-2).exp_()
    coth = (1 - decay).reciprocal_()  # 1 / (1 - e); coth(z) = (1 + e) / (1 - e)
    csch2 = (coth * coth).mul_(decay)  # sinh(z)^-2 = 4 e / (1 - e)^2
    normal = coth.addcmul_(coth, decay).sub_(inverse).mul_(inverse)
    inverse.square_()
    excess = torch.sub(inverse, csch2, alpha=4, out=csch2).sub_(normal).mul_(inverse)
    return normal, excess


def _replace_near_field(response, field, slope, channel):
    """Recompute in float64 the few pixels next to the field-free point, where the closed forms cancel.

    A window around the nearest pixel that holds every pixel with z < 1 is taken from the field tables.
    """
    half, ny, nx = response.shape
    index, value = [], []
    for axis, size in enumerate((nx, ny)):
        spacing = abs(field[axis][0, 1] - field[axis][0, 0])
        reach = int(np.ceil(1 / spacing + 0.5))
        nearest = np.abs(field[axis][:, :1] / spacing).round().astype(int)
        window = np.clip(nearest + np.arange(-reach, reach + 1), 0, size - 1)
        index.append(window)
        value.append(np.take_along_axis(field[axis], window, axis=1))
    bx, by = value[0][:, None, :], value[1][:, :, None]
    dx, dy = slope[0][:, :, None], slope[1][:, :, None]
    z = np.hypot(bx, by)
    series = z < _SERIES_BELOW
    safe = np.where(series, 1.0, z)
    normal = np.where(series, _series(z), langevin(safe) / safe)
    excess = np.where(series, _series_excess(z), (langevin_derivative(safe) - langevin(safe) / safe) / safe**2)
    exact = normal * (dx, dy)[channel] + excess * (bx, by)[channel] * (bx * dx + by * dy)
    response[np.arange(half)[:, None, None], index[1][:, :, None], index[0][:, None, :]] = exact


def _as_float(x):
    x = np.asarray(x)
    dtype = x.dtype if np.issubdtype(x.dtype, np.floating) else np.float64
    return x.astype(np.float64), dtype


def _series(x):
    """L(x)/x for small x."""
    return np.polynomial.polynomial.polyval(x * x, _SERIES)


def _series_derivative(x):
    """L'(x) for small x: term n of L is multiplied by its power 2n + 1."""
    return np.polynomial.polynomial.polyval(x * x, [c * (2 * n + 1) for n, c in enumerate(_SERIES)])


def _series_excess(x):
    """(L'(x) - L(x)/x) / x^2 for small x."""
    return np.polynomial.polynomial.polyval(x * x, [2 * n * c for n, c in enumerate(_SERIES) if n])
