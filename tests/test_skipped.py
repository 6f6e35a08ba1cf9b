"""Signals that cannot be used: every command skips and names the same ones, and makes the rest of the others."""

import json

import numpy as np
import pytest
from mdf_files import store, tables

from mpicore import imaging, mdf, scan
from mpicore.commands import main
from mpicore.imaging.spectra import corrected
from mpicore.mdf import guard, recording
from mpicore.skipped import Skipped, one_line, stays, usable

FRAME = 13  # with an object


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording and a calibration of floating-point numbers."""
    place = tmp_path_factory.mktemp("files")
    system = scan.open_scanner(1)
    scan.write_recording(place / "scan.mdf", system, scan.Scan(frames=40, bits=0))
    scan.write_calibration(place / "matrix.mdf", system, scan.Scan(bits=0))
    return place


def broken(path, source, change):
    """A copy of a file with other values in its data."""
    import shutil

    import h5py

    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        data = file["/measurement/data"][()]
        change(data)
        file["/measurement/data"][...] = data
    return path


def images(scan_path, matrix_path, **settings):
    given = mdf.read(scan_path, finite=False), mdf.read(matrix_path, finite=False)
    return imaging.reconstruct(*given, imaging.Imaging(**settings))


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_what_is_usable_and_what_stays():
    rows = np.array([[1.0, 2, 3, 3, 3], [1, np.nan, 2, 3, 4], [2, 2, 2, 2, 2], [0, np.inf, 1, 2, 3]])
    assert usable(rows).tolist() == [True, False, False, False]
    assert stays(rows, 3.0)[0].tolist() == [0, 0, 1] and not stays(rows, 3.0)[1].any()


def test_saturated_are_those_at_the_extremes_of_their_channel(tmp_path):
    signals = np.random.default_rng(0).standard_normal((6, 2, 2, 48))
    signals[4, 1, 0] = np.clip(10 * signals[4, 1, 0], -5, 5)
    signals[2, 0, 1, 7:10] = signals[2, 0, 1].mean()  # equal in a row, but not at an extreme
    found = Skipped.of(mdf.read(store(tmp_path / "file.mdf", tables(signals))))
    assert np.argwhere(found.saturated).tolist() == [[4, 1, 0]] and found.good.all()
    (line,) = found.told()
    assert "1 of channel 1" in line


@pytest.mark.parametrize("period, channel", [(1, 0), (0, 2)])
def test_an_image_without_a_row_is_that_of_the_other_period(folder, tmp_path, period, channel):
    """The same file with the other period in its place gives the same image, and all others are as they were."""

    def lost(data):
        data[FRAME, period, channel, 5] = np.nan

    def replaced(data):
        data[FRAME, period, channel] = data[FRAME, 1 - period, channel]

    matrix, settings = folder / "matrix.mdf", {"relative_lambda": 0.01}
    one = images(broken(tmp_path / "nan.mdf", folder / "scan.mdf", lost), matrix, **settings)
    other = images(broken(tmp_path / "copy.mdf", folder / "scan.mdf", replaced), matrix, **settings)
    whole = images(folder / "scan.mdf", matrix, **settings)
    place = FRAME - 10  # behind the background frames
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9, atol=1e-12)
    assert not np.allclose(one.values[place], whole.values[place])
    np.testing.assert_array_equal(np.delete(one.values, place, 0), np.delete(whole.values, place, 0))
    assert one.notes[0] == one_line([], [(FRAME, period, channel)])


def test_a_channel_of_nan_is_one_that_is_not_used(folder, tmp_path):
    """As if the calibration had no rows of it; a frame that misses it alone has an image of the other ones."""

    def without(data):
        data[:, :, 1] = np.nan

    def without_once(data):
        data[FRAME, :, 1] = np.nan

    dead = images(broken(tmp_path / "dead.mdf", folder / "scan.mdf", without), folder / "matrix.mdf")
    assert dead.notes[0] == "skipped: channel 2 (dead)" and set(dead.rows.channel) == {0, 2}
    strength = {"relative_lambda": dead.relative_lambda}
    once = images(broken(tmp_path / "once.mdf", folder / "scan.mdf", without_once), folder / "matrix.mdf", **strength)
    place = FRAME - 10
    np.testing.assert_allclose(once.values[place], dead.values[place], rtol=1e-5, atol=1e-8)
    assert f"image {place + 1}: made of fewer channels" in once.notes


def test_a_frame_of_nan_has_an_empty_image(folder, tmp_path):
    def without(data):
        data[FRAME] = np.nan

    found = images(broken(tmp_path / "frame.mdf", folder / "scan.mdf", without), folder / "matrix.mdf")
    place = FRAME - 10
    assert not found.values[place].any() and np.delete(found.values, place, 0).any(axis=(1, 2, 3)).all()
    assert f"image {place + 1}: empty, nothing can be used" in found.notes


def test_a_saturated_period_is_not_used_where_there_is_another(folder, tmp_path):
    def clipped(data):
        top = 3 * np.abs(data[:, :, 0]).max()
        data[FRAME, 0, 0, :20] = top

    def lost(data):
        data[FRAME, 0, 0] = np.nan

    matrix, settings = folder / "matrix.mdf", {"relative_lambda": 0.01}
    one = images(broken(tmp_path / "clipped.mdf", folder / "scan.mdf", clipped), matrix, **settings)
    other = images(broken(tmp_path / "nan.mdf", folder / "scan.mdf", lost), matrix, **settings)
    np.testing.assert_array_equal(one.values, other.values)
    assert any("saturated signals" in note and "1 of channel 1" in note for note in one.notes)


def test_a_background_frame_of_nan_tells_no_background(folder, tmp_path):
    """The others of its run tell it: their mean is what is subtracted at its middle."""

    def lost(data):
        data[3, 1, 0] = np.nan

    file = mdf.read(broken(tmp_path / "nan.mdf", folder / "scan.mdf", lost), finite=False)
    skipped = Skipped.of(file)
    assert np.flatnonzero(skipped.empty).tolist() == [0, 1, 2, *range(4, 10), *range(30, 40), *range(60, 70)]
    signals = file.signals()
    first = signals[[0, 1, 2, *range(4, 10)]].mean(axis=(0, 1))
    second = signals[30:40].mean(axis=(0, 1))
    begin, end = np.mean([0, 1, 2, *range(4, 10)]), 34.5
    share = (FRAME - begin) / (end - begin)
    expected = np.fft.rfft(signals[FRAME] - (1 - share) * first - share * second)
    numbers, lines = next(corrected(file, skipped))
    np.testing.assert_allclose(lines[numbers.tolist().index(FRAME)], expected, rtol=1e-9, atol=1e-15)


def test_a_position_of_nan_in_a_calibration_is_a_voxel_that_is_left_out(folder, tmp_path):
    place = 7  # of the stored frames, those with a sample come first

    def lost(data):
        data[:, 1, :, place] = np.nan  # J x C x K x N

    found = images(folder / "scan.mdf", broken(tmp_path / "matrix.mdf", folder / "matrix.mdf", lost))
    assert not found.values[..., 7].any() and found.values[..., 6].any()
    assert found.notes[0].startswith("of the calibration: skipped: channel 2, frame")


def test_the_commands_go_on_and_say_the_same(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")

    def change(data):
        data[FRAME, 1, 0] = np.nan
        data[:, :, 2] = np.nan

    path, matrix = broken(tmp_path / "in.mdf", folder / "scan.mdf", change), folder / "matrix.mdf"
    line = one_line([2], [(FRAME, 1, 0)])
    status, out, _ = run(capsys, "denoise", path, "-o", tmp_path / "out.mdf", "--method", "wiener", "--quiet")
    assert status == 0 and line in out
    for name in ("in.mdf", "out.mdf"):
        arguments = ("reconstruct", tmp_path / name, "--calibration", matrix, "-o", tmp_path / f"{name}.nii")
        status, out, _ = run(capsys, *arguments)
        assert status == 0 and line in out
    status, out, _ = run(capsys, *arguments, "--json")
    assert line in json.loads(out)["notes"]
    page = tmp_path / "page.html"
    status, out, _ = run(capsys, "report", path, "--calibration", matrix, "-o", page)
    assert status == 0 and line in out
    text = page.read_text(encoding="utf-8")
    assert "What was skipped" in text and "channel 3 (dead)" in text and "<h2>Images</h2>" in text


def test_a_recording_of_nan_alone_is_refused_in_a_line(folder, tmp_path, capsys):
    path = broken(tmp_path / "in.mdf", folder / "scan.mdf", lambda data: data.fill(np.nan))
    matrix = folder / "matrix.mdf"
    status, _, error = run(capsys, "reconstruct", path, "--calibration", matrix, "-o", tmp_path / "x.nii")
    assert status == 1 and "all are dead" in error and error.count("\n") == 1
