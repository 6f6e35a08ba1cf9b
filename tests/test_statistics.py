"""Intervals over items and trainings: what they cover, and which of two equal trainings they call different."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from companion import runs
from companion.config import RunName
from companion.statistics import Estimate, Measured, Spread, Statistics, estimate, pooled
from mpicore import datasets


def test_without_trainings_it_is_students_interval():
    values = np.random.default_rng(0).normal(3, 2, 30)
    low, high = stats.t.interval(0.95, 29, values.mean(), stats.sem(values))
    found = estimate(values)
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))


def test_the_spread_between_trainings_widens_it():
    """With equal items the interval is that of the trainings alone, with their degrees of freedom."""
    found = estimate(np.full(10, 2.0), spread=Spread(0.09, 4), share=1 / 3)
    half = stats.t.ppf(0.975, 4) * np.sqrt(0.03)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert estimate(np.full(10, 2.0)) == Estimate(2.0, 2.0, 2.0)


def test_the_pooled_spread_is_the_mean_of_the_variances():
    found = pooled([[1.0, 2.0, 3.0], [10.0, 10.0, 13.0], [5.0]])
    assert found == Spread(pytest.approx((2 + 6) / 4), 4)
    assert pooled([[1.0], [2.0]]) == Spread()


def test_items_of_a_group_count_as_one():
    """Repeated items add nothing: the interval is that of their means."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=20)
    groups = np.repeat(np.arange(20), 50)
    once, often = estimate(values), estimate(np.repeat(values, 50), groups)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert estimate(np.repeat(values, 50)).high < often.high


def test_intervals_cover_the_truth():
    """Of 400 experiments with items and trainings 95 %, within three standard errors of such a count."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        items = rng.normal(0, 1.0, 100)
        trainings = rng.normal(0, 0.1, (2, 3))
        spread = pooled(trainings)
        found = estimate(items + trainings[0].mean(), spread=spread, share=1 / 3)
        hits += found.low < 0 < found.high
    assert abs(hits / 400 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 400)


class Stand:
    """A finished run with a value per item."""

    def __init__(self, config, values, images=None):
        self.config = config
        frame = pd.DataFrame({"variant": "literal", "index": np.arange(len(values)), "snr_db": values})
        self.signals = frame.sample(frac=1, random_state=0)  # in any order
        self.images = frame.assign(psnr_db=values if images is None else images)


@pytest.fixture
def trained(book, monkeypatch):
    """All runs of the file as stand-ins: items that all share, and a constant per training."""
    rng = np.random.default_rng(3)
    shared, own = rng.normal(20, 3, 40), {}

    def load(config, root):
        shift = own.setdefault(config.key, rng.normal(0, 0.2) if config.training else 0.0)
        return Stand(config, shared + shift)

    monkeypatch.setattr(runs, "load", load)
    return Statistics(book, "paper"), shared, own


def test_a_row_has_all_of_its_trainings(trained):
    statistics, shared, own = trained
    row = statistics.of(RunName("xspace-gaussian", "n2n", tuned=True, seed=2))
    assert [run.config.seed for run in row.runs] == [0, 1, 2]
    mean = shared.mean() + np.mean([own[run.config.key] for run in row.runs])
    assert row.estimate("literal", "snr_db").mean == pytest.approx(mean)
    assert len(statistics.of(RunName("xspace-gaussian", "n2n")).runs) == 1


def test_the_spread_is_that_of_the_kind_of_network(trained):
    statistics, _, own = trained
    spread = statistics.spread(RunName("xspace-gaussian", "r2r", tuned=True), "literal", "snr_db")
    sets = [
        [own[run.config.key] for run in statistics.of(RunName("xspace-gaussian", method, tuned=True)).runs]
        for method in ("n2n", "proposed")
    ]
    assert spread.freedom == 4
    assert spread.variance == pytest.approx(np.mean([np.var(values, ddof=1) for values in sets]))
    assert statistics.spread(RunName("xspace-gaussian", "wiener"), "literal", "snr_db") == Spread()
    assert statistics.spread(RunName("xspace-gaussian", "forward_n2n"), "literal", "snr_db").variance != spread.variance


def test_an_experiment_of_single_trainings_takes_the_spread_of_the_others(trained):
    statistics, *_ = trained
    spread = statistics.spread(RunName("xspace-harmonic", "n2n", tuned=True), "literal", "snr_db")
    repeated = ("xspace-gaussian", "xspace-slow", "xspace-literal", "system-matrix")
    others = [statistics.spread(RunName(name, "n2n", tuned=True), "literal", "snr_db") for name in repeated]
    assert spread.freedom == sum(other.freedom for other in others) == 16
    assert spread.variance == pytest.approx(sum(other.freedom * other.variance for other in others) / 16)


def test_the_output_of_a_network_is_no_further_training(trained):
    """Its spread is that of the networks that it is read out from."""
    statistics, *_ = trained
    name = RunName("xspace-gaussian", "n2n_projected", tuned=True)
    assert len(statistics.of(name).runs) == 3
    assert statistics.spread(name, "literal", "snr_db") == statistics.spread(
        replace(name, method="n2n"), "literal", "snr_db"
    )


def test_a_difference_is_paired_and_has_the_spread_of_both(trained):
    """Items cancel: what is left is the difference of the trainings, and its interval is that of the spread."""
    statistics, _, own = trained
    first, second = (statistics.of(RunName("xspace-gaussian", m, tuned=True)) for m in ("n2n", "r2r"))
    found = first.minus(second, "literal", "snr_db")
    means = [np.mean([own[run.config.key] for run in row.runs]) for row in (first, second)]
    spread = statistics.spread(first.name, "literal", "snr_db")
    assert found.mean == pytest.approx(means[0] - means[1])
    half = stats.t.ppf(0.975, spread.freedom) * np.sqrt(spread.variance * (1 / 3 + 1))
    assert found.high - found.mean == pytest.approx(half, rel=1e-6)


def test_columns_of_a_matrix_are_taken_in_blocks(book):
    config = book.run("system-matrix", "noisy", "paper")
    row = Measured((Stand(config, np.zeros(config.sizes[2])),))
    groups = row.groups("snr_db")
    pixels = datasets.pixel_splits(config.sizes, config.data_seed, config.scanner)["test"]
    _, nx = config.scanner.shape
    y, x = np.divmod(pixels, nx)
    for block in np.unique(groups)[:20]:
        inside = groups == block
        assert np.ptp(y[inside]) < 10 and np.ptp(x[inside]) < 10
    assert 100 < len(np.unique(groups)) <= 11**2, "of a side of 101 pixels"
    assert row.groups("psnr_db") is None
    xspace = replace(config, dataset="x-space")
    assert Measured((Stand(xspace, np.zeros(3)),)).groups("snr_db") is None
