"""Ctrl-C in a training: one line, status 130, no lock, and the next call ends it with the same bits."""

import os
import random
import shutil
import signal
import time

import pandas as pd
import pytest
from forks import Forks
from test_kills import CHECKPOINT, RECORD

# Imports once, and runs the command in a process of its own for each folder that it reads. Steps are slow, so that an
# interruption meets any line of them.
COMMAND = """
import os, signal, sys, time
import torch
from companion import experiments
from companion.__main__ import main
from mpicore import training
training._CHECKPOINT_SECONDS = 0.0
pace, backward = float(sys.argv[2]), torch.Tensor.backward
def slow(self, *arguments, **options):
    time.sleep(pace)
    return backward(self, *arguments, **options)
torch.Tensor.backward = slow
print(experiments.read().run("xspace-gaussian", "n2n", "smoke").key, flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
        said = os.open(line.strip() + ".txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1), os.dup2(said, 2)
        place = ["--preset", "smoke", "--root", line.strip(), "--cache", sys.argv[1], "--threads", "1"]
        status = main(["run", "xspace-gaussian", "n2n", *place])
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Command(Forks):
    """The command ``run`` of one training in whatever folder, which can be interrupted."""

    def __init__(self, root, folder, pace=0.02):
        super().__init__(COMMAND, root, folder / "data", pace)

    def run(self, folder, moment=None):
        """Status and output of a call."""
        status = self.call(folder, moment, signal.SIGINT)
        return status, folder.with_suffix(".txt").read_text()


@pytest.fixture(scope="module")
def command(root, tmp_path_factory):
    made = Command(root, tmp_path_factory.mktemp("interrupts"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "runs"
    status, said = command.run(folder)
    assert status == 0, said
    return folder / command.key


def test_an_interrupted_training_goes_on_to_the_same_bits(command, whole, tmp_path):
    """Three times, each at another moment after a checkpoint; the process that goes on waits for no lock."""
    rng, folder, interrupted = random.Random(0), tmp_path / "runs", 0

    def moment(run):
        before = checkpoint.stat().st_mtime_ns if (checkpoint := run / CHECKPOINT).exists() else 0
        while not (run / RECORD).exists() and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))

    for _ in range(12):
        status, said = command.run(folder, moment)
        if status == 0:  # it was quicker
            shutil.rmtree(folder)
            continue
        interrupted += 1
        assert status == 130, said
        lines = [line for line in said.replace("\r", "\n").splitlines() if line.strip() and not line.startswith("n2n:")]
        assert lines == ["interrupted; the same command goes on"], said
        assert sorted(os.listdir(folder / command.key)) == [".lock", CHECKPOINT]
        if interrupted == 3:
            break
    assert interrupted == 3
    status, said = command.run(folder)
    assert status == 0 and "test SNR" in said, said
    made = folder / command.key
    assert sorted(os.listdir(made)) == sorted(os.listdir(whole))
    for name in ("weights.safetensors", "signals.csv", "images.csv"):
        assert (made / name).read_bytes() == (whole / name).read_bytes(), name
    first, second = (pd.read_csv(run / "history.csv").drop(columns="seconds") for run in (made, whole))
    assert len(first) == 2 and first.equals(second)
