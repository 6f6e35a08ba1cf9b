"""Benchmarks at small size: both sides of each ratio agree, and the table says where it was measured."""

import datetime

import h5py
import numpy as np
import pandas as pd

from benchmarks import benchmark, plain, recordings, steps
from mpicore import mdf


def test_both_sides_of_a_ratio_agree_and_are_timed():
    """A disagreement ends a benchmark with an error."""
    rows = [
        *benchmark.system_matrices(True, 1),
        *benchmark.systems_in_space(True, 1),
        *benchmark.kaczmarz_images(True, 1),
    ]
    table = pd.DataFrame(rows, columns=benchmark.COLUMNS).set_index("key")
    systems = ["cartesian", "cartesian_limit", "lissajous", "lissajous_limit", "space_limit"]
    assert list(table.index) == [*systems, "kaczmarz"]
    assert (table["baseline_seconds"] > 0).all() and (table["candidate_seconds"] > 0).all()
    assert table.loc["kaczmarz", "required"] == 25


def test_commands_on_files_are_run_and_their_memory_is_bounded():
    """Each command ends without an error; the peak is that of a process with 3 GB of addresses."""
    table = pd.DataFrame(benchmark.commands_on_files(True, 1), columns=benchmark.COLUMNS).set_index("key")
    assert list(table.index) == ["file_denoise", "file_info", "file_info_size", "file_memory"]
    assert table.loc["file_memory", "ratio"] > 1
    assert table["baseline_seconds"].isna().tolist() == [False, False, False, True]
    assert "peak memory" in benchmark.report(table.reset_index())


def test_a_copy_with_a_transform_is_the_file_in_volts(tmp_path):
    recordings.write(tmp_path / "a.mdf", 10**5)
    recordings.copy_with_transform(tmp_path / "a.mdf", tmp_path / "b.mdf")
    expected = mdf.read(tmp_path / "a.mdf").signals()
    with h5py.File(tmp_path / "b.mdf") as file:
        found = file["/measurement/data"][()]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_plain_network_is_the_same_function():
    network, reference = (module.eval() for module in steps.networks())
    u = steps.signals(990)[0][:, None]
    assert isinstance(reference, plain.Network)
    assert abs(network(u) - reference(u)).max() < 1e-4 * abs(reference(u)).max()


def test_the_machine_is_named():
    found = benchmark.machine()
    assert found["processor"] and found["cores"] >= 1 and found["load"] >= 0
    assert datetime.date.fromisoformat(found["date"])


def test_the_report_says_what_is_met_and_what_is_not():
    rows = [("a", "one", "plain", "mpicore", 3.0, 1.0, 3.0, 2.0), ("b", "two", "plain", "mpicore", 1.0, 1.0, 1.0, 1.5)]
    text = benchmark.report(pd.DataFrame(rows, columns=benchmark.COLUMNS))
    assert "2 is met" in text and "below the required 1.5" in text


def test_parts_replace_their_rows_alone(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    rows = [["space_limit", "old", "b", "mpicore", 1.0, 1.0, 1.0, 1.0], ["z", "kept", "b", "mpicore", 1, 1, 1, None]]
    pd.DataFrame(rows, columns=benchmark.COLUMNS).assign(load=0.5).to_csv(path, index=False)
    argv = ["benchmark", "--output", str(path), "--quick", "--threads", "1"]
    monkeypatch.setattr("sys.argv", [*argv, "--only", "systems_in_space"])
    benchmark.main()
    table = pd.read_csv(path).set_index("key")
    assert list(table.index) == ["space_limit", "z"]
    assert table.loc["z", "load"] == 0.5 and table.loc["space_limit", "name"] != "old"


def test_the_published_table_is_of_this_file(root):
    """The book shows this table: one row per benchmark, each with the machine and the day."""
    table = pd.read_csv(root / "benchmarks/benchmarks.csv")
    assert list(table) == [*benchmark.COLUMNS, "processor", "cores", "date", "load"]
    named = {"kaczmarz", "step_1", "denoise_network", "space_limit", "file_denoise", "file_info", "file_memory"}
    assert table["key"].is_unique and named <= set(table["key"])
    assert {f"denoise_{name}" for name in (*benchmark.DENOISERS, *benchmark.MATRIX_DENOISERS)} <= set(table["key"])
