"""Entries of the experiments file: strict, and their leaves are the library's own dataclasses."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from companion import schema
from mpicore.noise import Interference, Noise, Spikes
from mpicore.reconstruction import Gridding, Kaczmarz
from mpicore.scanner import Particle, Scanner
from mpicore.settings import Settings
from mpicore.truth import Truth

NOISE = {"snr_db": 5.0}
EXPERIMENT = {"title": "Title", "dataset": "x-space", "noise": NOISE, "methods": ["noisy"]}
TRAINING = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "schedule": "one-cycle"}
PROTOCOL = {"network": {"width": 4, "dropout": 0.02}, "training": TRAINING}


def read(entry, values):
    return entry.model_validate_json(json.dumps(values))


@pytest.mark.parametrize(
    "values, noise",
    [
        (NOISE, Noise(5.0)),
        ({"snr_db": 5, "colour": 1}, Noise(5.0, colour=1.0)),
        ({"snr_db": 15.0, "interference": {"sir_db": 5.0}}, Noise(15.0, interference=Interference(5.0))),
        (
            {"snr_db": 15.0, "interference": {"sir_db": 5.0, "harmonics": [2, 3], "phases": "locked"}},
            Noise(15.0, interference=Interference(5.0, (2, 3), "locked")),
        ),
        ({"snr_db": 15.0, "spikes": {"spike_db": 5.0, "rate": 0.01}}, Noise(15.0, spikes=Spikes(5.0, 0.01))),
    ],
)
def test_noise_is_the_librarys_own(values, noise):
    """With its defaults, and with its tuples where the file has lists."""
    assert read(schema.Experiment, EXPERIMENT | {"noise": values}).noise == noise
    assert read(schema.Case, {"noise": values}).noise == noise


def test_other_leaves_are_the_librarys_own():
    assert read(schema.SignalProtocol, PROTOCOL).training == Settings(2, 4, 1e-3, "one-cycle")
    assert read(schema.Case, {"truth": {"gradient_scale": 1.02}}).truth == Truth(gradient_scale=1.02)
    types = {name: field.annotation for name, field in schema.File.model_fields.items()}
    assert types["scanners"] == dict[schema.DatasetName, Scanner]
    assert (types["particle"], types["gridding"], types["kaczmarz"]) == (Particle, Gridding, Kaczmarz)


@pytest.mark.parametrize(
    "entry, values, place",
    [
        (schema.Experiment, EXPERIMENT | {"nois": NOISE}, "nois"),
        (schema.Experiment, EXPERIMENT | {"noise": {"snr_db": 5.0, "sir_db": 5.0}}, "noise.sir_db"),
        (
            schema.Experiment,
            EXPERIMENT | {"noise": {"snr_db": 5.0, "spikes": {"spike_db": 5.0, "places": 1}}},
            "places",
        ),
        (schema.Experiment, EXPERIMENT | {"truth": {"gradient": 1.0}}, "truth.gradient"),
        (schema.SignalProtocol, PROTOCOL | {"training": TRAINING | {"momentum": 0.9}}, "training.momentum"),
        (schema.SignalProtocol, PROTOCOL | {"network": {"width": 4, "dropout": 0.0, "depth": 3}}, "network.depth"),
        (schema.Case, {"snr_db": 5.0}, "snr_db"),
        (schema.Method, {"title": "T", "denoiser": "n2n", "knows": "pairs", "color": "#000000"}, "color"),
    ],
)
def test_unknown_keys_are_refused_at_every_depth(entry, values, place):
    with pytest.raises(ValidationError) as error:
        read(entry, values)
    assert any(".".join(map(str, item["loc"])).endswith(place) for item in error.value.errors())


@pytest.mark.parametrize(
    "training",
    [
        {"epochs": 2.0},
        {"epochs": "2"},
        {"epochs": True},
        {"learning_rate": "0.1"},
        {"learning_rate": True},
        {"epochs": None},
    ],
)
def test_wrong_types_are_not_converted(training):
    """Nor in the leaves."""
    with pytest.raises(ValidationError, match="training"):
        read(schema.SignalProtocol, PROTOCOL | {"training": TRAINING | training})


@pytest.mark.parametrize(
    "training, message",
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"schedule": "cosine"}, "'constant' or 'one-cycle'"),
    ],
)
def test_ranges_are_those_of_the_library(training, message):
    with pytest.raises(ValidationError, match=message):
        read(schema.SignalProtocol, PROTOCOL | {"training": TRAINING | training})


@pytest.mark.parametrize("name", ["a/b", "", "a b", "-a", "ä", "../a", "a.b"])
def test_names_that_make_no_path_are_refused(name):
    with pytest.raises(ValidationError):
        read(schema.Experiment, EXPERIMENT | {"test_noise": {name: NOISE}})


@pytest.mark.parametrize("value", [True, 3, 0.5])
def test_options_keep_their_types(value):
    method = read(schema.Method, {"title": "T", "denoiser": "n2n", "knows": "pairs", "options": {"option": value}})
    assert method.options["option"] == value and type(method.options["option"]) is type(value)


@pytest.mark.parametrize("value", ["1", [1], None, {"a": 1}])
def test_options_are_numbers(value):
    with pytest.raises(ValidationError, match=r"options\.option"):
        read(schema.Method, {"title": "T", "denoiser": "n2n", "knows": "pairs", "options": {"option": value}})


def test_variants_of_the_test_noise():
    """That of the training where none is named; else as they are called, whatever their order in the file."""
    assert read(schema.Experiment, EXPERIMENT).variants == {"literal": Noise(5.0)}
    several = {"matched": {"snr_db": 6.0}, "literal": NOISE}
    assert list(read(schema.Experiment, EXPERIMENT | {"test_noise": several}).variants) == ["literal", "matched"]
    assert read(schema.Experiment, EXPERIMENT | {"test_noise": {"other": NOISE}}).variants == {"other": Noise(5.0)}


def test_methods_are_listed_once():
    lists = {"methods": ["noisy", "n2n"], "tuned": ["n2n", "l1"], "beyond": ["wiener", "noisy"]}
    assert read(schema.Experiment, EXPERIMENT | lists).listed == ("noisy", "n2n", "l1", "wiener")


def test_entries_cannot_be_changed():
    case = read(schema.Case, {"signals": 50})
    with pytest.raises(ValidationError):
        case.signals = 60


def test_what_a_leaf_refuses_in_python_it_refuses_in_the_file():
    """One declaration: the adapter of each leaf has the library's own checks."""
    for leaf, values in [
        (Noise, {"snr_db": float("nan")}),
        (Interference, {"sir_db": 5.0, "harmonics": []}),
        (Spikes, {"spike_db": 5.0, "rate": 2.0}),
        (Truth, {"relaxation_spread": 0.5}),
        (Gridding, {"slow_fraction": 1.5}),
        (Kaczmarz, {"relative_lambda": 0.0, "sweeps": 1, "snr_threshold": 1.0}),
        (Particle, {"temperature": -1.0}),
    ]:
        with pytest.raises(ValueError, match=r"must|needs"):
            leaf(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
        with pytest.raises(ValidationError):
            TypeAdapter(leaf).validate_json(json.dumps(values))
