"""Small files in the layout of the measured ones, whose chain is known, and the list that names them."""

import csv
import hashlib
from pathlib import Path

import h5py
import numpy as np

SAMPLES, RATE, EMPTY = 152, 3.90625e6, (0, 10, 20)
DELAY = 9 / RATE  #: of the simulated chain [s]


def odd_signals(count: int, seed: int = 0) -> np.ndarray:
    """Random sums of sines, whose first harmonics are strong, shape (count, N)."""
    harmonics = np.arange(1, 13)
    waves = np.sin(2 * np.pi * np.multiply.outer(harmonics, np.arange(SAMPLES)) / SAMPLES)
    return np.random.default_rng(seed).standard_normal((count, 12)) / harmonics @ waves


def late(u: np.ndarray, seconds: float, rate: float = RATE) -> np.ndarray:
    """Band-limited periods, later in time: the sum of their Fourier series at other times, not a transform back."""
    samples = u.shape[1]
    lines = np.fft.rfft(u, axis=1)[:, 1 : samples // 2]
    times = np.arange(samples) - seconds * rate
    waves = np.exp(2j * np.pi * np.multiply.outer(np.arange(1, samples // 2), times) / samples)
    return 2 * np.real(lines @ waves) / samples


def calibration(seed: int) -> np.ndarray:
    """30 rows, of which 3 are empty: signals behind the delay, on a background, with a little noise."""
    rng = np.random.default_rng([seed, 1])
    rows = 20 * np.ones(SAMPLES) + 0.2 * np.cos(2 * np.pi * np.arange(SAMPLES) / SAMPLES)
    rows = rows + 1e-3 * rng.standard_normal((30, SAMPLES))
    rows[~np.isin(np.arange(30), EMPTY)] += late(odd_signals(27, seed), DELAY)
    return rows


def write(folder: Path) -> Path:
    """A folder like the repository, and its list; returns the list."""
    paths = {
        "licence": "LICENSE.md",
        "first": "example/first.h5",
        "second": "example/test/second.h5",
        "recorder": "example/recorder.mdf",
        "chains": "tf/chains.h5",
    }
    for path in paths.values():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / paths["licence"]).write_text("Do what you like.\n")
    for seed, part in enumerate(("first", "second")):
        with h5py.File(folder / paths[part], "w") as file:
            file["matrix"] = calibration(seed)
    with h5py.File(folder / paths["recorder"], "w") as file:
        _recorder(file)
    with h5py.File(folder / paths["chains"], "w") as file:
        frequency = np.linspace(10e3, 1.2e6, 400)
        response = np.exp(-2j * np.pi * frequency * DELAY) / (1 - (frequency / 6e5) ** 2 + 0.05j * frequency / 6e5)
        file["frequencies"] = frequency
        file["transferFunction"] = np.stack([[part.real, part.imag] for part in 3 * [response]]).swapaxes(1, 2)
    target = folder / "files.csv"
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["part", "path", "sha256", "what"])
        for part, path in paths.items():
            writer.writerow([part, path, hashlib.sha256((folder / path).read_bytes()).hexdigest(), f"the {part}"])
    return target


def _recorder(file: h5py.File) -> None:
    """What an MDF file says of how it was recorded, in the names of its early version."""
    text = {"version": "2.0", "uuid": "0c254785-9b0f-4736-8c36-fc8c7f0a00bb", "time": "2018-04-19T09:49:08.839"}
    study = {"name": "a", "number": 0, "uuid": "0c254785-9b0f-4736-8c36-fc8c7f0a00bb", "description": ""}
    for name, value in text.items():
        file[name] = value
    for name, value in study.items():
        file[f"study/{name}"] = value
        file[f"experiment/{name}"] = value
    file["experiment/subject"], file["experiment/isSimulation"] = "", np.int8(0)
    for name in ("facility", "manufacturer", "name", "operator", "topology"):
        file[f"scanner/{name}"] = "FFP"
    values = {
        "startTime": "2018-04-19T09:49:08.814", "numAverages": 1000, "numFrames": 9, "numPeriods": 1,
        "drivefield/baseFrequency": 125e6, "drivefield/cycle": SAMPLES / RATE, "drivefield/divider": [[4864]],
        "drivefield/numChannels": 1, "drivefield/phase": [[[0.0]]], "drivefield/strength": [[[0.005]]],
        "drivefield/waveform": "sine", "receiver/bandwidth": RATE / 2, "receiver/numChannels": 1,
        "receiver/numSamplingPoints": SAMPLES, "receiver/unit": "V",
    }  # fmt: skip
    for name, value in values.items():
        file[f"acquisition/{name}"] = value
