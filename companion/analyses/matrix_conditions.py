"""The system matrix under harder conditions than those of its table.

A block of pixels is left out of the fit, objects are noisy or lie between the pixels, the regularisation is that of the
field, and both recordings are used at once; and how many recorruptions R2R needs.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from companion import evaluation
from companion.analyses.registry import Source, analysis
from companion.archive import IMAGE_VALUES
from companion.config import RunName
from companion.experiments import Experiments
from companion.setup import Setup
from companion.statistics import Estimate, estimate, pixel_blocks
from mpicore import metrics
from mpicore.denoisers import Denoiser
from mpicore.denoisers.signal_network import Recorrupted
from mpicore.denoisers.whole_matrix import SpatialWiener
from mpicore.noise import add_gaussian
from mpicore.phantoms import random_phantoms
from mpicore.reconstruction import frequency_components, kaczmarz
from mpicore.seeds import branch, generator
from mpicore.truth import Truth

Array = NDArray[Any]
#: Experiments in which a block of pixels is left out of the fit, by what is left out.
BLOCKS = {"quadrant": "system-matrix-quadrant", "half": "system-matrix-half"}
SAME = 100.0  #: columns that differ by less are the same but for rounding [dB]
#: Methods that learn from the columns of the training.
LEARNED = ("wiener", "wiener_antisymmetric", "singular_values", "linear_n2n", "n2n")
#: Methods whose matrices make images under harder conditions.
PICTURED = ("noisy", "linear_n2n", "n2n", "proposed", "dct_wiener_twice")


def _learned(known: Experiments, preset: str) -> list[RunName]:
    experiments = ["system-matrix", *BLOCKS.values()]
    return [
        known.shown(experiment, method, preset)
        for experiment in experiments
        for method in LEARNED
        if method in known.experiments[experiment].listed
    ]


@analysis("blocks", _learned, published=False)
def _blocks(sources: Sequence[Source]) -> pd.DataFrame:
    """SNR of the same columns with a fit that had neighbours of theirs, and with one that had none.

    Returns:
        Columns ``block, method, columns, random_db, block_db, loss_db, loss_db_low, loss_db_high``: means over the
        columns that both splits test, and the mean loss with its 95 % interval.
    """
    first, rows = {s.name.method: s for s in sources if s.name.experiment == "system-matrix"}, []
    for block, experiment in BLOCKS.items():
        for source in (s for s in sources if s.name.experiment == experiment):
            rows.append({"block": block, "method": source.name.method} | paired_loss(first[source.name.method], source))
    return pd.DataFrame(rows)


def paired_loss(random: Source, block: Source) -> dict[str, float]:
    """What a method loses on the columns that two splits test.

    Args:
        random, block: runs of one method, the second with a block left out.

    Returns:
        ``columns``, their number; ``random_db`` and ``block_db``, means over them; ``loss_db`` with its 95 % interval
        over blocks of pixels, as neighbouring columns are alike. Without a common column these are missing.
    """
    values = []
    for source in (random, block):
        scored = source.run.signals
        pixels = source.setup.pixels["test"][scored["index"]]
        values.append(pd.Series(scored["snr_db"].to_numpy(), index=pixels))
    both = pd.concat(values, axis=1, join="inner")
    losses = (both[0] - both[1]).to_numpy()
    found = Estimate(np.nan, np.nan, np.nan)
    if len(losses):
        found = estimate(losses, pixel_blocks(both.index.to_numpy(np.intp), random.setup.scanner.shape[1]))
    means = {"random_db": both[0].mean(), "block_db": both[1].mean()}
    return {"columns": len(both), **means, **found.columns("loss_db")}


@analysis(
    "neighbours",
    lambda known, preset: [RunName(name, "noisy") for name in ("system-matrix", *BLOCKS.values())],
    count=300,
)
def _neighbours(sources: Sequence[Source], count: int) -> pd.DataFrame:
    return clean_neighbours([source.setup for source in sources], count)


def clean_neighbours(setups: Sequence[Setup], count: int) -> pd.DataFrame:
    """How well one clean column of the training explains a clean test column.

    Args:
        setups: of one matrix, split in several ways, the random one first.
        count: test columns at most.

    Returns:
        Columns ``split, column, columns, snr_db``. ``column`` is ``beside x`` or ``beside y`` for the column of the
        next pixel along an axis as it is, ``mirrored x`` for that of the pixel with the other sign of x, moved along
        the period and scaled as fits best, ``best`` for the training column that comes closest once it is scaled, and
        ``best, turned`` for the same among training columns that are moved by half a period. Medians over the columns,
        of values of at most 100 dB.
    """
    clean, nx = setups[0].matrix().clean, setups[0].scanner.shape[1]
    rows = []

    def add(split: str, column: str, values: Array) -> None:
        rows.append({"split": split, "column": column, "columns": len(values), "snr_db": float(np.median(values))})

    tested = setups[0].pixels["test"][:count]
    y, x = np.divmod(tested, nx)
    for name, other in {
        "beside x": tested + np.where(x > 0, -1, 1),
        "beside y": tested + np.where(y > 0, -nx, nx),
    }.items():
        add("random", name, metrics.snr_db(clean[tested], clean[other]))
    mirrored = tested - 2 * (tested % nx) + nx - 1
    add("random", "mirrored x", snr_when_moved(clean[tested], clean[mirrored]))
    for setup in setups:
        tested, trained = setup.pixels["test"][:count], np.sort(setup.pixels["train"])
        straight = clean[tested]
        for name, looked_for in {
            "best": straight,
            "best, turned": np.roll(straight, straight.shape[1] // 2, 1),
        }.items():
            cosines = [_unit(looked_for) @ _unit(part).T for part in _blocks_of(clean, trained)]
            best = clean[trained[np.abs(np.concatenate(cosines, axis=1)).argmax(axis=1)]].astype(np.float64)
            factors = np.vecdot(looked_for, best) / np.vecdot(best, best)
            values = metrics.snr_db(looked_for, factors[:, None] * best)
            add(setup.config.split or "random", name, np.minimum(values, SAME))
    return pd.DataFrame(rows)


def snr_when_moved(u: Array, other: Array) -> Array:
    """SNR of other signals as estimates of u (n, N), each moved along the period and scaled as fits; at most 100 dB."""
    one, two = (np.fft.rfft(part.astype(np.float64), axis=1) for part in (u, other))
    products = np.abs(np.fft.irfft(one * two.conj(), u.shape[1], axis=1)).max(axis=1)
    norms = (np.linalg.norm(part.astype(np.float64), axis=1) for part in (u, other))
    cosine = products / np.prod(list(norms), axis=0)
    return -10 * np.log10(np.maximum(1 - cosine**2, 10 ** (-SAME / 10)))


def _blocks_of(u: Array, rows: Array) -> Iterator[Array]:
    """Some hundred rows at a time: bounds the memory."""
    for start in range(0, len(rows), 500):
        yield u[rows[start : start + 500]]


def _unit(u: Array) -> Array:
    return np.asarray(u / np.linalg.norm(u, axis=1, keepdims=True), np.float32)


@analysis(
    "conditions",
    lambda known, preset: [known.shown("system-matrix", method, preset) for method in PICTURED],
    # Pixels of the object per pixel of the matrix and axis, and the SNR of its measured period [dB], if it has noise.
    conditions=((1, None), (1, 20.0), (1, 10.0), (2, None), (2, 20.0)),
    lambdas=(3.0, 0.01),
    count=30,
)
def _conditions(
    sources: Sequence[Source], conditions: Sequence[tuple[int, float | None]], lambdas: Sequence[float], count: int
) -> pd.DataFrame:
    """Quality of the images of objects under several conditions.

    Returns:
        Columns ``oversampling, object_snr_db, relative_lambda, method, objects, ssim, psnr_db, object_error``: number
        of objects, and means over them. SSIM and PSNR are those against the image with the clean matrix of the same
        objects without noise. The method ``clean`` is the clean matrix, ``object_snr_db`` is infinite without noise.
    """
    setup = sources[0].setup
    measured = [measure(setup, *condition, count) for condition in conditions]
    components = frequency_components(setup.matrix().clean, setup.lines).T
    references = {value: images(setup, components, [m.exact for m in measured], value) for value in lambdas}
    rows = []
    for method, source in {"clean": None, **{source.name.method: source for source in sources}}.items():
        if source is not None:
            components = frequency_components(_matrix(source), setup.lines).T
        for value, reference in references.items():
            found = images(setup, components, [m.recorded for m in measured], value)
            for condition, exact, image in zip(measured, reference, found, strict=True):
                described: dict[str, Any] = {"oversampling": condition.oversampling, "object_snr_db": condition.snr_db}
                described |= {"relative_lambda": value, "method": method, "objects": len(image)}
                rows.append(described | image_quality(condition.objects, exact, image))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Measured:
    """Objects that a system matrix shows.

    Attributes:
        oversampling: pixels of the objects per pixel of the matrix and axis.
        snr_db: of their measured period, infinite without noise.
        objects: at the pixels of the matrix, shape (n, ny, nx).
        exact, recorded: lines of their signals without and with noise, shape (n, lines).
    """

    oversampling: int
    snr_db: float
    objects: Array
    exact: Array
    recorded: Array


def measure(setup: Setup, oversampling: int, snr_db: float | None, count: int) -> Measured:
    """Measure the first objects of a system-matrix run, with white noise and on a finer grid if asked for.

    On a finer grid the shapes are the same, drawn there, and each of its pixels holds its share of the particles: the
    signal is not a sum of columns of the matrix.

    Args:
        setup: of a system-matrix run.
        oversampling: pixels of the objects per pixel of the matrix and axis.
        snr_db: mean power of an object's signal over that of its noise [dB]; ``None`` for no noise.
        count: number of objects, at most.
    """
    seed, config = branch(setup.config.data_seed, "system-matrix", "objects"), setup.config
    truth = Truth(oversampling=oversampling)
    objects = random_phantoms(min(count, len(setup.objects)), truth.scanner(setup.scanner).shape, seed)
    response = setup.matrix().clean if oversampling == 1 else truth.response(setup.scanner, config.particle)
    signals = truth.signals(objects, response, setup.scanner) / np.float32(oversampling**2)
    recorded = signals
    if snr_db is not None:
        recorded = add_gaussian(signals, snr_db, generator(config.data_seed, "system-matrix", "objects", "noise"))
    exact, noisy = (frequency_components(u, setup.lines) for u in (signals, recorded))
    return Measured(oversampling, np.inf if snr_db is None else snr_db, truth.seen(objects), exact, noisy)


def images(setup: Setup, components: Array, measured: Sequence[Array], relative_lambda: float) -> list[Array]:
    """Kaczmarz images of several sets of measured lines (n, lines) with one matrix (lines, P), all solved at once."""
    found = kaczmarz(components, np.concatenate(measured), relative_lambda, setup.kaczmarz_settings.sweeps)
    return np.split(found.reshape(-1, *setup.scanner.shape), np.cumsum([len(part) for part in measured])[:-1])


def reversed_pairs(first: pd.Series, second: pd.Series, margin: float) -> list[tuple[str, str]]:
    """Pairs of methods (better, worse) whose order another condition reverses.

    Args:
        first, second: values under two conditions by method, higher ones better.
        margin: by which both orders must be clear.
    """
    pairs = permutations([str(method) for method in first.index], 2)
    return [(a, b) for a, b in pairs if first[a] - first[b] > margin and second[b] - second[a] > margin]


def image_quality(objects: Array, reference: Array, found: Array) -> dict[str, float]:
    """Mean SSIM and PSNR against reference images, and mean error against the objects."""
    return {
        "ssim": float(metrics.ssim(reference, found).mean()),
        "psnr_db": float(metrics.psnr_db(reference, found).mean()),
        "object_error": float(metrics.object_error(objects, found).mean()),
    }


def _matrix(source: Source) -> Array:
    """The denoised columns of a run."""
    return evaluation.denoised(source.fitted, source.setup.matrix())


_TOGETHER = ("dct_wiener_twice", "dct_wiener_twice_two", "oracle_dct_wiener")


@analysis("together", lambda known, preset: [known.shown("system-matrix", method, preset) for method in _TOGETHER])
def _together(sources: Sequence[Source]) -> pd.DataFrame:
    """Quality of the matrix from one recording, from two that are denoised alone, and from the mean of two.

    Returns:
        Columns ``method, snr_db, ssim, psnr_db, object_error``: means over the test columns and the objects.
        ``dct_wiener_twice_both`` and ``oracle_dct_wiener_both`` are filters of the mean, for its noise.
    """
    rows = []
    for source in sources:
        run = source.run
        rows.append(_quality(source.name.method, run.signals, run.images))
        if source.config.readout is None:
            denoiser = source.fitted
            assert isinstance(denoiser, SpatialWiener)
            found = evaluation.evaluate(Together(denoiser), source.setup)
            rows.append(_quality(f"{source.name.method}_both", found.signals, found.images))
    return pd.DataFrame(rows)


def _quality(method: str, signals: pd.DataFrame, shown: pd.DataFrame) -> dict[str, Any]:
    means = {column: shown[column].mean() for column in IMAGE_VALUES}
    return {"method": method, "snr_db": signals["snr_db"].mean(), **means}


class Together(Denoiser):
    """A spatial Wiener filter of the mean of both periods, whose noise has half the power.

    The gain for one period is g = P / (P + 1), with the power P in units of the noise. For the mean it is
    P / (P + 1/2) = 2 g / (1 + g), with the same P.

    Args:
        denoiser: fitted to both periods; it is left as it is.
    """

    name, periods, whole = "together", 2, True

    def __init__(self, denoiser: SpatialWiener) -> None:
        super().__init__()
        self.denoiser = copy.copy(denoiser)
        gains = self.denoiser.learned(denoiser.gains)
        self.denoiser.gains = 2 * gains / (1 + gains)

    def denoise(self, u: Array) -> Array:
        """Filter the mean: all columns with both periods, shape (P, 2, N) -> (P, N)."""
        return self.denoiser.denoise(u.mean(axis=1))


@analysis(
    "recorruptions",
    lambda known, preset: [known.shown("system-matrix", "r2r", preset)],
    counts=(1, 5, 10, 20, 50),
    columns=100,
)
def _recorruptions(sources: Sequence[Source], counts: Sequence[int], columns: int) -> pd.DataFrame:
    """SNR of test columns after R2R by the number of recorruptions that are averaged, with 95 % intervals.

    Returns:
        Columns ``recorruptions, columns, snr_db, snr_db_low, snr_db_high``, and ``below_db``, the largest distance of
        a column from its value with the most recorruptions.
    """
    source = sources[0]
    test, denoiser = source.setup.held_out(next(iter(source.config.test_noise)), columns), source.denoiser
    assert isinstance(denoiser, Recorrupted)
    found = {}
    for count in counts:
        denoiser.recorruptions = count
        found[count] = metrics.snr_db(test.clean, denoiser.denoise(test.u1))
    rows = []
    for count, values in found.items():
        low, high = metrics.bootstrap_interval(values)
        row = {"recorruptions": count, "columns": len(values), "snr_db": values.mean()}
        below = float(np.abs(found[max(counts)] - values).max())
        rows.append(row | {"snr_db_low": low, "snr_db_high": high, "below_db": below})
    return pd.DataFrame(rows)
