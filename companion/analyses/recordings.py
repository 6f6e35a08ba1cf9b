"""What the recordings or the networks of a study are like in each of its cases: further columns of its table."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.experiments import Experiments
from mpicore.denoisers.signal_network import SignalNetworkDenoiser
from mpicore.symmetry import even_part


def _cases(study: str) -> Callable[[Experiments, str], list[RunName]]:
    """One run of each case of a study."""

    def needs(known: Experiments, preset: str) -> list[RunName]:
        entry = known.studies[study]
        return [RunName(study, entry.methods[0], case=case) for case in entry.cases]

    return needs


@analysis("study-tones", _cases("study-tones"), published=False)
def _tones(sources: Sequence[Source]) -> pd.DataFrame:
    """One row per case: the correlation of the tones, where there are any, between the two periods."""
    rows = []
    for source in sources:
        tones = source.config.noise.interference
        correlation = tones.correlation(source.setup.scanner).mean() if tones else np.nan
        rows.append({"case": source.name.case, "Correlation": correlation})
    return pd.DataFrame(rows)


@analysis("study-chain", _cases("study-chain"), count=100)
def _chain(sources: Sequence[Source], count: int) -> pd.DataFrame:
    """One row per case: the share of the power of clean test signals that is even."""
    rows = []
    for source in sources:
        clean = source.setup.held_out("literal", count).clean
        even = np.sum(even_part(clean).astype(np.float64) ** 2) / np.sum(clean.astype(np.float64) ** 2)
        rows.append({"case": source.name.case, "Even part [%]": 100 * even})
    return pd.DataFrame(rows)


@analysis("study-network", _cases("study-network"), published=False)
def _network(sources: Sequence[Source]) -> pd.DataFrame:
    """One row per case: the size of the network."""
    rows = []
    for source in sources:
        denoiser = source.setup.denoiser()
        assert isinstance(denoiser, SignalNetworkDenoiser)
        count = sum(parameter.numel() for parameter in denoiser.network.parameters())
        rows.append({"case": source.name.case, "Parameters [million]": count / 1e6})
    return pd.DataFrame(rows)
