"""The list of all analyses: name, settings, the runs that each rests on, and the key over all of these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion import runs
from companion.archive import Archive, Result
from companion.config import RunConfig, RunName, digest
from companion.experiments import Experiments
from companion.reading import read_csv
from companion.runs import Root, Run
from companion.setup import Setup
from mpicore import checks, files
from mpicore.denoisers import Denoiser

Arrays = dict[str, NDArray[Any]]
#: How far a number may lie from the stored one on another machine, relative to the largest of its column or array.
TOLERANCE = 0.002
#: From the file and a preset to the runs that an analysis rests on.
Needs = Callable[[Experiments, str], Sequence[RunName]]


@dataclass(frozen=True)
class Source:
    """One run that an analysis rests on.

    Attributes:
        name: how it is called.
        setup: what it is made of.
        root: where finished runs are.
    """

    name: RunName
    setup: Setup
    root: Root

    @property
    def config(self) -> RunConfig:
        """Everything that decides its outcome."""
        return self.setup.config

    @property
    def run(self) -> Run:
        """The finished run.

        Raises:
            FileNotFoundError: it is not there.
        """
        return runs.load(self.config, self.root)

    @property
    def denoiser(self) -> Denoiser:
        """What the run has learned.

        Raises:
            FileNotFoundError: it is not there, or kept without that.
        """
        return self._there(self.run.denoiser)

    @property
    def fitted(self) -> Denoiser:
        """The same, fitted again where it is not kept because that takes seconds.

        Raises:
            FileNotFoundError: it is not there, or is a network that is kept without its weights.
        """
        return self._there(runs.fitted(self.run, self.setup))

    def _there(self, denoiser: Denoiser | None) -> Denoiser:
        if denoiser is None:
            raise FileNotFoundError(f"{self.name} is kept without what it learned")
        return denoiser


@dataclass(frozen=True)
class Analysis:
    """One entry of the list. The function takes its sources, in the order of ``needs``, and the settings by name."""

    function: Callable[..., pd.DataFrame | tuple[pd.DataFrame, Arrays]]
    needs: Needs
    arrays: bool
    published: bool
    settings: dict[str, Any]


_registry: dict[str, Analysis] = {}


def analysis(
    name: str, needs: Needs, arrays: bool = False, published: bool = True, **settings: Any
) -> Callable[..., Any]:
    """Add a function to the list.

    Args:
        name: of the analysis, and of its files.
        needs: the runs that it rests on, or whose data it uses.
        arrays: whether it returns arrays besides its table.
        published: whether its result comes with the repository; what takes seconds is made again in every build.
        settings: what was chosen for it: keywords of the function, and part of its key.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if name in _registry:
            raise ValueError(f"analysis {name!r} is there already, from {_registry[name].function.__module__}")
        _registry[name] = Analysis(function, needs, arrays, published, settings)
        return function

    return register


def names() -> list[str]:
    """All analyses."""
    return sorted(_registry)


def published() -> list[str]:
    """Those whose results come with the repository."""
    return [name for name in names() if _registry[name].published]


def with_arrays() -> list[str]:
    """Those that have arrays besides their table."""
    return [name for name in names() if _registry[name].arrays]


def needs(name: str, known: Experiments, preset: str) -> list[RunName]:
    """The runs that an analysis rests on, or whose data it uses.

    Raises:
        ValueError: no such analysis, or no such preset.
    """
    return list(_find(name).needs(known, preset))


def key(name: str, known: Experiments, preset: str) -> str:
    """Hash of everything that decides the outcome: name, settings, keys of the runs, and the revision of the code.

    Raises:
        ValueError: as :func:`needs`.
    """
    rests_on = [known.named(run, preset).key for run in needs(name, known, preset)]
    content = {"analysis": name, "settings": _find(name).settings, "runs": rests_on}
    return digest(content | {"revision": known.file.revision})


def make(name: str, known: Experiments, preset: str, root: Root = runs.ROOT, cache: str | Path | None = None) -> Result:
    """The result as it is published, where it is; else computed.

    Args:
        name: of the analysis.
        known: the checked experiments file.
        preset: at which size.
        root: where runs and published results are.
        cache: folder of shared data, see :class:`companion.setup.Setup`.

    Raises:
        ValueError: as :func:`needs`; what is published is damaged.
        FileNotFoundError: a run is missing.
    """
    wanted = key(name, known, preset)
    for place in root:
        if Archive.is_at(place) and (found := Archive(place).result(wanted)) is not None:
            return found
    return compute(name, known, preset, root, cache)


def compute(
    name: str, known: Experiments, preset: str, root: Root = runs.ROOT, cache: str | Path | None = None
) -> Result:
    """The result, computed whether or not it is published; arguments and errors as in :func:`make`."""
    entry = _find(name)
    sources = [Source(run, Setup(known.named(run, preset), cache), root) for run in needs(name, known, preset)]
    found: Any = entry.function(sources, **entry.settings)
    frame, arrays = found if entry.arrays else (found, {})
    arrays = {title: np.ascontiguousarray(values) for title, values in arrays.items()}
    return Result(frame, arrays, key(name, known, preset))


def compare(stored: Result, measured: Result) -> float:
    """The largest difference between two results of one analysis, relative to the size of its column or array.

    Raises:
        ValueError: another shape, other texts, or a difference above the tolerance; the column or array is named.
    """
    largest = 0.0
    if list(stored.frame) != list(measured.frame) or len(stored.frame) != len(measured.frame):
        raise ValueError(f"the stored result has {len(stored.frame)} rows of {', '.join(map(str, stored.frame))}")
    parts = {str(c): (stored.frame[c].to_numpy(), measured.frame[c].to_numpy()) for c in stored.frame}
    if stored.arrays.keys() != measured.arrays.keys():
        raise ValueError(f"the stored result has the arrays {', '.join(stored.arrays) or 'none'}")
    parts |= {name: (array, measured.arrays[name]) for name, array in stored.arrays.items()}
    for name, (kept, found) in parts.items():
        if kept.shape != found.shape:
            raise ValueError(f"the stored result does not agree: {name} has the shape {kept.shape}")
        if not np.issubdtype(kept.dtype, np.number):
            if not np.array_equal(kept.astype(str), found.astype(str)):
                raise ValueError(f"the stored result does not agree: {name} holds other texts")
            continue
        scale = np.max(np.abs(found[np.isfinite(found)]), initial=0.0) or 1.0
        same = (kept == found) | (np.isnan(kept) & np.isnan(found))  # infinite and missing values, too
        difference = np.where(same, 0.0, np.abs(kept - found)) / scale
        if not np.all(difference <= TOLERANCE):
            raise ValueError(
                f"the stored result does not agree: {name} differs by {np.max(difference):.2g} of its size"
            )
        largest = max(largest, float(np.max(difference, initial=0.0)))
    return largest


def write(result: Result, path: str | Path) -> None:
    """Write the table as CSV and, where there are any, the arrays beside it; both can be read with :func:`read`."""
    files.write_text(path, result.frame.to_csv(index=False))
    if result.arrays:
        files.save_tensors(_arrays(path), result.arrays)


def read(path: str | Path) -> tuple[pd.DataFrame, Arrays]:
    """Table and arrays that were written.

    Raises:
        OSError: the table is not there.
        ValueError: the table is none, or the arrays are damaged.
    """
    frame = read_csv(path)
    return frame, files.load_tensors(_arrays(path))[0] if _arrays(path).exists() else {}


def _arrays(path: str | Path) -> Path:
    return Path(path).with_suffix(".safetensors")


def _find(name: str) -> Analysis:
    return _registry[checks.choice(name, "analysis", names())]
