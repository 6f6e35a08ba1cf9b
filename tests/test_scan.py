"""A simulated scan has the SNR, the background and the drift that were asked for, and its files fit each other."""

import h5py
import numpy as np
import pytest

from mpicore import imaging, mdf, scan
from mpicore.mdf import guard, recording
from mpicore.scan import Scan

SMALL = (1, 7, 7)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


@pytest.fixture(scope="module")
def system():
    return scan.open_scanner(2, SMALL)


def test_noise_background_and_drift_are_as_asked():
    rng = np.random.default_rng(0)
    clean, hum = rng.standard_normal((40, 2, 500)), rng.standard_normal((2, 500))
    mask = scan.background_mask(40, 10)
    sigma = np.array([0.1, 2.0])
    found = np.concatenate(list(scan.recorded(clean, mask, hum, sigma, Scan(40, 3, 10, drift=0.5))))
    assert found.shape == (70, 3, 2, 500)
    expected = (1 + 0.5 * np.linspace(0, 1, 70))[:, None, None, None] * hum
    expected[~mask] += clean[:, None]
    noise = found - expected
    np.testing.assert_allclose(noise.std(axis=(0, 1, 3)), sigma, rtol=0.02)
    assert abs(np.mean(noise[:, 0] * noise[:, 1])) < 0.02, "each period has noise of its own"


def test_a_scanner_that_warms_up_drifts_exponentially():
    """From the solution of da/dt = (end - a) / tau: equal steps of time shrink the distance from the end equally."""
    found = Scan(drift=0.5, warm_up=0.2).amplitudes(101)
    assert found[0] == 1 and found[-1] == pytest.approx(1.5)
    steps = np.diff(found)
    np.testing.assert_allclose(steps[1:] / steps[:-1], np.exp(-0.01 / 0.2))
    np.testing.assert_array_equal(Scan(drift=0.5).amplitudes(101), 1 + 0.5 * np.linspace(0, 1, 101))
    np.testing.assert_allclose(Scan(drift=0.5, warm_up=1e6).amplitudes(101), Scan(drift=0.5).amplitudes(101))


def test_background_frames_lie_before_between_and_after():
    assert scan.background_mask(4, 2).astype(int).tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 1, 1]
    assert scan.background_mask(5, 0).tolist() == [False] * 5


def test_every_frame_shows_something_else(system):
    objects = scan.moving_objects(system, Scan(50))
    assert objects.shape == (50, 49) and (objects >= 0).all()
    unit = objects / np.linalg.norm(objects, axis=1, keepdims=True)
    likeness = unit @ unit.T - np.eye(50)
    assert likeness.max() < 0.9999
    np.testing.assert_array_equal(objects, scan.moving_objects(system, Scan(50)))
    assert (objects != scan.moving_objects(system, Scan(50, seed=1))).any()


def test_the_recording(tmp_path, system):
    """SNR per channel, from what is in the file alone: two periods give signal and noise."""
    path = tmp_path / "scan.mdf"
    scan.write_recording(path, system, Scan(60, snr_db=3.0, background=0.0))
    found = mdf.read(path)
    assert found.deviations == () and found.shape == (90, 2, 3, 1632)
    with h5py.File(path) as file:
        assert file["measurement/data"].dtype == np.int16
    first, second = np.moveaxis(found.signals()[~found.background], 1, 0)
    signal = np.mean(first * second, axis=(0, 2))
    noise = np.mean((first - second) ** 2, axis=(0, 2)) / 2
    np.testing.assert_allclose(10 * np.log10(signal / noise), 3.0, atol=0.15)
    empty = found.signals()[found.background]
    np.testing.assert_allclose(np.mean(empty**2, axis=(0, 1, 3)), noise, rtol=0.05)


def test_sequence_and_grid_come_back(tmp_path, system):
    from mpicore.system import System

    scan.write_calibration(tmp_path / "matrix.mdf", system)
    again = System.from_mdf(mdf.read(tmp_path / "matrix.mdf"))
    np.testing.assert_allclose(again.grid, system.grid, atol=1e-12)
    np.testing.assert_allclose(again.sequence.drive_field, system.sequence.drive_field, atol=1e-12)
    assert again.sequence.gradient == system.sequence.gradient


@pytest.mark.parametrize("dimensions", [1, 2])
def test_recording_and_calibration_are_of_one_scan(tmp_path, dimensions):
    """What the spots are is what is seen."""
    system = scan.open_scanner(dimensions, (1, 7, 7) if dimensions == 2 else None)
    settings = Scan(20, snr_db=20.0)
    scan.write_recording(tmp_path / "scan.mdf", system, settings)
    scan.write_calibration(tmp_path / "matrix.mdf", system, Scan(empty=2))
    files = (mdf.read(tmp_path / name) for name in ("scan.mdf", "matrix.mdf"))
    images = imaging.reconstruct(*files, imaging.Imaging(relative_lambda=0.01, most_rows=200))
    objects = scan.moving_objects(system, settings)
    error = np.linalg.norm(images.values.reshape(20, -1) - objects) / np.linalg.norm(objects)
    scale = np.sum(images.values.reshape(20, -1) * objects) / np.sum(objects**2)
    assert error < 0.35 and abs(scale - 1) < 0.1


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="dimensions must be one of 1, 2, 3"):
        scan.open_scanner(4)
    with pytest.raises(ValueError, match="frames must be a whole number"):
        Scan(frames=0)
    with pytest.raises(ValueError, match="mask must leave 3 frames"):
        list(scan.recorded(np.ones((3, 1, 4)), [True, False], np.ones((1, 4)), [1.0], Scan()))
