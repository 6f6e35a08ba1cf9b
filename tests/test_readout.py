"""Other ways to read a fitted denoiser out."""

from pathlib import Path

import numpy as np
import pytest

from companion import experiments, runs
from mpicore.denoisers import Denoiser
from mpicore.denoisers.readout import Mirrored, Projected, TwoPeriods, read_out
from mpicore.denoisers.spectral_wiener import SpectralWiener
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix
from mpicore.symmetry import odd_part


class Shrink(Denoiser):
    """Half of the period, and what is not odd besides."""

    name = "shrink"

    def denoise(self, u):
        return (u / 2 + 0.1 * np.arange(u.shape[1])).astype(np.float32)


def periods():
    return np.random.default_rng(0).standard_normal((2, 5, 40))


def test_the_projection_is_the_odd_part_of_the_output():
    u, _ = periods()
    np.testing.assert_array_equal(Projected(Shrink()).denoise(u), odd_part(Shrink().denoise(u)))


def test_a_projection_makes_no_error_larger():
    u, clean = periods()
    clean = odd_part(clean)
    before, after = (np.sum((d.denoise(u) - clean) ** 2, axis=1) for d in (Shrink(), Projected(Shrink())))
    assert np.all(after <= before)


def test_two_periods_are_the_mean_of_both():
    u1, u2 = periods()
    both = np.stack([u1, u2], axis=1)
    expected = (Shrink().denoise(u1) + Shrink().denoise(u2)) / 2
    np.testing.assert_allclose(TwoPeriods(Shrink()).denoise(both), expected, rtol=1e-6)
    assert TwoPeriods(Shrink()).periods == 2
    with pytest.raises(
        ValueError, match=r"u must hold two periods of each object, shape \(n, 2, N\), got \(5, 3, 40\)"
    ):
        TwoPeriods(Shrink()).denoise(np.zeros((5, 3, 40)))
    with pytest.raises(ValueError, match="a denoiser of one period is needed, shrink, two periods takes 2"):
        TwoPeriods(TwoPeriods(Shrink()))


def test_projection_and_mean_commute():
    both = np.stack(periods(), axis=1)
    found = read_out(Shrink(), "two periods, projected", Scanner.cartesian()).denoise(both)
    np.testing.assert_allclose(found, odd_part(TwoPeriods(Shrink()).denoise(both)), atol=1e-6)


# In a period of 100 samples the x drive makes an odd number of cycles, 5, or an even one, 4.
ODD = Scanner((500.0, 400.0), sampling_frequency=10000.0, shape=(6, 5))
EVEN = Scanner((400.0, 500.0), sampling_frequency=10000.0, shape=(6, 5))


@pytest.mark.parametrize("scanner", [Scanner.cartesian(shape=(4, 3)), Scanner.lissajous(shape=(4, 3)), EVEN])
def test_half_a_period_later_the_scanner_measures_the_mirror_image(scanner):
    matrix = system_matrix(scanner, Particle()).T.reshape(*scanner.shape, -1)
    image = np.roll(matrix, scanner.num_samples // 2, axis=2)
    np.testing.assert_allclose(image, matrix[::-1], atol=1e-5 * np.abs(matrix).max())


class First(Denoiser):
    """Keeps the first quarter of a period: no two shifts are denoised alike."""

    name = "first"

    def denoise(self, u):
        return np.where(np.arange(u.shape[1]) < u.shape[1] // 4, u, 0).astype(np.float32)


def test_mirrored_is_the_mean_over_a_period_and_the_one_half_a_period_later():
    u = np.random.default_rng(0).standard_normal((3, 4950)).astype(np.float32)
    found = Mirrored(First(), Scanner.cartesian()).denoise(u)
    kept = np.isin(np.arange(4950) // (4950 // 4), (0,)) | ((np.arange(4950) >= 2475) & (np.arange(4950) < 2475 + 1237))
    np.testing.assert_array_equal(found, np.where(kept, u / 2, 0))
    shifted = Mirrored(First(), Scanner.cartesian()).denoise(np.roll(u, 2475, axis=1))
    np.testing.assert_array_equal(shifted, np.roll(found, 2475, axis=1))


def test_a_filter_with_one_gain_per_line_gains_nothing_from_the_mirror_image():
    rng = np.random.default_rng(3)
    clean = np.roll(rng.standard_normal((40, 1, 4950)).cumsum(axis=2), 7, axis=2)
    u1, u2 = np.moveaxis(clean + 20 * rng.standard_normal((40, 2, 4950)), 1, 0)
    denoiser = SpectralWiener().fit(u1, u2)
    once, both = denoiser.denoise(u1), Mirrored(denoiser, Scanner.cartesian()).denoise(u1)
    np.testing.assert_allclose(both, once, atol=1e-4 * np.abs(once).max())


def test_mirrored_needs_the_scanner_to_measure_mirror_images():
    with pytest.raises(ValueError, match="shrink, mirrored, needs an even number of samples and of cycles of the x"):
        Mirrored(Shrink(), ODD)
    with pytest.raises(ValueError, match="readout must be one of projected, mirrored, two periods; got 'both'"):
        read_out(Shrink(), "projected, both", Scanner.cartesian())


def test_a_run_of_another_readout_fits_nothing(book, tmp_path):
    """It reads out the denoiser of the run it is of, which is made first, and keeps no weights of its own."""
    config = book.run("xspace-gaussian", "n2n_projected", "smoke")
    found = runs.obtain(config, [tmp_path])
    base = runs.load(book.run("xspace-gaussian", "n2n", "smoke"), [tmp_path])
    assert config.base.key == base.config.key != config.key
    assert found.stored.weights is None and len(found.history) == 0
    assert found.record["training_seconds"] == base.record["training_seconds"]
    assert base.denoiser is not None and found.denoiser is not None
    u = np.random.default_rng(0).standard_normal((3, config.scanner.num_samples))
    np.testing.assert_array_equal(found.denoiser.denoise(u), odd_part(base.denoiser.denoise(u)))


def test_what_is_not_kept_is_fitted_again(book, tmp_path):
    config = book.run("xspace-gaussian", "linear_n2n_two", "smoke")
    found = runs.obtain(config, [tmp_path])
    base = runs.load(config.base, [tmp_path])
    assert base.denoiser is None and found.denoiser is None
    assert found.signals["snr_db"].mean() > base.signals["snr_db"].mean()


@pytest.mark.parametrize(
    "entry, message",
    [
        ("of: n2n", "methods.mine: of and readout must be given together"),
        ("of: nothing, readout: projected", "methods.mine.of must name a method that fits a denoiser, got 'nothing'"),
        ("of: n2n_two, readout: projected", "methods.mine.of must name a method that fits a denoiser, got 'n2n_two'"),
        ("of: n2n, readout: projected, denoiser: n2n", "methods.mine: denoiser is that of n2n, and not its own"),
        ("of: n2n, readout: twice", "methods.mine.readout"),
    ],
)
def test_bad_readouts_are_named(tmp_path, entry, message):
    text = Path("experiments.yml").read_text(encoding="utf-8")
    path = tmp_path / "experiments.yml"
    path.write_text(text.replace("methods:\n", f"methods:\n  mine: {{title: Mine, knows: nothing, {entry}}}\n", 1))
    with pytest.raises(ValueError, match=message):
        experiments.read(path)


def test_a_readout_needs_the_method_that_it_reads(tmp_path):
    """Of the same experiment."""
    text = Path("experiments.yml").read_text(encoding="utf-8")
    path = tmp_path / "experiments.yml"
    assert "oracle_dct_wiener, n2n_projected" in text
    path.write_text(text.replace("oracle_dct_wiener, n2n_projected", "oracle_dct_wiener, gp_wiener_two", 1))
    with pytest.raises(ValueError, match="gp_wiener"):
        experiments.read(path).runs("smoke")
