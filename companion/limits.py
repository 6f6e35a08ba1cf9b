"""What bounds the results: the limits of a scheme, of a network's reach and of an image, apart from any training."""

import numpy as np
import pandas as pd

from companion import evaluation
from companion.experiments import RunConfig
from mpicore import denoisers, metrics, yardsticks
from mpicore.denoisers import Denoiser
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import frequency_components, kaczmarz, select_frequencies
from mpicore.scanner import Particle
from mpicore.seeds import branch, generator
from mpicore.simulation import system_matrix


def window_limits(config: RunConfig, half_widths, examples: int, count: int, positions: int) -> pd.DataFrame:
    """What the best linear filter can do that sees a window of an x-space signal, for windows of several widths.

    The filter knows the second moments of clean signals and of the training noise; see :mod:`mpicore.yardsticks`.

    Args:
        config: of an x-space run.
        half_widths: samples that the filter sees on each side.
        examples: clean signals that give the second moments, of phantoms that no split holds.
        count: test signals.
        positions: how many samples of each test signal are estimated; they are drawn once.

    Returns:
        Columns ``half_width`` and one per variant of the test noise: its mean SNR [dB] over the signals.
    """
    machine = evaluation.scanner(config)
    moments = yardsticks.second_moments(_examples(config, examples))
    where = generator(config.data_seed, "x-space", "positions").choice(machine.num_samples, positions, replace=False)
    tests = {variant: evaluation.test_signals(config, variant, count) for variant in config.test_noise}
    rows = []
    for half_width in half_widths:
        filters = yardsticks.window_filters(
            moments, evaluation.noise(config.noise).autocovariance(machine), half_width, where
        )
        row = {"half_width": half_width}
        for variant, test in tests.items():
            estimate = yardsticks.apply_filters(filters, test.u1, where)
            row[variant] = metrics.snr_db(test.clean[:, where], estimate).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def line_limits(config: RunConfig, strength: float, examples: int, count: int) -> pd.DataFrame:
    """What Noise2Noise and Recorrupted-to-Recorrupted come to as filters that act on each line of a signal alone.

    Both know the mean spectra of clean signals and of the training noise; R2R adds white noise of the total power.

    Args:
        config: of an x-space run.
        strength: of the recorruption.
        examples, count: as in :func:`window_limits`.

    Returns:
        Columns ``method`` and one per variant of the test noise: its mean SNR [dB] over the signals.
    """
    machine, samples = evaluation.scanner(config), evaluation.scanner(config).num_samples
    clean = _examples(config, examples)
    clean /= np.sqrt(np.mean(clean**2, axis=1, keepdims=True))
    signal = np.mean(np.abs(frequency_components(clean)) ** 2, axis=0)
    autocovariance = evaluation.noise(config.noise).autocovariance(machine)
    spectrum = samples * np.fft.rfft(autocovariance).real
    added = np.full(len(signal), samples * autocovariance[0])
    gains = {
        "n2n": yardsticks.n2n_gains(signal, spectrum),
        "r2r": yardsticks.r2r_gains(signal, spectrum, added, strength),
    }
    rows = {method: {"method": method} for method in gains}
    for variant in config.test_noise:
        test = evaluation.test_signals(config, variant, count)
        for method, gain in gains.items():
            estimate = np.fft.irfft(gain * frequency_components(test.u1), samples, axis=1)
            rows[method][variant] = metrics.snr_db(test.clean, estimate).mean()
    return pd.DataFrame(rows.values())


def error_at_interference(denoiser: Denoiser, config: RunConfig, variant: str, count: int) -> float:
    """Share of the error's power, after a denoiser, in the lines of the interference; over ``count`` test signals."""
    machine, test = evaluation.scanner(config), evaluation.test_signals(config, variant, count)
    error = denoiser.denoise(test.u1) - test.clean
    lines = [round(harmonic * machine.drive_frequency[0] * machine.period) for harmonic in config.noise.harmonics]
    interfered = frequency_components(error, lines)
    # A line below half the sampling frequency stands for two of equal power.
    return float(2 * np.sum(np.abs(interfered) ** 2) / machine.num_samples / np.sum(error.astype(np.float64) ** 2))


def white_error_images(denoiser: Denoiser, config: RunConfig, count: int) -> pd.DataFrame:
    """Images from a denoised system matrix, and from one whose error has the same power but is white.

    Args:
        denoiser: fitted.
        config: of a system-matrix run.
        count: number of objects.

    Returns:
        Columns ``matrix`` (``noisy``, ``denoised``, or ``white`` for the clean matrix plus the recorded noise, scaled
        down to the power of the denoised matrix's error), ``ssim``, ``psnr_db``; means over the objects.
    """
    data = evaluation.dataset(config)
    objects = evaluation.measured_objects(config)[:count]
    lines = select_frequencies(data.matrix.u1, data.matrix.u2, config.kaczmarz.snr_threshold)
    columns = {"clean": data.matrix.clean, "noisy": data.matrix.u1, "denoised": denoiser.denoise(data.matrix.u1)}
    systems = {name: frequency_components(u, lines).T for name, u in columns.items()}
    noise, error = (np.linalg.norm(systems[name] - systems["clean"]) for name in ("noisy", "denoised"))
    systems["white"] = systems["clean"] + error / noise * (systems["noisy"] - systems["clean"])
    measured = objects.reshape(len(objects), -1) @ systems["clean"].T
    images = {
        name: kaczmarz(A, measured, config.kaczmarz.relative_lambda, config.kaczmarz.sweeps).reshape(objects.shape)
        for name, A in systems.items()
    }
    reference = images.pop("clean")
    rows = [
        {"matrix": name, "ssim": metrics.ssim(reference, x).mean(), "psnr_db": metrics.psnr_db(reference, x).mean()}
        for name, x in images.items()
    ]
    return pd.DataFrame(rows)


def averaged_matrices(config: RunConfig, counts) -> pd.DataFrame:
    """The system matrix without any denoiser but averaged over recordings: what denoising has to be compared with.

    Args:
        config: of a system-matrix run with white noise.
        counts: numbers of recordings that are averaged.

    Returns:
        Columns ``averages, snr_db, ssim, psnr_db``: the signals of the test columns and the images of the objects.
    """
    rows = []
    for count in counts:
        # The mean of independent recordings is a recording with less noise.
        level = config.noise.model_copy(update={"snr_db": config.noise.snr_db + 10 * float(np.log10(count))})
        quieter = config.model_copy(update={"noise": level, "test_noise": {"literal": level}})
        found = evaluation.evaluate(denoisers.create("noisy"), quieter)
        means = found.images[["ssim", "psnr_db"]].mean()
        rows.append({"averages": count, "snr_db": found.signals["snr_db"].mean(), **means})
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


def _examples(config, count):
    """Clean x-space signals of phantoms that no split holds."""
    phantoms = random_phantoms(count, config.shape, branch(config.data_seed, "x-space", "moments"))
    return phantoms.reshape(count, -1) @ system_matrix(evaluation.scanner(config), Particle()).T
