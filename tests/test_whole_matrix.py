"""Denoisers of a whole system matrix, on a small scanner."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from companion import evaluation
from companion.setup import Setup
from mpicore.datasets import system_matrix_columns
from mpicore.denoisers import create, whole_matrix
from mpicore.denoisers.whole_matrix import alternate_mean
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.scanner import Scanner


@pytest.fixture(scope="module")
def scanner():
    """A Lissajous of few lines: 11 and 10 cycles in 1100 samples."""
    return Scanner.lissajous(drive_frequency=(24.75e3, 22.5e3), shape=(25, 25))


@pytest.fixture(scope="module")
def data(scanner):
    return system_matrix_columns((400, 40, 40), Noise(snr_db=5), 0, scanner)


@pytest.fixture(scope="module")
def fitted(scanner, data):
    """Each denoiser of a whole matrix by its name, fitted in units of the signal, and the period that it denoises."""
    unit = 1 / np.sqrt(np.mean(np.square(data.matrix.clean, dtype=np.float64)))
    u1, u2, clean = (unit * u.astype(np.float64) for u in (*data.matrix.arrays, data.matrix.clean))
    found = {name: create(name, scanner=scanner).fit(u1, u2) for name in NAMES}
    found["oracle_dct_wiener"] = create("oracle_dct_wiener", scanner=scanner).fit(u1, clean)
    return {name: (denoiser, u1) for name, denoiser in found.items()}


NAMES = ["dct_threshold", "dct_wiener", "dct_wiener_twice", "svd_dct", "svd_shrinkage"]


@pytest.mark.parametrize(
    "name, least",
    [("svd_shrinkage", 10), ("dct_threshold", 13), ("dct_wiener", 17), ("dct_wiener_twice", 18), ("svd_dct", 18)],
)
def test_a_whole_matrix_gains_more_than_its_symmetry_gives(name, least, scanner, data):
    """Noise at 5 dB; the odd part alone has 8 dB."""
    denoiser = create(name, scanner=scanner)
    assert denoiser.whole
    matrix = data.matrix
    found = denoiser.fit(matrix.u1, matrix.u2).denoise(matrix.u1)
    assert found.dtype == np.float32
    assert snr_db(matrix.clean, found).mean() > least


def test_the_parity_of_components_helps(scanner, data, monkeypatch):
    """A mean over all neighbours mixes full and empty coefficients, one over every second neighbour does not."""
    matrix = data.matrix

    def mean_snr():
        denoiser = create("dct_wiener", scanner=scanner).fit(matrix.u1, matrix.u2)
        return snr_db(matrix.clean, denoiser.denoise(matrix.u1)).mean()

    alternate = mean_snr()
    monkeypatch.setattr(whole_matrix, "alternate_mean", uniform_filter)
    assert alternate > mean_snr() + 1


def test_the_window_is_the_one_of_the_lowest_error(scanner, data, monkeypatch):
    """Chosen on noisy data alone, it is within 0.3 dB of the best that the truth would choose."""
    matrix = data.matrix
    chosen = create("dct_wiener", scanner=scanner).fit(matrix.u1, matrix.u2)
    found = {}
    for window in chosen.windows:
        monkeypatch.setattr(whole_matrix.SpatialWiener, "windows", (window,))
        single = create("dct_wiener", scanner=scanner).fit(matrix.u1, matrix.u2)
        found[window] = snr_db(matrix.clean, single.denoise(matrix.u1)).mean()
    assert found[chosen.window] > max(found.values()) - 0.3


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_thresholds_are_those_of_the_component(kind, scanner, data):
    """Against the cosine matrix and the definition, for one component with ten times the noise of the others."""
    denoiser = create("dct_threshold", scanner=scanner)
    rng = np.random.default_rng(0)
    y1, y2 = rng.standard_normal((2, 625, 3)).astype(np.float32)
    for y in (y1, y2):
        y[:, 1] *= 10
        y[5] += 60
    denoiser.learn(y1, y2)
    denoiser.kind, denoiser.factor = kind, 1.5
    position = np.arange(25)
    cosines = np.cos(np.pi * np.outer(position, position + 0.5) / 25) * np.sqrt(2 / 25)
    cosines[0] /= np.sqrt(2)
    for line in range(3):
        coefficients = cosines @ y1[:, line].reshape(25, 25) @ cosines.T
        threshold = 1.5 * np.sqrt(np.mean((y1[:, line] - y2[:, line]) ** 2) / 2)
        reduced = np.sign(coefficients) * np.maximum(np.abs(coefficients) - threshold * (kind == "soft"), 0)
        expected = cosines.T @ (reduced * (np.abs(coefficients) > threshold)) @ cosines
        np.testing.assert_allclose(denoiser.shrink(y1)[:, line], expected.ravel(), rtol=0, atol=1e-3)


def test_the_threshold_is_the_one_of_the_lowest_error(scanner, data):
    """Chosen on noisy data alone, it is within 0.3 dB of the best that the truth would choose."""
    matrix = data.matrix
    denoiser = create("dct_threshold", scanner=scanner).fit(matrix.u1, matrix.u2)
    chosen, found = (denoiser.kind, denoiser.factor), {}
    for kind, factor in itertools.product(denoiser.kinds, denoiser.factors):
        denoiser.kind, denoiser.factor = kind, factor
        found[kind, factor] = snr_db(matrix.clean, denoiser.denoise(matrix.u1)).mean()
    assert found[chosen] > max(found.values()) - 0.3


def test_alternate_mean_keeps_even_and_odd_apart():
    checker = np.indices((7, 6, 5)).sum(axis=0) % 2
    np.testing.assert_allclose(alternate_mean(checker.astype(float), (3, 3, 3)), checker)


def test_alternate_mean_averages_every_second_neighbour():
    values = np.zeros((9, 1, 1))
    values[4] = 3.0
    np.testing.assert_allclose(alternate_mean(values, (3, 1, 1))[:, 0, 0], [0, 0, 1, 0, 1, 0, 1, 0, 0])


def test_clean_matrices_are_left_alone(scanner, data):
    """With noise of a ten-thousandth of the power nearly every gain is one."""
    clean = data.matrix.clean
    rng = np.random.default_rng(0)
    scale = 0.001 * np.sqrt(np.mean(clean**2))
    u1, u2 = (clean + scale * rng.standard_normal(clean.shape).astype(np.float32) for _ in "12")
    denoiser = create("dct_wiener", scanner=scanner).fit(u1, u2)
    assert snr_db(clean, denoiser.denoise(u1)).mean() > snr_db(clean, u1).mean()


@pytest.mark.parametrize("name", NAMES)
def test_all_columns_must_be_there(name, scanner, data):
    denoiser = create(name, scanner=scanner)
    with pytest.raises(ValueError, match=f"{name} must be fitted before it denoises"):
        denoiser.denoise(data.matrix.u1)
    with pytest.raises(ValueError, match="u must hold all 625 columns of the system matrix, got 400"):
        denoiser.fit(data.train.u1, data.train.u2)


@pytest.mark.parametrize("name", NAMES)
def test_equal_periods_are_named(name, scanner, data):
    u2 = data.matrix.u2.copy()
    u2[3] = data.matrix.u1[3]
    with pytest.raises(ValueError, match=f"{name} needs two .*; u1 and u2 are the same period at index 3"):
        create(name, scanner=scanner).fit(data.matrix.u1, u2)


@pytest.mark.parametrize("name", NAMES)
def test_a_matrix_of_another_length_needs_another_fit(name, scanner, data):
    denoiser = create(name, scanner=scanner).fit(data.matrix.u1, data.matrix.u2)
    first, second = (u[:, ::2] for u in data.matrix.arrays)  # half the sampling frequency
    with pytest.raises(ValueError, match="u must have 1100 samples per signal, got 550"):
        denoiser.denoise(first)
    assert denoiser.fit(first, second).denoise(first).shape == first.shape


def test_an_evaluation_gives_a_whole_matrix_to_those_who_need_it(tiny):
    """Part of the test columns has the values of the whole evaluation."""
    setup = Setup(tiny("system-matrix", "noisy", sizes=(100, 10, 20)))
    matrix = setup.matrix()
    denoiser = create("dct_wiener", scanner=setup.scanner).fit(matrix.u1, matrix.u2)
    whole, part = (evaluation.evaluate(denoiser, setup, indices) for indices in (None, [3, 5]))
    np.testing.assert_array_equal(part.signals["snr_db"], whole.signals["snr_db"].iloc[[3, 5]])


@pytest.mark.parametrize("name", [*NAMES, "oracle_dct_wiener"])
@pytest.mark.parametrize("factor", [1e-30, 1e-6, 0.1, 10, 1e6, 1e30])
def test_a_matrix_in_another_unit_is_denoised_alike_or_refused(name, factor, fitted):
    """Gains know no unit. Thresholds are those of the noise of the fit, and the noise of another unit is not that."""
    denoiser, u = fitted[name]
    if denoiser.linear:
        expected = denoiser.denoise(u)
        found = denoiser.denoise(factor * u) / factor
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    else:
        told = f"u must be in the unit in which {name} was fitted, with such noise: .* has an RMS of 1.15, got "
        with pytest.raises(ValueError, match=told):
            denoiser.denoise(factor * u)


@pytest.mark.parametrize("name", ["dct_threshold", "svd_shrinkage"])
def test_thresholds_take_what_may_be_in_the_unit_of_the_fit(name, fitted, data):
    """The signal without noise, noise alone, noise of another strength, a stronger signal, and nothing at all."""
    denoiser, u = fitted[name]
    clean = data.matrix.clean * (u[0, 1] / data.matrix.u1[0, 1])
    for other in (clean, u - clean, clean + 5 * (u - clean), clean + 0.1 * (u - clean), 5 * clean + (u - clean), 0 * u):
        assert denoiser.denoise(other).shape == u.shape


def test_a_matrix_that_is_far_too_strong_beside_the_fit_is_named(scanner, fitted, data):
    _, u = fitted["dct_wiener"]
    second = data.matrix.u2 * (u[0, 1] / data.matrix.u1[0, 1])
    denoiser = create("dct_wiener", scanner=scanner).fit(1e-30 * u, 1e-30 * second)
    with pytest.raises(ValueError, match="u must be alike in strength to the matrix of the fit, whose noise"):
        denoiser.denoise(1e30 * u)
