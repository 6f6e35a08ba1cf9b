"""The one training loop that every network method shares.

The state of a training is its weights, its optimiser and a step count: everything random in step k (order, coins,
recorruption, dropout) is drawn from generators seeded by the seed and k. A training that is killed and started again
therefore ends with the weights of an uninterrupted one, bit for bit on one machine.
"""

import json
import math
import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mpicore import files
from mpicore.losses import Scheme
from mpicore.recordings import Recordings, SupervisedPairs, binary_exponent
from mpicore.seeds import branch, generator
from mpicore.settings import Settings

Pairs = Recordings | SupervisedPairs
State = dict[str, Any]

_CHECKPOINT_SECONDS = 20.0
_VALIDATION_BATCH = 16


def resolve_device(name: str = "auto") -> torch.device:
    """``auto`` is the GPU where there is one, else the CPU.

    Raises:
        ValueError: an unknown device, or one that is not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(f"device must be auto, cpu or a device of this machine, got {name!r}: {reason}") from None
    return device


def train(
    network: torch.nn.Module,
    scheme: Scheme,
    recordings: Pairs,
    validation: Pairs,
    settings: Settings,
    seed: int,
    folder: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
    label: str = "training",
    units: bool = True,
) -> list[State]:
    """Train a network on noisy pairs alone, and leave it with the weights of the best noisy validation loss.

    Each pair is measured in units of the RMS of its first period, so that every signal counts alike.

    Args:
        network: (B, 1, N) -> (B, 1, N), trained in place.
        scheme: loss of the method.
        recordings: noisy pairs to train on; for a ceiling noisy signals with clean ones.
        validation: noisy pairs that choose the epoch; the same loss, the same coins at each epoch.
        settings: how long and how fast.
        seed: of order, coins, recorruption and dropout.
        folder: where the checkpoint lives; a training found there is resumed. ``None`` for no checkpoint.
        device: ``auto``, ``cpu``, ``cuda``.
        progress: show a bar with the time left.
        label: what the bar calls this training.
        units: without them the pairs are passed on as they are.

    Returns:
        One row per epoch with ``epoch``, ``step``, ``learning_rate``, ``training_loss`` and ``validation_loss`` (per
        sample), and ``seconds`` since the start.

    Raises:
        ValueError: fewer signals than a batch, or a checkpoint that is damaged or of another training.
        FloatingPointError: the loss is no longer finite.
    """
    if len(recordings) < settings.batch_size:
        raise ValueError(f"recordings must hold a batch of {settings.batch_size} signals, got {len(recordings)}")
    where = resolve_device(device)
    network.to(where)
    samples = recordings.arrays[0].shape[1]
    prepare = _normalised if units else _unchanged
    u1, u2 = prepare(recordings, where)
    held1, held2 = prepare(validation, where)
    per_epoch = len(recordings) // settings.batch_size
    steps = settings.epochs * per_epoch
    seeds = branch(seed, "training").generate_state(2, np.uint32)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    checkpoint = None if folder is None else Path(folder) / "checkpoint.safetensors"
    identity: State = {**asdict(settings), "seed": int(seed), "scheme": _described(scheme)}
    identity["network"] = repr(network), [list(parameter.shape) for parameter in network.parameters()]
    identity["data"] = [[*u.shape, zlib.crc32(u.cpu().numpy().data)] for u in (u1, u2, held1, held2)]
    state: State = {"step": 0, "running": 0.0, "history": [], "seconds": 0.0}
    best = _copy(network)
    if checkpoint is not None and checkpoint.exists():
        state, best = _resume(checkpoint, identity, network, optimizer, where)
    if where.type == "cuda":
        _record_passes(network, settings.batch_size, samples, where)
    pairs = torch.Generator()
    running = torch.tensor(state["running"], dtype=torch.float64, device=where)
    history, started, saved = state["history"], time.monotonic() - state["seconds"], time.monotonic()
    bar = tqdm(
        total=steps, initial=state["step"], desc=label, unit="step", disable=not progress, dynamic_ncols=True,
        mininterval=0.2 if sys.stderr.isatty() else 30,
    )  # fmt: skip

    def save(path: Path, step: int) -> None:
        elapsed = time.monotonic() - started
        progressed = {"step": step, "running": running.item(), "history": history, "seconds": elapsed}
        _save(path, {**progressed, "identity": identity}, network, optimizer, best)

    with torch.random.fork_rng(), closing(bar):
        for step in range(state["step"], steps):
            epoch, batch = divmod(step, per_epoch)
            if step == state["step"] or batch == 0:
                if _stopped(history, settings.patience):
                    break
                network.train()
                order = torch.from_numpy(generator(seed, "order", epoch).permutation(len(recordings))).to(where)
            index = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
            pairs.manual_seed((int(seeds[0]) << 31) + step)
            torch.manual_seed((int(seeds[1]) << 31) + step)
            rate = settings.rate(step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = scheme.objective(network, u1[index], u2[index], pairs)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
            optimizer.step()
            running += loss.detach()
            bar.update()
            if batch == per_epoch - 1:
                mean = running.item() / per_epoch / samples
                held = _validation_loss(network, scheme, held1, held2, pairs, seeds) / samples
                if not math.isfinite(mean + held):
                    raise FloatingPointError(
                        f"the loss of epoch {epoch + 1} is not finite; lower learning_rate {rate:g}"
                    )
                if all(held < row["validation_loss"] for row in history):
                    best = _copy(network)
                row = {"epoch": epoch + 1, "step": step + 1, "learning_rate": rate, "training_loss": mean}
                history.append({**row, "validation_loss": held, "seconds": time.monotonic() - started})
                bar.set_postfix(validation=f"{held:.4g}")
                running.zero_()
            if checkpoint is not None and (batch == per_epoch - 1 or time.monotonic() - saved > _CHECKPOINT_SECONDS):
                save(checkpoint, step + 1)
                saved = time.monotonic()
    network.__dict__.pop("forward", None)
    network.load_state_dict(best)
    network.eval()
    return history


def validation_loss(
    network: torch.nn.Module, scheme: Scheme, validation: Pairs, seed: int, device: str = "auto", units: bool = True
) -> float:
    """The loss per sample of a network on the validation pairs, as :func:`train` measures it after each epoch.

    Args:
        network, scheme, validation, seed, device, units: as for :func:`train`.

    Raises:
        ValueError: an unknown device.
    """
    where = resolve_device(device)
    held1, held2 = (_normalised if units else _unchanged)(validation, where)
    seeds = branch(seed, "training").generate_state(2, np.uint32)
    loss = _validation_loss(network.to(where), scheme, held1, held2, torch.Generator(), seeds)
    return loss / validation.arrays[0].shape[1]


def _described(scheme: Scheme) -> str:
    """A scheme in words that are the same in every process."""
    if type(scheme).__repr__ is not object.__repr__:
        return repr(scheme)
    return f"{type(scheme).__qualname__} {sorted(vars(scheme).items())!r}"


def _record_passes(network: torch.nn.Module, batch_size: int, samples: int, device: torch.device) -> None:
    """Replay the forward and the backward pass of a training step as CUDA graphs.

    A batch of 4 keeps a GPU busy for less time than it takes to launch a pass kernel by kernel. Only training mode is
    recorded; validation runs the plain ``forward``. The recording draws random numbers, but every step seeds its own.
    """
    network.train()
    torch.cuda.make_graphed_callables(network, (torch.ones(batch_size, 1, samples, device=device),))


def _normalised(pairs: Pairs, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Both parts in units of the RMS of the first."""
    # In units of a power of two no square over- or underflows, and no bit changes.
    exponent = binary_exponent(pairs.arrays[0])
    u1, u2 = (torch.from_numpy(np.ldexp(u, -exponent).astype(np.float32, order="C")) for u in pairs.arrays)
    scale = u1.square().mean(dim=1, keepdim=True).sqrt()
    if not scale.all():
        raise ValueError(f"u1 must not hold a zero signal, found one at index {int(scale[:, 0].argmin())}")
    return (u1 / scale).to(device), (u2 / scale).to(device)


def _unchanged(pairs: Pairs, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    u1, u2 = (torch.from_numpy(np.array(u, np.float32, order="C")).to(device) for u in pairs.arrays)
    return u1, u2


@torch.no_grad()
def _validation_loss(
    network: torch.nn.Module,
    scheme: Scheme,
    u1: torch.Tensor,
    u2: torch.Tensor,
    pairs: torch.Generator,
    seeds: np.ndarray[Any, Any],
) -> float:
    """Mean loss over the noisy validation pairs; the coins are the same at every epoch."""
    network.eval()
    pairs.manual_seed(int(seeds[0]))
    total = 0.0
    for first, second in zip(torch.split(u1, _VALIDATION_BATCH), torch.split(u2, _VALIDATION_BATCH), strict=True):
        total += len(first) * scheme.objective(network, first, second, pairs).item()
    return total / len(u1)


def _stopped(history: list[State], patience: int) -> bool:
    """Whether the last ``patience`` epochs brought no better validation loss."""
    if not patience or not history:
        return False
    losses = [row["validation_loss"] for row in history]
    return len(losses) - 1 - int(np.argmin(losses)) >= patience


def _copy(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _save(
    path: Path,
    state: State,
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    best: Mapping[str, torch.Tensor],
) -> None:
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    files.save_tensors(path, {name: value.detach().cpu().numpy() for name, value in tensors.items()}, state)


def _resume(
    path: Path, identity: State, network: torch.nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> tuple[State, dict[str, torch.Tensor]]:
    arrays, state = files.load_tensors(path)
    if state.pop("identity", None) != json.loads(json.dumps(identity)):
        raise ValueError(f"{path} belongs to another training; delete it to start over")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

    network.load_state_dict(part("network."))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in part("optimizer.").items():
        index, key = name.split(".")
        moments.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    # The fused optimiser walks raw memory: its moments must lie there as the weights do, which are channels-last.
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if value.ndim:
                kept[name] = torch.empty_like(parameter).copy_(value)
    return state, {name: value.to(device) for name, value in part("best.").items()}
