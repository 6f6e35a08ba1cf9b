"""What bounds the results under interference: the limits of a scheme, apart from any training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.experiments import Experiments
from companion.setup import Setup
from mpicore import metrics, yardsticks
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import frequency_components
from mpicore.seeds import branch
from mpicore.simulation import system_matrix


def _networks(known: Experiments, preset: str) -> list[RunName]:
    """N2N and the proposed method at both protocols that the preset has, and the same network on clean targets."""
    tuned = [known.shown("xspace-harmonic", method, preset) for method in ("n2n", "proposed", "supervised")]
    return list(dict.fromkeys([RunName("xspace-harmonic", "n2n"), RunName("xspace-harmonic", "proposed"), *tuned]))


@analysis("lines", lambda known, preset: [RunName("xspace-harmonic", "r2r")], count=200)
def _lines(sources: Sequence[Source], count: int) -> pd.DataFrame:
    setup = sources[0].setup
    return line_limits(setup, setup.config.options["strength"], max(1, setup.config.sizes[0] // 2), count)


@analysis("interference", _networks, count=100)
def _interference(sources: Sequence[Source], count: int) -> pd.DataFrame:
    """SNR of all test signals, and the share of the error in the interfered lines over the first ones."""
    rows = []
    for source in sources:
        run, noise, scanner = source.run, source.config.noise.interference, source.setup.scanner
        assert noise is not None  # the experiment is about it
        lines = [scanner.harmonic_line(harmonic) for harmonic in noise.harmonics]
        for variant, scored in run.signals.groupby("variant", sort=False):
            test = source.setup.held_out(str(variant), count)
            share = power_share(source.denoiser.denoise(test.u1) - test.clean, lines)
            row = {"method": source.name.method, "protocol": source.config.protocol, "variant": variant}
            rows.append(row | {"snr_db": scored["snr_db"].mean(), "share": share})
    return pd.DataFrame(rows)


def line_limits(setup: Setup, strength: float, examples: int, count: int) -> pd.DataFrame:
    """What Noise2Noise and Recorrupted-to-Recorrupted come to as filters that act on each line of a signal alone.

    Both know the mean spectra of clean signals and of the training noise; R2R adds white noise of the total power.

    Args:
        setup: of an x-space run.
        strength: of the recorruption.
        examples: clean signals that give the spectra, of phantoms that no split holds.
        count: test signals, at most.

    Returns:
        Columns ``method`` and one per variant of the test noise: its mean SNR [dB] over the signals.
    """
    samples = setup.scanner.num_samples
    clean = _examples(setup, examples)
    clean /= np.sqrt(np.mean(clean**2, axis=1, keepdims=True))
    signal = np.mean(np.abs(frequency_components(clean)) ** 2, axis=0)
    autocovariance = setup.config.noise.autocovariance(setup.scanner)
    spectrum = samples * np.fft.rfft(autocovariance).real
    added = np.full(len(signal), samples * autocovariance[0])
    gains = {
        "n2n": yardsticks.n2n_gains(signal, spectrum),
        "r2r": yardsticks.r2r_gains(signal, spectrum, added, strength),
    }
    rows: dict[str, dict[str, Any]] = {method: {"method": method} for method in gains}
    for variant in setup.config.test_noise:
        test = setup.held_out(variant, count)
        for method, gain in gains.items():
            estimate = np.fft.irfft(gain * frequency_components(test.u1), samples, axis=1)
            rows[method][variant] = metrics.snr_db(test.clean, estimate).mean()
    return pd.DataFrame(rows.values())


def power_share(u: NDArray[Any], lines: Sequence[int]) -> float:
    """Share of the power of signals (n, N) in some of their lines, above 0 and below half the sampling rate."""
    # Such a line stands for two of equal power.
    inside = 2 * np.sum(np.abs(frequency_components(u, lines)) ** 2) / u.shape[1]
    return float(inside / np.sum(u.astype(np.float64) ** 2))


def _examples(setup: Setup, count: int) -> NDArray[Any]:
    """Clean x-space signals of phantoms that no split holds."""
    phantoms = random_phantoms(count, setup.scanner.shape, branch(setup.config.data_seed, "x-space", "moments"))
    return phantoms.reshape(count, -1) @ system_matrix(setup.scanner, setup.config.particle).T
