"""The commands on inputs of all kinds: each gives a right answer, or one clear line and no file."""

import hashlib
import json
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from mdf_files import calibration, spectra, store, tables

from mpicore import mdf, measured
from mpicore.assumptions import check
from mpicore.commands import main
from mpicore.mdf import guard, recording
from mpicore.sample import Sample

V, TONE = 96, np.cos(2 * np.pi * 7 * np.arange(96) / 96)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def objects(frames, periods=2, channels=1, noise=0.3, seed=0):
    """Signals of different objects, of ten lines each, and recorded ones: shape (N, 1 or J, C, V)."""
    rng = np.random.default_rng(seed)
    lines = np.zeros((frames, 1, channels, V // 2 + 1), complex)
    lines[..., 5:15] = rng.standard_normal((frames, 1, channels, 10, 2)) @ [1, 1j]
    clean = np.fft.irfft(lines, V)
    clean /= np.sqrt(np.mean(clean**2))
    return clean, clean + noise * rng.standard_normal((frames, periods, channels, V))


@pytest.fixture
def files(tmp_path):
    """A recording and a calibration of three voxels, in a folder whose name is no plain one."""
    folder = tmp_path / "Prüfung 1 ß"
    folder.mkdir()
    clean, noisy = objects(30, channels=2)
    mask = np.zeros(34, bool)
    mask[:2] = mask[-2:] = True
    full = np.random.default_rng(1).standard_normal((34, 2, 2, V)) * 0.3
    full[~mask] = noisy
    entries = tables(full) | {"/measurement/isBackgroundFrame": mask.astype(np.int8)}
    store(folder / "die messung.mdf", entries)
    store(folder / "die matrix.mdf", tables(clean[:3]) | calibration((3, 1, 1)))
    return folder


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


IN, MATRIX = "die messung.mdf", "die matrix.mdf"
OVERWRITING = {
    "picture": ("check", IN, "--picture", IN),
    "page": ("report", IN, "-o", IN),
    "page over the calibration": ("report", IN, "--calibration", MATRIX, "-o", MATRIX),
    "page over what was denoised": ("report", IN, "--denoised", MATRIX, "-o", MATRIX),
    "image": ("reconstruct", IN, "--calibration", MATRIX, "-o", IN),
    "image over the calibration": ("reconstruct", IN, "--calibration", MATRIX, "-o", MATRIX),
    "weights": ("denoise", IN, "-o", "new.mdf", "--method", "low_pass", "--weights", IN),
    "weights and signals": ("denoise", IN, "-o", "new.mdf", "--method", "low_pass", "--weights", "new.mdf"),
    "second": ("denoise", MATRIX, "-o", IN, "--second", IN),
}


@pytest.mark.parametrize("name", OVERWRITING)
@pytest.mark.parametrize("way", ["path", "link"])
def test_no_command_writes_over_a_file_that_it_reads(files, monkeypatch, capsys, name, way):
    monkeypatch.chdir(files)
    arguments = list(OVERWRITING[name])
    if way == "link" and arguments[-1] != "new.mdf":  # the same file by another name
        (files / "link.mdf").symlink_to(files / arguments[-1])
        arguments[-1] = "link.mdf"
    before = contents(files)
    status, _, err = run(capsys, *arguments)
    assert status == 1 and err.startswith("error: ") and err.count("\n") == 1
    assert "another file" in err or "of its own" in err
    assert contents(files) == before


def test_a_recording_may_be_replaced_by_what_is_made_of_it(files, capsys):
    before = mdf.read(files / IN).signals()
    arguments = ("denoise", files / IN, "-o", files / IN, "--method", "low_pass", "--quiet")
    assert run(capsys, *arguments)[0] == 0
    assert not np.allclose(mdf.read(files / IN).signals(), before)


def test_every_command_speaks_json(files, capsys):
    pytest.importorskip("matplotlib")
    made = {}
    for command, *arguments in (
        ("info", files / IN),
        ("check", files / IN),
        ("denoise", files / IN, "-o", files / "neu 1" / "a.mdf", "--quiet"),
        ("reconstruct", files / IN, "--calibration", files / MATRIX, "-o", files / "neu 2" / "a.nii", "--lowest", 0),
        ("report", files / IN, "-o", files / "neu 3" / "a.html"),
        ("simulate", "--dimensions", 1, "--frames", 3, "-o", files / "neu 4" / "a.mdf"),
    ):
        status, out, err = run(capsys, command, *arguments, "--json")
        assert status == 0, err
        made[command] = json.loads(out)
    assert made["report"]["output"] == str(files / "neu 3" / "a.html") and made["report"]["not_done"] == []
    assert "Before and after" in made["report"]["sections"]
    assert made["simulate"]["kind"] == "recording" and made["simulate"]["scan"]["frames"] == 3
    assert all((files / f"neu {k}").exists() for k in range(1, 5)), "folders that were missing are made"


def test_an_output_below_a_file_is_one_line(files, capsys):
    for arguments in (
        ("denoise", files / IN, "-o", files / IN / "a.mdf", "--method", "low_pass", "--quiet"),
        ("reconstruct", files / IN, "--calibration", files / MATRIX, "-o", files / IN / "a.nii", "--lowest", 0),
        ("simulate", "--dimensions", 1, "--frames", 3, "-o", files / IN / "a.mdf"),
    ):
        status, _, err = run(capsys, *arguments)
        assert status == 1 and "cannot write" in err and err.count("\n") == 1


def layouts():
    """Small recordings of each layout, with what their signals are."""
    _, noisy = objects(12)
    single = noisy[:, :1]
    sigma = np.array([3, 1, 2, 5, 6, 7, 8, 4, 9, 12, 11, 10]) - 1
    mask = np.isin(np.arange(12), [3, 9, 11])
    few = spectra(noisy)[..., 5:15]
    raw = np.round(1000 * noisy).astype(np.int16)
    lines = {"/measurement/isFourierTransformed": np.int8(1)}
    return {
        "integers": (
            tables(raw) | {"/acquisition/receiver/dataConversionFactor": np.array([[2e-3, 0.5]])},
            2e-3 * raw + 0.5,
            np.zeros(12, bool),
        ),
        "frames last": (
            tables(noisy)
            | lines
            | {"/measurement/data": np.moveaxis(spectra(noisy), 0, -1), "/measurement/isFastFrameAxis": np.int8(1)},
            noisy,
            np.zeros(12, bool),
        ),
        "moved": (
            tables(single)
            | {
                "/measurement/data": single[sigma],
                "/measurement/isFramePermutation": np.int8(1),
                "/measurement/framePermutation": sigma + 1,
                "/measurement/isBackgroundFrame": mask[sigma].astype(np.int8),
            },
            single,
            mask,
        ),
        "some lines": (
            tables(noisy)
            | lines
            | {
                "/measurement/data": few,
                "/measurement/isFrequencySelection": np.int8(1),
                "/measurement/frequencySelection": np.arange(5, 15) + 1,
            },
            np.fft.irfft(np.pad(few, [(0, 0)] * 3 + [(5, V // 2 + 1 - 15)]), V),
            np.zeros(12, bool),
        ),
        "early": (
            {
                **{k: v for k, v in tables(single).items() if k != "/acquisition/numPeriodsPerFrame"},
                "/version": "2.0",
                "/acquisition/numPeriods": np.int64(1),
                "/acquisition/gradient": np.array([-1.0, -1.0, 2.0]),
                "/acquisition/drivefield/waveform": "sine",
            },
            single,
            np.zeros(12, bool),
        ),
    }


@pytest.mark.parametrize("name", ["integers", "frames last", "moved", "some lines", "early"])
def test_each_layout_goes_through_every_command(tmp_path, capsys, name):
    entries, expected, mask = layouts()[name]
    path, output = store(tmp_path / "in.mdf", entries), tmp_path / "out.mdf"
    found = mdf.read(path)
    np.testing.assert_allclose(found.signals(), expected, atol=1e-12)
    np.testing.assert_array_equal(found.background, mask)
    status, out, _ = run(capsys, "info", path, "--json")
    told = json.loads(out)
    assert status == 0 and (len(told["deviations"]) == (4 if name == "early" else 0))
    assert run(capsys, "check", path)[0] == 0
    assert run(capsys, "denoise", path, "-o", output, "--method", "average", "--quiet")[0] == 0
    after = mdf.read(output)
    mean = expected.mean(axis=1, keepdims=True) * np.ones((1, expected.shape[1], 1, 1))
    # One period each, which is its own mean.
    np.testing.assert_allclose(after.signals()[~mask], mean[~mask], atol=1e-5 * np.abs(mean).max())
    np.testing.assert_array_equal(after.background, mask)
    status, _, err = run(capsys, "reconstruct", path, "--calibration", path, "-o", tmp_path / "image.nii")
    assert status == 1 and err.count("\n") == 1 and "another file" not in err and "/calibration" in err


@pytest.mark.parametrize("kind", ["no signals", "cut"])
def test_what_cannot_be_read_is_one_line_in_every_command(tmp_path, capsys, kind):
    _, noisy = objects(4)
    path = store(
        tmp_path / "in.mdf", {k: v for k, v in tables(noisy).items() if kind == "cut" or "measurement" not in k}
    )
    matrix = store(tmp_path / "matrix.mdf", tables(noisy) | calibration((4, 1, 1)))
    if kind == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    before = sorted(tmp_path.iterdir())
    for command in (
        ("check", path),
        ("denoise", path, "-o", tmp_path / "a.mdf"),
        ("reconstruct", path, "--calibration", matrix, "-o", tmp_path / "a.nii"),
        ("reconstruct", matrix, "--calibration", path, "-o", tmp_path / "a.nii"),
        ("report", path, "-o", tmp_path / "a.html"),
        ("report", matrix, "--calibration", path, "-o", tmp_path / "a.html"),
    ):
        status, _, err = run(capsys, *command)
        assert status == 1 and err.count("\n") == 1 and "in.mdf" in err, command
    assert sorted(tmp_path.iterdir()) == before
    assert run(capsys, "info", path)[0] == (1 if kind == "cut" else 0)


def with_background(frames, empty, periods, level=2.0):
    """Recorded signals with a tone in all frames, and empty ones before."""
    clean, noisy = objects(frames, periods, seed=2)
    rng = np.random.default_rng(3)
    full = np.concatenate([0.3 * rng.standard_normal((empty, periods, 1, V)), noisy])
    return clean, full + level * TONE, np.arange(empty + frames) < empty


def test_one_background_frame_is_enough_where_periods_tell_the_noise():
    """Two empty periods hardly tell noise from background; the differences of all other periods do."""
    clean, noisy, mask = with_background(60, 1, 2)
    sample = Sample.of(noisy, mask)
    assert np.flatnonzero(sample.background.kept[0, 0]).tolist() == [7]
    assert check(sample).of("no locked interference", 0).verdict == "measured"
    found, _ = measured.denoise(noisy, mask)
    left = found[~mask] - clean
    assert np.mean(left**2) < 0.5 * np.mean((noisy[~mask] - 2 * TONE - clean) ** 2)


def test_too_few_background_frames_do_not_pass_for_none(tmp_path, capsys):
    """Three periods of the empty scanner, and no repeats: a weak tone cannot be told from their noise."""
    _, noisy, mask = with_background(40, 3, 1, level=0.15)
    path = store(tmp_path / "in.mdf", tables(noisy) | {"/measurement/isBackgroundFrame": mask.astype(np.int8)})
    sample = Sample.read(mdf.read(path))
    assert not sample.background.kept.any() and not sample.background.told
    finding = check(sample).of("no locked interference", 0)
    assert finding.verdict == "cannot be told from this file" and "too few" in finding.text
    output = tmp_path / "out.mdf"
    assert run(capsys, "denoise", path, "-o", output, "--method", "average", "--quiet")[0] == 0
    assert not mdf.read(output).processing.background_corrected, "none was taken off"


def test_weights_of_another_method_or_scan_are_refused(tmp_path, capsys):
    _, noisy = objects(40)
    kinds = {
        "strength": {"/acquisition/drivefield/strength": np.full((2, 2, 1), 0.02)},
        "frequencies": {"/acquisition/drivefield/divider": np.array([[16], [24]])},
        "phase": {"/acquisition/drivefield/phase": np.full((2, 2, 1), -0.5)},
        "gradient": {"/acquisition/gradient": np.broadcast_to(np.diag([-2.0, -2, 4]), (2, 1, 3, 3))},
        "unit": {"/acquisition/receiver/unit": "A"},
        "same": {"/acquisition/drivefield/phase": np.full((2, 2, 1), 0.5 + 2 * np.pi)},
    }
    path, weights = store(tmp_path / "in.mdf", tables(noisy)), tmp_path / "weights"
    plain = ("-o", tmp_path / "out.mdf", "--weights", weights, "--quiet")
    assert run(capsys, "denoise", path, *plain, "--method", "wiener")[0] == 0
    (tmp_path / "out.mdf").unlink()
    status, _, err = run(capsys, "denoise", path, *plain, "--method", "low_pass")
    assert status == 1 and "holds weights of wiener, not of low_pass" in err and err.count("\n") == 1
    for name, changes in kinds.items():
        other = store(tmp_path / "other.mdf", tables(noisy) | changes)
        status, _, err = run(capsys, "denoise", other, *plain)
        assert (status, (tmp_path / "out.mdf").exists()) == ((0, True) if name == "same" else (1, False)), name
        assert name == "same" or (name in err and "weights is of another scan" in err and err.count("\n") == 1)


def test_a_training_that_is_killed_ends_as_if_it_had_not_been(tmp_path, capsys):
    """With the signal that nothing can catch; and the weights serve another recording of few objects."""
    _, noisy = objects(60, noise=1.0)
    store(tmp_path / "in.mdf", tables(noisy))
    store(tmp_path / "three.mdf", tables(objects(3, noise=1.0, seed=9)[1]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *filter(None, sys.path)])}

    def start(file, name, *more):
        command = [
            sys.executable,
            "-m",
            "mpicore",
            "denoise",
            file,
            "-o",
            f"{name}.mdf",
            "--weights",
            f"{name}.weights",
        ]
        return subprocess.Popen([*command, "--quiet", *more], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)

    network = ("--method", "n2n", "--epochs", "6")
    whole, killed = (start("in.mdf", name, *network) for name in ("whole", "killed"))
    checkpoint = tmp_path / "killed.mdf.training" / "channel1" / "checkpoint.safetensors"
    while not checkpoint.exists() and killed.poll() is None:
        time.sleep(0.001)
    killed.kill()
    assert killed.wait() == -9, killed.stderr.read()
    assert checkpoint.exists() and not (tmp_path / "killed.mdf").exists() and not (tmp_path / "killed.weights").exists()
    for process in (whole, start("in.mdf", "killed", *network)):
        assert process.wait() == 0, process.stderr.read()
    assert (tmp_path / "whole.weights").read_bytes() == (tmp_path / "killed.weights").read_bytes()
    signals = []
    for name in ("whole", "killed"):
        with h5py.File(tmp_path / f"{name}.mdf") as file:
            signals.append(file["measurement/data"][()].tobytes())
    assert signals[0] == signals[1]
    assert not checkpoint.parent.parent.exists()
    weights = ("--weights", tmp_path / "whole.weights", "--quiet")
    status, out, _ = run(capsys, "denoise", tmp_path / "three.mdf", "-o", tmp_path / "out.mdf", *weights, "--json")
    assert status == 0 and json.loads(out)["channels"]["channel 1"]["method"] == "n2n"
