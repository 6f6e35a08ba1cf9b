"""Nothing wrong gets in, and nothing right gets lost: arrays of every kind at the door of every denoiser and function.

The targets and what is done to them stand in ``attack.py``. A denoiser that is registered is attacked without more ado,
and a public function that takes arrays is a target or is named below with the reason why not.
"""

import functools
import inspect
import json
import os
import pkgutil
import time
import warnings
from pathlib import Path

import attack
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import mpicore
from mpicore import checks, denoisers, metrics, noise, recordings
from mpicore.denoisers import create
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import system_matrix

#: Repeatable, and nothing is kept on the disk.
QUICK = {"database": None, "derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}


def attacked(target, count):
    """Attack a target some times; the first defect is brought to its simplest form."""

    @settings(max_examples=count, **QUICK)
    @given(st.data())
    def run(data):
        found = data.draw(attack.attacks(target))
        ending = attack.outcome(target, found)
        assert ending in ("answer", "refusal"), f"{target.name}: {ending}"

    run()


@pytest.mark.parametrize("name", [target.name for target in attack.functions()])
def test_functions_answer_or_refuse_by_name(name):
    attacked(attack.targets()[name], 8)


@pytest.mark.parametrize("name", denoisers.names())
def test_denoisers_answer_or_refuse_by_name(name):
    target = attack.targets()[f"{name}.denoise"]
    attacked(target, 2 if target.slow else 6)


@pytest.mark.parametrize("name", [name for name in denoisers.names() if name != "component_n2n"])
def test_fits_answer_or_refuse_by_name(name):
    attacked(attack.targets()[f"{name}.fit"], 3)


def attacked_and_counted(target, tally):
    """Of every target its share: three in a hundred calls are fits."""
    share = 4 if target.name.startswith("component_n2n") else 14 if target.slow else 190

    @settings(max_examples=share, phases=[Phase.generate], **QUICK)
    @given(st.data())
    def run(data):
        tally.count(target, data.draw(attack.attacks(target)))

    run()


@pytest.mark.attack
def test_twenty_thousand_calls_end_in_an_answer_or_a_refusal():
    """Figures go to ``calls.json`` in the folder that the variable ATTACK_REPORT names, if there is one."""
    tally, started = attack.Tally(), time.monotonic()
    for target in attack.targets().values():
        attacked_and_counted(target, tally)
    report = {"calls": tally.calls, "answers": tally.answers, "refusals": tally.refusals, "others": len(tally.others)}
    print(report, f"{time.monotonic() - started:.0f} s")
    if folder := os.environ.get("ATTACK_REPORT"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "calls.json").write_text(json.dumps(report) + "\n")
    assert not tally.others, "\n".join(tally.others[:20])
    assert tally.calls >= 20_000


#: Modules whose arrays come from files or from the library itself.
WITHOUT = {
    "assumptions": "of recordings, which mpicore.mdf has checked",
    "checks": "the door itself",
    "contents": "of files",
    "empty_frames": "of recordings",
    "files": "of tensors",
    "frame_background": "of recordings",
    "image_files": "what it refuses is in test_image_files",
    "imaging": "of files, but for mpicore.imaging.solution",
    "losses": "of tensors",
    "mdf": "what it refuses is in test_mdf_hostile",
    "measured": "of recordings",
    "measured_weights": "of recordings",
    "pairing": "of recordings",
    "report_figures": "of recordings",
    "sample": "of recordings",
    "scan": "writes files of its own numbers",
    "skipped": "of recordings, in which NaN is what it looks for",
    "unet": "networks",
    "commands": "of files",
}
#: Functions that take arrays which are not signals, or that are called by targets with what those have checked.
INSIDE = {
    "like_strength", "noisy_error", "series", "series_derivative", "series_excess", "covariance_times", "neighbours",
    "line_gain", "of", "signals", "background", "sequence_phase", "slopes",
}  # fmt: skip


def test_every_public_function_of_arrays_is_attacked():
    """By its name, in the text of the attacks."""
    text = Path(attack.__file__).read_text()
    missing = set()
    for module in pkgutil.iter_modules(mpicore.__path__):
        if module.name in WITHOUT or module.name == "denoisers" or module.ispkg:
            continue
        loaded = __import__(f"mpicore.{module.name}", fromlist=["*"])
        for name, thing in vars(loaded).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != loaded.__name__ or not callable(thing):
                continue
            methods = vars(thing) if inspect.isclass(thing) else {name: thing}
            for method, function in methods.items():
                if method.startswith("_") or not inspect.isfunction(function) or method in INSIDE:
                    continue
                takes = "".join(str(p.annotation) for p in inspect.signature(function).parameters.values())
                if ("ndarray" in takes or "_array_like" in takes) and method not in text:
                    missing.add(f"{module.name}.{method}")
    assert not missing
    assert set(WITHOUT) <= {module.name for module in pkgutil.iter_modules(mpicore.__path__)}


# Single cases that users have met, or may meet


@pytest.mark.parametrize("name", ["dct_wiener_twice", "svd_dct", "component_n2n", "n2n", "proposed"])
def test_the_order_in_memory_does_not_matter(name):
    """A transposed matrix is in Fortran order: a transform in place once destroyed it between two steps."""
    make, (u1, u2) = attack.made(name)
    turned = make().fit(np.asfortranarray(u1), np.asfortranarray(u2)).denoise(np.asfortranarray(u1))
    expected = make().fit(u1, u2).denoise(u1)
    np.testing.assert_allclose(turned, expected, rtol=0, atol=5e-2 * np.abs(expected).max())


@pytest.mark.parametrize("name", denoisers.names())
def test_a_zero_signal_is_named_or_stays_zero(name):
    """In the period that is denoised, and in either period of a fit."""
    make, (u1, u2) = attack.made(name)
    denoiser = make()
    if name != "component_n2n":
        denoiser.fit(u1, u2)
        silent = u1.copy()
        silent[1] = 0
        given_ = silent if denoiser.periods == 1 else np.stack([silent, silent], axis=1)
        found = answer_or_named(functools.partial(denoiser.denoise, given_), "zero signal")
        assert found is None or denoiser.whole or np.abs(found[1]).max() < 1e-30
        for pair in ((silent, u2), (u1, np.where(silent == 0, 0, u2))):
            answer_or_named(lambda pair=pair: make().fit(*pair).denoise(given_), "zero signal")


def test_constant_signals_are_answered():
    make, (u1, u2) = attack.made("wavelet")
    u1 = u1.copy()
    u1[1] = 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(make().fit(u1, u2).denoise(u1)).all()


def answer_or_named(call, message):
    """A finite answer, or ``None`` after an error with this message."""
    try:
        found = call()
    except ValueError as error:
        if message not in str(error):
            raise
        return None
    assert np.isfinite(found).all()
    return found


@pytest.mark.parametrize("diameter", [1e-10, 5e-9])
def test_the_memory_of_a_matrix_is_bounded_for_small_particles(diameter):
    """The near field of a small particle is the whole field of view, and no window is larger than that."""
    import tracemalloc

    scanner = Scanner.cartesian(shape=(7, 7))
    tracemalloc.start()
    matrix = system_matrix(scanner, Particle(core_diameter=diameter))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(matrix).all()
    assert peak < 500e6


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda u: noise.add_gaussian(u, -1e4, np.random.default_rng(0)), "snr_db must leave noise of at most"),
        (lambda u: noise.add_gaussian(u[:, :1], 5, np.random.default_rng(0), 1.0), "u must have at least 2 samples"),
        (lambda u: noise.Interference(5.0, harmonics=2), "harmonics must be a sequence, got 2"),
        (
            lambda u: metrics.object_error(np.zeros((1, 4, 4)), np.ones((1, 4, 4))),
            "objects must not be zero everywhere",
        ),
        (lambda u: recordings.Recordings(u, np.ma.masked_less(u, 0)), "u2 must not hold masked values"),
        (lambda u: checks.numbers(10**400, "u"), "u must be real numbers, got dtype object"),
        (lambda u: create("wiener").fit(u, 1e12 * u), "u1 and u2 must be alike in strength"),
        (lambda u: create("wiener").fit(u, u), "wiener needs two recorded periods with noise of their own"),
        (lambda u: create("singular_values").fit(u[:, :2], u[:, 2:4]), "must have at least 3 samples"),
    ],
)
def test_single_cases_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0).standard_normal((4, 8)))
