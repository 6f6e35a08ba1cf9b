"""The system matrix beyond its table: what averaging gives, what a white error would give, and components as maps."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Arrays, Source, analysis
from companion.config import RunName
from companion.evaluation import FIGURE_HARMONICS
from companion.experiments import Experiments
from companion.setup import Setup
from mpicore import metrics
from mpicore.reconstruction import SystemMatrixReconstruction, frequency_components, select_frequencies

_NOISY = RunName("system-matrix", "noisy")
_SHOWN = ("noisy", "n2n", "proposed")  #: in Figure 3 and the images of Table 3
_FURTHER = ("dct_wiener_twice", "component_n2n")  #: with them in the images of the leaderboard


def mapped(known: Experiments, preset: str) -> list[RunName]:
    """The runs of system matrices whose maps and images figures show: a build measures them again in whole."""
    return [known.shown("system-matrix", method, preset) for method in _SHOWN]


def drawn(known: Experiments, preset: str) -> list[RunName]:
    """The runs of system matrices whose arrays any page shows: those of the others need not be published."""
    return mapped(known, preset) + [known.shown("system-matrix", method, preset) for method in _FURTHER]


@analysis("white", lambda known, preset: [RunName("system-matrix", "proposed")], count=30)
def _white(sources: Sequence[Source], count: int) -> pd.DataFrame:
    setup = sources[0].setup
    return white_error_images(setup, sources[0].denoiser.denoise(setup.matrix().u1), count)


@analysis("averages", lambda known, preset: [_NOISY], counts=(1, 4, 16, 64, 256, 1024))
def _averages(sources: Sequence[Source], counts: Sequence[int]) -> pd.DataFrame:
    setup = sources[0].setup
    # Smaller presets look less far: the more recordings, the more lines, and the longer a reconstruction.
    return averaged_matrices(setup, [count for count in counts if count <= setup.config.sizes[0]])


@analysis(
    "components",
    mapped,
    arrays=True,
    published=False,
    harmonics=FIGURE_HARMONICS,
)
def _components(sources: Sequence[Source], harmonics: Sequence[int]) -> tuple[pd.DataFrame, Arrays]:
    """Errors of the components that Figure 3 shows, relative to their norm; and the clean components themselves."""
    setup = sources[0].setup
    lines = [setup.scanner.harmonic_line(harmonic) for harmonic in harmonics]
    clean = np.ascontiguousarray(frequency_components(setup.matrix().clean, lines).T, np.complex64)
    rows = []
    for source in sources:
        denoised = source.run.arrays["components"].view(np.complex64)
        errors = np.linalg.norm(denoised - clean, axis=1) / np.linalg.norm(clean, axis=1)
        method = source.name.method
        rows += [{"method": method, "harmonic": h, "error": e} for h, e in zip(harmonics, errors, strict=True)]
    return pd.DataFrame(rows), {"clean": clean.view(np.float32)}


def white_error_images(setup: Setup, denoised: NDArray[Any], count: int) -> pd.DataFrame:
    """Images with a denoised system matrix, and with one whose error has the same power but is white.

    Args:
        setup: of a system-matrix run.
        denoised: its denoised columns, shape (P, N).
        count: number of objects, at most.

    Returns:
        Columns ``matrix`` (``noisy``, ``denoised``, or ``white`` for the clean matrix plus the recorded noise, scaled
        down to the power of the denoised matrix's error on the selected lines), ``ssim``, ``psnr_db``; means over the
        objects.
    """
    recorded = setup.matrix()
    exact = setup.kaczmarz(recorded.clean)
    measured = exact.measure(setup.objects[:count])
    reference = exact(measured)
    clean, *others = (frequency_components(u, setup.lines) for u in (recorded.clean, recorded.u1, denoised))
    noise, error = (np.linalg.norm(components - clean) for components in others)
    white = (recorded.clean + error / noise * (recorded.u1 - recorded.clean)).astype(np.float32)
    rows = []
    for name, columns in {"noisy": recorded.u1, "denoised": denoised, "white": white}.items():
        images = setup.kaczmarz(columns)(measured)
        ssim, psnr = metrics.ssim(reference, images).mean(), metrics.psnr_db(reference, images).mean()
        rows.append({"matrix": name, "ssim": ssim, "psnr_db": psnr})
    return pd.DataFrame(rows)


def averaged_matrices(setup: Setup, counts: Iterable[int]) -> pd.DataFrame:
    """The system matrix without any denoiser but averaged over recordings: what denoising has to be compared with.

    The mean of n independent recordings has the noise of one, divided by the root of n. Lines are selected anew for
    each, as more of them rise above the noise.

    Args:
        setup: of a system-matrix run.
        counts: numbers of recordings that are averaged.

    Returns:
        Columns ``averages, snr_db, ssim, psnr_db``: the signals of the test columns and the images of the objects.
    """
    recorded, test = setup.matrix(), setup.pixels["test"]
    settings, shape = setup.kaczmarz_settings, setup.scanner.shape
    rows = []
    for count in counts:
        u1, u2 = (
            recorded.clean + (u - recorded.clean) / np.sqrt(count, dtype=u.dtype) for u in (recorded.u1, recorded.u2)
        )
        lines = select_frequencies(u1, u2, settings.snr_threshold)
        exact, noisy = (SystemMatrixReconstruction(u, lines, shape, settings) for u in (recorded.clean, u1))
        measured = exact.measure(setup.objects)
        reference, images = exact(measured), noisy(measured)
        rows.append(
            {
                "averages": count,
                "snr_db": metrics.snr_db(recorded.clean[test], u1[test]).mean(),
                "ssim": metrics.ssim(reference, images).mean(),
                "psnr_db": metrics.psnr_db(reference, images).mean(),
            }
        )
    return pd.DataFrame(rows)


def equal_averages(averaged: pd.DataFrame, column: str, value: float) -> float:
    """How many averages give this value, from :func:`averaged_matrices`: at least 1, infinite above its last row.

    Args:
        averaged: rows with rising ``averages``.
        column: ``snr_db`` or ``psnr_db``.
        value: to reach [dB].
    """
    known = averaged[column].to_numpy()
    if value > known.max():
        return float("inf")
    return float(2 ** np.interp(value, known, np.log2(averaged["averages"])))
