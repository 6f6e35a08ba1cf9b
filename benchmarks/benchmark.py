"""Speed as ratios of two timings in one run: ``python -m benchmarks.benchmark --output results/benchmarks.csv``.

Both sides of a ratio are timed in turns, and the fastest time of each counts. Before that, both sides must agree.
"""

import argparse
import os
import time

import numpy as np
import pandas as pd
import torch

from benchmarks import plain
from mpicore import files
from mpicore.datasets import Noise
from mpicore.losses import composed_loss
from mpicore.network import EncoderDecoder
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import frequency_components, kaczmarz
from mpicore.seeds import generator
from mpicore.simulation import Particle, Scanner, system_matrix

COLUMNS = ["name", "baseline", "candidate", "baseline_seconds", "candidate_seconds", "ratio", "required"]


def main():
    """Run every benchmark, print the ratios and write them as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="CSV file to write")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer repetitions: a test of this file")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="processor threads; default: all cores")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    repeats = 1 if options.quick else 5
    rows = []
    for benchmark in (system_matrices, data_generation, training_steps, kaczmarz_images):
        print(f"{benchmark.__name__.replace('_', ' ')} ...", flush=True)
        rows += benchmark(options.quick, repeats, options.threads)
    table = pd.DataFrame(rows, columns=COLUMNS)
    files.write_text(options.output, table.to_csv(index=False))
    for row in table.to_dict("records"):
        verdict = ""
        if pd.notna(row["required"]):
            verdict = "ok" if row["ratio"] >= row["required"] else f"below the required {row['required']:g}"
        print(f"{row['ratio']:8.2f}  {row['name']} against {row['baseline']}  {verdict}")


def system_matrices(quick, repeats, threads):
    """The system matrix against a loop over samples, and against writing the array with one tanh per entry."""
    size = {"shape": (31, 31)} if quick else {}
    particle, rows = Particle(), []
    for name, scanner in (("Cartesian", Scanner.cartesian(**size)), ("Lissajous", Scanner.lissajous(**size))):
        matrix = system_matrix(scanner, particle)
        reference = plain.system_matrix(scanner, particle, 0)
        _agree(matrix, reference, 1e-4, "system_matrix")
        argument = torch.from_numpy(reference)

        def limit(argument=argument):
            return torch.tanh(argument)

        def ours(scanner=scanner):
            return system_matrix(scanner, particle)

        def loop(scanner=scanner):
            return plain.system_matrix(scanner, particle, 0)

        slow, fast, least = _time(min(repeats, 3), loop, ours, limit)
        what = f"system matrix, {name}, {matrix.shape[0]} x {matrix.shape[1]}"
        rows.append((what, "a NumPy loop over samples", "mpicore", slow, fast, slow / fast, 3.0))
        rows.append(
            (
                f"{what}: the machine's limit",
                "writing it with one tanh per entry",
                "mpicore",
                least,
                fast,
                least / fast,
                None,
            )
        )
    return rows


def data_generation(quick, repeats, threads):
    """All signals as one matrix product, and its share of making the data."""
    count = 200 if quick else 10_000
    scanner = Scanner.cartesian(shape=(31, 31)) if quick else Scanner.cartesian()
    response = system_matrix(scanner, Particle()).T
    started = time.perf_counter()
    phantoms = random_phantoms(count, scanner.shape, 0).reshape(count, -1)
    drawn = time.perf_counter()
    signals = phantoms @ response
    multiplied = time.perf_counter()
    Noise(snr_db=5.0).record(signals, scanner, generator(0))
    total = time.perf_counter() - started
    product = multiplied - drawn
    few = phantoms[: max(1, count // 100)]
    started = time.perf_counter()
    for phantom in few:
        phantom @ response
    loop = (time.perf_counter() - started) * count / len(few)
    what = f"signals of {count} phantoms"
    return [
        (what, "one phantom at a time", "one matrix product", loop, product, loop / product, None),
        (
            f"{what}: the product's share",
            "the product alone",
            "phantoms, product and noise",
            product,
            total,
            product / total,
            None,
        ),
    ]


def training_steps(quick, repeats, threads):
    """A training step at batch 4 and N = 4950 against plain 1-D convolutions, on one thread and on all."""
    samples = 990 if quick else 4950
    torch.manual_seed(0)
    u, target = torch.randn(4, 1, samples), torch.randn(4, samples)
    rows = []
    for used in sorted({1, threads}):
        torch.set_num_threads(used)
        network = EncoderDecoder(width=16, dropout=0.02).eval()
        reference = plain.Network(network).eval()
        with torch.no_grad():
            _agree(network(u).numpy(), reference(u).numpy(), 1e-5, "network")
        ours = _step(network, torch.optim.Adam(network.parameters(), fused=True), u, target)
        theirs = _step(reference, torch.optim.Adam(reference.parameters()), u, target)
        slow, fast = _time(8 * repeats, theirs, ours)
        name = f"training step, N = {samples}, {used} thread{'s' if used > 1 else ''}"
        rows.append((name, "plain 1-D convolutions", "mpicore", slow, fast, slow / fast, 1.3))
    return rows


def kaczmarz_images(quick, repeats, threads):
    """100 images swept together against one image at a time in a loop over rows, per image."""
    scanner = Scanner.lissajous(shape=(31, 31)) if quick else Scanner.lissajous()
    spectra = frequency_components(system_matrix(scanner, Particle()).T)
    strongest = np.sort(np.argsort(-np.linalg.norm(spectra, axis=0))[:300])
    A = np.ascontiguousarray(spectra[:, strongest].T)
    phantoms = random_phantoms(100, scanner.shape, 0).reshape(100, -1)
    u = phantoms @ A.T
    settings = {"relative_lambda": 0.01, "sweeps": 3 if quick else 10}
    first = plain.kaczmarz(A, u[0], **settings)
    _agree(kaczmarz(A, u[:1], **settings)[0], first, 1e-3, "kaczmarz")
    slow, together = _time(
        min(repeats, 3), lambda: plain.kaczmarz(A, u[0], **settings), lambda: kaczmarz(A, u, **settings)
    )
    name = f"Kaczmarz, {len(A)} rows, 100 images, per image"
    return [(name, "a NumPy loop over rows", "mpicore", slow, together / 100, 100 * slow / together, 20.0)]


def _step(network, optimizer, u, target):
    network.train()

    def step():
        optimizer.zero_grad()
        composed_loss(network(u)[:, 0], target).backward()
        optimizer.step()

    return step


def _time(repeats, *functions):
    """Fastest time of each function [s], called in turns after one call to warm up."""
    best = [float("inf")] * len(functions)
    for function in functions:
        function()
    for _ in range(repeats):
        for number, function in enumerate(functions):
            started = time.perf_counter()
            function()
            best[number] = min(best[number], time.perf_counter() - started)
    return best


def _agree(found, expected, tolerance, name):
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if error > tolerance:
        raise SystemExit(f"{name}: both sides must agree to {tolerance:g}, they differ by {error:.1e}")


if __name__ == "__main__":
    main()
