"""Choices that the source paper does not state, settled by its *noisy* rows: nothing that is learned enters them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.setup import Setup
from mpicore import metrics
from mpicore.reconstruction import Gridding, SystemMatrixReconstruction, XSpace

Fill = Literal["zero", "nearest"]


@analysis(
    "gridding",
    lambda known, preset: [RunName("xspace-gaussian", "noisy")],
    fractions=(0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6),
    fills=("zero", "nearest"),
)
def _gridding(sources: Sequence[Source], fractions: Sequence[float], fills: Sequence[Fill]) -> pd.DataFrame:
    return gridding_choices(sources[0].setup, fractions, fills)


@analysis(
    "kaczmarz",
    lambda known, preset: [RunName("system-matrix", "noisy")],
    lambdas=(0.01, 0.1, 1.0, 3.0, 5.0, 10.0, 30.0),
)
def _kaczmarz(sources: Sequence[Source], lambdas: Sequence[float]) -> pd.DataFrame:
    return kaczmarz_choices(sources[0].setup, lambdas)


def gridding_choices(setup: Setup, fractions: Sequence[float], fills: Sequence[Fill]) -> pd.DataFrame:
    """Image quality of noisy x-space signals for griddings, over all test signals.

    Args:
        setup: of an x-space run; its first variant of the test noise is used.
        fractions: values of ``slow_fraction`` to try, each with every fill.
        fills: values of ``outside``, see :class:`mpicore.reconstruction.Gridding`.

    Returns:
        Columns ``slow_fraction, outside, ssim, psnr_db``, means over the signals.
    """
    test = setup.held_out(next(iter(setup.config.test_noise)))
    rows = []
    for fill in fills:
        for fraction in fractions:
            gridded = XSpace(setup.scanner, Gridding(fraction, fill))
            quality = _quality(gridded(test.clean), gridded(test.u1))
            rows.append({"slow_fraction": fraction, "outside": fill, **quality})
    return pd.DataFrame(rows)


def kaczmarz_choices(setup: Setup, lambdas: Sequence[float]) -> pd.DataFrame:
    """Image quality with a noisy system matrix for strengths of regularisation, over all objects.

    Args:
        setup: of a system-matrix run.
        lambdas: values of ``relative_lambda`` to try.

    Returns:
        Columns ``relative_lambda, ssim, psnr_db, object_error``, means over the objects.
    """
    matrix = setup.matrix()
    measured = setup.kaczmarz(matrix.clean).measure(setup.objects)
    rows = []
    for value in lambdas:
        settings = replace(setup.kaczmarz_settings, relative_lambda=value)
        reference, images = (
            SystemMatrixReconstruction(columns, setup.lines, setup.scanner.shape, settings)(measured)
            for columns in (matrix.clean, matrix.u1)
        )
        error = float(metrics.object_error(setup.objects, images).mean())
        rows.append({"relative_lambda": value, **_quality(reference, images), "object_error": error})
    return pd.DataFrame(rows)


def _quality(reference: NDArray[Any], images: NDArray[Any]) -> dict[str, float]:
    return {
        "ssim": float(metrics.ssim(reference, images).mean()),
        "psnr_db": float(metrics.psnr_db(reference, images).mean()),
    }
