"""One denoiser on the test set of one run: a value per test signal and per image, the same for every method."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from companion.experiments import RunConfig
from mpicore import datasets, metrics
from mpicore.datasets import Dataset, Noise, system_matrix_columns, xspace, xspace_test
from mpicore.denoisers import Denoiser
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import XSpace, frequency_components, kaczmarz, select_frequencies
from mpicore.recordings import Recordings, TestSignals
from mpicore.scanner import Scanner
from mpicore.seeds import branch
from mpicore.truth import Truth

SIGNAL_COLUMNS = ["variant", "index", "snr_db", "rmse"]
IMAGE_COLUMNS = ["variant", "index", "ssim", "psnr_db", "object_error"]
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
            to the denoised components, both over the selected lines.
    """

    signals: pd.DataFrame
    images: pd.DataFrame
    arrays: dict[str, np.ndarray]


def scanner(config: RunConfig) -> Scanner:
    """The scanner of a run: Cartesian for x-space, Lissajous for the system matrix."""
    make = Scanner.cartesian if config.dataset == "x-space" else Scanner.lissajous
    return make(shape=config.shape)


def noise(entry) -> Noise:
    """The noise that an entry of the configuration describes."""
    return Noise(**entry.model_dump(exclude_none=True))


def truth(config: RunConfig) -> Truth:
    """How the data of a run are made."""
    return Truth(**config.truth.model_dump(exclude_none=True)) if config.truth else Truth()


def dataset(config: RunConfig) -> Dataset:
    """Training, validation and test signals of a run."""
    common = config.sizes, noise(config.noise), config.data_seed, scanner(config)
    return xspace(*common, truth(config)) if config.dataset == "x-space" else system_matrix_columns(*common)


def fitting_pairs(denoiser: Denoiser, config: RunConfig) -> tuple[Recordings, Recordings, Dataset | None]:
    """Training and validation pairs of a denoiser, and their data set where the test needs it again."""
    if denoiser.supervised:
        return supervised_pairs(denoiser, config)
    data = dataset(config)
    return data.matrix if denoiser.whole else data.train, data.validation, data


def supervised_pairs(denoiser: Denoiser, config: RunConfig) -> tuple[Recordings, Recordings, Dataset | None]:
    """The same for ceilings alone: with clean signals in the place of the second periods."""
    if config.dataset == "x-space":
        common = config.sizes, noise(config.noise), config.data_seed, scanner(config), truth(config)
        return *datasets.xspace_supervised(*common), None
    data = dataset(config)
    splits = [slice(None)] * 2 if denoiser.whole else [data.pixels["train"], data.pixels["validation"]]
    pairs, held = (Recordings(data.matrix.u1[pixels], data.matrix.clean[pixels]) for pixels in splits)
    return pairs, held, data


def test_signals(config: RunConfig, variant: str, count: int | None = None) -> TestSignals:
    """The x-space test signals of one variant, all or the first ``count``."""
    return xspace_test(
        count or config.sizes[2], noise(config.test_noise[variant]), config.data_seed, scanner(config), truth(config),
        config.test_phantoms,
    )  # fmt: skip


test_signals.__test__ = False


def measured_objects(config: RunConfig) -> np.ndarray:
    """Phantoms that the system matrix reconstructs, shape (objects, ny, nx)."""
    return random_phantoms(config.objects, config.shape, branch(config.data_seed, "system-matrix", "objects"))


def reference_scale(config: RunConfig, clean) -> float:
    """One global factor that brings the mean RMS of the clean test signals to the paper's units."""
    return config.reference_rms / float(np.mean(np.sqrt(np.mean(np.square(clean, dtype=np.float64), axis=1))))


def shown_signals(scored: pd.DataFrame) -> dict[str, int]:
    """The test signals that figures show, chosen by a rule and not by eye: the median and the worst one by SNR.

    Args:
        scored: columns ``index`` and ``snr_db``, one row per test signal.

    Returns:
        Index of the ``median`` and of the ``worst``.
    """
    ranked = scored.sort_values("snr_db", kind="stable")["index"].to_numpy()
    return {"median": int(ranked[len(ranked) // 2]), "worst": int(ranked[0])}


def evaluate(denoiser: Denoiser, config: RunConfig, data: Dataset | None = None, indices=None) -> Evaluation:
    """Measure a denoiser, once fitted, on the test data of a run.

    Args:
        denoiser: fitted.
        config: of the run.
        data: the data set of a system-matrix run, where it is at hand.
        indices: test signals to measure; all by default. Of a system matrix a part gives signal values alone, since its
            images need every column.
    """
    if config.dataset == "x-space":
        return _evaluate_xspace(denoiser, config, indices)
    return _evaluate_system_matrix(denoiser, config, data or dataset(config), indices)


def denoised(denoiser: Denoiser, recorded: Recordings, indices=slice(None)) -> np.ndarray:
    """What a denoiser makes of recorded signals, shape (n, N): of one period, or of both where it takes two."""
    if denoiser.periods == 1:
        return denoiser.denoise(recorded.u1[indices])
    return denoiser.denoise(np.stack([recorded.u1[indices], recorded.u2[indices]], axis=1))


def gridding_choices(config: RunConfig, fractions, count: int) -> pd.DataFrame:
    """Image quality of the *noisy* x-space signals for choices that the source paper does not state.

    Nothing learned enters, so these rows may be compared with the paper's noisy row to settle the choices.

    Args:
        config: of an x-space run.
        fractions: values of ``slow_fraction`` to try, each with both fills of :class:`mpicore.reconstruction.XSpace`.
        count: number of test signals.

    Returns:
        Columns ``slow_fraction, outside, ssim, psnr_db``, means over the signals.
    """
    test = test_signals(config, next(iter(config.test_noise)), count)
    rows = []
    for outside in ("zero", "nearest"):
        for fraction in fractions:
            reconstruct = XSpace(scanner(config), slow_fraction=fraction, outside=outside)
            pair = reconstruct(test.clean), reconstruct(test.u1)
            quality = {"ssim": metrics.ssim(*pair).mean(), "psnr_db": metrics.psnr_db(*pair).mean()}
            rows.append({"slow_fraction": fraction, "outside": outside, **quality})
    return pd.DataFrame(rows)


def kaczmarz_choices(config: RunConfig, lambdas, count: int) -> pd.DataFrame:
    """Image quality with the *noisy* system matrix for strengths of regularisation; the source paper states none.

    Args:
        config: of a system-matrix run.
        lambdas: values of ``relative_lambda`` to try.
        count: number of objects.

    Returns:
        Columns ``relative_lambda, ssim, psnr_db, object_error``, means over the objects.
    """
    data = dataset(config)
    objects = measured_objects(config)[:count]
    lines = select_frequencies(data.matrix.u1, data.matrix.u2, config.kaczmarz.snr_threshold)
    clean, noisy = (frequency_components(columns, lines).T for columns in (data.matrix.clean, data.matrix.u1))
    measured = objects.reshape(len(objects), -1) @ clean.T
    rows = []
    for value in lambdas:
        pair = [kaczmarz(A, measured, value, config.kaczmarz.sweeps).reshape(objects.shape) for A in (clean, noisy)]
        quality = {"ssim": metrics.ssim(*pair).mean(), "psnr_db": metrics.psnr_db(*pair).mean()}
        error = metrics.object_error(objects, pair[1]).mean()
        rows.append({"relative_lambda": value, **quality, "object_error": error})
    return pd.DataFrame(rows)


def _evaluate_xspace(denoiser, config, indices):
    reconstruct = XSpace(scanner(config))
    indices = np.arange(config.sizes[2]) if indices is None else np.asarray(indices)
    signals, images = [], []
    for variant in config.test_noise:
        test = test_signals(config, variant)
        scale = reference_scale(config, test.clean)
        clean, estimate = test.clean[indices], denoised(denoiser, test, indices)
        signals.append(_signal_rows(variant, indices, clean, estimate, scale))
        images.append(_image_rows(variant, indices, reconstruct(clean), reconstruct(estimate), test.phantoms[indices]))
    return Evaluation(pd.concat(signals, ignore_index=True), pd.concat(images, ignore_index=True), {})


def _evaluate_system_matrix(denoiser, config, data, indices):
    variant = next(iter(config.test_noise))
    scale = reference_scale(config, data.test.clean)
    if indices is not None:
        if denoiser.whole:
            estimate = denoised(denoiser, data.matrix)[data.pixels["test"][indices]]
        else:
            estimate = denoised(denoiser, data.test, indices)
        signals = _signal_rows(variant, indices, data.test.clean[indices], estimate, scale)
        return Evaluation(signals, pd.DataFrame(columns=IMAGE_COLUMNS), {})
    matrix = denoised(denoiser, data.matrix)
    pixels = data.pixels["test"]
    signals = _signal_rows(variant, np.arange(len(pixels)), data.test.clean, matrix[pixels], scale)

    objects = measured_objects(config)
    lines = select_frequencies(data.matrix.u1, data.matrix.u2, config.kaczmarz.snr_threshold)
    clean = frequency_components(data.matrix.clean, lines).T
    components = frequency_components(matrix, lines)
    measured = objects.reshape(len(objects), -1) @ clean.T

    def reconstruct(system):
        solution = kaczmarz(system, measured, config.kaczmarz.relative_lambda, config.kaczmarz.sweeps)
        return solution.reshape(objects.shape)

    reference, estimate = reconstruct(clean), reconstruct(components.T)
    images = _image_rows(variant, np.arange(len(objects)), reference, estimate, objects)
    # Figures show the same objects for every method: the median and the worst one of the noisy matrix.
    noisy = metrics.psnr_db(reference, reconstruct(frequency_components(data.matrix.u1, lines).T))
    shown = list(shown_signals(pd.DataFrame({"index": np.arange(len(objects)), "snr_db": noisy})).values())
    per_cycle = round(data.scanner.drive_frequency[0] * data.scanner.period)
    selected = [np.ascontiguousarray(c, np.complex128).view(float) for c in (clean.T[pixels], components[pixels])]
    harmonics = frequency_components(matrix, [harmonic * per_cycle for harmonic in FIGURE_HARMONICS]).T
    arrays = {
        "components": np.ascontiguousarray(harmonics, np.complex64).view(np.float32),
        "shown_objects": np.array(shown),
        "images": estimate[shown].astype(np.float32),
        "reference_images": reference[shown].astype(np.float32),
        "lines": lines,
        "selected_snr_db": metrics.snr_db(*selected),
        "error_correlation": np.array([_neighbour_correlation(components - clean.T, config.shape)]),
        "amplitude": np.array([np.vdot(clean.T, components).real / np.vdot(clean, clean).real]),
    }
    return Evaluation(signals, images, arrays)


def _neighbour_correlation(error, shape):
    """Correlation of the error (P, lines) between pixels that are neighbours along x; 0 for white noise."""
    error = error.reshape(*shape, -1)
    power = np.sum(np.abs(error) ** 2)
    return float(np.sum((error[:, 1:] * error[:, :-1].conj()).real) / power) if power else 0.0


def _signal_rows(variant, indices, clean, estimate, scale):
    values = {"snr_db": metrics.snr_db(clean, estimate), "rmse": scale * metrics.rmse(clean, estimate)}
    return pd.DataFrame({"variant": variant, "index": indices, **values})


def _image_rows(variant, indices, reference, estimate, objects):
    values = {
        "ssim": metrics.ssim(reference, estimate),
        "psnr_db": metrics.psnr_db(reference, estimate),
        "object_error": metrics.object_error(objects, estimate),
    }
    return pd.DataFrame({"variant": variant, "index": indices, **values})
