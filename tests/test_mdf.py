"""Signals of every layout of MDF 2.1. The files are written by hand from the tables of the specification."""

import tracemalloc
from dataclasses import fields

import h5py
import numpy as np
import pytest
from mdf_files import calibration, compressed, spectra, store, tables, truth

from mpicore import mdf
from mpicore.mdf import guard, layout, recording


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


def read(tmp_path, entries, data=None, **options):
    return mdf.read(store(tmp_path / "file.mdf", entries, data, **options))


def as_compound(values, kind):
    found = np.empty(values.shape, [("r", kind), ("i", kind)])
    found["r"], found["i"] = values.real, values.imag
    return found


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, strict=True)


STORED = {
    "contiguous": {},
    "chunked": {"chunks": (1, 1, 1, 5)},
    "compressed": {"chunks": (4, 1, 1, 7), "compression": "gzip", "shuffle": True},
    "growing": {"maxshape": (None, None, None, None)},
}


@pytest.mark.parametrize("data", STORED.values(), ids=STORED)
@pytest.mark.parametrize("J, C", [(1, 1), (3, 2)])
def test_raw_signals_are_what_was_stored(tmp_path, data, J, C):
    signals = truth(J=J, C=C)
    found = read(tmp_path, tables(signals), data)
    assert found.shape == signals.shape and found.deviations == ()
    same(found.signals(), signals)
    np.testing.assert_array_equal(found.background, np.zeros(6, bool), strict=True)


@pytest.mark.parametrize("fast", [False, True], ids=["frames first", "frames last"])
@pytest.mark.parametrize("fourier", [False, True], ids=["samples", "lines"])
@pytest.mark.parametrize("stored", [{}, {"chunks": True}], ids=["contiguous", "chunked"])
@pytest.mark.parametrize("V", [48, 49])
def test_both_orders_of_axes_and_both_domains(tmp_path, fast, fourier, stored, V):
    """An odd number of samples has no line at half the sampling rate."""
    signals = truth(5, 2, 3, V)
    entries = tables(signals)
    values = spectra(signals) if fourier else signals
    entries["/measurement/data"] = np.moveaxis(values, 0, -1) if fast else values
    entries["/measurement/isFastFrameAxis"] = np.int8(fast)
    entries["/measurement/isFourierTransformed"] = np.int8(fourier)
    found = read(tmp_path, entries, stored)
    assert found.deviations == ()
    same(found.signals(), signals)


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i2", "<i8"])
def test_complex_numbers_of_any_parts(tmp_path, kind):
    lines = np.round(40 * spectra(truth()))
    lines[..., [0, -1]] = lines[..., [0, -1]].real  # as those of any real signal of even length
    entries = tables(truth()) | {"/measurement/data": as_compound(lines, kind)}
    entries["/measurement/isFourierTransformed"] = np.int8(1)
    same(spectra(read(tmp_path, entries).signals()) + 0, lines + 0)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, ">i2", np.uint16, np.float32, ">f8"])
def test_raw_numbers_become_physical_values(tmp_path, kind):
    """u = a r + b, with a and b of each channel; also where the raw numbers are not whole."""
    raw = np.random.default_rng(1).integers(0, 100, (4, 2, 2, 48)).astype(kind)
    factors = np.array([[2e-4, 0.05], [-5e-4, -0.1]])
    entries = tables(truth(4, 2)) | {"/measurement/data": raw, "/acquisition/receiver/dataConversionFactor": factors}
    found = read(tmp_path, entries)
    expected = raw.astype(float)
    expected[:, :, 0] = 2e-4 * expected[:, :, 0] + 0.05
    expected[:, :, 1] = -5e-4 * expected[:, :, 1] - 0.1
    same(found.signals(), expected)
    np.testing.assert_array_equal(found.receiver.conversion, factors)
    assert found.single == (kind is np.float32 or np.dtype(kind).itemsize < 4)  # which single precision holds


def test_the_offset_of_lines_is_that_of_their_signals(tmp_path):
    raw, factors = truth(), np.array([[2.0, 0.5], [3.0, -1.0]])
    expected = raw * factors[:, :1] + factors[:, 1:]
    entries = tables(raw) | {"/measurement/data": spectra(raw), "/measurement/isFourierTransformed": np.int8(1)}
    same(read(tmp_path, entries | {"/acquisition/receiver/dataConversionFactor": factors}).signals(), expected)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("lines", [[1, 4, 5, 25], [25, 2, 7]], ids=["with the mean", "without, in no order"])
def test_lines_that_are_not_stored_are_zero(tmp_path, fast, lines):
    """Indices count from 1: line 1 is the mean."""
    signals, factors = truth(), np.array([[2.0, 0.5], [3.0, -1.0]])
    chosen = spectra(signals)[..., np.array(lines) - 1]
    entries = tables(signals) | {
        "/measurement/data": np.moveaxis(chosen, 0, -1) if fast else chosen,
        "/measurement/isFastFrameAxis": np.int8(fast),
        "/measurement/isFourierTransformed": np.int8(1),
        "/measurement/isFrequencySelection": np.int8(1),
        "/measurement/frequencySelection": np.array(lines),
        "/acquisition/receiver/dataConversionFactor": factors,
    }
    expected = spectra(signals * factors[:, :1] + factors[:, 1:])
    expected[..., [line for line in range(25) if line + 1 not in lines]] = 0
    np.testing.assert_allclose(spectra(read(tmp_path, entries).signals()), expected, atol=1e-10)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("at_once", [1, 2, 100], ids=lambda n: f"{n} frames at once")
def test_frames_come_in_the_order_of_recording(tmp_path, monkeypatch, fast, at_once):
    """Stored frame n is recorded frame sigma(n), and the mask is that of the stored frames."""
    recorded = truth(8)
    background = np.isin(np.arange(8), [0, 4, 7])
    sigma = np.array([2, 3, 4, 6, 7, 1, 5, 8]) - 1
    moved = recorded[sigma]
    entries = tables(recorded) | {
        "/measurement/data": np.moveaxis(moved, 0, -1) if fast else moved,
        "/measurement/isFastFrameAxis": np.int8(fast),
        "/measurement/isFramePermutation": np.int8(1),
        "/measurement/framePermutation": sigma + 1,
        "/measurement/isBackgroundFrame": background[sigma].astype(np.int8),
    }
    monkeypatch.setattr(layout, "_BLOCK", at_once * 8 * 2 * 48)
    found = read(tmp_path, entries)
    assert len(list(found.blocks())) == -(-8 // at_once)
    same(found.signals(), recorded)
    for numbers in ([0, 1, 2, 5, 7], [4], range(8), []):
        chosen = np.array(numbers, int)
        same(found.frames(chosen), recorded[chosen])
    step = mdf.Provenance("place", {})
    placed = found.mapped_in_time(lambda piece, first: piece + first + np.arange(len(piece))[:, None, None, None], step)
    same(placed.frames(np.array([1, 2, 6])), (recorded + np.arange(8)[:, None, None, None])[[1, 2, 6]])
    np.testing.assert_array_equal(found.with_signals(recorded, step).frames(np.array([3, 5])), recorded[[3, 5]])
    np.testing.assert_array_equal(found.background, background)


@pytest.mark.parametrize("kind", ["DCT-I", "DCT-II", "DCT-III", "DCT-IV"])
@pytest.mark.parametrize("size", [(2, 3, 1), (6, 1, 1), (3, 2, 2), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("at_once", [1, 100])
def test_transformed_frames_are_transformed_back(tmp_path, monkeypatch, kind, size, at_once):
    """Along x, y and z, whose voxels are in this order; a transform of few coefficients, by its matrix."""
    voxels = int(np.prod(size))
    mask = np.concatenate([np.zeros(voxels, bool), np.ones(2, bool)])
    entries, expected = compressed(truth(voxels + 2), mask, size, kind, max(1, voxels // 2))
    sigma = np.random.default_rng(0).permutation(voxels + 2)
    entries |= {"/measurement/isFramePermutation": np.int8(1), "/measurement/framePermutation": sigma + 1}
    monkeypatch.setattr(layout, "_BLOCK", at_once * 8 * 2 * 48)
    found = read(tmp_path, entries, {"chunks": True})
    assert found.deviations == ()
    recorded = np.empty_like(expected)
    recorded[sigma] = expected
    np.testing.assert_allclose(found.signals(), np.fft.irfft(recorded, n=48), atol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(found.background), np.sort(sigma[-2:]))


def test_the_grid_of_transformed_frames_has_an_order(tmp_path):
    mask = np.zeros(6, bool)
    entries, expected = compressed(truth(), mask, (2, 3, 1), "DCT-IV", 3)
    entries |= {"/calibration/order": "yxz", "/calibration/size": np.array([3, 2, 1])}
    np.testing.assert_allclose(read(tmp_path, entries).signals(), np.fft.irfft(expected, n=48), atol=1e-12)


def test_a_reduced_bandwidth_has_fewer_samples(tmp_path):
    found = read(tmp_path, tables(truth()) | {"/measurement/data": truth(V=24)})
    assert found.shape == (6, 1, 2, 24) and "24 samples, fewer than the 48" in found.deviations[0]


def test_the_metadata_come_with_units(tmp_path):
    """Several frequencies on a drive channel, several periods, channels of other units, a tracer, a system matrix."""
    signals = truth(6, 2, 2)
    rng = np.random.default_rng(5)
    strength, phase, snr = rng.random((2, 3, 2)), rng.random((2, 3, 2)), rng.random((2, 2, 25))
    transfer, positions = rng.random((2, 25)) + 1j * rng.random((2, 25)), rng.random((6, 3))
    entries = tables(signals) | calibration((3, 2, 1), snr=snr, positions=positions, offsetFields=positions / 7)
    entries |= {
        "/acquisition/drivefield/divider": np.array([[16, 24], [12, 48], [8, 6]]),
        "/acquisition/drivefield/numChannels": np.int64(3),
        "/acquisition/drivefield/strength": strength,
        "/acquisition/drivefield/phase": phase,
        "/acquisition/drivefield/waveform": np.array([["sine", "custom"], ["triangle", "sine"], ["sine"] * 2], object),
        "/acquisition/receiver/unit": np.array(["V", "A"], object),
        "/acquisition/receiver/transferFunction": transfer,
        "/acquisition/receiver/inductionFactor": np.array([3.0, 4.0]),
        "/measurement/isBackgroundCorrected": np.int8(1),
        "/measurement/isTransferFunctionCorrected": np.int8(1),
        "/measurement/isSpectralLeakageCorrected": np.int8(1),
        "/tracer/name": np.array(["iron", "dust"], object),
        "/tracer/batch": np.array(["1", "2"], object),
        "/tracer/vendor": np.array(["us", "them"], object),
        "/tracer/solute": np.array(["Fe", "Fe"], object),
        "/tracer/concentration": np.array([0.5, 0.25]),
        "/tracer/volume": np.array([2e-6, 1e-6]),
        "/tracer/injectionTime": np.array(["2026-01-02T03:04:05.100"] * 2, object),
    }
    found = read(tmp_path, entries)
    assert found.deviations == ("/acquisition/receiver/unit: one for each channel",)
    drive, receiver, matrix = found.drive, found.receiver, found.calibration
    same(drive.frequencies, np.array([[150e3, 100e3], [200e3, 50e3], [300e3, 400e3]]))
    same(drive.strength, strength)
    same(drive.phase, phase)
    assert drive.channels == 3 and drive.waveform == (("sine", "custom"), ("triangle", "sine"), ("sine", "sine"))
    assert drive.cycle == pytest.approx(20e-6) and drive.base_frequency == 2.4e6
    assert receiver.units == ("V", "A") and receiver.samples == 48 and receiver.bandwidth == 1.2e6
    same(receiver.transfer_function, transfer)
    same(receiver.induction_factor, np.array([3.0, 4.0]))
    assert found.processing == mdf.Processing(True, True, True)
    assert (found.acquisition.averages, found.acquisition.periods, found.acquisition.frames) == (5, 2, 6)
    same(found.acquisition.gradient, np.broadcast_to(np.diag([-1.0, -1.0, 2.0]), (2, 1, 3, 3)))
    assert matrix.size == (3, 2, 1) and matrix.order == "xyz" and matrix.method == "robot"
    same(matrix.field_of_view, np.array([0.04, 0.03, 0.02]))
    same(matrix.delta_sample_size, np.full(3, 1e-3))
    same(matrix.offset_fields, positions / 7)
    same(matrix.snr, snr)
    assert [tracer.name for tracer in found.tracers] == ["iron", "dust"]
    assert found.tracers[0].concentration == pytest.approx(500.0)  # mol/l to mol/m^3
    assert found.tracers[1].volume == pytest.approx(1e-9)  # l to m^3
    assert found.scanner.bore_size == 0.12 and found.scanner.topology == "FFP" and found.study.number == 3
    assert found.experiment.simulated and found.experiment.subject == "none"
    assert found.uuid.startswith("3170") and found.version == "2.1.0"


def test_what_is_optional_may_be_absent(tmp_path):
    optional = ("/scanner/boreSize", "/acquisition/gradient", "/acquisition/offsetField")
    found = read(tmp_path, tables(truth()) | dict.fromkeys(optional))
    assert found.deviations == () and found.calibration is None and found.tracers == ()
    assert found.acquisition.gradient is None and found.scanner.bore_size is None


def test_keys_of_the_user_are_left_alone(tmp_path):
    found = read(tmp_path, tables(truth()) | {"/_room/_temperature": 20.5, "/scanner/_serial": "x", "/_list": [1, 2]})
    assert found.deviations == ()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("stored", [{}, {"chunks": True, "compression": "gzip"}], ids=["whole", "chunked"])
def test_the_memory_of_blocks_does_not_grow_with_the_file(tmp_path, monkeypatch, fast, stored):
    monkeypatch.setattr(layout, "_BLOCK", 2**16)
    shape, frame = ((1, 2, 128, 600) if fast else (600, 1, 2, 128)), np.arange(256.0, dtype=np.float32).reshape(2, 128)
    entries = tables(np.zeros((600, 1, 2, 128))) | {"/measurement/isFastFrameAxis": np.int8(fast)}
    path = store(tmp_path / "file.mdf", entries | {"/measurement/data": None})
    with h5py.File(path, "a") as file:
        data = file.create_dataset("/measurement/data", shape, np.float32, **stored)
        data[...] = frame[None, ..., None] if fast else frame[None, None]
    found = mdf.read(path)
    tracemalloc.start()
    total = sum(float(piece.sum()) for piece in found.blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(600 * frame.sum())
    assert peak < 5 * 2**16 < 600 * 256 * 8 / 3


def test_a_file_without_signals_has_metadata(tmp_path):
    entries = {name: value for name, value in tables(truth()).items() if not name.startswith("/measurement")}
    found = read(tmp_path, entries)
    assert found.deviations == ("/measurement: missing, so there are no signals",)
    assert found.drive.channels == 2 and found.layout is None and len(found.background) == 0
    for ask in (found.signals, lambda: next(found.blocks()), lambda: found.shape):
        with pytest.raises(ValueError, match=r"file\.mdf has no /measurement, so there are no signals"):
            ask()


def test_signals_beyond_memory_are_told(tmp_path, monkeypatch):
    """More than the machine has, or than the process may have."""
    found = read(tmp_path, tables(truth()))
    empty = np.empty

    def short(shape, *kind):
        if kind:
            raise MemoryError
        return empty(shape)

    message = r"file\.mdf: signals of shape .* do not fit into memory; read them in blocks"
    with monkeypatch.context() as patch:
        patch.setattr(recording.np, "empty", short)
        with pytest.raises(ValueError, match=message):
            found.signals()
    monkeypatch.setattr(recording.os, "sysconf", lambda name: 64)
    with pytest.raises(ValueError, match=message):
        found.signals()
    assert len(list(found.blocks())) == 1


def test_every_field_is_described():
    """The attributes of what a file says stand in the docstrings."""
    for kind in (*mdf.recording.Recording.__mro__[:2], *vars(mdf.description).values()):
        if isinstance(kind, type) and kind.__module__.startswith("mpicore.mdf"):
            for field in fields(kind):
                texts = " ".join(base.__doc__ or "" for base in kind.__mro__)
                assert field.name in texts, f"{kind.__name__}.{field.name}"
