"""``experiments.yml``: read, checked, and resolved from names to the full configuration of each run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from companion.config import RunConfig, RunName
from companion.reading import read_yaml
from companion.schema import Case, Experiment, File, ImageProtocol, Method, Preset, SignalProtocol, Study, Table
from mpicore import checks, datasets, denoisers
from mpicore.denoisers.component_network import ComponentNoise2Noise
from mpicore.denoisers.image_network import ForwardNoise2Noise
from mpicore.denoisers.signal_network import SignalNetworkDenoiser
from mpicore.symmetry import require_mirror_image
from mpicore.truth import Truth

#: How the protocols of the book are called.
PAPER, TUNED, STUDY, FORWARD, COMPONENTS = "paper", "tuned", "study", "forward model", "components"
#: Which denoisers train which kind of network.
_TAKEN_OVER = {"denoiser", "options", "network", "empty"}
_NETWORKS = {
    "signal-network": SignalNetworkDenoiser,
    "image-network": ForwardNoise2Noise,
    "component-network": ComponentNoise2Noise,
}


@dataclass(frozen=True)
class Experiments:
    """The checked file, and what its names stand for."""

    file: File

    @property
    def methods(self) -> dict[str, Method]:
        """Every method by name."""
        return self.file.methods

    @property
    def experiments(self) -> dict[str, Experiment]:
        """Every experiment by name."""
        return self.file.experiments

    @property
    def tables(self) -> dict[str, Table]:
        """Every table by name."""
        return self.file.tables

    @property
    def studies(self) -> dict[str, Study]:
        """Every study by name."""
        return self.file.studies

    @property
    def presets(self) -> dict[str, Preset]:
        """Every preset by name."""
        return self.file.presets

    def preset(self, name: str) -> Preset:
        """One preset.

        Raises:
            ValueError: an unknown name.
        """
        return self.presets[checks.choice(name, "preset", list(self.presets))]

    def run(self, experiment: str, method: str, preset: str, seed: int = 0, tuned: bool = False) -> RunConfig:
        """The resolved configuration of one run.

        Args:
            experiment, method, preset: names in the file.
            seed: of the weights and the training.
            tuned: train under the second protocol that the preset has for the experiment.

        Raises:
            ValueError: an unknown name, a method that the experiment does not have, a seed of what does not train or a
                negative one, a second protocol that the preset does not have for this experiment and method.
        """
        self.preset(preset)
        entry = self.experiments[checks.choice(experiment, "experiment", list(self.experiments))]
        checks.choice(method, f"method of {experiment}", entry.listed + entry.studied)
        return self._run(experiment, method, preset, seed, *self._protocol(experiment, method, preset, tuned))

    def _run(
        self,
        experiment: str,
        method: str,
        preset: str,
        seed: int,
        label: str | None,
        protocol: SignalProtocol | ImageProtocol | None,
    ) -> RunConfig:
        """As :meth:`run`, of names that are known and under the protocol that is given, with how the book calls it."""
        file, size, entry, chosen = self.file, self.preset(preset), self.experiments[experiment], self.methods[method]
        options = denoisers.parameters(chosen.denoiser)
        if protocol is not None:
            options |= protocol.network.model_dump()
        elif seed:
            raise ValueError(f"{method} does not train and has no seed, got {seed}")
        if "recorruptions" in options:
            options["recorruptions"] = size.recorruptions[entry.dataset]
        options |= chosen.options
        if chosen.of:
            checks.choice(chosen.of, f"method of {experiment}, which {method} reads out", entry.listed + entry.studied)
        xspace = entry.dataset == "x-space"
        scanner, sizes = replace(file.scanners[entry.dataset], shape=size.shape), size.sizes[entry.dataset]
        if entry.split:  # which may hold fewer
            most = datasets.most_pixels(scanner, entry.split)
            sizes = (min(sizes[0], most[0]), min(sizes[1], most[1]), min(sizes[2], most[2]))
        return RunConfig(
            experiment=experiment,
            method=method,
            protocol=label,
            dataset=entry.dataset,
            scanner=scanner,
            particle=file.particle,
            truth=self._truth(entry.truth),
            data_seed=file.data_seed,
            sizes=sizes,
            noise=entry.noise,
            test_noise=entry.variants,
            test_phantoms=entry.test_phantoms,
            reference_rms=file.reference_rms[entry.dataset],
            gridding=file.gridding if xspace else None,
            kaczmarz=None if xspace else file.kaczmarz,
            objects=None if xspace else size.objects,
            denoiser=chosen.denoiser,
            options=options,
            readout=chosen.readout,
            training=protocol.training if protocol else None,
            seed=checks.count(seed, "seed", 0) if protocol else None,
            source=None,
            revision=file.revision,
            split=entry.split,
            empty=chosen.empty,
        )

    def _truth(self, given: Truth | None) -> Truth:
        """How data are made: with the particles that the methods know where nothing else is said."""
        truth = given or Truth()
        return replace(truth, core_diameter=truth.core_diameter or self.file.particle.core_diameter)

    def _protocol(
        self, experiment: str, method: str, preset: str, tuned: bool
    ) -> tuple[str | None, SignalProtocol | ImageProtocol | None]:
        """Name and content of the protocol that a method trains under; nothing for what does not train."""
        size, kind = self.preset(preset), self.methods[method].network
        if not tuned:
            first = SignalProtocol(network=size.network, training=size.training)
            found: dict[str | None, tuple[str | None, SignalProtocol | ImageProtocol | None]] = {
                "signal-network": (PAPER, first),
                "image-network": (FORWARD, size.image_network),
                "component-network": (COMPONENTS, size.component_network),
                None: (None, None),
            }
            return found[kind]
        if kind != "signal-network":
            raise ValueError(f"{method} has no tuned protocol; methods with a signal-network have one")
        if experiment not in size.tuned:
            raise ValueError(f"preset {preset} has no tuned protocol for {experiment}")
        return TUNED, size.tuned[experiment]

    def study_run(self, study: str, case: str, method: str, preset: str, seed: int = 0) -> RunConfig:
        """The resolved configuration of one run of a study. Equal cases of two studies are one run.

        Args:
            study, case, method, preset: names in the file.
            seed: of the weights and the training.

        Raises:
            ValueError: an unknown name, a seed of what does not train.
        """
        entry = self.studies[checks.choice(study, "study", list(self.studies))]
        changed: Case = entry.cases[checks.choice(case, f"case of {study}", list(entry.cases))]
        checks.choice(method, f"method of {study}", list(entry.methods))
        size = self.preset(preset)
        label, protocol = self._protocol(entry.experiment, method, preset, tuned=False)
        if label == PAPER and size.study_network:
            label, protocol = STUDY, size.study_network
        base = self._run(entry.experiment, method, preset, seed, label, protocol)
        noise = changed.noise or base.noise
        sizes, training = base.sizes if entry.whole else size.study, base.training
        if changed.signals:
            sizes = (changed.signals, max(1, changed.signals // 10), sizes[2])
            if training and changed.signals < size.study[0]:
                training = replace(training, epochs=round(training.epochs * size.study[0] / changed.signals))
        if training and changed.epochs:
            training = replace(training, epochs=changed.epochs)
        if training and changed.periods:
            training = replace(training, epochs=max(1, round(training.epochs / changed.periods)))
        return replace(
            base,
            experiment=study,
            sizes=sizes,
            training=training,
            noise=noise,
            test_noise={"literal": noise},
            truth=self._truth(changed.truth) if changed.truth else base.truth,
            scanner=replace(base.scanner, drive_phase=changed.drive_phase) if changed.drive_phase else base.scanner,
            options={**base.options, **changed.options},
            periods=changed.periods,
            background=changed.background,
        )

    def own(self, experiment: str, denoiser: str, source: str, preset: str) -> RunConfig:
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
        plain = self.run(experiment, self.experiments[experiment].methods[0], preset)
        return replace(
            plain,
            method=denoiser,
            protocol=None,
            denoiser=denoiser,
            options=denoisers.parameters(denoiser),
            readout=None,
            training=None,
            seed=None,
            source=source,
        )

    def names(self, preset: str) -> list[RunName]:
        """Every run that the tables and figures of a preset need."""
        tuned = self.preset(preset).tuned
        found: list[RunName] = []
        for name, entry in self.experiments.items():
            plain = entry.methods if name in tuned else entry.methods + entry.tuned
            found += [RunName(name, method) for method in plain]
            found += [RunName(name, method, tuned=True) for method in entry.tuned if name in tuned]
            found += [self.shown(name, method, preset) for method in entry.beyond]
        found += [run for run in self.repeats(preset) if run.seed]
        for name, study in self.studies.items():
            found += [
                run
                for case in study.cases
                for method in study.methods
                for run in self.cases(name, case, method, preset)
            ]
        return list(dict.fromkeys(found))

    def repeats(self, preset: str) -> list[RunName]:
        """The runs of the repeated methods from every seed, under the protocol of :meth:`shown`."""
        return [
            replace(self.shown(name, method, preset), seed=seed)
            for name, entry in self.experiments.items()
            for method in entry.repeated
            for seed in range(self.preset(preset).seeds)
        ]

    def cases(self, study: str, case: str, method: str, preset: str) -> list[RunName]:
        """The runs of one method in one case of a study: one, or what trains from every seed."""
        entry, most = self.studies[study], self.preset(preset).trainings
        wanted = entry.cases[case].trainings or entry.trainings
        trainings = min(wanted, most or wanted) if self.methods[method].network else 1
        return [RunName(study, method, seed=seed, case=case) for seed in range(trainings)]

    def shown(self, experiment: str, method: str, preset: str) -> RunName:
        """The run of a method that figures and leaderboards show: the tuned one where the preset trains it so."""
        trained = self.methods[method].of or method
        tuned = experiment in self.preset(preset).tuned and trained in self.experiments[experiment].tuned
        return RunName(experiment, method, tuned)

    def runs(self, preset: str) -> dict[RunName, RunConfig]:
        """The resolved configurations of :meth:`names`."""
        return {name: self.named(name, preset) for name in self.names(preset)}

    def named(self, name: RunName, preset: str) -> RunConfig:
        """The resolved configuration of the run of this name."""
        if name.case:
            return self.study_run(name.experiment, name.case, name.method, preset, name.seed)
        return self.run(name.experiment, name.method, preset, name.seed, name.tuned)

    def rows(self, table: str, preset: str) -> dict[str, list[RunName]]:
        """Runs that a table shows by protocol, ``paper`` and ``tuned``; each only where all of its runs are listed.

        A method that has one protocol alone stands in the first of the two that is there.

        Raises:
            ValueError: an unknown name, or a table whose methods the preset trains under no common protocol.
        """
        layout = self.tables[checks.choice(table, "table", list(self.tables))]
        listed = set(self.names(preset))
        plain = [RunName(layout.experiment, method) for method in layout.methods]
        tuned = [
            replace(name, tuned=True) if self.methods[name.method].network == "signal-network" else name
            for name in plain
        ]
        if not set(plain) <= listed:
            if missing := [name.method for name in tuned if name not in listed]:
                raise ValueError(f"table {table}: preset {preset} trains {', '.join(missing)} under another protocol")
            return {TUNED: tuned}
        again = [name for name in tuned if name.tuned]
        return {PAPER: plain} | ({TUNED: again} if again and set(again) <= listed else {})


def read(path: str | Path = "experiments.yml") -> Experiments:
    """Read and check the file.

    Raises:
        ValueError: it is not YAML, or has an unknown key, one that stands twice, a missing one, a wrong type or value,
            or names that do not fit together; each is named.
        OSError: it cannot be read.
    """
    values = read_yaml(path)
    try:
        # By way of JSON, whose lists are tuples to the strict types.
        file = File.model_validate_json(json.dumps(_inherited(values), default=_foreign))
    except ValueError as error:
        raise ValueError(f"{path} is refused: {_mistakes(error)}") from None
    try:
        _check(file)
        known = Experiments(file)
        for preset in known.presets:
            for table in known.tables:
                known.rows(table, preset)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return known


def _inherited(values: Any) -> Any:
    """Methods that read another one out, with the denoiser, options and network of that one.

    Raises:
        ValueError: one of a method that there is not, or that is read out itself; one that gives its own denoiser.
    """
    methods = values.get("methods") if isinstance(values, dict) else None
    if not isinstance(methods, dict):
        return values
    for name, entry in methods.items():
        if not isinstance(entry, dict) or ("of" in entry) != ("readout" in entry):
            raise ValueError(f"methods.{name}: of and readout must be given together")
        if "of" not in entry:
            continue
        base = methods.get(entry["of"]) if isinstance(entry["of"], str) else None
        if not isinstance(base, dict) or "of" in base:
            raise ValueError(f"methods.{name}.of must name a method that fits a denoiser, got {entry['of']!r}")
        if given := _TAKEN_OVER & entry.keys():
            raise ValueError(f"methods.{name}: {', '.join(sorted(given))} is that of {entry['of']}, and not its own")
        entry |= {part: base[part] for part in _TAKEN_OVER & base.keys()}
    return values


def _foreign(value: Any) -> dict[str, str]:
    """What YAML knows and JSON does not, such as a date: of a type that no entry takes, so that its place is named."""
    return {type(value).__name__: str(value)}


def _mistakes(error: Exception) -> str:
    """All of them in one line."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'the file'}: {item['msg']}{_given(item)}" for item in error.errors()
    )


def _given(item: Any) -> str:
    value = item["input"]
    if item["type"] == "missing" or isinstance(value, dict):
        return ""
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value):
        hint = "; YAML takes this for a text, write it with point and sign, such as 1.0e-3 and 2.0e+3"
    return f", got {value!r}{hint}"


def _check(file: File) -> None:
    """What one entry says of another."""
    for name, method in file.methods.items():
        where = f"methods.{name}"
        known = denoisers.parameters(checks.choice(method.denoiser, f"{where}.denoiser", denoisers.names()))
        for option in method.options:
            checks.choice(option, f"{where}.options", sorted(known))
        denoiser = denoisers.find(method.denoiser)
        if denoiser.trains != (method.network is not None):
            raise ValueError(f"{where}: network must be given for a denoiser that trains, and for no other")
        for kind, base in _NETWORKS.items():
            if issubclass(denoiser, base) and method.network != kind:
                raise ValueError(f"{where}: network must be {kind} for {method.denoiser}, got {method.network}")
    for name, experiment in file.experiments.items():
        for listed in experiment.listed + experiment.studied:
            checks.choice(listed, f"method of {name}", list(file.methods))
            if experiment.dataset != "x-space" and file.methods[listed].empty:
                raise ValueError(f"an empty measurement is for x-space data, {listed} of {name} has one")
        for listed in experiment.tuned:
            if file.methods[listed].network != "signal-network" or file.methods[listed].of:
                raise ValueError(f"tuned methods of {name} must train a signal-network, got {listed!r}")
        for listed in experiment.repeated:
            checks.choice(listed, f"repeated method of {name}", experiment.listed)
            if file.methods[listed].network is None:
                raise ValueError(f"repeated methods of {name} must train, got {listed!r}")
        by_dataset: dict[str, Mapping[Any, Any]] = {"reference_rms": file.reference_rms, "scanners": file.scanners}
        for key, preset in file.presets.items():
            by_dataset |= {f"presets.{key}.sizes": preset.sizes, f"presets.{key}.recorruptions": preset.recorruptions}
        for where, given in by_dataset.items():
            if experiment.dataset not in given:
                raise ValueError(f"{where} must have {experiment.dataset}, which {name} uses")
        for listed in experiment.listed:
            if "mirrored" in (file.methods[listed].readout or ""):
                require_mirror_image(file.scanners[experiment.dataset], f"{listed} of {name}")
            if file.methods[listed].of and not experiment.weights:
                raise ValueError(f"{name} must keep its weights, {listed} reads out {file.methods[listed].of}")
        if experiment.dataset != "x-space" and (experiment.truth or experiment.test_phantoms):
            raise ValueError(f"truth and test_phantoms are for x-space data, {name} has {experiment.dataset}")
        if experiment.dataset == "x-space" and experiment.split:
            raise ValueError(f"split is for system-matrix data, {name} has {experiment.dataset}")
    for key, preset in file.presets.items():
        for name in preset.tuned:
            checks.choice(name, f"experiment of presets.{key}.tuned", list(file.experiments))
    for name, study in file.studies.items():
        if name in file.experiments:
            raise ValueError(f"study {name} has the name of an experiment")
        entry = file.experiments[checks.choice(study.experiment, f"experiment of {name}", list(file.experiments))]
        if entry.dataset != "x-space":
            if not study.whole:
                raise ValueError(f"studies of {entry.dataset} data must be whole, {name} is not")
            for case, changed in study.cases.items():
                if further := changed.model_fields_set & {"truth", "background", "drive_phase", "signals", "periods"}:
                    raise ValueError(
                        f"{', '.join(sorted(further))} of {name}.{case} must be of a study of x-space data"
                    )
        for listed in study.methods:
            checks.choice(listed, f"method of {name}", entry.listed + entry.studied)
            options = set(denoisers.parameters(file.methods[listed].denoiser))
            for case, changed in study.cases.items():
                if changed.epochs and not any(file.methods[method].network for method in study.methods):
                    raise ValueError(f"epochs are for methods that train, {name}.{case} has none")
                for option in changed.options:
                    checks.choice(option, f"option of {listed} in {name}.{case}", sorted(options))
    for name, table in file.tables.items():
        entry = file.experiments[checks.choice(table.experiment, f"experiment of {name}", list(file.experiments))]
        for listed in table.methods:
            checks.choice(listed, f"method of {name}", entry.listed)
