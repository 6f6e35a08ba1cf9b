"""Particles and scanners: moments, paths, pixels, lines, and the mirror of a sequence."""

import math

import numpy as np
import pytest

from mpicore.scanner import MU0, Particle, Scanner

SHAPE = (9, 11)

TRAJECTORIES = {"cartesian": Scanner.cartesian, "lissajous": Scanner.lissajous}


@pytest.fixture(params=list(TRAJECTORIES))
def trajectory(request):
    """Both of the paper's scanners, as constructors."""
    return TRAJECTORIES[request.param]


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
        # A twentieth of a sample per cycle is five samples after a hundred cycles.
        ({"drive_frequency": (25e3, 2.475e6 / 99.05)}, "whole multiple .* of each drive_frequency, got .* = 99.05"),
        ({"drive_frequency": (1.2375e6, 25e3)}, r"whole multiple \(at least 4\) .* = 2"),
    ],
)
def test_bad_scanners_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Scanner(**{"drive_frequency": (25e3, 24.75e3), **changes})


def test_period_is_the_least_common_multiple():
    assert Scanner(drive_frequency=(2.475e6 / 12, 2.475e6 / 18)).num_samples == math.lcm(12, 18)


@pytest.mark.parametrize("harmonic", [1, 2, 3, 7, 49])
def test_a_harmonic_is_where_its_wave_is(trajectory, harmonic):
    """The only line of cos(2 pi h f t) over one period, counted by its spectrum."""
    scanner = trajectory()
    wave = np.cos(2 * np.pi * harmonic * scanner.drive_frequency[0] * scanner.time)
    assert scanner.harmonic_line(harmonic) == int(np.argmax(np.abs(np.fft.rfft(wave))))


@pytest.mark.parametrize(
    "harmonic, message", [(0, "harmonic must be a whole number"), (50, "half the sampling frequency, got 50")]
)
def test_harmonics_without_a_line_are_named(harmonic, message):
    with pytest.raises(ValueError, match=message):
        Scanner.cartesian().harmonic_line(harmonic)


def test_the_extent_is_that_of_the_pixel_centres():
    scanner = Scanner.cartesian(fov=(0.1, 0.06), shape=(7, 5))
    x, y = scanner.pixel_axes
    np.testing.assert_allclose(scanner.extent_mm, [1e3 * x[0], 1e3 * x[-1], 1e3 * y[0], 1e3 * y[-1]])
    assert scanner.samples_per_cycle == 99


@pytest.mark.parametrize("phase", [(0.0, 0.0), (np.pi, 0.0), (0.0, -np.pi), (np.pi, np.pi)])
def test_cosine_drive_is_mirrored_in_its_first_sample(trajectory, phase):
    scanner = trajectory(drive_phase=phase)
    assert scanner.mirror == 0
    np.testing.assert_allclose(np.roll(scanner.ffp[::-1], 1, axis=0), scanner.ffp, atol=1e-15)


def test_a_shifted_cosine_is_mirrored_in_a_later_sample():
    """A delay of the whole sequence by 7 samples moves the mirror there."""
    still = Scanner.cartesian()
    late = Scanner.cartesian(
        drive_phase=tuple(-2 * np.pi * 7 * f / still.sampling_frequency for f in still.drive_frequency)
    )
    assert late.mirror == 7
    np.testing.assert_allclose(late.ffp, np.roll(still.ffp, 7, axis=0), atol=1e-12)
    path = late.ffp
    index = np.arange(still.num_samples)
    np.testing.assert_allclose(path[(7 - index) % still.num_samples], path[(7 + index) % still.num_samples], atol=1e-12)


def test_sine_drive_of_the_papers_sequences_has_no_mirror(trajectory):
    """Nor does the open data's pair of 102 and 96 samples: 16 (2m + 1) = 17 (2k + 1) has no solution."""
    sine = (-np.pi / 2, -np.pi / 2)
    assert trajectory(drive_phase=sine).mirror is None
    assert Scanner((2.5e6 / 102, 2.5e6 / 96), sampling_frequency=2.5e6, drive_phase=sine).mirror is None


def test_the_field_has_its_phase():
    """Sine drive starts at the centre."""
    scanner = Scanner.cartesian(drive_phase=(-np.pi / 2, -np.pi / 2))
    np.testing.assert_allclose(scanner.ffp[0], 0, atol=1e-15)
    velocity = np.gradient(scanner.ffp, 1 / scanner.sampling_frequency, axis=0)
    np.testing.assert_allclose(scanner.ffp_velocity[1:-1], velocity[1:-1], atol=2e-3 * np.abs(velocity).max())


@pytest.mark.parametrize("make", [Scanner.cartesian, Scanner.lissajous])
def test_the_field_of_the_general_sequence_vanishes_on_the_path(make):
    """Two descriptions of one scanner: where it says that its free point is, drive and selection field cancel."""
    scanner = make(shape=(5, 5))
    sequence = scanner.sequence
    path = np.column_stack([scanner.ffp, np.zeros(scanner.num_samples)])
    field = sequence.drive_field + sequence.static_field(path)
    assert np.abs(field[:, :2]).max() < 1e-9 * np.abs(sequence.drive_field).max()
