"""Damage files of many layouts at random, and read each in a process of its own: python tests/mdf_fuzz.py FOLDER COUNT.

Prints one JSON line: how many are read, refused, refused by the guard as the library dies or does not end, and what
must not be: other errors, deaths after the guard, and files that were written.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from mdf_files import calibration, compressed, spectra, store, tables, truth

from mpicore.mdf import guard, recording

# Numbers that lengths, offsets and versions are replaced by.
_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**40, 2**62, 2**63, 2**64 - 1)


def layouts(folder):
    """Small files of all layouts and ways to store them, as bytes."""
    few = truth(3, 1, 1, 12)
    mask = np.array([False] * 4 + [True])
    sparse, _ = compressed(truth(5, 1, 1, 12), mask, (2, 2, 1), "DCT-II", 3)
    fourier = {"/measurement/isFourierTransformed": np.int8(1), "/measurement/data": spectra(few)}
    chunked = {"chunks": (1, 1, 1, 12), "compression": "gzip", "shuffle": True, "fletcher32": True}
    user = {"/_room/_temperature": 20.5, "/calibration/snr": np.ones((1, 1, 7))}
    kinds = [
        (tables(few), {}, {}),
        (tables(few) | fourier, {}, {"libver": "latest"}),
        (tables(few), chunked, {}),
        (tables(few), chunked, {"libver": "latest"}),
        (tables(few) | calibration((3, 1, 1)) | user, {"maxshape": (None, 1, 1, 12)}, {"userblock_size": 512}),
        (sparse, {}, {}),
    ]
    return [store(folder / f"{k}.mdf", *kind[:2], **kind[2]).read_bytes() for k, kind in enumerate(kinds)]


def damaged(data, rng):
    """A copy with a few wounds of one kind."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(len(found)))
        kind = rng.integers(7)
        if kind == 0:
            found[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            found[place] = int(rng.integers(256))
        elif kind == 2:
            width = int(rng.choice([1, 2, 4, 8]))
            value = int(_NUMBERS[rng.integers(len(_NUMBERS))]) % 256**width
            found[place : place + width] = value.to_bytes(width, "little")
        elif kind == 3:
            found[place : place + int(rng.integers(1, 64))] = rng.bytes(int(rng.integers(1, 64)))
        elif kind == 4:
            other, length = int(rng.integers(len(found))), int(rng.integers(1, 256))
            found[place : place + length] = found[other : other + length]
        elif kind == 5 and len(found) > 600:
            # An address of the file in place of another number: cycles.
            found[place // 8 * 8 : place // 8 * 8 + 8] = int(rng.integers(len(found))).to_bytes(8, "little")
        elif kind == 6 and rng.random() < 0.1:
            del found[place:]
            if not found:
                break
    return bytes(found)


def outcome(path, seconds):
    """How reading a file ends in a process of its own, how long it takes, and the memory of it in MiB."""
    reading, writing = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        guard.limit()
        signal.setitimer(signal.ITIMER_PROF, seconds)  # of computing
        said = b"e"
        try:
            guard.inspect(path)
            os.write(writing, b"g")  # from here on the process of the caller reads
            said = b"r"
            with contextlib.redirect_stderr(None):
                recording.check = lambda path: None
                found = recording.read(path)
                if found.layout is not None:
                    found.signals()
        except (ValueError, OSError) as error:
            said = b"f" if "\n" not in str(error) and str(path) in str(error) else b"e"
        except BaseException as error:
            said = b"e" + repr(error)[:200].encode()
        os.write(writing, said)
        os._exit(0)
    os.close(writing)
    _, status, usage = os.wait4(child, 0)
    said = os.read(reading, 1000).decode()
    os.close(reading)
    passed, last = said.startswith("g"), said.lstrip("g")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        kind = f"{'late ' if passed else ''}{'no end' if name in ('SIGPROF', 'SIGXCPU') else name}"
    elif last == "f":
        kind = "late refusal" if passed else "refused"
    else:
        kind = "read" if last == "r" else f"error {last[1:]}"
    return kind, time.monotonic() - started, usage.ru_maxrss / 1024


def main(folder, count, seed=0):
    folder = Path(folder)
    (folder / "whole").mkdir(parents=True, exist_ok=True)
    whole = layouts(folder / "whole")
    rng = np.random.default_rng(seed)
    kinds, slowest, largest, examples, started = Counter(), 0.0, 0.0, {}, time.monotonic()
    path = folder / "damaged.mdf"
    for number in range(count):
        path.write_bytes(damaged(whole[number % len(whole)], rng))
        kind, seconds, memory = outcome(path, 1.0)
        kinds[kind] += 1
        slowest, largest = max(slowest, seconds), max(largest, memory)
        if kind not in ("read", "refused", "late refusal") and kind not in examples:
            examples[kind] = number
            (folder / f"{kind.split()[0]}-{number}.mdf").write_bytes(path.read_bytes())
    written = sorted(set(os.listdir(folder)) - {"whole", "damaged.mdf"})
    told = {"count": count, "kinds": kinds, "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(told | {"slowest": slowest, "memory": largest, "kept": written}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))
