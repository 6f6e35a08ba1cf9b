"""The list of mutants fits the project, and the figures of attacks are kept."""

import json

import pytest

from attacks import collect, mutants, report


def test_every_mutant_changes_its_file_and_has_tests():
    """A line that was changed takes its mutants along, or they attack nothing."""
    listed = mutants.read()
    assert len({(m.file, m.old, m.new) for m in listed}) == len(listed) > 100
    assert all(len(mutant.equivalent) > 20 for mutant in listed if mutant.equivalent)


def test_a_mutant_that_does_not_fit_is_named(tmp_path):
    path = tmp_path / "list.yml"
    path.write_text("- file: mpicore/checks.py\n  tests: [nothing]\n  mutants:\n    - [gone, new]\n")
    with pytest.raises(ValueError, match=r"test_nothing.py is missing\n.*and 0 times holds: 'gone'"):
        mutants.read(path)
    with pytest.raises(ValueError, match="2 times holds"):
        mutants.Mutant("a.py", "x", "y", ()).made("x x")
    assert mutants.Mutant("a.py", "x", "y", ()).made("a x") == "a y"


def test_figures_of_other_attacks_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTACK_REPORT", str(tmp_path / "one"))
    report.write("kills", {"kills": 20, "lost": 0})
    first = collect.collect(tmp_path / "one", tmp_path / "table.csv")
    assert dict(zip(first["figure"], first["value"], strict=True)) == {"kills": 20, "lost": 0}
    monkeypatch.setenv("ATTACK_REPORT", str(tmp_path / "two"))
    report.write("bits", {"files": 3, "detected": 3})
    second = collect.collect(tmp_path / "two", tmp_path / "table.csv")
    assert list(second["attack"]) == ["bits", "bits", "kills", "kills"]
    report.write("bits", {"files": 4, "detected": 4})
    third = collect.collect(tmp_path / "two", tmp_path / "table.csv").set_index(["attack", "figure"])["value"]
    assert len(third) == 4 and third["bits", "files"] == 4


def test_figures_that_are_none_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"there are no figures in .*make attack"):
        collect.collect(tmp_path)
    (tmp_path / "kills.json").write_text(json.dumps({"kills": "many"}))
    with pytest.raises(ValueError, match="kills must be a whole number, got 'many'"):
        collect.collect(tmp_path, tmp_path / "table.csv")
    monkeypatch.delenv("ATTACK_REPORT", raising=False)
    report.write("kills", {"kills": 1})


def test_a_fork_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(mutants, "LIMIT", 1)
    found = dict(mutants.in_forks(2, [lambda: 0, lambda: 1, lambda: __import__("time").sleep(60) or 0]))
    assert found == {0: 0, 1: 1, 2: -mutants.signal.SIGALRM}
