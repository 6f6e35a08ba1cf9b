"""What is stored survives kills and does not survive damage: a kill at any moment, and one flipped bit anywhere.

The short tests try a few of each. Those marked ``attack`` try many; where the variable ``ATTACK_REPORT`` names a
folder, they write their figures there.
"""

import json
import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forks import Forks

from companion.archive import MANIFEST, Archive
from mpicore import files

CHECKPOINT, RECORD = "checkpoint.safetensors", "record.json"
FILES = ["arrays.safetensors", "history.csv", "images.csv", "signals.csv", "weights.safetensors"]

# Imports once, and then makes the run anew in a process of its own for each folder that it reads.
MAKER = """
import os, sys, traceback
from dataclasses import replace
import torch
torch.set_num_threads(1)
from companion import experiments, runs
from mpicore import training
training._CHECKPOINT_SECONDS = 0.02
config = experiments.read().run("system-matrix", "n2n", "smoke")
config = replace(config, scanner=replace(config.scanner, shape=(16, 16)), sizes=(8, 2, 4), objects=2,
                 options={**config.options, "width": 2, "dropout": 0.2}, training=replace(config.training, epochs=8))
runs.Setup(config, sys.argv[1]).matrix()
print(config.key, flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            runs.obtain(config, (line.strip(),), cache=sys.argv[1])
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Maker(Forks):
    """Makes one and the same run wherever it is told, and can be killed while it does."""

    def __init__(self, root, folder):
        super().__init__(MAKER, root, folder / "data")
        started = time.monotonic()
        assert self.call(folder / "whole") == 0
        self.seconds = time.monotonic() - started
        self.whole = folder / "whole" / self.key


@pytest.fixture(scope="module")
def maker(root, tmp_path_factory):
    made = Maker(root, tmp_path_factory.mktemp("kills"))
    yield made
    made.end()


def killed_runs(maker, folder, kills, seed):
    """Kill so many processes, every second one of them once there is a checkpoint, and end each run after it.

    Returns:
        How many were killed, how many of these after a checkpoint, and what the runs lost, in words.
    """
    rng = random.Random(seed)
    found = {"kills": 0, "after_checkpoint": 0}
    lost = []
    while found["kills"] < kills:
        run = folder / f"run{found['kills']}" / maker.key
        late = found["kills"] % 2 == 1
        wait = rng.uniform(0, maker.seconds * (0.5 if late else 1.0))

        def moment(run, late=late, wait=wait):
            while late and not (run / CHECKPOINT).exists() and not (run / RECORD).exists():
                time.sleep(0.002)
            end = time.monotonic() + wait
            while time.monotonic() < end and not (run / RECORD).exists():
                time.sleep(0.002)

        if maker.call(run.parent, moment) == 0:  # it was quicker
            shutil.rmtree(run.parent)
            continue
        found["kills"] += 1
        found["after_checkpoint"] += (run / CHECKPOINT).exists()
        if maker.call(run.parent) != 0:
            lost.append(f"{run.parent.name} was not made whole")
        else:
            lost += [f"{run.parent.name}: {what}" for what in differences(run, maker.whole)]
        shutil.rmtree(run.parent)
    return found, lost


def differences(run, whole):
    """What differs between two folders of one run, times left out."""
    found = []
    if sorted(os.listdir(run)) != sorted([".lock", RECORD, *FILES]):
        found.append(f"its folder holds {sorted(os.listdir(run))}")
    for name in FILES:
        if name == "history.csv":
            tables = [pd.read_csv(folder / name).drop(columns="seconds") for folder in (run, whole)]
            same = len(tables[1]) > 0 and tables[0].equals(tables[1])
        else:
            same = (run / name).read_bytes() == (whole / name).read_bytes()
        if not same:
            found.append(f"{name} is another")
    return found


def flipped(archive, rng, names=None):
    """Flip one random bit in each of these files, one file at a time, and read all that stands in it.

    Returns:
        How many files were tried, and those whose damage was not reported by their name.
    """
    manifest = json.loads((archive / MANIFEST).read_text())
    entries = [(Archive.run, key, entry) for key, entry in manifest["runs"].items()]
    entries += [(Archive.result, key, entry) for key, entry in manifest["results"].items()]
    readers = {}
    for read, key, entry in entries:
        for part in ("table", "weights", "arrays"):
            if part in entry:
                readers.setdefault(entry[part], (read, key))
    tried = sorted([MANIFEST, *manifest["files"]]) if names is None else names
    accepted = []
    for name in tried:
        path = archive / name
        before = path.read_bytes()
        place, bit = rng.randrange(len(before)), rng.randrange(8)
        path.write_bytes(before[:place] + bytes([before[place] ^ 1 << bit]) + before[place + 1 :])
        try:
            if name == MANIFEST:
                Archive(archive)
            else:
                read, key = readers[name]
                read(Archive(archive), key)
            accepted.append(f"{name}: bit {bit} of byte {place}")
        except ValueError as error:
            if str(path) not in str(error) or "damaged" not in str(error):
                accepted.append(f"{name}: {error}")
        path.write_bytes(before)
    return len(tried), accepted


@pytest.fixture
def archive(root, tmp_path):
    """A copy of the published runs."""
    return shutil.copytree(root / "published", tmp_path / "published")


def report(name, figures):
    if folder := os.environ.get("ATTACK_REPORT"):
        files.write_json(Path(folder) / f"{name}.json", figures)


def test_the_comparison_sees_any_other_file(maker, tmp_path):
    """Else the tests below could not fail."""
    copy = shutil.copytree(maker.whole, tmp_path / "copy")
    assert differences(copy, maker.whole) == []
    for name in FILES:
        before = (copy / name).read_bytes()
        table = name.endswith(".csv")
        (copy / name).write_bytes(before.replace(b"1", b"2") if table else before[:-1] + bytes([before[-1] ^ 1]))
        assert differences(copy, maker.whole) == [f"{name} is another"]
        (copy / name).write_bytes(before)
    (copy / ".weights.safetensors.x.draft").write_bytes(b"")
    assert len(differences(copy, maker.whole)) == 1


def test_a_killed_training_loses_nothing(maker, tmp_path):
    found, lost = killed_runs(maker, tmp_path, kills=2, seed=0)
    assert lost == [] and found["after_checkpoint"] >= 1


@pytest.mark.attack
def test_no_kill_at_any_moment_loses_anything(maker, tmp_path):
    found, lost = killed_runs(maker, tmp_path, kills=24, seed=1)
    report("kills", {**found, "lost": len(lost)})
    assert lost == []
    assert found["kills"] >= 20 and found["after_checkpoint"] >= found["kills"] // 2


def test_a_flipped_bit_in_a_published_file_is_named(archive):
    names = sorted(path.relative_to(archive).as_posix() for path in archive.rglob("*") if path.is_file())
    rng = random.Random(2)
    tried, accepted = flipped(archive, rng, [MANIFEST, *rng.sample([name for name in names if name != MANIFEST], 19)])
    assert accepted == [] and tried == 20


@pytest.mark.attack
def test_a_flipped_bit_in_any_published_file_is_named(archive):
    tried, accepted = flipped(archive, random.Random(3))
    report("bits", {"files": tried, "detected": tried - len(accepted)})
    assert accepted == []
    assert tried == sum(path.is_file() for path in archive.rglob("*"))


def test_nothing_that_is_published_is_damaged(archive):
    """The other side of the tests above: without a flipped bit every run and result is read."""
    whole = Archive(archive)
    assert all(whole.run(key) is not None for key in whole.keys)
    assert np.array_equal(sorted(whole.keys), sorted(json.loads((archive / MANIFEST).read_text())["runs"]))
