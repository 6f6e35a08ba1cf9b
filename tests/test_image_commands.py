"""From nothing to a report, in one line each: simulate, reconstruct, report."""

import json

import pytest

from mpicore import mdf
from mpicore.commands import main
from mpicore.mdf import guard, recording


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A recording of one dimension and its calibration, made by the command."""
    folder = tmp_path_factory.mktemp("files")
    plain = ["simulate", "--dimensions", "1", "--frames", "40"]
    assert main([*plain, "-o", str(folder / "scan.mdf")]) == 0
    assert main([*plain, "-o", str(folder / "matrix.mdf"), "--calibration"]) == 0
    return folder


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_what_is_simulated(files):
    found, matrix = mdf.read(files / "scan.mdf"), mdf.read(files / "matrix.mdf")
    assert found.shape == (70, 2, 3, 102) and found.experiment.simulated and not found.deviations
    assert matrix.calibration.size == (33, 1, 1) and not matrix.deviations
    assert matrix.background.sum() > 0 and found.background.sum() == 30


def test_images_by_the_command(capsys, files):
    output = files / "image.mdf"
    arguments = ("reconstruct", files / "scan.mdf", "--calibration", files / "matrix.mdf", "-o", output)
    status, out, _ = run(capsys, *arguments, "--json")
    told = json.loads(out)
    assert status == 0 and told["shape"] == [40, 1, 1, 33] and output.exists()
    assert told["relative_lambda"] == min(map(float, told["noisy_errors"]), key=lambda s: told["noisy_errors"][str(s)])
    status, out, _ = run(capsys, *arguments, "--average", "4")
    assert status == 0 and "10 of 33 x 1 x 1 voxels" in out and "regularisation" in out


def test_a_flipped_channel_is_said_in_one_line(capsys, files):
    status, _, error = run(
        capsys,
        "reconstruct",
        files / "scan.mdf",
        "--calibration",
        files / "matrix.mdf",
        "-o",
        files / "x.mdf",
        "--flip",
        1,
    )
    assert status == 1 and "sign of the calibration, found the opposite in 1" in error and error.count("\n") == 1
    assert not (files / "x.mdf").exists()


@pytest.mark.parametrize("name", ["image.jpg", "image"])
def test_a_kind_that_there_is_not_is_refused_before_any_work(capsys, files, name):
    status, _, error = run(
        capsys, "reconstruct", files / "scan.mdf", "--calibration", files / "matrix.mdf", "-o", files / name
    )
    assert status == 1 and "must end with" in error


def test_the_report(capsys, files):
    pytest.importorskip("matplotlib")
    status, _, _ = run(capsys, "report", files / "scan.mdf", "--calibration", files / "matrix.mdf")
    text = (files / "scan.mdf.html").read_text(encoding="utf-8")
    # With the colon: pictures are letters and digits, among which the word alone may stand.
    assert status == 0 and not any(word in text for word in ("<script", "http:", "https:"))
    for title in ("What is in it", "What was checked", "Before and after", "Images"):
        assert f"<h2>{title}</h2>" in text


def test_a_report_of_a_calibration(capsys, files):
    pytest.importorskip("matplotlib")
    status, _, _ = run(capsys, "report", files / "matrix.mdf", "-o", files / "matrix.html")
    assert status == 0 and "<h2>Signals</h2>" in (files / "matrix.html").read_text(encoding="utf-8")
