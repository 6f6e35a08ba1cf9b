"""Speed as ratios of two timings in one run: ``make bench``, which writes ``benchmarks/benchmarks.csv``.

Both sides of a ratio are timed in turns, and the median time of each counts. Before that, both sides must agree. The
table says on which processor, with how many cores and when it was measured, and how busy the machine was before it.
"""

import argparse
import datetime
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import plain, recordings, steps
from companion import experiments
from mpicore import denoisers, files
from mpicore.datasets import recorded_matrix, xspace
from mpicore.noise import Noise
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import frequency_components, kaczmarz
from mpicore.responses import response_blocks, responses
from mpicore.scanner import Particle, Scanner
from mpicore.seeds import generator
from mpicore.simulation import system_matrix
from mpicore.system import System

#: Denoisers that are timed, and those among them that train, with the sizes of the preset ``paper``.
DENOISERS = (
    "antisymmetric",
    "low_pass",
    "savitzky_golay",
    "wavelet",
    "wiener",
    "wiener_antisymmetric",
    "singular_values",
    "linear_n2n",
    "gp_wiener",
    "forward_n2n",
)
MATRIX_DENOISERS = ("svd_shrinkage", "dct_wiener", "dct_wiener_twice")
NETWORKS = {"proposed": {"width": 16, "dropout": 0.02}, "forward_n2n": {"width": 24}}
COLUMNS = ["key", "name", "baseline", "candidate", "baseline_seconds", "candidate_seconds", "ratio", "required"]
Row = tuple[str, str, str, str, float | None, float | None, float, float | None]


def main() -> None:
    """Run every benchmark, print the ratios and write them as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="CSV file to write")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer repetitions: a test of this file")
    threads = "threads of PyTorch, default: all cores (those of NumPy follow OPENBLAS_NUM_THREADS)"
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help=threads)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), help="parts, whose rows alone are replaced")
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"--threads must be at least 1, got {options.threads}")
    torch.set_num_threads(options.threads)
    described = machine()
    rows: list[Row] = []
    for name in options.only or BENCHMARKS:
        started = time.perf_counter()
        print(f"{name.replace('_', ' ')} ...", end=" ", flush=True)
        rows += BENCHMARKS[name](options.quick, options.threads)
        print(f"{time.perf_counter() - started:.0f} s", flush=True)
    table = pd.DataFrame(rows, columns=COLUMNS).assign(**described)
    if options.only and Path(options.output).exists():
        before = pd.read_csv(options.output).set_index("key")
        new = table.set_index("key")
        order = [*before.index, *(key for key in new.index if key not in before.index)]
        table = pd.concat([before.drop(new.index, errors="ignore"), new]).loc[order].reset_index()
    files.write_text(options.output, table.to_csv(index=False))
    print(report(table))


def machine() -> dict[str, str | int | float]:
    """Processor, number of its cores that this process may use, today's date, and how many processes want a core."""
    name = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")  # Linux alone
    if described.exists():
        lines = [line.split(":", 1)[1].strip() for line in described.read_text().splitlines() if "model name" in line]
        name = lines[0] if lines else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": name,
        "cores": cores,
        "date": datetime.date.today().isoformat(),
        "load": round(os.getloadavg()[0], 1),
    }


def report(table: pd.DataFrame) -> str:
    """The table as lines of text, with a verdict where a ratio is required."""
    lines = [f"{'ratio':>8s}  {'':24s}{'baseline':>8s}  {'here [s]':>8s}"]
    for row in table.to_dict("records"):
        required, verdict = row["required"], ""
        if pd.notna(required):
            verdict = f"{required:.3g} is met" if row["ratio"] >= required else f"below the required {required:.3g}"
        times = "  ".join(
            f"{row[side]:8.3g}" if pd.notna(row[side]) else 8 * " "
            for side in ("baseline_seconds", "candidate_seconds")
        )
        lines.append(f"{row['ratio']:8.2f}  {verdict:24s}{times}  {row['name']}, against {row['baseline']}")
    return "\n".join(lines)


def system_matrices(quick: bool, threads: int) -> list[Row]:
    """The system matrix against a loop over samples, and against writing the array with one tanh per entry."""
    size = {"shape": (31, 31)} if quick else {}
    particle, rows = Particle(), []
    for name, scanner in (("Cartesian", Scanner.cartesian(**size)), ("Lissajous", Scanner.lissajous(**size))):
        expected = plain.system_matrix(scanner, particle, 0)
        _agree(system_matrix(scanner, particle), expected, 1e-5, "system_matrix")
        argument, written = torch.from_numpy(expected), torch.empty(expected.shape)
        slow, fast, least = _medians(
            3 if quick else 5,
            lambda scanner=scanner: plain.system_matrix(scanner, particle, 0),
            lambda scanner=scanner: system_matrix(scanner, particle),
            lambda argument=argument, written=written: torch.tanh(argument, out=written),
        )
        what = f"system matrix, {name}, {expected.shape[0]} x {expected.shape[1]}"
        rows.append(_row(name.lower(), what, "a NumPy loop over samples", slow, fast, 3.0))
        limit = f"{what}: the machine's limit"
        rows.append(_row(f"{name.lower()}_limit", limit, "writing it with one tanh per entry", least, fast))
    return rows


def systems_in_space(quick: bool, threads: int) -> list[Row]:
    """One channel of the open data's system in 3-D, row by row, against writing the array with one tanh per entry."""
    particle, planar = Particle(), Scanner.cartesian(shape=(11, 11))
    same = System(planar.sequence, (1, 11, 11), (*planar.fov, 0.0))
    _agree(responses(same, particle, 0)[:, 0], system_matrix(planar, particle).T, 1e-5, "responses")
    system = System.open_data((3, 5, 19) if quick else (19, 19, 19))
    nz, ny, nx = system.shape
    argument = 40 * torch.rand(nx, system.sequence.num_samples)
    written = torch.empty(nz * ny, *argument.shape)

    def write() -> None:
        for row in written:
            torch.tanh(argument, out=row)

    def stream() -> None:
        for _ in response_blocks(system, particle, 0):
            pass

    name, rows = f"system matrix in 3-D, one channel, {len(system.grid)} x {system.sequence.num_samples}", []
    for used in sorted({1, threads}):
        torch.set_num_threads(used)
        least, fast = _medians(1 if quick else 5, write, stream)
        what = f"{name}, {used} thread{'s' if used > 1 else ''}"
        key = "space_limit" if used == 1 else f"space_limit_{used}"
        rows.append(_row(key, what, "writing it with one tanh per entry", least, fast, 1 / 3))
    torch.set_num_threads(threads)
    return rows


def data_generation(quick: bool, threads: int) -> list[Row]:
    """The parts of making noisy signals, in seconds per 1000 signals; the product is the machine's limit."""
    count = 200 if quick else 10_000
    scanner, noise = Scanner.cartesian(**({"shape": (31, 31)} if quick else {})), Noise(snr_db=5.0)
    response = system_matrix(scanner, Particle()).T
    phantoms = random_phantoms(count, scanner.shape, 0).reshape(count, -1)
    signals = phantoms @ response
    few = phantoms[: count // 100]
    singly, product, drawing, recording = _medians(
        1,
        lambda: [phantom @ response for phantom in few],
        lambda: np.matmul(phantoms, response, out=signals),
        lambda: random_phantoms(count, scanner.shape, 0),
        lambda: noise.record(signals, scanner, generator(0)),
        warm=False,
    )
    singly *= 1000 / len(few)
    product, drawing, recording = (1000 / count * seconds for seconds in (product, drawing, recording))
    alone = "their product with the system matrix"
    return [
        _row("signals", "clean signals of 1000 phantoms", "one phantom at a time", singly, product),
        _row("phantoms", "1000 random phantoms", alone, product, drawing),
        _row("noise", "two noisy periods of 1000 signals", alone, product, recording),
        _row("generation", "phantoms, signals and noise, 1000 of each", alone, product, product + drawing + recording),
    ]


def training_steps(quick: bool, threads: int) -> list[Row]:
    """A training step at width 16 and batch 4 against plain 1-D convolutions, on one thread and on all."""
    samples = 990 if quick else 4950
    network, reference = (module.eval() for module in steps.networks())
    u = steps.signals(samples)[0][:, None]
    with torch.no_grad():
        _agree(network(u).numpy(), reference(u).numpy(), 1e-5, "network")
    rows = []
    with steps.workers(samples) as connections:
        for used in sorted({1, threads}):
            slow, fast = steps.seconds_per_step(connections, used, rounds=2 if quick else 60)
            name = f"training step, N = {samples}, {used} thread{'s' if used > 1 else ''}"
            rows.append(_row(f"step_{used}", name, "plain 1-D convolutions", slow, fast, 1.3))
    return rows


def denoisers_in_turn(quick: bool, threads: int) -> list[Row]:
    """Denoising a signal and training on it, against the paper's network; fitted to few signals, for the time alone."""
    titles = {method.denoiser: method.title for method in reversed(experiments.read().methods.values())}
    scanner, noise = Scanner.cartesian(**({"shape": (31, 31)} if quick else {})), Noise(snr_db=5.0)
    data = xspace((40 if quick else 200, 8, 20 if quick else 200), noise, 0, scanner)
    fitted, signals = {}, len(data.train)
    for name in ("proposed", *DENOISERS):
        options: dict[str, Any] = {"scanner": scanner} if denoisers.find(name).needs_scanner else {}
        if name in NETWORKS:
            options |= {"training": {"epochs": 1, "batch_size": 4}} | NETWORKS[name]
        fitted[name] = denoisers.create(name, **options).fit(*data.train.arrays, validation=data.validation)
    u = data.test.u1
    times = _medians(2 if quick else 5, *(lambda d=d: d.denoise(u) for d in fitted.values()))
    own = dict(zip(fitted, times / len(u), strict=True))
    network = "the paper's network"
    rows = [_row("denoise_network", f"denoising a signal: {network}", network, own["proposed"], own["proposed"])]
    rows += [
        _row(f"denoise_{name}", f"denoising a signal: {titles[name]}", network, own["proposed"], own[name])
        for name in DENOISERS
    ]
    side = 31 if quick else 51
    small = Scanner.lissajous(shape=(side, side))
    matrix = recorded_matrix(noise, 0, small)
    whole = {name: denoisers.create(name, scanner=small).fit(*matrix.arrays) for name in MATRIX_DENOISERS}
    passes = denoisers.create("proposed", **NETWORKS["proposed"], training={"epochs": 1})
    passes.fit(matrix.u1[:8], matrix.u2[:8])
    times = _medians(1, *(lambda d=d: d.denoise(matrix.u1) for d in (passes, *whole.values())))
    for name, seconds in zip(whole, times[1:] / len(matrix), strict=True):
        what = f"denoising a column: {titles[name]}"
        rows.append(_row(f"denoise_{name}", what, network, times[0] / len(matrix), seconds))
    pace = {name: fitted[name].history[-1]["seconds"] / signals for name in NETWORKS}
    what = "training on a signal: N2N through the forward model"
    return [*rows, _row("train_forward_n2n", what, network, pace["proposed"], pace["forward_n2n"])]


def kaczmarz_images(quick: bool, threads: int) -> list[Row]:
    """100 images swept together against one image at a time in a loop over rows, per image."""
    scanner = Scanner.lissajous(**({"shape": (31, 31)} if quick else {}))
    spectra = frequency_components(system_matrix(scanner, Particle()).T)
    strongest = np.sort(np.argsort(-np.linalg.norm(spectra, axis=0))[:300])
    A = np.ascontiguousarray(spectra[:, strongest].T)
    u = random_phantoms(100, scanner.shape, 0).reshape(100, -1) @ A.T
    settings = {"relative_lambda": 0.01, "sweeps": 3 if quick else 10}
    _agree(kaczmarz(A, u, **settings)[0], plain.kaczmarz(A, u[0], **settings), 1e-3, "kaczmarz")
    slow, together = _medians(
        3 if quick else 10, lambda: plain.kaczmarz(A, u[0], **settings), lambda: kaczmarz(A, u, **settings)
    )
    name = f"Kaczmarz, {len(A)} rows, {len(u)} images, per image"
    return [_row("kaczmarz", name, "a NumPy loop over rows", slow, together / len(u), 25.0)]


def commands_on_files(quick: bool, threads: int) -> list[Row]:
    """Whole commands, start and learning included, on files of 16-bit integers that are made on the spot."""
    size, large = (2 * 10**6, 10**7) if quick else (4 * 10**8, 4 * 10**9)
    with tempfile.TemporaryDirectory() as folder:
        small, big = Path(folder) / "small.mdf", Path(folder) / "big.mdf"
        made, copied = Path(folder) / "made.mdf", Path(folder) / "copied.mdf"
        recordings.write(small, size)
        denoise = ("denoise", small, "-o", made, "--method", "wiener", "--quiet")
        copying, denoising = _medians(
            1 if quick else 3,
            lambda: recordings.run(recordings.COPY, small, copied),
            lambda: recordings.run(recordings.COMMAND, *denoise),
            warm=False,
        )
        made.unlink()
        copied.unlink()
        recordings.write(big, large)
        few, many = _medians(
            1 if quick else 5,
            lambda: recordings.run(recordings.COMMAND, "info", small),
            lambda: recordings.run(recordings.COMMAND, "info", big),
            warm=not quick,
        )
        computing = np.median([recordings.run(recordings.COMMAND, "info", big)[0] for _ in range(1 if quick else 3)])
        small.unlink()
        limited = ("denoise", big, "-o", made, "--method", "wiener", "--quiet")
        peak = 1024 * int(recordings.run(recordings.LIMITED, *limited)[1].split("peak")[1])
    amount, whole = f"{size / 1e6:.0f} MB", f"{large / 1e9:g} GB"
    return [
        _row(
            "file_denoise",
            f"mpicore denoise --method wiener, {amount} of integers, learning included",
            "copying the file with one FFT forth and back",
            copying,
            denoising,
            1 / 3,
        ),
        _row("file_info", f"mpicore info, {whole}, time of computing", "one second", 1.0, float(computing), 1.0),
        _row("file_info_size", f"mpicore info, {whole}", f"the same of {amount}", few, many),
        (
            "file_memory",
            f"peak memory of mpicore denoise, {whole}, with 3 GB of addresses",
            "1 GB",
            "mpicore",
            None,
            None,
            1e9 / peak,
            1.0,
        ),
    ]


def _row(
    key: str,
    name: str,
    baseline: str,
    baseline_seconds: float,
    candidate_seconds: float,
    required: float | None = None,
) -> Row:
    ratio = baseline_seconds / candidate_seconds
    return key, name, baseline, "mpicore", baseline_seconds, candidate_seconds, ratio, required


def _medians(repeats: int, *functions: Callable[[], Any], warm: bool = True) -> np.ndarray:
    """Median time of each function [s], called in turns, after one call of each to warm up."""
    times = np.empty((repeats, len(functions)))
    for repeat in range(-warm, repeats):
        for number, function in enumerate(functions):
            started = time.perf_counter()
            function()
            if repeat >= 0:
                times[repeat, number] = time.perf_counter() - started
    return np.median(times, axis=0)


def _agree(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str) -> None:
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if not error <= tolerance:
        raise SystemExit(f"{name}: both sides must agree to {tolerance:g}, they differ by {error:.1e}")


#: The parts, in their order.
BENCHMARKS = {
    benchmark.__name__: benchmark
    for benchmark in (
        system_matrices,
        systems_in_space,
        data_generation,
        training_steps,
        denoisers_in_turn,
        kaczmarz_images,
        commands_on_files,
    )
}

if __name__ == "__main__":
    main()
