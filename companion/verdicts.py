"""The paper's claims one by one, each as a difference that can be measured."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from companion import runs
from companion.config import RunName
from companion.experiments import Experiments
from companion.runs import ROOT, Root, Run
from mpicore.metrics import bootstrap_interval

#: The verdicts.
REPRODUCED, IN_PART, NOT_REPRODUCED = "reproduced", "in part", "not reproduced"
_IN_IMAGES = ("ssim", "psnr_db")


@dataclass(frozen=True)
class Claim:
    """One claim: a method is better than another in one column of one table.

    Attributes:
        text: the claim in words.
        table, variant: where it stands.
        column: ``snr_db``, ``ssim`` or ``psnr_db``; more is better.
        better, worse: the two methods.
    """

    text: str
    table: str
    variant: str
    column: str
    better: str
    worse: str


CLAIMS = (
    Claim("Gaussian noise: proposed beats N2N", "table1", "literal", "snr_db", "proposed", "n2n"),
    Claim("Gaussian noise: proposed beats R2R", "table1", "literal", "snr_db", "proposed", "r2r"),
    Claim("Gaussian noise: images better than N2N's", "table1", "literal", "psnr_db", "proposed", "n2n"),
    Claim("Gaussian noise: images better than N2N's", "table1", "literal", "ssim", "proposed", "n2n"),
    Claim("Matched interference: proposed beats N2N", "table2", "matched", "snr_db", "proposed", "n2n"),
    Claim("Matched interference: proposed beats R2R", "table2", "matched", "snr_db", "proposed", "r2r"),
    Claim("Matched interference: R2R collapses, N2N does not", "table2", "matched", "snr_db", "n2n", "r2r"),
    Claim("Matched interference: images better than N2N's", "table2", "matched", "psnr_db", "proposed", "n2n"),
    Claim("System matrix: signals are denoised", "table3", "literal", "snr_db", "proposed", "noisy"),
    Claim("System matrix: images get better", "table3", "literal", "psnr_db", "proposed", "noisy"),
)


def verdict(paper: float, low: float, mean: float) -> str:
    """What a measured difference says about the paper's, which is positive.

    Returns:
        ``reproduced`` where the whole interval is positive and the mean at least half the paper's difference,
        ``in part`` where the interval is positive and the mean smaller than that, else ``not reproduced``.
    """
    if low <= 0:
        return NOT_REPRODUCED
    return REPRODUCED if mean >= paper / 2 else IN_PART


def judge(known: Experiments, preset: str, paper: pd.DataFrame, root: Root = ROOT) -> pd.DataFrame:
    """Every claim, at every protocol that was trained.

    Args:
        known: the checked ``experiments.yml``.
        preset: whose runs.
        paper: see :func:`companion.tables.read_paper`.
        root: where the runs are.

    Returns:
        Columns ``claim, protocol, column, paper, measured, low, high, verdict``. The measured difference is the mean of
        the paired differences over the test items, with its 95 % interval.
    """
    wanted = known.runs(preset)
    printed = paper.set_index(["table", "method"])
    rows = []
    for claim in CLAIMS:
        experiment = known.tables[claim.table].experiment
        difference = _printed(printed, claim)
        for protocol, tuned in (("paper", False), ("tuned", True)):
            names = [
                RunName(experiment, method, tuned and known.methods[method].network is not None)
                for method in (claim.better, claim.worse)
            ]
            if not all(name in wanted for name in names):
                continue
            better, worse = (_values(runs.load(wanted[name], root), claim) for name in names)
            low, high = bootstrap_interval(better - worse)
            mean = float((better - worse).mean())
            found = {"measured": mean, "low": low, "high": high, "verdict": verdict(difference, low, mean)}
            rows.append(
                {"claim": claim.text, "protocol": protocol, "column": claim.column, "paper": difference, **found}
            )
    return pd.DataFrame(rows)


def display(judged: pd.DataFrame) -> pd.DataFrame:
    """The same as text for the book; ``in part`` comes with the share of the paper's difference."""
    units = {"snr_db": "SNR [dB]", "psnr_db": "PSNR [dB]", "ssim": "SSIM"}
    shown = pd.DataFrame({"Claim": judged["claim"], "In": judged["column"].map(units)})
    if judged["protocol"].nunique() > 1:
        shown["Protocol"] = judged["protocol"].str.capitalize()
    shown["Paper's difference"] = [f"{value:+.2f}" for value in judged["paper"]]
    digits = judged["column"].map({"ssim": 3}).fillna(2).astype(int)
    shown["Measured difference"] = [
        f"**{row.measured:+.{n}f}** [{row.low:+.{n}f}, {row.high:+.{n}f}]"
        for n, row in zip(digits, judged.itertuples(), strict=True)
    ]
    share = (100 * judged["measured"] / judged["paper"]).map("{:.0f} %".format)
    shown["Verdict"] = judged["verdict"].where(judged["verdict"] != IN_PART, judged["verdict"] + ": " + share)
    return shown


def _printed(printed: pd.DataFrame, claim: Claim) -> float:
    better, worse = (printed[claim.column][claim.table, method] for method in (claim.better, claim.worse))
    return float(better - worse)


def _values(run: Run, claim: Claim) -> np.ndarray[Any, Any]:
    """One value per test item, in the order of the items."""
    source = run.images if claim.column in _IN_IMAGES else run.signals
    return source[source["variant"] == claim.variant].sort_values("index")[claim.column].to_numpy(float)
