"""Shared by the unit tests: one thread, so that repeats are bit for bit, and data that are small enough to be quick."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from companion import experiments
from companion.config import RunConfig
from mpicore.recordings import Recordings

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds ``mpicore`` and ``experiments.yml``."""
    return ROOT


@pytest.fixture(scope="session")
def book() -> experiments.Experiments:
    """The real ``experiments.yml``."""
    return experiments.read(ROOT / "experiments.yml")


@pytest.fixture(scope="session")
def tiny(book):
    """Make the smoke configuration of a run smaller still: ``tiny("xspace-gaussian", "n2n", sizes=(8, 2, 4))``.

    ``noise`` is also that of the test where ``test_noise`` is not given.
    """

    def make(experiment: str, method: str, seed: int = 0, **changes: Any) -> RunConfig:
        config = book.run(experiment, method, "smoke", seed)
        small: dict[str, Any] = {"scanner": replace(config.scanner, shape=(16, 16)), "sizes": (8, 2, 4)}
        if config.training is not None:
            small |= {"options": {**config.options, "width": 2}, "training": replace(config.training, epochs=1)}
        if "noise" in changes:
            small["test_noise"] = {"literal": changes["noise"]}
        return replace(config, **small | changes)

    return make


@pytest.fixture(scope="session")
def short_pairs():
    """Two noisy periods of ``count`` random odd signals of N samples, noise at 5 dB."""

    def make(count, samples=96, seed=0):
        rng = np.random.default_rng(seed)
        harmonics = np.arange(1, 6)
        waves = np.sin(2 * np.pi * harmonics[:, None] * np.arange(samples) / samples)
        clean = rng.standard_normal((count, harmonics.size)) @ waves
        deviation = np.sqrt(np.mean(clean**2, axis=1, keepdims=True) * 10**-0.5)
        u1, u2 = clean + deviation * rng.standard_normal((2, count, samples))
        return Recordings(u1.astype(np.float32), u2.astype(np.float32))

    return make


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Path:
    """A copy of the project in which the whole chain, training and book included, has run at smoke size."""
    folder = tmp_path_factory.mktemp("smoke") / "project"
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("mpicore", "notebooks", "book", "benchmarks", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("Snakefile", "experiments.yml", "_config.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    process = run_graph(folder)
    assert process.returncode == 0, process.stdout[-5000:] + process.stderr[-15000:]
    return folder


def run_graph(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the graph at smoke size in a copy of the project, with that copy's package."""
    command = ["snakemake", "--cores", "2", "--rerun-incomplete", *arguments, "--config", "preset=smoke"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(folder), "PATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
