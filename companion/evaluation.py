"""One denoiser on the test set of one run: a value per test signal and per image, the same for every method."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from companion.archive import IMAGE_VALUES
from companion.setup import Setup
from mpicore import metrics
from mpicore.denoisers import Denoiser
from mpicore.reconstruction import frequency_components
from mpicore.recordings import Recordings, noisy_error

Array = NDArray[Any]
FIGURE_HARMONICS = (3, 7)  #: harmonics of the x drive frequency that Figure 3 shows


@dataclass(frozen=True)
class Evaluation:
    """What is kept of a test.

    Attributes:
        signals: columns ``variant, index, snr_db, rmse``; one row per test signal.
        images: columns ``variant, index, ssim, psnr_db, object_error``; one row per image. The object error is that of
            the image, scaled to fit, against the true particle distribution, relative to the distribution's norm.
        arrays: what figures need and what is too long to compute again. For a system matrix among others
            ``error_correlation`` between neighbouring pixels and ``amplitude``, the least-squares factor from the clean
            to the denoised components, both over the selected lines. They are of the first variant.
    """

    signals: pd.DataFrame
    images: pd.DataFrame
    arrays: dict[str, Array] = field(default_factory=dict)


def shown_signals(scored: pd.DataFrame, column: str = "snr_db") -> dict[str, int]:
    """The test items that figures show, chosen by a rule and not by eye: the median and the worst one.

    Args:
        scored: columns ``index`` and the one that ranks, one row per test item.
        column: which is better when it is higher.

    Returns:
        Index of the ``median`` and of the ``worst``.
    """
    ranked = scored.sort_values(column, kind="stable")["index"].to_numpy()
    return {"median": int(ranked[len(ranked) // 2]), "worst": int(ranked[0])}


def evaluate(denoiser: Denoiser, setup: Setup, indices: Sequence[int] | None = None) -> Evaluation:
    """Measure a denoiser, once fitted, on the test data of a run.

    Args:
        denoiser: fitted.
        setup: of the run.
        indices: test signals to measure; all by default. Of a system matrix a part gives signal values alone, since its
            images need every column.
    """
    if not setup.of_matrix:
        parts = [_evaluate_xspace(denoiser, setup, variant, indices) for variant in setup.config.test_noise]
    elif indices is not None:
        parts = [_evaluate_columns(denoiser, setup, variant, indices) for variant in setup.config.test_noise]
    else:
        parts = [_evaluate_matrix(denoiser, setup, variant) for variant in setup.config.test_noise]
    signals, images = (
        pd.concat([getattr(p, name) for p in parts], ignore_index=True) for name in ("signals", "images")
    )
    return Evaluation(signals, images, parts[0].arrays)


def validation_error(denoiser: Denoiser, setup: Setup) -> float | None:
    """How well a denoiser predicts the second noisy period of the validation pairs, by which methods may be chosen.

    See :func:`mpicore.recordings.noisy_error`. The noise of the period that is predicted adds the same amount for every
    denoiser of the same data.

    Returns:
        A mean square in units of the power of a noisy period; nothing for what has seen clean signals or the validation
        pairs, or takes both periods itself.
    """
    if denoiser.supervised or denoiser.whole or denoiser.periods != 1:
        return None
    return noisy_error(denoiser.denoise, setup.validation())


def implied_snr_db(loss: ArrayLike, noise_db: float) -> NDArray[np.float64]:
    """Test SNR that a noisy mean-square validation loss implies, with the noise known [dB].

    Signals are in units of the RMS of a noisy period, whose power is that of the signal and of the noise. The target's
    noise adds its whole power to the loss of every network.

    Args:
        loss: per sample.
        noise_db: power of the signal over that of the noise [dB].
    """
    noise = 10 ** (-noise_db / 10)
    error = np.asarray(loss, np.float64) * (1 + noise) - noise
    return -10 * np.log10(np.maximum(error, 1e-6))


def denoised(denoiser: Denoiser, recorded: Recordings, indices: Any = slice(None)) -> Array:
    """What a denoiser makes of recorded signals, shape (n, N): of one period, or of both where it takes two."""
    if denoiser.periods == 1:
        return denoiser.denoise(recorded.u1[indices])
    return denoiser.denoise(np.stack([recorded.u1[indices], recorded.u2[indices]], axis=1))


def _evaluate_xspace(denoiser: Denoiser, setup: Setup, variant: str, indices: Sequence[int] | None) -> Evaluation:
    test = setup.held_out(variant)
    chosen = np.arange(len(test)) if indices is None else np.asarray(indices)
    clean, estimate = test.clean[chosen], denoised(denoiser, test, chosen)
    assert test.phantoms is not None
    images = _image_rows(variant, chosen, setup.gridding(clean), setup.gridding(estimate), test.phantoms[chosen])
    return Evaluation(_signal_rows(variant, chosen, clean, estimate, setup.reference_scale(test.clean)), images)


def _evaluate_columns(denoiser: Denoiser, setup: Setup, variant: str, indices: Sequence[int]) -> Evaluation:
    """Some test columns of a system matrix."""
    test, chosen = setup.held_out(variant), np.asarray(indices)
    if denoiser.whole:
        estimate = denoised(denoiser, setup.matrix(variant))[setup.pixels["test"][chosen]]
    else:
        estimate = denoised(denoiser, test, chosen)
    signals = _signal_rows(variant, chosen, test.clean[chosen], estimate, setup.reference_scale(test.clean))
    return Evaluation(signals, pd.DataFrame(columns=["variant", "index", *IMAGE_VALUES]))


def _evaluate_matrix(denoiser: Denoiser, setup: Setup, variant: str) -> Evaluation:
    recorded, pixels, shape = setup.matrix(variant), setup.pixels["test"], setup.scanner.shape
    matrix = denoised(denoiser, recorded)
    scale = setup.reference_scale(recorded.clean[pixels])
    signals = _signal_rows(variant, np.arange(len(pixels)), recorded.clean[pixels], matrix[pixels], scale)

    objects, lines = setup.objects, setup.lines
    exact = setup.kaczmarz(recorded.clean)
    measured = exact.measure(objects)
    reference, estimate = exact(measured), setup.kaczmarz(matrix)(measured)
    images = _image_rows(variant, np.arange(len(objects)), reference, estimate, objects)
    # Figures show the same objects for every method: the median and the worst one of the noisy matrix.
    noisy = metrics.psnr_db(reference, setup.kaczmarz(recorded.u1)(measured))
    shown = list(shown_signals(pd.DataFrame({"index": np.arange(len(objects)), "psnr_db": noisy}), "psnr_db").values())
    clean, components = (frequency_components(columns, lines) for columns in (recorded.clean, matrix))
    selected = [np.ascontiguousarray(c[pixels], np.complex128).view(float) for c in (clean, components)]
    harmonics = frequency_components(matrix, [setup.scanner.harmonic_line(h) for h in FIGURE_HARMONICS]).T
    arrays = {
        "components": np.ascontiguousarray(harmonics, np.complex64).view(np.float32),
        "shown_objects": np.array(shown),
        "images": estimate[shown].astype(np.float32),
        "reference_images": reference[shown].astype(np.float32),
        "lines": lines,
        "selected_snr_db": metrics.snr_db(*selected),
        "error_correlation": np.array([_neighbour_correlation(components - clean, shape)]),
        "amplitude": np.array([np.vdot(clean, components).real / np.vdot(clean, clean).real]),
    }
    return Evaluation(signals, images, arrays)


def _neighbour_correlation(error: Array, shape: tuple[int, int]) -> float:
    """Correlation of the error (P, lines) between pixels that are neighbours along x; 0 for white noise."""
    error = error.reshape(*shape, -1)
    power = np.sum(np.abs(error) ** 2)
    return float(np.sum(np.real(error[:, 1:] * error[:, :-1].conj())) / power) if power else 0.0


def _signal_rows(variant: str, indices: Array, clean: Array, estimate: Array, scale: float) -> pd.DataFrame:
    values = {"snr_db": metrics.snr_db(clean, estimate), "rmse": scale * metrics.rmse(clean, estimate)}
    return pd.DataFrame({"variant": variant, "index": indices, **values})


def _image_rows(variant: str, indices: Array, reference: Array, estimate: Array, objects: Array) -> pd.DataFrame:
    values = {
        "ssim": metrics.ssim(reference, estimate),
        "psnr_db": metrics.psnr_db(reference, estimate),
        "object_error": metrics.object_error(objects, estimate),
    }
    return pd.DataFrame({"variant": variant, "index": indices, **values})
