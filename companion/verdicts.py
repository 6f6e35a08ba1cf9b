"""The paper's claims one by one, each as a difference that can be measured."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from companion.experiments import Experiments
from companion.runs import ROOT, Root
from companion.statistics import Estimate, Statistics

#: Differences within these (dB, and SSIM) are taken as none; they were named before anything was measured again.
MARGINS = {"snr_db": 0.3, "psnr_db": 0.3, "ssim": 0.01}
#: The verdicts.
SAME, OPPOSITE, WITHIN, OPEN = "same sign", "opposite sign", "within the margin", "not decided"


@dataclass(frozen=True)
class Claim:
    """One claim: a method is better than another in one column of one table.

    Attributes:
        text: the claim in words.
        table: where it stands.
        column: ``snr_db``, ``ssim`` or ``psnr_db``; more is better.
        better, worse: the two methods.
    """

    text: str
    table: str
    column: str
    better: str
    worse: str


CLAIMS = (
    Claim("Gaussian noise: proposed beats N2N", "table1", "snr_db", "proposed", "n2n"),
    Claim("Gaussian noise: proposed beats R2R", "table1", "snr_db", "proposed", "r2r"),
    Claim("Gaussian noise: images better than N2N's", "table1", "psnr_db", "proposed", "n2n"),
    Claim("Gaussian noise: images better than N2N's", "table1", "ssim", "proposed", "n2n"),
    Claim("Interference: proposed beats N2N", "table2", "snr_db", "proposed", "n2n"),
    Claim("Interference: proposed beats R2R", "table2", "snr_db", "proposed", "r2r"),
    Claim("Interference: R2R collapses, N2N does not", "table2", "snr_db", "n2n", "r2r"),
    Claim("Interference: images better than N2N's", "table2", "psnr_db", "proposed", "n2n"),
    Claim("System matrix: signals are denoised", "table3", "snr_db", "proposed", "noisy"),
    Claim("System matrix: images get better", "table3", "psnr_db", "proposed", "noisy"),
)


def verdict(found: Estimate, margin: float) -> str:
    """What a measured difference says about the paper's, which is positive.

    Returns:
        ``within the margin`` where the whole interval lies within it, whatever its sign; else ``same sign`` or
        ``opposite sign`` where the whole interval has one; else ``not decided``.
    """
    if -margin < found.low and found.high < margin:
        return WITHIN
    if found.low > 0:
        return SAME
    return OPPOSITE if found.high < 0 else OPEN


def judge(known: Experiments, preset: str, paper: pd.DataFrame, root: Root = ROOT) -> pd.DataFrame:
    """Every claim, under the protocol that the book shows for the methods.

    Args:
        known: the checked ``experiments.yml``.
        preset: whose runs.
        paper: see :func:`companion.tables.read_paper`.
        root: where the runs are.

    Returns:
        Columns ``claim, column, paper, measured, low, high, better_trainings, worse_trainings, verdict``. The measured
        difference is the mean over test items and trainings of the paired differences, with its 95 % interval.
    """
    statistics = Statistics(known, preset, root)
    printed = paper.set_index(["table", "method"])
    rows = []
    for claim in CLAIMS:
        experiment = known.tables[claim.table].experiment
        variant = list(known.experiments[experiment].variants)[-1]
        better, worse = (
            statistics.of(known.shown(experiment, method, preset)) for method in (claim.better, claim.worse)
        )
        found = better.minus(worse, variant, claim.column)
        row: dict[str, Any] = {"claim": claim.text, "column": claim.column, "paper": _printed(printed, claim)}
        row |= {"measured": found.mean, "low": found.low, "high": found.high}
        row |= {"better_trainings": len(better.runs), "worse_trainings": len(worse.runs)}
        rows.append(row | {"verdict": verdict(found, MARGINS[claim.column])})
    return pd.DataFrame(rows)


def display(judged: pd.DataFrame) -> pd.DataFrame:
    """The same as text for the book; ``same sign`` comes with the share of the paper's difference."""
    units = {"snr_db": "SNR [dB]", "psnr_db": "PSNR [dB]", "ssim": "SSIM"}
    shown = pd.DataFrame({"Claim": judged["claim"], "In": judged["column"].map(units)})
    shown["Paper's difference"] = [f"{value:+.2f}" for value in judged["paper"]]
    digits = judged["column"].map({"ssim": 3}).fillna(2).astype(int)
    shown["Measured difference"] = [
        f"**{row.measured:+.{n}f}** [{row.low:+.{n}f}, {row.high:+.{n}f}]"
        for n, row in zip(digits, judged.itertuples(), strict=True)
    ]
    share = (100 * judged["measured"] / judged["paper"]).map("{:.0f} % of the size".format)
    shown["Verdict"] = judged["verdict"].where(judged["verdict"] != SAME, judged["verdict"] + ", " + share)
    return shown


def _printed(printed: pd.DataFrame, claim: Claim) -> float:
    better, worse = (printed[claim.column][claim.table, method] for method in (claim.better, claim.worse))
    return float(better - worse)
