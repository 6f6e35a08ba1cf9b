"""The commands, on files that were made here."""

import json
import math
import subprocess
import sys
from functools import cache

import h5py
import numpy as np
import open_data
import pytest
from mdf_files import calibration, store, tables

from mpicore import mdf, measured_matrix
from mpicore.commands import main
from mpicore.commands.denoise import in_words

V = open_data.SAMPLES


@cache
def recording(**options):
    return open_data.signals(frames=60, empty=(10, 10), side=7, **options)


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    _, noisy, mask = recording()
    return open_data.write(tmp_path_factory.mktemp("moving") / "in.mdf", noisy, mask)


def snr_db(u, clean):
    return 10 * np.log10(np.mean(clean**2) / np.mean((u - clean) ** 2))


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_info_tells_what_is_in_a_file(moving, capsys):
    status, out, _ = run(capsys, "info", moving)
    assert status == 0
    for part in (
        "80 frames x 2 periods x 3 channels x 1632 samples",
        "20 frames in 2 runs",
        "24.5098 kHz",
        "-1, -1, 2 T/m",
    ):
        assert part in out
    assert "No deviations" in out
    status, out, _ = run(capsys, "info", moving, "--json")
    assert json.loads(out)["deviations"] == []


def test_info_reports_each_deviation_in_a_line(tmp_path, capsys):
    entries = tables(np.zeros((3, 1, 1, 48)) + np.arange(48)) | {"/acquisition/gradient": np.array([1.0, 1, -2])}
    del entries["/acquisition/numPeriodsPerFrame"]
    path = store(tmp_path / "early.mdf", entries | {"/acquisition/numPeriods": 1, "/scanner/name": "a\x1b[31mred"})
    status, out, _ = run(capsys, "info", path)
    assert status == 0
    lines = out.split("Deviations")[1].splitlines()
    assert sum("/acquisition/numPeriods: an early name" in line for line in lines) == 1
    assert sum("/acquisition/gradient: a diagonal" in line for line in lines) == 1
    assert "\x1b" not in out


def test_denoise_writes_a_file_with_all_else_as_it_was(moving, tmp_path, capsys):
    clean, _, mask = recording()
    output = tmp_path / "out.mdf"
    status, out, _ = run(capsys, "denoise", moving, "-o", output, "--quiet")
    assert status == 0
    assert "2 periods of each frame" in out and "held out" in out and "dB over the mean of the periods" in out
    before, after = mdf.read(moving), mdf.read(output)
    assert after.processing.background_corrected and not before.processing.background_corrected
    assert after.provenance[-1].method.startswith("mpicore denoise: ")
    assert set(after.provenance[-1].options["channels"]) == {"channel 1", "channel 2", "channel 3"}
    found = 1e3 * after.signals()
    assert snr_db(found[~mask], clean[~mask]) > 5 + 12
    # The empty frames keep their noise, and lose their background.
    assert np.mean(found[mask] ** 2) == pytest.approx(10**-0.5, rel=0.1)
    with h5py.File(moving) as first, h5py.File(output) as second:
        assert first["/study/uuid"][()] == second["/study/uuid"][()]


def test_check_prints_findings_methods_and_a_picture(moving, tmp_path, capsys):
    status, out, _ = run(capsys, "check", moving, "--picture", tmp_path / "noise.png")
    assert status == 0
    assert (tmp_path / "noise.png").read_bytes().startswith(b"\x89PNG")
    assert "odd signals" in out and "fails" in out and "antisymmetric" in out
    status, out, _ = run(capsys, "check", moving, "--json")
    found = json.loads(out)
    assert found["methods"]["wiener"] == {"admissible": True, "reason": ""}
    assert not found["methods"]["proposed"]["admissible"]
    assert {row["channel"] for row in found["findings"]} == {1, 2, 3, None}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--method", "proposed"), "method proposed is not admissible for channel 1: it needs odd signals"),
        (("--method", "supervised"), "it learns from clean signals"),
        (("--method", "nothing"), "method must be one of average"),
        (("--method", "spatial_wiener"), "is no calibration whose frames are the positions of a grid"),
    ],
)
def test_what_is_refused_is_one_line_and_no_file(moving, tmp_path, capsys, arguments, said):
    status, _, err = run(capsys, "denoise", moving, "-o", tmp_path / "out.mdf", "--quiet", *arguments)
    assert status == 1
    assert said in err
    assert err.count("\n") == 1 and err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_signals_and_one_that_is_cut_short(moving, tmp_path, capsys):
    entries = {name: value for name, value in tables(np.ones((1, 1, 1, 48))).items() if "/measurement" not in name}
    without = store(tmp_path / "without.mdf", entries)
    cut = tmp_path / "cut.mdf"
    cut.write_bytes(moving.read_bytes()[:20_000])
    assert run(capsys, "info", without)[0] == 0
    for command in (("check", without), ("denoise", without, "-o", tmp_path / "out.mdf", "--quiet")):
        status, _, err = run(capsys, *command)
        assert status == 1 and "there are no signals" in err and err.count("\n") == 1
    for command in (("info", cut), ("check", cut), ("denoise", cut, "-o", tmp_path / "out.mdf", "--quiet")):
        status, _, err = run(capsys, *command)
        assert status == 1 and "cut.mdf" in err and err.count("\n") == 1
    assert not (tmp_path / "out.mdf").exists()


def test_wrong_options_have_a_status_of_their_own(moving, tmp_path, capsys):
    for arguments in (("info",), ("denoise", moving), ("nothing",), ("info", tmp_path / "absent.mdf"),
                      ("denoise", moving, "-o", tmp_path / "x", "--epochs", "3")):  # fmt: skip
        status, _, err = run(capsys, *arguments)
        assert status == 2 and "Error: " in err
    assert run(capsys, "--help")[0] == 0
    assert run(capsys, "--version")[0] == 0


def test_a_row_of_nan_and_a_dead_channel_are_left_as_they_are_and_named(tmp_path, capsys):
    _, noisy, mask = recording()
    noisy = noisy.astype(np.float32)
    noisy[30, 1, 0] = np.nan
    noisy[:, :, 2] = np.nan
    entries = tables(noisy) | {"/measurement/isBackgroundFrame": mask.astype(np.int8)}
    path = store(tmp_path / "in.mdf", entries)
    status, out, _ = run(capsys, "denoise", path, "-o", tmp_path / "out.mdf", "--method", "wiener", "--quiet")
    assert status == 0
    assert "channel 3  skipped: dead" in out
    assert "channel 1, frame 31, period 2: skipped, NaN or constant" in out
    found = mdf.read(tmp_path / "out.mdf", finite=False).signals()
    assert np.isnan(found[:, :, 2]).all() and np.isnan(found[30, 1, 0]).all()
    assert np.isfinite(np.delete(found[:, :, :2].reshape(-1, V), 30 * 4 + 2, axis=0)).all()


def test_weights_are_kept_and_used_on_another_recording(moving, tmp_path, capsys):
    """The other one rests: its own frames would teach one object by heart."""
    clean, noisy, mask = recording(speed=0.0, seed=0)
    other = open_data.write(tmp_path / "other.mdf", noisy, mask)
    weights = tmp_path / "weights"
    options = ("--method", "wiener", "--weights", weights, "--quiet")
    assert run(capsys, "denoise", moving, "-o", tmp_path / "a.mdf", *options)[0] == 0
    assert weights.exists()
    status, out, _ = run(capsys, "denoise", other, "-o", tmp_path / "b.mdf", "--weights", weights, "--quiet")
    assert status == 0 and "wiener" in out
    assert snr_db(1e3 * mdf.read(tmp_path / "b.mdf").signals()[~mask], clean[~mask]) > 8


@cache
def matrix():
    """A calibration of 11 x 9 x 2 positions, in which each line has its own gain, and its noise."""
    axes = (np.linspace(-0.001, 0.002, 2), np.linspace(-0.01, 0.01, 9), np.linspace(-0.012, 0.012, 11))
    z, y, x = np.meshgrid(*axes, indexing="ij")
    clean = open_data.band_pass(open_data.system(np.stack([x, y, z], axis=-1).reshape(-1, 3)))
    return clean / np.sqrt(np.mean(clean**2, axis=(0, 2), keepdims=True))


def stored_matrix(path, noisy, mask):
    size = calibration((11, 9, 2))
    return store(path, tables(noisy) | size | {"/measurement/isBackgroundFrame": mask.astype(np.int8)})


@pytest.mark.parametrize("way", ["second", "background"])
def test_a_whole_calibration_is_denoised(tmp_path, capsys, way):
    clean = matrix()
    rng = np.random.default_rng(0)
    mask = np.zeros(len(clean) + 22, bool)
    mask[::10] = True
    full = np.zeros((len(mask), 1, 3, V))
    full[~mask, 0] = clean
    paths = [
        stored_matrix(tmp_path / f"{k}.mdf", full + rng.standard_normal(full.shape) * 10**-0.25, mask) for k in range(2)
    ]
    more = ("--second", paths[1]) if way == "second" else ()
    status, out, err = run(capsys, "denoise", paths[0], "-o", tmp_path / "out.mdf", "--quiet", "--json", *more)
    assert status == 0, err
    found = mdf.read(tmp_path / "out.mdf").signals()
    told = json.loads(out)["channels"]
    for channel in range(3):
        gain = snr_db(found[~mask, 0, channel], clean[:, channel]) - 5
        assert gain > 8
        # Of two recordings the error is that of a filter from one of them.
        assert -5 < told[f"channel {channel + 1}"]["gain_over_a_period_db"] - gain < (0 if way == "second" else 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.mdf", "1.mdf", "out.mdf"]


def test_a_calibration_whose_noise_nothing_tells_is_refused(tmp_path, capsys):
    clean = matrix()[:, None]
    path = stored_matrix(tmp_path / "in.mdf", clean, np.zeros(len(clean), bool))
    status, _, err = run(capsys, "denoise", path, "-o", tmp_path / "out.mdf", "--quiet")
    assert status == 1 and "does not tell its noise" in err and "a second recording does" in err
    other = open_data.write(tmp_path / "other.mdf", *recording()[1:])
    status, _, err = run(capsys, "denoise", path, "-o", tmp_path / "out.mdf", "--second", other, "--quiet")
    assert status == 1 and "must be a recording of the same calibration" in err


def test_the_matrix_in_memory_is_that_of_the_lines():
    clean = matrix()[:, 0]
    rng = np.random.default_rng(1)
    first, second = clean + 0.5 * rng.standard_normal((2, *clean.shape))
    grid = (2, 9, 11)
    both, _ = measured_matrix.denoise_matrix(first, grid, second)
    alone, _ = measured_matrix.denoise_matrix(first, grid, noise=0.5 * rng.standard_normal((50, V)))
    mean = (first + second) / 2
    assert snr_db(both, clean) > snr_db(alone, clean) > snr_db(mean, clean) > snr_db(first, clean)
    for wrong in ({"grid": (2, 9, 10)}, {"grid": grid, "second": second[:, :100]}, {"grid": grid}):
        with pytest.raises(ValueError, match="must"):
            measured_matrix.denoise_matrix(first, **wrong)


def test_a_file_larger_than_memory_is_denoised_in_constant_memory(tmp_path):
    """With a file of 6,000 frames the peak was the same 290 MB; here it is short, for the time it takes."""
    path = tmp_path / "large.mdf"
    _, noisy, _ = recording()
    N = 1000
    entries = tables(noisy[:1].astype(np.int16)) | {"/acquisition/numFrames": N}
    entries |= {"/measurement/isBackgroundFrame": np.zeros(N, np.int8)}
    store(path, {name: value for name, value in entries.items() if name != "/measurement/data"})
    raw = np.round(1000 * noisy).clip(-32000, 32000).astype(np.int16)
    with h5py.File(path, "r+") as file:
        data = file.create_dataset("/measurement/data", (N, 2, 3, V), np.int16)
        for start in range(0, N, len(raw)):
            data[start : start + len(raw)] = raw[: N - start]
    program = (
        "from mpicore.commands import main; "
        f"status = main(['denoise', {str(path)!r}, '-o', {str(tmp_path / 'out.mdf')!r}, '--method', 'wiener', "
        "'--quiet']); "
        # Not ru_maxrss, which a process takes over from the one that starts it.
        "print(status, open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    status, peak = map(int, found.stdout.split()[-2:])
    assert status == 0, found.stderr
    assert peak < 1.0e6, f"{peak} kB"
    assert mdf.read(tmp_path / "out.mdf").shape == (N, 2, 3, V)


def test_an_error_that_does_not_show_is_said_in_words():
    """Where the estimate of an error is not above zero there is no ratio to print."""
    row = {"method": "wiener", "snr_db": math.inf, "gain_over_a_period_db": math.inf, "gain_over_the_mean_db": math.inf}
    said = in_words(row | {"next_best": "low_pass", "margin_db": math.nan, "of_nothing": None})
    assert said == "wiener: its error is too small to be told from these objects"
