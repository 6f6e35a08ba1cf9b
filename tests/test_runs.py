"""Runs as folders: made once, found again, checked whenever they are read, and made whole after a kill."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from companion import evaluation, runs
from companion.experiments import RunName
from mpicore import denoisers, files

RECORD = "record.json"
FILES = ["arrays.safetensors", "history.csv", "images.csv", "signals.csv", "weights.safetensors"]


@pytest.fixture(scope="module")
def config(tiny):
    return tiny("xspace-gaussian", "n2n")


@pytest.fixture(scope="module")
def made(config, tmp_path_factory):
    """A finished run, made once."""
    folder = tmp_path_factory.mktemp("made")
    return folder, runs.obtain(config, folder)


@pytest.fixture
def copy(config, made, tmp_path):
    """Its folder, in a root of this test's own."""
    target = config.folder(tmp_path)
    target.mkdir(parents=True)
    for path in config.folder(made[0]).iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_obtain_makes_a_whole_run(config, made):
    folder = config.folder(made[0])
    assert sorted(os.listdir(folder)) == sorted([*FILES, "config.json", RECORD])
    record = json.loads((folder / RECORD).read_text())
    assert record["key"] == config.key == folder.name
    assert record["config"] == config.resolved()
    assert record["files"] == {name: files.digest(folder / name) for name in FILES}
    assert record["threads"] >= 1
    assert record["versions"]["torch"]
    assert json.loads((folder / "config.json").read_text()) == record["config"]


def test_a_run_holds_what_the_denoiser_and_its_test_gave(config, made):
    """Fitted and measured here, without the run: the same history, weights and figures."""
    _, run = made
    data = evaluation.dataset(config)
    denoiser = denoisers.create("n2n", **config.network.model_dump(), training=config.training.model_dump(), seed=0)
    denoiser.fit(data.train.u1, data.train.u2, data.validation)
    expected = evaluation.evaluate(denoiser, config)
    assert run.config == config
    for name, value in denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)
    np.testing.assert_array_equal(run.denoiser.denoise(data.test.u1), denoiser.denoise(data.test.u1))
    pd.testing.assert_frame_equal(run.signals, expected.signals, check_dtype=False, rtol=1e-12)
    pd.testing.assert_frame_equal(run.images, expected.images, check_dtype=False, rtol=1e-12)
    columns = ["epoch", "step", "learning_rate", "training_loss", "validation_loss"]
    pd.testing.assert_frame_equal(run.history[columns], pd.DataFrame(denoiser.history)[columns], rtol=1e-12)
    assert len(run.history) == config.training.epochs


def test_a_second_obtain_computes_nothing(config, made, monkeypatch):
    """Files keep their times, and neither training nor test may run."""
    root, first = made
    before = times(config.folder(root))
    monkeypatch.setattr(evaluation, "evaluate", None)
    monkeypatch.setattr(denoisers.networks, "train", None)
    second = runs.obtain(config, root)
    assert times(config.folder(root)) == before
    pd.testing.assert_frame_equal(first.signals, second.signals)
    np.testing.assert_array_equal(first.denoiser.state()["stem.weight"], second.denoiser.state()["stem.weight"])


def test_a_run_without_training(tiny, tmp_path):
    run = runs.obtain(tiny("xspace-gaussian", "noisy"), tmp_path)
    assert run.history.empty
    assert run.history.columns.tolist() == [
        "epoch",
        "step",
        "learning_rate",
        "training_loss",
        "validation_loss",
        "seconds",
    ]
    assert run.record["device"] == "cpu"
    assert run.record["training_seconds"] == 0
    assert len(run.signals) == len(run.images) == 4


def test_a_system_matrix_run_keeps_its_arrays(tiny, tmp_path):
    config = tiny("system-matrix", "noisy", objects=2)
    run = runs.obtain(config, tmp_path)
    expected = evaluation.evaluate(denoisers.create("noisy"), config)
    assert run.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(run.arrays[name], array)
    assert len(run.images) == 2


def test_r2r_keeps_its_noise_level(tiny, tmp_path):
    config = tiny("xspace-gaussian", "r2r", sizes=[4, 1, 1])
    run = runs.obtain(config, tmp_path)
    assert run.denoiser.options["sigma"] == pytest.approx(np.sqrt(10**-0.5 / (1 + 10**-0.5)), rel=0.05)
    assert run.denoiser.recorruptions == config.options["recorruptions"]


def test_provenance_is_read_from_the_records(config, made, tiny, tmp_path):
    """One row per run; what a method without training does not have is left open."""
    noisy = tiny("xspace-gaussian", "noisy")
    for source in (config.folder(made[0]),):
        target = config.folder(tmp_path)
        target.mkdir(parents=True)
        for path in source.iterdir():
            (target / path.name).write_bytes(path.read_bytes())
    record = runs.obtain(noisy, tmp_path).record
    first, second = RunName("xspace-gaussian", "noisy"), RunName("xspace-gaussian", "n2n")
    table = runs.provenance({first: noisy, second: config}, tmp_path)
    assert table["key"].tolist() == [noisy.key, config.key]
    assert table["method"].tolist() == ["noisy", "n2n"]
    assert table.loc[0, ["protocol", "seed", "signals", "steps"]].isna().all()
    assert table.loc[1, ["protocol", "seed", "signals", "steps"]].tolist() == ["paper", 0, 8, 2]
    assert table.loc[1, "learning_rate"] == config.training.learning_rate
    assert table["training_seconds"].tolist() == [0, made[1].record["training_seconds"]]
    assert table.loc[0, "torch"] == record["versions"]["torch"]
    with pytest.raises(FileNotFoundError, match="no finished run"):
        runs.provenance({second: tiny("xspace-gaussian", "n2n", seed=1)}, tmp_path)


# Published runs


@pytest.fixture
def published(config, made, tmp_path):
    """The run as it comes with the repository, and an empty folder for further ones."""
    folder = runs.publish(config, made[0], tmp_path / "published")
    return folder, os.pathsep.join((str(tmp_path / "published"), str(tmp_path / "runs")))


def test_a_published_run_is_found_first(config, made, published):
    """Nothing is made where it is there, and a run that is not published is made in the last folder."""
    folder, root = published
    assert runs.find(config, root) == folder
    run = runs.obtain(config, root)
    pd.testing.assert_frame_equal(run.signals, made[1].signals, rtol=1e-5)
    for name, value in made[1].denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)
    assert sorted(os.listdir(folder)) == sorted([*FILES, RECORD])
    assert not os.path.exists(root.split(os.pathsep)[1])


def test_a_new_run_goes_to_the_last_folder(tiny, published):
    folder, root = published
    config = tiny("xspace-gaussian", "noisy")
    runs.obtain(config, root)
    assert runs.find(config, root) == config.folder(root.split(os.pathsep)[1])


def test_a_run_is_published_without_its_weights(config, made, tmp_path):
    """Its numbers are read as before; there is nothing to denoise with, so nothing is compared."""
    folder = runs.publish(config, made[0], tmp_path, weights=False)
    assert sorted(os.listdir(folder)) == sorted([*FILES[:-1], RECORD])
    run = runs.load(config, tmp_path)
    assert run.denoiser is None
    pd.testing.assert_frame_equal(run.signals, made[1].signals, rtol=1e-5)
    assert runs.verify(config, tmp_path) == {}


@pytest.mark.parametrize("signals", [None, 2])
def test_a_published_run_agrees_with_its_weights(config, published, signals):
    """On the machine that made it, to the six digits of its tables."""
    deviations = runs.verify(config, published[1], signals)
    assert deviations.keys() == runs.TOLERANCES.keys()
    assert max(deviations.values()) < 1e-4


def test_a_published_system_matrix_agrees_with_its_weights(tiny, tmp_path):
    config = tiny("system-matrix", "n2n", objects=2)
    runs.obtain(config, tmp_path)
    assert runs.verify(config, tmp_path).keys() == {*runs.TOLERANCES, "components"}
    assert runs.verify(config, tmp_path, 1).keys() == {"snr_db", "rmse"}


@pytest.mark.parametrize(
    "experiment, method, sizes",
    [("xspace-gaussian", "linear_n2n", [40, 8, 4]), ("system-matrix", "dct_wiener", [8, 2, 4])],
)
def test_what_is_fitted_in_seconds_is_fitted_again(tiny, tmp_path, experiment, method, sizes):
    """No weights are kept, and yet a published run is measured again; a value that is not right is found."""
    config = tiny(experiment, method, sizes=sizes)
    run = runs.obtain(config, tmp_path / "runs")
    assert run.denoiser is None
    folder = runs.publish(config, tmp_path / "runs", tmp_path)
    assert "weights.safetensors" not in os.listdir(folder)
    assert max(runs.verify(config, tmp_path, 2).values()) < 1e-4
    table = pd.read_csv(folder / "signals.csv")
    table["snr_db"] += 0.01
    rewrite(folder, "signals.csv", table.to_csv(index=False).encode())
    with pytest.raises(ValueError, match="does not agree with its weights: snr_db of literal item"):
        runs.verify(config, tmp_path, 2)


def rewrite(folder, name, content):
    """Another content, and a record that knows of it: what a digest alone cannot find."""
    (folder / name).write_bytes(content)
    record = json.loads((folder / RECORD).read_text())
    record["files"][name] = files.digest(folder / name)
    (folder / RECORD).write_text(json.dumps(record))


@pytest.mark.parametrize("column", ["snr_db", "rmse", "ssim", "psnr_db"])
@pytest.mark.parametrize("signals", [None, 1])
def test_values_that_the_weights_do_not_give_are_refused(config, published, column, signals):
    """The first value of a column moved by little more than a hundredth, digests and all."""
    folder, root = published
    name = "signals.csv" if column in ("snr_db", "rmse") else "images.csv"
    table = pd.read_csv(folder / name)
    table.loc[0, column] += 0.01 + 0.01 * abs(table.loc[0, column])
    rewrite(folder, name, table.to_csv(index=False).encode())
    with pytest.raises(ValueError, match=f"{folder} does not agree with its weights: {column} of literal item 0"):
        runs.verify(config, root, signals)


def test_weights_that_do_not_give_the_values_are_refused(config, published, tiny, tmp_path):
    folder, root = published
    other = runs.obtain(tiny("xspace-gaussian", "n2n", seed=1), tmp_path / "other")
    files.save_tensors(tmp_path / "weights", other.denoiser.state())
    rewrite(folder, "weights.safetensors", (tmp_path / "weights").read_bytes())
    with pytest.raises(ValueError, match=f"{folder} does not agree with its weights: snr_db"):
        runs.verify(config, root, 1)


def test_a_source_note_names_notebook_run_and_cost(made, tiny, tmp_path):
    _, run = made
    noisy = runs.obtain(tiny("xspace-gaussian", "noisy"), tmp_path)
    note = runs.source_note("table1", "smoke", [run, noisy])
    assert "`notebooks/table1.md` with preset `smoke`" in note
    assert f"n2n `{run.config.key}`, trained in 0 min on cpu" in note
    assert note.endswith(f"noisy `{noisy.config.key}`.*")


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
        runs.obtain(config, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"files": {}}', '{"config": {}}', "\x00"])
def test_a_damaged_record_is_named(config, copy, tmp_path, text):
    (copy / RECORD).write_text(text)
    with pytest.raises(ValueError, match=f"{copy}/{RECORD} is damaged .*; delete {copy} to make the run again"):
        runs.load(config, tmp_path)


@pytest.mark.parametrize("listed", [{}, [], {"signals.csv": 1}])
def test_a_record_that_does_not_list_its_files_is_named(config, copy, tmp_path, listed):
    record = json.loads((copy / RECORD).read_text())
    (copy / RECORD).write_text(json.dumps({**record, "files": listed}))
    if not listed:
        (copy / "weights.safetensors").unlink()
    with pytest.raises(ValueError, match=str(copy)):
        runs.load(config, tmp_path)


def test_a_record_of_another_configuration_is_named(config, copy, tmp_path):
    record = json.loads((copy / RECORD).read_text())
    record["config"]["training"]["epochs"] = 7
    (copy / RECORD).write_text(json.dumps(record))
    with pytest.raises(
        ValueError, match=f"{copy}/{RECORD} is of another configuration; delete {copy} to make the run again"
    ):
        runs.obtain(config, tmp_path)


def test_a_missing_run_is_named(config, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=f"no finished run in {config.folder(tmp_path)}; `make reproduce` trains it"
    ):
        runs.load(config, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_root_that_cannot_be_written_is_named(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"cannot write into folder {config.folder(tmp_path / 'file')}"):
        runs.obtain(config, tmp_path / "file")


def test_an_unknown_device_is_named(config, tmp_path):
    with pytest.raises(ValueError, match="device must be auto, cpu or a device of this machine, got 'abacus'"):
        runs.obtain(config, tmp_path, device="abacus")
    assert not (config.folder(tmp_path) / RECORD).exists()


# Interruption


class Killed(BaseException):
    """What a test raises where a process would end."""


@pytest.mark.parametrize("where", ["evaluate", "signals.csv", "arrays.safetensors", RECORD])
def test_a_run_killed_after_training_is_made_whole(config, made, tmp_path, monkeypatch, where):
    """Without the record it is not a run yet; a second call takes the trained network from the checkpoint."""
    folder = config.folder(tmp_path)

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
            runs.obtain(config, tmp_path)
    assert not (folder / RECORD).exists()
    assert (folder / "checkpoint.safetensors").exists()
    with pytest.raises(FileNotFoundError, match="no finished run"):
        runs.load(config, tmp_path)

    with monkeypatch.context() as patch:
        patch.setattr("mpicore.training._validation_loss", killed)  # no epoch may be trained again
        run = runs.obtain(config, tmp_path)
    assert sorted(os.listdir(folder)) == sorted([*FILES, "config.json", RECORD])
    _, whole = made
    pd.testing.assert_frame_equal(run.signals, whole.signals)
    pd.testing.assert_frame_equal(run.images, whole.images)
    for name, value in whole.denoiser.state().items():
        np.testing.assert_array_equal(run.denoiser.state()[name], value)


def test_a_run_without_its_record_is_made_again_from_nothing(config, copy, made, tmp_path):
    """With the checkpoint gone as well, it is trained anew, to the same files but for the times in them."""
    before = contents(copy)
    (copy / RECORD).unlink()
    runs.obtain(config, tmp_path)
    for name in ("signals.csv", "images.csv"):
        assert (copy / name).read_bytes() == before[name]
    arrays, _ = files.load_tensors(copy / "weights.safetensors")
    for name, value in made[1].denoiser.state().items():
        np.testing.assert_array_equal(arrays[name], value)


def test_progress_tells_the_training_that_is_left(config, made, copy, tiny, tmp_path):
    """Finished, half done and waiting: the pace of the half-done one serves both that have steps left."""
    begun, waiting, noisy = (tiny("xspace-gaussian", method) for method in ("proposed", "r2r", "noisy"))
    names = {RunName("xspace-gaussian", c.method): c for c in (config, begun, waiting, noisy)}
    alone = runs.progress({RunName("xspace-gaussian", "r2r"): waiting}, tmp_path)
    assert alone["minutes_left"].isna().all()
    record = json.loads((copy / RECORD).read_text())
    files.write_json(copy / RECORD, record | {"training_seconds": 2 * 60.0})
    checkpoint = begun.folder(tmp_path) / "checkpoint.safetensors"
    files.save_tensors(checkpoint, {"weight": np.zeros(1)}, {"step": 1, "seconds": 60.0})
    found = runs.progress(names, tmp_path)
    assert found["state"].tolist() == ["finished", "begun", "waiting"]
    assert found["share"].tolist() == [1, 0.5, 0]
    # Two steps a training, each a minute long.
    assert found["minutes_left"].tolist() == [0, 1, 2]
