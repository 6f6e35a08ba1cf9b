"""Runs in folders: made once, found again, checked whenever they are read, and made whole after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from companion import evaluation, runs
from companion.archive import HISTORY, Archive
from companion.config import RunName
from companion.record import sealed
from companion.setup import Setup
from mpicore import denoisers, files

RECORD = "record.json"
FILES = ["history.csv", "images.csv", "signals.csv", "weights.safetensors"]


@pytest.fixture(scope="module")
def config(tiny):
    return tiny("xspace-gaussian", "n2n")


@pytest.fixture(scope="module")
def made(config, tmp_path_factory):
    """A finished run, made once, and where it is."""
    root = (tmp_path_factory.mktemp("made"),)
    return root, runs.obtain(config, root)


@pytest.fixture
def copy(config, made, tmp_path):
    """Its folder, in a root of this test's own."""
    return shutil.copytree(made[0][0] / config.key, tmp_path / config.key)


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_obtain_makes_a_whole_run(config, made):
    (root,), _ = made
    folder = root / config.key
    assert os.listdir(root) == [config.key]
    assert sorted(os.listdir(folder)) == sorted([".lock", *FILES, RECORD])
    assert runs.find(config, made[0]) == folder
    record = json.loads((folder / RECORD).read_text())
    assert record["key"] == config.key
    assert record["config"] == config.resolved()
    assert record["files"] == {name: files.digest(folder / name) for name in FILES}
    assert record["threads"] >= 1
    assert record["versions"]["torch"]


def test_a_run_holds_what_the_denoiser_and_its_test_gave(config, made):
    """Fitted and measured here, without the run: the same history, weights and figures."""
    _, run = made
    setup = Setup(config)
    denoiser = denoisers.create("n2n", width=2, dropout=config.options["dropout"], training=config.training, seed=0)
    pairs, validation = setup.fitting_pairs(denoiser)
    denoiser.fit(*pairs, validation=validation)
    expected = evaluation.evaluate(denoiser, setup)
    assert run.config == config
    for name, value in denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)
    test = setup.held_out("literal")
    np.testing.assert_array_equal(run.denoiser.denoise(test.u1), denoiser.denoise(test.u1))
    pd.testing.assert_frame_equal(run.signals, expected.signals, rtol=1e-12)
    pd.testing.assert_frame_equal(run.images, expected.images, rtol=1e-12)
    columns = ["epoch", "step", "learning_rate", "training_loss", "validation_loss"]
    pd.testing.assert_frame_equal(run.history[columns], pd.DataFrame(denoiser.history)[columns], rtol=1e-12)
    assert len(run.history) == config.training.epochs


def test_a_second_obtain_computes_nothing(config, made, monkeypatch):
    """Files keep their times, and neither training nor test may run; names for people may be others."""
    root, first = made
    before = times(root[0] / config.key)
    monkeypatch.setattr(evaluation, "evaluate", None)
    monkeypatch.setattr(runs, "fit", None)
    second = runs.obtain(replace(config, experiment="study", method="other", protocol="tuned"), root)
    assert times(root[0] / config.key) == before
    pd.testing.assert_frame_equal(first.signals, second.signals)
    for name, value in first.denoiser.state().items():
        np.testing.assert_array_equal(second.denoiser.state()[name], value)


def test_data_of_the_cache_give_the_same_run(config, made, tmp_path):
    """Bit for bit, whether they are mapped or in memory; the next run finds them there."""
    run = runs.obtain(config, (tmp_path / "runs",), cache=tmp_path / "data")
    names = {path.name.split("-")[0] for path in (tmp_path / "data").iterdir() if path.is_dir()}
    assert names == {"pairs", "test"}
    pd.testing.assert_frame_equal(run.signals, made[1].signals)
    pd.testing.assert_frame_equal(run.images, made[1].images)
    for name, value in made[1].denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)


def test_a_run_without_training(tiny, tmp_path):
    run = runs.obtain(tiny("xspace-gaussian", "noisy"), (tmp_path,))
    assert run.history.empty
    assert run.history.columns.tolist() == HISTORY
    assert run.record["device"] == "cpu"
    assert run.record["training_seconds"] == 0
    assert len(run.signals) == len(run.images) == 4
    assert type(run.denoiser) is denoisers.find("noisy") and run.arrays == {}


def test_a_system_matrix_run_keeps_its_arrays(tiny, tmp_path):
    config = tiny("system-matrix", "noisy", objects=2)
    run = runs.obtain(config, (tmp_path,))
    expected = evaluation.evaluate(denoisers.create("noisy"), Setup(config))
    assert run.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(run.arrays[name], array)
    assert len(run.images) == 2
    path = tmp_path / config.key / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{path} is damaged or missing"):
        runs.load(config, (tmp_path,))


def test_r2r_keeps_its_noise_level(tiny, tmp_path):
    config = tiny("xspace-gaussian", "r2r", sizes=(4, 1, 1))
    run = runs.obtain(config, (tmp_path,))
    (sigma,) = (value for name, value in run.denoiser.state().items() if "sigma" in name)
    assert float(sigma) == pytest.approx(np.sqrt(10**-0.5 / (1 + 10**-0.5)), rel=0.05)


def test_variants_with_names_that_look_like_nothing_are_kept(tiny, tmp_path):
    """Tables are texts: NA and nan are names there, not missing values."""
    noise = tiny("xspace-gaussian", "noisy").noise
    config = tiny("xspace-gaussian", "noisy", test_noise={"NA": noise, "nan": noise})
    assert runs.obtain(config, (tmp_path,)).signals["variant"].unique().tolist() == ["NA", "nan"]


# Several places


@pytest.fixture
def published(config, made, tmp_path):
    """The run as it comes with the repository, and an empty folder for further ones."""
    archive = Archive(tmp_path / "published")
    archive.publish({config.key: ("xspace-gaussian", "n2n", made[1].stored)}, {})
    return (tmp_path / "published", tmp_path / "runs")


def test_a_published_run_is_found_first(config, made, published):
    """Nothing is made where it is there."""
    assert runs.find(config, published) == published[0]
    run = runs.obtain(config, published)
    pd.testing.assert_frame_equal(run.signals, made[1].signals, rtol=1e-5)
    pd.testing.assert_frame_equal(run.history, made[1].history, rtol=1e-5)
    for name, value in made[1].denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)
    assert not published[1].exists()


def test_a_new_run_goes_to_the_last_place(tiny, published):
    config = tiny("xspace-gaussian", "noisy")
    runs.obtain(config, published)
    assert runs.find(config, published) == published[1] / config.key


def test_a_published_run_of_another_configuration_is_named(config, made, tmp_path):
    """What a mistake in publishing would make: the key of one run with the record of another one."""
    record = {**made[1].record, "config": {**made[1].record["config"], "data_seed": 7}}
    Archive(tmp_path).publish({config.key: ("xspace", "n2n", replace(made[1].stored, record=record))}, {})
    with pytest.raises(ValueError, match=f"{config.key} is of another configuration"):
        runs.load(config, (tmp_path,))


# What is refused


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "altered", "cut", "empty"])
def test_damaged_files_are_named(config, copy, tmp_path, name, damage):
    data = (copy / name).read_bytes()
    if damage == "missing":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(
            {"altered": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:-1], "empty": b""}[damage]
        )
    with pytest.raises(ValueError, match=f"{copy}/{name} is damaged or missing; delete {copy} to make the run again"):
        runs.obtain(config, (tmp_path,))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"files": {}}', '{"config": {}}', "\x00", "\xff"])
def test_a_damaged_record_is_named(config, copy, tmp_path, text):
    (copy / RECORD).write_text(text)
    with pytest.raises(ValueError, match=f"{copy}/{RECORD} is damaged .*; delete {copy} to make the run again"):
        runs.load(config, (tmp_path,))


@pytest.mark.parametrize("part", ["config", "files", "training_seconds"])
@pytest.mark.parametrize("value", ["missing", None, {}, [], {"signals.csv": 1}, {"../signals.csv": "0"}])
def test_a_record_without_its_parts_is_named(config, copy, tmp_path, part, value):
    record = json.loads((copy / RECORD).read_text())
    del record[part]
    (copy / RECORD).write_text(json.dumps(record if value == "missing" else {**record, part: value}))
    with pytest.raises(ValueError, match=f"{copy.name}.*(is damaged|of another configuration)"):
        runs.load(config, (tmp_path,))


@pytest.mark.parametrize("change", [{"device": "gpu"}, {"threads": 64}, {"evaluation_seconds": 1.0e6}])
def test_a_record_in_which_anything_was_changed_is_named(config, copy, tmp_path, change):
    record = json.loads((copy / RECORD).read_text())
    files.write_json(copy / RECORD, record | change)
    with pytest.raises(ValueError, match=f"{copy}/{RECORD} is damaged .its content does not match its digest.; delete"):
        runs.load(config, (tmp_path,))


def test_a_record_of_the_first_release_is_read(config, copy, tmp_path):
    """It has no digest, and perhaps no validation error."""
    record = json.loads((copy / RECORD).read_text())
    del record["digest"], record["validation_error"]
    files.write_json(copy / RECORD, record)
    assert runs.load(config, (tmp_path,)).record == record


def test_a_run_whose_record_leaves_out_its_weights_is_named(config, copy, tmp_path):
    record = json.loads((copy / RECORD).read_text())
    del record["files"]["weights.safetensors"]
    files.write_json(copy / RECORD, sealed(record))
    with pytest.raises(ValueError, match=f"{copy} has no weights, which such a run keeps; delete it to make the run"):
        runs.load(config, (tmp_path,))


def test_a_record_of_another_configuration_is_named(config, copy, tmp_path):
    record = json.loads((copy / RECORD).read_text())
    record["config"]["training"]["epochs"] = 7
    (copy / RECORD).write_text(json.dumps(sealed(record)))
    with pytest.raises(ValueError, match=f"{copy}: the run {config.key} is of another configuration; delete it"):
        runs.obtain(config, (tmp_path,))


def test_a_missing_run_is_named(config, tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=f"no finished run of xspace-gaussian n2n \\({config.key}\\) in {tmp_path} or {tmp_path}/more; `make",
    ):
        runs.load(config, (tmp_path, tmp_path / "more"))
    assert os.listdir(tmp_path) == []


def test_a_root_that_cannot_be_written_is_named(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=str(tmp_path / "file")):
        runs.obtain(config, (tmp_path / "file",))


def test_an_unknown_device_is_named(config, tmp_path):
    with pytest.raises(ValueError, match="device must be auto, cpu or a device of this machine, got 'abacus'"):
        runs.obtain(config, (tmp_path,), device="abacus")
    assert runs.find(config, (tmp_path,)) is None


# Interruption


class Killed(BaseException):
    """What a test raises where a process would end."""


@pytest.mark.parametrize("where", ["evaluate", "signals.csv", "weights.safetensors", RECORD])
def test_a_run_killed_after_training_is_made_whole(config, made, tmp_path, monkeypatch, where):
    """Without the record it is not a run yet; a second call takes the trained network from the checkpoint."""
    folder = tmp_path / config.key

    def killed(*arguments, **options):
        raise Killed

    def at(write):
        return lambda path, *rest: killed() if path.name == where else write(path, *rest)

    with monkeypatch.context() as patch:
        if where == "evaluate":
            patch.setattr(evaluation, "evaluate", killed)
        for name in ("write_text", "write_json", "save_tensors"):
            patch.setattr(files, name, at(getattr(files, name)))
        with pytest.raises(Killed):
            runs.obtain(config, (tmp_path,))
    assert not (folder / RECORD).exists()
    assert (folder / "checkpoint.safetensors").exists()
    with pytest.raises(FileNotFoundError, match="no finished run"):
        runs.load(config, (tmp_path,))

    with monkeypatch.context() as patch:
        patch.setattr("mpicore.training._validation_loss", killed)  # no epoch may be trained again
        run = runs.obtain(config, (tmp_path,))
    assert sorted(os.listdir(folder)) == sorted([".lock", *FILES, RECORD])
    _, whole = made
    pd.testing.assert_frame_equal(run.signals, whole.signals)
    pd.testing.assert_frame_equal(run.images, whole.images)
    for name, value in whole.denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)


def test_what_a_kill_after_the_record_has_left_goes_with_the_next_call(config, copy, tmp_path):
    """And what a kill while a file was written has left; the run is found whole, and not made again."""
    before = contents(copy)
    for name in (runs.CHECKPOINT, ".weights.safetensors.abc.draft"):
        (copy / name).write_bytes(b"left")
    assert runs.load(config, (tmp_path,))
    runs.obtain(config, (tmp_path,))
    assert contents(copy) == before


def test_a_run_without_its_record_is_made_again_from_nothing(config, copy, made, tmp_path):
    """With the checkpoint gone as well, it is trained anew, to the same files but for the times in them."""
    before = contents(copy)
    (copy / RECORD).unlink()
    runs.obtain(config, (tmp_path,))
    for name in ("signals.csv", "images.csv"):
        assert (copy / name).read_bytes() == before[name]
    arrays, _ = files.load_tensors(copy / "weights.safetensors")
    for name, value in made[1].denoiser.state().items():
        np.testing.assert_array_equal(arrays[name], value)


MAKER = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from companion import experiments, runs
from dataclasses import replace
config = experiments.read().run("xspace-gaussian", "noisy", "smoke")
config = replace(config, scanner=replace(config.scanner, shape=(16, 16)), sizes=(8, 2, 4))
made = runs._make
def make(setup, folder, root, device, progress):
    with open(sys.argv[1] + ".log", "a") as log:
        log.write("made\\n")
    made(setup, folder, root, device, progress)
    if sys.argv[2] == "killed":
        (folder / "record.json").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
runs._make = make
print(runs.obtain(config, (sys.argv[1],)).signals["snr_db"].mean())
"""


def maker(root, folder, how):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", MAKER, str(folder), how]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_ask_at_once_make_a_run_once(root, tmp_path):
    both = [maker(root, tmp_path / "runs", "whole") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert outputs[0] == outputs[1] != ""
    assert (tmp_path / "runs.log").read_text() == "made\n"


def test_a_killed_process_does_not_hold_its_run(root, tmp_path):
    """Its lock ends with it, and what it has written does not count."""
    first = maker(root, tmp_path / "runs", "killed")
    assert first.wait(timeout=120) == -signal.SIGKILL
    first.stdout.close()
    assert maker(root, tmp_path / "runs", "whole").communicate(timeout=120)[0]
    assert (tmp_path / "runs.log").read_text() == "made\nmade\n"


# Progress


def test_progress_tells_the_training_that_is_left(config, copy, tiny, tmp_path):
    """Finished, half done and waiting: the pace of the half-done one serves both that have steps left."""
    begun, waiting, noisy = (tiny("xspace-gaussian", method) for method in ("proposed", "r2r", "noisy"))
    names = {RunName("xspace-gaussian", c.method): c for c in (config, begun, waiting, noisy)}
    alone = runs.progress({RunName("xspace-gaussian", "r2r"): waiting}, (tmp_path,))
    assert alone["minutes_left"].isna().all()
    record = json.loads((copy / RECORD).read_text())
    files.write_json(copy / RECORD, sealed(record | {"training_seconds": 2 * 60.0}))
    checkpoint = tmp_path / begun.key / runs.CHECKPOINT
    files.save_tensors(checkpoint, {"weight": np.zeros(1)}, {"step": 1, "seconds": 60.0})
    found = runs.progress(names, (tmp_path,))
    assert found["run"].tolist() == [f"xspace-gaussian-{method}" for method in ("n2n", "proposed", "r2r")]
    assert found["state"].tolist() == ["finished", "begun", "waiting"]
    assert found["share"].tolist() == [1, 0.5, 0]
    # Two steps a training, each a minute long.
    assert found["minutes_left"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("state", [{}, {"step": 0, "seconds": 1.0}, {"step": "one", "seconds": 1.0}, {"step": 1}])
def test_progress_names_a_checkpoint_that_says_nothing(tiny, tmp_path, state):
    begun = tiny("xspace-gaussian", "proposed")
    checkpoint = tmp_path / begun.key / runs.CHECKPOINT
    files.save_tensors(checkpoint, {"weight": np.zeros(1)}, state)
    with pytest.raises(ValueError, match=f"{checkpoint} is no checkpoint; delete it to start over"):
        runs.progress({RunName("xspace-gaussian", "proposed"): begun}, (tmp_path,))


def test_progress_takes_the_steps_of_another_seed(config, copy, tmp_path):
    """How many steps a training makes is not always known before: the data or its patience may decide."""
    record, history = json.loads((copy / RECORD).read_text()), pd.read_csv(copy / "history.csv")
    files.write_text(copy / "history.csv", history.assign(step=history["step"] * 10).to_csv(index=False))
    digests = record["files"] | {"history.csv": files.digest(copy / "history.csv")}
    files.write_json(copy / RECORD, sealed(record | {"training_seconds": 20 * 60.0, "files": digests}))
    names = {RunName("a", "n2n", seed=seed): replace(config, seed=seed) for seed in (0, 1)}
    assert runs.progress(names, (tmp_path,))["minutes_left"].tolist() == [0, 20]


def test_equal_configurations_are_counted_once(config, tiny):
    """Under the first of their names."""
    first, again, other = RunName("a", "n2n"), RunName("b", "n2n", case="5"), RunName("a", "noisy")
    noisy = tiny("xspace-gaussian", "noisy")
    names = {first: config, other: noisy, again: replace(config, experiment="b")}
    assert runs.distinct(names) == [(first, config), (other, noisy)]
