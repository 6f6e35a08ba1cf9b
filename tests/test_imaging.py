"""Images from two files: where the tracer is, how much, and what is refused. The files are written by hand."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from mdf_files import calibration as calibration_tables
from mdf_files import spectra, store, tables

from mpicore import imaging, mdf
from mpicore.mdf import guard, recording
from mpicore.reconstruction import kaczmarz

V, C, SIZE = 192, 2, (4, 3, 2)
P = 24
LINE = 2.4e6 / 48  # distance of the lines [Hz]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


@pytest.fixture(scope="module")
def columns():
    """Signals of the voxels, x fastest, in two channels of different strength: shape (P, C, V)."""
    return np.random.default_rng(1).standard_normal((P, C, V)) * np.array([1.0, 0.1])[:, None]


@pytest.fixture(scope="module")
def objects():
    """Two voxels each, of different amounts: shape (5, nz, ny, nx)."""
    found = np.zeros((5, *SIZE[::-1]))
    for place, image in enumerate(found):
        image[place % 2, place % 3, place % 4], image[1, 2, 3] = 2.0, 0.5 + place
    return found


def written(path, signals, mask, **more):
    return mdf.read(store(path, tables(signals) | {"/measurement/isBackgroundFrame": mask.astype(np.int8)} | more))


def with_empty(signals, rng, sigma, J=1):
    """Frames between empty ones, with noise and a background that grows from frame to frame."""
    N = len(signals)
    mask = np.ones(N + 12, bool)
    mask[4 : 4 + N // 2], mask[8 + N // 2 : 8 + N] = False, False
    found = np.zeros((N + 12, J, C, V))
    found[~mask] = signals[:, None]
    drift = (1 + np.arange(N + 12) / N)[:, None, None, None]
    noise = sigma * np.array([1.0, 0.1])[:, None] * rng.standard_normal(found.shape)
    return found + drift * np.sin(np.arange(V)) + noise, mask


@pytest.fixture
def matrix(tmp_path, columns):
    signals, mask = with_empty(columns, np.random.default_rng(2), 1e-4)
    return written(tmp_path / "matrix.mdf", signals, mask, **calibration_tables(SIZE))


@pytest.fixture
def scan(tmp_path, columns, objects):
    signals = np.tensordot(objects.reshape(5, P), columns, axes=1)
    noisy, mask = with_empty(signals, np.random.default_rng(3), 0.1, J=2)
    return written(tmp_path / "scan.mdf", noisy, mask)


def test_amount_and_place(scan, matrix, objects):
    """What was measured is what is seen, in units of the calibration's sample, and each channel counts by its noise."""
    found = imaging.reconstruct(scan, matrix, imaging.Imaging(sweeps=50))
    assert found.values.shape == (5, 2, 3, 4)
    np.testing.assert_allclose(found.values, objects, atol=0.05)
    np.testing.assert_allclose(found.voxel_size, [0.01, 0.01, 0.01])
    np.testing.assert_allclose(found.center, [0, 0.001, 0])
    assert found.relative_lambda == min(found.errors, key=found.errors.get)
    assert 0.9 * found.signal < found.explained < found.signal
    assert found.rows.line.min() * LINE > 2.4e6 / 12, "lines at the drive frequencies are left out"


def test_the_choice_is_close_to_the_best(scan, matrix, objects):
    """The least noisy error has an error of at most 5 % above the least that knows the object."""
    chosen = imaging.reconstruct(scan, matrix)
    errors = {}
    for strength in imaging.CANDIDATES:
        tried = imaging.reconstruct(scan, matrix, imaging.Imaging(relative_lambda=strength))
        errors[strength] = np.linalg.norm(tried.values - objects)
    assert errors[chosen.relative_lambda] < 1.05 * min(errors.values())


LAYOUTS = {
    "frames last": lambda s, m: {
        "/measurement/data": np.moveaxis(s, 0, -1),
        "/measurement/isFastFrameAxis": np.int8(1),
    },
    "moved": lambda s, m: moved(s, m, "xyz"),
    "zyx": lambda s, m: moved(s, m, "zyx"),
    "some lines": lambda s, m: {
        "/measurement/data": spectra(s)[..., 30:],
        "/measurement/isFourierTransformed": np.int8(1),
        "/measurement/isFrequencySelection": np.int8(1),
        "/measurement/frequencySelection": np.arange(30, V // 2 + 1) + 1,
    },
}


def moved(signals, mask, order):
    """Background frames at the end, and positions in another order than they were recorded in."""
    voxels = np.arange(P).reshape(SIZE[::-1])  # z, y, x
    axes = ["zyx".index(axis) for axis in reversed(order)]
    sigma = np.concatenate([np.flatnonzero(~mask)[voxels.transpose(axes).ravel()], np.flatnonzero(mask)])
    return {
        "/measurement/data": signals[sigma],
        "/measurement/isFramePermutation": np.int8(1),
        "/measurement/framePermutation": sigma + 1,
        "/measurement/isBackgroundFrame": mask[sigma].astype(np.int8),
        "/calibration/order": order,
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_voxels_are_where_the_calibration_puts_them(tmp_path, scan, matrix, columns, objects, name):
    signals, mask = with_empty(columns, np.random.default_rng(2), 1e-4)
    more = {"/measurement/isBackgroundFrame": mask.astype(np.int8)} | calibration_tables(SIZE)
    more |= LAYOUTS[name](signals, mask)
    again = mdf.read(store(tmp_path / "again.mdf", tables(signals) | more))
    settings = imaging.Imaging(relative_lambda=1e-2, sweeps=50, lowest_frequency=31 * LINE)
    one, other = (imaging.reconstruct(scan, calibration, settings) for calibration in (matrix, again))
    np.testing.assert_allclose(other.values, one.values, rtol=1e-9, atol=1e-9)


def test_flipped_channels_are_reported_and_can_be_turned(tmp_path, scan, matrix):
    signals = scan.signals() * np.array([1.0, -1.0])[:, None]
    turned = written(tmp_path / "turned.mdf", signals, scan.background)
    with pytest.raises(ValueError, match=r"must have the sign of the calibration, found the opposite in 2 \("):
        imaging.reconstruct(turned, matrix)
    one = imaging.reconstruct(scan, matrix)
    other = imaging.reconstruct(turned, matrix, imaging.Imaging(flipped=(1,)))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-6, atol=1e-9)


def test_one_period_without_background_is_told(tmp_path, scan, matrix, columns, objects):
    signals = np.tensordot(objects.reshape(5, P), columns, axes=1)[:1, None]
    one = written(tmp_path / "one.mdf", signals, np.zeros(1, bool))
    found = imaging.reconstruct(one, matrix)
    assert any("explains the lines as well as any" in note for note in found.notes)
    assert any("all rows have one weight" in note for note in found.notes)
    assert found.errors == {} and np.isnan(found.signal)
    np.testing.assert_allclose(found.values[0], objects[0], atol=0.2)


def test_a_dead_channel_is_left_out(tmp_path, scan, matrix, objects):
    """It is no measurement of zero."""
    signals = scan.signals()
    signals[:, :, 1] = 0
    found = imaging.reconstruct(written(tmp_path / "dead.mdf", signals, scan.background), matrix)
    assert "skipped: channel 2 (dead)" in found.notes
    assert set(found.rows.channel) == {0}
    np.testing.assert_allclose(found.values, objects, atol=0.1)


def test_equal_periods_do_not_choose(tmp_path, scan, matrix):
    """Both periods of a denoised frame are its estimate, so that one tells nothing about the other."""
    signals = scan.signals()
    signals[:] = signals.mean(axis=1, keepdims=True)
    denoised = written(tmp_path / "denoised.mdf", signals, scan.background)
    found = imaging.reconstruct(denoised, matrix)
    assert any("the periods of a frame are equal" in note for note in found.notes) and found.errors == {}
    assert any("but for 5 % of the misfit" in note for note in found.notes)
    expected = imaging.reconstruct(scan, matrix, imaging.Imaging(relative_lambda=found.relative_lambda))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-6)


@pytest.mark.parametrize("noise", [None, 450.0])
def test_without_a_second_half_the_largest_strength_that_explains_as_well(noise):
    """Its misfit is at most the noise, or 5 % above the least; that of the next strength is more."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((200, 4)) + 1j * rng.standard_normal((200, 4))
    u = rng.random((6, 4)) @ A.T + rng.standard_normal((6, 200)) + 1j * rng.standard_normal((6, 200))
    found = imaging.image(A, u, noise=noise).relative_lambda
    misfit = [np.sum(np.abs(u - kaczmarz(A, u, s, 10) @ A.T) ** 2) for s in imaging.CANDIDATES]
    limit = max(6 * (noise or 0), 1.05 * min(misfit))
    place = imaging.CANDIDATES.index(found)
    assert misfit[place] <= limit < misfit[place + 1]


def test_averages_are_images_of_the_mean(tmp_path, scan, matrix):
    settings = imaging.Imaging(relative_lambda=0.1, average=5)
    found = imaging.reconstruct(scan, matrix, settings)
    signals = scan.signals()
    mean = np.repeat(signals[~scan.background].mean(axis=0, keepdims=True), 5, axis=0)
    signals[~scan.background] = mean
    same = written(tmp_path / "mean.mdf", signals, scan.background)
    expected = imaging.reconstruct(same, matrix, replace(settings, average=1))
    assert len(found.values) == 1
    np.testing.assert_allclose(found.values[0], expected.values.mean(axis=0), rtol=0.02, atol=0.02)


DIFFERENT = {
    "samples": ({"/measurement/data": None}, "numSamplingPoints 192 and 96"),
    "bandwidth": ({"/acquisition/receiver/bandwidth": 1e6}, r"bandwidth \[Hz\] 4800000 and 1000000"),
    "unit": ({"/acquisition/receiver/unit": "A"}, "receiver/unit"),
    "strength": ({"/acquisition/drivefield/strength": np.full((1, 2, 1), 0.02)}, "drivefield/strength"),
    "phase": ({"/acquisition/drivefield/phase": np.full((1, 2, 1), -0.5)}, "drivefield/phase"),
    "divider": ({"/acquisition/drivefield/divider": np.array([[16], [24]])}, "frequencies of /acquisition/drivefield"),
    "gradient": ({"/acquisition/gradient": np.diag([-2.0, -2, 4])[None, None]}, "gradient"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_calibration_of_another_scan_is_refused(tmp_path, scan, columns, name):
    changes, message = DIFFERENT[name]
    signals = columns[:, None, :, : 96 if name == "samples" else V]
    entries = tables(signals) | calibration_tables(SIZE) | {k: v for k, v in changes.items() if v is not None}
    other = mdf.read(store(tmp_path / "other.mdf", entries))
    with pytest.raises(ValueError, match=message) as told:
        imaging.reconstruct(scan, other)
    assert "scan.mdf" in str(told.value) and "other.mdf" in str(told.value)


def test_a_recording_is_no_calibration(scan):
    with pytest.raises(ValueError, match="must have a group /calibration"):
        imaging.reconstruct(scan, scan)


def test_a_calibration_without_signal_is_refused(tmp_path, scan, columns):
    signals, mask = with_empty(0 * columns, np.random.default_rng(2), 1.0)
    empty = written(tmp_path / "empty.mdf", signals, mask, **calibration_tables(SIZE))
    with pytest.raises(ValueError, match="snr_threshold must leave a row of the calibration, got 4"):
        imaging.reconstruct(scan, empty, imaging.Imaging(snr_threshold=4))


def test_the_solution_is_kaczmarz_of_the_mean():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 4)) + 1j * rng.standard_normal((30, 4))
    x = rng.random((3, 4))
    first, second = x @ A.T, 1.1 * x @ A.T
    found = imaging.image(A, first, second, imaging.Imaging(relative_lambda=0.1))
    np.testing.assert_array_equal(found.values, kaczmarz(A, (first + second) / 2, 0.1, 10))


@pytest.mark.parametrize("suffix", imaging.SUFFIXES)
def test_images_are_saved_by_their_name(tmp_path, scan, matrix, suffix):
    if suffix == ".png":
        pytest.importorskip("matplotlib")
    settings = imaging.Imaging(relative_lambda=0.1)
    found = imaging.reconstruct(scan, matrix, settings)
    path = tmp_path / f"image{suffix}"
    imaging.save(found, path, scan, matrix, settings)
    assert path.stat().st_size > 0
    if suffix == ".mdf":
        with h5py.File(path) as file:
            group = file["reconstruction"]
            assert set(group) == {"data", "size", "order", "fieldOfView", "fieldOfViewCenter"}
            assert group["data"].shape == (5, P, 1) and group["size"][()].tolist() == list(SIZE)
            np.testing.assert_allclose(group["fieldOfView"][()], [0.04, 0.03, 0.02])
            # x is the fastest: voxel x + 4 (y + 3 z).
            np.testing.assert_allclose(group["data"][0, 3 + 4 * (2 + 3 * 1), 0], found.values[0, 1, 2, 3], rtol=1e-6)
            assert "measurement" not in file and "acquisition/gradient" in file
        again = mdf.read(path)
        assert again.provenance[-1].options["relative_lambda"] == 0.1
        assert set(again.provenance[-1].digests) == {"input", "calibration"}


def test_other_kinds_are_refused(tmp_path, scan, matrix):
    with pytest.raises(ValueError, match=r"must end with \.mdf, \.nii, \.nii\.gz, \.png"):
        imaging.check_suffix("image.jpg")
    found = imaging.reconstruct(scan, matrix, imaging.Imaging(relative_lambda=0.1))
    with pytest.raises(ValueError, match="another file"):
        imaging.save(found, scan.path, scan, matrix, imaging.Imaging())
