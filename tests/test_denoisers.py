"""The registry, the small interface, and what each method learns from noisy pairs alone."""

import numpy as np
import pytest
import torch

from mpicore import denoisers
from mpicore.denoisers import Denoiser, base, create, register
from mpicore.recordings import Recordings

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


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="denoiser must be one of noisy, .*; got .median."):
        create("median")


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("noisy", {"width": 4}, "denoiser 'noisy': .*arguments"),
        ("n2n", {"depth": 4}, "denoiser 'n2n': .*depth"),
        ("proposed", {"gamma": 1}, "denoiser 'proposed': .*gamma"),
        ("n2n", {"recorruptions": 5}, "denoiser 'n2n': .*recorruptions"),
        ("n2n", {"training": {"steps": 5}}, "denoiser 'n2n': .*steps"),
        ("n2n", {"training": {"epochs": 0}}, "epochs must be a whole number of at least 1, got 0"),
        ("n2n", {"width": 0}, "width must be a whole number of at least 1, got 0"),
        ("proposed", {"alpha": -1}, "alpha must be at least 0, got -1"),
        ("r2r", {"strength": 0}, "strength must be positive, got 0"),
        ("r2r", {"recorruptions": 0}, "recorruptions must be a whole number of at least 1, got 0"),
        ("n2n", {"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        create(name, **options)


@pytest.fixture
def averager():
    """A method of fit and denoise alone, registered for one test: the mean of the training signals, whatever comes."""

    @register("averager")
    class Averager(Denoiser):
        def fit(self, u1, u2, validation=None, folder=None, progress=False):
            self.mean = np.mean(u1 + u2, axis=0) / 2
            return self

        def denoise(self, u):
            return np.broadcast_to(self.mean, u.shape).astype(np.float32)

    yield Averager
    del base._registry["averager"]


def test_a_new_method_needs_fit_and_denoise_alone(averager, pairs):
    assert denoisers.names()[-1] == "averager"
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


@pytest.mark.parametrize("name", ["noisy", "n2n", "proposed", "r2r"])
def test_bad_signals_are_named(name):
    denoiser = create(name) if name == "noisy" else new(name)
    with pytest.raises(ValueError, match=r"u must have 2 axes, got shape \(96,\)"):
        denoiser.denoise(np.ones(96))
    with pytest.raises(ValueError, match=r"u must be finite, found nan at index \(0, 0\)"):
        denoiser.denoise(np.full((1, 96), np.nan))


# Networks


def test_a_method_is_stored_by_its_state(method, pairs):
    """What is restored into a denoiser of other weights denoises the same, bit for bit; the state itself is numbers."""
    denoiser = new(method)
    assert denoiser.fit(pairs.u1, pairs.u2) is denoiser
    state = denoiser.state()
    assert all(isinstance(value, np.ndarray) for value in state.values())
    other = new(method, seed=5)
    assert not any(
        np.array_equal(value, other.state()[name]) for name, value in state.items() if "first.weight" in name
    )
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
    states = [create(name, **TINY, seed=3).state() for name in ("n2n", "proposed", "r2r")]
    for state in states[1:]:
        for name, value in states[0].items():
            np.testing.assert_array_equal(state[name], value)


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


def test_periods_must_fit_together(method, pairs):
    with pytest.raises(ValueError, match="u1 and u2 must hold the same objects, got 12 and 11 signals"):
        new(method).fit(pairs.u1, pairs.u2[1:])


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
    denoiser.prepare(Recordings(u1, u2))
    sigma = np.sqrt(power / (1 + power))
    error = np.sqrt(2 / (n * samples))
    assert abs(denoiser.options["sigma"] / sigma - 1) < 5 * error + 1 / samples
    assert denoiser.state()["sigma"] == denoiser.options["sigma"]


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
    np.testing.assert_allclose(
        out, np.mean([forward(u)[:, 0].detach().numpy() for u in seen], axis=0), rtol=0, atol=1e-5
    )
    added = torch.stack(seen)[:, :, 0].numpy() - pairs.u1
    rms = np.sqrt(np.mean(pairs.u1**2, axis=1, keepdims=True))
    z = added / (0.5 * denoiser.options["sigma"] * rms)
    # Standard normal numbers, the same for every signal and independent between copies.
    np.testing.assert_allclose(z, np.broadcast_to(z[:, :1], z.shape), rtol=0, atol=1e-4)
    flat = z[:, 0]
    assert abs(np.mean(flat**2) - 1) < 5 * np.sqrt(2 / flat.size)
    correlation = flat @ flat.T / 96 - np.diag(np.mean(flat**2, axis=1))
    assert np.abs(correlation).max() < 6 / np.sqrt(96)


def test_r2r_repeats(pairs):
    denoiser = new("r2r").fit(pairs.u1, pairs.u2)
    np.testing.assert_array_equal(denoiser.denoise(pairs.u1), denoiser.denoise(pairs.u1))


def test_r2r_denoises_before_it_is_fitted_as_after_its_state_is_restored(pairs):
    """An unfitted denoiser has the state of an unfitted one: no noise level is known, so none is added.

    Its weights are not rounded to half precision yet, hence the tolerance.
    """
    fresh, restored = new("r2r"), new("r2r")
    restored.restore(fresh.state())
    expected = fresh.denoise(pairs.u1)
    np.testing.assert_allclose(restored.denoise(pairs.u1), expected, rtol=0, atol=0.01 * np.abs(expected).max())
