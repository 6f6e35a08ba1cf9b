"""The commands: what they write and print, and that every mistake is one line that names it."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from companion import runs
from companion.__main__ import main
from companion.archive import MANIFEST


def one_line(capsys):
    """What went to the error stream: one line that begins with ``error:``."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_run_is_made_once_and_its_key_stamped(tmp_path, capsys):
    root, stamp = tmp_path / "runs", tmp_path / "stamp.json"
    place = ["--preset", "smoke", "--root", str(root), "--threads", "1"]
    names = ["xspace-gaussian-noisy", "xspace-locked-noisy"]
    assert main(["runs", *names, *place, "--stamp", str(stamp)]) == 0
    stamped = json.loads(stamp.read_text())
    keys = [stamped[name] for name in names]
    assert list(stamped) == names
    record = root / keys[0] / "record.json"
    before = record.stat().st_mtime_ns
    assert "xspace-gaussian-noisy, test SNR literal" in capsys.readouterr().out
    assert len(set(keys)) == 2 and {path.name for path in root.iterdir()} == set(keys)
    assert main(["run", "xspace-gaussian", "noisy", *place]) == 0
    assert record.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["run", "nowhere", "noisy"], "nowhere"),
        (["run", "xspace-locked", "r2r"], "r2r"),
        (["run", "xspace-gaussian", "n2n", "--preset", "huge"], "huge"),
        (["run", "xspace-gaussian", "n2n", "--seed", "-1"], "-1"),
        (["run", "xspace-gaussian", "n2n", "--seed", "half"], "half"),
        (["run", "xspace-gaussian", "n2n", "--threads", "-3"], "--threads: must be a whole number of at least 1"),
        (["run", "xspace-gaussian", "n2n", "--threads", "0"], "--threads: must be a whole number of at least 1"),
        (["run", "xspace-gaussian"], "method"),
        (["runs", "xspace-gaussian-n2n", "lost", "--stamp", "never.json"], "there is no run 'lost'"),
        (["run", "xspace-gaussian", "n2n", "--experiments", "nothing.yml"], "nothing.yml"),
        (["verify", "--signals", "0"], "--signals: must be a whole number of at least 1, got '0'"),
        (["verify", "--signals", "-5"], "--signals: must be a whole number of at least 1, got '-5'"),
        (["verify", "lost"], "there is no run and no analysis 'lost'"),
        (["check", "nowhere", "--output", "never.csv"], "nowhere"),
        (["progress", "--jobs", "0"], "--jobs: must be a whole number of at least 1, got '0'"),
        (["build", "--jobs", "abc"], "--jobs: must be a whole number of at least 1, got 'abc'"),
        (
            ["build", "--jobs", "all", "--preset", "nonsense"],
            "preset must be one of smoke, preview, paper; got 'nonsense'",
        ),
        (["table", "table7", "--output", "never.csv"], "table7"),
        (["study", "study-nothing", "--output", "never.csv"], "study-nothing"),
        (["analysis", "nothing", "--output", "never.csv"], "nothing"),
        (["notebook", "notebooks/figure1.md", "never.ipynb", "-p", "sampels", "3"], "sampels"),
        (["notebook", "notebooks/physics.md", "notebooks/physics.md"], "is the source itself"),
        (["stage", "book", "--notebooks", "x.ipynb", "--tables", "README.md"], "x.ipynb is missing"),
        (["serve", "--port", "abc"], "--port: must be a whole number"),
        (["progress", "--preset", "smoke", "--root", ""], "--root: must be the path of a file or folder, got ''"),
        (["table", "table1", "--output", ""], "--output: must be the path of a file or folder, got ''"),
        (["run", "xspace-gaussian", "noisy", "--device", "tpu"], "device must be auto, cpu or a device of this"),
        (["run", "xspace-gaussian", "noisy", "--device", "meta"], "device must be auto, cpu or a device of this"),
        (["run", "xspace-gaussian", "noisy", "--threads", "1" + "0" * 30], "--threads: must be at most 100000"),
        (["table", "table1", "--paper", "benchmarks/benchmarks.csv", "--output", "never.csv"], "it lacks table"),
        (["own", "--benchmarks", "book/paper_tables.csv"], "book/paper_tables.csv must have the columns key"),
        ([], "command"),
        (["nothing"], "nothing"),
    ],
)
def test_mistakes_are_one_line_that_names_them(arguments, named, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    assert main(arguments) == 1
    assert named in one_line(capsys)


@pytest.mark.parametrize(
    "error, status, text",
    [
        (MemoryError("385 MiB"), 1, "error: not enough memory: 385 MiB"),
        (OSError(28, "No space left on device", "results/x.csv"), 1, "results/x.csv"),
        (FloatingPointError("loss is nan"), 1, "error: loss is nan"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
    ],
)
def test_what_stops_a_command_is_one_line(error, status, text, capsys, monkeypatch):
    def stop(*arguments, **further):
        raise error

    monkeypatch.setattr(runs, "obtain", stop)
    assert main(["run", "xspace-gaussian", "noisy", "--preset", "smoke"]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line


def test_a_failed_notebook_shows_its_cell_and_traceback(tmp_path, capsys):
    text = "---\nkernelspec: {name: python3, display_name: x, language: python}\n"
    text += "jupytext: {text_representation: {extension: .md, format_name: myst}}\n---\n\n"
    text += "```{code-cell}\n:tags: [parameters]\npreset = 'x'\n```\n\n```{code-cell}\nundefined_name + 1\n```\n"
    (tmp_path / "bad.md").write_text(text)
    assert main(["notebook", str(tmp_path / "bad.md"), str(tmp_path / "bad.ipynb")]) == 1
    error = capsys.readouterr().err
    assert "undefined_name + 1" in error and "NameError" in error
    assert not (tmp_path / "bad.ipynb").exists()


def test_parameters_are_read_as_json_where_they_are_json(tmp_path):
    text = "---\nkernelspec: {name: python3, display_name: x, language: python}\n"
    text += "jupytext: {text_representation: {extension: .md, format_name: myst}}\n---\n\n"
    text += "```{code-cell}\n:tags: [parameters]\ncount = 1\nroot = []\nname = ''\n```\n\n"
    text += "```{code-cell}\nprint(count + 1, root, name)\n```\n"
    (tmp_path / "n.md").write_text(text)
    target = tmp_path / "n.ipynb"
    given = ["-p", "count", "41", "-p", "root", '["a", "b c"]', "-p", "name", "it's"]
    assert main(["notebook", str(tmp_path / "n.md"), str(target), *given]) == 0
    assert "42 ['a', 'b c'] it's" in target.read_text()


def test_a_run_is_published_checked_verified_and_measured_again(tmp_path, capsys):
    """What is not finished is named and left; of a further seed the numbers alone are kept."""
    made, kept = (str(tmp_path / name) for name in ("runs", "published"))
    smoke = ["--preset", "smoke"]
    for seed in ("0", "1"):
        assert main(["run", "xspace-gaussian", "n2n", *smoke, "--seed", seed, "--root", made]) == 0
    assert main(["progress", *smoke, "--root", made, "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "2 of " in printed and "h with 2 side by side" in printed
    names = [name for name, config in _runs(made).items()]
    assert len(names) == 2

    analyses = pytest.MonkeyPatch()
    with analyses.context() as patch:  # their results need all runs
        patch.setattr("companion.analyses.published", list)
        assert main(["publish", *smoke, "--root", made, "--target", kept]) == 0
    assert "xspace-gaussian-proposed: not finished" in capsys.readouterr().out
    weights = list((tmp_path / "published").rglob("*.weights.safetensors"))
    assert len(weights) == 1 and (tmp_path / "published" / MANIFEST).exists()

    checked = tmp_path / "checked.csv"
    assert main(["check", "xspace-gaussian", *smoke, "--root", kept, "--output", str(checked), "--signals", "4"]) == 0
    table = pd.read_csv(checked).set_index("run")
    assert table.loc["xspace-gaussian-n2n", "signals"] == 4 and table.loc["xspace-gaussian-n2n-seed1", "signals"] == 0

    both = ["xspace-gaussian-n2n", "xspace-gaussian-n2n-seed1", "system-matrix-noisy"]
    assert main(["verify", *smoke, "--root", kept, *both]) == 0
    printed = capsys.readouterr().out
    assert "1 of 3: xspace-gaussian-n2n: agrees; 8 signals" in printed
    assert "xspace-gaussian-n2n-seed1: known by its numbers alone" in printed
    assert "system-matrix-noisy: not published" in printed
    assert "1 agree, none disagrees, 1 are known by their numbers alone, 1 are not published" in printed

    data = bytearray(weights[0].read_bytes())
    data[-1] ^= 1
    weights[0].write_bytes(data)
    assert main(["check", "xspace-gaussian", *smoke, "--root", kept, "--output", str(checked)]) == 1
    assert f"{weights[0]} is damaged or missing" in one_line(capsys)


def _runs(folder):
    return {path.parent.name: json.loads(path.read_text()) for path in Path(folder).glob("*/record.json")}


def test_the_table_of_seeds_is_written(tmp_path, root):
    content = yaml.safe_load((root / "experiments.yml").read_text())
    for entry in content["experiments"].values():
        entry["repeated"] = []
    content["experiments"]["xspace-gaussian"]["repeated"] = ["n2n"]
    path = tmp_path / "experiments.yml"
    path.write_text(yaml.safe_dump(content))
    common = ["--experiments", str(path), "--preset", "smoke", "--root", str(tmp_path / "runs")]
    for seed in ("0", "1"):
        assert main(["run", "xspace-gaussian", "n2n", "--seed", seed, *common]) == 0
    target, paper = tmp_path / "seeds.csv", str(root / "book/paper_tables.csv")
    assert main(["table", "seeds", *common, "--paper", paper, "--output", str(target)]) == 0
    assert pd.read_csv(target)["seed"].tolist() == [0, 1]
    assert (tmp_path / "seeds-display.csv").exists()
