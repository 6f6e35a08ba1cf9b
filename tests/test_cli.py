import json

import pytest

from mpicore.__main__ import main


def test_run_trains_once_and_stamps_the_key(tmp_path, capsys):
    arguments = ["run", "xspace-gaussian", "noisy", "--preset", "smoke", "--root", str(tmp_path / "runs")]
    stamp = tmp_path / "stamp.json"
    assert main([*arguments, "--stamp", str(stamp), "--threads", "1"]) == 0
    key = json.loads(stamp.read_text())["key"]
    assert (tmp_path / "runs/xspace-gaussian/noisy" / key / "record.json").exists()
    assert "test SNR literal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
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
