"""The system matrix under harder conditions, on cases whose outcome is known beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from companion import analyses, runs
from companion.analyses import matrix_conditions as conditions
from companion.setup import Setup
from mpicore import datasets, metrics
from mpicore.denoisers import create
from mpicore.denoisers.readout import TwoPeriods
from mpicore.recordings import Recordings


@pytest.fixture(scope="module")
def finished(tmp_path_factory, book):
    """Runs of a small system matrix in a root of their own, and an experiments file whose preset is that small."""
    root, smoke = [tmp_path_factory.mktemp("runs")], book.presets["smoke"]
    changes = {
        "shape": (16, 16),
        "sizes": {"x-space": (8, 4, 6), "system-matrix": (60, 6, 26)},
        "objects": 3,
        "network": smoke.network.model_copy(update={"width": 2}),
        "training": replace(smoke.training, epochs=1),
    }
    preset = smoke.model_copy(update=changes)
    return replace(book, file=book.file.model_copy(update={"presets": {"smoke": preset}})), root


def made(finished, name):
    """The table of an analysis, whose runs are made if they are not there."""
    known, root = finished
    for run in analyses.needs(name, known, "smoke"):
        runs.obtain(known.named(run, "smoke"), root, device="cpu")
    return analyses.compute(name, known, "smoke", root).frame


def test_losses_are_those_of_the_columns_that_both_splits_test(finished):
    known, root = finished
    table = made(finished, "blocks")
    assert set(table["block"]) == {"quadrant", "half"} and set(table["method"]) == set(conditions.LEARNED)
    assert (table["columns"] > 0).all()
    for row in table[table["method"] == "linear_n2n"].to_dict("records"):
        values = []
        for experiment in ("system-matrix", conditions.BLOCKS[row["block"]]):
            config = known.run(experiment, "linear_n2n", "smoke")
            pixels = Setup(config).pixels["test"]
            values.append(dict(zip(pixels, runs.load(config, root).signals["snr_db"], strict=True)))
        both = values[0].keys() & values[1].keys()
        losses = [values[0][pixel] - values[1][pixel] for pixel in both]
        assert row["columns"] == len(both)
        assert row["loss_db"] == pytest.approx(np.mean(losses)) == pytest.approx(row["random_db"] - row["block_db"])
        assert row["loss_db_low"] <= row["loss_db"] <= row["loss_db_high"]


def test_the_best_training_column_is_that_of_least_squares(tiny):
    """Beside an exhaustive search; of a quadrant the mirrored column, moved by half a period, is the same signal."""
    changes = {"sizes": (100, 12, 20), "scanner": replace(tiny("system-matrix", "noisy").scanner, shape=(15, 15))}
    setups = [Setup(tiny("system-matrix", "noisy", **changes, split=split)) for split in (None, "quadrant")]
    table = conditions.clean_neighbours(setups, 10).set_index(["split", "column"])["snr_db"]
    clean = setups[0].matrix().clean.astype(np.float64)
    for setup, split in zip(setups, ("random", "quadrant"), strict=True):
        for column, shift in (("best", 0), ("best, turned", clean.shape[1] // 2)):
            best = []
            for pixel in setup.pixels["test"][:10]:
                trained = np.roll(clean[setup.pixels["train"]], shift, axis=1)
                factors = trained @ clean[pixel] / np.sum(trained**2, axis=1)
                repeated = np.repeat(clean[[pixel]], len(trained), axis=0)
                best.append(metrics.snr_db(repeated, factors[:, None] * trained + 1e-30).max())
            assert table[split, column] == pytest.approx(np.median(np.minimum(best, 100)), rel=1e-4)
    ny, nx = setups[0].scanner.shape
    image = clean.reshape(ny, nx, -1)
    mirrored = np.roll(image[::-1], clean.shape[1] // 2, axis=2)
    np.testing.assert_allclose(mirrored, image, rtol=0, atol=1e-5 * np.abs(image).max())
    tested = setups[0].pixels["test"][:10]
    beside = np.where(tested >= nx, tested - nx, tested + nx)
    assert table["random", "beside y"] == pytest.approx(
        np.median(metrics.snr_db(clean[tested], clean[beside])), rel=1e-3
    )


def test_objects_are_measured_as_they_are_drawn(tiny):
    setup = Setup(tiny("system-matrix", "noisy", objects=4))
    plain = conditions.measure(setup, 1, None, 3)
    exact = setup.kaczmarz(setup.matrix().clean)
    np.testing.assert_array_equal(plain.objects, setup.objects[:3])
    np.testing.assert_allclose(
        plain.exact, exact.measure(plain.objects), rtol=1e-3, atol=1e-4 * np.abs(plain.exact).max()
    )
    np.testing.assert_array_equal(plain.recorded, plain.exact)
    noisy = conditions.measure(setup, 1, 20.0, 3)
    np.testing.assert_array_equal(noisy.exact, plain.exact)
    # White noise at 20 dB is spread over all lines alike: so much of its power lies in those that are kept.
    clean = setup.objects[:3].reshape(3, -1) @ setup.matrix().clean
    power = np.sum(clean.astype(np.float64) ** 2) * 1e-2 * len(setup.lines)
    assert np.sum(np.abs(noisy.recorded - noisy.exact) ** 2) == pytest.approx(power, rel=0.2)
    fine = conditions.measure(setup, 2, None, 3)
    assert fine.objects.shape == plain.objects.shape and not np.array_equal(fine.exact, plain.exact)
    distance = np.linalg.norm(fine.exact - plain.exact) / np.linalg.norm(plain.exact)
    assert distance < 0.4  # the same shapes and amounts, which a grid of 16 x 16 pixels shows coarsely


def test_an_object_on_the_pixels_of_a_finer_grid_is_the_same(tiny):
    """One fine pixel that coincides with a pixel of the matrix has a column of the matrix as its signal."""
    setup = Setup(tiny("system-matrix", "noisy"))
    truth = conditions.Truth(oversampling=2)
    objects = np.zeros((1, 31, 31), np.float32)
    objects[0, 2 * 4, 2 * 7] = 1
    signal = truth.signals(objects, truth.response(setup.scanner, setup.config.particle), setup.scanner)
    column = setup.matrix().clean[4 * 16 + 7]
    np.testing.assert_allclose(signal[0], column, rtol=0, atol=1e-4 * np.abs(column).max())


def test_images_under_the_usual_conditions_are_those_of_the_runs(finished):
    """Objects on the grid and without noise, the configured regularisation: the images of the table."""
    known, root = finished
    table = made(finished, "conditions")
    usual = table[(table["oversampling"] == 1) & np.isinf(table["object_snr_db"]) & (table["relative_lambda"] == 3)]
    usual = usual.set_index("method")
    for method in conditions.PICTURED:
        run = runs.load(known.run("system-matrix", method, "smoke"), root)
        for column in ("ssim", "psnr_db", "object_error"):
            assert usual[column][method] == pytest.approx(run.images[column].mean(), rel=2e-3), (method, column)
    assert usual["psnr_db"]["clean"] == np.inf and usual["ssim"]["clean"] == pytest.approx(1)
    assert len(table) == 5 * 2 * (1 + len(conditions.PICTURED))
    clean = table[(table["method"] == "clean") & (table["oversampling"] == 1)]
    for _, part in clean.groupby("relative_lambda"):
        assert (np.diff(part.sort_values("object_snr_db")["psnr_db"]) > 0).all(), "less noise, better images"


def test_images_do_not_depend_on_what_is_solved_with_them(tiny):
    setup = Setup(tiny("system-matrix", "noisy", objects=4))
    exact = setup.kaczmarz(setup.matrix().clean)
    measured = exact.measure(setup.objects)
    parts = conditions.images(setup, exact.matrix, [measured[:1], measured[1:]], 3.0)
    assert [len(part) for part in parts] == [1, 3]
    alone = exact(measured)
    np.testing.assert_allclose(np.concatenate(parts), alone, rtol=0, atol=1e-4 * alone.max())


def test_gains_for_the_mean_are_those_of_half_the_noise(tiny):
    """With the true power P the gains are P / (P + 1/2), and better than those of one period."""
    setup = Setup(tiny("system-matrix", "oracle_dct_wiener"))
    matrix, denoiser = setup.matrix(), create("oracle_dct_wiener", scanner=setup.scanner)
    denoiser.fit(matrix.u1, matrix.clean)
    before = denoiser.gains.copy()
    both = conditions.Together(denoiser)
    power = before.astype(np.float64) / (1 - before.astype(np.float64))
    weak = power < 1e3  # of stronger ones 1 - g has no digits left
    np.testing.assert_allclose(both.denoiser.gains[weak], (power / (power + 0.5))[weak], rtol=1e-3)
    periods = np.stack([matrix.u1, matrix.u2], axis=1)
    found, apart = both.denoise(periods), TwoPeriods(denoiser).denoise(periods)
    errors = [np.sum((u - matrix.clean).astype(np.float64) ** 2) for u in (found, apart)]
    assert errors[0] < errors[1]
    np.testing.assert_array_equal(denoiser.gains, before)


def test_one_period_and_two_alone_are_the_stored_runs(finished):
    known, root = finished
    table = made(finished, "together").set_index("method")
    assert set(table.index) == {*conditions._TOGETHER, "dct_wiener_twice_both", "oracle_dct_wiener_both"}
    for method in conditions._TOGETHER:
        run = runs.load(known.run("system-matrix", method, "smoke"), root)
        assert table["snr_db"][method] == pytest.approx(run.signals["snr_db"].mean())
        assert table["psnr_db"][method] == pytest.approx(run.images["psnr_db"].mean())
    assert table["snr_db"]["oracle_dct_wiener_both"] > table["snr_db"]["oracle_dct_wiener"]


def test_recorruptions_are_the_first_of_the_most(finished):
    known, root = finished
    table = made(finished, "recorruptions")
    assert table["recorruptions"].tolist() == [1, 5, 10, 20, 50]
    config = known.run("system-matrix", "r2r", "smoke")
    test, denoiser = Setup(config).held_out("literal"), runs.load(config, root).denoiser
    denoiser.recorruptions = 5
    expected = metrics.snr_db(test.clean, denoiser.denoise(test.u1)).mean()
    assert table["snr_db"][1] == pytest.approx(expected, abs=1e-3)
    assert table["below_db"].iloc[-1] == 0 and (table["below_db"].iloc[:-1] > 0).all()


def test_blocks_share_the_noise_of_the_whole_matrix(tiny):
    """Only the split differs, so the same column of two splits is the same recording."""
    setups = [Setup(tiny("system-matrix", "noisy", split=split)) for split in (None, "half")]
    np.testing.assert_array_equal(setups[0].matrix().u1, setups[1].matrix().u1)
    train, held = setups[1].fitting_pairs(create("wiener"))
    assert isinstance(held, Recordings)
    x = setups[1].scanner.grid[setups[1].pixels["train"], 0]
    assert (x <= 0).all() and (setups[1].scanner.grid[setups[1].pixels["test"], 0] > 0).all()
    np.testing.assert_array_equal(train[0], setups[0].matrix().u1[setups[1].pixels["train"]])
    assert datasets.most_pixels(setups[1].scanner, "half")[2] == 128
