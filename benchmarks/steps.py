"""Training steps of the package's network and of the plain one, timed in turns in two processes.

Each network has a process of its own, as in a training: memory that one network gives back and fetches again at every
step costs time there, and a neighbour in the same process would hide that.
"""

import multiprocessing
import time
from contextlib import contextmanager

import numpy as np
import torch

from benchmarks import plain
from mpicore.losses import composed_loss
from mpicore.network import EncoderDecoder

BATCH = 4
WIDTH = 16  #: of the preset ``paper``
_STEPS = 4  # in a row, before it is the other's turn


def networks():
    """The package's network and the plain one with the same random weights."""
    torch.manual_seed(0)
    network = EncoderDecoder(WIDTH, dropout=0.02)
    return network, plain.Network(network)


def signals(samples):
    """A batch of input and target signals, each (BATCH, samples)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, BATCH, samples, generator=generator)


@contextmanager
def workers(samples):
    """Two waiting processes: yields the connections to the plain network's and to the package's."""
    spawn = multiprocessing.get_context("spawn")
    processes, connections = [], []
    for which in ("plain", "package"):
        here, there = spawn.Pipe()
        processes.append(spawn.Process(target=_work, args=(there, which, samples), daemon=True))
        connections.append(here)
        processes[-1].start()
    try:
        yield connections
    finally:
        for process, connection in zip(processes, connections, strict=True):
            connection.close()
            process.join()


def seconds_per_step(connections, threads, rounds):
    """Median over the rounds of each worker's training step [s]: in a round, the fastest of a few in a row."""
    times = np.empty((rounds, len(connections)))
    for round_ in range(-1, rounds):
        for number, connection in enumerate(connections):
            connection.send(threads)
            seconds = connection.recv()
            if round_ >= 0:  # the first turn warms up
                times[round_, number] = seconds
    return np.median(times, axis=0)


def _work(connection, which, samples):
    network, reference = networks()
    u, target = signals(samples)
    if which == "plain":
        network, optimizer = reference, torch.optim.Adam(reference.parameters())
    else:
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
    del reference
    network.train()
    while True:
        try:
            torch.set_num_threads(connection.recv())
        except EOFError:
            return
        connection.send(min(_step_seconds(network, optimizer, u, target) for _ in range(_STEPS)))


def _step_seconds(network, optimizer, u, target):
    started = time.perf_counter()
    loss = composed_loss(network(u[:, None])[:, 0], target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return time.perf_counter() - started
