"""The Langevin model, the scanner and the system matrix, each against an independent derivation."""

import tracemalloc

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.fft import dctn
from test_langevin import exact_langevin

from mpicore.scanner import Particle, Scanner
from mpicore.simulation import point_spread_function, system_matrix

SHAPE = (9, 11)
TRAJECTORIES = {"cartesian": Scanner.cartesian, "lissajous": Scanner.lissajous}


@pytest.fixture(params=list(TRAJECTORIES))
def trajectory(request):
    """Both of the paper's scanners, as constructors."""
    return TRAJECTORIES[request.param]


@pytest.mark.parametrize("channel", [2, -1, "x"])
def test_unknown_channels_are_named(channel):
    with pytest.raises(ValueError, match="channel must be one of 0, 1; got"):
        system_matrix(Scanner.cartesian(shape=(2, 2)), Particle(), channel)
    with pytest.raises(ValueError, match="channel must be one of 0, 1; got"):
        point_spread_function((0, 0), Scanner.cartesian(), Particle(), channel)


# The system matrix


def magnetisation(scanner, particle, time, positions):
    """Mean magnetisation L(z) B/|B| at each position, in float64: shape (len(time), len(positions), 2)."""
    axes = zip(scanner.drive_amplitude, scanner.drive_frequency, scanner.drive_phase, strict=True)
    drive = [a * np.cos(2 * np.pi * f * time + phase) for a, f, phase in axes]
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
        {"drive_phase": (-np.pi / 2, -np.pi / 2)},  # sine drive, which has no mirror
        {"drive_phase": (0.3, 1.1), "drive_amplitude": (30e-3, 25e-3)},  # beyond the field of view on all sides
    ],
    ids=["field of view", "near field", "unequal axes", "odd period", "sine drive", "any phase"],
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


@pytest.mark.parametrize("diameter, linear", [(5e-9, 0.02), (0.1e-9, 2e-4)])
def test_small_particles_need_no_more_memory(diameter, linear):
    """All pixels lie in the near field then: the field of one pixel is below that of the thermal energy."""
    scanner = Scanner.cartesian(shape=(31, 31))
    tracemalloc.start()
    matrix = system_matrix(scanner, Particle(core_diameter=diameter))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * matrix.nbytes
    # L(z) is nearly z / 3: the signal is the velocity of the field alone.
    expected = Particle(core_diameter=diameter).beta / 3 * scanner.gradient[0] * scanner.ffp_velocity[:, 0]
    np.testing.assert_allclose(matrix.mean(axis=1), expected, rtol=0, atol=linear * np.abs(expected).max())


@pytest.mark.parametrize("diameter", [2e-9, 4e-9, 8e-9])
@pytest.mark.parametrize("channel", [0, 1])
def test_small_particles_far_from_the_field_free_point(diameter, channel):
    """The path leaves the pixels by four times their extent, and all of it is near field for the smallest particles."""
    scanner = Scanner((2.475e6 / 12, 2.475e6 / 18), shape=SHAPE, fov=(0.02, 0.02))
    particle = Particle(core_diameter=diameter)
    h = 1e-9
    m = [magnetisation(scanner, particle, scanner.time + k * h, scanner.grid)[..., channel] for k in (-2, -1, 1, 2)]
    expected = (8 * (m[2] - m[1]) - (m[3] - m[0])) / (12 * h)
    matrix = system_matrix(scanner, particle, channel)
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
