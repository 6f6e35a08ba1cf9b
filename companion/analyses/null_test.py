"""The null test: how often the rule by which the book judges differences tells two trainings of one method apart."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from companion.analyses.registry import Source, analysis
from companion.config import RunName
from companion.experiments import Experiments
from companion.statistics import LEVEL, Array, Estimate, Spread, estimate, pooled
from companion.verdicts import MARGINS, OPPOSITE, SAME, verdict

_STUDY, _CASE = "study-null", "same"
DRAWS = 1000  #: of trainings that only chance tells apart
Design = tuple[Sequence[int], Sequence[int], tuple[Sequence[int], ...]]


def _needs(known: Experiments, preset: str) -> list[RunName]:
    """Every training of every method."""
    return [name for method in known.studies[_STUDY].methods for name in known.cases(_STUDY, _CASE, method, preset)]


@analysis("null", _needs, published=False, groups=(1, 3))
def _null(sources: Sequence[Source], groups: Sequence[int]) -> pd.DataFrame:
    """One row per method and number of trainings in each of the two rows that are compared.

    Columns ``method, trainings, comparisons, spread_db`` (standard deviation between trainings), ``largest_db`` (the
    largest difference), ``apart`` (share of the comparisons whose interval leaves out zero), ``called`` (share that
    is called different); and ``chance, chance_low, chance_high``: mean of :func:`by_chance`, and the range that holds
    95 % of it.
    """
    items: dict[str, list[Array]] = {}
    for source in sources:
        values = source.run.signals["snr_db"].to_numpy(float)
        items.setdefault(source.name.method, []).append(values)
    rows = []
    for method, trained in items.items():
        for size in (size for size in groups if 2 * size <= len(trained)):
            found = list(comparisons(np.stack(trained), size))
            chance = by_chance(len(trained), size)
            ends = np.quantile(chance, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            called = [verdict(one, MARGINS["snr_db"]) in (SAME, OPPOSITE) for one in found]
            rows.append(
                {
                    "method": method,
                    "trainings": size,
                    "comparisons": len(found),
                    "spread_db": np.stack(trained).mean(axis=1).std(ddof=1),
                    "largest_db": max(abs(one.mean) for one in found),
                    "apart": np.mean([one.low > 0 or one.high < 0 for one in found]),
                    "called": np.mean(called),
                    "chance": chance.mean(),
                    "chance_low": ends[0],
                    "chance_high": ends[1],
                }
            )
    return pd.DataFrame(rows)


def comparisons(values: Array, size: int) -> Iterator[Estimate]:
    """All differences between two groups of trainings of one method, none of which is in both.

    The spread is pooled over two methods of three trainings each, as in the tables of the book: groups of three take it
    from themselves, and single trainings from every two groups of three others, where there are as many.

    Args:
        values: per training and test item, shape (S, n).
        size: trainings in a group.
    """
    for first, second, sets in _designs(len(values), size):
        difference = values[list(first)].mean(axis=0) - values[list(second)].mean(axis=0)
        spread = pooled([values[list(part)].mean(axis=1) for part in sets])
        yield estimate(difference, spread=Spread(2 * spread.variance / size, spread.freedom))


def by_chance(count: int, size: int, draws: int = DRAWS) -> Array:
    """Shares of the comparisons whose interval leaves out zero where nothing but chance is at work, shape (draws,).

    In each draw the means of all trainings are from one normal distribution, and the test items add nothing. Then the
    rule errs in as many comparisons as its level says, on average; in one draw, whose comparisons share trainings, in
    more or in fewer.

    Args:
        count: trainings in a draw.
        size: trainings in each of the groups that are compared.
        draws: how many.
    """
    means = np.random.default_rng(0).standard_normal((draws, count))
    designs = list(_designs(count, size))
    first, second = (np.array([design[end] for design in designs]) for end in (0, 1))
    sets = [np.array(part) for part in zip(*(design[2] for design in designs), strict=True)]
    freedom = sum(max(part.shape[1] - 1, 0) for part in sets)
    widest = float(stdtrit(freedom, (1 + LEVEL) / 2)) if freedom else 0.0
    shares = []
    for one in means:
        squares = sum(part.shape[1] * one[part].var(axis=1) for part in sets if part.shape[1] > 1)
        half = widest * np.sqrt(2 / size * squares / max(freedom, 1))
        shares.append(np.mean(np.abs(one[first].mean(axis=1) - one[second].mean(axis=1)) > half))
    return np.array(shares)


def _designs(count: int, size: int) -> Iterator[Design]:
    """All pairs of groups of trainings, and the sets of trainings from which each pair takes its spread."""
    trainings = range(count)
    for first in combinations(trainings, size):
        for second in combinations([one for one in trainings if one not in first], size):
            if first > second:
                continue
            others = [one for one in trainings if one not in (*first, *second)]
            for sets in [(first, second)] if size > 1 else _two_methods(others):
                yield first, second, sets


def _two_methods(trainings: Sequence[int]) -> list[tuple[Sequence[int], ...]]:
    """Every two groups of three of these trainings; all of them as one group where they are too few."""
    groups = list(combinations(trainings, 3))
    found = [(a, b) for a, b in combinations(groups, 2) if not set(a) & set(b)]
    return list(found) or [(trainings,)]
