"""A background that drifts as a scanner warms up, and what is left of it between the frames that tell it."""

import numpy as np
import pytest

from mpicore import measured, scan
from mpicore.frame_background import FrameBackground

FRAMES, EMPTY = 200, 10


def recorded(warm_up, drift=0.5, sigma=1.0, runs=3, seed=0):
    """Empty frames of one period and one channel with tones on two lines; and the background of all frames."""
    mask = scan.background_mask(FRAMES, EMPTY, runs)
    settings = scan.Scan(FRAMES, 1, EMPTY, drift=drift, warm_up=warm_up)
    samples = np.arange(64)
    wave = np.cos(2 * np.pi * 5 * samples / 64) + 0.5 * np.sin(2 * np.pi * 11 * samples / 64)
    truth = (settings.amplitudes(len(mask))[:, None] * 5 * wave)[:, None, None]
    noise = sigma * np.random.default_rng(seed).standard_normal(truth.shape)
    return mask, truth, FrameBackground((truth + noise)[mask], np.flatnonzero(mask), [0])


def left(mask, truth, found):
    """Power of what is left over that of the background in the frames of objects [dB]."""
    error = found.at(np.flatnonzero(~mask)) - truth[~mask]
    return 10 * np.log10(np.mean(error**2) / np.mean(truth[~mask] ** 2))


@pytest.mark.parametrize("runs", [3, 4, 6])
@pytest.mark.parametrize("warm_up", [0.15, 0.3])
def test_an_exponential_is_found_in_a_few_runs_of_empty_frames(warm_up, runs, monkeypatch):
    """What is left is little more than behind a linear drift, whose rest is the noise of the means alone."""
    mask, truth, found = recorded(warm_up, runs=runs)
    assert found.rate * (len(mask) - 1) == pytest.approx(1 / warm_up, rel=0.3)
    least = left(*recorded(0.0, runs=runs))
    assert left(mask, truth, found) < least + 1.5
    if runs == 3:
        monkeypatch.setattr(found, "rate", 0.0)
        assert left(mask, truth, found) > least + 4


def test_without_noise_little_is_left():
    """What is left is of the runs, within which the background changes."""
    mask, truth, found = recorded(0.1, sigma=1e-9)
    assert left(mask, truth, found) < -33


def test_a_linear_drift_stays_a_straight_line():
    assert sum(bool(recorded(0.0, seed=seed)[2].rate) for seed in range(20)) == 0
    assert recorded(0.0, drift=0.0)[2].rate == 0
    assert recorded(0.0, sigma=1e-9)[2].rate == 0


def test_another_curve_than_an_exponential_stays_straight_between_the_runs():
    """A drift that goes up and down again has no rate."""
    mask = scan.background_mask(FRAMES, EMPTY, 5)
    time = np.arange(len(mask)) / len(mask)
    wave = np.cos(2 * np.pi * 5 * np.arange(64) / 64)
    truth = (10 * (1 + np.sin(2 * np.pi * time) + 0.3 * time)[:, None] * wave)[:, None, None]
    noise = np.random.default_rng(0).standard_normal(truth.shape)
    assert FrameBackground((truth + noise)[mask], np.flatnonzero(mask), [0]).rate == 0


def test_two_runs_tell_no_curve():
    assert recorded(0.1, runs=2)[2].rate == 0


def test_denoising_loses_little_by_a_scanner_that_warms_up():
    """The same objects and noise, with a drift that is linear and one that is not: within a quarter of a decibel."""
    system = scan.open_scanner(1)
    found = []
    for warm_up in (0.0, 0.2):
        settings = scan.Scan(200, warm_up=warm_up, bits=0)
        clean = scan.clean_signals(system, settings)
        mask = scan.background_mask(200, settings.empty)
        hum = scan.deviation(clean, 0.0)[:, None] * scan.tones(system, 0)
        noisy = np.concatenate(list(scan.recorded(clean, mask, hum, scan.deviation(clean, 5.0), settings)))
        after, _ = measured.denoise(noisy, mask, "wiener")
        error = after[~mask].mean(axis=1) - clean
        found.append(10 * np.log10(np.mean(clean**2, axis=(0, 2)) / np.mean(error**2, axis=(0, 2))))
    assert (found[1] > found[0] - 0.25).all(), found
