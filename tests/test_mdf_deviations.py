"""Files of the wild: what is read although it deviates, with a line for each deviation, and what is refused."""

import h5py
import numpy as np
import pytest
from mdf_files import calibration, compressed, spectra, store, tables, truth

from mpicore import mdf
from mpicore.mdf import guard, recording

SIGNALS = truth(J=2)
DRIVE, RECEIVER = "/acquisition/drivefield", "/acquisition/receiver"


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The inspection without its process, which tests/test_mdf_hostile.py is about."""
    monkeypatch.setattr(recording, "check", guard.inspect)


def renamed(entries, *pairs):
    """The same under other names, for whole groups too."""
    found = dict(entries)
    for old, new in pairs:
        found = {new + name.removeprefix(old) if name.startswith(old) else name: v for name, v in found.items()}
    return found


def read(tmp_path, entries):
    return mdf.read(store(tmp_path / "file.mdf", entries))


# Changes of a correct file, and what the one line that tells the deviation holds.
TOLERATED = {
    "numPeriods": (("/acquisition/numPeriodsPerFrame", "/acquisition/numPeriods"), "an early name of"),
    "driveField": ((DRIVE, "/acquisition/driveField"), "/acquisition/driveField: in place of /acquisition/drivefield"),
    "period": ((f"{DRIVE}/cycle", f"{DRIVE}/period"), "an early name of /acquisition/drivefield/cycle"),
    "isTransposed": (("/measurement/isFastFrameAxis", "/measurement/isTransposed"), "isTransposed: an early name"),
    "isPermuted": (("/measurement/isFastFrameAxis", "/measurement/isPermuted"), "isPermuted: an early name"),
    "isFramePermution": (("/measurement/isFramePermutation", "/measurement/isFramePermution"), "isFramePermution: an"),
    "model": (("/scanner/name", "/scanner/model"), "/scanner/model: an early name of /scanner/name"),
}


@pytest.mark.parametrize("pair, line", TOLERATED.values(), ids=TOLERATED)
def test_early_and_other_names_are_read(tmp_path, pair, line):
    found = read(tmp_path, renamed(tables(SIGNALS), pair))
    (told,) = found.deviations
    assert line in told
    np.testing.assert_array_equal(found.signals(), SIGNALS)
    assert found.drive.channels == 2 and found.scanner.name == "bench" and found.acquisition.periods == 2


GROUP = [name for name in tables(SIGNALS) if name.startswith(DRIVE)]
DIAGONAL = np.diag([-1.0, -1.0, 2.0])
CHANGED = {
    "version 2.0": ({"/version": "2.0"}, "/version: 2.0, read by the tables of 2.1.0; the drive field is in"),
    "one waveform": ({f"{DRIVE}/waveform": "sine"}, "waveform: shape (), taken for all of (2, 1)"),
    "waveform in two axes": ({f"{DRIVE}/waveform": np.array([["sine"]], object)}, "shape (1, 1), taken for all"),
    "waveform per channel": ({f"{DRIVE}/waveform": np.array(["sine"] * 2, object)}, "shape (2,), taken for all"),
    "unknown waveform": ({f"{DRIVE}/waveform": np.array([["sine"], ["saw"]], object)}, "'saw', not sine"),
    "gradient vector": ({"/acquisition/gradient": np.array([-1.0, -1, 2])}, "a diagonal of shape (3,)"),
    "gradient per period": ({"/acquisition/gradient": np.array([[-1.0, -1, 2]] * 2)}, "a diagonal of shape (2, 3)"),
    "gradient matrix": ({"/acquisition/gradient": DIAGONAL}, "a matrix of shape (3, 3)"),
    "gradient in three axes": ({"/acquisition/gradient": np.array([DIAGONAL] * 2)}, "a matrix of shape (2, 3, 3)"),
    "gradient once": ({"/acquisition/gradient": DIAGONAL[None, None]}, "gradient: of one period, taken for all 2"),
    "offset per period": ({"/acquisition/offsetField": np.zeros((2, 3))}, "offsetField: shape (2, 3), not (J, Y, 3)"),
    "strength once": ({f"{DRIVE}/strength": np.full((1, 2, 1), 0.012)}, "strength: shape (1, 2, 1), taken for all"),
    "strength per channel": ({f"{DRIVE}/strength": np.full(2, 0.012)}, "strength: shape (2,), taken for all"),
    "divider per channel": ({f"{DRIVE}/divider": np.array([16, 12])}, "divider: shape (2,), not (D, F)"),
    "divider as a row": ({f"{DRIVE}/divider": np.array([[16, 12]])}, "divider: shape (1, 2), not (D, F)"),
    "divider of floats": ({f"{DRIVE}/divider": np.array([[16.0], [12.0]])}, "divider: whole numbers stored as float64"),
    "no divider known": ({f"{DRIVE}/divider": np.array([[16], [0]])}, "divider: 0, so a frequency is not told"),
    "bool": ({"/measurement/isBackgroundCorrected": np.bool_(False)}, "stored as bool, not as int8"),
    "no mask": ({"/measurement/isBackgroundFrame": None}, "isBackgroundFrame: missing, taken for 0"),
    "no flag": ({"/measurement/isFastFrameAxis": None}, "isFastFrameAxis: missing, taken for 0"),
    "no name": ({"/study/name": None}, "/study/name: missing"),
    "number of frames": ({"/acquisition/numFrames": np.int64(5)}, "numFrames: 5, but there are 6 frames"),
    "bytes": ({f"{RECEIVER}/unit": np.frombuffer(b"V", np.uint8)}, "unit: bytes in place of a text"),
    "Latin-1": ({"/scanner/operator": np.bytes_("Jürgen".encode("latin-1"))}, "operator: not UTF-8, read as Latin-1"),
    "axes of a single value": ({f"{RECEIVER}/bandwidth": np.array([[1.2e6]])}, "a single value of shape (1, 1)"),
    "one pair of factors": ({f"{RECEIVER}/dataConversionFactor": np.array([1.0, 0.0])}, "one pair, taken for all 2"),
    "transfer function in pairs": ({f"{RECEIVER}/transferFunction": np.ones((2, 25, 2))}, "a last axis of two"),
    "unknown": ({"/measurement/mood": 1.0}, "/measurement/mood: not known to the format, not used"),
    "no drive": (dict.fromkeys(GROUP), "/acquisition/drivefield: missing"),
}


@pytest.mark.parametrize("change, line", CHANGED.values(), ids=CHANGED)
def test_each_tolerated_deviation_is_one_line(tmp_path, change, line):
    found = read(tmp_path, tables(SIGNALS) | change)
    (told,) = found.deviations
    assert line in told and "\n" not in told
    np.testing.assert_array_equal(found.signals(), SIGNALS)
    if found.drive is not None:
        assert found.drive.strength.shape == found.drive.phase.shape == (2, 2, 1)
        np.testing.assert_array_equal(found.drive.frequencies[0], [150e3])
    if found.acquisition.gradient is not None:
        np.testing.assert_array_equal(found.acquisition.gradient, np.broadcast_to(DIAGONAL, (2, 1, 3, 3)))


def test_version_2_0_may_lack_what_came_later(tmp_path):
    """Sparse data came with 2.1, and a file without the flag has none."""
    found = read(tmp_path, tables(SIGNALS) | {"/version": "2.0", "/measurement/isSparsityTransformed": None})
    assert len(found.deviations) == 1


def test_texts_of_any_kind_are_texts(tmp_path):
    """Of fixed and of variable length, ASCII and UTF-8, padded by zeros, alone or in a list."""
    path = store(tmp_path / "file.mdf", tables(SIGNALS) | {"/scanner/facility": None, "/study/description": None})
    with h5py.File(path, "a") as file:
        file["/scanner/facility"] = np.array([b"here\0\0\0"], "S7")
        file.create_dataset("/study/description", data="für".encode(), dtype=h5py.string_dtype("utf-8", 10))
    found = mdf.read(path)
    assert found.deviations == ()
    assert found.scanner.facility == "here" and found.study.description == "für"


def test_complex_numbers_in_pairs_are_read(tmp_path):
    lines = spectra(SIGNALS)
    entries = tables(SIGNALS) | {"/measurement/isFourierTransformed": np.int8(1)}
    for fast in (0, 1):
        stored = np.moveaxis(lines, 0, -1) if fast else lines
        pairs = np.stack([stored.real, stored.imag], axis=-1)
        found = read(tmp_path, entries | {"/measurement/data": pairs, "/measurement/isFastFrameAxis": np.int8(fast)})
        assert found.deviations == ("/measurement/data: real and imaginary parts as a last axis of two",)
        np.testing.assert_allclose(found.signals(), SIGNALS, atol=1e-12)


def test_few_of_many_unknown_names_are_told(tmp_path):
    found = read(tmp_path, tables(SIGNALS) | {f"/scanner/part{k}": k for k in range(100)})
    assert len(found.deviations) == 21 and found.deviations[-1].startswith("80 more data sets")


SELECTED = {"/measurement/isFourierTransformed": np.int8(1), "/measurement/isFrequencySelection": np.int8(1)}
SELECTED |= {"/measurement/data": spectra(SIGNALS)[..., :2], "/measurement/frequencySelection": np.array([1, 2])}
LINES = {"/measurement/isFourierTransformed": np.int8(1), "/measurement/data": spectra(SIGNALS)}
ORDER = {"/measurement/isFramePermutation": np.int8(1), "/measurement/framePermutation": np.array([6, 5, 4, 3, 2, 1])}
NO_FIELDS = {"/acquisition/gradient": None, "/acquisition/offsetField": None}
REFUSED = {
    "version 1": ({"/version": "1.0.5"}, "/version must be 2.0 to 2.1.0, found '1.0.5'"),
    "version 3": ({"/version": "3.0"}, "/version must be 2.0 to 2.1.0, found '3.0'"),
    "no version": ({"/version": None}, "not an MDF file, there is no /version; its data sets: /acquisition/"),
    "no data": ({"/measurement/data": None}, "/measurement/data is missing"),
    "three axes": ({"/measurement/data": SIGNALS[0]}, r"data must be four axes, none of them empty, found shape \(2,"),
    "no frames": ({"/measurement/data": SIGNALS[:0]}, r"data must be four axes, none of them empty, found shape \(0,"),
    "periods": (
        {"/acquisition/numPeriodsPerFrame": 3, "/acquisition/gradient": None, "/acquisition/offsetField": None},
        "with 3 from /acquisition/numPeriodsPerFrame, found shape",
    ),
    "channels": ({f"{RECEIVER}/numChannels": 1}, "with 1 from /acquisition/receiver/numChannels, found shape"),
    "samples": ({f"{RECEIVER}/numSamplingPoints": 47}, "of 47 samples, as numSamplingPoints says, found 48 samples"),
    "texts as data": ({"/measurement/data": np.full((6, 2, 2, 48), b"x")}, r"data must be real numbers, or complex"),
    "bool as data": ({"/measurement/data": np.ones((6, 2, 2, 48), bool)}, "data must be real numbers, or complex"),
    "other parts": ({"/measurement/data": np.zeros((6, 2, 2, 25), [("x", "f8"), ("y", "f8")])}, "with parts r and i"),
    "real lines": ({"/measurement/isFourierTransformed": 1}, "must be complex, as isFourierTransformed says, found"),
    "complex samples": ({"/measurement/data": SIGNALS + 0j}, "must be real, as isFourierTransformed is 0, found"),
    "too few lines": ({**LINES, "/measurement/data": spectra(SIGNALS)[..., :9]}, "must be of 25 lines, half of"),
    "no selection": ({**SELECTED, "/measurement/frequencySelection": None}, "frequencySelection is missing, and"),
    "long selection": ({**SELECTED, "/measurement/frequencySelection": [1, 2, 3]}, "a list of 2, the stored lines"),
    "selection from 0": ({**SELECTED, "/measurement/frequencySelection": [0, 1]}, "numbers from 1 to 25, found"),
    "selection beyond": ({**SELECTED, "/measurement/frequencySelection": [1, 26]}, "numbers from 1 to 25, found"),
    "selected twice": ({**SELECTED, "/measurement/frequencySelection": [2, 2]}, r"from 1 to 25, found \[2, 2\]"),
    "no order": ({**ORDER, "/measurement/framePermutation": None}, "framePermutation is missing, and needed"),
    "frame twice": ({**ORDER, "/measurement/framePermutation": [1, 1, 2, 3, 4, 5]}, "the frames 1 to 6 once, found"),
    "order from 0": ({**ORDER, "/measurement/framePermutation": np.arange(6)}, "the frames 1 to 6 once, found"),
    "short mask": ({"/measurement/isBackgroundFrame": [0, 1]}, "must be of 6 values, one per frame, found 2 values"),
    "long mask": ({"/measurement/isBackgroundFrame": [0] * 7}, "must be of 6 values, one per frame, found 7 values"),
    "mask of 2": ({"/measurement/isBackgroundFrame": [0, 0, 0, 0, 0, 2]}, "isBackgroundFrame must be 0 or 1, found"),
    "flag of 2": ({"/measurement/isFastFrameAxis": 2}, "isFastFrameAxis must be 0 or 1, found 2"),
    "flag as text": ({"/measurement/isFastFrameAxis": "no"}, "isFastFrameAxis must be 0 or 1, found text"),
    "flags in place of one": ({"/measurement/isFastFrameAxis": [0, 0]}, r"must be a single value, found shape \(2,\)"),
    "sparse samples": ({"/measurement/isSparsityTransformed": 1}, "must be 0 where the frames are not the last axis"),
    "factors": ({f"{RECEIVER}/dataConversionFactor": np.ones((3, 2))}, r"of shape \(2, 2\), found shape \(3, 2\)"),
    "factor 0": ({f"{RECEIVER}/dataConversionFactor": np.zeros((2, 2))}, "must be of factors other than 0"),
    "factor NaN": ({f"{RECEIVER}/dataConversionFactor": np.full((2, 2), np.nan)}, "Factor must be finite, found nan"),
    "no samples": ({f"{RECEIVER}/numSamplingPoints": None}, "numSamplingPoints is missing, and needed"),
    "half a channel": ({f"{RECEIVER}/numChannels": 1.5}, "numChannels must be whole numbers, found 1.5"),
    "negative count": ({f"{RECEIVER}/numSamplingPoints": -4}, "must be a whole number of at least 1, found -4"),
    "bandwidth": ({f"{RECEIVER}/bandwidth": 0.0}, "bandwidth must be positive, found 0.0"),
    "bandwidth as text": ({f"{RECEIVER}/bandwidth": "high"}, r"bandwidth must be float numbers, found text"),
    "units": ({f"{RECEIVER}/unit": np.array(["V"] * 3, object)}, r"unit must be a single text, or 2, found"),
    "unit as number": ({f"{RECEIVER}/unit": 1.0}, "unit must be text, found type float64"),
    "transfer function": ({f"{RECEIVER}/transferFunction": np.ones((3, 25), complex)}, r"must be of shape \(2, K\)"),
    "induction factor": ({f"{RECEIVER}/inductionFactor": np.ones(3)}, r"must be of shape \(2,\), found shape \(3,\)"),
    "no cycle": ({f"{DRIVE}/cycle": 0.0}, "cycle must be positive, found 0.0"),
    "base frequency": ({f"{DRIVE}/baseFrequency": -1.0}, "baseFrequency must be positive, found -1.0"),
    "no strength": ({f"{DRIVE}/strength": None}, "drivefield/strength is missing, and needed"),
    "strength": ({f"{DRIVE}/strength": np.ones((3, 2, 1))}, r"strength must be of shape \(2, 2, 1\), found"),
    "divider": ({f"{DRIVE}/divider": np.ones((3, 5), int)}, r"of shape \(2, F\), one row per drive channel, found"),
    "negative divider": ({f"{DRIVE}/divider": np.array([[1], [-2]])}, "divider must be whole numbers above zero"),
    "waveforms": ({f"{DRIVE}/waveform": np.array([["sine"] * 3], object)}, r"waveform must be of shape \(2, 1\)"),
    "gradient": ({"/acquisition/gradient": np.zeros((5, 5))}, r"gradient must be of shape \(2, Y, 3, 3\), found"),
    "offset": ({"/acquisition/offsetField": np.zeros((3, 1, 3))}, r"offsetField must be of shape \(2, Y, 3\)"),
    "size": (calibration((6, 1)), "/calibration/size must be three whole numbers above zero, found"),
    "order of axes": (calibration((6, 1, 1), order="xyy"), "/calibration/order must be xyz in any order, found 'xyy'"),
    "field of view": (calibration((6, 1, 1), fieldOfView=np.ones(2)), r"fieldOfView must be of shape \(3,\), found"),
    "positions": (calibration((6, 1, 1), positions=np.ones((6, 2))), r"positions must be of shape \(O, 3\), found"),
    "snr": (calibration((6, 1, 1), snr=np.ones(4)), r"snr must be of shape \(J, C, K\), found"),
    "tracer": ({"/tracer/name": np.array(["a", "b"], object), "/tracer/batch": "1"}, "tracer/batch must be 2 values"),
    "steps": ({"/_provenance/_1/_method": "x", "/_provenance/_1/_options": "[]"}, "must be a JSON dictionary"),
}


@pytest.mark.parametrize("change, message", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(tmp_path, change, message):
    """The file, the data set, what was found, what is allowed: in one line."""
    with pytest.raises(ValueError, match=message) as raised:
        read(tmp_path, tables(SIGNALS) | change)
    assert "\n" not in str(raised.value) and str(tmp_path / "file.mdf") in str(raised.value)


MASK = np.array([False] * 4 + [True] * 2)
SPARSE = {
    "transform": ({"/measurement/sparsityTransformation": "DCT"}, "must be one of DCT-I, DCT-II, DCT-III, DCT-IV"),
    "no indices": ({"/measurement/subsamplingIndices": None}, "subsamplingIndices is missing"),
    "indices": ({"/measurement/subsamplingIndices": np.ones((1, 2, 25, 3), int)}, r"of shape \(1, 2, 25, 2\), found"),
    "real indices": ({"/measurement/subsamplingIndices": np.ones((1, 2, 25, 2))}, "must be whole numbers, found type"),
    "no size": ({"/calibration/size": None}, "/calibration/size is missing"),
    "size": ({"/calibration/size": np.array([5, 1, 1])}, "a product of 4, the number of foreground frames, found"),
    "mask": ({"/measurement/isBackgroundFrame": [1, 0, 0, 0, 0, 1]}, "1 at the end alone"),
    "no mask": ({"/measurement/isBackgroundFrame": None}, "isBackgroundFrame is missing, and needed"),
}


@pytest.mark.parametrize("change, message", SPARSE.values(), ids=SPARSE)
def test_what_transformed_frames_need_is_named(tmp_path, change, message):
    entries, _ = compressed(truth(), MASK, (2, 2, 1), "DCT-II", 2)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, entries | change)


@pytest.mark.parametrize("indices", [0, 5, 1], ids=["below", "beyond", "twice"])
def test_indices_of_coefficients_are_checked_when_they_are_read(tmp_path, indices):
    entries, _ = compressed(truth(), MASK, (2, 2, 1), "DCT-II", 2)
    entries["/measurement/subsamplingIndices"] = np.full((1, 2, 25, 2), indices)
    with pytest.raises(ValueError, match=r"subsamplingIndices must be different whole numbers from 1 to 4"):
        read(tmp_path, entries).signals()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_signals_must_be_finite(tmp_path, value):
    signals = SIGNALS.copy()
    signals[4, 1, 0, 7] = value
    with pytest.raises(ValueError, match=r"file\.mdf: /measurement/data must be finite, found .* in frame 5"):
        read(tmp_path, tables(SIGNALS) | {"/measurement/data": signals}).signals()


def test_values_that_become_infinite_are_told(tmp_path):
    entries = tables(SIGNALS) | {"/measurement/data": np.full(SIGNALS.shape, 1e300)}
    entries[f"{RECEIVER}/dataConversionFactor"] = np.array([[1e300, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="/measurement/data must be finite"):
        read(tmp_path, entries).signals()
