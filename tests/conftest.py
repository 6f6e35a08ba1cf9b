"""Shared by the unit tests: one thread, so that repeats are bit for bit, and data that are small enough to be quick."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from companion import build, experiments
from companion.cache import lock
from companion.config import RunConfig
from mpicore.recordings import Recordings
from mpicore.scanner import Scanner

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

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
def scanner() -> Scanner:
    """The paper's scanner with ten lines in place of fifty: N = 990."""
    return Scanner.cartesian(drive_frequency=(25e3, 2.5e3), shape=(31, 31))


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


#: What a copy of the project needs for a build.
PARTS = ("mpicore", "companion", "notebooks", "book", "benchmarks", "attacks", "examples", "published")
FILES = ("Snakefile", "experiments.yml", "_config.yml", "pyproject.toml", "CITATION.cff")


class Book:
    """An experiments file of which these runs are known."""

    def __init__(self, configs, weights=True):
        self.configs = configs
        self.experiments = {name.experiment: SimpleNamespace(weights=weights) for name in configs if not name.case}

    def runs(self, preset):
        assert preset == "smoke"
        return self.configs


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Path:
    """A copy of the project in which the whole chain, training and book included, has run at smoke size.

    Processes that share the tests share it: the first one makes it, and the others wait. Tests must leave it as it is.
    Beside it, ``opened`` has a file per job with the names of all files that the job has opened.
    """
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "smoke" / "project"
    folder.parent.mkdir(exist_ok=True)
    with lock(folder.parent / "lock"):
        if not (folder.parent / "whole").exists():
            copy_project(folder)
            process = run_companion(folder, "build", "--preset", "smoke", recorded=folder.parent / "opened")
            assert process.returncode == 0, process.stdout[-15000:] + process.stderr[-5000:]
            (folder.parent / "whole").touch()
    return folder


def copy_project(folder: Path) -> Path:
    """A copy of what a build needs, and nothing that was made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in PARTS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


def variables(folder: Path, recorded: Path | None = None) -> dict[str, str]:
    """The environment of a process that uses the packages of a copy; with the files that it opens recorded."""
    found = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    if recorded is not None:
        recorded.mkdir(exist_ok=True)
        found |= {"PYTHONPATH": str(ROOT / "tests/recorder"), "OPENED_FILES": str(recorded)}
    return found


def run_companion(folder: Path, *arguments: str, recorded: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of the companion in a copy of the project."""
    command = [sys.executable, "-m", "companion", *arguments]
    environment = variables(folder, recorded)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def run_graph(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake at smoke size in a copy of the project, with arguments that the command ``build`` does not have."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nolock", "--rerun-incomplete", *arguments]
    command += ["--config", "preset=smoke", "out=build/smoke"]
    environment = build.environment(folder) | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def html(smoke):
    """The built book at smoke size."""
    return smoke / "build/smoke/_build/html"


@pytest.fixture(scope="module")
def server(html):
    """Address under which this machine serves it."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *arguments: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=html)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of one file: while it is open, asyncio runs. Without it they are left out, but for CI."""
    if CHROMIUM is None:
        message = "no Chromium was found on this machine"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()
