"""Studies: their cases, their runs, and their tables."""

from dataclasses import replace

import pandas as pd
import pytest

from companion import runs, studies
from companion.__main__ import main
from companion.experiments import Experiments
from companion.schema import Case, Study
from mpicore.noise import Noise
from mpicore.truth import Truth

SHOWN = {"title": "T", "heading": "H", "by": "b", "alt": "a", "experiment": "xspace-gaussian"}
STUDIES = {
    "study-snr": Study(
        **SHOWN,
        methods=("noisy", "wiener", "proposed"),
        full=True,
        cases={
            "low": Case(title="0 dB", noise=Noise(0.0)),
            "high": Case(noise=Noise(20.0)),
            "few": Case(title="{signals}", signals=100),
            "thin": Case(truth=Truth(core_diameter=28e-9)),
            "plain": Case(),
        },
    ),
    "study-weights": Study(
        **SHOWN, methods=("proposed",), cases={"more": Case(options={"alpha": 0.5}), "same": Case()}
    ),
}


@pytest.fixture(scope="module")
def known(book):
    """The real file with other studies in it, few methods, and at half its pixels."""
    entry = {"methods": ("noisy", "proposed"), "tuned": (), "repeated": (), "beyond": ("wiener",), "studied": ()}
    experiment = book.experiments["xspace-gaussian"].model_copy(update=entry)
    smoke = book.presets["smoke"].model_copy(update={"shape": (15, 15)})
    update = {
        "experiments": {"xspace-gaussian": experiment},
        "tables": {},
        "studies": STUDIES,
        "presets": {**book.presets, "smoke": smoke},
    }
    return Experiments(book.file.model_copy(update=update))


def test_a_case_changes_what_it_names_alone(book):
    known = Experiments(book.file.model_copy(update={"studies": STUDIES}))
    plain, preset = known.run("xspace-gaussian", "proposed", "paper"), known.presets["paper"]
    sizes, studied = preset.study, preset.study_network
    options = {**plain.options, **studied.network.model_dump()}
    base = replace(plain, protocol="study", training=studied.training, options=options)
    for (study, case), differs in {
        ("study-snr", "low"): {"noise": Noise(0.0), "test_noise": {"literal": Noise(0.0)}},
        ("study-snr", "few"): {"sizes": (100, 10, sizes[2]), "training": replace(base.training, epochs=100)},
        ("study-snr", "thin"): {"truth": Truth(core_diameter=28e-9)},
        ("study-snr", "plain"): {},
        ("study-weights", "more"): {"options": {**base.options, "alpha": 0.5}},
    }.items():
        expected = replace(base, **{"experiment": study, "sizes": sizes} | differs)
        assert known.study_run(study, case, "proposed", "paper") == expected


def test_every_case_is_a_run_of_its_own(known):
    named = {name: config for name, config in known.runs("smoke").items() if name.case}
    assert len({str(name) for name in named}) == len(named) == 17
    assert len({config.key for config in named.values()}) == 16  # the case without a change is one run in two studies
    assert "study-snr-low-wiener" in {str(name) for name in named}


def test_equal_cases_are_one_run(known):
    """Of two studies, and of a study and an experiment of the same size: names do not enter the key."""
    assert known.study_run("study-snr", "plain", "proposed", "paper").key == (
        known.study_run("study-weights", "same", "proposed", "paper").key
    )


def test_every_study_of_the_file_has_one_case_that_changes_nothing(book):
    """By it the page says how far the networks of the study are from the full training."""
    for name, study in book.studies.items():
        plain = [case for case, changed in study.cases.items() if changed == Case(title=changed.title)]
        assert len(plain) == 1, name


def test_a_study_becomes_a_table(known, tmp_path):
    """The noise of a case is that of its noisy row; the runs of the experiment come last."""
    place = [tmp_path]
    for name, config in known.runs("smoke").items():
        if name.case != "low":
            runs.obtain(config, place)
    with pytest.raises(FileNotFoundError, match="no finished run"):
        studies.make(known, "study-snr", "smoke", place)
    for method in ("noisy", "wiener", "proposed"):
        runs.obtain(known.study_run("study-snr", "low", method, "smoke"), place)
    table = studies.make(known, "study-snr", "smoke", place)
    assert list(dict.fromkeys(table["case"])) == ["low", "high", "few", "thin", "plain", "full"]
    noisy = table[(table["method"] == "noisy") & (table["case"] != "full")]
    assert noisy["snr_db"].to_numpy() == pytest.approx(noisy["input_snr_db"].to_numpy(), abs=0.2)
    by_case = table.set_index(["case", "method"])
    assert by_case["signals"]["few", "wiener"] == 100
    assert set(table[table["steps"].notna()]["method"]) == {"proposed"}
    assert by_case["key"]["full", "proposed"] == known.run("xspace-gaussian", "proposed", "smoke").key
    shown = studies.display(table, "Case")
    assert shown["Case"].tolist()[:5] == ["0 dB", "high", "100", "thin", "plain"]
    assert list(shown)[1:] == ["Noisy", "Spectral Wiener", "Proposed"]
    assert shown.loc[0].str.startswith("**").sum() == 1

    full = studies.full_training(known, "study-snr", "smoke", place)
    assert list(full.index) == ["wiener", "proposed"]
    assert full["snr_db"]["proposed"] == by_case["snr_db"]["plain", "proposed"]
    assert full["full_snr_db"]["proposed"] == by_case["snr_db"]["full", "proposed"]
    trained = studies.display_training(full, known)
    assert trained["Method"].tolist() == ["Proposed"]
    assert trained["Steps here"].tolist() == [by_case["steps"]["plain", "proposed"]]


def test_the_command_writes_the_same_table(root, tmp_path, monkeypatch):
    """Of finished runs; an unknown study is named."""
    monkeypatch.chdir(root)
    assert main(["study", "lost", "--preset", "smoke", "--output", str(tmp_path / "x.csv")]) == 1


def test_orders_that_the_full_training_reverses(book):
    """Every pair that stands the other way round in the end, said once."""
    frame = pd.DataFrame(
        {"snr_db": [3.0, 2.0, 1.0], "full_snr_db": [3.0, 4.0, 1.0]}, index=["wiener", "proposed", "linear_n2n"]
    )
    assert studies.reversed_orders(frame, book) == "Proposed passes Spectral Wiener"
    assert studies.reversed_orders(frame.drop("proposed"), book) == "none"


def test_further_columns_come_from_the_analysis_of_the_same_name(tmp_path):
    assert studies.columns("study-snr", tmp_path) == {}
    (tmp_path / "study-snr.csv").write_text("case,Time [s]\nlow,1.5\n0,2.5\n")
    assert studies.columns("study-snr", tmp_path) == {"Time [s]": {"low": 1.5, "0": 2.5}}


def test_the_best_of_a_row_is_bold():
    common = {"case": "a", "case_title": "A", "validated_db": 2.5}
    rows = [
        {**common, "title": title, "snr_db": snr, "snr_db_low": snr - 1, "snr_db_high": snr + 1}
        for title, snr in (("one", 3.0), ("two", 5.0))
    ]
    shown = studies.display(pd.DataFrame(rows), "Case")
    assert shown.loc[0].tolist() == ["A", "3.00 [2.00, 4.00]", "**5.00** [4.00, 6.00]"]
    alone = pd.DataFrame([rows[0] | {"snr_db": -0.001, "snr_db_low": -0.011, "snr_db_high": 0.008}])
    shown = studies.display(alone, "Case")
    assert shown.loc[0, "one"] == "0.00 [-0.01, 0.01]"  # not the best of several
    assert shown.loc[0, "By noisy validation, first training"] == "2.50"


@pytest.mark.parametrize(
    "names", [("lost", "low", "noisy"), ("study-snr", "lost", "noisy"), ("study-snr", "low", "lost")]
)
def test_unknown_parts_of_a_study_are_named(known, names):
    with pytest.raises(ValueError, match="got 'lost'"):
        known.study_run(*names, "smoke")


def test_many_methods_become_rows():
    """A table of ten methods would be wider than a page; every value stays with its method and its case."""
    methods = [f"method {number}" for number in range(10)]
    rows = [
        {
            "case": case,
            "case_title": case,
            "title": method,
            "snr_db": value,
            "snr_db_low": value - 1,
            "snr_db_high": value + 1,
        }
        for start, case in ((0, "white"), (20, "tones"))
        for value, method in enumerate(methods, start)
    ]
    shown = studies.display(pd.DataFrame(rows).assign(validated_db=None), "Noise")
    assert list(shown) == ["Method", "white", "tones"] and list(shown["Method"]) == methods
    assert shown["white"].iloc[3] == "3.00 [2.00, 4.00]" and shown["tones"].iloc[9] == "**29.00** [28.00, 30.00]"
    few = studies.display(pd.DataFrame(rows).query("title < 'method 9'").assign(validated_db=None), "Noise")
    assert list(few) == ["Noise", *methods[:9]]
