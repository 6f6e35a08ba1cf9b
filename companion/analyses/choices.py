"""Choices that the source paper does not state, settled by its *noisy* rows: nothing that is learned enters them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion import evaluation
from companion.analyses.limits import power_share
from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.setup import Setup
from mpicore import metrics
from mpicore.denoisers import create
from mpicore.noise import Interference
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


@analysis(
    "tones",
    lambda known, preset: [RunName("xspace-slow", "noisy")],
    families=(
        ("x", (2, 3, 5)),
        ("x", (3, 5, 7)),
        ("x", (5,)),
        ("x", (10,)),
        ("x", (20,)),
        ("x", tuple(range(2, 11))),
        ("x", tuple(range(10, 21))),
        ("x", tuple(range(20, 41))),
        ("y", (2, 3, 5)),
        ("y", (3, 5, 7)),
        ("y", tuple(range(2, 11))),
        ("y", tuple(range(2, 21))),
        ("y", tuple(range(2, 101))),
    ),
    levels=((6.81, 0.0), (6.96, 3.0)),
)
def _tones(sources: Sequence[Source], families: Sequence[Any], levels: Sequence[Any]) -> pd.DataFrame:
    candidates = [
        Interference(sir_db, harmonics, drive=drive, spread_db=spread_db)
        for drive, harmonics in families
        for sir_db, spread_db in levels
    ]
    return interference_choices(sources[0].setup, candidates)


def interference_choices(setup: Setup, candidates: Sequence[Interference]) -> pd.DataFrame:
    """The noisy row for kinds of interference, over all test signals.

    Args:
        setup: of an x-space run; its Gaussian noise is kept.
        candidates: what is tried in the place of its interference.

    Returns:
        Columns ``drive, harmonics, sir_db, spread_db`` of the candidate, the means ``snr_db, rmse, ssim, psnr_db``, and
        ``signal_share``, the share of the power of the clean signals in the interfered lines.
    """
    clean, rows = setup.held_out(next(iter(setup.config.test_noise))).clean, []
    for tones in candidates:
        noise = replace(setup.config.noise, interference=tones)
        found = evaluation.evaluate(
            create("noisy"), Setup(replace(setup.config, noise=noise, test_noise={"tried": noise}))
        )
        described = {"drive": tones.drive, "harmonics": _listed(tones.harmonics)}
        means = found.signals[["snr_db", "rmse"]].mean().to_dict() | found.images[["ssim", "psnr_db"]].mean().to_dict()
        cycles = tones.frequencies(setup.scanner) * setup.scanner.num_samples / setup.scanner.sampling_frequency
        means["signal_share"] = power_share(clean, np.rint(cycles).astype(int).tolist())
        rows.append(described | {"sir_db": tones.sir_db, "spread_db": tones.spread_db} | means)
    return pd.DataFrame(rows)


def _listed(harmonics: Sequence[int]) -> str:
    """Whole numbers in words: neighbours as a range."""
    if len(harmonics) > 3 and list(harmonics) == list(range(harmonics[0], harmonics[-1] + 1)):
        return f"{harmonics[0]} to {harmonics[-1]}"
    return ", ".join(map(str, harmonics))


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
