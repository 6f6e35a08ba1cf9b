"""Sequences of one to three axes: their fields, what a file tells of them, and the symmetries that are found."""

import mdf_files
import numpy as np
import pytest

from mpicore import mdf
from mpicore.scanner import Scanner
from mpicore.sequence import SINE, Sequence, Symmetry, Tone

FFP = (-1.0, -1.0, 2.0)


def cosines(*dividers, gradient=FFP, phase=0.0, **more):
    return Sequence(2.5e6, tuple((Tone(divider, 12e-3, phase),) for divider in dividers), gradient, **more)


def test_the_open_data_is_one_call():
    sequence = Sequence.open_data()
    assert sequence.num_samples == 53856 and sequence.sampling_frequency == pytest.approx(2.5e6)
    t = sequence.time
    for axis, divider in enumerate((102, 96, 99)):
        expected = 12e-3 * np.sin(2 * np.pi * 2.5e6 / divider * t)
        np.testing.assert_allclose(sequence.drive_field[:, axis], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sequence.static_field([1e-3, 2e-3, 3e-3]), [-1e-3, -2e-3, 6e-3])
    assert sequence.free_dimensions == 0


def test_the_rate_is_the_derivative_of_the_field():
    """By the spectrum of one period, which holds every tone on a line of its own."""
    drive = ((Tone(40, 10e-3, 0.3), Tone(24, 2e-3, 1.1)), (), (Tone(30, 5e-3),))
    sequence = Sequence(1e6, drive, FFP, num_samples=480)
    lines = 2j * np.pi * np.arange(241) / sequence.period
    expected = np.fft.irfft(np.fft.rfft(sequence.drive_field, axis=0) * lines[:, None], 480, axis=0)
    np.testing.assert_allclose(sequence.drive_rate, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    assert not sequence.drive_field[:, 1].any()


@pytest.mark.parametrize(
    "gradient, dimensions",
    [
        (FFP, 0),
        ((-2.0, 2.0, 0.0), 1),
        (((-1.0, 1.0, 0.0), (1.0, -1.0, 0.0), (0.0, 0.0, 2.0)), 1),
        ((0.0, 0.0, 1.0), 2),
        ((0.0, 0.0, 0.0), 3),
    ],
)
def test_a_field_free_point_line_plane_or_none(gradient, dimensions):
    assert cosines(102, gradient=gradient).free_dimensions == dimensions


def test_the_planar_scanner_is_a_sequence():
    """Its field is D - G r; the path of its field-free point is where the field of the sequence vanishes."""
    scanner = Scanner.lissajous(gradient=(0.4, 0.3), drive_phase=(0.2, -1.0))
    sequence = scanner.sequence
    ffp = np.column_stack([scanner.ffp, np.zeros(scanner.num_samples)])
    np.testing.assert_allclose(sequence.drive_field + sequence.static_field(ffp), 0, atol=1e-15)
    assert sequence.num_samples == scanner.num_samples and sequence.period == pytest.approx(scanner.period, rel=1e-14)


# The mirror


def found_by_trying(sequence):
    """Whether any sample or half-sample mirrors all of the field, by comparing samples of the period."""
    field, V = sequence.drive_field, sequence.num_samples
    index = np.arange(V)
    return [m / 2 for m in range(V) if np.abs(field[(m - index) % V] - field).max() < 1e-7 * np.abs(field).max()]


SEQUENCES = {
    "cosine": cosines(51, 48, 34),
    "sine": Sequence.sines((51, 48, 34), 12e-3, FFP),
    "sine 102/96": Sequence.sines((102, 96), 12e-3, FFP),
    "sine, odd over odd": Sequence.sines((33, 99), 12e-3, FFP),
    "one sine": Sequence.sines((102,), 12e-3, FFP),
    "a late cosine": Sequence(2.5e6, tuple((Tone(n, 1e-2, -2 * np.pi * 7.5 / n),) for n in (50, 75)), FFP),
    "two tones": Sequence(2.5e6, ((Tone(48, 1e-2), Tone(64, 3e-3, np.pi)), (Tone(32, 1e-2),)), FFP),
    "two tones against each other": Sequence(2.5e6, ((Tone(48, 1e-2), Tone(64, 3e-3, 0.5)), (Tone(32, 1e-2),)), FFP),
    "triangle of tones": Sequence(2.5e6, ((Tone(99, 1e-2, SINE), Tone(33, 1e-3, -SINE)),), FFP),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_the_mirror_is_that_found_by_trying_every_sample(name):
    sequence = SEQUENCES[name]
    tried = found_by_trying(sequence)
    mirror = sequence.mirror
    if mirror is not None and mirror.sample * 2 % 1 == pytest.approx(0, abs=1e-6):
        assert mirror.sample == pytest.approx(tried[0]) and mirror.odd
        assert mirror.time == pytest.approx(mirror.sample / sequence.sampling_frequency)
    else:
        assert tried == []
    if mirror is not None:  # also between the samples
        t = np.linspace(0, sequence.period, 997)
        fields = [
            [
                sum(c.amplitude * np.cos(2 * np.pi * sequence.base_frequency / c.divider * s + c.phase) for c in tones)
                for tones in sequence.drive
            ]
            for s in (t, 2 * mirror.time - t)
        ]
        np.testing.assert_allclose(*fields, atol=1e-9)


def test_which_sequences_have_one():
    with_mirror = {name for name, sequence in SEQUENCES.items() if sequence.mirror is not None}
    assert with_mirror == {
        "cosine",
        "sine, odd over odd",
        "one sine",
        "a late cosine",
        "two tones",
        "triangle of tones",
    }
    assert Sequence.open_data().mirror is None
    assert SEQUENCES["cosine"].mirror.sample == 0 and SEQUENCES["a late cosine"].mirror.sample == pytest.approx(7.5)


@pytest.mark.parametrize("phase", [(0.0, 0.0), (np.pi, 0.0), (SINE, SINE), (0.3, 0.1), (SINE, 0.0)])
@pytest.mark.parametrize("make", [Scanner.cartesian, Scanner.lissajous])
def test_the_planar_scanner_finds_the_same_mirror(make, phase):
    scanner = make(drive_phase=phase)
    mirror = scanner.sequence.mirror
    whole = None if mirror is None or mirror.sample % 1 > 1e-6 else round(mirror.sample)
    assert scanner.mirror == whole


def test_along_a_field_free_line_signs_are_free():
    """Without a gradient along x its drive may change sign: signals of the x coil are even, of the others odd."""
    line = Sequence(2.5e6, ((Tone(96, 1e-2, SINE),), (Tone(96, 1e-2),)), (0.0, -1.0, 1.0))
    assert line.mirror.sample == 0 and line.mirror.signs == (1, -1, -1) and not line.mirror.odd
    point = Sequence(2.5e6, line.drive, FFP)
    assert point.mirror is None
    offset = Sequence(2.5e6, line.drive, (0.0, -1.0, 1.0), offset=(1e-3, 0.0, 0.0))
    assert offset.mirror is None


def test_symmetries_are_those_of_the_field():
    """D(shift + t), or D(shift - t), is the field with the signs."""
    for sequence in (Sequence.open_data(), cosines(102, 96), SEQUENCES["triangle of tones"]):
        index = np.arange(sequence.num_samples)
        assert sequence.symmetries[0] == Symmetry(False, 0.0, (1, 1, 1))
        for found in sequence.symmetries:
            if found.shift % 1 == 0:
                moved = (int(found.shift) + (-index if found.reverse else index)) % sequence.num_samples
                np.testing.assert_allclose(sequence.drive_field[moved], found.signs * sequence.drive_field, atol=1e-12)
    assert len(Sequence.open_data().symmetries) == 4


# What a file tells


def recording(tmp_path, **changes):
    entries = mdf_files.tables(mdf_files.truth())
    entries |= {f"/acquisition/{name.replace('__', '/')}": value for name, value in changes.items()}
    return mdf.read(mdf_files.store(tmp_path / "a.mdf", entries))


def test_a_file_tells_its_sequence(tmp_path):
    """Sine of 2 pi f t + phase, in the tables of the format."""
    sequence = Sequence.from_mdf(recording(tmp_path))
    assert sequence.num_samples == 48 and sequence.period == pytest.approx(48 / 2.4e6)
    t = np.arange(48) / 2.4e6
    expected = [0.012 * np.sin(2 * np.pi * 2.4e6 / n * t + 0.5) for n in (16, 12)]
    np.testing.assert_allclose(sequence.drive_field[:, :2].T, expected, atol=1e-15)
    assert sequence.gradient == ((-1, 0, 0), (0, -1, 0), (0, 0, 2))


def test_several_tones_of_a_file(tmp_path):
    sequence = Sequence.from_mdf(
        recording(
            tmp_path,
            drivefield__divider=np.array([[16, 24], [12, 12]]),
            drivefield__strength=np.array([[[0.01, 0.002], [0.012, 0.0]]]),
            drivefield__phase=np.array([[[0.0, 0.1], [0.2, 0.0]]]),
            drivefield__waveform=np.array([["sine", "sine"], ["sine", "custom"]], object),
        )
    )
    assert sequence.drive == (
        (Tone(16, 0.01, SINE), Tone(24, 0.002, 0.1 + SINE)),
        (Tone(12, 0.012, 0.2 + SINE),),
    )


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"gradient": None}, "must have a drivefield and a gradient"),
        ({"drivefield__waveform": np.array([["sine"], ["triangle"]], object)}, "must be sine, got 'triangle'"),
        ({"drivefield__divider": np.array([[16], [0]])}, "divider must be above 0"),
        ({"drivefield__divider": np.array([[16], [11]])}, "cycle must be a multiple of all dividers"),
        ({"receiver__bandwidth": 1.21e6}, "must be whole cycles of baseFrequency"),
        ({"gradient": np.stack([np.eye(3), 2 * np.eye(3)])[None]}, "must stay as it is during a period"),
    ],
)
def test_what_cannot_be_described_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        Sequence.from_mdf(recording(tmp_path, **changes))


def test_periods_that_differ_are_described_one_by_one(tmp_path):
    entries = mdf_files.tables(mdf_files.truth(J=2))
    entries["/acquisition/gradient"] = np.stack([np.diag([0.0, 1.0, -1.0]), np.diag([1.0, 0.0, -1.0])])[:, None]
    rotated = mdf.read(mdf_files.store(tmp_path / "a.mdf", entries))
    with pytest.raises(ValueError, match="gradient differs between the periods"):
        Sequence.from_mdf(rotated)
    assert Sequence.from_mdf(rotated, period=1).gradient[0] == (1, 0, 0)
    with pytest.raises(ValueError, match=r"period must be in \[0, 2\), got 2"):
        Sequence.from_mdf(rotated, period=2)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Tone(0, 1.0), "divider must be a whole number"),
        (lambda: Tone(5, -1.0), "amplitude must be at least 0"),
        (lambda: cosines(), "drive must have 1 to 3 channels, got 0"),
        (lambda: Sequence(1e6, ((), ()), FFP), "at least one tone"),
        (lambda: Sequence(1e6, ((40.0,),), FFP), "drive must hold tones"),
        (lambda: cosines(102, gradient=(1.0, 2.0)), "gradient must be three finite numbers"),
        (lambda: cosines(102, offset=(0, 0, np.nan)), r"offset must be finite, found nan at index \(2,\)"),
        (lambda: cosines(102, cycle=100), "cycle must be a multiple"),
        (lambda: cosines(102, cycle=204, num_samples=4), "num_samples must be more than two per cycle .* 5 or more"),
    ],
)
def test_bad_sequences_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
