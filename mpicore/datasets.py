"""The paper's two data sets, at any size, with noise that is drawn once and frozen.

A denoiser sees :class:`Recordings` alone: two noisy periods of each object. Clean signals exist for test signals only.
"""

from dataclasses import dataclass

import numpy as np

from mpicore import checks
from mpicore.noise import coloured_power, two_periods
from mpicore.phantoms import other_phantoms, random_phantoms
from mpicore.recordings import Recordings, TestSignals
from mpicore.scanner import Particle, Scanner
from mpicore.seeds import branch, generator
from mpicore.simulation import system_matrix
from mpicore.truth import Truth


@dataclass(frozen=True)
class Noise:
    """The noise of a recorded period, as power ratios to each signal's own mean power.

    Args:
        snr_db: of the white Gaussian noise [dB].
        sir_db: of the harmonic interference [dB]; ``None`` for none.
        harmonics: of the x drive frequency at which the interference sits, equal power each.
        phase_locked: the interference has the same phases in both periods.
        colour: of the Gaussian noise, whose power falls as 1 / f^colour; 0 for white noise.
        spike_db: signal power over the power of spikes [dB]; ``None`` for none.
        spike_rate: share of the samples that a spike hits.
    """

    snr_db: float
    sir_db: float | None = None
    harmonics: tuple[int, ...] = (2, 3, 5)
    phase_locked: bool = False
    colour: float = 0.0
    spike_db: float | None = None
    spike_rate: float = 0.001

    def __post_init__(self):
        checks.finite(self.snr_db, "snr_db")
        if self.sir_db is not None:
            checks.finite(self.sir_db, "sir_db")
        for harmonic in self.harmonics:
            checks.count(harmonic, "harmonics")

    @property
    def total_snr_db(self) -> float:
        """Signal power over the power of all noise together [dB]."""
        ratios = [ratio for ratio in (self.snr_db, self.sir_db, self.spike_db) if ratio is not None]
        return float(-10 * np.log10(sum(10 ** (-ratio / 10) for ratio in ratios)))

    def autocovariance(self, scanner: Scanner) -> np.ndarray:
        """Expected product of two noise samples of a signal of unit power, at lags 0 to N-1; shape (N,)."""
        lags = np.arange(scanner.num_samples)
        found = 10 ** (-self.snr_db / 10) * np.fft.irfft(coloured_power(self.colour, lags.size), lags.size)
        if self.spike_db is not None:
            found[0] += 10 ** (-self.spike_db / 10)
        if self.sir_db is not None:
            cycles = scanner.drive_frequency[0] / scanner.sampling_frequency * np.array(self.harmonics)
            found += 10 ** (-self.sir_db / 10) * np.cos(2 * np.pi * np.outer(lags, cycles)).mean(axis=1)
        return found

    def record(self, u, scanner: Scanner, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two noisy periods, each (n, N), of the clean signals u (n, N)."""
        frequencies = [harmonic * scanner.drive_frequency[0] for harmonic in self.harmonics]
        return two_periods(
            u, rng, self.snr_db, self.sir_db, frequencies, scanner.sampling_frequency, self.phase_locked,
            self.colour, self.spike_db, self.spike_rate,
        )  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """Training and validation recordings, and the test set.

    Attributes:
        scanner: whose period the signals are.
        train, validation: noisy pairs.
        test: noisy pairs with the truth.
        matrix: for the system matrix all P columns in pixel order, else ``None``.
        pixels: for the system matrix the pixel numbers of each split, else ``None``.
    """

    scanner: Scanner
    train: Recordings
    validation: Recordings
    test: TestSignals
    matrix: TestSignals | None = None
    pixels: dict[str, np.ndarray] | None = None


def xspace(
    sizes: tuple[int, int, int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
) -> Dataset:
    """Signals of random phantoms on the Cartesian trajectory, x channel.

    Object i of a split depends on the seed, the split and i alone: a smaller set is the beginning of a larger one.

    Args:
        sizes: number of training, validation and test signals; the paper has (8000, 1000, 1000).
        noise: of all recordings.
        seed: root seed.
        scanner: as the methods know it, default ``Scanner.cartesian()``.
        truth: how the signals are made, default as the methods know it.

    Raises:
        ValueError: sizes that are not three whole numbers of at least one.
    """
    sizes = _check_sizes(sizes)
    scanner, truth = scanner or Scanner.cartesian(), truth or Truth()
    response = truth.response(scanner)
    made = {split: _xspace_split(split, count, noise, seed, scanner, truth, response) for split, count in sizes.items()}
    train, validation = (Recordings(made[split].u1, made[split].u2) for split in ("train", "validation"))
    return Dataset(scanner, train, validation, made["test"])


def xspace_test(
    count: int,
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    truth: Truth | None = None,
    phantoms: str | None = None,
) -> TestSignals:
    """The test signals of :func:`xspace` alone, the same for the same seed; ``count`` of them.

    Args:
        count, noise, seed, scanner, truth: as there.
        phantoms: a kind of :func:`mpicore.phantoms.other_phantoms` in place of the usual objects.
    """
    scanner, truth = scanner or Scanner.cartesian(), truth or Truth()
    checks.count(count, "count")
    return _xspace_split("test", count, noise, seed, scanner, truth, truth.response(scanner), phantoms)


def xspace_supervised(
    sizes: tuple[int, int, int], noise: Noise, seed: int, scanner: Scanner | None = None, truth: Truth | None = None
) -> tuple[Recordings, Recordings]:
    """The first periods of the training and validation objects of :func:`xspace`, each with its clean signal.

    For ceilings alone: no self-supervised method may see them. The arguments are those of :func:`xspace`.

    Returns:
        Training and validation, with the clean signals in the place of the second periods.
    """
    sizes = _check_sizes(sizes)
    scanner, truth = scanner or Scanner.cartesian(), truth or Truth()
    response = truth.response(scanner)
    made = (_xspace_split(s, sizes[s], noise, seed, scanner, truth, response) for s in ("train", "validation"))
    return tuple(Recordings(part.u1, part.clean) for part in made)


def system_matrix_columns(
    sizes: tuple[int, int, int],
    noise: Noise,
    seed: int,
    scanner: Scanner | None = None,
    particle: Particle | None = None,
) -> Dataset:
    """The columns of the Lissajous system matrix, x channel: one signal per pixel, split by a seeded permutation.

    Eight tenths of the pixels are for training, one tenth for validation, the rest for testing; of each split the first
    ``sizes`` pixels are taken. The paper has (8160, 1020, 1021), which is all of 101 x 101.

    Args:
        sizes: number of training, validation and test pixels.
        noise: of all recordings.
        seed: root seed.
        scanner: default ``Scanner.lissajous()``.
        particle: default ``Particle()``.

    Raises:
        ValueError: sizes that are not three whole numbers of at least one, or more than a split holds.
    """
    sizes = _check_sizes(sizes)
    scanner, particle = scanner or Scanner.lissajous(), particle or Particle()
    clean = np.ascontiguousarray(system_matrix(scanner, particle).T)
    total = len(clean)
    order = generator(seed, "system-matrix", "split").permutation(total)
    parts = np.split(order, [8 * total // 10, 8 * total // 10 + total // 10])
    for (split, count), part in zip(sizes.items(), parts, strict=True):
        if count > len(part):
            raise ValueError(f"sizes: {split} holds {len(part)} of the {total} pixels, got {count}")
    pixels = {split: part[:count] for (split, count), part in zip(sizes.items(), parts, strict=True)}
    u1, u2 = noise.record(clean, scanner, generator(seed, "system-matrix", "noise"))
    train, validation = (Recordings(u1[pixels[split]], u2[pixels[split]]) for split in ("train", "validation"))
    test = TestSignals(*(columns[pixels["test"]] for columns in (u1, u2, clean)))
    return Dataset(scanner, train, validation, test, TestSignals(u1, u2, clean), pixels)


def _xspace_split(split, count, noise, seed, scanner, truth, response, kind=None):
    shape, objects = truth.scanner(scanner).shape, branch(seed, "x-space", split)
    phantoms = other_phantoms(kind, count, shape, objects) if kind else random_phantoms(count, shape, objects)
    clean = truth.signals(phantoms, response, scanner)
    periods = noise.record(clean, scanner, generator(seed, "x-space", split, "noise"))
    return TestSignals(*periods, clean, truth.seen(phantoms))


def _check_sizes(sizes):
    if len(tuple(sizes)) != 3:
        raise ValueError(f"sizes must be (train, validation, test), got {sizes!r}")
    named = zip(("train", "validation", "test"), sizes, strict=True)
    return {split: checks.count(size, f"sizes: {split}") for split, size in named}
