"""What bounds the results, on cases whose outcome is known beforehand."""

import numpy as np
import pandas as pd
import pytest

from companion import evaluation
from companion.analyses import limits, matrix
from companion.setup import Setup
from mpicore.denoisers import create


def test_line_by_line_r2r_fails_under_interference_alone(tiny):
    """With white noise of the same power both schemes lead to good filters; with interference R2R keeps it."""
    found = {}
    for experiment in ("xspace-gaussian", "xspace-harmonic"):
        setup = Setup(tiny(experiment, "noisy", sizes=(8, 2, 20)))
        table = limits.line_limits(setup, 0.5, examples=200, count=20)
        found[experiment] = table.set_index("method")["literal"]
    assert found["xspace-gaussian"]["n2n"] - found["xspace-gaussian"]["r2r"] < 1
    assert found["xspace-gaussian"]["r2r"] > 10
    assert found["xspace-harmonic"]["n2n"] > 10
    assert found["xspace-harmonic"]["r2r"] < 7


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_the_share_of_lines_is_that_of_the_power(kept):
    """Two cosines on lines that are asked for, and a share of their power on a line beside them."""
    phase = 2 * np.pi * np.arange(4950) / 4950
    u = np.cos(100 * phase) + np.sin(250 * phase) + 2 * np.sqrt(kept) * np.cos(101 * phase)
    share = limits.power_share((1e8 * u[None]).astype(np.float32), [100, 150, 250])
    assert share == pytest.approx(1 / (1 + 2 * kept), rel=1e-5)


def test_an_error_that_is_white_already_gives_the_same_images(tiny):
    """Half the recorded noise is left: this error is white, so both matrices are the same."""
    setup = Setup(tiny("system-matrix", "noisy", objects=2))
    recorded = setup.matrix()
    half = ((recorded.clean + recorded.u1) / 2).astype(np.float32)
    table = matrix.white_error_images(setup, half, 2).set_index("matrix")
    assert table.index.tolist() == ["noisy", "denoised", "white"]
    for column in ("ssim", "psnr_db"):
        assert table[column]["white"] == pytest.approx(table[column]["denoised"], rel=1e-3)
        assert table[column]["noisy"] < table[column]["white"]
    images = evaluation.evaluate(create("noisy"), setup).images
    assert table["psnr_db"]["noisy"] == pytest.approx(images["psnr_db"].mean(), rel=1e-3)


def test_averaging_halves_the_noise_power_with_every_doubling(tiny):
    """White noise: 3 dB for the signals, and better images; one recording is what the evaluation has."""
    setup = Setup(tiny("system-matrix", "noisy", sizes=(100, 10, 20)))
    table = matrix.averaged_matrices(setup, [1, 2, 16])
    assert table["snr_db"].to_numpy() == pytest.approx(5 + 10 * np.log10([1, 2, 16]), abs=0.3)
    assert table["psnr_db"][2] > table["psnr_db"][0] + 3
    found = evaluation.evaluate(create("noisy"), setup)
    assert table["snr_db"][0] == pytest.approx(found.signals["snr_db"].mean(), abs=1e-4)
    assert table["psnr_db"][0] == pytest.approx(found.images["psnr_db"].mean(), abs=1e-3)


def test_the_mean_of_recordings_is_a_recording_with_less_noise(tiny):
    """What the averages take for a mean of four recordings has the same statistics as a real mean of four."""
    config = tiny("system-matrix", "noisy")
    four = [Setup(tiny("system-matrix", "noisy", data_seed=seed)).matrix() for seed in range(4)]
    mean = np.mean([recorded.u1 for recorded in four], axis=0)
    clean = four[0].clean
    snr = -10 * np.log10(np.mean(np.sum((mean - clean) ** 2, axis=1) / np.sum(clean**2, axis=1)))
    table = matrix.averaged_matrices(Setup(config), [4])
    assert table["snr_db"][0] == pytest.approx(snr, abs=0.1)


def test_equal_averages_inverts_the_table():
    table = pd.DataFrame({"averages": [1, 2, 4, 8], "snr_db": [5.0, 8.0, 11.0, 14.0]})
    assert [matrix.equal_averages(table, "snr_db", value) for value in (5, 8, 14)] == pytest.approx([1, 2, 8])
    assert matrix.equal_averages(table, "snr_db", 9.5) == pytest.approx(2**1.5)
    assert matrix.equal_averages(table, "snr_db", 14.1) == np.inf
    assert matrix.equal_averages(table, "snr_db", 4) == 1
