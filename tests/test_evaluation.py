"""What is measured on the test set: with denoisers whose figures are known beforehand."""

import numpy as np
import pandas as pd
import pytest

from companion import evaluation
from companion.archive import IMAGE_VALUES, SIGNAL_VALUES
from companion.setup import Setup
from mpicore.denoisers import Denoiser, create
from mpicore.metrics import object_error
from mpicore.noise import Noise
from mpicore.reconstruction import XSpace, frequency_components, kaczmarz, select_frequencies


class Known(Denoiser):
    """Returns given signals whatever it is given, and keeps what it was given."""

    def __init__(self, *outs):
        self.outs, self.seen = list(outs), []

    def denoise(self, u):
        self.seen.append(u)
        return self.outs.pop(0)


@pytest.fixture(scope="module")
def matrix_setup(tiny):
    return Setup(tiny("system-matrix", "noisy", sizes=(8, 2, 6), objects=3))


@pytest.fixture(scope="module")
def noisy_result(matrix_setup):
    """What the evaluation says of the noisy matrix."""
    return evaluation.evaluate(create("noisy"), matrix_setup)


# x-space


@pytest.mark.parametrize(
    "experiment, variant, gaussian, interference, stated",
    [
        ("xspace-gaussian", "literal", 10**-0.5, 0, 5.00),
        ("xspace-harmonic", "literal", 10**-1.5, 10**-0.5, 4.58),
        ("xspace-harmonic", "matched", 10**-1.5, 10**-0.681, 6.20),
    ],
)
def test_noisy_rows_have_the_noise_of_the_configuration(tiny, experiment, variant, gaussian, interference, stated):
    """The first rows of Tables 1 and 2, within five standard errors of the mean over 64 signals.

    The noise power of one signal has the variance (2 p_g^2 + 4 p_g p_i) / N: that of the Gaussian noise and of its
    product with the interference, whose own power is exact.
    """
    n = 64
    rows = evaluation.evaluate(create("noisy"), Setup(tiny(experiment, "noisy", sizes=(1, 1, n)))).signals
    rows = rows[rows["variant"] == variant]
    assert rows["index"].tolist() == list(range(n))
    total = gaussian + interference
    error = 10 / np.log(10) * np.sqrt((2 * gaussian**2 + 4 * gaussian * interference) / 4950) / total
    assert abs(rows["snr_db"].mean() + 10 * np.log10(total)) < 5 * error / np.sqrt(n)
    assert rows["snr_db"].mean() == pytest.approx(stated, abs=0.05)
    assert np.all(np.abs(rows["snr_db"] + 10 * np.log10(total)) < 5 * error)


def test_there_is_a_row_per_signal_and_image_of_each_variant(tiny):
    result = evaluation.evaluate(create("noisy"), Setup(tiny("xspace-harmonic", "noisy")))
    for rows in (result.signals, result.images):
        assert rows["variant"].tolist() == ["literal"] * 4 + ["matched"] * 4
        assert rows["index"].tolist() == [0, 1, 2, 3] * 2


def test_rmse_is_in_the_papers_units(tiny):
    """A denoiser that returns nothing has an SNR of 0 dB, and a mean RMSE of the mean RMS of the clean signals: 228."""
    setup = Setup(tiny("xspace-gaussian", "noisy", sizes=(1, 1, 5)))
    result = evaluation.evaluate(Known(np.zeros((5, 4950), np.float32)), setup)
    np.testing.assert_allclose(result.signals["snr_db"], 0, rtol=0, atol=1e-12)
    assert result.signals["rmse"].mean() == pytest.approx(228, rel=1e-12)
    rms = np.sqrt(np.mean(setup.held_out("literal").clean.astype(float) ** 2, axis=1))
    np.testing.assert_allclose(result.signals["rmse"], 228 * rms / rms.mean(), rtol=1e-12)
    np.testing.assert_array_equal(result.images["object_error"], 1)


def test_a_perfect_denoiser_in_x_space(tiny):
    """No error at all; what is left of the object error is that of the reconstruction itself."""
    setup = Setup(tiny("xspace-gaussian", "noisy", sizes=(1, 1, 5)))
    test = setup.held_out("literal")
    denoiser = Known(test.clean)
    result = evaluation.evaluate(denoiser, setup)
    np.testing.assert_array_equal(denoiser.seen[0], test.u1)
    assert (result.signals["snr_db"] == np.inf).all()
    assert (result.signals["rmse"] == 0).all()
    assert (result.images["psnr_db"] == np.inf).all()
    np.testing.assert_allclose(result.images["ssim"], 1, rtol=0, atol=1e-12)
    images = XSpace(setup.scanner, setup.config.gridding)(test.clean)
    np.testing.assert_allclose(result.images["object_error"], object_error(test.phantoms, images), rtol=1e-12)
    assert result.arrays == {}
    assert result.signals.columns.tolist() == ["variant", "index", *SIGNAL_VALUES]
    assert result.images.columns.tolist() == ["variant", "index", *IMAGE_VALUES]


def test_a_tenth_of_the_error_is_twenty_decibels_in_every_column(tiny):
    """SNR and PSNR both rise by 20 dB and the RMSE falls to a tenth, since all of the chain is linear."""
    setup = Setup(tiny("xspace-gaussian", "noisy", sizes=(1, 1, 5)))
    test = setup.held_out("literal")
    clean, noise = (u.astype(np.float64) for u in (test.clean, test.u1 - test.clean))
    large, small = (evaluation.evaluate(Known(clean + factor * noise), setup) for factor in (1, 0.1))
    np.testing.assert_allclose(small.signals["snr_db"], large.signals["snr_db"] + 20, rtol=0, atol=1e-6)
    np.testing.assert_allclose(small.signals["rmse"], large.signals["rmse"] / 10, rtol=1e-6)
    np.testing.assert_allclose(small.images["psnr_db"], large.images["psnr_db"] + 20, rtol=0, atol=1e-4)


def test_two_periods_reach_what_takes_two(tiny):
    setup = Setup(tiny("xspace-gaussian", "average"))
    test = setup.held_out("literal")
    both = evaluation.denoised(create("average"), test, [2, 0])
    np.testing.assert_allclose(both, (test.u1 + test.u2)[[2, 0]] / 2, rtol=1e-6)
    signals = evaluation.evaluate(create("average"), setup).signals
    assert signals["snr_db"].mean() == pytest.approx(5 + 10 * np.log10(2), abs=0.2)


# System matrix


def test_noisy_rows_of_the_system_matrix(noisy_result):
    """The first row of Table 3: 5 dB on the test pixels, within five standard errors; images from the noisy matrix."""
    result = noisy_result
    error = 10 / np.log(10) * np.sqrt(2 / 9900)
    assert len(result.signals) == 6
    assert abs(result.signals["snr_db"].mean() - 5) < 5 * error / np.sqrt(6)
    assert result.signals["variant"].unique().tolist() == ["literal"]
    assert len(result.images) == 3
    assert np.isfinite(result.images[["ssim", "psnr_db", "object_error"]]).all(axis=None)
    assert (result.images["ssim"] < 0.999).all()


def test_each_variant_of_the_noise_of_a_system_matrix_is_measured(tiny, noisy_result):
    """Two sets of rows and of images, the first as for its noise alone, the second from a quieter matrix."""
    noise = {"literal": Noise(5.0), "quiet": Noise(40.0)}
    setup = Setup(tiny("system-matrix", "noisy", sizes=(8, 2, 6), objects=3, noise=Noise(5.0), test_noise=noise))
    result = evaluation.evaluate(create("noisy"), setup)
    signals, images = (rows.groupby("variant") for rows in (result.signals, result.images))
    assert signals.size().to_dict() == {"literal": 6, "quiet": 6}
    assert images.size().to_dict() == {"literal": 3, "quiet": 3}
    for found, expected in ((signals, noisy_result.signals), (images, noisy_result.images)):
        pd.testing.assert_frame_equal(found.get_group("literal"), expected)
    assert signals.get_group("quiet")["snr_db"].mean() == pytest.approx(40, abs=0.2)
    gain = images.get_group("quiet")["psnr_db"].to_numpy() - images.get_group("literal")["psnr_db"].to_numpy()
    assert (gain > 10).all()
    for name, array in noisy_result.arrays.items():
        np.testing.assert_array_equal(result.arrays[name], array)  # of the first variant
    part = evaluation.evaluate(create("noisy"), setup, [5, 0])
    assert part.signals["variant"].tolist() == ["literal", "literal", "quiet", "quiet"]
    np.testing.assert_allclose(part.signals["snr_db"], result.signals["snr_db"].to_numpy()[[5, 0, 11, 6]])


def test_snr_of_the_selected_lines(matrix_setup, noisy_result):
    """What the images are made of: by hand from the spectra of the test pixels, and far above the SNR of all lines."""
    result = noisy_result
    pixels, lines = matrix_setup.pixels["test"], result.arrays["lines"]
    clean, noisy = (
        np.fft.rfft(u[pixels].astype(float), axis=1)[:, lines]
        for u in (matrix_setup.matrix().clean, matrix_setup.matrix().u1)
    )
    expected = 10 * np.log10(np.sum(np.abs(clean) ** 2, axis=1) / np.sum(np.abs(noisy - clean) ** 2, axis=1))
    np.testing.assert_allclose(result.arrays["selected_snr_db"], expected, rtol=0, atol=1e-3)
    assert result.arrays["selected_snr_db"].min() > 8


def test_rmse_of_the_system_matrix_is_in_the_papers_units(matrix_setup):
    """All columns a tenth too small: 20 dB on every test pixel, and a mean RMSE of a tenth of 187."""
    clean = matrix_setup.matrix().clean.astype(np.float64)
    result = evaluation.evaluate(Known(0.9 * clean), matrix_setup)
    np.testing.assert_allclose(result.signals["snr_db"], 20, rtol=0, atol=1e-9)
    assert result.signals["rmse"].mean() == pytest.approx(18.7, rel=1e-9)


@pytest.mark.filterwarnings("error")
def test_a_perfect_denoiser_of_the_system_matrix(matrix_setup):
    """The reconstruction with the clean matrix is its own reference; Figure 3's lines are those of the clean matrix."""
    config, matrix = matrix_setup.config, matrix_setup.matrix()
    denoiser = Known(matrix.clean)
    result = evaluation.evaluate(denoiser, matrix_setup)
    np.testing.assert_array_equal(denoiser.seen[0], matrix.u1)
    assert (result.signals["snr_db"] == np.inf).all()
    assert (result.signals["rmse"] == 0).all()
    assert (result.images["psnr_db"] == np.inf).all()
    np.testing.assert_allclose(result.images["ssim"], 1, rtol=0, atol=1e-12)

    lines = select_frequencies(matrix.u1, matrix.u2, 1.5)
    np.testing.assert_array_equal(result.arrays["lines"], lines)
    spectrum = np.fft.rfft(matrix.clean.astype(np.float64), axis=1)
    objects = matrix_setup.objects
    system = spectrum[:, lines].T
    settings = config.kaczmarz.relative_lambda, config.kaczmarz.sweeps
    images = kaczmarz(system, objects.reshape(3, -1) @ system.T, *settings).reshape(objects.shape)
    shown = result.arrays["shown_objects"]
    assert len(shown) == 2
    np.testing.assert_allclose(result.arrays["images"], images[shown], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(result.arrays["images"], result.arrays["reference_images"])
    np.testing.assert_allclose(result.images["object_error"], object_error(objects, images), rtol=0, atol=1e-4)
    assert (result.arrays["selected_snr_db"] == np.inf).all()
    assert result.arrays["amplitude"] == pytest.approx(1, rel=1e-5)
    shown = result.arrays["components"].view(np.complex64)
    expected = spectrum[:, [300, 700]].T
    np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-6 * np.abs(spectrum).max())


def test_images_of_the_system_matrix_are_those_of_the_denoised_one(matrix_setup, noisy_result):
    """The measured signal stays clean, the matrix is what the denoiser gives; metrics are against the clean matrix.

    The objects that are kept for figures are the median and the worst one of the noisy matrix.
    """
    result = noisy_result
    lines = result.arrays["lines"]
    clean, noisy = (
        frequency_components(u)[:, lines].T for u in (matrix_setup.matrix().clean, matrix_setup.matrix().u1)
    )
    objects = matrix_setup.objects.reshape(3, -1)
    settings = matrix_setup.config.kaczmarz.relative_lambda, matrix_setup.config.kaczmarz.sweeps
    for name, system in (("reference_images", clean), ("images", noisy)):
        expected = kaczmarz(system, objects @ clean.T, *settings).reshape(3, 16, 16)
        np.testing.assert_allclose(result.arrays[name], expected[result.arrays["shown_objects"]], rtol=0, atol=1e-4)


def test_lines_above_the_noise_are_selected(matrix_setup, noisy_result):
    """Judged from two noisy periods, but right by the truth: an amplitude ratio of 1.5 is a power ratio of 2.25.

    The noise of a line has N times the power of the noise of a pixel. With 256 pixels the estimated ratio is right to
    about 8 % of the noise, so lines clearly above are all there and lines clearly below are not.
    """
    matrix = matrix_setup.matrix()
    lines = noisy_result.arrays["lines"]
    signal = np.mean(np.abs(np.fft.rfft(matrix.clean.astype(np.float64), axis=1)) ** 2, axis=0)
    noise = 9900 * 10**-0.5 * np.mean(matrix.clean.astype(np.float64) ** 2)
    selected = np.isin(np.arange(signal.size), lines)
    assert selected[signal > 3.2 * noise].all()
    assert not selected[signal < 1.4 * noise].any()
    assert 20 < lines.size < 0.2 * signal.size


# Parts


@pytest.mark.parametrize("experiment", ["xspace-harmonic", "system-matrix"])
def test_a_part_of_the_test_is_those_rows_of_the_whole(tiny, experiment):
    """The same numbers, signal by signal, in the same scale; a part of a system matrix has no images."""
    setup = Setup(tiny(experiment, "noisy", sizes=(4, 2, 6)))
    whole = evaluation.evaluate(create("noisy"), setup)
    part = evaluation.evaluate(create("noisy"), setup, indices=[4, 1])
    for name in ("signals", "images"):
        expected = getattr(whole, name).query("index == 1 or index == 4").sort_values(["variant", "index"])
        found = getattr(part, name).sort_values(["variant", "index"])
        if name == "images" and experiment == "system-matrix":
            assert found.empty
        else:
            np.testing.assert_allclose(found.drop(columns="variant"), expected.drop(columns="variant"), rtol=1e-6)


def test_shown_signals_are_the_median_and_the_worst():
    scored = pd.DataFrame({"index": [7, 8, 9, 10, 11], "snr_db": [3.0, 1.0, 5.0, 2.0, 4.0]})
    assert evaluation.shown_signals(scored) == {"median": 7, "worst": 8}


def test_the_amplitude_of_a_shrunken_matrix_is_its_factor(matrix_setup):
    clean = matrix_setup.matrix().clean
    result = evaluation.evaluate(Known(np.float32(0.9) * clean), matrix_setup)
    assert result.arrays["amplitude"] == pytest.approx(0.9, rel=1e-5)


def test_an_error_that_neighbours_share_is_correlated(matrix_setup, noisy_result):
    """The same error on all pixels: each of 16 pixels of a row but the last has a neighbour. White noise has none."""
    clean = matrix_setup.matrix().clean
    result = evaluation.evaluate(Known(clean + 0.1 * clean[100]), matrix_setup)
    assert result.arrays["error_correlation"] == pytest.approx(15 / 16, abs=1e-3)
    independent = noisy_result.arrays["lines"].size * 256
    assert abs(noisy_result.arrays["error_correlation"][0]) < 5 / np.sqrt(independent)
