"""Means with intervals over test items and trainings together, and differences of rows that are judged by them.

Two things vary: the test items, and, for what trains, the training. Few trainings of one method say little about their
spread, so the spread is pooled over all methods of an experiment that train the same kind of network; a row that was
trained once takes it over. The intervals are Student's, with the degrees of freedom of Welch and Satterthwaite.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from companion import runs
from companion.archive import IMAGE_VALUES
from companion.config import RunConfig, RunName
from companion.experiments import Experiments
from companion.runs import Root, Run
from mpicore import datasets

Array = NDArray[np.float64]
Kind = tuple[str, bool]
LEVEL = 0.95
_BLOCK = 10  #: pixels along the side of a block of a system matrix, whose columns count as one


@dataclass(frozen=True)
class Spread:
    """How far trainings of one method differ in a mean over all test items.

    Attributes:
        variance: between trainings.
        freedom: degrees of freedom of its estimate; 0 where it is not known, or nothing trains.
    """

    variance: float = 0.0
    freedom: int = 0


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    def columns(self, name: str) -> dict[str, float]:
        """The three as columns of a table."""
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


def pooled(trainings: Sequence[ArrayLike]) -> Spread:
    """Spread within several methods together.

    Args:
        trainings: for each method a mean per training.
    """
    sets = [np.asarray(means, float) for means in trainings]
    freedom = sum(len(means) - 1 for means in sets)
    if freedom <= 0:
        return Spread()
    return Spread(sum(float(np.sum((means - means.mean()) ** 2)) for means in sets) / freedom, freedom)


def estimate(
    items: ArrayLike, groups: ArrayLike | None = None, spread: Spread | None = None, share: float = 1.0
) -> Estimate:
    """Mean of a value per test item, with its interval.

    Args:
        items: one per test item, each the mean over trainings.
        groups: a label per item; items of one label are not independent of each other.
        spread: between trainings.
        share: of the spread's variance that is left in the mean, 1 / S for S trainings.
    """
    values = np.asarray(items, float)
    mean = float(values.mean())
    left: Array = values - mean
    if groups is not None:
        _, which = np.unique(np.asarray(groups), return_inverse=True)
        left = np.asarray(np.bincount(which, left), np.float64)
    count = len(left)
    parts = [(count / max(count - 1, 1) * float(np.sum(left**2)) / len(values) ** 2, count - 1)]
    if spread is not None and spread.freedom:
        parts.append((spread.variance * share, spread.freedom))
    parts = [(variance, freedom) for variance, freedom in parts if variance > 0]
    if not parts:
        return Estimate(mean, mean, mean)
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / max(own, 1) for part, own in parts)
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * float(np.sqrt(variance))
    return Estimate(mean, mean - half, mean + half)


def pixel_blocks(pixels: NDArray[np.intp], width: int) -> NDArray[np.intp]:
    """Label of the block of each pixel of a system matrix, whose neighbouring columns are alike; shape (n,).

    Args:
        pixels: their numbers, row by row.
        width: pixels in a row.
    """
    return pixels // width // _BLOCK * width + pixels % width // _BLOCK


@dataclass(frozen=True)
class Measured:
    """One row of the book: a method under one protocol, from every seed that it was trained from.

    Attributes:
        runs: all trainings.
        name: of the first of them, for a run of the experiments file.
        source: knows the spread between trainings, if anything does.
    """

    runs: tuple[Run, ...]
    name: RunName | None = None
    source: "Statistics | None" = None

    @property
    def config(self) -> RunConfig:
        """That of the first training."""
        return self.runs[0].config

    def items(self, variant: str, column: str) -> Array:
        """A value per training and test item, shape (S, n), the items in order."""
        found = []
        for run in self.runs:
            table = run.images if column in IMAGE_VALUES else run.signals
            found.append(table[table["variant"] == variant].sort_values("index")[column].to_numpy(float))
        return np.stack(found)

    def groups(self, column: str) -> NDArray[np.intp] | None:
        """Blocks of the test columns of a system matrix, whose neighbours are alike; other items are independent."""
        config = self.config
        if config.dataset != "system-matrix" or column in IMAGE_VALUES:
            return None
        pixels = datasets.pixel_splits(config.sizes, config.data_seed, config.scanner, config.split or "random")["test"]
        return pixel_blocks(pixels, config.scanner.shape[1])

    def estimate(self, variant: str, column: str) -> Estimate:
        """Mean over trainings and items."""
        mean = self.items(variant, column).mean(axis=0)
        return estimate(mean, self.groups(column), self._spread(variant, column), share=1 / len(self.runs))

    def minus(self, other: "Measured", variant: str, column: str) -> Estimate:
        """Mean of the differences, item by item, from another row of the same experiment."""
        difference = self.items(variant, column).mean(axis=0) - other.items(variant, column).mean(axis=0)
        spreads = [(row._spread(variant, column), 1 / len(row.runs)) for row in (self, other)]
        known = [(spread, share) for spread, share in spreads if spread.freedom]
        variance = sum(spread.variance * share for spread, share in known)
        both = Spread(variance, min(spread.freedom for spread, _ in known)) if known else None
        return estimate(difference, self.groups(column), both)

    def _spread(self, variant: str, column: str) -> Spread:
        if self.source is None or self.name is None:
            return Spread()
        return self.source.spread(self.name, variant, column)


class Statistics:
    """All rows of a preset, and the spread between their trainings.

    Args:
        known: the checked experiments file.
        preset: whose runs.
        root: where the runs are.
    """

    def __init__(self, known: Experiments, preset: str, root: Root = runs.ROOT):
        self.known, self.preset, self.root = known, preset, root
        self._spreads: dict[tuple[Kind, str, str, str], Spread] = {}

    @cached_property
    def _configs(self) -> dict[RunName, RunConfig]:
        return self.known.runs(self.preset)

    def of(self, name: RunName) -> Measured:
        """The row of a run, with all of its trainings.

        Raises:
            FileNotFoundError: a run is missing.
        """
        first = replace(name, seed=0)
        names = [first, *(other for other in self._configs if other.seed and replace(other, seed=0) == first)]
        return Measured(tuple(runs.load(self._configs[one], self.root) for one in names), first, self)

    def spread(self, name: RunName, variant: str, column: str) -> Spread:
        """Between trainings of the kind of network that a run trains: in its own experiment where there are several.

        Else over all experiments. Of another protocol or another noise it is the best guess there is.
        """
        kind = self._kind(name.method)
        if kind is None:
            return Spread()
        key = (kind, name.experiment, variant, column)
        if key not in self._spreads:
            own = self._pool(kind, [name.experiment], variant, column)
            self._spreads[key] = own if own.freedom else self._pool(kind, list(self.known.experiments), None, column)
        return self._spreads[key]

    def _kind(self, method: str) -> Kind | None:
        """The kind of network that a method trains; one whose output is kept from being negative is another."""
        entry = self.known.methods[method]
        return (entry.network, bool(entry.options.get("nonnegative"))) if entry.network else None

    def _pool(self, kind: Kind, experiments: Sequence[str], variant: str | None, column: str) -> Spread:
        means: dict[tuple[str, str], dict[int, float]] = {}
        for name in self.known.repeats(self.preset):
            if name.experiment not in experiments or self._kind(name.method) != kind:
                continue
            if self.known.methods[name.method].of:  # the same trainings once more
                continue
            run = runs.load(self._configs[name], self.root)
            chosen = variant if variant in run.config.test_noise else next(iter(run.config.test_noise))
            table = run.images if column in IMAGE_VALUES else run.signals
            value = float(table.loc[table["variant"] == chosen, column].mean())
            means.setdefault((name.experiment, name.row.split("-seed")[0]), {})[name.seed] = value
        return pooled([list(found.values()) for found in means.values()])
