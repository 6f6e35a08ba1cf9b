"""What one run is: its names, and everything that decides its outcome. The hash of the latter is the run's key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from mpicore.background import Background, Empty
from mpicore.datasets import PixelSplit
from mpicore.noise import Noise
from mpicore.reconstruction import Gridding, Kaczmarz
from mpicore.scanner import Particle, Scanner
from mpicore.settings import Settings
from mpicore.truth import Truth


@dataclass(frozen=True)
class RunName:
    """Which run is meant: the names that :meth:`companion.experiments.Experiments.run` resolves at a preset.

    For a study, ``experiment`` is its name, and ``case`` one of its cases.
    """

    experiment: str
    method: str
    tuned: bool = False
    seed: int = 0
    case: str = ""

    @property
    def row(self) -> str:
        """The name within its experiment or study."""
        where = f"{self.case}-" if self.case else ""
        return f"{where}{self.method}" + "-tuned" * self.tuned + (f"-seed{self.seed}" if self.seed else "")

    def __str__(self) -> str:
        return f"{self.experiment}-{self.row}"


@dataclass(frozen=True)
class RunConfig:
    """One run, in full: every value that decides its outcome, defaults included.

    The first three are names for people and not part of the key: two runs that differ in them alone are one run. What a
    run does not use is ``None``. A field that came later has a default, and is part of the key only where it holds
    something else, so that the runs from before keep their keys; see :func:`canonical` for fields within others.

    Attributes:
        experiment, method: names in the experiments file.
        protocol: ``paper``, ``tuned``, ``study``, ``forward model`` or ``components`` for what trains, else ``None``.
        dataset: ``x-space`` or ``system-matrix``.
        scanner, particle: as the methods know them.
        truth: how the data are made.
        data_seed: root seed of all data.
        sizes: number of training, validation and test signals.
        noise: of training and validation.
        test_noise: of each test set, by the name of the variant.
        test_phantoms: kind of the test objects; ``None`` for those of the training.
        reference_rms: mean RMS of the clean test signals in the units of the paper's RMSE.
        gridding: of x-space images.
        kaczmarz, objects: of system-matrix images, and how many objects they show.
        denoiser, options: name in the library, and all of its options.
        readout: how the fitted denoiser of another run is read out, see :mod:`mpicore.denoisers.readout`.
        training, seed: of what trains.
        source: digest of the code of a denoiser from outside.
        revision: raised when a change in the code changes what runs compute.
        periods: recorded periods of each training object where there are more than two.
        split: which pixels of a system matrix are tested, see :func:`mpicore.datasets.pixel_splits`; drawn at random by
            default.
        background: that is in all recordings.
        empty: measurement of the empty scanner, whose background is taken off before the denoiser.
    """

    experiment: str
    method: str
    protocol: str | None
    dataset: str
    scanner: Scanner
    particle: Particle
    truth: Truth
    data_seed: int
    sizes: tuple[int, int, int]
    noise: Noise
    test_noise: Mapping[str, Noise]
    test_phantoms: str | None
    reference_rms: float
    gridding: Gridding | None
    kaczmarz: Kaczmarz | None
    objects: int | None
    denoiser: str
    options: Mapping[str, bool | int | float]
    readout: str | None
    training: Settings | None
    seed: int | None
    source: str | None
    revision: int
    periods: int | None = None
    split: PixelSplit | None = None
    background: Background | None = None
    empty: Empty | None = None

    def resolved(self) -> dict[str, Any]:
        """What decides the outcome, as plain JSON in canonical form."""
        values = {f: getattr(self, f.name) for f in fields(self) if f.name not in LABELS}
        return {f.name: canonical(value) for f, value in values.items() if value != f.default}

    @property
    def base(self) -> "RunConfig | None":
        """The run whose denoiser is read out in another way."""
        return replace(self, readout=None) if self.readout else None

    @property
    def two_periods(self) -> bool:
        """Whether the readout takes both periods of what is denoised."""
        return (self.readout or "").startswith("two periods")

    @cached_property
    def key(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of :meth:`resolved`."""
        return digest(self.resolved())


#: Fields of a :class:`RunConfig` that are names alone.
LABELS = ("experiment", "method", "protocol")


def canonical(value: Any) -> Any:
    """Plain JSON in which equal things are written alike: dataclasses as objects, 1.0 as 1, tuples as lists.

    A field of a dataclass that came later says ``since`` in its metadata. It is left out while it has its default, so
    that what was there before is written as it was.

    Raises:
        TypeError: a value that has no such form.
    """
    if is_dataclass(value) and not isinstance(value, type):
        given = {f: getattr(value, f.name) for f in fields(value)}
        return {f.name: canonical(v) for f, v in given.items() if not ("since" in f.metadata and v == f.default)}
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [canonical(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"a configuration holds numbers, texts and dataclasses, got {value!r}")


def digest(value: Any) -> str:
    """First 12 hexadecimal digits of the SHA-256 of a value in canonical form."""
    text = json.dumps(canonical(value), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
