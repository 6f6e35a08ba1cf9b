import json
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from companion.__main__ import main
from mpicore import files


def test_run_trains_once_and_stamps_the_key(tmp_path, capsys):
    arguments = ["run", "xspace-gaussian", "noisy", "--preset", "smoke", "--root", str(tmp_path / "runs")]
    stamp = tmp_path / "stamp.json"
    assert main([*arguments, "--stamp", str(stamp), "--threads", "1"]) == 0
    key = json.loads(stamp.read_text())["key"]
    assert (tmp_path / "runs/xspace-gaussian/noisy" / key / "record.json").exists()
    assert "test SNR literal" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["run", "nowhere", "noisy"], "nowhere"),
        (["run", "xspace-locked", "r2r"], "r2r"),
        (["run", "xspace-gaussian", "n2n", "--preset", "huge"], "huge"),
        (["table", "table7", "--output", "never.csv"], "table7"),
        (["notebook", "notebooks/figure1.md", "never.ipynb", "-p", "sampels", "3"], "sampels"),
        (["--experiments", "nothing.yml", "run", "a", "b"], "nothing.yml"),
    ],
)
def test_mistakes_are_one_line_that_names_them(arguments, named, capsys, tmp_path):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and named in error and "Traceback" not in error


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
    target = tmp_path / "figure1.ipynb"
    assert (
        main(["notebook", "notebooks/figure1.md", str(target), "-p", "samples", "9900", "-p", "preset", "smoke"]) == 0
    )
    injected = [c for c in json.loads(target.read_text())["cells"] if "injected-parameters" in c["metadata"]["tags"]]
    assert "samples = 9900" in "".join(injected[0]["source"])


def test_a_run_is_published_verified_and_measured_again(tmp_path, capsys):
    """What is not finished is named and left; of a further seed the numbers alone are kept."""
    made, kept, later = (str(tmp_path / name) for name in ("runs", "published", "later"))
    for seed in ("0", "1"):
        assert main(["run", "xspace-gaussian", "n2n", "--preset", "smoke", "--seed", seed, "--root", made]) == 0
    assert main(["progress", "--preset", "smoke", "--root", made, "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "2 of " in printed and "h with 2 side by side" in printed
    assert main(["publish", "--preset", "smoke", "--root", made, "--target", kept]) == 0
    assert "xspace-gaussian-proposed: not finished" in capsys.readouterr().out
    weights = {path.parts[-2]: path for path in Path(kept).glob("*/*/*/weights.safetensors")}
    assert len(list(Path(kept).glob("*/*/*/record.json"))) == 2 and len(weights) == 1

    assert main(["verify", "--preset", "smoke", "--root", kept]) == 0
    printed = capsys.readouterr().out
    assert "xspace-gaussian-n2n: agrees; measured again, largest deviations: snr_db" in printed
    assert "xspace-gaussian-n2n-seed1: has no weights" in printed
    assert "system-matrix-noisy: not published" in printed

    again = ["run", "xspace-gaussian", "n2n", "--preset", "smoke", "--root", f"{kept}{os.pathsep}{later}"]
    assert main([*again, "--verify", "all"]) == 0
    assert "measured again" in capsys.readouterr().out
    assert not Path(later).exists()

    (folder,) = (path.parent for path in weights.values())
    table = folder / "signals.csv"
    pd.read_csv(table).assign(snr_db=9.0).to_csv(table, index=False)
    record = json.loads((folder / "record.json").read_text())
    record["files"]["signals.csv"] = files.digest(table)
    (folder / "record.json").write_text(json.dumps(record))
    assert main([*again, "--verify", "4"]) == 1
    assert "does not agree with its weights: snr_db of literal item 0" in capsys.readouterr().err


def test_the_table_of_seeds_is_written(tmp_path):
    experiments = yaml.safe_load(Path("experiments.yml").read_text())
    experiments["experiments"]["xspace-gaussian"]["repeated"] = ["n2n"]
    path = tmp_path / "experiments.yml"
    path.write_text(yaml.safe_dump(experiments))
    root = str(tmp_path / "runs")
    common = ["--experiments", str(path)]
    for seed in ("0", "1"):
        assert (
            main([*common, "run", "xspace-gaussian", "n2n", "--preset", "smoke", "--seed", seed, "--root", root]) == 0
        )
    target = tmp_path / "seeds.csv"
    assert main([*common, "table", "seeds", "--preset", "smoke", "--root", root, "--output", str(target)]) == 0
    assert pd.read_csv(target)["seed"].tolist() == [0, 1]
    assert (tmp_path / "seeds-display.csv").exists()
