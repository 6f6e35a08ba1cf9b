"""The archive gives back what was published, in few files, and names whatever has changed since."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from companion import runs as runs_of
from companion.archive import HISTORY, MANIFEST, Archive, Result, Stored, _lines, _sealed
from companion.verification import must_have_weights
from mpicore import files

#: Bits of a byte that are flipped in turn.
BITS = (0, 3, 7)


def stored(folder, seed, objects=None, epochs=3, weights=True):
    """A finished run of five test signals in two variants: x-space, or a system matrix that shows ``objects``."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    steps = {"epoch": np.arange(epochs), "step": 7 * np.arange(1, epochs + 1)}
    # One-cycle schedules end with rates of 1e-8 and less, losses of small signals are as small.
    history = pd.DataFrame(steps | {name: 1e-9 * rng.random(epochs) for name in HISTORY[2:]})
    items = [(variant, index) for variant in ("literal", "NA") for index in range(5)]
    shown = items if objects is None else [(v, i) for v in ("literal", "NA") for i in range(objects)]
    signals = pd.DataFrame(items, columns=["variant", "index"]).assign(
        snr_db=rng.normal(9, 3, 10), rmse=1e3 * rng.random(10)
    )
    images = pd.DataFrame(shown, columns=["variant", "index"])
    for name in ("ssim", "psnr_db", "object_error"):
        images[name] = rng.random(len(images))
    paths = {}
    if weights:
        paths["weights"] = folder / "weights.safetensors"
        files.save_tensors(paths["weights"], {"w": rng.standard_normal(50).astype(np.float32)}, {"seed": seed})
    if objects is not None:
        paths["arrays"] = folder / "arrays.safetensors"
        files.save_tensors(paths["arrays"], {"images": rng.standard_normal((2, 4, 4)).astype(np.float32)})
    record = {"config": {"seed": seed, "rate": 0.1 + seed}, "training_seconds": 1.5, "versions": {"torch": "2"}}
    return Stored(folder, record, history, signals, images, **paths)


@pytest.fixture
def runs(tmp_path):
    """Four runs: two of one experiment, one of a system matrix, and a case of a study that keeps no weights."""
    return {
        "aaaa": ("xspace", "n2n", stored(tmp_path / "made/a", 1)),
        "bbbb": ("xspace", "n2n-tuned", stored(tmp_path / "made/b", 2)),
        "cccc": ("matrix", "noisy", stored(tmp_path / "made/c", 3, objects=3, epochs=0, weights=False)),
        "dddd": ("study", "0-n2n", stored(tmp_path / "made/d", 4, weights=False)),
    }


@pytest.fixture
def results():
    frame = pd.DataFrame(
        {
            "method": ["nan", "NA", "N2N, tuned"],
            "case": ["5", None, "007"],
            "gain": [1.0, 2.0, np.nan],
            "count": [3, 4, 5],
            "passes": [True, False, True],
        }
    )
    arrays = {"curve": np.linspace(0, 1, 7), "index": np.arange(3)}
    return {"limits": Result(frame, arrays, "1111"), "choices": Result(frame[["gain"]].fillna(1 / 3), {}, "2222")}


@pytest.fixture
def archive(tmp_path, runs, results):
    made = Archive(tmp_path / "published")
    made.publish(runs, results)
    return Archive(made.folder)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_without_a_manifest_is_an_empty_archive(tmp_path):
    archive = Archive(tmp_path / "published")
    assert archive.keys == [] and archive.run("aaaa") is None and archive.result("1111") is None
    assert not Archive.is_at(archive.folder)


def test_what_is_published_is_found_again(archive, runs):
    """Values to six digits, weights and arrays bit for bit, and the record as it was."""
    assert Archive.is_at(archive.folder)
    assert set(archive.keys) == runs.keys() and archive.run("eeee") is None
    for key, (_, row, expected) in runs.items():
        found = archive.run(key)
        assert found.folder.name == row and found.record == expected.record
        for name in ("history", "signals", "images"):
            pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), rtol=5.1e-6, atol=0)
        for name in ("weights", "arrays"):
            path = getattr(expected, name)
            assert (getattr(found, name) is None) == (path is None)
            if path is not None:
                assert getattr(found, name).read_bytes() == path.read_bytes()


def test_missing_values_stay_missing(tmp_path, runs):
    """A training without validation has no such loss; a value that is not a number is not one afterwards either."""
    table, row, run = runs["aaaa"]
    run.history["validation_loss"] = np.nan
    run.signals.loc[3, "snr_db"] = np.nan
    run.signals.loc[4, "snr_db"] = np.inf
    archive = Archive(tmp_path / "published")
    archive.publish({"aaaa": (table, row, run)}, {})
    found = archive.run("aaaa")
    assert found.history["validation_loss"].isna().all()
    np.testing.assert_array_equal(np.isnan(found.signals["snr_db"]), np.arange(10) == 3)
    assert found.signals["snr_db"][4] == np.inf


def test_a_run_whose_images_are_not_of_its_signals_keeps_both(archive, runs):
    found = archive.run("cccc")
    assert len(found.signals) == 10 and len(found.images) == 6
    assert found.signals.columns.tolist() == ["variant", "index", "snr_db", "rmse"]
    assert found.images.columns.tolist() == ["variant", "index", "ssim", "psnr_db", "object_error"]


def test_results_are_found_again(archive, results):
    """With their types: texts that look like numbers or like nothing are texts, whole floats are floats."""
    assert archive.result("3333") is None
    for name, expected in results.items():
        found = archive.result(expected.key)
        assert found.key == expected.key
        pd.testing.assert_frame_equal(found.frame, expected.frame, rtol=5.1e-6)
        assert found.arrays.keys() == expected.arrays.keys(), name
        for part, array in expected.arrays.items():
            np.testing.assert_array_equal(found.arrays[part], array, strict=True)


def test_there_are_fewer_files_than_runs_and_results(archive, runs):
    """One table per experiment and study, weights where there are any, the manifest."""
    assert sorted(contents(archive.folder)) == [
        "analyses/choices.csv",
        "analyses/limits.arrays.safetensors",
        "analyses/limits.csv",
        "manifest.json",
        "matrix.csv.gz",
        "matrix/noisy.arrays.safetensors",
        "study.csv.gz",
        "xspace.csv.gz",
        "xspace/n2n-tuned.weights.safetensors",
        "xspace/n2n.weights.safetensors",
    ]
    many = {
        f"{i:04}": ("xspace", f"n2n-seed{i}", stored(archive.folder.parent / f"more/{i}", i, weights=False))
        for i in range(30)
    }
    archive.publish(many, {})
    assert sorted(contents(archive.folder)) == ["manifest.json", "xspace.csv.gz"]


def test_a_change_of_one_run_is_a_change_of_one_line(archive, runs, results):
    """Besides the digest of the whole."""
    before = (archive.folder / MANIFEST).read_text().splitlines()
    _, _, run = runs["dddd"]
    run.record["training_seconds"] = 2.5
    archive.publish(runs, results)
    after = (archive.folder / MANIFEST).read_text().splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 2
    assert json.loads("\n".join(after))["runs"]["dddd"]["record"]["training_seconds"] == 2.5


def test_publishing_again_changes_nothing(archive, runs, results):
    """Neither from the same runs, nor from what the archive itself holds; by the same object or by another one."""
    before = contents(archive.folder)
    archive.publish(runs, results)
    assert contents(archive.folder) == before
    for again in (archive, Archive(archive.folder)):
        kept = {key: (table, row, again.run(key)) for key, (table, row, _) in runs.items()}
        found = {name: again.result(result.key) for name, result in results.items()}
        again.publish(kept, found)
        assert contents(archive.folder) == before
        assert set(again.keys) == runs.keys()


def test_runs_of_the_archive_may_change_their_names(archive, runs):
    """Two that take each other's place: neither is read from a file that the other has replaced."""
    kept = {key: archive.run(key) for key in ("aaaa", "bbbb")}
    archive.publish({"aaaa": ("xspace", "n2n-tuned", kept["aaaa"]), "bbbb": ("xspace", "n2n", kept["bbbb"])}, {})
    for key in kept:
        assert archive.run(key).weights.read_bytes() == runs[key][2].weights.read_bytes()
        pd.testing.assert_frame_equal(archive.run(key).signals, runs[key][2].signals, rtol=5.1e-6)


def test_files_of_removed_runs_go(archive, runs):
    archive.publish({"aaaa": runs["aaaa"]}, {})
    assert sorted(contents(archive.folder)) == ["manifest.json", "xspace.csv.gz", "xspace/n2n.weights.safetensors"]
    assert sorted(path.name for path in archive.folder.iterdir()) == ["manifest.json", "xspace", "xspace.csv.gz"]
    assert archive.keys == ["aaaa"] and archive.run("bbbb") is None and archive.result("1111") is None


def test_what_a_killed_publication_has_left_goes(tmp_path, runs, results):
    """Its draft, in an archive or in what was to become one."""
    archive = Archive(tmp_path / "published")
    for _ in range(2):
        (archive.folder / ".draft.killed/xspace").mkdir(parents=True)
        (archive.folder / ".draft.killed/xspace.csv.gz").write_text("run")
        archive.publish(runs, results)
        assert not list(archive.folder.glob(".*"))
        read_all(archive.folder, runs, results)


def test_a_folder_of_something_else_is_refused(tmp_path, runs):
    """Publishing removes what is not its own, so it must not be given somebody's sources."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book/intro.md").write_text("# Text")
    with pytest.raises(ValueError, match=r"book holds files and no manifest\.json"):
        Archive(tmp_path / "book").publish(runs, {})
    assert contents(tmp_path / "book") == {"intro.md": b"# Text"}


# Damage


def flipped(path, position, bit):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def read_all(folder, runs, results):
    archive = Archive(folder)
    for key in runs:
        assert archive.run(key) is not None
    for result in results.values():
        assert archive.result(result.key) is not None


def test_a_flipped_bit_of_any_file_is_named(archive, runs, results, tmp_path):
    rng = np.random.default_rng(0)
    for name, data in contents(archive.folder).items():
        for bit in BITS:
            copy = tmp_path / "copy"
            shutil.copytree(archive.folder, copy)
            flipped(copy / name, int(rng.integers(len(data))), bit)
            with pytest.raises(ValueError, match=f"{copy / name} is damaged"):
                read_all(copy, runs, results)
            shutil.rmtree(copy)


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "longer"])
def test_files_that_are_not_whole_are_named(archive, runs, results, damage):
    for name, data in contents(archive.folder).items():
        path = archive.folder / name
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes({"cut": data[:-1], "empty": b"", "longer": data + b"\n"}[damage])
        if name != MANIFEST or damage != "missing":  # without a manifest it is no archive
            with pytest.raises(ValueError, match=f"{path} is damaged"):
                read_all(archive.folder, runs, results)
        path.write_bytes(data)
    read_all(archive.folder, runs, results)


def test_any_changed_byte_of_the_manifest_is_named(archive):
    """Keys, names and line ends too: an entry whose key is wrong would be taken for a run that is not there."""
    path = archive.folder / MANIFEST
    data = path.read_bytes()
    for position in range(0, len(data), 5):
        flipped(path, position, position % 8)
        with pytest.raises(ValueError, match=f"{path} is damaged .*; restore it"):
            Archive(archive.folder)
        path.write_bytes(data)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"runs": {}, "files": {}, "results": {}}', "\x00", '"digest": ']
)
def test_a_manifest_of_another_kind_is_named(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=f"{tmp_path / MANIFEST} is damaged"):
        Archive(tmp_path)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "a/../b.csv", "table.txt", ".hidden.csv", "a b.csv"])
def test_a_manifest_names_files_of_an_archive_alone(archive, name):
    """Also where its digest is made to fit."""
    path = archive.folder / MANIFEST
    content = json.loads(path.read_text())
    del content["digest"]
    content["files"][name] = "0" * 64
    path.write_text(_sealed(_lines(content)))
    with pytest.raises(ValueError, match=f"{path} is damaged .an archive has no file '{name}'.; restore it"):
        Archive(archive.folder)


def test_damage_done_while_an_archive_is_open_is_found(archive, runs):
    """It is not the digest of the first reading that counts."""
    assert archive.run("aaaa") is not None
    flipped(archive.folder / "xspace.csv.gz", 60, 1)
    with pytest.raises(ValueError, match=r"xspace\.csv\.gz is damaged"):
        archive.run("aaaa")


def test_a_row_that_is_not_in_its_table_is_named(tmp_path, runs):
    """What no damage makes, but a mistake in publishing might."""
    table, row, run = runs["aaaa"]
    archive = Archive(tmp_path / "published")
    archive.publish(
        {"aaaa": (table, row, Stored(run.folder, run.record, run.history, run.signals[:0], run.images[:0]))}, {}
    )
    with pytest.raises(ValueError, match=r"xspace\.csv\.gz has no rows of n2n"):
        archive.run("aaaa")


def test_two_runs_of_one_name_are_refused(tmp_path, runs):
    """The name of a method may end as those of further seeds do."""
    archive = Archive(tmp_path / "published")
    with pytest.raises(ValueError, match="two runs have the name xspace n2n: aaaa and bbbb"):
        archive.publish({"aaaa": runs["aaaa"], "bbbb": ("xspace", "n2n", runs["bbbb"][2])}, {})
    assert not list(archive.folder.iterdir())


# What comes with the repository


def test_the_repository_keeps_the_runs_of_the_paper(book, root):
    """All of them and no others, each of its configuration, with the weights that it must have; in few small files."""
    archive = Archive(root / "published")
    known = runs_of.distinct(book.runs("paper"))
    for name, config in known:
        run = runs_of.load(config, (archive.folder,))
        assert not must_have_weights(book, name, config) or run.stored.weights is not None, name
        assert len(run.signals) == config.sizes[2] * len(config.test_noise)
        trained = config.training is not None and config.readout is None
        assert run.history["epoch"].is_monotonic_increasing and trained != run.history.empty
    assert set(archive.keys) == {config.key for _, config in known}
    sizes = [len(content) for content in contents(archive.folder).values()]
    assert len(sizes) < 200 and sum(sizes) < 60e6
