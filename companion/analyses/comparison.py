"""Figure 2: two test signals after each method of Table 1, and their images."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Arrays, Source, analysis
from companion.evaluation import shown_signals
from mpicore import metrics
from mpicore.phantoms import random_shapes
from mpicore.scanner import Scanner
from mpicore.seeds import branch


@analysis(
    "comparison",
    lambda known, preset: [known.shown("xspace-gaussian", method, preset) for method in known.tables["table1"].methods],
    arrays=True,
    published=False,
    ranked_by="proposed",
)
def _comparison(sources: Sequence[Source], ranked_by: str) -> tuple[pd.DataFrame, Arrays]:
    """The median and the worst test signal by the SNR of one method, and how wide all objects are spread.

    One row per method and signal: its SNR as stored and as shown; the ``shapes`` and ``spread_mm`` of its object,
    ``median_spread_mm`` of all test objects, and ``rank_correlation``, Spearman's between the spread and the
    SNR of all.
    """
    ranking = next(source for source in sources if source.name.method == ranked_by)
    setup = ranking.setup
    variant = next(iter(setup.config.test_noise))
    test = setup.held_out(variant)
    stored = {source.name.method: _of_variant(source, variant) for source in sources}
    shown = shown_signals(stored[ranked_by].rename("snr_db").rename_axis("index").reset_index())
    chosen = list(shown.values())
    shapes = random_shapes(len(test), branch(setup.config.data_seed, "x-space", "test"))
    assert test.phantoms is not None  # x-space data show objects
    widths = pd.Series(spread_mm(test.phantoms, setup.scanner))
    overall = {
        "median_spread_mm": widths.median(),
        "rank_correlation": widths.corr(stored[ranked_by], method="spearman"),
    }
    rows, signals = [], []
    for source in sources:
        denoised = source.denoiser.denoise(test.u1[chosen])
        signals.append(denoised)
        for which, index, measured in zip(shown, chosen, metrics.snr_db(test.clean[chosen], denoised), strict=True):
            row = {"shown": which, "index": index, "method": source.name.method}
            row |= {"stored_snr_db": stored[source.name.method][index], "snr_db": measured}
            rows.append(row | {"shapes": counted(shapes[index]), "spread_mm": widths[index], **overall})
    clean = test.clean[chosen]
    arrays = {
        "objects": test.phantoms[chosen],
        "clean": clean,
        "signals": np.array(signals, np.float32),
        "clean_images": setup.gridding(clean).astype(np.float32),
        "images": np.array([setup.gridding(u) for u in signals], np.float32),
    }
    return pd.DataFrame(rows), arrays


def spread_mm(phantoms: NDArray[Any], scanner: Scanner) -> NDArray[np.float64]:
    """Root-mean-square distance of the particles of each phantom (n, ny, nx) from their centre [mm]; shape (n,)."""
    weights = phantoms.reshape(len(phantoms), -1).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    where = 1e3 * scanner.grid
    centre = weights @ where
    return np.sqrt(weights @ np.sum(where**2, axis=1) - np.sum(centre**2, axis=1))


def counted(shapes: Sequence[str]) -> str:
    """In words how many shapes of each kind there are, such as ``1 ellipse, 2 vessels``."""
    return ", ".join(f"{count} {shape}{'s' * (count > 1)}" for shape, count in sorted(Counter(shapes).items()))


def _of_variant(source: Source, variant: str) -> pd.Series:
    scored = source.run.signals
    return scored[scored["variant"] == variant].set_index("index")["snr_db"]
