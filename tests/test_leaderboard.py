"""Denoisers from outside, and the table in which all methods meet."""

import importlib
import inspect
import re

import numpy as np
import pandas as pd
import pytest

from companion import evaluation, experiments, leaderboard, plugins, runs, tables
from companion.__main__ import main
from mpicore import denoisers
from mpicore.denoisers import base

EXAMPLE = "examples/running_median.py:RunningMedian"


@pytest.fixture(autouse=True)
def forget():
    """Leave the registry as it was."""
    before = dict(base._registry)
    yield
    base._registry.clear()
    base._registry.update(before)
    plugins._sources.clear()


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write


METHODS = "    def fit(self, u1, u2):\n        pass\n    def denoise(self, u):\n        return u\n"


def test_the_example_is_short_and_gains(root, tiny, tmp_path):
    """From the words of the README: a file, a class with two methods, under 20 lines of code."""
    text = (root / EXAMPLE.split(":")[0]).read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 20
    name = plugins.load_file(EXAMPLE)
    assert name == "running_median"
    denoiser = denoisers.create(name)
    config = tiny("xspace-gaussian", "noisy", sizes=[20, 4, 10])
    data = evaluation.dataset(config)
    assert denoiser.fit(data.train.u1, data.train.u2, data.validation) is denoiser
    gained, noisy = (
        evaluation.evaluate(d, config).signals["snr_db"].mean() for d in (denoiser, denoisers.create("noisy"))
    )
    assert gained > noisy + 3


def test_a_name_is_that_of_the_class_unless_it_says_otherwise(written):
    assert plugins.load_file(f"{written(f'class Mine:{chr(10)}{METHODS}')}:Mine") == "Mine"


def test_loading_twice_is_loading_once(written):
    address = f"{written(f'class Mine:{chr(10)}{METHODS}')}:Mine"
    assert plugins.load_file(address) == plugins.load_file(address)


def test_another_version_of_the_code_is_another_run(written, book):
    keys = []
    for comment in ("", "# changed\n"):
        name = plugins.load_file(f"{written(f'{comment}class Mine:{chr(10)}{METHODS}')}:Mine")
        keys.append(book.own("xspace-gaussian", name, plugins.source(name), "smoke").key)
        del base._registry[name], plugins._sources[name]
    assert keys[0] != keys[1]


def test_further_arguments_come_to_those_who_name_them(written):
    text = f"class Mine:\n{METHODS}".replace("u2):\n        pass", "u2, validation):\n        self.seen = validation")
    denoiser = denoisers.create(plugins.load_file(f"{written(text)}:Mine"))
    denoiser.fit(np.ones((2, 4)), np.ones((2, 4)), "pairs", folder="somewhere", progress=True)
    assert denoiser.seen == "pairs"


@pytest.mark.parametrize(
    "text, address, message",
    [
        ("", "mine.py", "a denoiser is given as path/to/file.py:Name, got 'mine.py'"),
        ("", "{}/lost.py:Mine", "there is no file .*lost.py"),
        ("class Other:\n    pass\n", "{}/mine.py:Mine", "mine.py has no class Mine; it has Other"),
        ("class Mine:\n    def fit(self):\n        pass\n", "{}/mine.py:Mine", "the class must have a method denoise"),
        (f"class n2n:\n{METHODS}", "{}/mine.py:n2n", "the name 'n2n' is taken"),
    ],
)
def test_what_is_wrong_is_named(written, tmp_path, text, address, message):
    written(text)
    with pytest.raises(ValueError, match=message):
        plugins.load_file(address.format(tmp_path))


def test_a_listed_name_cannot_be_ones_own(book):
    with pytest.raises(ValueError, match="denoiser 'l1' has the name of a method in the experiments file"):
        book.own("xspace-gaussian", "l1", "0", "smoke")


@pytest.mark.parametrize("name", ["noisy", "n2n", "proposed", "wiener", "forward_n2n", "dct_wiener", "average"])
def test_every_method_says_what_it_knows(name):
    cls = denoisers.find(name)
    assert cls.knows and re.match("[a-z]", cls.knows)
    assert "Assume" in inspect.getdoc(cls) or name in ("noisy",)


@pytest.fixture(scope="module")
def small(root, tmp_path_factory):
    """An experiments file with the untrained row of every experiment alone, and closed forms beside it."""
    text = (root / "experiments.yml").read_text()
    text = re.sub(r"    methods: \[noisy.*\]", "    methods: [noisy]", text)
    text = re.sub(r"    (tuned|repeated): \[.*\]\n", "", text)
    text = re.sub(r"    tuned:\n(      .*\n)*", "", text)
    text = re.sub(
        r"(?s)\ntables:.*?\n# The system-matrix",
        "\ntables:\n  table1: {title: T, experiment: xspace-gaussian, methods: [noisy]}\n# The system-matrix",
        text,
    )
    text = text.replace("shape: [31, 31]", "shape: [15, 15]")
    path = tmp_path_factory.mktemp("small") / "experiments.yml"
    path.write_text(text)
    return path


def test_a_denoiser_of_ones_own_enters_every_table(small, tmp_path, capsys):
    output, root = tmp_path / "leaderboard.csv", tmp_path / "runs"
    known = experiments.read(small)
    for config in known.runs("smoke").values():
        runs.obtain(config, root)
    paper = tmp_path / "paper.csv"
    paper.write_text("table,experiment,method,snr_db,rmse,ssim,psnr_db\ntable1,xspace-gaussian,proposed,99,1,1,50\n")
    common = ["--experiments", str(small), "leaderboard", "--preset", "smoke", "--root", str(root)]
    arguments = [*common, "--paper", str(paper), "--denoiser", EXAMPLE, "--output", str(output)]
    assert main(arguments) == 0
    table = pd.read_csv(output)
    assert list(table) == leaderboard.COLUMNS
    own = table[table["method"] == "running_median"]
    assert set(own["experiment"]) == set(known.experiments)
    assert "running_median" in capsys.readouterr().out
    for _, part in table.groupby(["experiment", "variant"]):
        assert part["snr_db"].is_monotonic_decreasing
    first = table.iloc[0]
    assert first["title"] == "Proposed (printed in the paper)" and pd.isna(first["key"])
    shown = pd.read_csv(tables.display_path(output.with_stem("leaderboard-xspace-gaussian")))
    assert shown["Method"].iloc[0] == "Proposed (printed in the paper)"
    assert own["code"].unique().tolist() == ["examples/running_median.py"]
    assert own["group"].unique().tolist() == ["from outside"]
    assert "{py:class}`Low-pass <mpicore.denoisers.filters.LowPass>`" in set(shown["Method"])


def test_every_link_leads_to_a_class(book):
    """What the leaderboard links to is a class that the package has."""
    for method in book.methods.values():
        cls = denoisers.find(method.denoiser)
        assert getattr(importlib.import_module(cls.__module__), cls.__name__) is cls


def test_a_terminal_gets_no_marks():
    shown = pd.DataFrame({"Method": ["{py:class}`A b <mpicore.x.Y>`", "C"], "SNR [dB]": ["**1.00** [0.5, 1.5]", "2"]})
    text = leaderboard.plain(shown)
    assert "A b" in text and "1.00 [0.5, 1.5]" in text
    assert not set("{}`*<>") & set(text)
    assert len({len(line) for line in text.splitlines()}) == 1  # the columns are aligned


def test_times_come_from_the_benchmarks(book):
    """A method that is timed has its own time, the paper's network is the baseline, R2R passes it often."""
    times = pd.DataFrame(
        {"key": ["kaczmarz", "denoise_wiener"], "baseline_seconds": [9.0, 0.2], "candidate_seconds": [9.0, 0.1]}
    ).set_index("key")
    found = {
        name: leaderboard._denoising_seconds(config, denoisers.find(config.denoiser), times)
        for name in ("wiener", "proposed", "r2r", "noisy")
        for config in [book.run("xspace-gaussian", name, "smoke")]
    }
    passes = book.presets["smoke"].recorruptions
    assert found == {"wiener": 0.1, "proposed": 0.2, "r2r": 0.2 * passes, "noisy": None}


def test_a_bad_address_is_one_line(tmp_path, capsys):
    assert main(["leaderboard", "--denoiser", "nothing", "--output", str(tmp_path / "x.csv")]) == 1
    assert capsys.readouterr().err == "error: a denoiser is given as path/to/file.py:Name, got 'nothing'\n"
