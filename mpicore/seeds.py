"""One root seed, and a named branch of it for everything random: no generator is global."""

import zlib

import numpy as np

Seed = int | np.integer | np.random.SeedSequence


def branch(seed: Seed, *names: str | int) -> np.random.SeedSequence:
    """The seed of one purpose, such as ``branch(0, "test", "noise")``.

    Args:
        seed: a non-negative int or a ``SeedSequence``, which is left as it is.
        names: words or whole numbers that name the purpose; other names give independent streams.

    Raises:
        ValueError: a negative or non-integer seed.
    """
    if not isinstance(seed, np.random.SeedSequence):
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
        seed = np.random.SeedSequence(int(seed))
    key = tuple(zlib.crc32(name.encode()) if isinstance(name, str) else int(name) for name in names)
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


def generator(seed: Seed, *names: str | int) -> np.random.Generator:
    """A fresh generator on that branch: the same stream on every machine and device."""
    return np.random.default_rng(branch(seed, *names))
