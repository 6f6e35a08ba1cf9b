"""The picture of the front page: one test object, its noisy signal, and two denoisers, as x-space images."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from companion.analyses.registry import Arrays, Source, analysis
from companion.evaluation import denoised, shown_signals
from mpicore import metrics

METHODS = ("noisy", "proposed", "forward_n2n_mirrored")  #: that are shown


@analysis(
    "findings",
    lambda known, preset: [known.shown("xspace-gaussian", method, preset) for method in METHODS],
    arrays=True,
    published=False,
    ranked_by="proposed",
)
def _findings(sources: Sequence[Source], ranked_by: str) -> tuple[pd.DataFrame, Arrays]:
    """The median test signal by the SNR of one method: its object, and SNR and image after each method."""
    scored = next(source for source in sources if source.name.method == ranked_by).run.signals
    setup = sources[0].setup
    variant = next(iter(setup.config.test_noise))
    index = shown_signals(scored[scored["variant"] == variant])["median"]
    test = setup.held_out(variant)
    assert test.phantoms is not None  # x-space data show objects
    rows, images = [], []
    for source in sources:
        signal = denoised(source.denoiser, test, [index])
        snr = metrics.snr_db(test.clean[[index]], signal).item()
        rows.append({"index": index, "method": source.name.method, "snr_db": snr})
        images.append(setup.gridding(signal)[0])
    return pd.DataFrame(rows), {
        "object": test.phantoms[index],
        "clean_image": setup.gridding(test.clean[[index]])[0].astype(np.float32),
        "images": np.array(images, np.float32),
    }
