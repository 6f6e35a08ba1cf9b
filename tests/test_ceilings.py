"""Ceilings: what clean signals would make possible, and that nobody else sees them."""

import numpy as np
import pytest

from mpicore import datasets, denoisers
from mpicore.denoisers import create
from mpicore.metrics import snr_db
from mpicore.noise import Noise
from mpicore.recordings import SupervisedPairs
from mpicore.scanner import Scanner

NAMES = [name for name in denoisers.names() if denoisers.find(name).supervised]


@pytest.fixture(scope="module")
def scanner():
    return Scanner.cartesian(shape=(31, 31))


@pytest.fixture(scope="module")
def data(scanner):
    return datasets.xspace((400, 40, 40), Noise(snr_db=5), 0, scanner)


@pytest.fixture(scope="module")
def pairs(scanner):
    return datasets.xspace_supervised((400, 40), Noise(snr_db=5), 0, scanner)


def test_the_ceilings_are_these():
    assert set(NAMES) == {"supervised", "forward_supervised", "oracle_wiener", "oracle_dct_wiener"}


def test_supervised_pairs_are_the_recordings_with_their_truth(data, pairs):
    """The same first periods as everybody has; the noise between the two has the power that it should."""
    for own, recorded in zip(pairs, (data.train, data.validation), strict=True):
        np.testing.assert_array_equal(own.noisy, recorded.u1)
        assert snr_db(own.clean, own.noisy).mean() == pytest.approx(5, abs=0.05)


def test_the_oracle_is_above_what_noisy_pairs_give(data, pairs):
    """The filter with the true covariance beats the linear one that is estimated from noisy pairs."""
    oracle = create("oracle_wiener").fit(pairs[0].noisy, pairs[0].clean)
    estimated = create("linear_n2n").fit(data.train.u1, data.train.u2, data.validation)
    above, below = (snr_db(data.test.clean, d.denoise(data.test.u1)).mean() for d in (oracle, estimated))
    assert above > below


def test_the_oracle_has_the_error_that_theory_gives():
    """Independent sine lines of power p under white noise of power s: the error of each is p s / (p + s)."""
    rng = np.random.default_rng(0)
    samples, count = 64, 20000
    power = np.linspace(0, 4, 31)
    from_lines = np.sqrt(2 / samples) * np.sin(2 * np.pi * np.outer(np.arange(1, 32), np.arange(samples)) / samples)
    clean = ((np.sqrt(power) * rng.standard_normal((count, 31))) @ from_lines).astype(np.float32)
    noisy = clean + rng.standard_normal(clean.shape).astype(np.float32)
    half = count // 2
    found = create("oracle_wiener").fit(noisy[:half], clean[:half]).denoise(noisy[half:])
    error = np.mean(np.sum((found - clean[half:]) ** 2, axis=1))
    assert error == pytest.approx(np.sum(power / (power + 1)), rel=0.05)


def test_the_true_power_beats_an_estimated_one():
    scanner = Scanner.lissajous(drive_frequency=(24.75e3, 22.5e3), shape=(25, 25))
    matrix = datasets.system_matrix_columns((400, 40, 40), Noise(snr_db=5), 0, scanner).matrix
    oracle = create("oracle_dct_wiener", scanner=scanner).fit(matrix.u1, matrix.clean)
    others = [create(n, scanner=scanner).fit(matrix.u1, matrix.u2) for n in ("dct_wiener", "dct_wiener_twice")]
    above, *below = (snr_db(matrix.clean, d.denoise(matrix.u1)).mean() for d in (oracle, *others))
    assert above > max(below)


@pytest.mark.parametrize("name", ["supervised", "forward_supervised"])
def test_the_last_tenth_is_held_out(name, scanner, pairs):
    """Without pairs to choose with: as if the last two of 20 had been given."""
    noisy, clean = (u[:20] for u in pairs[0].arrays)
    options = {"width": 2, "training": {"epochs": 1, "batch_size": 4}} | (
        {"scanner": scanner} if name == "forward_supervised" else {}
    )
    default = create(name, **options).fit(noisy, clean)
    held = SupervisedPairs(noisy[18:], clean[18:])
    explicit = create(name, **options).fit(noisy[:18], clean[:18], held)
    assert default.history[0]["validation_loss"] == explicit.history[0]["validation_loss"]
    with pytest.raises(ValueError, match="noisy and clean must hold at least 2 signals where no validation"):
        create(name, **options).fit(noisy[:1], clean[:1])


def test_networks_learn_from_clean_targets(scanner, pairs, data):
    """A few steps towards clean signals already gain; the noise spectrum is that of a single period."""
    training = {"epochs": 3, "batch_size": 4, "learning_rate": 2e-3}
    plain = create("supervised", width=4, training=training).fit(pairs[0].noisy, pairs[0].clean, pairs[1])
    assert snr_db(data.test.clean, plain.denoise(data.test.u1)).mean() > 8
    assert all(row["training_loss"] > 0 for row in plain.history)
    options = {"scanner": scanner, "width": 4, "training": training | {"epochs": 1}}
    through = create("forward_supervised", **options).fit(pairs[0].noisy, pairs[0].clean, pairs[1])
    both = create("forward_n2n", **options).fit(data.train.u1, data.train.u2, data.validation)
    assert np.median(through.model.noise.deviation / both.model.noise.deviation) == pytest.approx(1, abs=0.05)
