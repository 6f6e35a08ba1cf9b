"""The Langevin model, the scanner and the system matrix, each against an independent derivation."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.fft import dctn
from scipy.optimize import brentq

from mpicore.langevin import langevin, langevin_derivative
from mpicore.scanner import MU0, Particle, Scanner
from mpicore.simulation import point_spread_function, system_matrix

SHAPE = (9, 11)
TRAJECTORIES = {"cartesian": Scanner.cartesian, "lissajous": Scanner.lissajous}


@pytest.fixture(params=list(TRAJECTORIES))
def trajectory(request):
    """Both of the paper's scanners, as constructors."""
    return TRAJECTORIES[request.param]


# The Langevin function

ARGUMENTS = [1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.29, 0.3, 0.31, 1.0, 3.0, 10.0, 40.0, 1e3, 1e5]


def exact_langevin(x):
    """L(x) and L'(x) by the textbook formulas in 60 decimal digits."""
    with localcontext() as context:
        context.prec = 60
        x = Decimal(float(x))
        decay = (-2 * x).exp()
        return float((1 + decay) / (1 - decay) - 1 / x), float(1 / x**2 - 4 * decay / (1 - decay) ** 2)


@pytest.mark.parametrize(
    "x, value, slope",
    [
        (0.1, 0.0333111322539896101, 0.33266772338816501),
        (1.0, 0.313035285499331304, 0.275938339033689534),
        (10.0, 0.900000004122307253, 0.00999999175538547626),
    ],
)
def test_langevin_at_known_values(x, value, slope):
    """Values computed independently to 18 digits; cancellation leaves 15 of them."""
    assert langevin(x) == pytest.approx(value, rel=2e-15)
    assert langevin_derivative(x) == pytest.approx(slope, rel=2e-15)


@pytest.mark.parametrize("x", ARGUMENTS)
def test_langevin_against_60_digits(x):
    value, slope = exact_langevin(x)
    assert langevin(x) == pytest.approx(value, rel=2e-14)
    assert langevin_derivative(x) == pytest.approx(slope, rel=2e-14)


@pytest.mark.parametrize("x", ARGUMENTS)
def test_langevin_in_single_precision(x):
    """float32 in, float32 out, right to one unit in the last place, where the textbook formula loses all digits."""
    single = np.array([x], np.float32)
    value, slope = exact_langevin(single[0])
    for got, expected in ((langevin(single), value), (langevin_derivative(single), slope)):
        assert got.dtype == np.float32
        assert got[0] == pytest.approx(expected, rel=float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_langevin_limits(dtype):
    """0 and 1/3 at zero, exactly; +-(1 - 1/x) and 1/x^2 far out, without overflow."""
    x = np.array([0.0, -0.0, 1e3, -1e3, 1e15, -1e15], dtype)
    rounding = 2 * float(np.finfo(dtype).eps)
    with np.errstate(all="raise", under="ignore"):
        value, slope = langevin(x), langevin_derivative(x)
    assert value.dtype == slope.dtype == dtype
    np.testing.assert_array_equal(value[:2], 0)
    np.testing.assert_array_equal(slope[:2], dtype(1 / 3))
    np.testing.assert_allclose(value[2:], [0.999, -0.999, 1 - 1e-15, 1e-15 - 1], rtol=rounding, atol=0)
    np.testing.assert_allclose(slope[2:], [1e-6, 1e-6, 1e-30, 1e-30], rtol=2 * rounding, atol=0)


def test_langevin_is_odd_and_its_derivative_even():
    x = np.array(ARGUMENTS)
    np.testing.assert_array_equal(langevin(-x), -langevin(x))
    np.testing.assert_array_equal(langevin_derivative(-x), langevin_derivative(x))


def test_langevin_accepts_whole_numbers():
    assert langevin(1) == langevin(1.0)
    assert langevin(np.array([1])).dtype == np.float64


@pytest.mark.parametrize("function", [langevin, langevin_derivative])
def test_series_and_closed_form_meet(function):
    """The values just below and at the switch, x = 0.3, agree to what rounding leaves of the closed form there."""
    below, above = function(np.array([np.nextafter(0.3, 0), 0.3]))
    assert below == pytest.approx(above, rel=2e-14)


def test_derivative_is_the_slope_of_langevin():
    """Central difference of fourth order, whose own error is h^4 / 30 |L^(5)| < 1e-13 at h = 1e-3."""
    x, h = np.linspace(-12, 12, 401), 1e-3
    slope = (8 * (langevin(x + h) - langevin(x - h)) - (langevin(x + 2 * h) - langevin(x - 2 * h))) / (12 * h)
    np.testing.assert_allclose(langevin_derivative(x), slope, rtol=0, atol=2e-12)


def test_widths_at_half_maximum():
    """Full widths of the tangential and the normal point spread function, in units of the thermal field."""
    tangential = brentq(lambda x: langevin_derivative(x) - 1 / 6, 1, 4, xtol=1e-13)
    normal = brentq(lambda x: langevin(x) / x - 1 / 6, 1, 9, xtol=1e-13)
    assert 2 * tangential == pytest.approx(4.1610480483803, abs=1e-12)
    assert 2 * normal == pytest.approx(9.46663879955036, abs=1e-12)


# Particle and scanner


def test_beta_of_published_particles():
    assert Particle(25e-9, 0.6 / MU0, 294).beta == pytest.approx(962.34, abs=5e-3)
    assert Particle().beta == pytest.approx(1668.6, abs=5e-2)


@pytest.mark.parametrize("name", ["core_diameter", "saturation_magnetization", "temperature"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), "warm"])
def test_bad_particles_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Particle(**{name: value})


@pytest.mark.parametrize("make, samples, period", [(Scanner.cartesian, 4950, 2e-3), (Scanner.lissajous, 9900, 4e-3)])
def test_period_of_the_papers_sequences(make, samples, period):
    scanner = make()
    assert scanner.num_samples == samples
    assert scanner.period == pytest.approx(period, rel=1e-15)
    assert scanner.time.shape == (samples,)
    assert scanner.time[-1] + scanner.time[1] == pytest.approx(period, rel=1e-14)


def test_path_is_where_the_field_vanishes(trajectory):
    """A cos(2 pi f t) - G r = 0 on the path, and its velocity is the analytic derivative of that r(t)."""
    scanner = trajectory(drive_amplitude=(20e-3, 12e-3), gradient=(0.4, 0.3))
    for axis in (0, 1):
        phase = 2 * np.pi * scanner.drive_frequency[axis] * scanner.time
        field = scanner.drive_amplitude[axis] * np.cos(phase) - scanner.gradient[axis] * scanner.ffp[:, axis]
        np.testing.assert_allclose(field, 0, rtol=0, atol=1e-12 * scanner.drive_amplitude[axis])
        reach = scanner.drive_amplitude[axis] / scanner.gradient[axis]
        speed = 2 * np.pi * scanner.drive_frequency[axis] * reach
        np.testing.assert_allclose(scanner.ffp_velocity[:, axis], -speed * np.sin(phase), rtol=0, atol=1e-12 * speed)


def test_path_is_retraced(trajectory):
    """r(T - t) = r(t) and v(T - t) = -v(t): what makes every signal odd (eq. 4)."""
    scanner = trajectory()
    for path, sign in ((scanner.ffp, 1), (scanner.ffp_velocity, -1)):
        mirrored = sign * np.roll(path[::-1], 1, axis=0)
        np.testing.assert_allclose(mirrored, path, rtol=0, atol=1e-13 * np.abs(path).max())


def test_path_sweeps_the_field_of_view(trajectory):
    """20 mT over 0.4 T/m is 50 mm, the last pixel centre; 99 samples per cycle stop half a sample before the first."""
    scanner = trajectory()
    x, y = scanner.pixel_axes
    for axis, pixels in enumerate((x, y)):
        samples = round(scanner.sampling_frequency / scanner.drive_frequency[axis])
        lowest = -0.05 * np.cos(np.pi * (samples % 2) / samples)
        path = scanner.ffp[:, axis]
        assert path.max() == pytest.approx(0.05, abs=1e-15) == pixels[-1]
        assert path.min() == pytest.approx(lowest, abs=1e-15)
        assert pixels[0] == -0.05


def test_grid_runs_fastest_along_x():
    scanner = Scanner.cartesian(shape=(3, 4), fov=(0.06, 0.02))
    x, y = scanner.pixel_axes
    np.testing.assert_allclose(x, [-0.03, -0.01, 0.01, 0.03], rtol=0, atol=1e-17)
    np.testing.assert_allclose(y, [-0.01, 0, 0.01], rtol=0, atol=1e-17)
    for row in range(3):
        for column in range(4):
            np.testing.assert_array_equal(scanner.grid[4 * row + column], [x[column], y[row]])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"drive_frequency": (25e3, 0)}, "drive_frequency must be positive, got 0"),
        ({"drive_amplitude": (20e-3, float("inf"))}, "drive_amplitude must be finite, got inf"),
        ({"gradient": (-0.4, 0.4)}, "gradient must be positive, got -0.4"),
        ({"fov": 0.1}, "fov must be a pair, got 0.1"),
        ({"gradient": (0.4, 0.4, 0.8)}, "gradient must be a pair"),
        ({"shape": (101, 1)}, "shape must be a whole number of at least 2, got 1"),
        ({"shape": (101.0, 101)}, "shape must be a whole number of at least 2, got 101.0"),
        ({"sampling_frequency": -1.0}, "sampling_frequency must be positive, got -1.0"),
        (
            {"drive_frequency": (25e3, 24e3)},
            "whole multiple .* of each drive_frequency, got 2.475e.06 / 24000 = 103.125",
        ),
        ({"drive_frequency": (1.2375e6, 25e3)}, r"whole multiple \(at least 4\) .* = 2"),
    ],
)
def test_bad_scanners_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Scanner(**{"drive_frequency": (25e3, 24.75e3), **changes})


@pytest.mark.parametrize("channel", [2, -1, "x"])
def test_unknown_channels_are_named(channel):
    with pytest.raises(ValueError, match="channel must be one of 0, 1; got"):
        system_matrix(Scanner.cartesian(shape=(2, 2)), Particle(), channel)
    with pytest.raises(ValueError, match="channel must be one of 0, 1; got"):
        point_spread_function((0, 0), Scanner.cartesian(), Particle(), channel)


# The system matrix


def magnetisation(scanner, particle, time, positions):
    """Mean magnetisation L(z) B/|B| at each position, in float64: shape (len(time), len(positions), 2)."""
    drive = [
        a * np.cos(2 * np.pi * f * time) for a, f in zip(scanner.drive_amplitude, scanner.drive_frequency, strict=True)
    ]
    field = np.stack(drive, axis=-1)[:, None, :] - np.array(scanner.gradient) * positions
    z = particle.beta * np.sqrt(np.sum(field**2, axis=-1, keepdims=True))
    far = np.maximum(z, 0.05)
    ratio = np.where(z < 0.05, 1 / 3 - z**2 / 45 + 2 * z**4 / 945, (1 / np.tanh(far) - 1 / far) / far)
    return ratio * particle.beta * field


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fov": (0.01, 0.008)},  # pixels so close that many lie in the near field at once
        {"fov": (0.16, 0.14), "drive_amplitude": (15e-3, 22e-3), "gradient": (0.4, 0.25)},
        {"drive_frequency": (25e3, 25e3)},  # an odd number of samples
    ],
    ids=["field of view", "near field", "unequal axes", "odd period"],
)
def test_columns_are_the_derivative_of_the_magnetisation(trajectory, changes, channel):
    """dM/dt by a central difference of fourth order in float64, at every sample of the whole period and every pixel.

    At h = 1 ns the difference is right to 1e-9; the tolerance is eight units in the last place of float32.
    """
    scanner, particle = trajectory(shape=SHAPE, **changes), Particle()
    h = 1e-9
    m = [magnetisation(scanner, particle, scanner.time + k * h, scanner.grid)[..., channel] for k in (-2, -1, 1, 2)]
    expected = (8 * (m[2] - m[1]) - (m[3] - m[0])) / (12 * h)
    matrix = system_matrix(scanner, particle, channel)
    assert matrix.shape == expected.shape
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("channel", [0, 1])
def test_columns_are_odd(trajectory, channel):
    """u[N-k] = -u[k] for every column (eq. 4), the middle of the period included."""
    matrix = system_matrix(trajectory(shape=SHAPE), Particle(), channel)
    mirrored = -np.roll(matrix[::-1], 1, axis=0)
    np.testing.assert_allclose(mirrored, matrix, rtol=0, atol=1e-12 * np.abs(matrix).max())


@pytest.mark.parametrize("position", [0, 12, 37, 50])
def test_one_dimensional_spectrum_is_a_chebyshev_series(position):
    """With B = A cos(wt) - G x, line k of M(t) is the k-th Chebyshev coefficient of L(beta (A s - G x)) on [-1, 1].

    So M = sum c_k cos(k w t) and u = dM/dt, whose line k is i k w N c_k / 2. A second axis with a vanishing amplitude
    and the particle on its zero make the scanner one-dimensional. 990 samples per cycle leave no aliasing.
    """
    samples, amplitude, frequency = 990, 20e-3, 25e3
    scanner = Scanner(
        drive_frequency=(frequency, frequency),
        drive_amplitude=(amplitude, 1e-18),
        sampling_frequency=samples * frequency,
        shape=(3, 101),
    )
    particle = Particle()
    pixel = scanner.shape[1] + position
    x = scanner.grid[pixel, 0]
    assert scanner.grid[pixel, 1] == 0
    argument = particle.beta * (amplitude * chebyshev.chebpts1(600) - scanner.gradient[0] * x)
    small = np.abs(argument) < 1e-6
    values = np.where(small, argument / 3, 1 / np.tanh(argument + small) - 1 / (argument + small))
    coefficients = chebyshev.chebfit(chebyshev.chebpts1(600), values, 99)
    lines = np.arange(1, 100)
    spectrum = np.fft.rfft(system_matrix(scanner, particle)[:, pixel].astype(np.float64))[lines]
    measured = spectrum / (0.5j * lines * 2 * np.pi * frequency * samples)
    np.testing.assert_allclose(measured, coefficients[lines], rtol=0, atol=1e-7)


def test_lissajous_spectrum_is_a_bivariate_chebyshev_series():
    """With cosine drives of 100 and 99 cycles, M = sum c_mn cos(m w_x t) cos(n w_y t): lines |100 m +- 99 n|, c_mn / 2.

    The coefficients come from a discrete cosine transform over 51 Chebyshev nodes; 5 mT makes 51 of them enough. Lines
    above half the sampling frequency come back as the negative of their mirror image, since u is a sine series.
    """
    nodes, amplitude = 51, 5e-3
    scanner = Scanner.lissajous(drive_amplitude=(amplitude, amplitude), shape=(3, 4), fov=(0.02, 0.018))
    particle = Particle()
    s = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    drive = amplitude * np.stack(np.meshgrid(s, s, indexing="ij"), axis=-1)
    order = np.arange(nodes)
    for channel in (0, 1):
        spectrum = np.fft.rfft(system_matrix(scanner, particle, channel).astype(np.float64), axis=0)
        for pixel, position in enumerate(scanner.grid):
            field = drive - np.array(scanner.gradient) * position
            z = particle.beta * np.linalg.norm(field, axis=-1)
            values = (1 / np.tanh(z) - 1 / z) / z * particle.beta * field[..., channel]
            c = dctn(values, type=2) / nodes**2
            c[0] /= 2
            c[:, 0] /= 2
            sines = np.zeros(2 * scanner.num_samples)
            for sign in (1, -1):
                line = np.abs(100 * order[:, None] + sign * 99 * order)
                np.add.at(sines, line, line * 2 * np.pi / scanner.period * c / 2)
            k = np.arange(1, scanner.num_samples // 2)
            expected = 0.5j * scanner.num_samples * (sines[k] - sines[scanner.num_samples - k])
            np.testing.assert_allclose(spectrum[k, pixel], expected, rtol=0, atol=1e-7 * np.abs(spectrum).max())


# The point spread function


def test_point_spread_function_at_the_point():
    """beta G / 3: the initial slope of the Langevin function."""
    particle = Particle()
    for channel, gradient in enumerate((0.4, 0.3)):
        scanner = Scanner.cartesian(gradient=(0.4, 0.3))
        peak = point_spread_function((0.0, 0.0), scanner, particle, channel)
        assert peak == pytest.approx(particle.beta * gradient / 3, rel=1e-15)


def test_point_spread_function_is_tangential_along_and_normal_across():
    """L'(z) along the channel's axis, 6.2 mm wide, and L(z)/z across it, 14.2 mm wide (Goodwill and Conolly)."""
    scanner, particle = Scanner.cartesian(), Particle()
    peak, unit = particle.beta * 0.4 / 3, 1 / (particle.beta * 0.4)
    for width, direction, millimetres in ((4.1610480483803, (1, 0), 6.2), (9.46663879955036, (0, 1), 14.2)):
        edge = 0.5 * width * unit * np.array(direction)
        assert 2e3 * np.linalg.norm(edge) == pytest.approx(millimetres, abs=0.05)
        assert point_spread_function(edge, scanner, particle, 0) == pytest.approx(peak / 2, rel=1e-12)
        assert point_spread_function(edge[::-1], scanner, particle, 1) == pytest.approx(peak / 2, rel=1e-12)


@pytest.mark.parametrize("channel", [0, 1])
def test_columns_are_velocity_times_point_spread_function(trajectory, channel):
    """u_c = PSF_c(r - r_p) v_c + beta J_xy G v of the other axis: each pixel's column is one function, shifted to it.

    The off-diagonal entry of J is (L' - L/z) h_x h_y. Where z is below 1e-3 it is below 1e-7.
    """
    scanner, particle = trajectory(shape=SHAPE, gradient=(0.4, 0.36)), Particle()
    other = 1 - channel
    for pixel in (0, 38, 49, 98):
        displacement = scanner.ffp - scanner.grid[pixel]
        field = particle.beta * displacement * np.array(scanner.gradient)
        z = np.maximum(np.linalg.norm(field, axis=1), 1e-3)
        cross = np.array([exact_langevin(value) for value in z])
        cross = (cross[:, 1] - cross[:, 0] / z) / z**2 * field[:, 0] * field[:, 1]
        along = point_spread_function(displacement, scanner, particle, channel) * scanner.ffp_velocity[:, channel]
        expected = along + particle.beta * scanner.gradient[other] * cross * scanner.ffp_velocity[:, other]
        matrix = system_matrix(scanner, particle, channel)[:, pixel]
        np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_period_is_the_least_common_multiple():
    assert Scanner(drive_frequency=(2.475e6 / 12, 2.475e6 / 18)).num_samples == math.lcm(12, 18)
