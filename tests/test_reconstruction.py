"""x-space gridding and Kaczmarz, against identities and against the row loop they stand for."""

import numpy as np
import pytest

from mpicore.langevin import langevin, langevin_derivative
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import (
    Gridding,
    Kaczmarz,
    SystemMatrixReconstruction,
    XSpace,
    frequency_components,
    kaczmarz,
    select_frequencies,
)
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import point_spread_function, system_matrix

# x-space

SEQUENCES = [(Scanner.cartesian, 0), (Scanner.lissajous, 0), (Scanner.lissajous, 1)]


@pytest.mark.parametrize("make, channel", SEQUENCES)
@pytest.mark.parametrize("coefficients", [(3.0, 0, 0), (1.0, 20.0, -7.0)])
def test_affine_images_come_out_exactly(make, channel, coefficients):
    """u = v (a + b x + c y) along the path gives a + b x + c y at every pixel that the samples enclose.

    Linear interpolation reproduces affine functions, so a constant times the velocity gives that constant.
    """
    a, b, c = coefficients
    scanner = make(shape=(31, 29))
    u = scanner.ffp_velocity[:, channel] * (a + scanner.ffp @ [b, c])
    image = XSpace(scanner, channel=channel)(u[None])[0].ravel()
    expected = a + scanner.grid @ [b, c]
    # Speeds above 0.45 of the highest are those within sqrt(1 - 0.45^2) of the amplitude.
    reach = 0.05 * np.sqrt(1 - 0.45**2)
    along, across = scanner.grid[:, channel], scanner.grid[:, 1 - channel]
    inside = (np.abs(along) < reach - 2e-3) & (np.abs(across) < 0.047)
    outside = (np.abs(along) > reach) | (np.abs(across) > 0.0499)
    np.testing.assert_allclose(image[inside], expected[inside], rtol=1e-11)
    np.testing.assert_array_equal(image[outside], 0)
    assert inside.sum() > 0.7 * image.size


@pytest.mark.parametrize("fraction", [0.2, 0.45, 0.7])
def test_slow_samples_are_left_out(fraction):
    """Values at samples slower than the fraction of the highest speed do not matter, those of faster ones do."""
    scanner = Scanner.cartesian(shape=(20, 20))
    reconstruct = XSpace(scanner, Gridding(fraction))
    speed = np.abs(scanner.ffp_velocity[:, 0])
    slow = speed < fraction * speed.max()
    u = np.random.default_rng(0).standard_normal((1, scanner.num_samples))
    np.testing.assert_array_equal(reconstruct(np.where(slow, 1e6, u)), reconstruct(np.where(slow, 0, u)))
    x = np.abs(scanner.grid[:, 0].reshape(scanner.shape))
    covered = reconstruct(scanner.ffp_velocity[None, :, 0])[0] > 0
    reach = 0.05 * np.sqrt(1 - fraction**2)
    assert not covered[x > reach].any()
    assert covered[2:-2][x[2:-2] < reach - 2e-3].all()


def test_pixels_outside_take_the_nearest_sample():
    """A constant fills the whole image; ``zero`` leaves the rim empty and everything else as it is."""
    scanner = Scanner.cartesian(shape=(24, 26), fov=(0.12, 0.12))
    velocity = scanner.ffp_velocity[None, :, 0]
    np.testing.assert_allclose(XSpace(scanner, Gridding(outside="nearest"))(2 * velocity), 2, rtol=1e-11)
    u = np.random.default_rng(0).standard_normal((1, scanner.num_samples))
    zero, nearest = (XSpace(scanner, Gridding(outside=outside))(u)[0] for outside in ("zero", "nearest"))
    covered = XSpace(scanner)(velocity)[0] > 0
    np.testing.assert_array_equal(zero[covered], nearest[covered])
    np.testing.assert_array_equal(zero[~covered], 0)
    fast = np.flatnonzero(np.abs(velocity[0]) >= 0.45 * np.abs(velocity).max())
    fast = fast[fast < scanner.num_samples / 2]
    values = (u[0, fast] - u[0, -fast]) / (2 * velocity[0, fast])
    distance = np.linalg.norm(scanner.grid[:, None] - scanner.ffp[fast], axis=2)
    rim = ~covered.ravel()
    np.testing.assert_allclose(nearest.ravel()[rim], values[distance.argmin(axis=1)][rim], rtol=1e-12)


class AtSamples(Scanner):
    """A scanner whose pixels lie on a hundred fast samples of its own path, where nothing is interpolated."""

    @property
    def samples(self):
        half = slice(1, self.num_samples // 2)
        speed = np.abs(self.ffp_velocity[half, 0])
        inside = (speed > 0.55 * speed.max()) & (np.abs(self.ffp[half, 1]) < 0.04)
        return np.random.default_rng(0).choice(1 + np.flatnonzero(inside), 100, replace=False)

    @property
    def grid(self):
        return self.ffp[self.samples]


@pytest.mark.parametrize("frequency", [0.5e3, 2.5e3])
def test_a_point_comes_out_as_the_point_spread_function(frequency):
    """Image = PSF(r - r_p) + beta G J_xy v_y / v_x: the second term is what the velocity across adds.

    With a pixel on a sample this holds to the rounding of float32. On the Cartesian path v_y / v_x is below 1/22 where
    the samples are fast enough, so that the image is the point spread function itself up to 1 % of its peak.
    """
    particle = Particle()
    sequence = {"drive_frequency": (25e3, frequency)}
    column = system_matrix(Scanner(**sequence, shape=(3, 3), fov=(0.04, 0.03)), particle)[:, [4, 5]].T
    scanner = AtSamples(**sequence, shape=(10, 10))
    images = XSpace(scanner)(column.astype(np.float64)).reshape(2, 100)
    peak = particle.beta * 0.4 / 3
    for image, point in zip(images, [(0, 0), (0.02, 0)], strict=True):
        displacement = scanner.grid - point
        psf = point_spread_function(displacement, scanner, particle)
        z = particle.beta * 0.4 * np.linalg.norm(displacement, axis=1)
        unit = displacement / np.linalg.norm(displacement, axis=1, keepdims=True)
        cross = (langevin_derivative(z) - langevin(z) / z) * unit[:, 0] * unit[:, 1]
        velocity = scanner.ffp_velocity[scanner.samples]
        expected = psf + 3 * peak * cross * velocity[:, 1] / velocity[:, 0]
        np.testing.assert_allclose(image, expected, rtol=0, atol=2e-6 * peak)
        if frequency == 0.5e3:
            np.testing.assert_allclose(image, psf, rtol=0, atol=0.01 * peak)


def test_xspace_is_linear():
    scanner = Scanner.cartesian(shape=(20, 20))
    reconstruct = XSpace(scanner)
    u, v = np.random.default_rng(0).standard_normal((2, 3, scanner.num_samples))
    expected = 2 * reconstruct(u) - 3 * reconstruct(v)
    np.testing.assert_allclose(reconstruct(2 * u - 3 * v), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_xspace_averages_the_two_passes():
    """White noise of the two passes over a point is averaged, and an even signal, which no object has, is removed."""
    scanner = Scanner.cartesian(shape=(20, 20))
    reconstruct = XSpace(scanner)
    u = np.random.default_rng(0).standard_normal((1, scanner.num_samples))
    mirrored = np.roll(u[:, ::-1], 1, axis=1)
    np.testing.assert_allclose(reconstruct(u + mirrored), 0, atol=1e-15)
    np.testing.assert_allclose(reconstruct(u - mirrored), 2 * reconstruct(u), rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_keep_the_precision_of_the_signals(dtype):
    scanner = Scanner.cartesian(shape=(12, 14))
    images = XSpace(scanner)(np.ones((2, scanner.num_samples), dtype))
    assert images.dtype == dtype
    assert images.shape == (2, 12, 14)
    assert images.flags.c_contiguous


@pytest.mark.parametrize(
    "options, message",
    [
        ({"outside": "mirror"}, "outside must be one of zero, nearest; got 'mirror'"),
        ({"slow_fraction": 0}, r"slow_fraction must be in \(0, 1\), got 0"),
        ({"slow_fraction": 1.0}, r"slow_fraction must be in \(0, 1\), got 1.0"),
        ({"slow_fraction": float("nan")}, "slow_fraction must be finite, got nan"),
    ],
)
def test_bad_gridding_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        Gridding(**options)


def test_an_unknown_channel_is_named():
    with pytest.raises(ValueError, match="channel must be one of 0, 1; got 2"):
        XSpace(Scanner.cartesian(shape=(8, 8)), channel=2)


def test_without_a_mirror_each_sample_stands_for_itself():
    """Sine drive: an image that is affine in the path's position comes out exactly, from all fast samples."""
    scanner = Scanner.cartesian(shape=(20, 20), drive_phase=(-np.pi / 2, -np.pi / 2))
    assert scanner.mirror is None
    velocity, (x, y) = scanner.ffp_velocity[:, 0], scanner.ffp.T
    image = XSpace(scanner)(((1 + 3 * x - 2 * y) * velocity)[None])[0]
    grid_x, grid_y = (axis.reshape(20, 20) for axis in scanner.grid.T)
    inside = image != 0
    assert inside.mean() > 0.7
    np.testing.assert_allclose(image[inside], (1 + 3 * grid_x - 2 * grid_y)[inside], rtol=1e-9)


@pytest.mark.parametrize(
    "options, message",
    [
        ((0.0, 10, 1.5), "relative_lambda must be positive, got 0.0"),
        ((0.1, 0, 1.5), "sweeps must be a whole number of at least 1, got 0"),
        ((0.1, 10, -1.0), "snr_threshold must be positive, got -1.0"),
    ],
)
def test_bad_kaczmarz_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Kaczmarz(*options)


def test_a_system_matrix_reconstruction_is_kaczmarz_on_its_lines():
    """What it measures are the lines of the signal of an object, and its image is that of the function."""
    scanner = Scanner.lissajous(shape=(8, 9))
    columns = system_matrix(scanner, Particle()).T
    lines = np.arange(90, 130)
    reconstruct = SystemMatrixReconstruction(columns, lines, scanner.shape, Kaczmarz(0.1, 5, 1.5))
    objects = np.random.default_rng(0).random((3, 8, 9), dtype=np.float32)
    measured = reconstruct.measure(objects)
    np.testing.assert_allclose(
        measured,
        reconstruct.components(objects.reshape(3, -1) @ columns),
        rtol=2e-3,
        atol=1e-3 * np.abs(measured).max(),
    )
    matrix = frequency_components(columns, lines).T
    expected = kaczmarz(matrix, objects.reshape(3, -1) @ matrix.T, 0.1, 5)
    np.testing.assert_array_equal(reconstruct(measured), expected.reshape(3, 8, 9))
    with pytest.raises(ValueError, match="columns must hold 72 pixels, got 71"):
        SystemMatrixReconstruction(columns[1:], lines, scanner.shape, Kaczmarz(0.1, 5, 1.5))


def test_bad_signals_are_named():
    scanner = Scanner.cartesian(shape=(8, 8))
    reconstruct = XSpace(scanner)
    with pytest.raises(ValueError, match="u must have 4950 samples per signal, got 9900"):
        reconstruct(np.ones((1, 9900)))
    with pytest.raises(ValueError, match=r"u must have 2 axes, got shape \(4950,\)"):
        reconstruct(np.ones(4950))
    with pytest.raises(ValueError, match=r"u must be finite, found nan at index \(0, 0\)"):
        reconstruct(np.full((1, 4950), np.nan))


# Kaczmarz


def row_loop(A, u, relative_lambda, sweeps, nonnegative):
    """The classic loop, one row and one right-hand side at a time."""
    lam = relative_lambda * np.sum(np.abs(A) ** 2) / A.shape[1]
    solutions = []
    for right in u:
        x, v = np.zeros(A.shape[1], complex), np.zeros(len(A), complex)
        for _ in range(sweeps):
            for k, row in enumerate(A):
                energy = np.sum(np.abs(row) ** 2)
                if energy == 0:
                    continue
                b = (right[k] - row @ x - np.sqrt(lam) * v[k]) / (energy + lam)
                x += b * row.conj()
                v[k] += np.sqrt(lam) * b
            if nonnegative:
                x = np.maximum(x.real, 0).astype(complex)
        solutions.append(x)
    return np.array(solutions)


def problem(kind, rows=17, columns=12, count=3):
    rng = np.random.default_rng(0)
    A, u = rng.standard_normal((rows, columns)), rng.standard_normal((count, rows))
    if kind == "complex":
        A, u = A + 1j * rng.standard_normal(A.shape), u + 1j * rng.standard_normal(u.shape)
    return A, u


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("sweeps", [1, 2, 7])
def test_kaczmarz_is_the_row_loop(kind, nonnegative, sweeps):
    """The same iterates after every sweep, projection included, with rows of zeros among the others."""
    A, u = problem(kind)
    A[[0, 5]] = 0
    x = kaczmarz(A, u, 0.03, sweeps, nonnegative)
    expected = row_loop(A, u, 0.03, sweeps, nonnegative)
    assert x.dtype == (complex if kind == "complex" and not nonnegative else float)
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-13)
    if nonnegative:
        assert x.min() == 0


def test_rows_of_zeros_change_nothing():
    """They are skipped: the others, alone, give the same, and what was measured there does not matter."""
    A, u = problem("complex")
    padded, measured = np.zeros((20, 12), complex), np.full((3, 20), 1e6, complex)
    padded[2:19], measured[:, 2:19] = A, u
    np.testing.assert_array_equal(kaczmarz(padded, measured, 0.1, 4), kaczmarz(A, u, 0.1, 4))


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("factor", [2.0**-80, 2.0**80])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_kaczmarz_does_not_depend_on_units(kind, factor, nonnegative):
    """In single precision the energies of these rows, factor^2, are no numbers."""
    A, u = (array.astype(np.float32 if kind == "real" else np.complex64) for array in problem(kind))
    expected = kaczmarz(A, u, 0.1, 4, nonnegative)
    np.testing.assert_array_equal(kaczmarz(factor * A, factor * u, 0.1, 4, nonnegative), expected)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("rows", [9, 17])
def test_kaczmarz_converges_to_the_tikhonov_solution(kind, rows):
    """(A^H A + l I)^-1 A^H u, for fewer and for more rows than columns."""
    A, u = problem(kind, rows=rows)
    lam = 0.2 * np.sum(np.abs(A) ** 2) / A.shape[1]
    expected = np.linalg.solve(A.conj().T @ A + lam * np.eye(12), A.conj().T @ u.T).T
    np.testing.assert_allclose(kaczmarz(A, u, 0.2, 400, nonnegative=False), expected, rtol=0, atol=1e-12)


def test_a_non_negative_object_comes_back():
    """A consistent system with little regularisation has its own object as its solution."""
    A, _ = problem("complex", rows=40)
    x = np.maximum(np.random.default_rng(1).standard_normal((4, 12)), 0)
    np.testing.assert_allclose(kaczmarz(A, x @ A.T, 1e-8, 300), x, rtol=0, atol=1e-6)


def test_single_precision_stays_single():
    A, u = problem("complex")
    x = kaczmarz(A.astype(np.complex64), u.astype(np.complex64), 0.1, 5)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, kaczmarz(A, u, 0.1, 5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "A, u, options, message",
    [
        (np.ones((3, 2)), np.ones((1, 2)), {}, r"u shape \(n, M\), got \(3, 2\) and \(1, 2\)"),
        (np.ones((3, 2)), np.ones(3), {}, r"got \(3, 2\) and \(3,\)"),
        (np.ones(3), np.ones((1, 3)), {}, r"A must have shape \(M, P\)"),
        (np.full((3, 2), np.nan), np.ones((1, 3)), {}, "A must be finite"),
        (np.ones((3, 2)), np.full((1, 3), np.inf), {}, "u must be finite"),
        (np.zeros((3, 2)), np.ones((1, 3)), {}, "A must not be zero everywhere"),
        (np.ones((3, 2)), np.ones((1, 3)), {"relative_lambda": 0}, "relative_lambda must be positive, got 0"),
        (np.ones((3, 2)), np.ones((1, 3)), {"sweeps": 0}, "sweeps must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_systems_are_named(A, u, options, message):
    with pytest.raises(ValueError, match=message):
        kaczmarz(A, u, **{"relative_lambda": 0.1, "sweeps": 1, **options})


def test_system_matrix_reconstruction_recovers_the_object():
    """Clean lines of the Lissajous scanner and little regularisation give the phantom back."""
    scanner = Scanner.lissajous(shape=(16, 16))
    lines = np.arange(1, 1500)
    A = frequency_components(system_matrix(scanner, Particle()).T)[:, lines].T
    objects = random_phantoms(2, scanner.shape, 0).reshape(2, -1)
    x = kaczmarz(A, objects @ A.T, 1e-6, 60)
    assert np.linalg.norm(x - objects) < 0.01 * np.linalg.norm(objects)


# Spectral lines


def test_lines_of_cosine_and_sine():
    """Line k of cos(2 pi k n / N) is N / 2, of the sine -i N / 2, and line 0 of a constant is N."""
    n = np.arange(100)
    u = np.array([np.cos(2 * np.pi * 7 * n / 100), np.sin(2 * np.pi * 9 * n / 100), np.ones(100)])
    expected = np.zeros((3, 51), complex)
    expected[0, 7], expected[1, 9], expected[2, 0] = 50, -50j, 100
    np.testing.assert_allclose(frequency_components(u), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [3, 1000, 2100])
def test_chosen_lines_are_those_of_the_whole_spectrum(count):
    """In the order asked for, and across the blocks of a thousand signals that are transformed together."""
    u = np.random.default_rng(0).standard_normal((count, 30))
    np.testing.assert_array_equal(frequency_components(u), np.fft.rfft(u, axis=1))
    np.testing.assert_array_equal(frequency_components(u, [7, 2]), np.fft.rfft(u, axis=1)[:, [7, 2]])


def planted(ratio, pixels=400, samples=256, lines=(3, 17, 64, 100)):
    """Two periods of white noise with lines whose amplitude is ``ratio`` times that of the noise, at random phases."""
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, (pixels, len(lines), 1))
    # A line of the noise has the mean power N; one of the amplitude a has a^2 N^2 / 4.
    amplitude = 2 * ratio / np.sqrt(samples)
    waves = np.cos(2 * np.pi * np.array(lines)[:, None] * np.arange(samples) / samples + phases)
    return amplitude * waves.sum(axis=1) + rng.standard_normal((2, pixels, samples))


@pytest.mark.parametrize(
    "threshold, ratio, kept", [(1.5, 2.0, True), (1.5, 1.2, False), (3.0, 3.5, True), (3.0, 2.5, False)]
)
def test_lines_are_selected_by_their_amplitude_ratio(threshold, ratio, kept):
    """The ratio is one of amplitudes: at 1.5 a line of twice the noise stays and one of 1.2 goes. Noise never stays.

    With 400 pixels the estimated power ratio is right to about 10 %, and a line of noise alone has 0 +- 0.05.
    """
    u1, u2 = planted(ratio)
    if kept:
        np.testing.assert_array_equal(select_frequencies(u1, u2, threshold), [3, 17, 64, 100])
    else:
        with pytest.raises(ValueError, match=f"threshold must leave at least one line, none lies above {threshold:g}"):
            select_frequencies(u1, u2, threshold)


def test_selection_counts_every_pixel():
    """Lines that are strong in the last of 2100 pixels alone, which lie in a block of their own, are found."""
    u1, u2 = 1e-3 * np.random.default_rng(0).standard_normal((2, 2100, 32))
    wave = np.cos(2 * np.pi * 5 * np.arange(32) / 32)
    np.testing.assert_array_equal(select_frequencies(u1 + wave, u2 + wave), [5])
    u1[-1] += wave
    u2[-1] += wave
    np.testing.assert_array_equal(select_frequencies(u1, u2), [5])


def test_bad_selections_are_named():
    with pytest.raises(ValueError, match=r"u1 and u2 must have one shape, got \(2, 8\) and \(2, 10\)"):
        select_frequencies(np.ones((2, 8)), np.ones((2, 10)))
    with pytest.raises(ValueError, match="threshold must be positive, got -1"):
        select_frequencies(np.ones((2, 8)), np.ones((2, 8)), -1)
