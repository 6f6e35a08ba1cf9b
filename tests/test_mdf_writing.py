"""What is written is what was read, but for what has changed; and a file is whole or absent."""

import os
import subprocess
import sys
from dataclasses import fields, is_dataclass

import h5py
import numpy as np
import pytest
from mdf_files import calibration, compressed, spectra, store, tables, truth

from mpicore import files, mdf
from mpicore.mdf import guard, layout, recording

SIGMA = np.array([2, 3, 4, 6, 1, 5])
STEP = mdf.Provenance("half", {"factor": 0.5, "lines": [1, 2]})


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


def sparse_entries():
    mask = np.array([False] * 4 + [True] * 2)
    return compressed(truth(), mask, (2, 2, 1), "DCT-II", 3)[0]


SIGNALS = truth(J=2)
LINES = {"/measurement/isFourierTransformed": np.int8(1), "/measurement/data": spectra(SIGNALS)}
FAST = {"/measurement/isFastFrameAxis": np.int8(1)}
MOVED = {
    "/measurement/isFramePermutation": np.int8(1),
    "/measurement/framePermutation": SIGMA,
    "/measurement/isBackgroundFrame": np.array([0, 0, 0, 0, 1, 1], np.int8),
}
CHOSEN = {
    "/measurement/isFrequencySelection": np.int8(1),
    "/measurement/frequencySelection": np.array([3, 2, 9]),
    "/measurement/data": spectra(SIGNALS)[..., [2, 1, 8]],
}
FACTORS = {"/acquisition/receiver/dataConversionFactor": np.array([[2.0, 0.5], [3.0, -1.0]])}
LAYOUTS = {
    "raw": {},
    "whole numbers": {"/measurement/data": np.arange(SIGNALS.size, dtype=np.int16).reshape(SIGNALS.shape), **FACTORS},
    "single precision": {"/measurement/data": SIGNALS.astype(np.float32)},
    "lines": LINES,
    "chosen lines": LINES | CHOSEN | FACTORS,
    "frames last": FAST | {"/measurement/data": np.moveaxis(SIGNALS, 0, -1)},
    "lines, frames last, moved": LINES | FAST | MOVED | {"/measurement/data": np.moveaxis(spectra(SIGNALS), 0, -1)},
    "moved": MOVED,
    "calibration": calibration((6, 1, 1), snr=np.ones((2, 2, 25))),
    "sparse": sparse_entries(),
    "early names": {"/version": "2.0", "/acquisition/numPeriods": 2, "/acquisition/numPeriodsPerFrame": None},
}


def entries_of(name):
    extra = {"/_room/_temperature": np.float32(20.5), "/reconstruction/data": np.ones((1, 4, 1), np.float32)}
    return tables(SIGNALS) | LAYOUTS[name] | extra


@pytest.fixture(params=LAYOUTS)
def source(request, tmp_path):
    return mdf.read(store(tmp_path / "source.mdf", entries_of(request.param)))


def assert_same(a, b, but=()):
    """Every field, arrays by value and type."""
    if is_dataclass(a):
        assert type(a) is type(b)
        for field in fields(a):
            if field.name not in ("path", "change", *but):
                assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b, strict=True)
    else:
        assert a == b


def contents(path):
    """Every data set as its type in the file and its bytes."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            value = np.asarray(item[()])
            found["/" + name] = (item.dtype, item.shape, value.tolist() if item.dtype.hasobject else value.tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return found


def test_a_recording_comes_back(source, tmp_path):
    """Without changes the file is a copy."""
    mdf.write(source, tmp_path / "copy.mdf")
    assert (tmp_path / "copy.mdf").read_bytes() == source.path.read_bytes()
    again = mdf.read(tmp_path / "copy.mdf")
    assert_same(source, again)
    np.testing.assert_array_equal(source.signals(), again.signals(), strict=True)


def test_changed_signals_keep_the_layout_and_all_else(source, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_BLOCK", 2 * 8 * 2 * 2 * 48)  # two frames at once
    changed = source.mapped(lambda u: 0.5 * u, STEP)
    mdf.write(changed, tmp_path / "half.mdf")
    again = mdf.read(tmp_path / "half.mdf")
    np.testing.assert_allclose(again.signals(), 0.5 * source.signals(), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(again.background, source.background)
    assert_same(source, again, but=("provenance", "layout", "receiver", "deviations"))
    assert set(again.deviations) == set(source.deviations)
    for name in ("fast_frame_axis", "fourier_transformed", "lines", "order", "shape"):
        assert_same(getattr(source.layout, name), getattr(again.layout, name))
    before, after = contents(source.path), contents(tmp_path / "half.mdf")
    gone = {"/measurement/data", "/acquisition/receiver/dataConversionFactor"}
    gone |= {"/measurement/subsamplingIndices", "/measurement/sparsityTransformation"}
    gone |= {"/measurement/isSparsityTransformed"} if source.layout.sparsity else set()
    kept = before.keys() - gone
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    added = after.keys() - before.keys()
    assert added == {f"/_provenance/_1/_{part}" for part in ("method", "options", "versions", "digests")}
    assert again.layout.sparsity is None and again.receiver.conversion is None


def test_the_provenance_tells_what_was_done(source, tmp_path):
    mdf.write(source.mapped(lambda u: u, STEP), tmp_path / "one.mdf")
    one = mdf.read(tmp_path / "one.mdf")
    mdf.write(one.with_signals(one.signals(), mdf.Provenance("again", versions={"own": "3"})), tmp_path / "two.mdf")
    first, second = mdf.read(tmp_path / "two.mdf").provenance
    assert (first.method, first.options) == ("half", {"factor": 0.5, "lines": [1, 2]}) and second.method == "again"
    assert first.versions.keys() == {"mpicore", "numpy", "h5py"} and second.versions["own"] == "3"
    assert first.digests == {"input": files.digest(source.path)}
    assert second.digests == {"input": files.digest(tmp_path / "one.mdf")}
    assert_same(mdf.read(tmp_path / "one.mdf").provenance[0], first)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_precision_is_that_of_the_signals(tmp_path, kind):
    for name, stored in (("raw", kind), ("lines", np.result_type(kind, np.complex64))):
        source = mdf.read(store(tmp_path / "source.mdf", entries_of(name)))
        mdf.write(source.with_signals(SIGNALS.astype(kind), STEP), tmp_path / "new.mdf")
        with h5py.File(tmp_path / "new.mdf") as file:
            assert file["/measurement/data"].dtype == stored


def test_flags_that_change_are_set(tmp_path):
    """In the type that the file has, or as int8 where it has none."""
    entries = entries_of("raw") | {
        "/measurement/isBackgroundCorrected": np.int64(0),
        "/measurement/isSpectralLeakageCorrected": None,
    }
    source = mdf.read(store(tmp_path / "source.mdf", entries))
    mdf.write(source.mapped(lambda u: u - 1, STEP, mdf.Processing(True, True, False)), tmp_path / "new.mdf")
    assert mdf.read(tmp_path / "new.mdf").processing == mdf.Processing(True, True, False)
    with h5py.File(tmp_path / "new.mdf") as file:
        kinds = [file[f"/measurement/is{name}Corrected"].dtype for name in ("Background", "SpectralLeakage")]
    assert kinds == [np.int64, np.int8]


def test_changes_follow_each_other(tmp_path):
    source = mdf.read(store(tmp_path / "source.mdf", entries_of("moved")))
    changed = source.mapped(lambda u: u + 1, STEP).mapped(lambda u: 2 * u, STEP)
    np.testing.assert_allclose(changed.signals(), 2 * (source.signals() + 1))
    given = changed.with_signals(SIGNALS, STEP).mapped(lambda u: -u, STEP)
    np.testing.assert_array_equal(given.signals(), -SIGNALS)
    assert len(given.provenance) == 4 and source.provenance == ()


def test_the_file_that_was_read_may_be_replaced(tmp_path):
    path = store(tmp_path / "source.mdf", entries_of("raw"))
    mdf.write(mdf.read(path).mapped(lambda u: 2 * u, STEP), path)
    np.testing.assert_allclose(mdf.read(path).signals(), 2 * SIGNALS)
    assert os.listdir(tmp_path) == ["source.mdf"]


def test_what_belongs_to_groups_is_kept(tmp_path):
    """Attributes, which the format does not use, empty groups, and data sets of types that only their owner knows."""
    path = store(tmp_path / "source.mdf", entries_of("raw"))
    with h5py.File(path, "a") as file:
        file.attrs["origin"], file["scanner"].attrs["serial"] = "here", np.int16(7)
        file.create_group("_empty/_more")
        file["/_kind"] = np.array([(1, 2.5)], [("a", "u1"), ("b", "f4")])
        file["/_none"] = h5py.Empty("f8")
    mdf.write(mdf.read(path).mapped(lambda u: u, STEP), tmp_path / "new.mdf")
    with h5py.File(tmp_path / "new.mdf") as file:
        assert file.attrs["origin"] == "here" and file["scanner"].attrs["serial"] == np.int16(7)
        assert "_empty/_more" in file and file["/_kind"][0]["b"] == 2.5 and file["/_none"].shape is None


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda u: u[:1, :, :, :5], "must keep their shape"),
        (lambda u: u * np.nan, "the changed signals must be finite"),
        (lambda u: u + 0j, "the changed signals must be real numbers"),
    ],
)
def test_a_change_that_is_none_leaves_no_file(tmp_path, change, message):
    source = mdf.read(store(tmp_path / "source.mdf", entries_of("raw")))
    with pytest.raises(ValueError, match=message):
        mdf.write(source.mapped(change, STEP), tmp_path / "new.mdf")
    assert os.listdir(tmp_path) == ["source.mdf"]


def test_signals_of_another_shape_are_named(tmp_path):
    source = mdf.read(store(tmp_path / "source.mdf", entries_of("raw")))
    for signals, message in (
        (SIGNALS[:3], r"signals must have the shape \(6, 2, 2, 48\), got \(3, 2, 2, 48\)"),
        (SIGNALS[..., :4], "signals must have 48 samples per signal, got 4"),
        (SIGNALS[0], "signals must have 4 axes"),
    ):
        with pytest.raises(ValueError, match=message):
            source.with_signals(signals, STEP)


def test_a_file_without_signals_can_be_copied_but_not_changed(tmp_path):
    entries = {name: value for name, value in tables(SIGNALS).items() if not name.startswith("/measurement")}
    source = mdf.read(store(tmp_path / "source.mdf", entries))
    mdf.write(source, tmp_path / "copy.mdf")
    assert_same(source, mdf.read(tmp_path / "copy.mdf"))
    with pytest.raises(ValueError, match="has no /measurement"):
        source.mapped(lambda u: u, STEP)


def test_a_file_that_has_changed_meanwhile_is_told(tmp_path):
    path = store(tmp_path / "source.mdf", entries_of("raw"))
    source = mdf.read(path)
    store(path, {name: value for name, value in entries_of("raw").items() if not name.startswith("/measurement")})
    with pytest.raises(ValueError, match=r"source\.mdf has changed since it was read"):
        mdf.write(source.mapped(lambda u: u, STEP), tmp_path / "new.mdf")
    assert os.listdir(tmp_path) == ["source.mdf"]


def test_the_steps_of_the_provenance_are_told_in_their_order(tmp_path):
    """By their numbers, of which the tenth comes after the ninth."""
    steps = {f"/_provenance/_{number}/_method": f"step {number}" for number in (10, 2, 9, 1)}
    found = mdf.read(store(tmp_path / "file.mdf", entries_of("raw") | steps)).provenance
    assert [step.method for step in found] == ["step 1", "step 2", "step 9", "step 10"]


def test_provenance_of_another_kind_is_left_alone(tmp_path):
    """A group of this name that another program made is the user's own; a data set leaves no place."""
    kept = {"/_provenance/_1/_who": "they", "/_provenance/note": "x"}
    source = mdf.read(store(tmp_path / "source.mdf", entries_of("raw") | kept))
    assert source.provenance == ()
    mdf.write(source.mapped(lambda u: u, STEP), tmp_path / "new.mdf")
    assert [step.method for step in mdf.read(tmp_path / "new.mdf").provenance] == ["half"]
    assert contents(tmp_path / "new.mdf")["/_provenance/_1/_who"] == contents(source.path)["/_provenance/_1/_who"]
    source = mdf.read(store(tmp_path / "source.mdf", entries_of("raw") | {"/_provenance": "x"}))
    with pytest.raises(ValueError, match="/_provenance must be a group, in which the steps are kept, found a data set"):
        mdf.write(source.mapped(lambda u: u, STEP), tmp_path / "other.mdf")


def test_a_full_disk_is_an_error_and_leaves_no_file(tmp_path):
    """The limit of a file's size stands for the disk's."""
    store(tmp_path / "source.mdf", entries_of("raw") | {"/measurement/data": np.zeros(SIGNALS.shape)})
    program = """
import resource, signal, sys, os
from mpicore import mdf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
source = mdf.read("source.mdf")
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    mdf.write(source.mapped(lambda u: u, mdf.Provenance("x")), "new.mdf")
except OSError as error:
    print(error)
print(os.listdir())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    told, listed = process.stdout.strip().split("\n")
    assert "new.mdf" in told and listed == "['source.mdf']"
