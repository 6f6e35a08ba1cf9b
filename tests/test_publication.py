"""Of the finished runs of a preset the repository keeps the numbers, and the weights of one network per row."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import Book

from companion import runs
from companion.archive import Archive, Result
from companion.config import RunName
from companion.publication import publish


@pytest.fixture(scope="module")
def known(tiny):
    """A closed form, two seeds of a network, a study that shares a run, and one that nobody has made."""
    names = [
        (RunName("xspace", "noisy"), tiny("xspace-gaussian", "noisy")),
        (RunName("xspace", "n2n"), tiny("xspace-gaussian", "n2n")),
        (RunName("xspace", "n2n", seed=1), tiny("xspace-gaussian", "n2n", 1)),
        (RunName("matrix", "noisy"), tiny("system-matrix", "noisy", objects=2)),
        (RunName("study", "n2n", case="same"), replace(tiny("xspace-gaussian", "n2n"), experiment="study")),
        (RunName("study", "n2n", case="5"), tiny("xspace-gaussian", "n2n", sizes=(8, 2, 3))),
        (RunName("xspace", "r2r"), tiny("xspace-gaussian", "r2r")),
    ]
    return Book(dict(names))


@pytest.fixture(scope="module")
def root(known, tmp_path_factory):
    """Where all of them but the last are finished."""
    folder = tmp_path_factory.mktemp("runs")
    for name, config in known.configs.items():
        if name.method != "r2r":
            runs.obtain(config, (folder,), cache=folder / "data")
    return (folder,)


DRAWN = (RunName("matrix", "noisy"),)
RESULTS = {"limits": Result(pd.DataFrame({"limit": [1 / 3, 2.0]}), {"curve": np.arange(3.0)}, "0123456789ab")}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_finished_runs_are_published(known, root, tmp_path):
    """What is not finished is named and left; equal runs stand once; the numbers are as they were."""
    lines = list(publish(known, "smoke", root, RESULTS, str(tmp_path), DRAWN))
    assert lines == ["xspace-r2r: not finished", f"5 runs and 1 results are in {tmp_path}"]
    assert sorted(contents(tmp_path)) == [
        "analyses/limits.arrays.safetensors",
        "analyses/limits.csv",
        "manifest.json",
        "matrix.csv.gz",
        "matrix/noisy.arrays.safetensors",
        "study.csv.gz",
        "xspace.csv.gz",
        "xspace/n2n.weights.safetensors",
    ]
    for name, config in known.configs.items():
        if name.method == "r2r":
            continue
        found, made = runs.load(config, (tmp_path,)), runs.load(config, root)
        for table in ("signals", "images", "history"):
            pd.testing.assert_frame_equal(getattr(found, table), getattr(made, table), rtol=5.1e-6)
        assert found.arrays.keys() == made.arrays.keys()
        known_elsewhere = dict.fromkeys(("files", "name", "digest"))
        assert {**found.record, **known_elsewhere} == {**made.record, **known_elsewhere}
    assert Archive(tmp_path).result("0123456789ab").arrays["curve"].tolist() == [0, 1, 2]


def test_one_network_of_each_row_keeps_its_weights(known, root, tmp_path):
    """Bit for bit; also where the run is called by its name in a study."""
    list(publish(known, "smoke", root, {}, str(tmp_path)))
    for name, config in known.configs.items():
        if name.method == "n2n":
            found, made = runs.load(config, (tmp_path,)), runs.load(config, root)
            assert (found.denoiser is not None) == (not name.seed and name.case != "5"), name
            if found.denoiser is not None:
                assert found.stored.weights.read_bytes() == made.stored.weights.read_bytes()


def test_of_an_experiment_without_weights_the_numbers_alone_are_kept(known, root, tmp_path):
    list(publish(Book(known.configs, weights=False), "smoke", root, RESULTS, str(tmp_path), DRAWN))
    assert not list(tmp_path.rglob("*.weights.safetensors"))
    run = runs.load(known.configs[RunName("xspace", "n2n")], (tmp_path,))
    assert len(run.signals) and run.denoiser is None


def test_arrays_are_kept_where_figures_show_them(known, root, tmp_path):
    list(publish(known, "smoke", root, {}, str(tmp_path)))
    found = runs.load(known.configs[DRAWN[0]], (tmp_path,))
    assert found.stored.arrays is None and len(found.signals) and len(found.images)
    list(publish(known, "smoke", root, {}, str(tmp_path), DRAWN))
    assert runs.load(known.configs[DRAWN[0]], (tmp_path,)).stored.arrays is not None


def test_publishing_again_changes_nothing(known, root, tmp_path):
    """From the runs, or from what is published already."""
    list(publish(known, "smoke", root, RESULTS, str(tmp_path), DRAWN))
    before = contents(tmp_path)
    results = {"limits": Archive(tmp_path).result("0123456789ab")}
    for places in (root, (tmp_path, *root), (tmp_path, tmp_path / "none")):
        list(publish(known, "smoke", places, results, str(tmp_path), DRAWN))
        assert contents(tmp_path) == before


def test_a_new_run_joins_those_that_are_published(known, root, tmp_path):
    list(publish(known, "smoke", root, {}, str(tmp_path / "published")))
    before = contents(tmp_path / "published")
    config = known.configs[RunName("xspace", "r2r")]
    runs.obtain(config, (tmp_path / "published", tmp_path / "runs"))
    lines = list(publish(known, "smoke", (tmp_path / "published", tmp_path / "runs"), {}, str(tmp_path / "published")))
    assert lines == [f"6 runs and 0 results are in {tmp_path / 'published'}"]
    after = contents(tmp_path / "published")
    assert {name for name in before if after[name] != before[name]} == {"manifest.json", "xspace.csv.gz"}
    assert after.keys() - before.keys() == {"xspace/r2r.weights.safetensors"}


def test_runs_that_the_file_no_longer_has_go(known, root, tmp_path):
    list(publish(known, "smoke", root, RESULTS, str(tmp_path), DRAWN))
    kept = {name: config for name, config in known.configs.items() if name.experiment == "matrix"}
    list(publish(Book(kept), "smoke", (tmp_path,), {}, str(tmp_path)))
    assert sorted(contents(tmp_path)) == ["manifest.json", "matrix.csv.gz"]


def test_a_network_whose_weights_are_gone_cannot_be_published(known, root, tmp_path):
    """Of a first seed; its numbers alone could never be measured again."""
    config = known.configs[RunName("xspace", "n2n")]
    bare = replace(runs.load(config, root).stored, weights=None)
    Archive(tmp_path / "bare").publish({config.key: ("xspace", "n2n", bare)}, {})
    with pytest.raises(ValueError, match="bare/xspace/n2n has no weights, and cannot be published without them"):
        list(publish(known, "smoke", (tmp_path / "bare", *root), {}, str(tmp_path / "published")))
    assert not Archive.is_at(tmp_path / "published")


def test_damaged_runs_are_named_and_nothing_is_published(known, root, tmp_path):
    list(publish(known, "smoke", root, {}, str(tmp_path)))
    before = contents(tmp_path)
    (tmp_path / "xspace.csv.gz").write_bytes(before["xspace.csv.gz"][:-1])
    with pytest.raises(ValueError, match=r"xspace\.csv\.gz is damaged"):
        list(publish(known, "smoke", (tmp_path,), {}, str(tmp_path)))
    assert {**contents(tmp_path), "xspace.csv.gz": before["xspace.csv.gz"]} == before
