"""What the trained networks show of themselves: the symmetry of their errors, and how fast they learned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion.analyses.registry import Needs, Source, analysis
from companion.config import RunName
from companion.evaluation import implied_snr_db
from mpicore.symmetry import even_part


@analysis(
    "even",
    lambda known, preset: [name for names in known.rows("loss_terms", preset).values() for name in names],
    count=100,
)
def _even(sources: Sequence[Source], count: int) -> pd.DataFrame:
    """Share of the error that is even in time, and the total variation of the output over that of clean signals."""
    rows = []
    for source in sources:
        test = source.setup.held_out(next(iter(source.config.test_noise)), count)
        output = source.denoiser.denoise(test.u1)
        row = {"method": source.name.method, "protocol": source.config.protocol, "signals": len(test)}
        variation = total_variation(output) / total_variation(test.clean)
        rows.append(row | {"even_share": even_share(output, test.clean), "variation": variation})
    return pd.DataFrame(rows)


def _every(study: str) -> Needs:
    """All trainings of N2N in a study."""
    return lambda known, preset: [
        run for case in known.studies[study].cases for run in known.cases(study, case, "n2n", preset)
    ]


@analysis("width", _every("study-width"), published=False)
@analysis("width-matrix", _every("study-width-matrix"), published=False)
def _width(sources: Sequence[Source]) -> pd.DataFrame:
    """One row per training: width and seed, lowest and last loss on the noisy validation pairs, and the test SNR."""
    rows = []
    for source in sources:
        row = {"case": source.name.case, "width": source.config.options["width"], "seed": source.name.seed}
        losses = source.run.history["validation_loss"]
        row |= {"validation_loss": losses.min(), "last_loss": losses.iloc[-1], "epoch": int(losses.argmin()) + 1}
        rows.append(row | {"snr_db": source.run.signals["snr_db"].mean()})
    return pd.DataFrame(rows)


@analysis("epochs", lambda known, preset: [RunName("xspace-gaussian", "n2n")], published=False)
def _epochs(sources: Sequence[Source]) -> pd.DataFrame:
    """After each epoch the validation loss and the SNR that it implies."""
    history = sources[0].run.history
    implied = implied_snr_db(history["validation_loss"].to_numpy(), sources[0].config.noise.total_snr_db)
    return history[["epoch", "validation_loss"]].assign(implied_snr_db=implied)


def even_share(estimate: NDArray[Any], clean: NDArray[Any]) -> float:
    """Energy of the even part of an estimate (n, N), all of which is error, over the energy of the whole error."""
    even = even_part(estimate).astype(np.float64)
    return float(np.sum(even**2) / np.sum((estimate - clean).astype(np.float64) ** 2))


def total_variation(u: NDArray[Any]) -> float:
    """Mean total variation (eq. 6) of signals (n, N)."""
    import torch

    from mpicore import losses

    return float(losses.total_variation(torch.from_numpy(np.array(u))).mean())
