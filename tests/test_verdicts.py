"""Verdicts on the paper's claims, from runs whose differences are known."""

import numpy as np
import pandas as pd
import pytest

from companion import runs, tables, verdicts
from companion.statistics import Estimate, Measured, estimate


@pytest.mark.parametrize(
    "low, high, word",
    [
        (0.4, 6.0, "same sign"),
        (0.1, 0.5, "same sign"),
        (0.1, 0.29, "within the margin"),
        (-0.26, -0.05, "within the margin"),
        (-2.0, -0.1, "opposite sign"),
        (-0.2, 0.9, "not decided"),
    ],
)
def test_a_verdict_needs_an_interval_of_one_sign_or_within_the_margin(low, high, word):
    assert verdicts.verdict(Estimate((low + high) / 2, low, high), 0.3) == word


def test_every_claim_is_about_rows_that_the_paper_prints(book):
    """Tables and methods exist, and the paper itself has the difference that it claims."""
    known, paper = book, tables.read_paper().set_index(["table", "method"])
    for claim in verdicts.CLAIMS:
        layout = known.tables[claim.table]
        assert {claim.better, claim.worse} <= set(layout.methods)
        assert claim.column in verdicts.MARGINS
        assert paper[claim.column][claim.table, claim.better] > paper[claim.column][claim.table, claim.worse]


def test_claims_are_judged_by_paired_differences(book, monkeypatch):
    """Stand-in runs with a known gap: it comes out with the interval of the differences, whatever the spread."""
    rng = np.random.default_rng(0)
    spread, gain = rng.normal(0, 5, 50), rng.normal(1, 0.1, 50)
    order = {"noisy": 0, "r2r": 1, "n2n": 2, "proposed": 3}

    class Stand:
        def __init__(self, config):
            values = spread + order[config.method] * gain
            self.config = config
            self.signals = pd.DataFrame({"variant": "literal", "index": np.arange(50), "snr_db": values})
            self.images = self.signals.assign(psnr_db=values, ssim=values)

    monkeypatch.setattr(runs, "load", lambda config, root: Stand(config))
    monkeypatch.setattr(Measured, "groups", lambda self, column: None)
    judged = verdicts.judge(book, "paper", tables.read_paper())
    assert len(judged) == len(verdicts.CLAIMS)
    first = judged.iloc[0]
    assert first["measured"] == pytest.approx(gain.mean())
    expected = estimate(gain)  # all trainings of a method are the same here, so that they add nothing
    assert (first["low"], first["high"]) == pytest.approx((expected.low, expected.high))
    assert first["paper"] == pytest.approx(20.97 - 16.53)
    assert (first["better_trainings"], first["worse_trainings"]) == (3, 3)
    assert first["verdict"] == "same sign"
    shown = verdicts.display(judged)
    assert shown["Paper's difference"][0] == "+4.44"
    share = 100 * gain.mean() / first["paper"]
    assert shown["Verdict"][0] == f"same sign, {share:.0f} % of the size"
