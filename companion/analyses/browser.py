"""Linear Noise2Noise in few numbers: what the experiment in the browser takes of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from companion.analyses.registry import Arrays, Source, analysis
from mpicore import metrics
from mpicore.denoisers import create
from mpicore.denoisers.spectral_wiener import AntisymmetricWiener
from mpicore.denoisers.subspace import LinearNoise2Noise
from mpicore.recordings import Recordings, rms
from mpicore.symmetry import from_sine_lines, sine_lines

#: Experiments whose methods the browser has. They differ in the noise that the methods are fitted to.
EXPERIMENTS = ("xspace-gaussian", "xspace-slow")


@analysis(
    "browser",
    lambda known, preset: [known.shown(name, "linear_n2n", preset) for name in EXPERIMENTS],
    arrays=True,
    lines=400,
)
def _browser(sources: Sequence[Source], lines: int) -> tuple[pd.DataFrame, Arrays]:
    """Linear Noise2Noise on the sine lines in which the projected Wiener filter finds most signal.

    One row per experiment: the number of lines and coordinates, and the mean SNR of the test signals in this form and
    as the run has it. Of each experiment the arrays hold the numbers of the lines, shape (lines,), and in half
    precision the vectors of :class:`mpicore.denoisers.subspace.LinearNoise2Noise`, shape (lines, rank).
    """
    rows = []
    arrays: Arrays = {}
    for source in sources:
        name, setup = source.name.experiment, source.setup
        (u1, u2), held = setup.fitting_pairs(create("wiener_antisymmetric"))
        assert isinstance(held, Recordings)
        chosen, linear = on_lines(u1, u2, held, lines)
        state = {part: vectors.astype(np.float16) for part, vectors in linear.state().items()}
        arrays |= {f"{name}-lines": chosen.astype(np.uint16)}
        arrays |= {f"{name}-{part}": vectors for part, vectors in state.items()}
        variant = next(iter(setup.config.test_noise))
        test = setup.held_out(variant)
        linear = LinearNoise2Noise(antisymmetric=False).restore(state)
        whole = source.run.signals
        rows.append(
            {
                "experiment": name,
                "lines": len(chosen),
                "rank": state["analysis"].shape[1],
                "snr_db": metrics.snr_db(test.clean, denoise_lines(linear, chosen, test.u1)).mean(),
                "run_snr_db": whole.loc[whole["variant"] == variant, "snr_db"].mean(),
            }
        )
    return pd.DataFrame(rows), arrays


def on_lines(
    u1: np.ndarray, u2: np.ndarray, validation: Recordings, lines: int
) -> tuple[np.ndarray, LinearNoise2Noise]:
    """Choose sine lines, and fit linear Noise2Noise to them.

    Args:
        u1, u2: two noisy periods, shape (n, N).
        validation: further pairs, with which its rank is chosen.
        lines: how many at most.

    Returns:
        Numbers of the chosen lines, counted from 0 as in :func:`mpicore.symmetry.sine_lines`, ascending; and the
        denoiser, fitted to signals (n, lines) of these lines in units of the RMS of their period.
    """
    wiener = AntisymmetricWiener().fit(u1, u2)
    gains = wiener.learned(wiener.gains)[1 : (u1.shape[1] - 1) // 2 + 1]
    chosen = np.sort(np.argsort(-gains, kind="stable")[:lines])
    pairs, held = (
        Recordings(*(sine_lines(u / rms(part.u1))[:, chosen] for u in part.arrays))
        for part in (Recordings(u1, u2), validation)
    )
    return chosen, LinearNoise2Noise(antisymmetric=False).fit(*pairs.arrays, validation=held)


def denoise_lines(linear: LinearNoise2Noise, chosen: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Signals (n, N) that are zero on all sine lines but the chosen ones, which are denoised; float32."""
    lines = np.zeros((len(u), (u.shape[1] - 1) // 2), np.float32)
    lines[:, chosen] = linear.denoise(sine_lines(u)[:, chosen])
    return from_sine_lines(lines, u.shape[1])
