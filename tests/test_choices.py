"""Choices that the noisy rows of the paper settle."""

import numpy as np
import pytest

from companion import evaluation
from companion.analyses.choices import gridding_choices, kaczmarz_choices
from companion.setup import Setup
from mpicore.denoisers import create


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
