"""Test objects of other kinds than those that were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.evaluation import denoised
from companion.setup import Setup
from mpicore import metrics

METHODS = ("wiener_antisymmetric", "gp_wiener", "n2n", "proposed", "forward_n2n")  #: that are tested


@analysis(
    "objects",
    lambda known, preset: [known.shown("xspace-gaussian", method, preset) for method in METHODS],
    kinds={"training": None, "letters": "letters", "rings": "rings", "points": "points"},
    count=200,
)
def _objects(sources: Sequence[Source], kinds: Mapping[str, str | None], count: int) -> pd.DataFrame:
    """SNR of the test signals by kind of object and method, with 95 % intervals, and the number of signals."""
    rows = []
    for case, kind in kinds.items():
        for source in sources:
            setup = Setup(replace(source.config, test_phantoms=kind), source.setup.cache)
            test = setup.held_out(next(iter(setup.config.test_noise)), count)
            values = metrics.snr_db(test.clean, denoised(source.denoiser, test))
            low, high = metrics.bootstrap_interval(values)
            row = {"case": case, "method": source.name.method, "signals": len(values)}
            rows.append(row | {"snr_db": values.mean(), "snr_db_low": low, "snr_db_high": high})
    return pd.DataFrame(rows)


@analysis("floor", lambda known, preset: [RunName("xspace-gaussian", "noisy")], published=False)
def _floor(sources: Sequence[Source]) -> pd.DataFrame:
    """Mean object error of the x-space images of clean test signals: what is left of it without any noise."""
    setup = sources[0].setup
    test = setup.held_out("literal")
    assert test.phantoms is not None  # x-space data show objects
    return pd.DataFrame({"object_error": [metrics.object_error(test.phantoms, setup.gridding(test.clean)).mean()]})
