"""From the configuration of a run to its data, denoiser and images: the one place where the first becomes the rest."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.cache import Arrays, shared
from companion.config import RunConfig, digest
from mpicore import checks, datasets, denoisers
from mpicore.background import EmptyMeasurement
from mpicore.denoisers import Denoiser
from mpicore.noise import Noise
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import Gridding, Kaczmarz, SystemMatrixReconstruction, XSpace, select_frequencies
from mpicore.recordings import HeldOut, Recordings, SupervisedPairs
from mpicore.scanner import Scanner
from mpicore.seeds import branch
from mpicore.symmetry import is_odd


class Setup:
    """What a run is made of. Data are made when they are asked for, and once.

    Args:
        config: of the run.
        cache: folder in which data are kept and shared between processes; ``None`` to keep them in memory.
    """

    def __init__(self, config: RunConfig, cache: str | Path | None = None):
        self.config, self.cache = config, cache
        self._made: dict[str, Arrays] = {}

    @property
    def scanner(self) -> Scanner:
        """The scanner as the methods know it."""
        return self.config.scanner

    @property
    def of_matrix(self) -> bool:
        """Whether the signals are the columns of a system matrix."""
        return self.config.dataset == "system-matrix"

    def denoiser(self, device: str = "auto") -> Denoiser:
        """The denoiser of the run, not yet fitted."""
        return denoiser_of(self.config, device)

    def fitting_pairs(
        self, denoiser: Denoiser
    ) -> tuple[tuple[NDArray[Any], NDArray[Any]], Recordings | SupervisedPairs]:
        """What a denoiser is fitted to, and the pairs that it may choose with.

        Returns:
            Two arrays of shape (n, N), which are both noisy periods, or for a ceiling the noisy signals and the clean
            ones; and validation pairs of the same kind.
        """
        if self.of_matrix:
            return self._matrix_pairs(denoiser)
        if denoiser.supervised:
            arrays = self._supervised_pairs()
            (noisy,), (held,) = (self._emptied(split, arrays[f"{split}_u1"]) for split in ("train", "validation"))
            return (noisy, arrays["train_u2"]), SupervisedPairs(held, arrays["validation_u2"])
        arrays = self._noisy_pairs()
        return self._periods(arrays, "train"), Recordings(*self._periods(arrays, "validation"))

    def validation(self) -> Recordings:
        """Noisy pairs to choose with."""
        if self.of_matrix:
            matrix, pixels = self.matrix(), self.pixels["validation"]
            return Recordings(matrix.u1[pixels], matrix.u2[pixels])
        return Recordings(*self._periods(self._noisy_pairs(), "validation"))

    def held_out(self, variant: str, count: int | None = None) -> HeldOut:
        """The test signals of one variant of the test noise, all or the first ``count``.

        Raises:
            ValueError: an unknown variant.
        """
        if self.of_matrix:
            matrix, pixels = self.matrix(variant), self.pixels["test"][:count]
            return HeldOut(*(columns[pixels] for columns in (matrix.u1, matrix.u2, matrix.clean)))
        noise, config = self._noise(variant), self.config
        arrays = self._kept("test", lambda: self._test(noise), noise, config.sizes[2], config.test_phantoms)
        u1, u2, clean, phantoms = (arrays[name][:count] for name in ("u1", "u2", "clean", "phantoms"))
        first, second = self._emptied("test", u1, u2)
        return HeldOut(first, second, clean, phantoms)

    def matrix(self, variant: str | None = None) -> HeldOut:
        """All columns of the system matrix in the order of the pixels, with the noise of training or of a variant."""
        noise = self.config.noise if variant is None else self._noise(variant)
        arrays = self._kept("matrix", lambda: self._columns(noise), noise)
        return HeldOut(arrays["u1"], arrays["u2"], arrays["clean"])

    @cached_property
    def pixels(self) -> dict[str, NDArray[Any]]:
        """The pixels of each split of a system matrix."""
        split = self.config.split or "random"
        return datasets.pixel_splits(self.config.sizes, self.config.data_seed, self.scanner, split)

    @cached_property
    def objects(self) -> NDArray[np.float32]:
        """Phantoms that the system matrix reconstructs, shape (objects, ny, nx)."""
        objects = checks.count(self.config.objects, "objects")
        return random_phantoms(objects, self.scanner.shape, branch(self.config.data_seed, "system-matrix", "objects"))

    @cached_property
    def gridding(self) -> XSpace:
        """Reconstruction of x-space signals."""
        if self.config.gridding is None:
            raise ValueError(f"x-space images are of x-space data, got {self.config.dataset}")
        return _xspace(self.scanner, self.config.gridding)

    @property
    def kaczmarz_settings(self) -> Kaczmarz:
        """How images of a system matrix are reconstructed."""
        if self.config.kaczmarz is None:
            raise ValueError(f"Kaczmarz images are of a system matrix, got {self.config.dataset}")
        return self.config.kaczmarz

    @cached_property
    def lines(self) -> NDArray[Any]:
        """Lines of the system matrix that images are made of, selected on both noisy periods of the calibration."""
        threshold = self.kaczmarz_settings.snr_threshold
        return self._kept("lines", lambda: self._selected(threshold), self.config.noise, threshold)["lines"]

    def kaczmarz(self, columns: NDArray[Any]) -> SystemMatrixReconstruction:
        """Reconstruction with a system matrix, given by its columns (P, N)."""
        return SystemMatrixReconstruction(columns, self.lines, self.scanner.shape, self.kaczmarz_settings)

    def reference_scale(self, clean: NDArray[Any]) -> float:
        """One global factor that brings the mean RMS of the clean test signals to the paper's units."""
        power = np.mean(np.square(clean, dtype=np.float64), axis=1)
        return self.config.reference_rms / float(np.mean(np.sqrt(power)))

    def _matrix_pairs(
        self, denoiser: Denoiser
    ) -> tuple[tuple[NDArray[Any], NDArray[Any]], Recordings | SupervisedPairs]:
        matrix = self.matrix()
        second = matrix.clean if denoiser.supervised else matrix.u2
        train = slice(None) if denoiser.whole else self.pixels["train"]
        held = slice(None) if denoiser.whole and denoiser.supervised else self.pixels["validation"]
        kind = SupervisedPairs if denoiser.supervised else Recordings
        return (matrix.u1[train], second[train]), kind(matrix.u1[held], second[held])

    def _noise(self, variant: str) -> Noise:
        return self.config.test_noise[checks.choice(variant, "variant", list(self.config.test_noise))]

    def _kept(self, part: str, make: Callable[[], Arrays], *decides: Any) -> Arrays:
        """Arrays of one part of the data, kept under the hash of all that decides them."""
        config = self.config
        common = [part, config.scanner, config.particle, config.truth, config.data_seed, config.revision]
        common += [config.background] if config.background else []
        name = f"{part}-{digest([*common, *decides])}"
        if name not in self._made:
            self._made[name] = shared(self.cache, name, make)
        return self._made[name]

    def _xspace(self) -> dict[str, Any]:
        config = self.config
        shared = ("scanner", "truth", "particle", "background")
        return {"seed": config.data_seed, **{name: getattr(config, name) for name in shared}}

    @cached_property
    def empty(self) -> EmptyMeasurement | None:
        """The measurement of the empty scanner that the method is given, if any."""
        if self.config.empty is None:
            return None
        return datasets.xspace_empty(self.config.empty, self.config.noise, **self._xspace())

    def _emptied(self, part: str, *signals: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Signals of a split as the method gets them: without the background, where it has an empty measurement."""
        if self.empty is None:
            return signals
        times = datasets.xspace_times(part, len(signals[0]), self.config.data_seed)
        return tuple(self.empty.taken_off(u, times) for u in signals)

    def _periods(self, arrays: Arrays, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        first, second = self._emptied(part, arrays[f"{part}_u1"], arrays[f"{part}_u2"])
        return first, second

    def _test(self, noise: Noise) -> Arrays:
        test = datasets.xspace_test(self.config.sizes[2], noise, phantoms=self.config.test_phantoms, **self._xspace())
        assert test.phantoms is not None
        return {"u1": test.u1, "u2": test.u2, "clean": test.clean, "phantoms": test.phantoms}

    def _noisy_pairs(self) -> Arrays:
        config = self.config
        sizes, noise, periods = config.sizes[:2], config.noise, config.periods or 2
        return self._kept(
            "pairs",
            lambda: _learned(*datasets.xspace_pairs(sizes, noise, **self._xspace(), periods=periods)),
            *(noise, sizes, *([periods] if config.periods else [])),
        )

    def _supervised_pairs(self) -> Arrays:
        config = self.config
        return self._kept(
            "supervised",
            lambda: _learned(*datasets.xspace_supervised(config.sizes[:2], config.noise, **self._xspace())),
            *(config.noise, config.sizes[:2]),
        )

    def _selected(self, threshold: float) -> Arrays:
        matrix = self.matrix()
        return {"lines": select_frequencies(matrix.u1, matrix.u2, threshold)}

    def _columns(self, noise: Noise) -> Arrays:
        config = self.config
        matrix = datasets.recorded_matrix(noise, config.data_seed, config.scanner, config.particle)
        return {"u1": matrix.u1, "u2": matrix.u2, "clean": matrix.clean}


def _learned(train: Recordings | SupervisedPairs, held: Recordings | SupervisedPairs) -> Arrays:
    """Pairs for training and for validation by the names under which they are kept."""
    (train_u1, train_u2), (held_u1, held_u2) = train.arrays, held.arrays
    return {"train_u1": train_u1, "train_u2": train_u2, "validation_u1": held_u1, "validation_u2": held_u2}


@lru_cache(maxsize=4)
def _xspace(scanner: Scanner, gridding: Gridding) -> XSpace:
    """One operator for all runs on one grid."""
    return XSpace(scanner, gridding)


def denoiser_of(config: RunConfig, device: str = "auto") -> Denoiser:
    """The denoiser of a configuration, not yet fitted."""
    given: dict[str, Any] = {"scanner": config.scanner, "sequence": config.scanner, "particle": config.particle}
    if denoisers.find(config.denoiser).needs_odd and not is_odd(config.scanner):
        # It would refuse the sequence. A study of the drive phases shows on purpose what it makes of such signals.
        del given["sequence"]
    if config.training is not None:
        given |= {"training": config.training, "seed": config.seed, "device": device}
    wanted = denoisers.circumstances(config.denoiser)
    return denoisers.create(config.denoiser, **config.options, **{name: given[name] for name in wanted & given.keys()})
