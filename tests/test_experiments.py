"""The real experiments file, what is refused in a changed one, and keys that identify a run."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from companion import evaluation, experiments
from companion.experiments import Experiments, RunConfig, RunName
from mpicore import denoisers

PRESETS = ["smoke", "preview", "paper"]


@pytest.fixture
def changed(root, tmp_path):
    """Write the real file with one piece of text replaced, and return its path."""
    text = (root / "experiments.yml").read_text(encoding="utf-8")

    def write(old, new):
        assert old in text
        path = tmp_path / "experiments.yml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return write


# The real file


def test_the_real_file_is_read(book):
    """Its methods, weights and noise are those of the source paper."""
    assert isinstance(book, Experiments)
    assert list(book.experiments) == ["xspace-gaussian", "xspace-harmonic", "xspace-locked", "system-matrix"]
    assert list(book.presets) == PRESETS
    assert book.methods["proposed"].options == {"alpha": 0.05, "beta": 0.01}
    assert book.methods["r2r"].options == {"strength": 0.5}
    assert book.reference_rms == {"x-space": 228, "system-matrix": 187}
    assert book.experiments["xspace-gaussian"].noise.snr_db == 5
    paper = book.presets["paper"]
    assert paper.shape == (101, 101)
    assert paper.sizes == {"x-space": (8000, 1000, 1000), "system-matrix": (8160, 1020, 1021)}
    assert (paper.training.batch_size, paper.training.learning_rate) == (4, 1e-4)
    assert paper.recorruptions == 50


def test_noise_of_the_test_sets_adds_up(book):
    """15 dB and 5 dB are 4.58 dB, and the matched variant is the 6.20 dB of the paper's noisy row."""
    variants = book.experiments["xspace-harmonic"].variants
    totals = {name: evaluation.noise(entry).total_snr_db for name, entry in variants.items()}
    assert totals == {"literal": pytest.approx(4.586, abs=1e-3), "matched": pytest.approx(6.20, abs=5e-3)}
    assert book.experiments["xspace-harmonic"].noise == variants["literal"]
    assert book.experiments["xspace-gaussian"].variants == {"literal": book.experiments["xspace-gaussian"].noise}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_run_of_every_preset_resolves(book, preset):
    """All rows of all tables, each of another key, each with a denoiser that takes its options."""
    named = book.runs(preset)
    assert len({str(name) for name in named}) == len(named) == len(book.names(preset))
    assert set(book.repeats(preset)) <= named.keys()
    best = {book.best(name, method, preset) for name, entry in book.experiments.items() for method in entry.listed}
    assert best <= named.keys()
    assert {name for name in named if name.tuned and not name.seed} == {name for name in best if name.tuned}
    for name, table in book.tables.items():
        assert {run for rows in book.rows(name, preset).values() for run in rows} <= named.keys()
        methods = {name.method for name in named if name.experiment == table.experiment and not name.seed}
        assert set(table.methods) <= methods
    for method in book.experiments["xspace-gaussian"].repeated:
        seeds = {name.seed for name in named if (name.experiment, name.method) == ("xspace-gaussian", method)}
        assert seeds == set(range(book.presets[preset].seeds))
    keys = [run.key for name, run in named.items() if not name.case]
    assert len(set(keys)) == len(keys)
    for name, run in named.items():
        assert isinstance(run, RunConfig)
        assert run.shape == book.presets[preset].shape
        assert name.case or run.sizes == book.presets[preset].sizes[run.dataset]
        assert (run.network is None) == (run.training is None) == (run.seed is None)
        assert (run.network is None) == (book.methods[run.method].network is None)
        assert (run.kaczmarz is None) == (run.objects is None) == (run.dataset == "x-space")
        assert run.options.get("recorruptions") == (book.presets[preset].recorruptions if run.method == "r2r" else None)
        denoisers.create(run.denoiser, **run.options)


def test_methods_of_one_experiment_train_alike(book):
    """The same data, network and number of steps for every method."""
    for name in ("xspace-gaussian", "xspace-harmonic"):
        n2n, r2r, proposed = (book.run(name, method, "paper") for method in ("n2n", "r2r", "proposed"))
        for part in ("network", "training", "sizes", "noise", "test_noise", "data_seed", "seed"):
            assert getattr(n2n, part) == getattr(r2r, part) == getattr(proposed, part)


# What is refused


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("data_seed: 0", "data_sead: 0", "data_sead: Extra inputs are not permitted"),
        ("data_seed: 0\n", "", "data_seed: Field required"),
        ("epochs: 2,", "epochs: 2, epoch: 3,", "presets.smoke.training.epoch: Extra inputs are not permitted, got 3"),
        ("data_seed: 0", "data_seed: zero", "data_seed: Input should be a valid integer, got 'zero'"),
        ("data_seed: 0", "data_seed: -1", "data_seed: Input should be greater than or equal to 0, got -1"),
        ("revision: 2", "revision: true", "revision: Input should be a valid integer, got True"),
        ("epochs: 2,", "epochs: 2.5,", "presets.smoke.training.epochs: .*integer.*, got 2.5"),
        ("1.0e-3", "1e-3", "presets.smoke.training.learning_rate: Input should be a valid number, got '1e-3'"),
        ("1.0e-3", "0.0", "presets.smoke.training.learning_rate: Input should be greater than 0, got 0.0"),
        ("dropout: 0.02", "dropout: 1.0", "presets.smoke.network.dropout: Input should be less than 1, got 1.0"),
        (
            "one-cycle",
            "cosine",
            "presets.smoke.training.schedule: Input should be 'constant' or 'one-cycle', got 'cosine'",
        ),
        ("{snr_db: 5.0}", "{snr_db: .nan}", "xspace-gaussian.noise.snr_db: Input should be a finite number, got nan"),
        ("{snr_db: 5.0}", "{snr_dB: 5.0}", "xspace-gaussian.noise.snr_dB: Extra inputs are not permitted"),
        ("strength: 0.5", "strength: much", "methods.r2r.options.strength.*, got 'much'"),
        ("dataset: x-space", "dataset: y-space", "xspace-gaussian.dataset: .*, got 'y-space'"),
        ("shape: [31, 31]", "shape: [31]", "presets.smoke.shape.1: Field required"),
        ("x-space: [32, 8, 8]", "x-space: [32, 0, 8]", "presets.smoke.sizes.x-space.1: .*, got 0"),
        ("title: Gaussian noise at 5 dB", "title: 5", "xspace-gaussian.title: Input should be a valid string, got 5"),
        ("title: Gaussian noise at 5 dB", "title: 2024-05-01", "xspace-gaussian.title"),
        (
            "tuned: [n2n, r2r, proposed, l1, l1_gd, l1_tv, supervised]",
            "tuned: [median]",
            "method of xspace-gaussian must be one of .*; got 'median'",
        ),
        ("repeated: [n2n, proposed, ", "repeated: [median, ", "repeated method of .*; got 'median'"),
        ("experiment: xspace-locked", "experiment: xspace-open", "experiment of locked must be .*; got 'xspace-open'"),
        ("[l1, l1_gd, l1_tv, proposed]", "[l1, l2]", "method of loss_terms must be one of .*; got 'l2'"),
        ("xspace-locked: *inter", "xspace-lost: *inter", "presets.paper.tuned must be one of .*; got 'xspace-lost'"),
        (", system-matrix: [32, 8, 8]", "", "presets.smoke.sizes.*system-matrix"),
        ("  system-matrix: 187.0\n", "", "reference_rms.*system-matrix"),
    ],
)
def test_changed_files_are_refused_by_name(changed, old, new, message):
    """Whatever is wrong, the file and the place in it are named."""
    path = changed(old, new)
    with pytest.raises(ValueError, match=re.compile(f"{re.escape(str(path))}.*{message}", re.DOTALL)):
        experiments.read(path)


@pytest.mark.parametrize("text", ["presets: [1, 2", "a: b: c", "\tx: 1"])
def test_files_that_are_not_yaml_are_refused(tmp_path, text):
    path = tmp_path / "experiments.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} is not valid YAML"):
        experiments.read(path)


@pytest.mark.parametrize("text", ["", "[]", "just words"])
def test_files_without_keys_are_refused(tmp_path, text):
    path = tmp_path / "experiments.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} is refused"):
        experiments.read(path)


@pytest.mark.parametrize(
    "names, message",
    [
        (("xspace", "n2n", "smoke"), "experiment must be one of xspace-gaussian, .*; got 'xspace'"),
        (("xspace-locked", "r2r", "smoke"), "method of xspace-locked must be one of noisy, n2n, proposed; got 'r2r'"),
        (("system-matrix", "n2n", "huge"), "preset must be one of smoke, preview, paper; got 'huge'"),
        (("system-matrix", "n2n", "smoke", -1), "seed must be a whole number of at least 0, got -1"),
        (("system-matrix", "n2n", "smoke", 0, True), "preset smoke has no tuned protocol for system-matrix"),
        (("system-matrix", "n2n", "smoke", 0.5), "seed must be a whole number of at least 0, got 0.5"),
    ],
)
def test_unknown_runs_are_named(book, names, message):
    with pytest.raises(ValueError, match=message):
        book.run(*names)


# Keys


def test_a_key_is_the_same_in_every_process(book, root):
    """Another hash seed, another order of the file's keys."""
    run = book.run("xspace-harmonic", "r2r", "smoke", 3)
    code = "from mpicore import experiments as e; print(e.read().run('xspace-harmonic', 'r2r', 'smoke', 3).key)"
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == run.key
    assert re.fullmatch("[0-9a-f]{12}", run.key)


def test_a_key_does_not_depend_on_the_order_of_the_file(book, root, tmp_path):
    def backwards(value):
        return {k: backwards(value[k]) for k in reversed(value)} if isinstance(value, dict) else value

    path = tmp_path / "experiments.yml"
    path.write_text(yaml.safe_dump(backwards(yaml.safe_load((root / "experiments.yml").read_text())), sort_keys=False))
    other = experiments.read(path)
    for name, run in book.runs("preview").items():
        assert other.named(name, "preview").key == run.key


def test_a_key_tells_seeds_apart(book):
    keys = {book.run("xspace-gaussian", "proposed", "smoke", seed).key for seed in range(20)}
    assert len(keys) == 20
    assert book.run("xspace-gaussian", "noisy", "smoke", 0).key == book.run("xspace-gaussian", "noisy", "smoke", 1).key


@pytest.mark.parametrize(
    "old, new, moved",
    [
        ("epochs: 2,", "epochs: 3,", {"n2n", "r2r", "proposed"}),
        ("width: 4", "width: 5", {"n2n", "r2r", "proposed"}),
        ("recorruptions: 2", "recorruptions: 3", {"r2r"}),
        ("strength: 0.5", "strength: 0.4", {"r2r"}),
        ("alpha: 0.05", "alpha: 0.06", {"proposed"}),
        ("objects: 4", "objects: 5", set()),
        ("sweeps: 10", "sweeps: 20", set()),
        ("title: Gaussian noise at 5 dB", "title: Gaussian noise", set()),
        ("noise: {snr_db: 5.0}", "noise: {snr_db: 6.0}", {"noisy", "n2n", "r2r", "proposed"}),
        ("data_seed: 0", "data_seed: 1", {"noisy", "n2n", "r2r", "proposed"}),
        ("revision: 2", "revision: 3", {"noisy", "n2n", "r2r", "proposed"}),
        ("x-space: [32, 8, 8]", "x-space: [32, 8, 9]", {"noisy", "n2n", "r2r", "proposed"}),
        ("x-space: 228.0", "x-space: 229.0", {"noisy", "n2n", "r2r", "proposed"}),
    ],
)
def test_a_key_changes_with_what_decides_the_outcome_alone(book, changed, old, new, moved):
    """Of the x-space runs with Gaussian noise: ``noisy`` does not depend on trainings, nor any of them on Kaczmarz."""
    other = experiments.read(changed(old, new))
    found = {
        method
        for method in ("noisy", "n2n", "r2r", "proposed")
        if other.run("xspace-gaussian", method, "smoke").key != book.run("xspace-gaussian", method, "smoke").key
    }
    assert found == moved


@pytest.mark.parametrize("old, new", [("objects: 4", "objects: 5"), ("sweeps: 10", "sweeps: 20")])
def test_system_matrix_runs_depend_on_kaczmarz(book, changed, old, new):
    names = ("system-matrix", "noisy", "smoke")
    assert experiments.read(changed(old, new)).run(*names).key != book.run(*names).key


def test_a_run_comes_back_from_its_json(book):
    for run in book.runs("paper").values():
        again = RunConfig.model_validate_json(run.model_dump_json())
        assert again == run
        assert again.key == run.key


def test_a_run_lives_under_its_names(book, tmp_path):
    run = book.run("system-matrix", "n2n", "smoke")
    assert run.folder(tmp_path) == tmp_path / "system-matrix" / "n2n" / run.key
    assert str(run.folder()).startswith("runs/")


def test_a_protocol_enters_a_table_with_all_its_methods_or_not_at_all(book):
    """Table 1 has both; the loss terms and the locked interference have the tuned one, with what does not train."""
    trained = ("n2n", "r2r", "proposed")
    rows = book.rows("table1", "paper")
    assert [name.method for name in rows["paper"]] == ["noisy", *trained]
    assert rows["tuned"] == [RunName("xspace-gaussian", method, tuned=True) for method in trained]
    terms = [RunName("xspace-gaussian", method, tuned=True) for method in ("l1", "l1_gd", "l1_tv", "proposed")]
    assert book.rows("loss_terms", "paper") == {"tuned": terms}
    locked = [RunName("xspace-locked", method, tuned=method != "noisy") for method in ("noisy", "n2n", "proposed")]
    assert book.rows("locked", "paper") == {"tuned": locked}
    for table in book.tables:
        (only,) = book.rows(table, "smoke").values()
        assert only == [RunName(book.tables[table].experiment, method) for method in book.tables[table].methods]
    with pytest.raises(ValueError, match="table must be one of"):
        book.rows("table9", "paper")
    tuned, plain = (book.run("xspace-gaussian", "n2n", "paper", tuned=tuned) for tuned in (True, False))
    assert tuned.training == book.presets["paper"].tuned["xspace-gaussian"].training != plain.training
    assert str(rows["tuned"][0]) == "xspace-gaussian-n2n-tuned"
