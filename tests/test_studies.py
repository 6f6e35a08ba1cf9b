"""Studies: their cases, their runs, and their tables."""

import pandas as pd
import pytest

from companion import experiments, runs, studies
from companion.__main__ import main
from companion.experiments import Noise

STUDY = """studies:
  study-snr:
    title: Input SNR
    experiment: xspace-gaussian
    methods: [noisy, wiener, proposed]
    cases:
      low: {noise: {snr_db: 0.0}}
      high: {noise: {snr_db: 20.0}}
      few: {signals: 100}
      thin: {truth: {core_diameter: 28.0e-9}}
  study-weights:
    title: Weights of eq. 7
    experiment: xspace-gaussian
    methods: [proposed]
    cases:
      more: {options: {alpha: 0.5}}

# The system-matrix images"""


@pytest.fixture(scope="module")
def changed(root, tmp_path_factory):
    """The real file with other studies in it, at half its pixels."""
    text = (root / "experiments.yml").read_text()
    before, rest = text.split("studies:\n", 1)
    after = rest.split("# The system-matrix images", 1)[1].replace("shape: [31, 31]", "shape: [15, 15]")

    def write(study=STUDY):
        path = tmp_path_factory.mktemp("study") / "experiments.yml"
        path.write_text(before + study + after)
        return path

    return write


@pytest.fixture(scope="module")
def known(changed):
    return experiments.read(changed())


def test_a_case_changes_what_it_names_alone(known):
    base = known.run("xspace-gaussian", "proposed", "paper", tuned=True).resolved()
    base["sizes"] = list(known.presets["paper"].study)
    for (study, case), differs in {
        ("study-snr", "low"): {"noise": Noise(snr_db=0.0).model_dump(mode="json", exclude_none=True)},
        ("study-snr", "few"): {"sizes": [100, 10, base["sizes"][2]], "training": base["training"] | {"epochs": 100}},
        ("study-snr", "thin"): {"truth": {"core_diameter": 28e-9}},
        ("study-weights", "more"): {"options": {"alpha": 0.5, "beta": 0.01}},
    }.items():
        expected = base | {"experiment": "studies"} | differs
        expected["test_noise"] = {"literal": expected["noise"]}
        assert known.study_run(study, case, "proposed", "paper").resolved() == expected


def test_every_case_is_a_run_of_its_own(known):
    named = {name: config for name, config in known.runs("smoke").items() if name.case}
    assert len(named) == len({config.key for config in named.values()}) == len({str(name) for name in named}) == 13
    assert "study-snr-low-wiener" in {str(name) for name in named}


@pytest.mark.parametrize("preset", ["smoke", "preview", "paper"])
def test_equal_cases_are_one_run_which_the_first_study_makes(root, preset):
    """The studies after the first may then be made side by side."""
    named = [
        (name.experiment, run.key)
        for name, run in experiments.read(root / "experiments.yml").runs(preset).items()
        if name.case
    ]
    first = {key for study, key in named if study == named[0][0]}
    later = [key for study, key in named if key not in first]
    assert len(later) == len(set(later))
    assert len(set(named)) > len({key for _, key in named})


def test_a_study_becomes_a_table(known, changed, tmp_path):
    """The noise of a case is that of its noisy row; the command and the package make the same run."""
    for name, config in known.runs("smoke").items():
        if name.experiment == "study-snr" and name.case != "low":
            runs.obtain(config, tmp_path)
    with pytest.raises(FileNotFoundError, match="no finished run"):
        studies.make(known, "study-snr", "smoke", tmp_path)
    for method in ("noisy", "wiener", "proposed"):
        arguments = ["--experiments", str(changed()), "run", "study-snr", method, "--case", "low"]
        assert main([*arguments, "--preset", "smoke", "--root", str(tmp_path)]) == 0
    table = studies.make(known, "study-snr", "smoke", tmp_path)
    assert list(dict.fromkeys(table["case"])) == ["low", "high", "few", "thin"]
    noisy = table[table["method"] == "noisy"]
    assert noisy["snr_db"].to_numpy() == pytest.approx(noisy["input_snr_db"].to_numpy(), abs=0.2)
    assert table.set_index(["case", "method"])["signals"]["few", "wiener"] == 100
    shown = studies.display(table, "Case", {"low": "0 dB"})
    assert shown["Case"].tolist() == ["0 dB", "high", "few", "thin"]
    assert shown.set_index("Case").loc["0 dB"].str.startswith("**").sum() == 1
    lost = studies.differences(table, "high")
    assert lost.loc["high"].tolist() == [0, 0, 0]
    assert lost.loc["low", "Noisy"] == pytest.approx(-20, abs=0.3)


def test_the_best_of_a_row_is_bold():
    rows = [
        {"case": "a", "title": title, "snr_db": snr, "snr_db_low": snr - 1, "snr_db_high": snr + 1}
        for title, snr in (("one", 3.0), ("two", 5.0))
    ]
    shown = studies.display(pd.DataFrame(rows), "Case")
    assert shown.loc[0].tolist() == ["a", "3.00 [2.00, 4.00]", "**5.00** [4.00, 6.00]"]
    rows = [{"case": "a", "title": "one", "snr_db": -0.001, "snr_db_low": -0.011, "snr_db_high": 0.008}]
    assert studies.display(pd.DataFrame(rows), "Case").loc[0, "one"] == "0.00 [-0.01, 0.01]"  # alone, so not the best


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("study-snr:", "xspace-gaussian:", "study xspace-gaussian has the name of an experiment"),
        ("experiment: xspace-gaussian", "experiment: lost", "experiment of study-snr"),
        ("experiment: xspace-gaussian", "experiment: system-matrix", "studies are for x-space data, study-snr has"),
        ("noisy, wiener", "noisy, svd_dct", "method of study-snr"),
        ("signals: 100", "signals: 0", "studies.study-snr.cases.few.signals"),
    ],
)
def test_what_is_wrong_with_a_study_is_named(changed, old, new, message):
    assert old in STUDY
    with pytest.raises(ValueError, match=message):
        experiments.read(changed(STUDY.replace(old, new)))


@pytest.mark.parametrize(
    "names", [("lost", "low", "noisy"), ("study-snr", "lost", "noisy"), ("study-snr", "low", "lost")]
)
def test_unknown_parts_of_a_study_are_named(known, names):
    with pytest.raises(ValueError, match="got 'lost'"):
        known.study_run(*names, "smoke")
