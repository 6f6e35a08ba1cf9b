"""The relaxation time that noisy periods tell, for each case of the study on relaxation."""

from collections.abc import Sequence

import pandas as pd

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.experiments import Experiments
from mpicore.recordings import Recordings
from mpicore.relaxation import estimate_relaxation_time

_STUDY = "study-relaxation"


def _needs(known: Experiments, preset: str) -> list[RunName]:
    study = known.studies[_STUDY]
    return [RunName(_STUDY, study.methods[0], case=case) for case in study.cases]


@analysis(_STUDY, _needs)
def _relaxation_times(sources: Sequence[Source]) -> pd.DataFrame:
    """One row per case: the estimate from the training pairs [µs]."""
    rows = []
    for source in sources:
        (u1, u2), _ = source.setup.fitting_pairs(source.setup.denoiser())
        estimate = estimate_relaxation_time(Recordings(u1, u2), source.config.scanner.sampling_frequency)
        rows.append({"case": source.name.case, "Estimated time [µs]": 1e6 * estimate})
    return pd.DataFrame(rows)
