"""The training loop: interrupted anywhere and started again it ends with the same bits; foreign files are refused."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from mpicore import files, training
from mpicore.losses import (
    Composed,
    Noise2Noise,
    PairScheme,
    Recorrupted,
    Scheme,
    Supervised,
    squared_loss,
    two_period_pair,
)
from mpicore.network import EncoderDecoder
from mpicore.recordings import Recordings, SupervisedPairs
from mpicore.settings import Settings
from mpicore.training import resolve_device, train

SETTINGS = Settings(epochs=3, batch_size=4, learning_rate=2e-3, schedule="one-cycle")
CHECKPOINT = "checkpoint.safetensors"


def make_network(seed=0, width=2):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return EncoderDecoder(width, dropout=0.1)


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def differing(first, second):
    """Names of the weights that are not equal bit for bit."""
    assert first.keys() == second.keys()
    return [name for name in first if not torch.equal(first[name], second[name])]


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.fixture(scope="module")
def data(short_pairs):
    """22 training and 5 validation pairs of 96 samples: five batches of four per epoch, two signals left out."""
    return short_pairs(22), short_pairs(5, seed=1)


@dataclass(frozen=True)
class Given(PairScheme):
    """A scheme of functions. It has the name of the scheme that it stands for."""

    pair: Callable[..., Any] = two_period_pair
    loss: Callable[..., Any] = squared_loss
    stands_for: Scheme = field(default_factory=Noise2Noise)

    def __repr__(self):
        return repr(self.stands_for)


class InterruptionError(Exception):
    """What a test raises in the middle of a training."""


def interrupted(method, calls):
    """The same scheme, whose loss raises at its call number ``calls``; validation batches count as well."""
    count = 0

    def loss(prediction, target):
        nonlocal count
        count += 1
        if count == calls:
            raise InterruptionError
        return method.loss(prediction, target)

    return Given(method.pair, loss, method)


def scripted(values):
    """Noise2Noise whose validation losses per sample are the given ones, epoch by epoch: 5 signals are one batch."""
    values = iter(values)

    def loss(prediction, target):
        if torch.is_grad_enabled():
            return squared_loss(prediction, target)
        return torch.tensor(96.0 * next(values))

    return Given(loss=loss)


# Settings


def test_one_cycle_rises_over_a_fifth_and_falls_to_zero():
    """Ten steps, by hand: thirds on the way up, the full rate at step 2, cosine values at quarters of the fall."""
    settings = Settings(learning_rate=0.3, schedule="one-cycle")
    rates = [settings.rate(step, 10) for step in range(11)]
    half = np.sqrt(0.5)
    expected = {0: 0.1, 1: 0.2, 2: 0.3, 4: 0.15 * (1 + half), 6: 0.15, 8: 0.15 * (1 - half), 10: 0}
    for step, rate in expected.items():
        assert rates[step] == pytest.approx(rate, rel=1e-14, abs=1e-17)
    assert max(rates) == rates[2]
    assert np.all(np.diff(rates[:3]) > 0)
    assert np.all(np.diff(rates[2:]) < 0)


def test_one_cycle_never_exceeds_its_rate():
    for steps in (1, 2, 3, 7, 100):
        rates = [SETTINGS.rate(step, steps) for step in range(steps)]
        assert min(rates) > 0
        assert max(rates) <= SETTINGS.learning_rate


def test_a_constant_rate_is_constant():
    assert {Settings(learning_rate=0.3).rate(step, 10) for step in range(10)} == {0.3}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be a whole number of at least 1, got 1.5"),
        ({"learning_rate": 0}, "learning_rate must be positive, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be finite, got nan"),
        ({"schedule": "cosine"}, "schedule must be one of constant, one-cycle; got 'cosine'"),
        ({"patience": -1}, "patience must be a whole number of at least 0, got -1"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Settings(**options)


@pytest.mark.parametrize("name", ["abacus", "cpu:x", "cuda:99"])
def test_unknown_devices_are_named(name):
    with pytest.raises(ValueError, match=f"device must be auto, cpu or a device of this machine, got '{name}'"):
        resolve_device(name)


def test_auto_is_a_device_of_this_machine():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


# What a training does


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_training_is_adam_on_normalised_pairs(data, schedule):
    """One epoch against a loop written here: each pair over the RMS of its first period, no batch of the remainder."""
    recordings, validation = data
    network, twin = make_network(), make_network()
    for module in [*network.modules(), *twin.modules()]:
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    seen = []

    def watch(u1, u2, generator):
        if torch.is_grad_enabled():
            seen.append((u1.clone(), u2.clone()))
        return u1, u2

    settings = Settings(epochs=1, batch_size=4, learning_rate=1e-3, schedule=schedule)
    history = train(network, Given(watch), recordings, validation, settings, seed=0)

    scale = np.sqrt(np.mean(recordings.u1**2, axis=1, keepdims=True))
    u1, u2 = (torch.from_numpy(u / scale) for u in (recordings.u1, recordings.u2))
    order = [int((u1 - row).abs().sum(1).argmin()) for first, _ in seen for row in first]
    assert len(seen) == 5
    assert len(set(order)) == 20, "every signal at most once in an epoch"
    assert order != sorted(order), "in random order"
    for rows, (first, second) in zip(np.reshape(order, (5, 4)), seen, strict=True):
        torch.testing.assert_close(first, u1[rows])
        torch.testing.assert_close(second, u2[rows])

    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    losses = []
    for step, (first, second) in enumerate(seen):
        optimizer.param_groups[0]["lr"] = settings.rate(step, 5)
        loss = (twin(first[:, None])[:, 0] - second).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / 96)
    for name, value in twin.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=1e-5)
    with torch.no_grad():
        scale = np.sqrt(np.mean(validation.u1**2, axis=1, keepdims=True))
        first, second = (torch.from_numpy(u / scale) for u in (validation.u1, validation.u2))
        held = (twin(first[:, None])[:, 0] - second).square().mean().item()
    (row,) = history
    assert row["training_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert row["validation_loss"] == pytest.approx(held, rel=1e-4)
    assert (row["epoch"], row["step"], row["learning_rate"]) == (1, 5, settings.rate(4, 5))
    assert row["seconds"] > 0


def test_epochs_differ_and_validations_do_not(data):
    """Another order and other coins in every epoch of training; one order and one set of coins in every validation."""
    seen = {True: [], False: []}

    def watch(u1, u2, generator):
        source, target = two_period_pair(u1, u2, generator)
        # What was swapped tells the coins, what was not tells the order.
        seen[torch.is_grad_enabled()].append((u1.clone(), (source != u1).any(1)))
        return source, target

    train(make_network(), Given(watch), *data, SETTINGS, seed=0)
    orders, coins = (torch.cat(parts) for parts in zip(*seen[True], strict=True))
    orders, coins = orders.reshape(3, 20, 96), coins.reshape(3, 20)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(orders[first], orders[second])
        assert not torch.equal(coins[first], coins[second])
    (first_order, first_coins), *others = seen[False]
    assert len(others) == 2
    for order, flips in others:
        assert torch.equal(order, first_order)
        assert torch.equal(flips, first_coins)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_passes_replayed_on_a_gpu_compute_what_plain_ones_do(data, monkeypatch):
    found = {}
    for name in ("replayed", "plain"):
        if name == "plain":
            monkeypatch.setattr(training, "_record_passes", lambda *_: None)
        for dropout in (0.0, 0.5):
            network = EncoderDecoder(2, dropout)
            network.load_state_dict(make_network().state_dict())
            train(network, Composed(), *data, SETTINGS, seed=0, device="cuda")
            assert "forward" not in vars(network)
            found[name, dropout] = torch.cat([value.flatten() for value in network.cpu().state_dict().values()])
    assert torch.allclose(found["replayed", 0.0], found["plain", 0.0], atol=1e-4)
    assert not torch.allclose(found["replayed", 0.0], found["replayed", 0.5], atol=1e-3)


def test_history_has_a_row_per_epoch(data):
    history = train(make_network(), Noise2Noise(), *data, SETTINGS, seed=0)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [row["step"] for row in history] == [5, 10, 15]
    assert [row["learning_rate"] for row in history] == [SETTINGS.rate(step, 15) for step in (4, 9, 14)]
    seconds = [row["seconds"] for row in history]
    assert seconds == sorted(seconds)


def test_losses_are_the_means_of_their_epoch(data):
    """Of losses that are 1, 2, 3 ... per sample, five per epoch and one in each validation."""
    values = iter(range(1, 19))

    def loss(prediction, target):
        return 96.0 * next(values) + 0 * prediction.sum()

    history = train(make_network(), Given(loss=loss), *data, SETTINGS, seed=0)
    assert [row["training_loss"] for row in history] == pytest.approx([3, 9, 15], rel=1e-6)
    assert [row["validation_loss"] for row in history] == pytest.approx([6, 12, 18], rel=1e-6)


def test_dropout_is_another_in_each_step_and_none_in_validation(data):
    seen = {True: [], False: []}

    class Watched(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(()))
            self.dropout = torch.nn.Dropout(0.5)

        def forward(self, u):
            kept = self.dropout(torch.ones_like(u))
            seen[torch.is_grad_enabled()].append(kept)
            return self.gain * kept * u

    train(Watched(), Noise2Noise(), *data, SETTINGS, seed=0)
    assert len({kept.numpy().tobytes() for kept in seen[True]}) == 15
    assert len(seen[False]) == 3
    assert all((kept == 1).all() for kept in seen[False])


def test_training_lowers_the_noisy_validation_loss(short_pairs):
    """Forty epochs on 32 signals take more than a fifth off the loss of the first epoch."""
    settings = Settings(epochs=40, batch_size=8, learning_rate=5e-3, schedule="one-cycle")
    history = train(make_network(width=4), Noise2Noise(), short_pairs(32), short_pairs(8, seed=1), settings, seed=0)
    losses = [row["validation_loss"] for row in history]
    assert min(losses) < 0.8 * losses[0]


@pytest.mark.parametrize("exponent", [-100, -30, 30, 100])
def test_training_does_not_depend_on_units(data, exponent):
    """Signals 2^k times as large train the same network, bit for bit, though float32 cannot hold their squares."""
    networks = [make_network(), make_network()]
    scaled = [Recordings(*(np.ldexp(u, exponent) for u in part.arrays)) for part in data]
    for network, parts in zip(networks, (data, scaled), strict=True):
        train(network, Composed(), *parts, SETTINGS, seed=0)
    assert not differing(*map(weights, networks))


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_training_does_not_depend_on_any_unit(data, factor):
    """Factors that are no power of two change the signals by their rounding, and the weights by little more."""
    networks = [make_network(), make_network()]
    scaled = [Recordings(*(factor * u.astype(np.float64) for u in part.arrays)) for part in data]
    for network, parts in zip(networks, (data, scaled), strict=True):
        train(network, Noise2Noise(), *parts, SETTINGS, seed=0)
    for first, second in zip(*(weights(network).values() for network in networks), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-4)


def test_clean_targets_are_measured_in_the_unit_of_the_noisy_signal(data):
    """A ceiling is trained on noisy and clean signals: as on two periods without coins, if these are the signals."""
    networks = [make_network(), make_network()]
    train(networks[0], Supervised(), *(SupervisedPairs(*part.arrays) for part in data), SETTINGS, seed=0)
    train(networks[1], Given(pair=lambda u1, u2, generator: (u1, u2)), *data, SETTINGS, seed=0)
    assert not differing(*map(weights, networks))


def test_seeds_decide(data):
    runs = []
    for seed in (0, 0, 1):
        network = make_network()
        train(network, Noise2Noise(), *data, SETTINGS, seed=seed)
        runs.append(weights(network))
    assert not differing(runs[0], runs[1])
    assert differing(runs[0], runs[2])


def test_the_global_generator_is_left_alone(data):
    before = torch.get_rng_state()
    train(make_network(), Recorrupted(0.5), *data, SETTINGS, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(InterruptionError):
        train(make_network(), interrupted(Noise2Noise(), 3), *data, SETTINGS, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_generator_does_not_matter(data):
    """Dropout included: another global state gives the same weights."""
    networks = [make_network(), make_network()]
    with torch.random.fork_rng():
        for state, network in enumerate(networks):
            torch.manual_seed(state)
            train(network, Noise2Noise(), *data, SETTINGS, seed=0)
    assert not differing(*map(weights, networks))


def test_the_network_is_left_ready_to_denoise(data):
    network = make_network()
    train(network, Noise2Noise(), *data, SETTINGS, seed=0, progress=True)
    assert not network.training


# Early stopping and the best weights


def test_the_weights_of_the_best_epoch_are_kept(data):
    """With a constant rate, five epochs of which the second is best end like two epochs."""
    long, short = make_network(), make_network()
    settings = {"batch_size": 4, "learning_rate": 1e-3}
    history = train(long, scripted([5, 3, 4, 3, 6]), *data, Settings(epochs=5, **settings), seed=0)
    train(short, scripted([5, 3]), *data, Settings(epochs=2, **settings), seed=0)
    assert [row["validation_loss"] for row in history] == pytest.approx([5, 3, 4, 3, 6])
    assert not differing(weights(long), weights(short))


@pytest.mark.parametrize(
    "patience, losses, epochs",
    [
        (0, [3, 4, 5, 6, 7, 8], 6),
        (1, [3, 2, 2, 1, 1, 1], 3),  # no better is not good enough
        (2, [3, 2, 4, 4, 1, 1], 4),
        (2, [3, 4, 2, 4, 1, 1], 6),
        (3, [1, 2, 3, 4, 0, 0], 4),
    ],
)
def test_early_stopping(data, patience, losses, epochs):
    settings = Settings(epochs=6, batch_size=4, patience=patience)
    history = train(make_network(), scripted(losses), *data, settings, seed=0)
    assert len(history) == epochs


def test_a_stopped_training_stays_stopped(data, tmp_path):
    settings = Settings(epochs=6, batch_size=4, patience=1)
    network, again = make_network(), make_network(seed=1)
    first = train(network, scripted([1, 2]), *data, settings, seed=0, folder=tmp_path)
    second = train(again, scripted([]), *data, settings, seed=0, folder=tmp_path)
    assert len(first) == 2
    assert first == second
    assert not differing(weights(network), weights(again))


# Interruption


@pytest.mark.parametrize("method", [Noise2Noise(), Recorrupted(0.5), Composed()], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(
    "calls", [3, 6, 7, 11], ids=["in the first epoch", "in validation", "at the start of an epoch", "in an epoch"]
)
def test_an_interrupted_training_ends_with_the_same_bits(data, tmp_path, monkeypatch, method, calls):
    """A checkpoint after every step; the network that goes on has other weights, so all must come from the file."""
    monkeypatch.setattr(training, "_CHECKPOINT_SECONDS", 0.0)
    whole = make_network()
    history = train(whole, method, *data, SETTINGS, seed=3)
    with pytest.raises(InterruptionError):
        train(make_network(), interrupted(method, calls), *data, SETTINGS, seed=3, folder=tmp_path)
    _, state = files.load_tensors(tmp_path / CHECKPOINT)
    # An epoch is five losses of training and one of validation; the step before the interruption is stored.
    assert state["step"] == {3: 2, 6: 4, 7: 5, 11: 9}[calls]
    resumed = make_network(seed=9)
    again = train(resumed, method, *data, SETTINGS, seed=3, folder=tmp_path)
    assert not differing(weights(resumed), weights(whole))
    assert without_seconds(again) == without_seconds(history)


def test_a_checkpoint_changes_nothing(data, tmp_path):
    networks = [make_network(), make_network()]
    histories = [
        train(network, Noise2Noise(), *data, SETTINGS, seed=0, folder=folder)
        for network, folder in zip(networks, (None, tmp_path), strict=True)
    ]
    assert not differing(*map(weights, networks))
    assert without_seconds(histories[0]) == without_seconds(histories[1])
    assert os.listdir(tmp_path) == [CHECKPOINT]


def test_a_finished_training_is_not_done_again(data, tmp_path):
    network, again = make_network(), make_network(seed=1)
    history = train(network, Noise2Noise(), *data, SETTINGS, seed=0, folder=tmp_path)
    changed = (tmp_path / CHECKPOINT).stat().st_mtime_ns
    refuse = interrupted(Noise2Noise(), 1)
    assert train(again, refuse, *data, SETTINGS, seed=0, folder=tmp_path) == history
    assert not again.training
    assert not differing(weights(network), weights(again))
    assert (tmp_path / CHECKPOINT).stat().st_mtime_ns == changed


CHILD = """
import sys, time, numpy as np, torch
from mpicore import training
from mpicore.recordings import Recordings
from mpicore.losses import Composed
from mpicore.network import EncoderDecoder
from mpicore.settings import Settings

torch.set_num_threads(1)
training._CHECKPOINT_SECONDS = 0.0
folder = sys.argv[1]
parts = [Recordings(*np.load(f"{folder}/{name}.npy")) for name in ("train", "validation")]

class Slow(Composed):
    def loss(self, prediction, target):
        time.sleep(0.02)
        return super().loss(prediction, target)

    def __repr__(self):
        return repr(Composed())

torch.manual_seed(0)
network = EncoderDecoder(4, dropout=0.1)
training.train(network, Slow(), *parts, Settings(4, 4, 2e-3, "one-cycle"), 0, folder=folder)
"""


def test_a_killed_training_ends_with_the_same_bits(short_pairs, tmp_path, root):
    """SIGKILL to a real process in the second of its four epochs of 16 steps, then the rest of it here."""
    parts = short_pairs(64), short_pairs(8, seed=1)
    for name, part in zip(("train", "validation"), parts, strict=True):
        np.save(tmp_path / f"{name}.npy", [part.u1, part.u2])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        deadline = time.monotonic() + 60
        step = 0
        while step < 20:
            assert child.poll() is None, "the training ended before it could be killed"
            assert time.monotonic() < deadline, f"no 20 steps in a minute, {step} so far"
            if (tmp_path / CHECKPOINT).exists():
                step = files.load_tensors(tmp_path / CHECKPOINT)[1]["step"]
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL
    step = files.load_tensors(tmp_path / CHECKPOINT)[1]["step"]
    assert 20 <= step < 64, "in the middle"

    settings = Settings(4, 4, 2e-3, "one-cycle")
    whole, resumed = make_network(width=4), make_network(seed=1, width=4)
    history = train(whole, Composed(), *parts, settings, seed=0)
    again = train(resumed, Composed(), *parts, settings, seed=0, folder=tmp_path)
    assert not differing(weights(resumed), weights(whole))
    assert without_seconds(again) == without_seconds(history)


# What is refused


@pytest.fixture
def checkpoint(data, tmp_path):
    train(make_network(), Noise2Noise(), *data, SETTINGS, seed=0, folder=tmp_path)
    return tmp_path / CHECKPOINT


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: d[:-1] + b"\xff"]
)
def test_a_damaged_checkpoint_is_named(data, checkpoint, damage):
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(ValueError, match=f"{checkpoint} is damaged .*; delete it to start over"):
        train(make_network(), Noise2Noise(), *data, SETTINGS, seed=0, folder=checkpoint.parent)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 4},
        {"batch_size": 5},
        {"learning_rate": 1e-3},
        {"schedule": "constant"},
        {"patience": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_checkpoint_of_other_settings_is_refused(data, checkpoint, changes):
    settings = Settings(**{**vars(SETTINGS), **changes})
    with pytest.raises(ValueError, match=f"{checkpoint} belongs to another training; delete it to start over"):
        train(make_network(), Noise2Noise(), *data, settings, seed=0, folder=checkpoint.parent)


def changed(part):
    """One sample in one signal of the second periods is another."""
    u2 = part.u2.copy()
    u2[3, 7] += 0.5
    return Recordings(part.u1, u2)


def test_a_checkpoint_of_another_seed_or_data_is_refused(data, short_pairs, checkpoint):
    recordings, validation = data
    longer = short_pairs(22, samples=98), short_pairs(5, samples=98)
    others = [
        (data, 1),
        ((short_pairs(21), validation), 0),
        (longer, 0),
        ((changed(recordings), validation), 0),
        ((recordings, changed(validation)), 0),
        ((recordings, short_pairs(4, seed=1)), 0),
    ]
    for parts, seed in others:
        with pytest.raises(ValueError, match=f"{checkpoint} belongs to another training"):
            train(make_network(), Noise2Noise(), *parts, SETTINGS, seed=seed, folder=checkpoint.parent)


@pytest.mark.parametrize("scheme", [Composed(), Composed(0.05, 0.02), Supervised(), Recorrupted(0.5)], ids=repr)
def test_a_checkpoint_of_another_scheme_is_refused(data, tmp_path, scheme):
    train(make_network(), Composed(0.1, 0.01), *data, SETTINGS, seed=0, folder=tmp_path)
    with pytest.raises(ValueError, match="belongs to another training"):
        train(make_network(), scheme, *data, SETTINGS, seed=0, folder=tmp_path)


@pytest.mark.parametrize("network", [{"width": 3}, {"dropout": 0.2}], ids=lambda options: next(iter(options)))
def test_a_checkpoint_of_another_network_is_refused(data, checkpoint, network):
    """Also of one with the same weights, whose dropout is another."""
    other = EncoderDecoder(**{"width": 2, "dropout": 0.1, **network})
    with pytest.raises(ValueError, match=f"{checkpoint} belongs to another training"):
        train(other, Noise2Noise(), *data, SETTINGS, seed=0, folder=checkpoint.parent)


def test_tensors_that_are_no_checkpoint_are_refused(data, checkpoint):
    files.save_tensors(checkpoint, {"weights": np.ones(3)}, {"anything": 1})
    with pytest.raises(ValueError, match=str(checkpoint)):
        train(make_network(), Noise2Noise(), *data, SETTINGS, seed=0, folder=checkpoint.parent)


def test_a_folder_that_cannot_be_written_is_named(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"cannot write into folder {tmp_path}/file"):
        train(make_network(), Noise2Noise(), *data, SETTINGS, seed=0, folder=tmp_path / "file")


def test_fewer_signals_than_a_batch_are_refused(short_pairs):
    with pytest.raises(ValueError, match="recordings must hold a batch of 4 signals, got 3"):
        train(make_network(), Noise2Noise(), short_pairs(3), short_pairs(2), SETTINGS, seed=0)


def test_one_batch_is_enough(short_pairs):
    history = train(make_network(), Noise2Noise(), short_pairs(4), short_pairs(1), SETTINGS, seed=0)
    assert [row["step"] for row in history] == [1, 2, 3]


@pytest.mark.parametrize("part", [0, 1], ids=["training", "validation"])
def test_a_zero_signal_is_named(data, part):
    parts = [Recordings(recordings.u1.copy(), recordings.u2) for recordings in data]
    parts[part].u1[2] = 0
    with pytest.raises(ValueError, match="u1 must not hold a zero signal, found one at index 2"):
        train(make_network(), Noise2Noise(), *parts, SETTINGS, seed=0)


@pytest.mark.parametrize("when", ["training", "validation"])
def test_a_loss_that_is_not_finite_ends_the_training(data, tmp_path, when):
    """And leaves no checkpoint that goes on with it."""

    def loss(prediction, target):
        value = squared_loss(prediction, target)
        return value * float("nan") if torch.is_grad_enabled() == (when == "training") else value

    with pytest.raises(FloatingPointError, match="the loss of epoch 1 is not finite; lower learning_rate"):
        train(make_network(), Given(loss=loss), *data, SETTINGS, seed=0, folder=tmp_path)
    assert os.listdir(tmp_path) == []
