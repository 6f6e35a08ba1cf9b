"""Recordings of any size, commands on them, and what these are timed against: copying a file with a transform."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from mpicore import scan

_AT_ONCE = 2**24  # bytes of raw integers that are read and written together
_DATA = "/measurement/data"
_CONVERSION = "/acquisition/receiver/dataConversionFactor"


def write(path: Path, size: int) -> None:
    """A file of at least that many bytes: a simulated scan of 16-bit integers, three channels, over and over again."""
    scan.write_recording(path, scan.open_scanner(2), scan.Scan(frames=200, empty=20, drift=0.0))
    with h5py.File(path, "r+") as file:
        raw, mask = file[_DATA][()], file["/measurement/isBackgroundFrame"][()]
        times = -(-size // raw.nbytes)
        for name in (_DATA, "/measurement/isBackgroundFrame", "/acquisition/numFrames"):
            del file[name]
        file["/acquisition/numFrames"] = np.int64(times * len(raw))
        file["/measurement/isBackgroundFrame"] = np.tile(mask, times)
        data = file.create_dataset(_DATA, (times * len(raw), *raw.shape[1:]), raw.dtype)
        for start in range(0, len(data), len(raw)):
            data[start : start + len(raw)] = raw


def copy_with_transform(path: Path, target: Path) -> None:
    """Read the integers, bring them to volts, transform, transform back, and write them in single precision."""
    with h5py.File(path) as source, h5py.File(target, "w") as file:
        raw, conversion = source[_DATA], source[_CONVERSION][()].astype(np.float32)
        data = file.create_dataset(_DATA, raw.shape, np.float32)
        step = max(1, _AT_ONCE // (raw.dtype.itemsize * int(np.prod(raw.shape[1:]))))
        for start in range(0, len(raw), step):
            signals = raw[start : start + step].astype(np.float32)
            signals *= conversion[:, :1]
            signals += conversion[:, 1:]
            data[start : start + step] = np.fft.irfft(np.fft.rfft(signals), raw.shape[-1])
    with open(target, "rb") as stream:  # as the commands do
        os.fsync(stream.fileno())


def run(program: str, *arguments: str | Path) -> tuple[float, str]:
    """Run a Python program in a process of its own; returns the computing time of it and its children [s], its output.

    Raises:
        SystemExit: it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{program} {arguments}: {found.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, found.stdout


#: The console script, a copy with a transform, and the console script with 3 GB of addresses, which tells its peak.
COMMAND = "import sys; from mpicore.commands import main; sys.exit(main())"
COPY = """
import sys; from pathlib import Path; from benchmarks.recordings import copy_with_transform
copy_with_transform(*map(Path, sys.argv[1:]))
"""
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
from mpicore.commands import main
if main(): sys.exit(1)
# Not ru_maxrss, which a process takes over from the one that starts it.
print("peak", open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
