"""What is stored is what the weights give: every value, every array, every item."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import Book

from companion import evaluation, runs
from companion.archive import IMAGE_VALUES, SIGNAL_VALUES, Archive
from companion.config import RunName
from companion.setup import Setup
from companion.verification import ARRAY_TOLERANCE, TOLERANCES, Check, check, must_have_weights, verify, verify_map
from mpicore import files

#: Measured of the whole validation set. The loss is that of the weights before they were kept in half precision.
MEANS = {"validation_error", "validation_loss"}
#: Six digits of a table, against a tolerance of one in a thousand.
LITTLE_MORE, LITTLE_LESS = 1.2, 0.8


class Case:
    """A finished run, and the same published with something in it changed."""

    def __init__(self, config, folder):
        self.config, self.folder = config, folder
        self.run = runs.obtain(config, (folder / "runs",), cache=folder / "data")

    def published(self, where, **changes):
        """Root of an archive that holds the run with these parts in place of its own."""
        stored = replace(self.run.stored, **changes)
        Archive(where / "published").publish({self.config.key: ("table", "row", stored)}, {})
        return (where / "published",)

    def moved(self, where, table, column, factor, row=0):
        """The same with one value moved by a multiple of its tolerance."""
        frame = getattr(self.run, table).copy()
        step = factor * TOLERANCES[column]
        frame.loc[row, column] += step * abs(frame.loc[row, column]) if column == "rmse" else step
        return self.published(where, **{table: frame})

    def with_array(self, where, name, array):
        files.save_tensors(where / "arrays.safetensors", {**self.run.arrays, name: array})
        return self.published(where, arrays=where / "arrays.safetensors")

    def verify(self, root, **options):
        return verify(self.config, root, cache=self.folder / "data", **options)


@pytest.fixture(scope="module")
def signals(tiny, tmp_path_factory):
    """A network on x-space signals, tested with two noises."""
    return Case(tiny("xspace-harmonic", "n2n"), tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def matrix(tiny, tmp_path_factory):
    """A network on a system matrix."""
    return Case(tiny("system-matrix", "n2n", objects=3), tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def closed(tiny, tmp_path_factory):
    """A closed form, whose weights nobody stores."""
    config = tiny("xspace-gaussian", "linear_n2n", sizes=(40, 8, 4))
    return Case(config, tmp_path_factory.mktemp("closed"))


def test_values_and_columns_have_tolerances():
    assert set(TOLERANCES) == {*SIGNAL_VALUES, *IMAGE_VALUES}


# Agreement


@pytest.mark.parametrize("count, measured", [(None, 8), (2, 4), (100, 8), ([3, 1], 4)])
def test_a_run_agrees_with_its_weights(signals, tmp_path, count, measured):
    """On the machine that made it, to the six digits of its tables; as many test signals as were asked for."""
    found = signals.verify(signals.published(tmp_path), signals=count)
    assert (found.signals, found.images) == (measured, measured)
    assert found.deviations.keys() == TOLERANCES.keys() | (MEANS if count is None else set())
    assert max(value for name, value in found.deviations.items() if name != "validation_loss") < 1e-4


def test_a_run_that_is_not_published_is_compared_as_well(signals):
    found = signals.verify((signals.folder / "runs",))
    assert max(value for name, value in found.deviations.items() if name != "validation_loss") < 1e-6


def test_data_are_made_anew_where_no_cache_is_given(signals, tmp_path):
    assert verify(signals.config, signals.published(tmp_path), 1).signals == 2


def test_a_system_matrix_agrees_with_its_weights(matrix, tmp_path):
    """All of it with its arrays, and some columns alone with their signal values."""
    root = matrix.published(tmp_path)
    found = matrix.verify(root)
    assert (found.signals, found.images) == (4, 3)
    assert found.deviations.keys() == {*TOLERANCES, *matrix.run.arrays, *MEANS}
    assert max(value for name, value in found.deviations.items() if name != "validation_loss") < 1e-4
    part = matrix.verify(root, signals=1)
    assert (part.signals, part.images) == (1, 0) and part.deviations.keys() == {"snr_db", "rmse"}


def test_what_is_fitted_in_seconds_is_fitted_again(closed, tiny, tmp_path):
    """No weights are kept, and yet it is measured; unless that is not wanted."""
    assert closed.run.denoiser is None
    found = closed.verify(closed.published(tmp_path), signals=2)
    assert found.signals == 2 and max(found.deviations.values()) < 1e-4
    assert closed.verify(closed.published(tmp_path), refit=False) == Check(0, 0, {})
    whole = Case(tiny("system-matrix", "dct_wiener", objects=2), tmp_path)
    found = whole.verify((tmp_path / "runs",), signals=3)
    assert found.signals == 3 and max(found.deviations.values()) < 1e-4


@pytest.mark.parametrize("method", ["noisy", "average", "antisymmetric", "low_pass"])
def test_closed_forms_without_weights_are_measured_all_the_same(tiny, tmp_path, method):
    """There is nothing to learn, or it is learned again."""
    case = Case(tiny("xspace-gaussian", method), tmp_path)
    root = case.published(tmp_path, weights=None)
    assert case.verify(root).signals == 4
    moved = case.moved(tmp_path, "images", "object_error", LITTLE_MORE)
    with pytest.raises(ValueError, match="object_error of literal item 0"):
        case.verify(moved)


def test_a_network_without_weights_is_compared_with_nothing(signals, tmp_path):
    found = signals.verify(signals.published(tmp_path, weights=None))
    assert (found.signals, found.images, found.deviations) == (0, 0, {})


# What is refused


@pytest.mark.parametrize("column", TOLERANCES)
@pytest.mark.parametrize("count", [None, 1])
def test_a_value_that_the_weights_do_not_give_is_refused(signals, tmp_path, column, count):
    """One value moved by little more than its tolerance; by little less it is rounding."""
    table = "signals" if column in SIGNAL_VALUES else "images"
    signals.verify(signals.moved(tmp_path, table, column, LITTLE_LESS), signals=count)
    root = signals.moved(tmp_path, table, column, LITTLE_MORE)
    message = f"published/table/row does not agree with its weights: {column} of literal item 0 is stored as"
    with pytest.raises(ValueError, match=message):
        signals.verify(root, signals=count)


@pytest.mark.parametrize("row", range(8))
def test_every_item_of_every_variant_is_compared(signals, tmp_path, row):
    variant = "literal" if row < 4 else "matched"
    for table, column in (("signals", "snr_db"), ("images", "ssim")):
        root = signals.moved(tmp_path, table, column, -LITTLE_MORE, row)
        with pytest.raises(ValueError, match=f"{column} of {variant} item {row % 4} "):
            signals.verify(root)


@pytest.mark.parametrize("column", TOLERANCES)
def test_a_value_of_a_system_matrix_is_refused(matrix, tmp_path, column):
    table = "signals" if column in SIGNAL_VALUES else "images"
    with pytest.raises(ValueError, match=f"{column} of literal item 2"):
        matrix.verify(matrix.moved(tmp_path, table, column, LITTLE_MORE, 2))


@pytest.mark.parametrize(
    "name",
    [
        "components",
        "shown_objects",
        "images",
        "reference_images",
        "lines",
        "selected_snr_db",
        "error_correlation",
        "amplitude",
    ],
)
def test_an_array_that_the_weights_do_not_give_is_refused(matrix, tmp_path, name):
    """One element moved by little more than the tolerance, which is relative to the largest."""
    array = matrix.run.arrays[name]
    whole = np.issubdtype(array.dtype, np.integer)
    for factor in (LITTLE_LESS, LITTLE_MORE):
        changed = array.copy()
        changed.flat[-1] += (factor > 1) if whole else factor * ARRAY_TOLERANCE * np.abs(array).max()
        root = matrix.with_array(tmp_path, name, changed)
        if factor < 1:
            matrix.verify(root)
        else:
            with pytest.raises(ValueError, match=f"published/table/row does not agree .* array {name} is .* off"):
                matrix.verify(root)


def test_arrays_are_all_there_and_no_more(matrix, tmp_path):
    with pytest.raises(ValueError, match="holds arrays that no test gives: further"):
        matrix.verify(matrix.with_array(tmp_path, "further", np.zeros(3)))
    for name in ("components", "lines"):
        array = matrix.run.arrays[name]
        files.save_tensors(tmp_path / "arrays", {n: a for n, a in matrix.run.arrays.items() if n != name})
        with pytest.raises(ValueError, match=f"must hold the array {name} of shape"):
            matrix.verify(matrix.published(tmp_path, arrays=tmp_path / "arrays"))
        with pytest.raises(ValueError, match=f"must hold the array {name} of shape"):
            matrix.verify(matrix.with_array(tmp_path, name, np.concatenate([array, array])))


def test_a_run_without_arrays_has_its_values_compared(matrix, tmp_path):
    found = matrix.verify(matrix.published(tmp_path, arrays=None))
    assert found.deviations.keys() == {*TOLERANCES, *MEANS}
    assert (found.signals, found.images) == (len(matrix.run.signals), len(matrix.run.images))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", TOLERANCES)
def test_what_is_not_a_number_is_refused(signals, tmp_path, column, value):
    """Also without weights, when there is nothing to compare with."""
    table = "signals" if column in SIGNAL_VALUES else "images"
    frame = getattr(signals.run, table).copy()
    frame.loc[5, column] = value
    for weights in (signals.run.stored.weights, None):
        root = signals.published(tmp_path, **{table: frame, "weights": weights})
        with pytest.raises(ValueError, match="must be numbers, they are not in item matched item 1"):
            signals.verify(root)


@pytest.mark.parametrize("column", SIGNAL_VALUES)
def test_what_is_measured_as_no_number_deviates(signals, tmp_path, monkeypatch, column):
    measure = evaluation.evaluate

    def broken(*arguments):
        found = measure(*arguments)
        found.signals.loc[2, column] = np.nan
        return found

    monkeypatch.setattr(evaluation, "evaluate", broken)
    with pytest.raises(ValueError, match=f"{column} of .* measured nan"):
        signals.verify(signals.published(tmp_path))


def test_an_array_that_is_not_of_numbers_is_refused(matrix, tmp_path):
    array = matrix.run.arrays["images"].copy()
    array.flat[0] = np.nan
    with pytest.raises(ValueError, match="array images is nan off"):
        matrix.verify(matrix.with_array(tmp_path, "images", array))


@pytest.mark.parametrize("table", ["signals", "images"])
@pytest.mark.parametrize("change", ["missing", "twice", "once more", "further", "variant", "none"])
def test_rows_are_those_of_the_test_and_no_others(signals, tmp_path, table, change):
    """Of the whole table, however few signals are measured again."""
    frame = getattr(signals.run, table)
    changed = {
        "missing": frame.drop(index=6),
        "twice": frame.iloc[[0, 1, 2, 3, 4, 5, 6, 6]],
        "once more": frame.iloc[[*range(8), 7]],
        "further": frame.replace({"index": {3: 4}}),
        "variant": frame.replace({"variant": {"matched": "other"}}),
        "none": frame[:0],
    }[change]
    for weights in (signals.run.stored.weights, None):
        root = signals.published(tmp_path, **{table: changed.reset_index(drop=True), "weights": weights})
        with pytest.raises(ValueError, match="published/table/row must hold 8 rows of"):
            signals.verify(root, signals=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:0],
        lambda t: pd.concat([t, t]),
        lambda t: t.assign(epoch=t["epoch"] + 1),
        lambda t: t.assign(step=t["step"] + 1),
        lambda t: t.assign(learning_rate=t["learning_rate"] * 1.001),
        lambda t: t.assign(training_loss=np.nan),
        lambda t: t.assign(validation_loss=np.inf),
        lambda t: t.assign(validation_loss=t["validation_loss"] * 1.0012),
        lambda t: t.assign(seconds=-t["seconds"]),
        lambda t: t.assign(seconds=t["seconds"] + 1),
    ],
)
def test_a_history_that_such_a_training_does_not_have_is_refused(signals, tmp_path, change):
    """Steps and rates follow from the settings; the best validation loss is that of the stored weights."""
    root = signals.published(tmp_path, history=change(signals.run.history))
    with pytest.raises(ValueError, match=r"table/row.*(history|training_seconds|validation_loss)"):
        signals.verify(root)


@pytest.mark.parametrize("factor, agrees", [(1.0008, True), (1.0012, False)])
def test_the_validation_error_is_measured_again(signals, tmp_path, factor, agrees):
    record = signals.run.record
    kept = {name: value for name, value in record.items() if name not in ("digest", "files", "name")}
    root = signals.published(tmp_path, record=kept | {"validation_error": record["validation_error"] * factor})
    if agrees:
        assert {"validation_error", "validation_loss"} <= signals.verify(root).deviations.keys()
        return
    with pytest.raises(ValueError, match="table/row does not agree with its weights: validation_error is stored as"):
        signals.verify(root)


def test_what_trains_nothing_has_no_history(closed, signals, tmp_path):
    root = closed.published(tmp_path, history=signals.run.history)
    with pytest.raises(ValueError, match="table/row trains nothing, and its history must be empty, got 1 rows"):
        closed.verify(root)


def test_weights_that_do_not_give_the_values_are_refused(signals, tiny, tmp_path):
    other = runs.obtain(tiny("xspace-harmonic", "n2n", seed=1), (tmp_path / "other",), cache=signals.folder / "data")
    root = signals.published(tmp_path, weights=other.stored.weights)
    with pytest.raises(ValueError, match="does not agree with its weights: snr_db of literal item 0"):
        signals.verify(root, signals=1)


def test_a_closed_form_that_does_not_give_the_values_is_refused(closed, tmp_path):
    root = closed.moved(tmp_path, "signals", "snr_db", LITTLE_MORE)
    with pytest.raises(ValueError, match="does not agree with its weights: snr_db of literal item 0"):
        closed.verify(root, signals=2)


def test_a_missing_run_is_named(signals, tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished run of xspace-harmonic n2n"):
        signals.verify((tmp_path,))


# Figures of a system matrix


def test_the_figures_of_a_system_matrix_are_measured_again(matrix, tmp_path):
    found = verify_map(matrix.config, matrix.published(tmp_path), matrix.folder / "data")
    assert (found.signals, found.images) == (256, 2)
    assert found.deviations.keys() >= {"components", "images"} and max(found.deviations.values()) < 1e-4


@pytest.mark.parametrize("name", ["components", "images"])
def test_figures_that_the_weights_do_not_give_are_refused(matrix, tmp_path, name):
    array = matrix.run.arrays[name].copy()
    array.flat[-1] += LITTLE_MORE * ARRAY_TOLERANCE * np.abs(array).max()
    root = matrix.with_array(tmp_path, name, array)
    with pytest.raises(ValueError, match=f"does not agree with its weights: array {name}"):
        verify_map(matrix.config, root, matrix.folder / "data")


def test_figures_of_other_objects_are_refused(matrix, tmp_path):
    root = matrix.with_array(tmp_path, "shown_objects", (matrix.run.arrays["shown_objects"] + 1) % 3)
    with pytest.raises(ValueError, match="does not agree with its weights: array images"):
        verify_map(matrix.config, root, matrix.folder / "data")


def test_figures_without_weights_cannot_be_measured(matrix, tmp_path):
    with pytest.raises(ValueError, match="published/table/row has no weights"):
        verify_map(matrix.config, matrix.published(tmp_path, weights=None), matrix.folder / "data")


def test_figures_show_the_first_variant(tiny, tmp_path):
    config = tiny("system-matrix", "n2n", objects=2)
    quiet = replace(config.noise, snr_db=20.0)
    config = replace(config, test_noise={"a": quiet, "b": config.noise})
    run = runs.obtain(config, (tmp_path,), cache=tmp_path)
    verify_map(config, (tmp_path,), tmp_path)
    setup = Setup(config, tmp_path)
    noisy = setup.kaczmarz(setup.matrix("a").u1)
    assert run.arrays["images"].shape == (2, *noisy.shape)


# Weights


def test_weights_of_the_first_seed_of_each_row_are_published(book):
    """Of networks alone; studies and further seeds are known by their numbers."""
    kept = {name for name, config in book.runs("paper").items() if must_have_weights(book, name, config)}
    assert RunName("xspace-gaussian", "proposed") in kept and RunName("xspace-gaussian", "proposed", tuned=True) in kept
    assert RunName("xspace-gaussian", "forward_n2n") in kept
    assert RunName("xspace-gaussian", "wiener") in kept
    assert RunName("xspace-gaussian", "linear_n2n") not in kept  # large, and fitted in seconds
    assert RunName("xspace-gaussian", "noisy") not in kept  # nothing to learn
    assert not any(name.seed or name.case for name in kept)
    assert {name.experiment for name in kept} == {name for name, entry in book.experiments.items() if entry.weights}
    assert "xspace-literal" not in {name.experiment for name in kept}


# What a build checks


@pytest.fixture
def book_of(signals, matrix, closed, tmp_path):
    """A book of three published runs and one that was made here; changes of their parts by name."""
    names = {
        RunName("first", "n2n"): signals,
        RunName("first", "linear_n2n"): closed,
        RunName("second", "n2n"): matrix,
        RunName("study", "n2n", case="same"): signals,
    }

    def publish(**changes):
        entries = {}
        for name, case in names.items():
            stored = replace(case.run.stored, **changes) if name.experiment == "first" else case.run.stored
            entries.setdefault(case.config.key, (name.experiment, name.row, stored))
        Archive(tmp_path / "published").publish(entries, {})
        return Book({name: case.config for name, case in names.items()}), (tmp_path / "published", tmp_path / "runs")

    return publish


def test_a_build_measures_a_part_of_every_published_run(book_of, signals, tiny, tmp_path):
    """Of one experiment or study at a time, each run once, and what was made here not at all."""
    known, root = book_of()
    mine = tiny("xspace-gaussian", "noisy")
    runs.obtain(mine, root)
    known.configs |= {RunName("first", "noisy"): mine, RunName("first", "r2r"): tiny("xspace-gaussian", "r2r")}
    found = {name: part for name, _, part in check(known, "first", "smoke", root, 2, cache=signals.folder / "data")}
    assert found.keys() == {RunName("first", "n2n"), RunName("first", "linear_n2n")}
    assert found[RunName("first", "n2n")].signals == 4
    assert found[RunName("first", "linear_n2n")] == Check(0, 0, {})  # fitted again by the whole verification alone
    assert list(check(known, "study", "smoke", root)) == []


def test_a_build_measures_a_tenth_of_the_maps_that_figures_show(book_of, matrix):
    known, root = book_of()
    name = RunName("second", "n2n")
    ((_, config, part),) = check(known, "second", "smoke", root, 2, {name}, matrix.folder / "data")
    assert config == matrix.config and (part.signals, part.images) == (26, 0)
    assert part.deviations.keys() == {"snr_db", "rmse", "components"}
    ((_, _, part),) = check(known, "second", "smoke", root, 2, (), matrix.folder / "data")
    assert (part.signals, part.images) == (2, 0)


def test_a_build_refuses_figures_without_their_arrays(book_of, signals):
    known, root = book_of()
    with pytest.raises(ValueError, match="has no arrays, and its figures cannot be drawn"):
        list(check(known, "first", "smoke", root, 2, {RunName("first", "n2n")}, signals.folder / "data"))


def test_a_build_refuses_what_the_weights_do_not_give(book_of, signals):
    frame = signals.run.signals.copy()
    frame.loc[0, "snr_db"] += LITTLE_MORE * TOLERANCES["snr_db"]
    known, root = book_of(signals=frame)
    with pytest.raises(ValueError, match="first/n2n does not agree with its weights: snr_db of literal item 0"):
        list(check(known, "first", "smoke", root, 1, cache=signals.folder / "data"))


def test_a_build_refuses_a_network_without_its_weights(book_of):
    known, root = book_of(weights=None)
    with pytest.raises(ValueError, match="published: first-n2n has no weights, and cannot be measured again"):
        list(check(known, "first", "smoke", root))


def test_figures_of_closed_forms_are_fitted_again(tiny, tmp_path):
    case = Case(tiny("system-matrix", "dct_wiener", objects=2), tmp_path)
    assert case.run.denoiser is None
    found = verify_map(case.config, case.published(tmp_path), tmp_path / "data")
    assert found.signals == 256 and max(found.deviations.values()) < 1e-4


def test_a_build_measures_a_part_of_the_maps(matrix, tmp_path):
    """Each so many pixels of the components, and no images, which need every column."""
    root, cache = matrix.published(tmp_path), matrix.folder / "data"
    found = verify_map(matrix.config, root, cache, every=10)
    pixels = matrix.config.scanner.shape[0] * matrix.config.scanner.shape[1]
    assert found.signals == -(-pixels // 10) and found.images == 0
    assert found.deviations.keys() == {"components"} and found.deviations["components"] < ARRAY_TOLERANCE
