"""``experiments.yml``: which experiments there are, and what one run of one method is in full."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mpicore import checks

#: Where runs are looked for: folders separated by colons. New runs go to the last.
ROOT = os.pathsep.join(("published", "runs"))

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
DatasetName = Literal["x-space", "system-matrix"]


class _Entry(BaseModel):
    """Part of the file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Noise(_Entry):
    """Keywords of :class:`mpicore.datasets.Noise`."""

    snr_db: Finite
    sir_db: Finite | None = None
    harmonics: tuple[Count, ...] = (2, 3, 5)
    phase_locked: bool = False
    colour: Finite | None = None
    spike_db: Finite | None = None
    spike_rate: Annotated[float, Field(gt=0, le=1)] | None = None


class Truth(_Entry):
    """Keywords of :class:`mpicore.truth.Truth`."""

    core_diameter: Positive | None = None
    gradient_scale: Positive | None = None
    relaxation_time: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    relaxation_spread: Annotated[float, Field(ge=0, lt=1)] | None = None
    oversampling: Count | None = None


class Experiment(_Entry):
    """One experiment: a data set, its noise, and the methods that run on it.

    ``truth`` says how its data are made where that differs from what the methods know, ``test_phantoms`` what kind of
    object is tested where it is not the kind that is trained on. Both are for x-space data.
    ``methods`` are trained under the preset's first protocol, those of ``tuned`` under its tuned one where it has one.
    ``repeated`` names the methods that are trained again from other seeds, ``beyond`` those that the paper
    does not have, ``studied`` those that only studies have.
    """

    title: str
    dataset: DatasetName
    noise: Noise
    test_noise: dict[str, Noise] = {}
    truth: Truth | None = None
    test_phantoms: Literal["letters", "rings", "points"] | None = None
    methods: tuple[str, ...]
    repeated: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    studied: tuple[str, ...] = ()

    @property
    def variants(self) -> dict[str, Noise]:
        """Noise of each test set by name: the literal one alone where nothing else is asked for."""
        return self.test_noise or {"literal": self.noise}

    @property
    def listed(self) -> tuple[str, ...]:
        """All methods of its own tables and lists, each once."""
        return tuple(dict.fromkeys(self.methods + self.tuned + self.beyond))


class Method(_Entry):
    """A denoiser with its options, and the kind of network that it trains; several methods may share a denoiser."""

    denoiser: str
    options: dict[str, bool | int | Finite] = {}
    network: Literal["encoder-decoder", "u-net"] | None = None


class Case(_Entry):
    """One point of a study: what differs there from the experiment.

    ``noise`` and ``truth`` replace those of the experiment, and ``options`` are further options of the methods.
    ``signals`` is the number of training signals, with a tenth as many for validation; networks that have fewer are
    trained for more epochs, so that all make the same number of steps.
    """

    noise: Noise | None = None
    truth: Truth | None = None
    signals: Count | None = None
    options: dict[str, bool | int | Finite] = {}


class Study(_Entry):
    """One quantity is varied, all else is that of an x-space experiment, at the size that the preset has for studies.

    The paper's network is trained under the tuned protocol where the preset has one for the experiment.
    """

    title: str
    experiment: str
    methods: tuple[str, ...]
    cases: dict[str, Case]


class Table(_Entry):
    """One table of the book: methods of one experiment side by side."""

    title: str
    experiment: str
    methods: tuple[str, ...]


class Network(_Entry):
    """Keywords of :class:`mpicore.network.EncoderDecoder` or :class:`mpicore.unet.UNet`."""

    width: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]


class Training(_Entry):
    """Keywords of :class:`mpicore.training.Settings`."""

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    schedule: Literal["constant", "one-cycle"] = "constant"
    patience: Annotated[int, Field(ge=0)] = 0


class Kaczmarz(_Entry):
    """Keywords of :func:`mpicore.reconstruction.kaczmarz`, and the threshold that selects lines."""

    relative_lambda: Positive
    sweeps: Count
    snr_threshold: Positive


class Protocol(_Entry):
    """A network and how it is trained."""

    network: Network
    training: Training


class Preset(_Entry):
    """How large the data, the networks and the trainings are.

    ``network`` and ``training`` are the first protocol of the paper's network, ``tuned`` holds the second one of each
    experiment that has one. ``unet`` is the protocol of the networks behind the forward model. ``seeds`` counts the
    trainings of a method that an experiment repeats. ``study`` are the sizes of the data of studies.
    """

    shape: tuple[Count, Count]
    sizes: dict[DatasetName, tuple[Count, Count, Count]]
    objects: Count
    network: Network
    training: Training
    tuned: dict[str, Protocol] = {}
    unet: Protocol
    recorruptions: Count
    seeds: Count = 1
    study: tuple[Count, Count, Count]


@dataclass(frozen=True)
class RunName:
    """Which run is meant: the names that :meth:`Experiments.run` resolves at a preset.

    For a study, ``experiment`` is its name, and ``case`` one of its cases.
    """

    experiment: str
    method: str
    tuned: bool = False
    seed: int = 0
    case: str = ""

    def __str__(self):
        where = f"{self.experiment}-{self.case}" if self.case else self.experiment
        return f"{where}-{self.method}" + "-tuned" * self.tuned + (f"-seed{self.seed}" if self.seed else "")


class Experiments(_Entry):
    """The whole file."""

    revision: Count
    data_seed: Annotated[int, Field(ge=0)]
    reference_rms: dict[DatasetName, Positive]
    methods: dict[str, Method]
    experiments: dict[str, Experiment]
    tables: dict[str, Table]
    studies: dict[str, Study] = {}
    kaczmarz: Kaczmarz
    presets: dict[str, Preset]

    def run(self, experiment: str, method: str, preset: str, seed: int = 0, tuned: bool = False) -> "RunConfig":
        """The resolved configuration of one run.

        Args:
            experiment, method, preset: names in the file.
            seed: of the weights and the training.
            tuned: train under the second protocol that the preset has for the experiment.

        Raises:
            ValueError: an unknown name, a method that the experiment does not have, a negative seed, a second protocol
                that the preset does not have for this experiment.
        """
        entry = self.experiments[checks.choice(experiment, "experiment", list(self.experiments))]
        checks.choice(method, f"method of {experiment}", entry.listed + entry.studied)
        size = self.presets[checks.choice(preset, "preset", list(self.presets))]
        kind = self.methods[method].network
        protocol = size.unet if kind == "u-net" else size.tuned.get(experiment) if tuned else size
        if protocol is None:
            raise ValueError(f"preset {preset} has no tuned protocol for {experiment}")
        values = {
            "revision": self.revision,
            "experiment": experiment,
            "method": method,
            "dataset": entry.dataset,
            "data_seed": self.data_seed,
            "shape": size.shape,
            "sizes": size.sizes[entry.dataset],
            "noise": entry.noise,
            "test_noise": entry.variants,
            "truth": entry.truth,
            "test_phantoms": entry.test_phantoms,
            "reference_rms": self.reference_rms[entry.dataset],
            "denoiser": self.methods[method].denoiser,
            "options": dict(self.methods[method].options),
        }
        if values["denoiser"] == "r2r":
            values["options"]["recorruptions"] = size.recorruptions
        if kind is not None:
            values |= {
                "network": protocol.network,
                "training": protocol.training,
                "seed": checks.count(seed, "seed", 0),
            }
        if entry.dataset == "system-matrix":
            values |= {"kaczmarz": self.kaczmarz, "objects": size.objects}
        return RunConfig.model_validate(values)

    def study_run(self, study: str, case: str, method: str, preset: str) -> "RunConfig":
        """The resolved configuration of one run of a study. Equal cases of two studies are one run.

        Args:
            study, case, method, preset: names in the file.

        Raises:
            ValueError: an unknown name.
        """
        entry = self.studies[checks.choice(study, "study", list(self.studies))]
        changed = entry.cases[checks.choice(case, f"case of {study}", list(entry.cases))]
        checks.choice(method, f"method of {study}", list(entry.methods))
        size = self.presets[checks.choice(preset, "preset", list(self.presets))]
        tuned = self.methods[method].network == "encoder-decoder" and entry.experiment in size.tuned
        base = self.run(entry.experiment, method, preset, tuned=tuned)
        noise = changed.noise or base.noise
        sizes, training = size.study, base.training
        if changed.signals:
            sizes = (changed.signals, max(1, changed.signals // 10), sizes[2])
            if training and changed.signals < size.study[0]:
                epochs = round(training.epochs * size.study[0] / changed.signals)
                training = training.model_copy(update={"epochs": epochs})
        update = {
            "experiment": "studies",
            "sizes": sizes,
            "training": training,
            "noise": noise,
            "test_noise": {"literal": noise},
            "truth": changed.truth or base.truth,
            "options": base.options | changed.options,
        }
        return base.model_copy(update=update)

    def own(self, experiment: str, denoiser: str, source: str, preset: str) -> "RunConfig":
        """The run of a denoiser that the file does not list, with its defaults.

        Args:
            experiment, preset: names in the file.
            denoiser: the name under which it is registered; also that of the method.
            source: digest of its code, so that another version is another run.

        Raises:
            ValueError: an unknown experiment or preset, or a name that the file has for a method.
        """
        if denoiser in self.methods:
            raise ValueError(f"denoiser {denoiser!r} has the name of a method in the experiments file")
        checks.choice(experiment, "experiment", list(self.experiments))
        first = self.experiments[experiment].methods[0]
        plain = self.run(experiment, first, preset)
        unused = {"network": None, "training": None, "seed": None}
        return plain.model_copy(
            update={"method": denoiser, "denoiser": denoiser, "options": {}, "source": source, **unused}
        )

    def names(self, preset: str) -> list[RunName]:
        """Every run that the tables and figures of a preset need."""
        tuned = self.presets[checks.choice(preset, "preset", list(self.presets))].tuned
        found = []
        for name, entry in self.experiments.items():
            plain = entry.methods if name in tuned else entry.methods + entry.tuned
            found += [RunName(name, method) for method in dict.fromkeys(plain)]
            found += [RunName(name, method, tuned=True) for method in entry.tuned if name in tuned]
            found += [RunName(name, method) for method in entry.beyond]
        found += [run for run in self.repeats(preset) if run.seed]
        for name, study in self.studies.items():
            found += [RunName(name, method, case=case) for case in study.cases for method in study.methods]
        return found

    def repeats(self, preset: str) -> list[RunName]:
        """The runs of the repeated methods from every seed, under the protocol of :meth:`best`."""
        size = self.presets[checks.choice(preset, "preset", list(self.presets))]
        return [
            replace(self.best(name, method, preset), seed=seed)
            for name, entry in self.experiments.items()
            for method in entry.repeated
            for seed in range(size.seeds)
        ]

    def best(self, experiment: str, method: str, preset: str) -> RunName:
        """The run of a method that figures show: under the tuned protocol where the preset trains it so."""
        tuned = self.presets[checks.choice(preset, "preset", list(self.presets))].tuned
        return RunName(experiment, method, experiment in tuned and method in self.experiments[experiment].tuned)

    def runs(self, preset: str) -> dict[RunName, "RunConfig"]:
        """The resolved configurations of :meth:`names`."""
        return {name: self.named(name, preset) for name in self.names(preset)}

    def named(self, name: RunName, preset: str) -> "RunConfig":
        """The resolved configuration of the run of this name."""
        if name.case:
            return self.study_run(name.experiment, name.case, name.method, preset)
        return self.run(name.experiment, name.method, preset, name.seed, name.tuned)

    def rows(self, table: str, preset: str) -> dict[str, list[RunName]]:
        """Runs that a table shows by protocol, ``paper`` and ``tuned``: those for which all its methods are trained.

        What does not train stands in the first of them alone.
        """
        layout = self.tables[checks.choice(table, "table", list(self.tables))]
        known = set(self.names(preset))
        plain = [RunName(layout.experiment, method) for method in layout.methods]
        tuned = [replace(name, tuned=self.methods[name.method].network is not None) for name in plain]
        if not set(plain) <= known:
            return {"tuned": tuned}
        tuned = [name for name in tuned if name.tuned]
        return {"paper": plain} | ({"tuned": tuned} if set(tuned) <= known else {})


class RunConfig(_Entry):
    """Everything that decides the outcome of one run. Its hash is the run's key.

    The values that a method does not use are ``None`` and not part of the key: changing them leaves it as it is.
    """

    revision: Count
    experiment: str
    method: str
    denoiser: str
    dataset: DatasetName
    data_seed: int
    shape: tuple[Count, Count]
    sizes: tuple[Count, Count, Count]
    noise: Noise
    test_noise: dict[str, Noise]
    reference_rms: Positive
    options: dict[str, bool | int | Finite]
    network: Network | None = None
    training: Training | None = None
    seed: int | None = None
    kaczmarz: Kaczmarz | None = None
    objects: Count | None = None
    source: str | None = None
    truth: Truth | None = None
    test_phantoms: Literal["letters", "rings", "points"] | None = None

    def resolved(self) -> dict:
        """The values that are used, as plain JSON."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def key(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the configuration."""
        text = json.dumps(self.resolved(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def folder(self, root="runs") -> Path:
        """Where the run lives: ``runs/<experiment>/<method>/<key>``."""
        return Path(root) / self.experiment / self.method / self.key


def _foreign(value):
    """What YAML knows and JSON does not, such as a date: of a type that no entry takes, so that its place is named."""
    return {type(value).__name__: str(value)}


def read(path="experiments.yml") -> Experiments:
    """Read and check the file.

    Raises:
        ValueError: it is not YAML, or has an unknown key, a missing one, a wrong type or value; each is named.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
    try:
        # By way of JSON, whose lists are tuples to the strict types.
        experiments = Experiments.model_validate_json(json.dumps(values, default=_foreign))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, item['loc']))}: {item['msg']}, got {item['input']!r}" for item in error.errors()
        ]
        raise ValueError(f"{path} is refused:\n" + "\n".join(lines)) from None
    for name, experiment in experiments.experiments.items():
        for method in experiment.listed + experiment.studied:
            checks.choice(method, f"{path}: method of {name}", list(experiments.methods))
        for method in experiment.repeated:
            checks.choice(method, f"{path}: repeated method of {name}", experiment.listed)
        sizes = {f"presets.{key}.sizes": preset.sizes for key, preset in experiments.presets.items()}
        for where, given in {"reference_rms": experiments.reference_rms, **sizes}.items():
            if experiment.dataset not in given:
                raise ValueError(f"{path}: {where} must have {experiment.dataset}, which {name} uses")
        if experiment.dataset != "x-space" and (experiment.truth or experiment.test_phantoms):
            raise ValueError(f"{path}: truth and test_phantoms are for x-space data, {name} has {experiment.dataset}")
    for key, preset in experiments.presets.items():
        for name in preset.tuned:
            checks.choice(name, f"{path}: experiment of presets.{key}.tuned", list(experiments.experiments))
    for name, study in experiments.studies.items():
        if name in experiments.experiments:
            raise ValueError(f"{path}: study {name} has the name of an experiment")
        known = list(experiments.experiments)
        entry = experiments.experiments[checks.choice(study.experiment, f"{path}: experiment of {name}", known)]
        if entry.dataset != "x-space":
            raise ValueError(f"{path}: studies are for x-space data, {name} has {entry.dataset}")
        for method in study.methods:
            checks.choice(method, f"{path}: method of {name}", entry.listed + entry.studied)
    for name, table in experiments.tables.items():
        known = list(experiments.experiments)
        entry = experiments.experiments[checks.choice(table.experiment, f"{path}: experiment of {name}", known)]
        for method in table.methods:
            checks.choice(method, f"{path}: method of {name}", entry.listed)
    return experiments
