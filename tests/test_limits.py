"""What bounds the results, on cases whose outcome is known beforehand."""

import numpy as np
import pandas as pd
import pytest

from companion import evaluation, limits
from mpicore.denoisers import Denoiser, create


class Given(Denoiser):
    """Returns given signals, whatever it is given."""

    def __init__(self, out):
        self.out = out

    def denoise(self, u):
        return self.out


def test_a_wider_window_knows_more(tiny):
    """The noise is 4.6 dB of white noise and interference; a filter of one sample can do little, a wide one much."""
    config = tiny("xspace-harmonic", "noisy")
    table = limits.window_limits(config, [1, 50, 300], examples=200, count=10, positions=30)
    assert table["half_width"].tolist() == [1, 50, 300]
    for variant in ("literal", "matched"):
        assert table[variant].is_monotonic_increasing
        assert 4 < table[variant][0] < table[variant][2] - 5


def test_line_by_line_r2r_fails_under_interference_alone(tiny):
    """With white noise of the same power both schemes lead to good filters; with interference R2R keeps it."""
    found = {}
    for experiment in ("xspace-gaussian", "xspace-harmonic"):
        table = limits.line_limits(tiny(experiment, "noisy"), 0.5, examples=200, count=20)
        found[experiment] = table.set_index("method")["literal"]
    assert found["xspace-gaussian"]["n2n"] - found["xspace-gaussian"]["r2r"] < 1
    assert found["xspace-gaussian"]["r2r"] > 10
    assert found["xspace-harmonic"]["n2n"] > 10
    assert found["xspace-harmonic"]["r2r"] < 7


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_the_error_at_the_interference_is_its_share_of_the_power(tiny, kept):
    """Two denoisers whose error is known: interference alone, and equal powers of it and of a line beside it."""
    config = tiny("xspace-harmonic", "noisy")
    test = evaluation.test_signals(config, "literal", 2)
    phase = 2 * np.pi * np.arange(4950) / 4950
    error = np.cos(100 * phase) + np.sin(250 * phase) + 2 * np.sqrt(kept) * np.cos(101 * phase)
    known = Given((test.clean + 1e-3 * np.abs(test.clean).max() * error).astype(np.float32))
    share = limits.error_at_interference(known, config, "literal", 2)
    assert share == pytest.approx(1 / (1 + 2 * kept), rel=1e-3)


def test_an_error_that_is_white_already_gives_the_same_images(tiny):
    """A denoiser that leaves half the recorded noise: its error is white, so both matrices are the same."""
    matrix_config = tiny("system-matrix", "noisy", sizes=[8, 2, 6], objects=3)
    matrix = evaluation.dataset(matrix_config).matrix
    half = ((matrix.clean + matrix.u1) / 2).astype(np.float32)
    table = limits.white_error_images(Given(half), matrix_config, 2).set_index("matrix")
    assert table.index.tolist() == ["noisy", "denoised", "white"]
    for column in ("ssim", "psnr_db"):
        assert table[column]["white"] == pytest.approx(table[column]["denoised"], rel=1e-3)
        assert table[column]["noisy"] < table[column]["white"]
    images = evaluation.evaluate(create("noisy"), matrix_config).images[:2]
    assert table["psnr_db"]["noisy"] == pytest.approx(images["psnr_db"].mean(), rel=1e-3)


def test_averaging_halves_the_noise_power_with_every_doubling(tiny):
    """White noise: 3 dB for the signals, and better images."""
    config = tiny("system-matrix", "noisy", sizes=[100, 10, 20])
    table = limits.averaged_matrices(config, [1, 2, 16])
    assert table["snr_db"].to_numpy() == pytest.approx(5 + 10 * np.log10([1, 2, 16]), abs=0.3)
    assert table["psnr_db"][2] > table["psnr_db"][0] + 3


def test_equal_averages_inverts_the_table():
    table = pd.DataFrame({"averages": [1, 2, 4, 8], "snr_db": [5.0, 8.0, 11.0, 14.0]})
    assert [limits.equal_averages(table, "snr_db", value) for value in (5, 8, 14)] == pytest.approx([1, 2, 8])
    assert limits.equal_averages(table, "snr_db", 9.5) == pytest.approx(2**1.5)
    assert limits.equal_averages(table, "snr_db", 14.1) == np.inf
    assert limits.equal_averages(table, "snr_db", 4) == 1
