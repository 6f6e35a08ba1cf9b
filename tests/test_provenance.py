"""Where a number comes from is read from the records, for every kind of method."""

from dataclasses import replace

import pandas as pd
import pytest

from companion import runs
from companion.config import RunName
from companion.provenance import checked, provenance


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return (tmp_path_factory.mktemp("runs"),)


def test_one_row_per_run(tiny, root):
    """What a method without training does not have is left open; what it shares with another is listed once."""
    noisy, trained = tiny("xspace-gaussian", "noisy"), tiny("xspace-gaussian", "n2n")
    behind, tuned = tiny("xspace-gaussian", "forward_n2n"), replace(trained, seed=3, protocol="tuned")
    names = {
        RunName("xspace", "noisy"): noisy,
        RunName("xspace", "n2n"): trained,
        RunName("xspace", "forward_n2n"): behind,
        RunName("study", "n2n", case="7"): tuned,
        RunName("study", "noisy", case="5"): noisy,
    }
    made = [runs.obtain(config, root, cache=root[0] / "data") for config in (noisy, trained, behind, tuned)]
    table = provenance(names, root)
    assert table["key"].tolist() == [noisy.key, trained.key, behind.key, tuned.key]
    assert table["experiment"].tolist() == ["xspace", "xspace", "xspace", "study"]
    assert table["method"].tolist() == ["noisy", "n2n", "forward_n2n", "n2n"]
    assert table["case"].tolist()[-1] == "7" and table["case"][:3].isna().all()
    assert table.loc[1:, "protocol"].tolist() == ["paper", "forward model", "tuned"]
    open_ones = ["protocol", "seed", "signals", "steps", "learning_rate"]
    assert table.loc[0, open_ones].isna().all()
    assert table.loc[1, open_ones].tolist() == ["paper", 0, 8, 2, trained.training.learning_rate]
    assert table["seed"].tolist()[1:] == [0, 0, 3]
    for column in ("training_seconds", "evaluation_seconds", "device", "threads"):
        assert table[column].tolist() == [run.record[column] for run in made]
    assert table["torch"].tolist() == [run.record["versions"]["torch"] for run in made]


def test_methods_without_training_alone(tiny, root):
    noisy = tiny("xspace-gaussian", "noisy")
    runs.obtain(noisy, root)
    table = provenance({RunName("xspace", "noisy"): noisy}, root)
    assert len(table) == 1 and table["steps"].isna().all()


def test_the_protocol_is_that_of_the_run(book):
    """Of every run of the book: also of networks behind the forward model, and of studies."""
    for name, config in book.runs("paper").items():
        network = book.methods[name.method].network
        kinds = {None: None, "image-network": "forward model", "component-network": "components"}
        expected = kinds.get(network, "paper")
        if network == "signal-network" and (name.tuned or name.case):
            expected = "study" if name.case else "tuned"
        assert config.protocol == expected


def test_a_missing_run_is_named(tiny, root):
    with pytest.raises(FileNotFoundError, match="no finished run of xspace-gaussian n2n"):
        provenance({RunName("xspace", "n2n"): tiny("xspace-gaussian", "n2n", seed=17)}, root)


def test_what_was_measured_again_is_counted(tmp_path):
    (tmp_path / "one.csv").write_text(
        "run,key,signals,images,largest_snr_db\none-a,1,20,20,1e-5\none-b,2,20,0,3e-5\none-c,3,0,0,\n"
    )
    (tmp_path / "two.csv").write_text("run,key,signals,images\ntwo-a,4,0,0\n")
    found = checked(["one", "two", "nothing"], tmp_path).set_index("experiment")
    assert list(found.index) == ["one", "two"]
    assert found.loc["one", ["measured", "kept", "signals", "images"]].tolist() == [2, 1, 40, 20]
    assert found.loc["one", "snr_db"] == 3e-5 and pd.isna(found.loc["two", "snr_db"])
    assert checked([], tmp_path).empty
