"""A point in space: its signal is computed here, and its image lies where other programs read it, of its amount."""

import struct

import h5py
import numpy as np
import pytest

from mpicore import mdf, scan
from mpicore.commands import main
from mpicore.mdf import guard, recording
from mpicore.sequence import Sequence
from mpicore.system import System

DIVIDERS, BASE, AMPLITUDE, GRADIENT = (8, 7, 6), 2.5e6, 12e-3, np.array([-1.0, -1.0, 2.0])
V = 168
SHAPE, FOV, CENTER = (3, 4, 5), (20e-3, 15e-3, 8e-3), (1e-3, -2e-3, 0.5e-3)  # nz, ny, nx; along x, y, z [m]
# Voxels (x, y, z) with their amounts: none is the mirror of another along any axis.
SPOTS = {(0, 0, 0): 1.0, (4, 1, 0): 0.5, (1, 3, 0): 0.7, (2, 2, 2): 0.9}


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


def place(voxel):
    """Middle of a voxel of the grid (x, y, z) [m]."""
    steps = np.array(FOV) / (np.array(SHAPE[::-1]) - 1)
    return np.array(CENTER) - np.array(FOV) / 2 + np.array(voxel) * steps


def point_signal(position, beta=962.34):
    """Signal of a unit amount of 25 nm particles at 294 K, d/dt L(beta B) B/|B| by a central difference, (3, V)."""

    def magnetisation(samples):
        drive = AMPLITUDE * np.sin(2 * np.pi * samples[:, None] / np.array(DIVIDERS))
        z = beta * (drive + GRADIENT * position)
        size = np.linalg.norm(z, axis=1, keepdims=True)
        return (1 / np.tanh(size) - 1 / size) * z / size

    samples, step = np.arange(V) + 1e-9, 1e-3
    return ((magnetisation(samples + step) - magnetisation(samples - step)) * BASE / (2 * step)).T


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A calibration by the library, and a recording of the spots by the physics of this file."""
    folder = tmp_path_factory.mktemp("space")
    sequence = Sequence.sines(DIVIDERS, AMPLITUDE, tuple(GRADIENT), BASE)
    system = System(sequence, SHAPE, FOV, CENTER, np.eye(3))
    scan.write_calibration(folder / "matrix.mdf", system, scan.Scan(empty=3, snr_db=20, background=0))
    clean = 1e-9 * sum(amount * point_signal(place(voxel)) for voxel, amount in SPOTS.items())
    rng = np.random.default_rng(0)
    mask = np.array([True] * 3 + [False] * 4 + [True] * 3)
    signals = np.zeros((10, 2, 3, V))
    signals[~mask] = clean
    signals += 0.005 * clean.std(axis=1)[:, None] * rng.standard_normal(signals.shape)
    matrix = mdf.read(folder / "matrix.mdf")
    acquisition = mdf.Acquisition("", 1, 2, 10, np.broadcast_to(np.diag(GRADIENT), (2, 1, 3, 3)), np.zeros((2, 1, 3)))
    drive = mdf.Drive(
        base_frequency=BASE,
        divider=np.array(DIVIDERS)[:, None],
        strength=np.full((2, 3, 1), AMPLITUDE),
        phase=np.zeros((2, 3, 1)),
        waveform=(("sine",),) * 3,
        cycle=V / BASE,
    )
    mdf.create(
        folder / "scan.mdf", signals, acquisition=acquisition, drive=drive, receiver=matrix.receiver, background=mask
    )
    return folder


def reconstructed(files, name):
    output = files / name
    options = ["--calibration", str(files / "matrix.mdf"), "-o", str(output), "--regularisation", "1e-4"]
    assert main(["reconstruct", str(files / "scan.mdf"), "--sweeps", "300", *options]) == 0
    return output


def test_the_sequence_is_as_the_tables_of_the_format_say(files):
    """A sine without phase in the file is a sine of the library."""
    drive = Sequence.sines(DIVIDERS, AMPLITUDE, tuple(GRADIENT), BASE).drive_field
    expected = AMPLITUDE * np.sin(2 * np.pi * np.arange(V)[:, None] / np.array(DIVIDERS))
    np.testing.assert_allclose(drive, expected, atol=1e-12)


def test_each_spot_is_in_its_place_in_nifti(files):
    """By the affine of the header alone: offset 280 of nifti1.h, values from 352, x fastest, millimetres."""
    data = reconstructed(files, "image.nii").read_bytes()
    dim = struct.unpack_from("<8h", data, 40)
    assert dim[:5] == (4, 5, 4, 3, 4)
    affine = np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
    values = np.frombuffer(data, "<f4", offset=352).reshape(dim[1:5], order="F")
    inverse = np.linalg.inv(affine[:, :3])
    expected = np.zeros(dim[1:5])
    for voxel, amount in SPOTS.items():
        index = inverse @ (1e3 * place(voxel) - affine[:, 3])
        np.testing.assert_allclose(index, voxel, atol=1e-4)
        expected[tuple(np.rint(index).astype(int))] = amount
    np.testing.assert_allclose(values, expected, atol=0.1)


def test_each_spot_is_in_its_place_in_the_format(files):
    """By the tables of /reconstruction: the first axis of ``order`` is the fastest."""
    with h5py.File(reconstructed(files, "image.mdf")) as file:
        group = file["reconstruction"]
        size, order = group["size"][()], group["order"][()].decode()
        view, center, data = group["fieldOfView"][()], group["fieldOfViewCenter"][()], group["data"][()]
    assert order == "xyz" and data.shape == (4, 60, 1)
    edge = center - view / 2
    for voxel, amount in SPOTS.items():
        x, y, z = np.floor((place(voxel) - edge) / (view / size)).astype(int)
        assert data[:, x + size[0] * (y + size[1] * z), 0] == pytest.approx(np.full(4, amount), abs=0.1)
    assert data.sum(axis=(1, 2)) == pytest.approx(np.full(4, sum(SPOTS.values())), rel=0.05)


@pytest.mark.parametrize("axis", range(3))
def test_a_mirror_image_is_seen(files, axis):
    """The test can fail: the spots mirrored along an axis are far from the image."""
    data = reconstructed(files, "image.nii").read_bytes()
    values = np.frombuffer(data, "<f4", offset=352).reshape((5, 4, 3, 4), order="F")
    assert np.abs(values - np.flip(values, axis)).max() > 0.4
