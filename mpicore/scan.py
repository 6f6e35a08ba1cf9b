"""A simulated scan: moving objects, and all that a scanner adds to their signals, as files of the format MDF.

A recording has background frames before, between and after the objects, tones of the drive field that drift, white
noise of its own in each period and channel, and a converter of 16 bits. A calibration of the same scanner has one frame
per voxel with a sample of unit amount, and background frames between the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks, mdf
from mpicore.receive_chain import ReceiveChain
from mpicore.responses import deviation, responses, signals
from mpicore.scanner import Particle
from mpicore.seeds import generator
from mpicore.sequence import Sequence
from mpicore.system import System

Floats = NDArray[np.floating[Any]]
_VOLT_SECONDS = 1e-9  # of a sample of unit amount, in each channel
_TRACER = Particle(25e-9)
_HARMONICS = (1, 2, 3, 5)  # of each drive frequency, in the background
_TONES = 1 / np.array(_HARMONICS)  # their amplitudes
_SPOTS = 4
_HEADROOM = 1.25  # of the converter; what lies beyond is cut off
_BLOCK = 2**22  # samples that are made together
#: Voxels along z, y and x of simulated scans of one, two and three dimensions.
SHAPES = {1: (1, 1, 33), 2: (1, 17, 17), 3: (7, 7, 7)}


@dataclass(frozen=True)
class Scan:
    """How a scan goes.

    Args:
        frames: with objects.
        periods: of each frame.
        empty: background frames of each of the runs before, in the middle of and after the objects; 0 for none.
        snr_db: power of the signals over that of the noise of one period, in each channel [dB].
        background: root mean square of the tones over that of the signals, at the beginning.
        drift: of the tones' amplitude from the first to the last frame, relative to the first.
        warm_up: time constant of the drift over the time of the scan, 1 - exp(-t / warm_up), as of a scanner that warms
            up; 0 for a drift that is linear in time.
        bits: of the converter: 8, 16 or 32; 0 for numbers of float32.
        speed: turns of the fastest spot in the scan.
        seed: of all that is random.

    Raises:
        ValueError: a value out of range.
    """

    frames: int = 200
    periods: int = 2
    empty: int = 10
    snr_db: float = 5.0
    background: float = 1.0
    drift: float = 0.5
    bits: int = 16
    speed: float = 3.0
    seed: int = 0
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("frames", 1), ("periods", 1), ("empty", 0), ("seed", 0)):
            checks.count(getattr(self, name), name, minimum=least)
        checks.finite(self.snr_db, "snr_db")
        checks.at_least(self.background, "background", 0)
        checks.at_least(self.drift, "drift", -1)
        checks.at_least(self.speed, "speed", 0)
        checks.at_least(self.warm_up, "warm_up", 0)
        checks.choice(self.bits, "bits", (0, 8, 16, 32))

    def amplitudes(self, frames: int) -> NDArray[np.float64]:
        """Amplitude of the tones in each of so many frames over that in the first one, shape (frames,)."""
        time = np.linspace(0, 1, frames)
        if self.warm_up:
            time = np.expm1(-time / self.warm_up) / np.expm1(-1 / self.warm_up)
        return 1 + self.drift * time


def open_scanner(dimensions: int = 2, shape: tuple[int, int, int] | None = None) -> System:
    """A scanner like that of OpenMPIData: 2.5 MHz over 102, 96 and 99, 12 mT, gradients -1, -1, 2 T/m, sine drive.

    Three receive channels have a band-pass each. In one and two dimensions the first drive channels alone are on, and
    the voxels lie beside the middle of the other axes, so that all three coils receive.

    Args:
        dimensions: 1, 2 or 3.
        shape: voxels (nz, ny, nx); those of :data:`SHAPES` by default.

    Raises:
        ValueError: another number of dimensions.
    """
    checks.choice(dimensions, "dimensions", tuple(SHAPES))
    sequence = Sequence.sines((102, 96, 99)[:dimensions], 12e-3, (-1.0, -1.0, 2.0))
    voxels = SHAPES[dimensions] if shape is None else shape
    center = (0.0, 0.0 if dimensions > 1 else 1e-3, 0.0 if dimensions > 2 else 0.5e-3)
    fov = (24e-3, 24e-3 if voxels[1] > 1 else 0.0, 12e-3 if voxels[0] > 1 else 0.0)
    frequency = np.arange(sequence.num_samples // 2 + 1) / sequence.period
    chains = [ReceiveChain(high_pass=60e3, low_pass=corner, low_pass_order=2) for corner in (400e3, 380e3, 420e3)]
    gains = np.stack([chain.response(frequency) for chain in chains])
    gains[:, -1] = gains[:, -1].real  # the line at half the sampling frequency holds no phase
    return System(sequence, voxels, fov, center, np.eye(3), gains)


def moving_objects(system: System, scan: Scan) -> NDArray[np.float32]:
    """Spots that each wander about the field of view, so that no two frames show the same.

    Args:
        system: the voxels.
        scan: number of frames, speed and seed.

    Returns:
        Amounts of tracer in units of the sample of a calibration, shape (frames, P).
    """
    rng = generator(scan.seed, "objects")
    time = np.linspace(0, 1, scan.frames)
    extent = np.array([side if count > 1 else 0.0 for side, count in zip(system.fov, system.shape[::-1], strict=True)])
    grid = system.grid - np.array(system.center)
    found = np.zeros((scan.frames, len(grid)))
    for _ in range(_SPOTS):
        turns = scan.speed * rng.uniform(0.3, 1.0, 3)
        way = 0.36 * extent * np.sin(2 * np.pi * (turns * time[:, None] + rng.random(3)))
        width = rng.uniform(0.06, 0.11) * extent.max()
        distance = np.sum((grid - way[:, None]) ** 2, axis=-1)
        found += rng.uniform(0.4, 1.0) * np.exp(-distance / (2 * width**2))
    return found.astype(np.float32)


def clean_signals(system: System, scan: Scan, particle: Particle | None = None) -> Floats:
    """What the objects of the scan give without noise and background, shape (frames, C, V) [V]."""
    induced = signals(system, particle or _TRACER, moving_objects(system, scan))
    return _VOLT_SECONDS * induced.astype(np.float64)


def background_mask(frames: int, empty: int, runs: int = 3) -> NDArray[np.bool_]:
    """Which frames are background: as many runs of empty frames, evenly before, between and after those of objects."""
    parts = np.array_split(np.zeros(frames, bool), max(1, runs - 1))
    run = np.ones(empty, bool)
    return np.concatenate([run, *(piece for part in parts for piece in (part, run))])


def tones(system: System, seed: int) -> Floats:
    """The background of one period: harmonics of the drive frequencies, of unit power in each channel, shape (C, V)."""
    rng = generator(seed, "tones")
    V = system.sequence.num_samples
    found = np.zeros((system.channels, V))
    for cycles in system.sequence.cycles:
        for harmonic, amplitude in zip(_HARMONICS, _TONES, strict=True):
            angle = 2 * np.pi * (cycles * harmonic * np.arange(V) % V) / V
            found += amplitude * np.cos(angle + rng.uniform(0, 2 * np.pi, (system.channels, 1)))
    return found / np.sqrt(np.mean(found**2, axis=1, keepdims=True))


def recorded(clean: ArrayLike, mask: ArrayLike, hum: ArrayLike, sigma: ArrayLike, scan: Scan) -> Iterator[Floats]:
    """What the scanner records of clean signals.

    Args:
        clean: of the frames with objects, shape (O, C, V).
        mask: which frames are background, shape (N,).
        hum: the background of one period at the beginning, shape (C, V).
        sigma: standard deviation of the noise of each channel, shape (C,).
        scan: periods, drift and seed.

    Yields:
        Pieces of shape (n, J, C, V), in the order of recording.
    """
    still, empty = np.asarray(clean), np.asarray(mask, bool)
    if (~empty).sum() != len(still):
        raise ValueError(f"mask must leave {len(still)} frames with an object, got {(~empty).sum()}")
    scale, wave = np.asarray(sigma)[:, None], np.asarray(hum)
    number, drift = np.cumsum(~empty) - 1, scan.amplitudes(len(empty))
    shape = (scan.periods, *still.shape[1:])
    rng = generator(scan.seed, "noise")
    step = max(1, _BLOCK // int(np.prod(shape)))
    for start in range(0, len(empty), step):
        frames = np.arange(start, min(start + step, len(empty)))
        piece = scale * rng.standard_normal((len(frames), *shape))
        piece += drift[frames, None, None, None] * wave
        full = ~empty[frames]
        piece[full] += still[number[frames[full]], None]
        yield piece


def write_recording(
    path: str | Path, system: System, scan: Scan | None = None, particle: Particle | None = None
) -> None:
    """Simulate a recording of moving objects, and write it.

    Raises:
        OSError: the file cannot be written.
    """
    chosen, tracer = scan or Scan(), particle or _TRACER
    clean = clean_signals(system, chosen, tracer)
    mask = background_mask(chosen.frames, chosen.empty)
    hum = chosen.background * deviation(clean, 0.0)[:, None] * tones(system, chosen.seed)
    sigma = deviation(clean, chosen.snr_db)
    pieces = recorded(clean, mask, hum, sigma, chosen)
    conversion, kind = None, "float32"
    if chosen.bits:
        kind = f"int{chosen.bits}"
        rise = max(1.0, 1 + chosen.drift)
        largest = np.abs(clean).max(axis=(0, 2)) + rise * np.abs(hum).max(axis=1) + 5 * sigma
        conversion = mdf.integer_conversion(largest, kind, _HEADROOM)
        pieces = (np.clip(piece, -_HEADROOM * largest[:, None], _HEADROOM * largest[:, None]) for piece in pieces)
    acquisition, drive, receiver = _headers(system, len(mask), chosen.periods, 1, conversion)
    mdf.create(
        path,
        pieces,
        acquisition=acquisition,
        drive=drive,
        receiver=receiver,
        background=mask,
        dtype=kind,
        **_general(tracer, "moving spots", chosen),
    )


def write_calibration(
    path: str | Path,
    system: System,
    scan: Scan | None = None,
    particle: Particle | None = None,
    averages: int = 100,
) -> None:
    """Simulate a calibration of the scanner, and write it as lines, frames last, background frames at the end.

    Args:
        path: of the file.
        system: the voxels are the positions of the sample.
        scan: SNR of a single period of the samples in all positions, background and drift, and background frames of
            each run.
        particle: as in the recording.
        averages: periods that each frame is the mean of, which lowers the noise.

    Raises:
        OSError: the file cannot be written.
    """
    chosen, tracer = scan or Scan(), particle or _TRACER
    columns = np.float32(_VOLT_SECONDS) * responses(system, tracer)
    nz, ny, nx = system.shape
    runs = min(ny * nz, 16) + 1 if chosen.empty else 2
    mask = background_mask(len(columns), chosen.empty, runs)
    hum = chosen.background * deviation(columns, 0.0)[:, None] * tones(system, chosen.seed)
    sigma = deviation(columns, chosen.snr_db) / np.sqrt(checks.count(averages, "averages"))
    one = replace(chosen, frames=len(columns), periods=1, bits=0, speed=Scan.speed, seed=chosen.seed + 1)
    acquisition, drive, receiver = _headers(system, len(mask), 1, averages, None)
    size = np.array([nx, ny, nz])
    steps = np.array([side / (n - 1) if n > 1 else 1e-3 for side, n in zip(system.fov, size, strict=True)])
    mdf.create(
        path,
        recorded(columns, mask, hum, sigma, one),
        acquisition=acquisition,
        drive=drive,
        receiver=receiver,
        background=mask,
        calibration=mdf.Calibration(
            "simulation",
            (nx, ny, nz),
            field_of_view=steps * size,
            field_of_view_center=np.array(system.center),
            delta_sample_size=np.full(3, 1e-3),
        ),
        layout=mdf.calibration_layout((len(mask), 1, system.channels, system.sequence.num_samples), mask),
        **_general(tracer, "calibration", chosen),
    )


def _headers(
    system: System, frames: int, periods: int, averages: int, conversion: NDArray[np.float64] | None
) -> tuple[mdf.Acquisition, mdf.Drive, mdf.Receiver]:
    sequence = system.sequence
    F = max(len(channel) for channel in sequence.drive)
    divider = np.ones((len(sequence.drive), F), np.int64)
    strength, phase = np.zeros(divider.shape), np.zeros(divider.shape)
    for d, channel in enumerate(sequence.drive):
        for f, tone in enumerate(channel):
            # The format's sinusoid is a sine.
            divider[d, f], strength[d, f], phase[d, f] = tone.divider, tone.amplitude, tone.phase + np.pi / 2
    gradient = np.broadcast_to(np.array(sequence.gradient), (periods, 1, 3, 3))
    offset = np.broadcast_to(np.array(sequence.offset), (periods, 1, 3))
    return (
        mdf.Acquisition("", averages, periods, frames, gradient, offset),
        mdf.Drive(
            base_frequency=sequence.base_frequency,
            divider=divider,
            strength=np.broadcast_to(strength, (periods, *divider.shape)),
            phase=np.broadcast_to(phase, (periods, *divider.shape)),
            waveform=tuple(("sine",) * F for _ in sequence.drive),
            cycle=sequence.period,
        ),
        mdf.Receiver(sequence.sampling_frequency / 2, sequence.num_samples, ("V",) * system.channels, conversion),
    )


def _general(particle: Particle, name: str, scan: Scan) -> dict[str, Any]:
    options = {**vars(scan), "particle": vars(particle)}
    return {
        "study": mdf.Study("simulation", "made by mpicore simulate", number=1),
        "experiment": mdf.Experiment(name, "simulated", "none", number=1, simulated=True),
        "scanner": mdf.Scanner("simulated scanner", "mpicore", "none", "none", "FFP"),
        "provenance": [mdf.Provenance("simulated scan", options)],
    }
