"""One place turns a configuration into data, denoiser and images, and uses all of it."""

from dataclasses import replace

import numpy as np
import pytest

from companion import cache
from companion.setup import Setup, denoiser_of
from mpicore import datasets, denoisers
from mpicore.noise import Interference, Noise
from mpicore.phantoms import other_phantoms, random_phantoms
from mpicore.reconstruction import Gridding, Kaczmarz, XSpace
from mpicore.recordings import Recordings, SupervisedPairs
from mpicore.scanner import Particle
from mpicore.seeds import branch
from mpicore.simulation import system_matrix
from mpicore.truth import Truth

KACZMARZ = Kaczmarz(relative_lambda=3.0, sweeps=10, snr_threshold=1.5)


@pytest.fixture
def matrix(tiny):
    """A system-matrix configuration with changes."""
    return lambda **changes: tiny("system-matrix", "noisy", **{"sizes": (8, 2, 6), "objects": 3} | changes)


def snr_db(recorded):
    noise = np.square(recorded.u1 - recorded.clean, dtype=np.float64).mean(axis=1)
    return 10 * np.log10(np.square(recorded.clean, dtype=np.float64).mean(axis=1) / noise)


# x-space


def test_data_are_those_of_the_library(tiny):
    config = tiny("xspace-gaussian", "n2n")
    setup = Setup(config)
    data = datasets.xspace(config.sizes, config.noise, config.data_seed, config.scanner, config.truth)
    (u1, u2), validation = setup.fitting_pairs(denoisers.create("n2n"))
    np.testing.assert_array_equal(u1, data.train.u1)
    np.testing.assert_array_equal(u2, data.train.u2)
    np.testing.assert_array_equal(validation.u1, data.validation.u1)
    np.testing.assert_array_equal(validation.u2, data.validation.u2)
    test = setup.held_out("literal")
    for name in ("u1", "u2", "clean", "phantoms"):
        np.testing.assert_array_equal(getattr(test, name), getattr(data.test, name))
    assert (len(u1), len(validation), len(test)) == (8, 2, 4)
    np.testing.assert_array_equal(setup.held_out("literal", 2).phantoms, test.phantoms[:2])


def test_variants_are_noise_on_the_same_signals(tiny):
    setup = Setup(tiny("xspace-harmonic", "noisy"))
    literal, matched = (setup.held_out(variant) for variant in ("literal", "matched"))
    np.testing.assert_array_equal(literal.clean, matched.clean)
    np.testing.assert_array_equal(literal.phantoms, matched.phantoms)
    assert np.all(snr_db(matched) > snr_db(literal) + 1)


def test_ceilings_get_the_clean_signals_of_the_same_periods(tiny):
    setup = Setup(tiny("xspace-gaussian", "noisy"))
    (u1, _), validation = setup.fitting_pairs(denoisers.create("wiener"))
    (noisy, clean), held = setup.fitting_pairs(denoisers.create("oracle_wiener"))
    assert isinstance(validation, Recordings) and isinstance(held, SupervisedPairs)
    np.testing.assert_array_equal(noisy, u1)
    np.testing.assert_array_equal(held.noisy, validation.u1)
    ratio = np.square(noisy - clean).mean() / np.square(clean).mean()
    assert 10 * np.log10(ratio) == pytest.approx(-5, abs=0.5)


@pytest.mark.parametrize("kind", ["letters", "rings", "points"])
def test_test_objects_are_of_the_kind_that_is_asked_for(tiny, kind):
    config = tiny("xspace-gaussian", "noisy", test_phantoms=kind)
    found = Setup(config).held_out("literal").phantoms
    objects = branch(config.data_seed, "x-space", "test")
    np.testing.assert_array_equal(found, other_phantoms(kind, 4, (16, 16), objects))
    usual = Setup(tiny("xspace-gaussian", "noisy")).held_out("literal").phantoms
    assert not np.array_equal(found, usual)


@pytest.mark.parametrize(
    "changes",
    [
        {"truth": Truth(gradient_scale=1.1)},
        {"truth": Truth(core_diameter=25e-9)},
        {"truth": Truth(oversampling=2)},
        {"truth": Truth(relaxation_time=5e-6)},
        {"particle": Particle(temperature=400.0)},
        {"noise": Noise(6.0)},
        {"data_seed": 1},
        {"scanner": "gradient"},
        {"test_phantoms": "rings"},
        {"sizes": (8, 2, 3)},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_whatever_decides_the_data_changes_them_and_their_place(tiny, tmp_path, changes):
    """In one folder, one after the other: none is taken for another one."""
    plain = tiny("xspace-gaussian", "noisy")
    if changes.get("scanner"):
        changes = {"scanner": replace(plain.scanner, gradient=(0.5, 0.4))}
    first = Setup(plain, tmp_path).held_out("literal")
    config = tiny("xspace-gaussian", "noisy", **changes)
    kept, made = Setup(config, tmp_path).held_out("literal"), Setup(config).held_out("literal")
    np.testing.assert_array_equal(kept.u1, made.u1)
    np.testing.assert_array_equal(kept.clean, made.clean)
    assert not np.array_equal(kept.u1, first.u1)


def test_what_does_not_decide_the_data_does_not_make_them_again(tiny, tmp_path, monkeypatch):
    """Methods, options, trainings and images share them, and so do the processes that are given the folder."""
    Setup(tiny("xspace-gaussian", "n2n"), tmp_path).held_out("literal")
    Setup(tiny("xspace-gaussian", "n2n"), tmp_path).fitting_pairs(denoisers.create("n2n"))
    monkeypatch.setattr(datasets, "xspace_test", None)
    monkeypatch.setattr(datasets, "xspace_pairs", None)
    for config in (
        tiny("xspace-gaussian", "forward_n2n", 3),
        tiny("xspace-gaussian", "wavelet"),
        tiny("xspace-gaussian", "noisy", gridding=Gridding(0.5), reference_rms=1.0),
    ):
        setup = Setup(config, tmp_path)
        assert len(setup.held_out("literal")) == 4
        assert len(setup.fitting_pairs(denoisers.create("n2n"))[0][0]) == 8


@pytest.mark.parametrize("folder", [True, False])
def test_one_set_up_makes_its_data_once(tiny, tmp_path, monkeypatch, folder):
    """Also where there is no folder to keep them in."""
    made = []
    shared = cache.shared
    monkeypatch.setattr(
        "companion.setup.shared", lambda place, name, make: made.append(name) or shared(place, name, make)
    )
    setup = Setup(tiny("system-matrix", "noisy"), tmp_path if folder else None)
    for _ in range(2):
        setup.held_out("literal")
        setup.matrix()
        setup.fitting_pairs(denoisers.create("n2n"))
        assert setup.lines.size
    assert [name.split("-")[0] for name in made] == ["matrix", "lines"]  # the noise of the test is that of the training


def test_unknown_variants_are_named(tiny):
    for experiment in ("xspace-gaussian", "system-matrix"):
        with pytest.raises(ValueError, match="variant must be one of literal; got 'matched'"):
            Setup(tiny(experiment, "noisy")).held_out("matched")


def test_images_are_gridded_as_configured(tiny):
    for gridding in (Gridding(), Gridding(0.8, "nearest")):
        setup = Setup(tiny("xspace-gaussian", "noisy", gridding=gridding))
        test = setup.held_out("literal")
        np.testing.assert_array_equal(setup.gridding(test.clean), XSpace(setup.scanner, gridding)(test.clean))


def test_the_reference_scale_brings_the_mean_rms_to_the_papers_units(tiny):
    setup = Setup(tiny("xspace-gaussian", "noisy", reference_rms=100.0))
    clean = setup.held_out("literal").clean
    scaled = setup.reference_scale(clean) * np.sqrt(np.mean(clean.astype(float) ** 2, axis=1))
    assert scaled.mean() == pytest.approx(100, rel=1e-12)


# System matrix


def test_data_of_a_system_matrix(matrix):
    setup = Setup(matrix())
    assert setup.scanner.num_samples == 9900 and setup.scanner.shape == (16, 16)
    np.testing.assert_array_equal(setup.matrix().clean, system_matrix(setup.scanner, Particle()).T)
    assert setup.objects.shape == (3, 16, 16)
    assert not any(np.array_equal(a, b) for a in setup.objects for b in random_phantoms(3, (16, 16), 0))


def test_particles_and_fields_of_a_system_matrix_are_the_configured_ones(matrix):
    plain = matrix()
    scanner, particle = replace(plain.scanner, gradient=(0.5, 0.4)), Particle(core_diameter=25e-9, temperature=310.0)
    setup = Setup(matrix(scanner=scanner, particle=particle))
    np.testing.assert_array_equal(setup.matrix().clean, system_matrix(scanner, particle).T)


def test_test_noise_of_a_system_matrix_is_used(matrix):
    """40 dB asked for, 40 dB measured on every pixel; the training keeps its own 5 dB."""
    setup = Setup(matrix(noise=Noise(5.0), test_noise={"literal": Noise(40.0)}))
    error = 10 / np.log(10) * np.sqrt(2 / 9900)
    np.testing.assert_allclose(snr_db(setup.held_out("literal")), 40, atol=5 * error)
    np.testing.assert_allclose(snr_db(setup.matrix("literal")), 40, atol=5 * error)
    np.testing.assert_allclose(snr_db(setup.matrix()), 5, atol=5 * error)
    (u1, _), _ = setup.fitting_pairs(denoisers.create("n2n"))
    np.testing.assert_array_equal(u1, setup.matrix().u1[setup.pixels["train"]])
    np.testing.assert_array_equal(setup.held_out("literal").u1, setup.matrix("literal").u1[setup.pixels["test"]])


def test_the_same_noise_is_the_same_bits(matrix):
    """A test set with the noise of the training is that of the training, as it was before there were variants."""
    locked = Noise(15.0, interference=Interference(5.0, phases="locked"))
    for noise in (Noise(5.0), locked):
        setup = Setup(matrix(noise=noise, test_noise={"same": noise, "other": Noise(4.0)}))
        np.testing.assert_array_equal(setup.matrix("same").u1, setup.matrix().u1)
        np.testing.assert_array_equal(setup.matrix("same").u2, setup.matrix().u2)
        assert not np.array_equal(setup.matrix("other").u1, setup.matrix().u1)
        data = datasets.system_matrix_columns((8, 2, 6), noise, 0, setup.scanner, Particle())
        np.testing.assert_array_equal(setup.held_out("same").u1, data.test.u1)
        np.testing.assert_array_equal(setup.held_out("same", 2).clean, data.test.clean[:2])


def test_pairs_of_a_system_matrix(matrix):
    """Columns of the split for what learns from signals; all of them for what denoises the matrix as a whole."""
    setup = Setup(matrix())
    recorded, pixels = setup.matrix(), setup.pixels
    (u1, u2), validation = setup.fitting_pairs(denoisers.create("n2n"))
    np.testing.assert_array_equal(u2, recorded.u2[pixels["train"]])
    np.testing.assert_array_equal(validation.u1, recorded.u1[pixels["validation"]])
    assert len(u1) == 8
    (u1, u2), validation = setup.fitting_pairs(denoisers.create("dct_wiener"))
    np.testing.assert_array_equal(u1, recorded.u1)
    np.testing.assert_array_equal(u2, recorded.u2)
    assert isinstance(validation, Recordings) and len(validation) == 2
    (noisy, clean), held = setup.fitting_pairs(
        denoisers.create("oracle_dct_wiener", **_own(setup, "oracle_dct_wiener"))
    )
    np.testing.assert_array_equal(noisy, recorded.u1)
    np.testing.assert_array_equal(clean, recorded.clean)
    assert isinstance(held, SupervisedPairs) and len(held) == 256


def test_kaczmarz_is_the_configured_one(matrix):
    """With the lines that the noise of the training leaves, whatever the noise of the test."""
    settings = Kaczmarz(relative_lambda=0.5, sweeps=3, snr_threshold=2.5)
    plain, other = Setup(matrix(kaczmarz=KACZMARZ)), Setup(matrix(kaczmarz=settings))
    assert set(other.lines) < set(plain.lines)
    quiet = Setup(matrix(kaczmarz=KACZMARZ, noise=Noise(5.0), test_noise={"literal": Noise(40.0)}))
    np.testing.assert_array_equal(quiet.lines, plain.lines)
    made = other.kaczmarz(other.matrix().clean)
    assert made.settings == settings and made.shape == (16, 16)
    np.testing.assert_array_equal(made.lines, other.lines)


def test_what_a_data_set_does_not_have_is_named(tiny, matrix):
    signals = Setup(tiny("xspace-gaussian", "noisy"))
    with pytest.raises(ValueError, match="system matrix, got x-space"):
        signals.kaczmarz(np.ones((256, 10)))
    with pytest.raises(ValueError, match="system matrix, got x-space"):
        _ = signals.lines
    with pytest.raises(ValueError, match="x-space data, got system-matrix"):
        _ = Setup(matrix()).gridding


# Denoisers


def _own(setup, name):
    return {"scanner": setup.scanner} if denoisers.find(name).needs_scanner else {}


@pytest.mark.parametrize("preset", ["smoke", "paper"])
def test_every_denoiser_of_the_book_is_made_with_its_options(book, preset):
    """All options that are in the key reach the constructor, and so do seed, training, scanner and particle."""
    for config in book.runs(preset).values():
        denoiser = denoiser_of(config, "cpu")
        assert type(denoiser) is denoisers.find(config.denoiser)
        if config.training is not None:
            assert denoiser.settings == config.training and denoiser.seed == config.seed


def test_a_plain_denoiser_gets_nothing(tiny):
    assert type(Setup(tiny("xspace-gaussian", "noisy")).denoiser()) is denoisers.find("noisy")


def test_the_scanner_and_the_particle_reach_the_denoiser(tiny):
    """One for larger particles is another filter."""
    small, large = (
        Setup(tiny("xspace-gaussian", "gp_wiener", particle=Particle(core_diameter=d))) for d in (20e-9, 30e-9)
    )
    pairs, validation = small.fitting_pairs(small.denoiser())
    outputs = [s.denoiser().fit(*pairs, validation=validation).denoise(pairs[0][:2]) for s in (small, large)]
    assert np.linalg.norm(outputs[0] - outputs[1]) > 1e-3 * np.linalg.norm(outputs[0])
