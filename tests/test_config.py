"""Keys: the same for what is the same run, another one for whatever decides another outcome."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from companion.config import LABELS, RunConfig, RunName, canonical, digest
from mpicore.noise import Interference, Noise, Spikes
from mpicore.reconstruction import Gridding, Kaczmarz
from mpicore.scanner import Particle, Scanner
from mpicore.settings import Settings
from mpicore.truth import Truth


@pytest.fixture
def config():
    """One run of each field, with plain values."""
    return RunConfig(
        experiment="xspace-gaussian",
        method="proposed",
        protocol="paper",
        dataset="x-space",
        scanner=Scanner.cartesian(),
        particle=Particle(),
        truth=Truth(),
        data_seed=0,
        sizes=(8, 2, 4),
        noise=Noise(5.0),
        test_noise={"literal": Noise(5.0)},
        test_phantoms=None,
        reference_rms=228.0,
        gridding=Gridding(),
        kaczmarz=None,
        objects=None,
        denoiser="proposed",
        options={"alpha": 0.05, "beta": 0.01, "width": 16},
        readout=None,
        training=Settings(),
        seed=0,
        source=None,
        revision=3,
    )


#: For each field that decides something, other values: each makes another run.
CHANGES = [
    ("dataset", "system-matrix"),
    ("scanner", Scanner.cartesian(gradient=(0.41, 0.4))),
    ("scanner", Scanner.cartesian(shape=(16, 16))),
    ("scanner", Scanner.cartesian(fov=(0.1, 0.09))),
    ("particle", Particle(core_diameter=31e-9)),
    ("particle", Particle(temperature=310.0)),
    ("particle", Particle(saturation_magnetization=3e5)),
    ("truth", Truth(core_diameter=31e-9)),
    ("truth", Truth(gradient_scale=1.02)),
    ("truth", Truth(relaxation_time=1e-6)),
    ("truth", Truth(relaxation_time=1e-6, relaxation_spread=0.5)),
    ("truth", Truth(oversampling=2)),
    ("data_seed", 1),
    ("sizes", (8, 2, 5)),
    ("noise", Noise(6.0)),
    ("noise", Noise(5.0, colour=1.0)),
    ("noise", Noise(5.0, interference=Interference(5.0))),
    ("noise", Noise(5.0, interference=Interference(5.0, harmonics=(2, 3)))),
    ("noise", Noise(5.0, interference=Interference(5.0, phases="locked"))),
    ("readout", "projected"),
    ("noise", Noise(5.0, spikes=Spikes(5.0))),
    ("noise", Noise(5.0, spikes=Spikes(5.0, rate=0.01))),
    ("test_noise", {"literal": Noise(6.0)}),
    ("test_noise", {"matched": Noise(5.0)}),
    ("test_noise", {"literal": Noise(5.0), "matched": Noise(6.0)}),
    ("test_phantoms", "rings"),
    ("reference_rms", 229.0),
    ("gridding", Gridding(slow_fraction=0.5)),
    ("gridding", Gridding(outside="nearest")),
    ("gridding", None),
    ("kaczmarz", Kaczmarz(relative_lambda=3.0, sweeps=10, snr_threshold=1.5)),
    ("kaczmarz", Kaczmarz(relative_lambda=3.0, sweeps=11, snr_threshold=1.5)),
    ("objects", 4),
    ("denoiser", "n2n"),
    ("options", {"alpha": 0.06, "beta": 0.01, "width": 16}),
    ("options", {"alpha": 0.05, "beta": 0.01}),
    ("options", {"alpha": 0.05, "beta": 0.01, "width": 16, "nonnegative": True}),
    ("training", Settings(epochs=3)),
    ("training", Settings(learning_rate=2e-3)),
    ("training", None),
    ("seed", 1),
    ("source", "0123"),
    ("revision", 4),
    ("periods", 4),
    ("split", "quadrant"),
    ("split", "half"),
]


def test_every_field_that_decides_is_in_the_list_above():
    assert {name for name, _ in CHANGES} == {f.name for f in fields(RunConfig)} - set(LABELS)


def test_each_change_is_another_run(config):
    keys = [replace(config, **{name: value}).key for name, value in CHANGES]
    assert len({config.key, *keys}) == len(CHANGES) + 1
    assert all(re.fullmatch("[0-9a-f]{12}", key) for key in keys)


def test_a_field_that_came_later_leaves_older_keys_alone(config):
    """With its default it is not part of what is hashed."""
    assert "split" not in config.resolved() and config.split is None
    assert replace(config, split="half").resolved() == config.resolved() | {"split": "half"}


@pytest.mark.parametrize("label", LABELS)
def test_labels_are_names_for_people(config, label):
    other = replace(config, **{label: "another"})
    assert other.key == config.key and other.resolved() == config.resolved()
    assert label not in config.resolved()


@pytest.mark.parametrize(
    "name, value",
    [
        ("noise", Noise(5)),
        ("noise", Noise(snr_db=5.0, colour=0, interference=None, spikes=None)),
        ("test_noise", {"literal": Noise(5)}),
        ("reference_rms", 228),
        ("sizes", [8, 2, 4]),
        ("options", {"width": 16, "beta": 0.01, "alpha": 0.05}),
        ("options", {"alpha": 0.05, "beta": 0.01, "width": 16.0}),
        ("scanner", Scanner(drive_frequency=(25_000, 500), shape=(101, 101), drive_amplitude=(0.02, 0.02))),
        ("particle", Particle(core_diameter=3.0e-8, temperature=293)),
        ("truth", Truth(gradient_scale=1, oversampling=1)),
        ("gridding", Gridding(slow_fraction=0.45, outside="zero")),
    ],
)
def test_another_way_of_writing_is_the_same_run(config, name, value):
    """1 and 1.0, an omitted default and a written one, another order, lists and tuples."""
    assert replace(config, **{name: value}).key == config.key


def test_the_order_of_the_variants_does_not_matter(config):
    first, second = {"literal": Noise(5.0), "matched": Noise(6.0)}, {"matched": Noise(6.0), "literal": Noise(5.0)}
    assert replace(config, test_noise=first).key == replace(config, test_noise=second).key


def test_the_order_of_a_list_matters():
    assert digest([1, 2]) != digest([2, 1])
    assert digest([1, [2]]) != digest([[1], 2])


def test_the_configuration_survives_json(config):
    """What a record holds is compared with what the experiments file says."""
    for name, value in CHANGES:
        resolved = replace(config, **{name: value}).resolved()
        assert json.loads(json.dumps(resolved)) == resolved
        assert digest(resolved) == replace(config, **{name: value}).key


def test_true_is_not_one(config):
    keys = {replace(config, options={"nonnegative": value}).key for value in (True, 1, False, 0)}
    assert len(keys) == 4


def test_canonical_forms():
    assert canonical({"b": (1.0, 2.5), "a": None, 3: True}) == {"b": [1, 2.5], "a": None, "3": True}
    assert canonical(-0.0) == 0 and not np.signbit(canonical(-0.0))
    assert canonical(Truth())["gradient_scale"] == 1 and canonical(Particle())["core_diameter"] == 30e-9
    assert digest(1e300) == digest(10.0**300)


@pytest.mark.parametrize("value", [{1, 2}, object(), np.zeros(2), b"text", Truth, 1j])
def test_values_without_a_canonical_form_are_refused(value):
    with pytest.raises(TypeError, match="a configuration holds numbers, texts and dataclasses, got"):
        canonical({"option": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_have_no_digest(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest([value])


def test_a_key_is_the_same_in_every_process(root, book):
    """Another hash seed, another process."""
    run = book.run("xspace-harmonic", "r2r", "smoke", 3)
    code = "from companion import experiments as e; print(e.read().run('xspace-harmonic', 'r2r', 'smoke', 3).key)"
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", code]
        found = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == run.key


@pytest.mark.parametrize(
    "name, text",
    [
        (RunName("xspace", "n2n"), "xspace-n2n"),
        (RunName("xspace", "n2n", tuned=True), "xspace-n2n-tuned"),
        (RunName("xspace", "n2n", seed=2), "xspace-n2n-seed2"),
        (RunName("xspace", "n2n", tuned=True, seed=2), "xspace-n2n-tuned-seed2"),
        (RunName("study-snr", "n2n", case="minus5"), "study-snr-minus5-n2n"),
    ],
)
def test_names_as_text(name, text):
    assert str(name) == text == f"{name.experiment}-{name.row}"
