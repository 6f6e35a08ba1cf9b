"""Choices that the noisy rows of the paper settle."""

import numpy as np
import pytest

from companion import evaluation
from companion.analyses.choices import gridding_choices, interference_choices, kaczmarz_choices
from companion.setup import Setup
from mpicore.denoisers import create
from mpicore.noise import Interference


def test_gridding_choices_are_the_noisy_rows_of_each_choice(tiny):
    """With the choice that is configured, the row is the mean over all *noisy* images of the run's evaluation."""
    setup = Setup(tiny("xspace-gaussian", "noisy", sizes=(1, 1, 3)))
    configured = setup.config.gridding
    table = gridding_choices(setup, [0.8, configured.slow_fraction], [configured.outside, "nearest"])
    assert table[["slow_fraction", "outside"]].values.tolist() == [
        [0.8, "zero"],
        [0.45, "zero"],
        [0.8, "nearest"],
        [0.45, "nearest"],
    ]
    images = evaluation.evaluate(create("noisy"), setup).images
    np.testing.assert_allclose(table.loc[1, ["ssim", "psnr_db"]].astype(float), images[["ssim", "psnr_db"]].mean())
    assert table["psnr_db"].nunique() == 4


def test_interference_choices_are_the_noisy_rows_of_each_kind(tiny):
    """The row of the configured interference is what the run itself measures; its Gaussian noise is kept.

    Harmonics of the slow drive are lines of a period, those of the fast one multiples of its line.
    """
    config = tiny("xspace-slow", "noisy", sizes=(1, 1, 3))
    setup, configured = Setup(config), config.noise.interference
    table = interference_choices(setup, [configured, Interference(100.0, (2, 3, 4, 5))])
    assert table["harmonics"].tolist() == ["2 to 10", "2 to 5"] and table["drive"].tolist() == ["y", "x"]
    found = evaluation.evaluate(create("noisy"), setup)
    for part in (found.signals[["snr_db", "rmse"]], found.images[["ssim", "psnr_db"]]):
        for column in part:
            assert table[column][0] == pytest.approx(part[column].mean())
    assert table["snr_db"][1] == pytest.approx(config.noise.snr_db, abs=0.3)
    power = np.sum(np.abs(np.fft.fft(setup.held_out("literal").clean)) ** 2, axis=0)
    for row, lines in enumerate((range(2, 11), [h * setup.scanner.harmonic_line(1) for h in (2, 3, 4, 5)])):
        share = 2 * sum(power[line] for line in lines) / power.sum()
        assert table["signal_share"][row] == pytest.approx(share, rel=1e-4)


def test_kaczmarz_choices_are_the_noisy_rows_of_each_strength(tiny):
    """The row of the configured strength is what the evaluation of the noisy matrix gives."""
    setup = Setup(tiny("system-matrix", "noisy", objects=3))
    configured = setup.config.kaczmarz.relative_lambda
    table = kaczmarz_choices(setup, [0.1, configured])
    assert table["relative_lambda"].tolist() == [0.1, configured]
    images = evaluation.evaluate(create("noisy"), setup).images
    for column in ("ssim", "psnr_db", "object_error"):
        assert table[column][1] == pytest.approx(images[column].mean(), rel=1e-3)
        assert table[column][0] != pytest.approx(table[column][1], rel=1e-3)
