"""Arrays of every kind for every denoiser and every public function: how they are made, and what may come of them.

A target is a call with arrays that it takes. An attack alters one of them, or the unit of all. What is a number still
must give the answer that the same numbers give in float64; what is none must be refused by an error of the library
itself that names the argument. Anything else is a defect.
"""

import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import mpicore
from mpicore import (
    background,
    components,
    denoisers,
    detection,
    error_bars,
    forward,
    held_out,
    langevin,
    line_noise,
    line_phase,
    lowrank,
    measured_matrix,
    metrics,
    noise,
    receive_chain,
    reconstruction,
    recordings,
    relaxation,
    responses,
    sequence,
    simulation,
    symmetry,
    system,
    truth,
    yardsticks,
)
from mpicore.imaging import solution
from mpicore.scanner import Particle, Scanner

LIBRARY = str(Path(mpicore.__file__).parent)
DTYPES = ("i1", "i2", "u2", "i4", "f2", "f4", "f8", ">f4", "g")
NARROW = ("f4", "f8", ">f4", "g")
LAYOUTS = ("plain", "Fortran order", "strided", "reversed", "read-only", "list")
DAMAGES = (
    "NaN", "infinite", "minus infinite", "too strong", "complex", "objects", "logical", "text", "ragged", "nothing",
    "empty", "axis more", "axis less",
)  # fmt: skip
#: Damages of denoisers alone, and of arguments whose last axis has a length that is known.
STRICT = ("too weak", "sample more", "sample less", "row less")
SCALES = tuple(10.0**e for e in (-30, -20, -10, -3, 3, 10, 20, 30))


@dataclass(frozen=True, eq=False)
class Target:
    """A call, the arrays it takes (in float64, of about unit strength), and what they are called in messages.

    Attributes:
        degree: the result is multiplied by c^degree where all arrays are multiplied by c; ``None`` where it is not.
        complex_ones: numbers of the arrays that may be complex.
        free: numbers of the arrays that may be of any shape, or empty.
        optional: numbers of the arrays that may be left out.
        missing: numbers of the arrays in which NaN stands for what was not measured.
        wide: the numbers may have any size; else their range is that of their meaning, and no whole numbers are tried.
        strict: arrays of another length or number are refused, and signals that are too weak.
        together: the arrays are of one dtype and unit, as both periods of a recording are.
        same_precision: the answer is another one in single precision, as random numbers are drawn in it.
        tolerance: of the answer, relative to its largest value.
        slow: takes more than a few milliseconds.
    """

    name: str
    call: Callable[..., Any]
    arrays: tuple[Any, ...]
    names: tuple[str, ...]
    degree: int | None = None
    complex_ones: tuple[int, ...] = ()
    free: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    wide: bool = True
    strict: bool = False
    together: bool = False
    same_precision: bool = False
    tolerance: float = 1e-3
    slow: bool = False

    @cached_property
    def answer(self) -> np.ndarray:
        return result(self.call(*self.arrays))


@dataclass(frozen=True)
class Attack:
    """What is done to one array of a target: another dtype, layout or unit, or a damage."""

    which: int = 0
    dtype: str = "f8"
    layout: str = "plain"
    scale: float = 1.0
    damage: str = ""
    place: int = 0


@dataclass
class Tally:
    """How calls ended."""

    calls: int = 0
    answers: int = 0
    refusals: int = 0
    others: list[str] = field(default_factory=list)

    def count(self, target: Target, attack: Attack) -> None:
        self.calls += 1
        ending = outcome(target, attack)
        if ending == "answer":
            self.answers += 1
        elif ending == "refusal":
            self.refusals += 1
        else:
            self.others.append(f"{target.name}, {attack}: {ending}")


@st.composite
def attacks(draw: Any, target: Target) -> Attack:
    """One attack on a target."""
    which = draw(st.integers(0, len(target.arrays) - 1))
    kind = draw(st.sampled_from(["damage", "dtype", "scale"] if target.degree is not None else ["damage", "dtype"]))
    place, layout = draw(st.integers(0, 10**6)), draw(st.sampled_from(LAYOUTS))
    if kind == "damage":
        allowed = [damage for damage in (*DAMAGES, *(STRICT if target.strict else ())) if may(target, which, damage)]
        return Attack(which, layout=layout, damage=draw(st.sampled_from(allowed)), place=place)
    if kind == "scale":
        dtype = draw(st.sampled_from(["f4", "f8"]))
        return Attack(which, dtype=dtype, layout=layout, scale=draw(st.sampled_from(SCALES)))
    return Attack(which, dtype=draw(st.sampled_from(DTYPES if target.wide else NARROW)), layout=layout)


def may(target: Target, which: int, damage: str) -> bool:
    """Whether an argument can be damaged so."""
    if damage == "complex":
        return which not in target.complex_ones
    if damage in ("empty", "axis more", "axis less"):
        return which not in target.free
    if damage == "nothing":
        return which not in target.optional
    if damage == "row less":
        return len(target.arrays) > which + 1
    return damage not in ("sample more", "sample less") or np.ndim(target.arrays[which]) == 2


def outcome(target: Target, attack: Attack) -> str:
    """How a call ends: ``answer``, ``refusal``, or what is wrong."""
    given, expected = list(target.arrays), None
    if attack.damage:
        given[attack.which] = laid_out(damaged(target.arrays[attack.which], attack), attack.layout)
    elif attack.scale != 1:
        given = [laid_out(typed(attack.scale * array, attack.dtype), attack.layout) for array in target.arrays]
        assert target.degree is not None
        expected = target.answer
        if target.same_precision and attack.dtype == "f4" and attack.layout != "list":
            expected = result(target.call(*(array.astype(np.float32) for array in target.arrays)))
    else:
        chosen = range(len(given)) if target.together else [attack.which]
        largest = max(np.abs(target.arrays[k]).max() for k in chosen)
        numbers = {k: typed(target.arrays[k], attack.dtype, largest) for k in chosen}
        for k in chosen:
            given[k] = laid_out(numbers[k], attack.layout)
    before = [np.array(array).tobytes() if isinstance(array, np.ndarray) else None for array in given]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", recordings.SharedNoiseWarning)
            found = result(target.call(*given))
    except (ValueError, TypeError, MemoryError) as error:
        return refusal(error, target, attack)
    except Exception as error:
        return f"{type(error).__name__}: {error} at {''.join(traceback.format_tb(error.__traceback__)[-1:])}"
    for array, bytes_before in zip(given, before, strict=True):
        if bytes_before is not None and np.array(array).tobytes() != bytes_before:
            return "an input array was changed"
    if attack.damage and not (attack.damage == "NaN" and attack.which in target.missing):
        return "was accepted"
    if not np.isfinite(found).all():
        return "the answer is not finite"
    if attack.damage:
        return "answer"
    if expected is not None:
        unit = attack.scale ** (target.degree or 0)
        return compared(found / unit, expected, target.tolerance)
    single = target.same_precision and attack.dtype in ("f2", "f4", ">f4") and attack.layout != "list"
    same = list(target.arrays)
    for k, array in numbers.items():
        same[k] = array if array.dtype.kind == "c" else np.array(array, np.float32 if single else np.float64)
    return compared(found, result(target.call(*same)), target.tolerance)


def refusal(error: Exception, target: Target, attack: Attack) -> str:
    """Whether an error is the library's own, and names what was given; and whether there was reason for it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    if not where.filename.startswith(LIBRARY):
        return f"{type(error).__name__} of {where.filename}:{where.lineno}: {error}"
    if not any(name in str(error) for name in target.names):
        return f"names nothing: {error}"
    return "refusal" if attack.damage else f"was refused: {error}"


def result(found: Any) -> np.ndarray:
    """An answer as one flat array."""
    parts = found if isinstance(found, (tuple, list)) else [found]
    return np.concatenate([np.ravel(np.asarray(part, complex if np.iscomplexobj(part) else float)) for part in parts])


def compared(found: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    if found.shape != expected.shape:
        return f"{found.shape} values instead of {expected.shape}"
    error = np.abs(found - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-300)
    return "answer" if error <= tolerance else f"the answer is {error:.2g} off"


def typed(array: np.ndarray, dtype: str, largest: float = 1.0) -> np.ndarray:
    """The array in another type of number; whole numbers use most of their range."""
    kind = np.dtype(dtype)
    if np.iscomplexobj(array):
        return array.astype(np.complex64 if kind.itemsize <= 4 else np.complex128)
    if kind.kind not in "iu":
        return array.astype(kind)
    # Unsigned numbers hold the same about the middle of their range, as an analogue-digital converter gives them.
    if kind.kind == "u":
        return np.round(array / largest * 9000 + 10000).astype(kind)
    return np.round(array / largest * {1: 120, 2: 30000, 4: 10**6}[kind.itemsize]).astype(kind)


def laid_out(array: Any, layout: str) -> Any:
    """The same numbers in another place of memory, or as lists."""
    if not isinstance(array, np.ndarray) or layout == "plain":
        return array
    if layout == "list":
        return array.tolist() if array.dtype.kind != "O" else array
    if layout == "Fortran order":
        return np.asfortranarray(array)
    if layout == "reversed":
        return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    if layout == "strided" and array.ndim:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    fixed = array.copy()
    fixed.flags.writeable = False
    return fixed


def damaged(array: np.ndarray, attack: Attack) -> Any:
    """The array with a defect that no call may accept."""
    bad = np.array(array, order="C")
    flat, place = bad.reshape(-1), attack.place % bad.size
    values = {"NaN": np.nan, "infinite": np.inf, "minus infinite": -np.inf, "too strong": 1e35}
    if attack.damage in values:
        flat[place] = values[attack.damage]
        return bad
    if attack.damage == "too weak":
        bad[attack.place % len(bad)] *= 1e-40
        return bad
    return {
        "complex": lambda: bad + 1e-3j,
        "objects": lambda: np.array([[object()]]),
        "logical": lambda: bad.real > 0,
        "text": lambda: "noisy",
        "ragged": lambda: [[1.0, 2.0], [3.0]],
        "nothing": lambda: None,
        "empty": lambda: bad[:0],
        "axis more": lambda: bad[None],
        "axis less": lambda: bad.reshape(-1) if bad.ndim > 1 else bad[0],
        "sample more": lambda: np.concatenate([bad, bad[:, :1]], axis=1),
        "sample less": lambda: bad[:, 1:],
        "row less": lambda: bad[1:],
    }[attack.damage]()


# Denoisers

#: 10 objects of 128 samples, and a matrix of 6 x 6 pixels with 144 samples.
SMALL = Scanner((25e3, 3.125e3), sampling_frequency=400e3, shape=(9, 9))
GRID = Scanner((22.5e3, 20e3), sampling_frequency=360e3, shape=(6, 6))
TINY = {"width": 2, "training": {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3}}


@cache
def measured(scanner: Scanner, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two noisy periods of ``count`` objects, or of all pixels, and the clean signals; of about unit strength."""
    rng = np.random.default_rng(seed)
    A = simulation.system_matrix(scanner, Particle()).astype(np.float64)
    clean = (A if count == 0 else A @ rng.random((A.shape[1], count))).T
    clean = clean / np.sqrt(np.mean(clean**2, axis=1, keepdims=True))
    u1, u2 = clean + 0.5 * rng.standard_normal((2, *clean.shape))
    return u1, u2, clean


def made(name: str) -> tuple[Callable[[], denoisers.Denoiser], tuple[np.ndarray, ...]]:
    """A denoiser at tiny size, and the periods it is fitted to."""
    cls, options = denoisers.find(name), {}
    scanner = GRID if cls.whole else SMALL
    options |= TINY if cls.trains else {}
    if cls.trains and cls.whole:
        options["training"] = {**TINY["training"], "batch_size": 120}
    options |= {"scanner": scanner} if cls.needs_scanner else {}
    options |= {key: value for key, value in (("rank", 12), ("recorruptions", 2)) if key in denoisers.parameters(name)}
    u1, u2, clean = measured(scanner, 0 if cls.whole else 9)
    return lambda: denoisers.create(name, **options), (u1, clean if cls.supervised else u2)


def fitting(name: str) -> Target:
    """A fit, and what the denoiser then makes of the first period."""
    make, (first, second) = made(name)

    def call(u1: Any, u2: Any) -> np.ndarray:
        denoiser = make().fit(u1, u2)
        return denoiser.denoise(u1 if denoiser.periods == 1 else np.stack([u1, u2], axis=1))

    names = ("noisy", "clean") if denoisers.find(name).supervised else ("u1", "u2")
    tolerance = 5e-2 if denoisers.find(name).trains else 1e-3
    return Target(f"{name}.fit", call, (first, second), names, 1, strict=True, together=True, slow=True,
                  tolerance=tolerance)  # fmt: skip


def validating(name: str) -> Target | None:
    """A fit with pairs to choose by, which are attacked; ``None`` where there is nothing to choose."""
    cls = denoisers.find(name)
    if cls.whole:
        return None
    make, (first, second) = made(name)
    u1, u2, clean = measured(SMALL, 5, 1)

    def call(v1: Any, v2: Any) -> np.ndarray:
        pairs = (recordings.SupervisedPairs if cls.supervised else recordings.Recordings)(v1, v2)
        denoiser = make().fit(first, second, pairs)
        return denoiser.denoise(first if denoiser.periods == 1 else np.stack([first, first], axis=1))

    names = ("noisy", "clean") if cls.supervised else ("u1", "u2")
    tolerance = 5e-2 if cls.trains else 1e-3
    return Target(f"{name} validation", call, (u1, clean if cls.supervised else u2), (*names, "validation"),
                  together=True, slow=True, tolerance=tolerance)  # fmt: skip


def denoising(name: str) -> Target:
    """What a fitted denoiser makes of a period."""
    make, (first, second) = made(name)
    cls = denoisers.find(name)

    @cache
    def fitted() -> denoisers.Denoiser:
        return make().fit(first, second)

    u = np.stack([first, second], axis=1) if cls.periods == 2 else first
    # Thresholds are those of the noise of the fit, and whole numbers here are in another unit.
    wide = getattr(cls, "linear", True)
    tolerance = 5e-2 if cls.trains else 1e-3
    return Target(f"{name}.denoise", lambda u: fitted().denoise(u), (u,), ("u ",), 1 if wide else None,
                  wide=wide, strict=True, tolerance=tolerance, slow=cls.whole and cls.trains)  # fmt: skip


# Functions


def functions() -> list[Target]:
    """Every public function and class that takes arrays, of those that do not belong to files."""
    u1, u2, clean = measured(SMALL, 9)
    rng = np.random.default_rng(2)
    N, lines = SMALL.num_samples, SMALL.num_samples // 2 + 1
    images, other = rng.random((2, 2, 12, 12)) + 0.1
    wave = rng.standard_normal(40)
    powers = rng.random((3, 20)) + 0.1
    A = rng.standard_normal((10, 6)) + 1j * rng.standard_normal((10, 6))
    L1, L2 = (rng.random((3, 6)) @ A.T + 0.1 * rng.standard_normal((3, 10)) for _ in range(2))
    times = np.linspace(0.1, 0.9, len(u1))
    tiny = system.System(SMALL.sequence, (1, 2, 3), (0.02, 0.01, 0.0))
    objects = rng.random((2, 1, 2, 3))
    voltage = rng.standard_normal((2, 2, 30))
    matrix1, matrix2, matrix = measured(GRID, 0)
    cut = np.ascontiguousarray(matrix[:, :40])
    empty = background.EmptyMeasurement(u1)
    model = forward.ForwardModel(SMALL, rank=12)
    z = model.coordinates(u1)
    chain = receive_chain.ReceiveChain(delay=1e-6, low_pass=1e5)
    xspace = reconstruction.XSpace(SMALL)
    kaczmarz = reconstruction.Kaczmarz(1e-2, 3, 1.5)
    smr = reconstruction.SystemMatrixReconstruction(matrix, np.arange(1, 20), GRID.shape, kaczmarz)
    measured_lines = smr.components(matrix1)
    position = error_bars.speed_classes(SMALL, 3)
    white = line_noise.LineNoise(powers[0] + 1, rng.standard_normal((20, 2)))
    deviation = 1 + rng.random(2)
    seeded = lambda: np.random.default_rng(0)  # noqa: E731
    bars = lambda a, b, f, g, n, d: error_bars.ErrorBars.learn(  # noqa: E731
        recordings.Recordings(a, b), (f, g), position, 9, 2
    ).deviation(n, d)
    filtered = lambda told: (told[0], told[1].error)  # noqa: E731
    pair, one = ("u1", "u2"), ("u ",)
    simple = ("clean", "estimate")
    return [
        Target("Recordings", lambda a, b: recordings.Recordings(a, b).arrays, (u1, u2), pair, 1),
        Target("HeldOut", lambda a, b, c: recordings.HeldOut(a, b, c).clean, (u1, u2, clean), (*pair, "clean"), 1),
        Target("phantoms of HeldOut", lambda p: recordings.HeldOut(u1[:2], u2[:2], clean[:2], p).phantoms, (images,),
               ("phantoms",), optional=(0,)),
        Target("SupervisedPairs", lambda a, b: recordings.SupervisedPairs(a, b).arrays, (u1, clean),
               ("noisy", "clean"), 1),
        Target("split", lambda a, b: recordings.split(a, b, None)[1].arrays, (u1, u2), pair, 1),
        Target("rms", recordings.rms, (u1,), one, 1),
        Target("binary_exponent", recordings.binary_exponent, (u1,), one),
        Target("snr_db", metrics.snr_db, (clean, u1), simple, 0),
        Target("rmse", metrics.rmse, (clean, u1), simple, 1),
        Target("bias_and_variance", metrics.bias_and_variance, (clean[:4], rng.standard_normal((4, 3, N))),
               ("clean", "estimates"), 2),
        Target("psnr_db", metrics.psnr_db, (images, other), simple, 0),
        Target("ssim", metrics.ssim, (images, other), simple, 0),
        Target("scaled_to_fit", metrics.scaled_to_fit, (images, other), ("objects", "images"), 1),
        Target("object_error", metrics.object_error, (images, other), ("objects", "images"), 0),
        Target("bootstrap_interval", lambda v: metrics.bootstrap_interval(v, resamples=20), (wave,), ("values",), 1),
        Target("add_gaussian", lambda u: noise.add_gaussian(u, 5, seeded(), 0.5), (clean,), one, 1, free=(0,),
               same_precision=True),
        Target("add_spikes", lambda u: noise.add_spikes(u, 5, 0.1, seeded()), (clean,), one, 1, free=(0,),
               same_precision=True),
        Target("add_harmonics", lambda u: noise.add_harmonics(u, 5, [5e4], 4e5, seeded()), (clean,), one, 1,
               free=(0,), same_precision=True),
        Target("frequencies of add_harmonics", lambda f: noise.add_harmonics(clean, 5, f, 4e5, seeded()),
               (np.array([5e4, 7e4]),), ("frequencies",), free=(0,), wide=False),
        Target("ratios of add_harmonics", lambda r: noise.add_harmonics(clean, r, [5e4], 4e5, seeded()),
               (times,), ("sir_db",), free=(0,)),
        Target("Noise.record", lambda u: noise.Noise(5, interference=noise.Interference(5)).record(u, SMALL, seeded()),
               (clean,), one, 1, same_precision=True),
        Target("Background.signals", lambda t: background.Background(5).signals(t, SMALL, 1, seeded()), (times,),
               ("time",), free=(0,)),
        Target("EmptyMeasurement", lambda a, b: background.EmptyMeasurement(a, b).background([0, 0.5]), (u1, u2),
               ("before", "after"), 1, optional=(1,)),
        Target("EmptyMeasurement.background", empty.background, (times,), ("time",), free=(0,)),
        Target("EmptyMeasurement.taken_off", lambda u: empty.taken_off(u, times), (u2,), one),
        Target("times of taken_off", lambda t: empty.taken_off(u2, t), (times,), ("time",)),
        Target("stands_out", lambda a, b: background.stands_out([a, b]), (u1, u2), ("groups",)),
        Target("threshold", lambda s: detection.threshold(s, 0.1), (wave,), ("silent", "rate"), 1, free=(0,)),
        Target("crossing", lambda x, y: detection.crossing(x, y, 0.5), (np.arange(5.0), np.linspace(0.1, 0.9, 5)),
               ("levels", "rates"), wide=False),
        Target("ErrorBars", bars, (u1, u2, clean, clean * 1.1, u1, clean), ("u1", "u2", "denoised", "noisy"), 1),
        Target("loudness", lambda u: error_bars.loudness(u, 9), (u1,), one, 1),
        Target("mirror", symmetry.mirror, (u1,), one, 1),
        Target("odd_part", symmetry.odd_part, (u1,), one, 1),
        Target("even_part", symmetry.even_part, (u1,), one, 1),
        Target("sine_lines", symmetry.sine_lines, (u1,), one, 1),
        Target("from_sine_lines", lambda y: symmetry.from_sine_lines(y, N), (u1[:, :50],), ("lines",), 1, free=(0,)),
        Target("filtered", line_phase.filtered, (u1, np.exp(1j * np.linspace(0, 1, lines))), ("u ", "response"),
               complex_ones=(1,)),
        Target("debye_relaxation", lambda u: relaxation.debye_relaxation(u, 1e-6, 4e5), (u1,), one, 1),
        Target("ReceiveChain.apply", lambda u: chain.apply(u, 4e5), (u1,), one, 1),
        Target("ReceiveChain.response", chain.response, (np.abs(wave),), ("frequency",), free=(0,)),
        Target("XSpace", xspace, (u1,), one, 1),
        Target("kaczmarz", lambda A, u: reconstruction.kaczmarz(A, u, 1e-2, 3), (A, L1), ("A ", "u "), 0,
               complex_ones=(0, 1), free=(1,)),
        Target("kaczmarz of complex images", lambda u: reconstruction.kaczmarz(A, u, 1e-2, 3, False), (L1,), one, 1,
               complex_ones=(0,), free=(0,)),
        Target("SystemMatrixReconstruction",
               lambda m, u: reconstruction.SystemMatrixReconstruction(m, np.arange(1, 20), GRID.shape, kaczmarz)(
                   reconstruction.frequency_components(u, np.arange(1, 20))), (matrix, matrix1[:3]),
               ("u ", "columns"), 0),
        Target("measure", smr.measure, (rng.random((2, 6, 6)),), ("objects",), 1),
        Target("components", smr.components, (matrix1,), one, 1),
        Target("images of components", smr, (measured_lines,), one, 1, complex_ones=(0,), free=(0,)),
        Target("frequency_components", reconstruction.frequency_components, (u1,), one, 1),
        Target("select_frequencies", lambda a, b: reconstruction.select_frequencies(a, b, 0.5), (clean, u1), pair, 0,
               wide=False),
        Target("langevin", langevin.langevin, (wave,), ("x ",), free=(0,)),
        Target("langevin_derivative", langevin.langevin_derivative, (wave,), ("x ",), free=(0,)),
        Target("optimal_shrinkage", lambda s: lowrank.optimal_shrinkage(s, 0.5), (np.abs(wave),), ("singular",),
               free=(0,)),
        Target("leading_singular", lambda m: lowrank.leading_singular(m, 5)[1], (u1,), ("matrix",), 1),
        Target("point_spread_function", lambda d: simulation.point_spread_function(d, SMALL, Particle()),
               (0.01 * wave.reshape(20, 2),), ("displacement",), free=(0,)),
        Target("static_field", SMALL.sequence.static_field, (0.01 * wave[:39].reshape(13, 3),), ("positions",),
               free=(0,)),
        Target("vector", lambda v: sequence.vector(v, "offset"), (wave[:3],), ("offset",)),
        Target("matrix", lambda v: sequence.matrix(v, "gradient"), (wave[:9].reshape(3, 3),), ("gradient",)),
        Target("responses.signals", lambda o: responses.signals(tiny, Particle(), o), (objects,), ("objects",), 1,
               free=(0,)),
        Target("responses.deviation", lambda u: responses.deviation(u, 5), (voltage,), ("clean",), 1),
        Target("responses.record", lambda u, d: responses.record(u, d, seeded()), (voltage, deviation),
               ("clean", "deviation"), 1),
        Target("Truth.signals", lambda p, r: truth.Truth(relaxation_time=1e-6).signals(p, r, SMALL),
               (rng.random((2, 3, 3)), u1), ("phantoms", "response")),
        Target("Truth.seen", truth.Truth().seen, (images,), ("phantoms",), 1),
        Target("n2n_gains", yardsticks.n2n_gains, (powers[0], powers[1]), ("signal", "noise"), wide=False),
        Target("r2r_gains", lambda s, n, a: yardsticks.r2r_gains(s, n, a, 0.5), tuple(powers),
               ("signal", "noise", "added"), wide=False),
        Target("reference", held_out.reference, (u1,), ("frames",)),
        Target("reference_error", held_out.reference_error, (clean, u1), ("denoised", "recordings"), 2),
        Target("passed_of_nothing", lambda e: held_out.passed_of_nothing(lambda u: u / 2, e), (u1,), ("empty",), 0),
        Target("Risk", lambda a, b: held_out.Risk.of(lambda u: u / 2, recordings.Recordings(a, b)).error, (u1, u2),
               pair, 2),
        Target("fold", components.fold, (images,), ("images",), 1),
        Target("unfold", lambda p: components.unfold(p, 1, (12, 12)), (images[:, :6, :6],), ("parts",), 1, free=(0,)),
        Target("ForwardModel.coordinates", model.coordinates, (u1,), one, 1),
        Target("ForwardModel.lines", model.lines, (z,), ("z ",), 1, free=(0,)),
        Target("ForwardModel.signals", model.signals, (z,), ("z ",), 1, free=(0,)),
        Target("ForwardModel.images", model.images, (rng.random((2, 25)),), ("x ",), 1, free=(0,)),
        Target("LineNoise.whitened", white.whitened, (wave.reshape(2, 20),), ("lines",), 1, free=(0,)),
        Target("LineNoise.coloured", white.coloured, (wave.reshape(2, 20),), ("white",), 1, free=(0,)),
        Target("LineNoise", lambda d, f: line_noise.LineNoise(d, f).coloured(wave.reshape(2, 20)),
               (white.deviation, white.factors), ("deviation", "factors")),
        Target("image", lambda m, a, b: solution.image(m, a, b).values, (A, L1, L2), ("matrix", "first", "second"), 0,
               complex_ones=(0, 1, 2), optional=(2,), missing=(1, 2)),
        Target("choose_lambda", lambda m, a, b: solution.choose_lambda(m, a, b, 2, (1e-2, 1.0))[0], (A, L1, L2),
               ("matrix", "first", "second"), 0, complex_ones=(0, 1, 2), optional=(2,)),
        Target("gain", lambda m, a, b: solution.gain(m, a, b, 1e-2, 2), (A, L1, L2), ("matrix", "first", "second"), 0,
               complex_ones=(0, 1, 2), optional=(2,)),
        Target("denoise_matrix", lambda a, b: filtered(measured_matrix.denoise_matrix(a, (6, 6), b))[0],
               (cut, cut + 0.3 * matrix1[:, :40]), ("signals", "second"), 1),
        Target("denoise_matrix with noise", lambda a, n: measured_matrix.denoise_matrix(a, (6, 6), None, n)[0],
               (cut, 0.3 * matrix2[:5, :40]), ("signals", "noise"), 1),
        Target("denoise_lines", lambda a, b: measured_matrix.denoise_lines(a, (6, 6), b)[0],
               (np.fft.rfft(cut).T, np.fft.rfft(cut + 0.3 * matrix1[:, :40]).T), ("first", "second"), 1,
               complex_ones=(0, 1), free=(0, 1), optional=(1,)),
    ]  # fmt: skip


@cache
def targets(slow: bool = True) -> dict[str, Target]:
    """All targets by name."""
    found = functions() + [denoising(name) for name in denoisers.names()]
    if slow:
        found += [fitting(name) for name in denoisers.names()]
        found += [target for name in denoisers.names() if (target := validating(name)) is not None]
    return {target.name: target for target in found}
