"""The registry, the door that all methods share, and the paper's network under each scheme."""

import inspect
import os
import re
import shutil
import subprocess
import sys
import traceback
import warnings

import numpy as np
import pytest
import torch

from mpicore import denoisers
from mpicore.datasets import system_matrix_columns, xspace, xspace_supervised
from mpicore.denoisers import Denoiser, base, create, register
from mpicore.noise import Noise
from mpicore.recordings import Recordings, SharedNoiseWarning, SupervisedPairs, binary_exponent
from mpicore.scanner import Scanner
from mpicore.settings import Settings

TINY = {"width": 2, "training": {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3}}
NETWORKS = {"n2n": {}, "proposed": {"alpha": 0.05, "beta": 0.01}, "r2r": {"recorruptions": 3}}


@pytest.fixture(params=list(NETWORKS))
def method(request):
    return request.param


def new(name, **options):
    return create(name, **TINY, **NETWORKS[name], **options)


@pytest.fixture
def pairs(short_pairs):
    return short_pairs(12)


# Registry


def test_the_papers_methods_are_registered():
    assert {"noisy", "n2n", "proposed", "r2r"} <= set(denoisers.names())
    for name in denoisers.names():
        denoiser = create(name)
        assert isinstance(denoiser, Denoiser)
        assert denoiser.name == name


def test_names_and_options_of_all_methods_need_no_network(root):
    """A list of methods is no reason to wait for torch, or for scikit-image."""
    code = """
import sys
from mpicore import denoisers
for name in denoisers.names():
    denoisers.parameters(name), denoisers.circumstances(name)
print(sorted({"torch", "skimage", "pandas", "pydantic", "matplotlib", "companion"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_new_file_in_the_folder_is_enough(root, tmp_path):
    """In a copy of the library, so that no other process finds the file."""
    shutil.copytree(root / "mpicore", tmp_path / "mpicore", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "mpicore/denoisers/halves.py").write_text("""
from mpicore.denoisers.base import Denoiser, register

@register("half")
class Half(Denoiser):
    def denoise(self, u):
        return self.checked(u) / 2
""")
    code = "from mpicore import denoisers; print(denoisers.create('half').denoise([[1.0, 2.0]]), denoisers.names())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("[[0.5 1. ]]") and "'half'" in run.stdout


def test_unknown_names_are_refused():
    for ask in (create, denoisers.find, denoisers.parameters, denoisers.circumstances):
        with pytest.raises(ValueError, match=r"denoiser must be one of antisymmetric, .*; got .median."):
            ask("median")


NETWORK = {"width": 16, "dropout": 0.0, "stride": 2, "normalise": True}


@pytest.mark.parametrize(
    "name, expected",
    [
        ("noisy", {}),
        ("n2n", {"swap": True, **NETWORK}),
        ("proposed", {"alpha": 0.05, "beta": 0.01, "swap": True, **NETWORK}),
        ("r2r", {"strength": 0.5, "floor": False, "recorruptions": 50, **NETWORK}),
        ("forward_n2n", {"rank": 400, "nonnegative": False, "width": 16, "dropout": 0.0}),
        ("gp_wiener", {"rank": 400}),
        ("component_n2n", {"width": 16, "dropout": 0.0}),
        ("linear_n2n", {"antisymmetric": True}),
    ],
)
def test_parameters_are_the_options_with_their_defaults(name, expected):
    assert denoisers.parameters(name) == expected
    create(name, **expected)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("gp_wiener", {"scanner": "x"}, "scanner of denoiser 'gp_wiener' must be Scanner, got 'x'"),
        ("gp_wiener", {"particle": 30e-9}, "particle of denoiser 'gp_wiener' must be Particle, got 3e-08"),
        ("antisymmetric", {"sequence": 5}, "sequence of denoiser 'antisymmetric' must be Scanner or Sequence, got 5"),
    ],
)
def test_what_is_known_of_the_measurement_is_of_its_kind(name, options, message):
    with pytest.raises(ValueError, match=message):
        create(name, **options)


@pytest.mark.parametrize("name", ["n2n", "proposed", "r2r", "sure", "noise2void"])
def test_a_network_that_sees_the_unit_is_refused(name):
    """Training takes the unit out, so a network without this on a call would be given what it never saw."""
    with pytest.raises(ValueError, match="normalise must be True, got False"):
        create(name, normalise=False)


def test_circumstances_are_what_is_known_of_the_measurement_and_of_the_training():
    training = {"training", "seed", "device"}
    assert denoisers.circumstances("wiener") == set()
    assert denoisers.circumstances("n2n") == training
    assert (
        denoisers.circumstances("gp_wiener") == denoisers.circumstances("turned_gp_wiener") == {"scanner", "particle"}
    )
    assert denoisers.circumstances("turned_linear_n2n") == {"sequence"}
    assert denoisers.circumstances("forward_n2n") == training | {"scanner", "particle"}


@pytest.mark.parametrize("name", denoisers.names())
def test_a_class_says_what_it_is_created_with(name):
    cls, options = denoisers.find(name), inspect.signature(denoisers.find(name)).parameters
    assert cls.needs_scanner == ("scanner" in options)
    assert cls.trains == ({"training", "seed", "device"} <= set(options))
    assert all(option.default is not option.empty for option in options.values())
    assert cls.periods in (1, 2)
    for flag in ("whole", "supervised", "stored"):
        assert isinstance(getattr(cls, flag), bool)


@pytest.mark.parametrize("name", denoisers.names())
def test_an_unknown_option_is_refused_with_those_that_there_are(name):
    allowed = list(inspect.signature(denoisers.find(name)).parameters)
    message = f"denoiser '{name}' has no option depth; it has {', '.join(allowed) or 'none'}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        create(name, depth=4)


@pytest.mark.parametrize(
    "name, options, message",
    [
        (
            "n2n",
            {"recorruptions": 5},
            "denoiser 'n2n' has no option recorruptions; it has swap, width, dropout",
        ),
        ("n2n", {"training": {"epochs": 0}}, "epochs must be a whole number of at least 1, got 0"),
        ("n2n", {"training": {"epoch": 3}}, "training has no option epoch; it has epochs, batch_size, learning_rate"),
        ("n2n", {"training": 3}, "training must be Settings or their keywords, got 3"),
        ("n2n", {"width": 0}, "width must be a whole number of at least 1, got 0"),
        ("proposed", {"alpha": -1}, "alpha must be at least 0, got -1"),
        ("r2r", {"strength": 0}, "strength must be positive, got 0"),
        ("r2r", {"recorruptions": 0}, "recorruptions must be a whole number of at least 1, got 0"),
        ("n2n", {"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ("forward_n2n", {"rank": 0}, "rank must be a whole number of at least 1, got 0"),
        ("forward_n2n", {"width": 0}, "width must be a whole number of at least 1, got 0"),
        ("forward_n2n", {"dropout": 1}, r"dropout must be in \[0, 1\), got 1"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        create(name, **options)


def test_training_may_be_settings_or_their_keywords():
    settings = Settings(epochs=3, schedule="one-cycle")
    assert create("n2n", training=settings).settings is settings
    assert create("n2n", training={"epochs": 3, "schedule": "one-cycle"}).settings == settings
    assert create("n2n").settings == Settings()


@pytest.fixture
def registered():
    """Names that a test registers, forgotten after it."""
    before = set(base._registry)
    yield
    for name in set(base._registry) - before:
        del base._registry[name]


def test_an_error_in_a_constructor_keeps_its_traceback(registered):
    @register("broken")
    class Broken(Denoiser):
        def __init__(self, depth, **others):
            super().__init__()
            len(depth)  # a mistake in the method itself

    with pytest.raises(TypeError, match="has no len") as caught:
        create("broken", depth=4, colour="red")
    assert "len(depth)" in traceback.format_tb(caught.value.__traceback__)[-1]
    with pytest.raises(ValueError, match="denoiser 'broken': missing a required argument: 'depth'"):
        create("broken")


# The door of every method

NOTHING_LEARNED = ("noisy", "average", "antisymmetric")
NOTHING_TO_CHOOSE = (*NOTHING_LEARNED, "wiener", "wiener_antisymmetric", "singular_values", "oracle_wiener")


def problem(name):
    """The denoiser at tiny size, what it is fitted to, and what it then denoises."""
    cls, options = denoisers.find(name), {}
    if cls.trains:
        options |= TINY
    if "recorruptions" in denoisers.parameters(name):
        options |= {"recorruptions": 2}
    if cls.whole:
        scanner = Scanner.lissajous(drive_frequency=(24.75e3, 22.5e3), shape=(8, 8))
        data = system_matrix_columns((40, 6, 6), Noise(snr_db=5), 0, scanner)
        pairs = data.matrix
    else:
        scanner = Scanner.cartesian(drive_frequency=(25e3, 2.5e3), shape=(9, 9))
        data = xspace((20, 6, 6), Noise(snr_db=5), 0, scanner)
        pairs = data.train
    if cls.needs_scanner:
        options |= {"scanner": scanner}
    if "rank" in denoisers.parameters(name):
        options |= {"rank": 20}
    first = pairs.u1
    second = (pairs.clean if cls.whole else clean_of(scanner)) if cls.supervised else pairs.u2
    return lambda: create(name, **options), first, second


def clean_of(scanner):
    return xspace_supervised((20, 6), Noise(snr_db=5), 0, scanner)[0].clean


def period(denoiser, u1, u2):
    """What it takes to denoise: one period, or both."""
    return u1 if denoiser.periods == 1 else np.stack([u1, u2], axis=1)


@pytest.fixture(params=denoisers.names())
def every(request):
    """Each registered denoiser in turn: how it is made, and two arrays that it is fitted to."""
    return problem(request.param)


def test_whole_numbers_are_their_floating_point_copy(every):
    """As scanners store them. Squares and differences of int16 would overflow without a word."""
    make, u1, u2 = every
    unit = 3000 / np.abs(u1).max()
    first, second = (np.round(unit * u).astype(np.int16) for u in (u1, u2))
    found = make().fit(first, second)
    expected = make().fit(first.astype(np.float64), second.astype(np.float64))
    np.testing.assert_array_equal(
        found.denoise(period(found, first, second)),
        expected.denoise(period(expected, first, second).astype(np.float64)),
    )


def test_one_period_given_twice_is_refused(every):
    """Noise that is the same in both is signal to every method; ceilings take no second period."""
    make, u1, _ = every
    denoiser = make()
    if denoiser.supervised:
        return
    for second in (u1, u1 * np.float32(1 + 1e-7)):
        with pytest.raises(ValueError, match=f"{denoiser.name} needs two recorded periods with noise of their own"):
            make().fit(u1, second)


def test_values_that_are_no_numbers_are_refused(every):
    make, u1, u2 = every
    denoiser = make().fit(u1, u2)
    names = ("noisy", "clean") if denoiser.supervised else ("u1", "u2")
    for index, name in enumerate(names):
        arrays = [u1.copy(), u2.copy()]
        arrays[index][2, 5] = np.nan
        with pytest.raises(ValueError, match=rf"{name} must be finite, found nan at index \(2, 5\)"):
            make().fit(*arrays)
    bad = period(denoiser, u1, u2).copy()
    bad[2] = np.inf
    with pytest.raises(ValueError, match="u must be finite, found inf at index"):
        denoiser.denoise(bad)


def test_periods_that_do_not_fit_together_are_refused(every):
    make, u1, u2 = every
    with pytest.raises(ValueError, match=f"must hold the same objects, got {len(u1)} and {len(u1) - 1} signals"):
        make().fit(u1, u2[1:])
    with pytest.raises(ValueError, match=f"(u2|clean) must have {u1.shape[1]} samples per signal, got"):
        make().fit(u1, u2[:, 1:])
    with pytest.raises(ValueError, match=r"(u1|noisy) must have 2 axes, got shape"):
        make().fit(u1[0], u2[0])


def test_signals_of_another_length_than_the_fitted_are_refused(every):
    make, u1, u2 = every
    denoiser = make().fit(u1, u2)
    with pytest.raises(ValueError, match=f"u must have {u1.shape[1]} samples per signal, got {u1.shape[1] - 2}"):
        denoiser.denoise(period(denoiser, u1[:, 2:], u2[:, 2:]))


def test_what_learns_must_be_fitted_first(every):
    make, u1, u2 = every
    denoiser = make()
    if denoiser.name in NOTHING_LEARNED:
        assert denoiser.denoise(period(denoiser, u1, u2)).shape == u1.shape
    else:
        with pytest.raises(ValueError, match=f"^{denoiser.name} must be fitted before it denoises$"):
            denoiser.denoise(u1)


def test_results_are_float32_of_the_shape_of_a_period(every):
    make, u1, u2 = every
    denoiser = make().fit(u1, u2)
    found = denoiser.denoise(period(denoiser, u1, u2))
    assert found.shape == u1.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_units_do_not_matter(every, factor):
    """Fitted and used in another unit, every method gives the same in that unit."""
    make, u1, u2 = every
    unit = 1 / np.sqrt(np.mean(np.square(u1, dtype=np.float64)))  # the signals of a simulation are far from one
    first, second = (unit * u.astype(np.float64) for u in (u1, u2))
    one = make().fit(first, second)
    other = make().fit(factor * first, factor * second)
    expected = one.denoise(period(one, first, second))
    found = other.denoise(period(other, factor * first, factor * second)) / factor
    tolerance = 1e-2 if one.trains else 1e-4  # weights are kept in half precision
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_a_state_brings_all_that_was_learned(every):
    make, u1, u2 = every
    denoiser = make().fit(u1, u2)
    if not denoiser.stored:
        return
    restored = make().restore(denoiser.state())
    u = period(denoiser, u1, u2)
    np.testing.assert_allclose(restored.denoise(u), denoiser.denoise(u), rtol=0, atol=1e-5 * np.abs(u).max())


def test_a_state_without_one_of_its_parts_is_refused(every):
    make, u1, u2 = every
    denoiser = make().fit(u1, u2)
    for name in denoiser.state() if denoiser.stored else ():
        if name == "samples" and denoiser.name != "component_n2n":  # states of the first release do not say it
            continue
        part = {key: value for key, value in denoiser.state().items() if key != name}
        with pytest.raises(ValueError, match=f"(?s)the state of {denoiser.name} must hold {name}, got|state must be"):
            make().restore(part)


def test_validation_pairs_are_of_the_kind_that_is_learned_from(every):
    """Whoever learns from noisy periods chooses by them too: no clean signal is taken for one."""
    make, u1, u2 = every
    denoiser = make()
    if denoiser.whole or denoiser.name in NOTHING_TO_CHOOSE:
        return
    wrong, kind = SupervisedPairs(u1, u2), "Recordings"
    if denoiser.supervised:
        wrong, kind = Recordings(u1, u1 + u2), "SupervisedPairs"
    for validation in (wrong, (u1, u2)):
        with pytest.raises(ValueError, match=f"^validation must be {kind}, got {type(validation).__name__}$"):
            make().fit(u1, u2, validation)


def test_validation_periods_are_looked_at_as_well(short_pairs):
    pairs, held = short_pairs(12), short_pairs(4, seed=1)
    same = Recordings(held.u1, held.u1)
    for name in ("low_pass", "linear_n2n", "n2n"):
        with pytest.raises(ValueError, match=f"the validation of {name} needs two recorded periods"):
            create(name, **(TINY if name == "n2n" else {})).fit(pairs.u1, pairs.u2, same)
    other = short_pairs(4, samples=98)
    with pytest.raises(ValueError, match="validation must have 96 samples per signal, got 98"):
        create("linear_n2n").fit(pairs.u1, pairs.u2, other)


@pytest.mark.parametrize("name", ["proposed", "wiener_antisymmetric", "linear_n2n", "singular_values"])
def test_noise_that_both_periods_share_is_reported(name, short_pairs):
    """By every method that rests on odd signals: their even parts are noise alone."""
    pairs = short_pairs(40)
    shared = np.float32(0.5) * np.random.default_rng(5).standard_normal(pairs.u1.shape, np.float32)
    make = lambda: create(name, **(TINY if name == "proposed" else {}))  # noqa: E731
    with pytest.warns(SharedNoiseWarning, match=f"{name} takes noise that both periods share for signal"):
        make().fit(pairs.u1 + shared, pairs.u2 + shared)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit(pairs.u1, pairs.u2)


# Plug-ins


@pytest.fixture
def averager(registered):
    """A method of fit and denoise alone, registered for one test: the mean of the training signals, whatever comes."""

    @register("averager")
    class Averager(Denoiser):
        def fit(self, u1, u2, validation=None, folder=None, progress=False):
            self.mean = np.mean(u1 + u2, axis=0) / 2
            return self

        def denoise(self, u):
            return np.broadcast_to(self.mean, u.shape).astype(np.float32)

    return Averager


def test_a_new_method_needs_fit_and_denoise_alone(averager, pairs):
    assert "averager" in denoisers.names()
    denoiser = create("averager")
    assert type(denoiser) is averager
    assert denoiser.name == "averager"
    assert denoiser.fit(pairs.u1, pairs.u2) is denoiser
    np.testing.assert_allclose(denoiser.denoise(pairs.u1)[3], (pairs.u1 + pairs.u2).mean(0) / 2, atol=1e-5)
    assert denoiser.state() == {}
    assert denoiser.restore({}) is denoiser
    assert denoiser.history == []


def test_names_are_taken_once(averager):
    with pytest.raises(ValueError, match="denoiser 'averager' is registered already"):
        register("averager")(averager)


def test_a_method_must_say_how_it_denoises(pairs):
    with pytest.raises(NotImplementedError):
        Denoiser().fit(pairs.u1, pairs.u2).denoise(pairs.u1)


# Noisy


def test_noisy_returns_a_copy(pairs):
    u = pairs.u1.astype(np.float64)
    out = create("noisy").fit(pairs.u1, pairs.u2).denoise(u)
    np.testing.assert_array_equal(out, pairs.u1, strict=True)
    single = create("noisy").denoise(pairs.u1)
    single[:] = 0
    assert pairs.u1.any()


# Networks


def test_a_method_is_stored_by_its_state(method, pairs):
    """What is restored into a denoiser of other weights denoises the same, bit for bit; the state itself is numbers."""
    denoiser = new(method)
    assert denoiser.fit(pairs.u1, pairs.u2) is denoiser
    state = denoiser.state()
    assert all(isinstance(value, np.ndarray) for value in state.values())
    other = new(method, seed=5)
    weights = other.network.state_dict()
    assert not any(np.array_equal(value, weights[name].half()) for name, value in state.items() if "first" in name)
    expected = denoiser.denoise(pairs.u1)
    assert expected.shape == pairs.u1.shape
    assert expected.dtype == np.float32
    assert other.restore(state) is other
    np.testing.assert_array_equal(other.denoise(pairs.u1), expected)
    for name, value in other.state().items():
        np.testing.assert_array_equal(value, state[name], strict=True)


def test_restoring_leaves_the_state_alone(method, pairs):
    denoiser = new(method).fit(pairs.u1, pairs.u2)
    state = denoiser.state()
    names = list(state)
    new(method).restore(state)
    assert list(state) == names


def test_weights_of_another_network_are_refused(method, pairs):
    state = new(method).fit(pairs.u1, pairs.u2).state()
    wider = create(method, **{**TINY, "width": 3}, **NETWORKS[method])
    with pytest.raises(ValueError, match=r"state must be the weights of this network: [\s\S]*size mismatch"):
        wider.restore(state)
    del state["stem.weight"]
    with pytest.raises(ValueError, match=r"state must be the weights of this network: [\s\S]*stem.weight"):
        new(method).restore(state)


def test_seeds_decide_weights_and_training(method, pairs):
    outs = [new(method, seed=seed).fit(pairs.u1, pairs.u2).denoise(pairs.u1) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(outs[0], outs[1])
    assert not np.array_equal(outs[0], outs[2])


def test_methods_start_from_the_same_weights():
    """The comparison is of losses: with one seed every method starts from the same network."""
    first, *others = (create(name, **TINY, seed=3).network.state_dict() for name in ("n2n", "proposed", "r2r"))
    for weights in others:
        for name, value in first.items():
            assert torch.equal(weights[name], value)


def test_the_global_generator_is_left_alone(method, pairs):
    before = torch.get_rng_state()
    new(method).fit(pairs.u1, pairs.u2).denoise(pairs.u1)
    assert torch.equal(torch.get_rng_state(), before)


def test_history_has_a_row_per_epoch(method, pairs):
    denoiser = new(method)
    assert denoiser.history == []
    denoiser.fit(pairs.u1, pairs.u2)
    assert [row["epoch"] for row in denoiser.history] == [1]


def test_the_last_tenth_is_held_out(method, short_pairs):
    """Fitting to 24 pairs is fitting to the first 22 and choosing by the last two."""
    data = short_pairs(24)
    default, explicit = new(method), new(method)
    default.fit(data.u1, data.u2)
    explicit.fit(data.u1[:22], data.u2[:22], Recordings(data.u1[22:], data.u2[22:]))
    np.testing.assert_array_equal(default.denoise(data.u1), explicit.denoise(data.u1))
    assert default.history[0]["validation_loss"] == explicit.history[0]["validation_loss"]
    swapped = new(method).fit(data.u1[2:], data.u2[2:], Recordings(data.u1[:2], data.u2[:2]))
    assert swapped.history[0]["validation_loss"] != explicit.history[0]["validation_loss"]


def test_one_pair_is_held_out_of_a_few(method, short_pairs):
    data = short_pairs(5)
    assert new(method).fit(data.u1, data.u2).history[0]["step"] == 1
    with pytest.raises(
        ValueError, match="u1 and u2 must hold at least 2 signals where no validation pairs are given, got 1"
    ):
        new(method).fit(data.u1[:1], data.u2[:1])


def test_a_fit_is_resumed_from_its_folder(method, pairs, tmp_path):
    """A second fit in the folder takes what the first one learned."""
    first = new(method).fit(pairs.u1, pairs.u2, folder=tmp_path)
    second = new(method).fit(pairs.u1, pairs.u2, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    assert second.history == first.history
    np.testing.assert_array_equal(second.denoise(pairs.u1), first.denoise(pairs.u1))


def test_a_checkpoint_of_another_method_is_refused(pairs, tmp_path):
    """The same network, settings and data, but another loss: going on with it would be neither method."""
    new("n2n").fit(pairs.u1, pairs.u2, folder=tmp_path)
    with pytest.raises(ValueError, match="belongs to another training"):
        new("proposed").fit(pairs.u1, pairs.u2, folder=tmp_path)


def test_unknown_devices_are_named(method, pairs):
    with pytest.raises(ValueError, match="device must be auto, cpu or a device of this machine, got 'abacus'"):
        new(method, device="abacus").fit(pairs.u1, pairs.u2)


def test_a_result_does_not_depend_on_its_batch(method, short_pairs):
    """Alone, in batches of 16 and in another order, to the rounding of float32: R2R's noise is the same for all."""
    data = short_pairs(20)
    denoiser = new(method).fit(data.u1, data.u2)
    together = denoiser.denoise(data.u1)
    alone = np.concatenate([denoiser.denoise(u[None]) for u in data.u1])
    backwards = denoiser.denoise(data.u1[::-1])[::-1]
    tolerance = 1e-5 * np.abs(together).max()
    np.testing.assert_allclose(alone, together, rtol=0, atol=tolerance)
    np.testing.assert_allclose(backwards, together, rtol=0, atol=tolerance)


# R2R


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 15.0])
def test_r2r_finds_the_true_noise_level(snr_db):
    """Noise over the RMS of a noisy period: sqrt(p / (1 + p)) for a noise power p = 10^(-SNR / 10).

    Half the power of u1 - u2 has the relative standard deviation sqrt(2 / nN), half of it in sigma; the power of u1
    adds less than that. Five of them are allowed, and 1 / N for the ratio of two estimates.
    """
    rng = np.random.default_rng(0)
    n, samples = 40, 4950
    clean = np.sqrt(2) * np.sin(2 * np.pi * 50 * np.arange(samples) / samples) * rng.uniform(0.1, 10, (n, 1))
    power = 10 ** (-snr_db / 10)
    deviation = np.sqrt(power * np.mean(clean**2, axis=1, keepdims=True))
    u1, u2 = clean + deviation * rng.standard_normal((2, n, samples))
    denoiser = create("r2r", **TINY)
    denoiser.fit(u1, u2, Recordings(u1[:2], 3 * u2[:2]))  # those to choose with do not count
    sigma = np.sqrt(power / (1 + power))
    error = np.sqrt(2 / (n * samples))
    assert abs(denoiser.sigma / sigma - 1) < 5 * error + 1 / samples
    assert denoiser.state()["sigma"] == denoiser.sigma


def test_r2r_is_the_mean_over_recorruptions(pairs):
    """The mean of f(u + a sigma z) over many z: fifty copies lie near it, and no two copies are the same."""
    denoiser = new("r2r").fit(pairs.u1, pairs.u2)
    assert denoiser.recorruptions == 3
    assert create("r2r").recorruptions == 50
    seen = []
    forward = denoiser.network.forward
    denoiser.network.forward = lambda u: seen.append(u.clone()) or forward(u)
    out = denoiser.denoise(pairs.u1)
    assert len(seen) == 3
    mean = np.mean([forward(u)[:, 0].detach().numpy() for u in seen], axis=0)
    exponent = binary_exponent(pairs.u1)  # the network sees signals in units of a power of two
    np.testing.assert_allclose(out, np.ldexp(mean, exponent), rtol=0, atol=1e-5)
    seen_signals = np.ldexp(pairs.u1, -exponent)
    added = torch.stack(seen)[:, :, 0].numpy() - seen_signals
    rms = np.sqrt(np.mean(seen_signals**2, axis=1, keepdims=True))
    z = added / (0.5 * denoiser.sigma * rms)
    # Standard normal numbers, the same for every signal and independent between copies.
    np.testing.assert_allclose(z, np.broadcast_to(z[:, :1], z.shape), rtol=0, atol=1e-4)
    flat = z[:, 0]
    assert abs(np.mean(flat**2) - 1) < 5 * np.sqrt(2 / flat.size)
    correlation = flat @ flat.T / 96 - np.diag(np.mean(flat**2, axis=1))
    assert np.abs(correlation).max() < 6 / np.sqrt(96)


def test_r2r_repeats(pairs):
    denoiser = new("r2r").fit(pairs.u1, pairs.u2)
    np.testing.assert_array_equal(denoiser.denoise(pairs.u1), denoiser.denoise(pairs.u1))


def test_a_state_without_a_noise_level_is_refused(pairs):
    state = new("r2r").fit(pairs.u1, pairs.u2).state()
    assert set(state) > {"sigma"}
    del state["sigma"]
    with pytest.raises(ValueError, match=r"the state of r2r must hold sigma, got stem\.weight"):
        new("r2r").restore(state)
    for sigma, message in ((np.nan, "sigma must be finite"), (-1.0, "sigma must be at least 0")):
        with pytest.raises(ValueError, match=message):
            new("r2r").restore({**state, "sigma": np.array(sigma)})
    with pytest.raises(ValueError, match="r2r must be fitted before it denoises"):
        new("r2r").denoise(pairs.u1)
