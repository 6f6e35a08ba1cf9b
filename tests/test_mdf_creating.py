"""A file made from nothing holds what the tables of the specification demand, and says what it was told."""

import re
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from mdf_files import calibration as calibration_tables
from mdf_files import spectra, tables, truth

from mpicore import mdf
from mpicore.mdf import guard, recording

N, J, C, V = 6, 2, 3, 48
DRIVE = mdf.Drive(
    2.4e6,
    np.array([[16, 8], [12, 6]]),
    np.full((J, 2, 2), 0.012),
    np.broadcast_to([[0.5, 4.0], [-np.pi / 2, np.pi]], (J, 2, 2)),
    (("sine", "sine"), ("sine", "triangle")),
    V / 2.4e6,
)
RECEIVER = mdf.Receiver(1.2e6, V, ("V",) * C)
ACQUISITION = mdf.Acquisition(
    "2026-01-02T03:04:05.678",
    5,
    J,
    N,
    np.broadcast_to(np.diag([-1.0, -1, 2]), (J, 1, 3, 3)),
    np.zeros((J, 1, 3)),
)
BACKGROUND = np.array([True, False, False, True, False, False])
TOLD = {"acquisition": ACQUISITION, "drive": DRIVE, "receiver": RECEIVER}


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new.mdf"


def kinds(path):
    """The kind of value and the number of axes of every data set."""
    found = {}
    with h5py.File(path) as file:

        def keep(name, item):
            if isinstance(item, h5py.Dataset):
                text = h5py.check_string_dtype(item.dtype) is not None
                found["/" + name] = ("text" if text else item.dtype.str, item.ndim)

        file.visititems(keep)
    return found


def test_the_tables_are_complete(path, tmp_path):
    """The same data sets, types and axes as a file that was written by hand from the specification."""
    signals = truth(N, J, C)
    mdf.create(path, signals, background=BACKGROUND, dtype="float64", scanner=mdf.Scanner(bore_size=0.1), **TOLD)
    expected = {}
    for name, value in tables(signals).items():
        text = isinstance(value, str) or np.asarray(value).dtype == object
        expected[name] = ("text" if text else np.asarray(value).dtype.str, np.ndim(value))
    assert kinds(path) == expected
    with h5py.File(path) as file:
        assert file["version"][()] == b"2.1.0"
        uuids = [file[name][()].decode() for name in ("uuid", "study/uuid", "experiment/uuid")]
        assert len({*uuids}) == 3
        assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", u) for u in uuids)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", file["time"][()].decode())
        phase = file["acquisition/drivefield/phase"][0]
        np.testing.assert_allclose(phase, [[0.5, 4 - 2 * np.pi], [-np.pi / 2, -np.pi]], rtol=1e-12)


def test_what_is_told_is_read(path):
    signals = truth(N, J, C)
    told = {
        "study": mdf.Study("s", "d", "295258fe-b650-4e5f-96db-b83f11089a6c", "2026-01-02T03:04:05.000", 3),
        "experiment": mdf.Experiment("e", "d", "mouse", "f96dbc48-1ebd-44c7-b04d-1b45da054693", 4, True),
        "scanner": mdf.Scanner("n", "m", "f", "o", "FFP", 0.12),
        "tracers": (mdf.Tracer("t", "b", "v", "Fe", 500.0, 2e-6, "2026-01-02T03:04:05.000"),),
        "provenance": (mdf.Provenance("by hand", {"a": [1]}),),
    }
    processing = mdf.Processing(background_corrected=True)
    mdf.create(path, signals, background=BACKGROUND, processing=processing, dtype="float64", **told, **TOLD)
    found = mdf.read(path)
    assert found.deviations == ()
    for name in ("study", "experiment", "scanner", "tracers"):
        assert getattr(found, name) == told[name]
    assert found.processing == processing
    assert [step.method for step in found.provenance] == ["by hand"]
    assert found.drive.waveform == DRIVE.waveform
    np.testing.assert_array_equal(found.drive.divider, DRIVE.divider)
    np.testing.assert_array_equal(found.acquisition.gradient, ACQUISITION.gradient)
    np.testing.assert_array_equal(found.background, BACKGROUND)
    np.testing.assert_array_equal(found.signals(), signals)


def test_integers_are_what_a_converter_gives(path):
    """Half a step off at most, in each channel in its own unit."""
    signals = truth(N, J, C) * np.array([1.0, 1e-3, 1e3])[:, None] + np.array([0, 0.01, 0])[:, None]
    conversion = mdf.integer_conversion(np.abs(signals).max(axis=(0, 1, 3)))
    conversion[1, 1] = 0.01
    receiver = replace(RECEIVER, units=("V", "A", "V"), conversion=conversion)
    mdf.create(path, signals, dtype="int16", **TOLD | {"receiver": receiver})
    found = mdf.read(path)
    assert found.receiver.units == ("V", "A", "V")
    with h5py.File(path) as file:
        assert file["measurement/data"].dtype == np.int16
        stored = file["measurement/data"][()] * conversion[:, :1] + conversion[:, 1:]
    np.testing.assert_allclose(found.signals(), stored, rtol=1e-12, atol=1e-15)
    assert (np.abs(stored - signals) <= 0.5001 * conversion[:, :1]).all()


def test_a_calibration_has_its_axes_where_programs_expect_them(path):
    """Lines, frames last, background frames at the end, and the order of recording is not lost."""
    signals = truth(N, J, C)
    layout = mdf.calibration_layout((N, J, C, V), BACKGROUND)
    snr = np.ones((J, C, V // 2 + 1))
    told = mdf.Calibration("robot", (2, 2, 1), field_of_view=np.array([0.02, 0.02, 0.001]), snr=snr)
    mdf.create(path, signals, background=BACKGROUND, calibration=told, layout=layout, dtype="float64", **TOLD)
    with h5py.File(path) as file:
        lines = np.moveaxis(file["measurement/data"][()], -1, 0)
        assert file["measurement/isBackgroundFrame"][()].tolist() == [0, 0, 0, 0, 1, 1]
        assert file["measurement/framePermutation"][()].tolist() == [2, 3, 5, 6, 1, 4]
        assert set(file["calibration"]) <= {name.split("/")[-1] for name in calibration_tables(1, snr=1)}
    np.testing.assert_allclose(lines, spectra(signals)[[1, 2, 4, 5, 0, 3]], atol=1e-12)
    found = mdf.read(path)
    assert found.deviations == ()
    np.testing.assert_allclose(found.signals(), signals, atol=1e-12)
    np.testing.assert_array_equal(found.background, BACKGROUND)


def test_pieces_are_the_same_file(path, tmp_path):
    signals = truth(N, J, C)
    for name, given in (("whole", signals), ("pieces", (signals[i : i + 1] for i in range(N)))):
        mdf.create(tmp_path / name, given, dtype="float32", **TOLD)
    with h5py.File(tmp_path / "whole") as whole, h5py.File(tmp_path / "pieces") as pieces:
        np.testing.assert_array_equal(whole["measurement/data"][()], pieces["measurement/data"][()])


BAD = {
    "conversion": ({"receiver": replace(RECEIVER, conversion=np.ones((2, 2)))}, "receiver.conversion must have"),
    "strength": ({"drive": replace(DRIVE, strength=np.ones((1, 2, 2)))}, "drive.strength must have the shape"),
    "waveform": ({"drive": replace(DRIVE, waveform=(("sine",),))}, "drive must have 2 waveforms"),
    "frames": ({"acquisition": replace(ACQUISITION, frames=7)}, "signals must hold the 7 frames"),
    "background": ({"background": [True]}, "background must have the shape"),
    "integers": ({"dtype": "int16"}, "dtype must be float32 or float64"),
    "type": ({"dtype": "uint8"}, "dtype must be one of"),
    "tracer": ({"tracers": [mdf.Tracer("t")]}, "tracer 1 must have a concentration"),
    "voxels": ({"calibration": mdf.Calibration("robot", (2, 2, 2))}, "one voxel per foreground frame, got 8 voxels"),
    "range": (
        {"dtype": "int8", "receiver": replace(RECEIVER, conversion=np.array([[1.0, 0], [1e-3, 0], [1, 0]]))},
        r"signals must become -128 to 127 by receiver.conversion, got .* in receive channel 2",
    ),
    "few": ({"signals": iter([truth(2, J, C)])}, "signals must hold 6 frames, got 2"),
    "many": ({"signals": iter([truth(9, J, C)])}, "signals must hold 6 frames, got 9"),
    "NaN": ({"signals": np.full((N, J, C, V), np.nan)}, "signals must be finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_named_and_leaves_no_file(case, path):
    changes, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        mdf.create(path, **{"signals": truth(N, J, C)} | TOLD | changes)
    assert list(path.parent.iterdir()) == []


def test_memory_does_not_grow_with_the_file(path):
    """A file of 300 MB with 64 MB of address space beyond what the program has at its start."""
    program = """
import os, resource, sys
import numpy as np
from mpicore import mdf
N, V = 5000, 2**15
piece = np.random.default_rng(0).standard_normal((10, 1, 1, V), np.float32)
drive = mdf.Drive(2.5e6, np.array([[16]]), np.ones((1, 1, 1)), np.zeros((1, 1, 1)), (("sine",),), 1e-3)
receiver = mdf.Receiver(1.25e6, V, ("V",), conversion=np.array([[1e-3, 0.0]]))
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**26,) * 2)
mdf.create(sys.argv[1], (piece for _ in range(N // 10)), dtype="int16",
    acquisition=mdf.Acquisition("", 1, 1, N), drive=drive, receiver=receiver)
"""
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-500:]
    assert path.stat().st_size > 5000 * 2**15 * 2
