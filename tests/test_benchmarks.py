"""Benchmarks at small size: both sides of each ratio agree, and the table says where it was measured."""

import datetime

import pandas as pd

from benchmarks import benchmark, plain, steps


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


def test_the_plain_network_is_the_same_function():
    network, reference = (module.eval() for module in steps.networks())
    u = steps.signals(990)[0][:, None]
    assert isinstance(reference, plain.Network)
    assert abs(network(u) - reference(u)).max() < 1e-4 * abs(reference(u)).max()


def test_the_machine_is_named():
    found = benchmark.machine()
    assert found["processor"] and found["cores"] >= 1
    assert datetime.date.fromisoformat(found["date"])


def test_the_report_says_what_is_met_and_what_is_not():
    rows = [("a", "one", "plain", "mpicore", 3.0, 1.0, 3.0, 2.0), ("b", "two", "plain", "mpicore", 1.0, 1.0, 1.0, 1.5)]
    text = benchmark.report(pd.DataFrame(rows, columns=benchmark.COLUMNS))
    assert "2 is met" in text and "below the required 1.5" in text


def test_the_published_table_is_of_this_file(root):
    """The book shows this table: one row per benchmark, each with the machine and the day."""
    table = pd.read_csv(root / "benchmarks/benchmarks.csv")
    assert list(table) == [*benchmark.COLUMNS, "processor", "cores", "date"]
    assert table["key"].is_unique and {"kaczmarz", "step_1", "denoise_network"} <= set(table["key"])
    assert {f"denoise_{name}" for name in (*benchmark.DENOISERS, *benchmark.MATRIX_DENOISERS)} <= set(table["key"])
