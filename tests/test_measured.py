"""Recordings without clean data: a simulated one whose truth is known here, and to no method."""

from functools import cache

import numpy as np
import open_data
import pytest

from mpicore import drive_phase, mdf, measured, measured_weights, methods
from mpicore.assumptions import FEW, check, forbidden_share
from mpicore.frame_background import FrameBackground
from mpicore.held_out import Risk, passed_of_nothing, reference, reference_error
from mpicore.pairing import distinct, pairing, pairs_of
from mpicore.recordings import Recordings
from mpicore.sample import Sample
from mpicore.sequence import Sequence
from mpicore.symmetry import sequence_phase

V = open_data.SAMPLES


KNOWN = sequence_phase(Sequence.sines((102, 96), 12e-3, (-1.0, -1.0, 2.0), open_data.BASE))


@cache
def recording(frames=100, **options):
    found = open_data.signals(frames=frames, side=7, **options)
    for array in found:
        array.flags.writeable = False
    return found


def snr_db(u, clean):
    return 10 * np.log10(np.mean(clean**2) / np.mean((u - clean) ** 2))


@cache
def best():
    _clean, noisy, mask = recording()
    return measured.denoise(noisy, mask, known=KNOWN)


def test_the_best_method_gains_twelve_decibels_on_moving_objects():
    """Five decibels of white noise in each channel, a background that drifts and is as strong, a band-pass."""
    clean, noisy, mask = recording()
    found, fitted = best()
    objects = ~mask
    periods = noisy - (noisy - clean).mean(axis=(0, 1))  # not even the background counts against the periods
    assert snr_db(found[objects], clean[objects]) > 5 + 12
    assert snr_db(found[objects], clean[objects]) > snr_db(noisy[objects], clean[objects]) + 20
    assert snr_db(periods[objects], clean[objects]) < 5
    assert {row.method for row in fitted.chosen.values()} <= {"wiener", "turned_wiener"}
    assert np.array_equal(found[objects][:, 0], found[objects][:, 1])


def test_no_admissible_method_is_worse_than_the_mean_of_the_periods():
    clean, noisy, mask = recording()
    sample = Sample.of(noisy, mask)
    mean = sample.background.at(np.arange(len(mask)))
    mean = (noisy - mean).mean(axis=1, keepdims=True)[~mask]
    reasons = check(sample, KNOWN).admissible()
    for name, reason in reasons.items():
        if methods.METHODS[name].trains:
            continue
        if reason:
            with pytest.raises(ValueError, match=f"method {name} is not admissible for channel [123]: it needs"):
                measured.fit(sample, name, KNOWN)
            continue
        found = measured.fit(sample, name, KNOWN).denoise(noisy, 0, mask)[~mask]
        assert snr_db(found, clean[~mask]) > snr_db(mean, clean[~mask]) - 1e-6, name
    refused = {name for name, reason in reasons.items() if reason}
    assert {"antisymmetric", "wiener_antisymmetric", "proposed"} <= refused  # sine drive, as they are


def test_the_error_without_truth_is_the_error_with_it():
    clean, noisy, mask = recording()
    _, fitted = best()
    held = slice(-20, None)
    for channel, judged in fitted.chosen.items():
        off = noisy - fitted.background.at(np.arange(len(mask)))
        periods = off[~mask][held, :, channel]
        truth = clean[~mask][held, 0, channel]
        mean = np.mean([measured._apply(judged.denoiser, methods.METHODS[judged.method], periods[:, j], KNOWN)
                        for j in (0, 1)], axis=0)  # fmt: skip
        assert judged.risk.snr_db == pytest.approx(snr_db(mean, truth), abs=1.0)
        assert judged.risk.noise.mean() == pytest.approx(np.mean((periods[:, 0] - truth) ** 2), rel=0.05)


def test_of_the_noisy_period_the_risk_is_its_noise_over_the_repeats():
    rng = np.random.default_rng(1)
    pairs = Recordings(*(np.sin(np.arange(50.0)) + rng.standard_normal((2, 30, 50))))
    for repeats in (1, 2, 5):
        risk = Risk.of(lambda u: u, pairs, repeats)
        assert risk.error == pytest.approx(risk.noise / repeats)
        assert risk.over_mean_db == pytest.approx(0, abs=1e-9)
        assert not risk.worse_than_mean()
    assert Risk.of(lambda u: 0.0 * u, pairs, 2).error.mean() == pytest.approx(
        np.mean(np.sin(np.arange(50)) ** 2), rel=0.2
    )


def test_the_mean_of_many_frames_measures_a_method_without_its_own_noise():
    rng = np.random.default_rng(2)
    clean, n = rng.standard_normal(400), 40
    frames = clean + 0.5 * rng.standard_normal((n, 400))
    mean, left = reference(frames)
    assert left == pytest.approx(0.25 / n, rel=0.05)
    assert np.mean((mean - clean) ** 2) == pytest.approx(left, rel=0.3)
    assert reference_error(frames, frames) == pytest.approx(0.25, rel=0.05)
    assert reference_error(0.5 * frames, frames) == pytest.approx(np.mean((0.5 * frames - clean) ** 2), rel=0.05)
    with pytest.raises(ValueError, match="at least 2 recordings"):
        reference(frames[:1])


def test_nothing_comes_of_nothing():
    _, noisy, mask = recording()
    _, fitted = best()
    sample = Sample.of(noisy, mask)
    for channel, judged in fitted.chosen.items():
        assert 0 < judged.nothing < 0.2
        rows = sample.empty[:, 0, channel]
        assert passed_of_nothing(lambda u: u, rows) == pytest.approx(1)
        assert passed_of_nothing(lambda u: 0 * u, rows) == 0


def test_few_objects_admit_only_what_cannot_learn_them_by_heart():
    """Three places of an object that rests in between: a network that knows three signals would do well."""
    clean, noisy, mask = recording(seed=3, speed=0.0)
    found = check(Sample.of(noisy, mask), KNOWN)
    assert found.objects.number == 1
    reasons = found.admissible()
    for name, method in methods.METHODS.items():
        assert ("by heart" in reasons[name]) >= method.learns, name
    assert not reasons["wiener"]
    with pytest.raises(
        ValueError, match=r"n2n is not admissible for channel 1: it can learn few objects by heart.*1 diff"
    ):
        measured.denoise(noisy, mask, "n2n")
    denoised, fitted = measured.denoise(noisy, mask, known=KNOWN)
    assert not any(methods.METHODS[row.method].learns for row in fitted.chosen.values())
    assert snr_db(denoised[~mask], clean[~mask]) > 8


def test_the_number_of_different_objects_is_counted():
    rng = np.random.default_rng(4)
    shapes = rng.standard_normal((7, 300))
    objects = shapes[np.arange(70) % 7] * rng.uniform(0.5, 2, (70, 1))
    repeats = objects[:, None] + 0.5 * rng.standard_normal((70, 3, 300))
    assert distinct(repeats).number == 7
    assert distinct(objects[:, None] + 1e-3 * rng.standard_normal((70, 2, 300))).number == 7
    assert distinct(rng.standard_normal((50, 2, 300))).number == 0  # noise alone
    assert distinct(rng.standard_normal((50, 1, 300)) + 0.1 * rng.standard_normal((50, 2, 300))).number == 50 > FEW


def test_a_symmetry_is_found_in_what_the_repeats_share():
    _clean, noisy, _mask = recording(background=0.0, empty=(0, 0))
    cosine = recording(background=0.0, empty=(0, 0), phase=np.pi / 2, chain=False)[1]
    for signals, known, odd, turned in ((cosine, None, "holds", "holds"), (noisy, KNOWN, "fails", "holds")):
        found = check(Sample.of(signals), known)
        assert found.of("odd signals", 0).verdict == odd
        assert found.of("symmetry behind the chain", 0).verdict == turned
        assert abs(found.of("symmetry behind the chain", 0).value) < 0.01
        # Without background frames the part that is forbidden tells of the noise.
        assert found.of("independent repeats", 0).verdict == "holds"
        assert found.of("no locked interference", 0).verdict == "holds"
        assert found.of("no drift", 0).verdict == "cannot be told from this file"
    random = np.random.default_rng(5).standard_normal((40, 300))
    assert forbidden_share(Recordings(random, random.copy()))[0] == pytest.approx(0.5, abs=0.05)


def test_the_phase_of_a_recording_is_that_of_its_sequence(tmp_path):
    """A quarter turn for the lines of f_x and f_y, two for that of their sum, none for that of their difference."""
    _clean, noisy, mask = recording()
    files = {}
    for name, more in {"sine": {}, "cosine": {"phase": np.pi / 2}}.items():
        files[name] = mdf.read(open_data.write(tmp_path / f"{name}.mdf", noisy[:3], mask[:3], **more))
    phase = drive_phase.of_recording(files["sine"])
    np.testing.assert_allclose(phase, KNOWN, atol=1e-12)
    assert phase[V // 102] == phase[V // 96] == -np.pi / 2
    assert phase[V // 102 + V // 96] == -np.pi and phase[V // 96 - V // 102] == 0
    assert not drive_phase.of_recording(files["cosine"]).any()


def test_a_sequence_that_cannot_be_described_has_no_phase(tmp_path):
    _clean, noisy, mask = recording()
    dividers = {"/acquisition/drivefield/divider": np.array([[101], [96]])}  # the period is no whole number of cycles
    path = open_data.write(tmp_path / "other.mdf", noisy[:3], mask[:3], **dividers)
    assert drive_phase.of_recording(mdf.read(path)) is None


def test_noise_that_periods_share_is_refused():
    _clean, noisy, mask = recording()
    rng = np.random.default_rng(6)
    shared = noisy + 0.5 * rng.standard_normal((len(noisy), 1, 3, V))
    found = check(Sample.of(shared, mask))
    assert found.of("independent repeats", 1).verdict == "fails"
    assert found.of("independent repeats", 1).value == pytest.approx(0.25 / (0.25 + 10**-0.5), abs=0.03)
    with pytest.raises(
        ValueError, match="wiener is not admissible for channel 1: it takes noise that the repeats share"
    ):
        measured.denoise(shared, mask, "wiener")


def test_a_dead_channel_and_rows_of_nan_are_skipped_and_named():
    clean, noisy, mask = recording()
    broken = noisy.copy()
    broken[:, :, 1] = 0
    broken[40, 1, 0] = np.nan
    broken[50, 0, 2, 7] = np.inf
    found, fitted = measured.denoise(broken, mask, "wiener")
    assert fitted.assumptions.dead == (1,)
    assert set(fitted.chosen) == {0, 2}
    assert set(fitted.assumptions.rows) == {(40, 1, 0), (50, 0, 2)}
    assert np.array_equal(found[:, :, 1], broken[:, :, 1])
    assert np.isnan(found[40, 1, 0]).all()
    assert np.isinf(found[50, 0, 2, 7])
    assert np.isfinite(found[40, 0, 0]).all()
    assert snr_db(found[40, 0, 0], clean[40, 0, 0]) > 10
    other = np.delete(np.arange(len(mask)), [40, 50])
    whole, _ = measured.denoise(noisy, mask, "wiener")
    assert snr_db(found[other][:, :, 0], whole[other][:, :, 0]) > 25
    with pytest.raises(ValueError, match="no channel has a signal that can be denoised"):
        measured.denoise(np.zeros((20, 2, 1, 50)))


def test_saturation_is_seen():
    _, noisy, mask = recording()
    clipped = np.clip(noisy, -1.5, 1.5)
    assert check(Sample.of(noisy, mask)).of("below saturation", 0).verdict == "holds"
    assert check(Sample.of(clipped, mask)).of("below saturation", 0).verdict == "fails"


def test_coloured_noise_is_seen():
    _, noisy, mask = recording()
    rng = np.random.default_rng(7)
    brown = np.fft.irfft(np.fft.rfft(rng.standard_normal(noisy.shape)) * np.linspace(2, 0.3, V // 2 + 1), V)
    assert check(Sample.of(noisy, mask)).of("white noise", 2).verdict == "holds"
    found = check(Sample.of(brown, mask)).of("white noise", 2)
    assert found.verdict == "fails"
    assert found.value == pytest.approx(20 * np.log10(1.9 / 0.4), abs=2)


def test_the_background_between_two_times_is_the_straight_line():
    shape = np.cos(2 * np.pi * 5 * np.arange(64) / 64) * np.ones((1, 2, 1, 64))
    frames = np.array([0, 1, 2, 20, 21, 22])
    empty = shape * frames[:, None, None, None]
    rng = np.random.default_rng(8)
    noisy = empty + 1e-3 * rng.standard_normal(empty.shape)
    found = FrameBackground(noisy, frames, [0, 0])
    assert found.times.tolist() == [1.0, 21.0]
    assert found.at([11])[0] == pytest.approx(11 * shape[0], abs=5e-3)
    assert found.at([40])[0] == pytest.approx(21 * shape[0], abs=5e-3)  # it is held beyond
    assert np.mean(found.residual**2) > 0


def test_a_line_of_the_background_that_does_not_stand_out_is_left():
    rng = np.random.default_rng(9)
    empty = rng.standard_normal((20, 2, 1, 100))
    found = FrameBackground(empty, np.arange(20), [0, 0])
    assert not found.kept.any()
    assert found.residual == pytest.approx(empty)


def test_frames_of_one_period_that_move_are_denoised_with_the_noise_of_the_background():
    clean, noisy, mask = recording()
    one = noisy[:, :1]
    sample = Sample.of(one, mask)
    assert sample.found.kind == "background"
    found, fitted = measured.denoise(one, mask)
    assert snr_db(found[~mask], clean[~mask][:, :1]) > 5 + 8
    for judged in fitted.chosen.values():
        truth = clean[~mask][-20:, :1, judged.channel]
        assert judged.risk.snr_db == pytest.approx(snr_db(found[~mask][-20:, :, judged.channel], truth), abs=2.5)
    with pytest.raises(ValueError, match=r"n2n is not admissible for channel 1: it needs each object twice"):
        measured.denoise(one, mask, "n2n")


def test_frames_of_one_period_that_rest_are_repeats():
    clean, noisy, mask = recording(seed=3, speed=0.0)
    one = noisy[:, :1]
    sample = Sample.of(one, mask)
    assert sample.found.kind == "frames"
    assert sample.found.frames[:2].tolist() == [[12, 13], [14, 15]]
    found, _ = measured.denoise(one, mask, "wiener")
    assert snr_db(found[~mask], clean[~mask][:, :1]) > 5 + 8


def test_one_period_of_one_object_and_no_background_is_refused():
    with pytest.raises(ValueError, match="it needs each object twice, and here are no repeats, and no background"):
        measured.denoise(np.random.default_rng(0).standard_normal((1, 1, 1, 100)))


@pytest.mark.parametrize("R", [2, 3, 4])
def test_each_repeat_is_predicted_from_each_other_one(R):
    repeats = np.arange(5 * R, dtype=float).reshape(5, R, 1) * np.ones(4)
    pairs = pairs_of(repeats)
    assert len(pairs) == 5 * R * (R - 1) // 2
    both = set(zip(pairs.u1[:, 0], pairs.u2[:, 0], strict=True))
    assert both == {(n * R + i, n * R + j) for n in range(5) for i in range(R) for j in range(i + 1, R)}
    assert np.all(np.diff(pairs.u1[:, 0] // R) >= 0)


def test_periods_of_other_fields_are_no_repeats():
    found = pairing([False, True, False], [0, 1, 0, 1])
    assert found.kind == "periods"
    assert found.frames.tolist() == [[0, 0], [0, 0], [2, 2], [2, 2]]
    assert found.periods.tolist() == [[0, 2], [1, 3], [0, 2], [1, 3]]
    assert pairing([False] * 4, [0, 1]).kind == "frames"


def test_positions_that_occur_again_are_repeats():
    found = pairing([0, 1, 0, 0, 0], [0], [[0.0], [1.0], [0.0], [1.0]])
    assert found.kind == "positions"
    assert found.frames.tolist() == [[0, 3], [2, 4]]
    assert pairing([0, 0], [0], [[0.0], [1.0]]).kind == "none"


def test_what_was_learned_is_kept_and_used_again(tmp_path):
    _clean, noisy, mask = recording()
    sample = Sample.of(noisy[:, :, :2], mask)
    for name in ("wiener", "turned_wiener", "low_pass", "linear_n2n"):
        fitted = measured.fit(sample, name, KNOWN)
        measured_weights.save(fitted, tmp_path / name)
        again = measured_weights.load(tmp_path / name, sample, KNOWN)
        first, second = (row.denoise(noisy[:30, :, :2], 0, mask) for row in (fitted, again))
        assert np.allclose(first, second, atol=1e-5)
    with pytest.raises(ValueError, match=f"is for {V} samples in channel 1; the recording has 2 channels of 100"):
        measured_weights.load(tmp_path / "wiener", Sample.of(noisy[:, :, :2, :100], mask))


def test_a_network_learns_from_the_recording_goes_on_and_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(Risk, "worse_than_mean", lambda self: False)  # so short a training is
    _clean, noisy, mask = recording()
    short = noisy[:, :, :1, ::4]
    options = {"training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}, "width": 4}
    sample = Sample.of(short, mask)
    fitted = measured.fit(sample, "n2n", options=options, folder=tmp_path / "training")
    assert (tmp_path / "training" / "channel1" / "checkpoint.safetensors").exists()
    again = measured.fit(sample, "n2n", options=options, folder=tmp_path / "training")
    measured_weights.save(fitted, tmp_path / "weights")
    kept = measured_weights.load(tmp_path / "weights", sample)
    first, *others = (row.denoise(short, 0, mask) for row in (fitted, again, kept))
    assert all(np.array_equal(first, other) for other in others)


def test_a_method_that_is_worse_than_the_mean_is_refused():
    """Signals of one line near the noise floor at high SNR: a network of two short epochs is no help."""
    clean, _noisy, mask = recording()
    strong = clean[:, :, :1, ::4] + 1e-3 * np.random.default_rng(1).standard_normal((len(clean), 2, 1, V // 4))
    options = {"training": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3}, "width": 4}
    with pytest.raises(ValueError, match="worse than the mean of the same periods"):
        measured.denoise(strong, mask, "n2n", options=options)


def test_methods_that_no_recording_allows_are_refused_by_name():
    for name, reason in (
        ("supervised", "clean signals"),
        ("gp_wiener", "model of the scanner"),
        ("foo", "must be one of"),
    ):
        with pytest.raises(ValueError, match=reason):
            methods.find(name)
