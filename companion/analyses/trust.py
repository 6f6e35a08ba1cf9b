"""What may be trusted in a denoised signal: amplitudes, faint objects, unseen structure, bias, and error bars.

Every method gets the same objects and the same noise, which no training or test has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from companion.analyses.registry import Arrays, Source, analysis
from companion.config import RunName
from companion.evaluation import shown_signals
from companion.experiments import Experiments
from companion.setup import Setup
from mpicore import metrics
from mpicore.denoisers import Denoiser
from mpicore.detection import threshold
from mpicore.error_bars import ErrorBars, speed_classes
from mpicore.noise import Noise
from mpicore.recordings import rms
from mpicore.scanner import Scanner
from mpicore.seeds import generator
from mpicore.simulation import system_matrix

#: The best method of each kind, and the noisy signal.
METHODS = ("noisy", "n2n", "proposed", "linear_n2n", "gp_wiener", "forward_n2n")
Array = NDArray[Any]


def _methods(known: Experiments, preset: str) -> list[RunName]:
    return [known.shown("xspace-gaussian", method, preset) for method in METHODS]


@analysis(
    "trust-amplitude",
    _methods,
    levels_db=(-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0),
    objects=40,
    draws=4,
    silent=200,
)
def _amplitude(
    sources: Sequence[Source], levels_db: Sequence[float], objects: int, draws: int, silent: int
) -> pd.DataFrame:
    """Amplitude of denoised signals for objects of any concentration in noise of one level.

    One row per method and level of the concentration, 0 dB for that at which the object has the SNR of the experiment:
    ``snr_db`` of the recording, mean ``amplitude`` by :func:`relative_amplitude`, its standard deviations over all
    (``spread``) and over the noise of one object (``noise_spread``), and ``error_db``, the power of the error over that
    of the noise. In the rows at minus infinity there are no particles, and the error is all that comes out.
    """
    setup = sources[0].setup
    (clean, _), nominal = _unit_objects(setup, objects), setup.config.noise.snr_db
    noise = _noise(setup, "amplitude", (len(clean), draws, clean.shape[1]))
    alone = _noise(setup, "no particles", (silent, clean.shape[1]))
    rows = []
    for source in sources:
        denoiser, method = source.fitted, source.name.method
        out = denoiser.denoise(alone)
        rows.append({"method": method, "level_db": -np.inf, "snr_db": -np.inf, "error_db": _db(_power(out))})
        for level in levels_db:
            u = np.float32(10 ** ((nominal + level) / 20)) * clean[:, None]
            found = _each(denoiser, u + noise)
            ratio = relative_amplitude(u, found)
            row = {"method": method, "level_db": level, "snr_db": nominal + level, "amplitude": ratio.mean()}
            row |= {"spread": ratio.std(), "noise_spread": np.sqrt(np.mean(ratio.var(axis=1, ddof=1)))}
            rows.append(row | {"error_db": _db(_power(found - u))})
    return pd.DataFrame(rows)


@analysis(
    "trust-detection",
    _methods,
    levels_db=tuple(range(-36, -11, 3)),
    averages=(4, 16),
    rate=0.01,
    places=6,
    draws=85,
    silent=1200,
    checked=600,
    radius=2e-3,
    reach=6e-3,
)
def _detection(
    sources: Sequence[Source],
    levels_db: Sequence[float],
    averages: Sequence[int],
    rate: float,
    places: int,
    draws: int,
    silent: int,
    checked: int,
    radius: float,
    reach: float,
) -> pd.DataFrame:
    """How often a dot is seen in noise of one level, by two rules that are wrong equally often where there is no dot.

    Rule ``projection``: the product with the clean signal of the dot, for which its place and shape must be known.
    Rule ``image``: the peak of the x-space image within ``reach`` [m] of the place. The threshold of each method and
    place is set on noise alone.

    One row per method, rule and SNR of the recorded dot: share ``seen``, and ``false_alarms``, the share on noise alone
    that the thresholds were not set on; ``cases`` is the number of draws. Averages of recordings are rows ``averageN``.
    """
    setup = sources[0].setup
    scanner, limit = setup.scanner, setup.config.sizes[2]
    where = generator(setup.config.data_seed, "trust", "places").uniform(-0.6, 0.6, (places, 2))
    where = where * np.array(scanner.fov) / 2
    dots = _unit(_signals(setup, np.stack([disc(scanner, place, radius) for place in where]).astype(np.float32)))
    near = np.stack([disc(scanner, place, reach) for place in where])
    noise = _noise(setup, "dot", (places, min(draws, limit), scanner.num_samples))
    silent = max(int(np.ceil(1 / rate)), min(silent, 2 * limit))
    alone = _noise(setup, "no dot", (silent + checked, scanner.num_samples))

    def statistics(denoised: Array, place: int) -> dict[str, Array]:
        image = setup.gridding(denoised)
        return {"projection": denoised @ dots[place], "image": image[:, near[place]].max(axis=1)}

    rows = []
    for name, denoiser, factor in _with_averages(sources, averages):
        quiet = denoiser.denoise(factor * alone)
        made = [statistics(quiet, place) for place in range(places)]
        limits = [{rule: threshold(values[:silent], rate) for rule, values in found.items()} for found in made]
        alarms = {
            rule: np.mean([found[rule][silent:] > at[rule] for found, at in zip(made, limits, strict=True)])
            for rule in limits[0]
        }
        for level in levels_db:
            seen: dict[str, list[Array]] = {rule: [] for rule in alarms}
            for place, dot in enumerate(dots):
                found = denoiser.denoise(np.float32(10 ** (level / 20)) * dot + factor * noise[place])
                for rule, values in statistics(found, place).items():
                    seen[rule].append(values > limits[place][rule])
            for rule, hits in seen.items():
                row = {"method": name, "rule": rule, "snr_db": level, "seen": np.mean(hits)}
                rows.append(row | {"cases": np.size(hits), "false_alarms": alarms[rule]})
    return pd.DataFrame(rows)


@analysis(
    "trust-structure",
    _methods,
    kinds={"training": None, "letters": "letters", "rings": "rings", "points": "points"},
    objects=16,
    draws=32,
    away_mm=12.0,
)
def _structure(
    sources: Sequence[Source], kinds: Mapping[str, str | None], objects: int, draws: int, away_mm: float
) -> pd.DataFrame:
    """Bias and variance by kind of object, and what images show where there is nothing.

    One row per kind and method: squared bias, variance and their sum in units of the power of the signal [dB], means
    over the objects. ``invented`` is the RMS error of the x-space image at least ``away_mm`` from all particles, in
    units of the peak of the clean image, and ``invented_always`` the part of it that is the same for each draw of the
    noise; ``empty`` is the share of such pixels.
    """
    fitted_methods = {source.name.method: source.fitted for source in sources}
    rows: list[dict[str, Any]] = []
    for kind, drawn in kinds.items():
        setup = Setup(replace(sources[0].config, test_phantoms=drawn), sources[0].setup.cache)
        clean, phantoms = _unit_objects(setup, objects)
        noise = _noise(setup, "structure", (len(clean), draws, clean.shape[1]))
        u = np.float32(10 ** (setup.config.noise.snr_db / 20)) * clean
        images = setup.gridding(u)
        peak = images.max(axis=(1, 2), keepdims=True)
        step = 1e3 * setup.scanner.fov[0] / (setup.scanner.shape[1] - 1)
        distance = np.stack([step * distance_transform_edt(phantom == 0) for phantom in phantoms])
        # Beyond the samples every image is zero.
        empty = (distance >= away_mm) & (setup.gridding(noise[0, :1]) != 0)
        for method, denoiser in fitted_methods.items():
            found = _each(denoiser, u[:, None] + noise)
            bias, variance = (part / _power(u, axis=1) for part in metrics.bias_and_variance(u, found))
            wrong = np.stack([setup.gridding(each) for each in found]) - images[:, None]
            always, each_time = _image_parts(wrong / peak[:, None], empty)
            row = {"kind": kind, "method": method, "bias_db": _db(bias.mean())}
            row |= {"variance_db": _db(variance.mean()), "error_db": _db(np.mean(bias + variance))}
            row |= {"invented": np.sqrt(always + each_time), "invented_always": np.sqrt(max(always, 0.0))}
            rows.append(row | {"empty": empty.mean(), "objects": len(u)})
    return pd.DataFrame(rows)


@analysis(
    "trust-gap",
    _methods,
    gaps_mm=(0, 3, 5, 7, 9, 11, 13, 15),
    length_mm=40.0,
    width_mm=8.0,
    beside_mm=13.0,
    shift_mm=15.0,
    draws=80,
)
def _gap(
    sources: Sequence[Source],
    gaps_mm: Sequence[float],
    length_mm: float,
    width_mm: float,
    beside_mm: float,
    shift_mm: float,
    draws: int,
) -> pd.DataFrame:
    """A bar along x with a gap in its middle: how deep the x-space image dips there.

    The dip is 1 for an image that is zero in the middle, and 0 for one that is as high as at ``beside_mm`` from it. One
    row per method and width of the gap: mean ``dip``, its standard deviation ``spread`` about the dip of the clean
    image, mean ``clean_dip``, and ``told``, the distance of the mean dip from that of a whole bar in units of the
    spread. Each draw has its own place; they and the noise are the same for all gaps.
    """
    setup = sources[0].setup
    scanner = setup.scanner
    rng = generator(setup.config.data_seed, "trust", "bars")
    draws = min(draws, setup.config.sizes[2])
    step = 1e3 * scanner.fov[0] / (scanner.shape[1] - 1)
    middles = np.round(rng.uniform(-shift_mm, shift_mm, (draws, 2)) / step) * step  # on pixels: gaps are symmetric
    noise = _noise(setup, "bars", (draws, scanner.num_samples))
    fitted_methods = {source.name.method: source.fitted for source in sources}
    rows: list[dict[str, Any]] = []
    for gap in gaps_mm:
        bars = np.stack([bar(scanner, 1e-3 * middle, length_mm, width_mm, gap) for middle in middles])
        clean = _unit(_signals(setup, bars.astype(np.float32)))
        u = np.float32(10 ** (setup.config.noise.snr_db / 20)) * clean
        true = _dips(setup, u, middles, beside_mm)
        for method, denoiser in fitted_methods.items():
            found = _dips(setup, denoiser.denoise(u + noise), middles, beside_mm)
            row = {"method": method, "gap_mm": gap, "dip": found.mean(), "spread": np.std(found - true, ddof=1)}
            rows.append(row | {"clean_dip": true.mean()})
    table = pd.DataFrame(rows)
    whole = table[table["gap_mm"] == gaps_mm[0]].set_index("method")
    apart = table["dip"] - table["method"].map(whole["dip"])
    spread = np.sqrt((table["spread"] ** 2 + table["method"].map(whole["spread"]) ** 2) / 2)
    return table.assign(told=apart / spread)


@analysis(
    "trust-bars",
    _methods,
    arrays=True,
    situations={
        "training": {},
        "letters": {"test_phantoms": "letters"},
        "rings": {"test_phantoms": "rings"},
        "points": {"test_phantoms": "points"},
        "minus5": {"snr_db": -5.0},
        "plus5": {"snr_db": 5.0},
    },
    count=150,
    speeds=4,
    levels=10,
)
def _bars(
    sources: Sequence[Source], situations: Mapping[str, Mapping[str, Any]], count: int, speeds: int, levels: int
) -> tuple[pd.DataFrame, Arrays]:
    """Error bars from the noisy validation pairs, and how often they hold the clean signal.

    One row per method, situation and kind of ``bars``: ``one`` standard deviation for all samples, or one for each of
    the ``classes`` of :class:`mpicore.error_bars.ErrorBars`. Columns: the shares of samples within one (``within_1``)
    and within 1.96 standard deviations (``within_2``); the latter over the loudest tenth of the samples (``loud``), and
    of the fifth worst in a hundred signals (``worst``); the predicted over the measured RMS error (``ratio``).
    Arrays: the median test signal of the proposed method, denoised, with its bars.
    """
    rows: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for source in sources:
        setup, denoiser, method = source.setup, source.fitted, source.name.method
        scanner = setup.scanner
        position, window = speed_classes(scanner, speeds), scanner.samples_per_cycle // 2
        held = setup.validation()
        both = denoiser.denoise(held.u1), denoiser.denoise(held.u2)
        kinds = {
            "one": ErrorBars.learn(held, both, np.zeros_like(position), window, levels=1),
            "classes": ErrorBars.learn(held, both, position, window, levels),
        }
        for situation, changes in situations.items():
            test = _situation(setup, changes).held_out("tried", count)
            found = denoiser.denoise(test.u1)
            for kind, bars in kinds.items():
                described = {"method": method, "situation": situation, "bars": kind}
                rows.append(described | coverage(test.clean, found, bars.deviation(test.u1, found)))
        if method == "proposed":
            scored = source.run.signals
            chosen = [shown_signals(scored[scored["variant"] == scored["variant"].iloc[0]])["median"]]
            test = setup.held_out(scored["variant"].iloc[0])
            found = denoiser.denoise(test.u1[chosen])
            arrays = {"clean": test.clean[chosen], "noisy": test.u1[chosen], "denoised": found}
            arrays["deviation"] = kinds["classes"].deviation(test.u1[chosen], found).astype(np.float32)
    return pd.DataFrame(rows), arrays


def relative_amplitude(clean: Array, denoised: Array) -> NDArray[np.float64]:
    """How strong the clean signal is in the denoised one: <denoised, clean> / <clean, clean> over the last axis."""
    u = clean.astype(np.float64)
    return np.sum(u * denoised, axis=-1) / np.sum(u * u, axis=-1)


def coverage(clean: Array, denoised: Array, deviation: Array) -> dict[str, float]:
    """How often error bars hold the clean signals; columns of the analysis ``trust-bars``, from arrays (n, N)."""
    error = np.abs(denoised - clean.astype(np.float64))
    within = error <= 1.96 * deviation
    height = np.abs(clean) / rms(clean)
    loud = height >= np.quantile(height, 0.9)
    return {
        "within_1": float(np.mean(error <= deviation)),
        "within_2": float(within.mean()),
        "loud": float(within[loud].mean()),
        "worst": float(np.quantile(within.mean(axis=1), 0.05)),
        "ratio": float(np.sqrt(np.mean(np.square(deviation)) / np.mean(np.square(error)))) if error.any() else np.inf,
    }


def disc(scanner: Scanner, centre: Array, radius: float) -> NDArray[np.bool_]:
    """Pixels (ny, nx) within a radius [m] of a point (x, y) [m], and always the one nearest to it."""
    distance = np.hypot(*(scanner.grid - centre).T)
    return (distance <= max(radius, distance.min())).reshape(scanner.shape)


def bar(scanner: Scanner, centre: Array, length_mm: float, width_mm: float, gap_mm: float) -> NDArray[np.bool_]:
    """Pixels (ny, nx) of a bar along x about a point (x, y) [m], without those of a gap in its middle."""
    x, y = 1e3 * np.abs(scanner.grid - centre).T
    inside = (x <= length_mm / 2) & (y <= width_mm / 2) & (x >= gap_mm / 2)
    return inside.reshape(scanner.shape)


def _dips(setup: Setup, u: Array, middles: Array, beside_mm: float) -> Array:
    """How deep the x-space images of signals (n, N) dip between two places beside their middles (n, 2) [mm]."""
    images, dips = setup.gridding(u), []
    for image, middle in zip(images, middles, strict=True):
        left, centre, right = (
            image[disc(setup.scanner, 1e-3 * (middle + [shift, 0]), 1.5e-3)].mean()
            for shift in (-beside_mm, 0, beside_mm)
        )
        dips.append(1 - 2 * centre / (left + right))
    return np.array(dips, np.float64)


def _image_parts(wrong: Array, empty: Array) -> tuple[float, float]:
    """Mean squares over empty pixels (n, ny, nx) of errors (n, draws, ny, nx): the same each time, and the rest."""
    parts = [
        metrics.bias_and_variance(np.zeros((1, int(where.sum()))), each[None, :, where])
        for each, where in zip(wrong, empty, strict=True)
        if where.any()
    ]
    if not parts:
        return 0.0, 0.0
    always, each_time = np.mean(parts, axis=0)[:, 0]
    return float(always), float(each_time)


def _with_averages(sources: Sequence[Source], averages: Sequence[int]) -> list[tuple[str, Denoiser, np.float32]]:
    """Name, denoiser and amplitude of the noise: of every method, and of averages of several recordings."""
    made = [(source.name.method, source.fitted, np.float32(1)) for source in sources]
    noisy = next(denoiser for name, denoiser, _ in made if name == "noisy")
    return made + [(f"average{count}", noisy, np.float32(count**-0.5)) for count in averages]


def _situation(setup: Setup, changes: Mapping[str, Any]) -> Setup:
    """Test signals of other objects, or of another SNR by so many dB, as the variant ``tried``."""
    noise = setup.config.noise
    noise = replace(noise, snr_db=noise.snr_db + changes.get("snr_db", 0.0))
    phantoms = changes.get("test_phantoms", setup.config.test_phantoms)
    return Setup(replace(setup.config, test_noise={"tried": noise}, test_phantoms=phantoms), setup.cache)


def _unit_objects(setup: Setup, count: int) -> tuple[Array, Array]:
    """Clean signals of the first test objects, with a mean power of one each; and the objects."""
    test = setup.held_out(next(iter(setup.config.test_noise)), count)
    assert test.phantoms is not None  # x-space data show objects
    return _unit(test.clean), test.phantoms


def _signals(setup: Setup, phantoms: Array) -> Array:
    """Clean signals (n, N) of phantoms (n, ny, nx)."""
    return phantoms.reshape(len(phantoms), -1) @ system_matrix(setup.scanner, setup.config.particle).T


def _unit(u: Array) -> Array:
    return (u / rms(u)).astype(np.float32)


def _noise(setup: Setup, purpose: str, shape: tuple[int, ...]) -> Array:
    """White noise of unit power, the same for every method."""
    assert setup.config.noise == Noise(setup.config.noise.snr_db)  # nothing but white noise
    return generator(setup.config.data_seed, "trust", purpose).standard_normal(shape, np.float32)


def _each(denoiser: Denoiser, u: Array) -> Array:
    """Several noisy signals of each object, shape (n, draws, N), denoised."""
    return denoiser.denoise(u.reshape(-1, u.shape[-1])).reshape(u.shape)


def _power(u: Array, axis: int | None = None) -> Any:
    return np.mean(np.square(u, dtype=np.float64), axis=axis)


def _db(ratio: float) -> float:
    """A ratio of powers [dB]; minus infinity for one that is not above zero, as an estimate of nothing may be."""
    return float(10 * np.log10(ratio)) if ratio > 0 else -np.inf
