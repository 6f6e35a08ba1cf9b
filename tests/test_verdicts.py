"""Verdicts on the paper's claims, from runs whose differences are known."""

import numpy as np
import pandas as pd
import pytest

from companion import experiments, runs, tables, verdicts
from companion.config import RunName
from mpicore.metrics import bootstrap_interval


@pytest.mark.parametrize(
    "paper, low, mean, word",
    [
        (4.0, 1.9, 2.0, "reproduced"),
        (4.0, 5.0, 6.0, "reproduced"),
        (4.0, 0.1, 1.9, "in part"),
        (4.0, 0.0, 3.0, "not reproduced"),
        (4.0, -3.0, -2.0, "not reproduced"),
    ],
)
def test_a_verdict_needs_a_positive_interval_and_half_the_difference(paper, low, mean, word):
    assert verdicts.verdict(paper, low, mean) == word


def test_every_claim_is_about_rows_that_the_paper_prints(book):
    """Tables, variants and methods exist, and the paper itself has the difference that it claims."""
    known, paper = book, tables.read_paper().set_index(["table", "method"])
    for claim in verdicts.CLAIMS:
        layout = known.tables[claim.table]
        assert {claim.better, claim.worse} <= set(layout.methods)
        assert claim.variant in known.experiments[layout.experiment].variants
        assert paper[claim.column][claim.table, claim.better] > paper[claim.column][claim.table, claim.worse]


def test_claims_are_judged_by_paired_differences(book, monkeypatch):
    """Stand-in runs with a known gap: it comes out with the interval of the differences, whatever the spread."""
    rng = np.random.default_rng(0)
    spread, gain = rng.normal(0, 5, 50), rng.normal(1, 0.1, 50)
    order = {"noisy": 0, "r2r": 1, "n2n": 2, "proposed": 3}

    class Stand:
        def __init__(self, method):
            values = spread + order[method] * gain
            frames = [pd.DataFrame({"variant": v, "index": np.arange(50)}) for v in ("literal", "matched")]
            self.signals = pd.concat(frames, ignore_index=True).assign(snr_db=np.tile(values, 2))
            self.images = self.signals.assign(psnr_db=np.tile(values, 2), ssim=np.tile(values, 2))

    monkeypatch.setattr(runs, "load", lambda config, root: Stand(config.method))
    judged = verdicts.judge(book, "smoke", tables.read_paper())
    assert len(judged) == len(verdicts.CLAIMS)
    first = judged.iloc[0]
    assert first["measured"] == pytest.approx(gain.mean())
    assert (first["low"], first["high"]) == pytest.approx(bootstrap_interval(gain))
    assert first["paper"] == pytest.approx(20.97 - 16.53)
    assert first["verdict"] == "in part"
    shown = verdicts.display(judged)
    assert len(shown) == len(judged)
    assert shown["Paper's difference"][0] == "+4.44"
    assert "Protocol" not in shown
    share = 100 * gain.mean() / first["paper"]
    assert shown["Verdict"][0] == f"in part: {share:.0f} %"


def test_a_tuned_protocol_is_judged_on_its_own(book, monkeypatch):
    """Only where both methods were tuned; the noisy signals are the same under every protocol."""
    names = {RunName("system-matrix", "noisy"), RunName("system-matrix", "proposed")}
    names |= {RunName("system-matrix", "proposed", tuned=True)}
    asked = []

    class Stand:
        images = signals = pd.DataFrame({"variant": "literal", "index": [0, 1], "snr_db": 1.0, "psnr_db": 2.0})

    monkeypatch.setattr(experiments.Experiments, "runs", lambda self, preset: {name: name for name in names})
    monkeypatch.setattr(runs, "load", lambda name, root: asked.append(name) or Stand)
    judged = verdicts.judge(book, "smoke", tables.read_paper())
    assert set(judged["claim"]) == {c.text for c in verdicts.CLAIMS if c.table == "table3"}
    assert judged["protocol"].tolist() == ["paper", "tuned"] * 2
    assert set(asked) == names
    assert set(judged["verdict"]) == {"not reproduced"}
    assert verdicts.display(judged)["Protocol"].tolist() == ["Paper", "Tuned"] * 2
