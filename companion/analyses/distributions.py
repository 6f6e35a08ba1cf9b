"""The particle distribution behind a signal: gridded, by Kaczmarz, and from the denoisers that know the scanner."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Arrays, Source, analysis
from companion.config import RunName
from companion.evaluation import shown_signals
from companion.setup import Setup
from mpicore import metrics
from mpicore.reconstruction import Kaczmarz, SystemMatrixReconstruction, select_frequencies
from mpicore.recordings import Recordings
from mpicore.simulation import system_matrix


@analysis(
    "distributions",
    lambda known, preset: [
        RunName("xspace-gaussian", "gp_wiener"),
        RunName("xspace-gaussian", "forward_n2n"),
        RunName("system-matrix", "noisy"),  # whose images are made with the settings that are used here
    ],
    arrays=True,
    count=100,
)
def _distributions(sources: Sequence[Source], count: int) -> tuple[pd.DataFrame, Arrays]:
    """Errors of the estimates over the first test objects; images of the median and of the worst one by SNR."""
    gaussian, network, matrix = sources
    setup, scored = network.setup, network.run.signals
    variant = next(iter(setup.config.test_noise))
    shown = list(shown_signals(scored[scored["variant"] == variant]).values())
    test = setup.held_out(variant)
    chosen = [*shown, *range(min(count, len(test)))]
    fitted = {"Gaussian process": gaussian.denoiser, "forward network": network.denoiser}
    assert test.phantoms is not None  # x-space data show objects
    objects = test.phantoms[chosen]
    found = estimates(Recordings(test.u1[chosen], test.u2[chosen]), fitted, setup, matrix.setup.kaczmarz_settings)
    rows, images = [], []
    for title, estimate in found.items():
        scaled = metrics.scaled_to_fit(objects, estimate)
        errors = metrics.object_error(objects[len(shown) :], scaled[len(shown) :])
        low, high = metrics.bootstrap_interval(errors)
        rows.append(
            {"estimate": title, "error": errors.mean(), "error_low": low, "error_high": high, "objects": len(errors)}
        )
        images.append(scaled[: len(shown)])
    return pd.DataFrame(rows), {"objects": objects[: len(shown)], "images": np.array(images, np.float32)}


def estimates(
    recorded: Recordings, denoisers: Mapping[str, Any], setup: Setup, settings: Kaczmarz
) -> dict[str, NDArray[Any]]:
    """Every estimate of the distribution that the project has, for the first period of each object.

    Args:
        recorded: n noisy pairs; both periods select the lines for Kaczmarz.
        denoisers: fitted, by title, each with a method ``distribution``; the signals that the last of them denoises are
            gridded and reconstructed as well.
        setup: of the x-space run that the recordings are of.
        settings: of the Kaczmarz reconstruction.

    Returns:
        Images of shape (n, ny, nx) by title. X-space and Kaczmarz images have units of their own, the others those of
        the phantoms.
    """
    lines = select_frequencies(recorded.u1, recorded.u2, settings.snr_threshold)
    columns = system_matrix(setup.scanner, setup.config.particle).T
    reconstruct = SystemMatrixReconstruction(columns, lines, setup.scanner.shape, settings)
    best = list(denoisers.values())[-1]
    found = {}
    for title, u in (("noisy", recorded.u1), ("denoised", best.denoise(recorded.u1))):
        found[f"x-space, {title}"] = setup.gridding(u)
        found[f"Kaczmarz, {title}"] = reconstruct(reconstruct.components(u))
    return found | {title: denoiser.distribution(recorded.u1) for title, denoiser in denoisers.items()}
