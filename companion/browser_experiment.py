"""The experiment in the browser: what a page of the book computes with, as scripts that it loads when asked to.

The first script holds a manifest in JSON and the bytes of the arrays that all methods need, as Base64; one for each
noise that methods are fitted to holds what they have learned. A page that is opened as a file may load a script, and
may not fetch a binary file. ``book/extra/experiment/compute.js`` reads them.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion import analyses, runs
from companion.analyses.browser import EXPERIMENTS
from companion.config import RunConfig, RunName
from companion.experiments import Experiments
from companion.runs import Root
from companion.setup import Setup
from mpicore import files
from mpicore.denoisers.signal_network import SignalNetworkDenoiser
from mpicore.denoisers.spectral_wiener import SpectralWiener
from mpicore.noise import Noise
from mpicore.phantoms import other_phantoms, random_phantoms
from mpicore.reconstruction import XSpace
from mpicore.seeds import branch
from mpicore.symmetry import require_odd

#: Methods that the page offers, in the order of its table.
METHODS = ("noisy", "antisymmetric", "wiener", "wiener_antisymmetric", "linear_n2n", "proposed")
#: Objects that it offers, so many of each kind. The first kind is that of the training.
OBJECTS = {"shapes": 3, "letters": 2, "rings": 1, "points": 2}
#: Experiments whose tones it offers, and what it calls them.
TONES = {"xspace-slow": "tones of Table 2", "xspace-harmonic": "tones on the signal's own lines"}
_FITS = dict(zip(EXPERIMENTS, ("Table 1", "Table 2"), strict=True))
_TYPES = {"float16", "float32", "uint8", "uint16"}
Arrays = dict[str, NDArray[Any]]


def needs(known: Experiments, preset: str) -> list[RunName]:
    """The runs whose denoisers the page has."""
    return [known.shown(experiment, method, preset) for experiment in EXPERIMENTS for method in METHODS]


def export(
    known: Experiments,
    preset: str,
    root: Root,
    fitted: str | Path,
    target: str | Path,
    cache: str | Path | None = None,
) -> dict[str, Any]:
    """Write the scripts.

    Args:
        known: the checked experiments file.
        preset: whose runs are taken.
        root: where they are.
        fitted: table of the analysis ``browser``, with its arrays beside it.
        target: the first script; the others are put beside it, see :func:`scripts`.
        cache: folder of shared data, see :class:`companion.setup.Setup`.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: a run is missing, or is kept without what it learned.
        ValueError: signals that are not odd, whose second half the script leaves out; a file that is damaged.
        OSError: a file cannot be read or written.
    """
    frame, linear = analyses.read(fitted)
    config = known.named(known.shown(EXPERIMENTS[0], METHODS[-1], preset), preset)
    scanner = require_odd(config.scanner, "the experiment in the browser")
    assert config.gridding is not None  # x-space data
    setup = Setup(config, cache)
    arrays = {f"gridding-{name}": values for name, values in gridding(XSpace(scanner, config.gridding)).items()}
    objects = _objects(config, arrays)
    interferences, noises = _interferences(known)
    fits = []
    for (experiment, title), script in zip(_FITS.items(), scripts(target)[1:], strict=True):
        fit: dict[str, Any] = {"name": experiment, "title": title, **noises[experiment], "methods": []}
        state: Arrays = {}
        for method in METHODS:
            entry, learned = _method(known, known.shown(experiment, method, preset), preset, root, linear)
            fit["methods"].append(entry)
            state |= {f"{experiment}-{method}-{name}": values for name, values in learned.items()}
        row = frame.set_index("experiment").loc[experiment]
        fit["linear"] = {name: row[name].item() for name in ("lines", "rank", "snr_db", "run_snr_db")}
        fit |= {"script": script.name, "packed": _write(script, experiment, state)}
        fits.append(fit)
    manifest = {
        "preset": preset,
        "samples": scanner.num_samples,
        "samplingFrequency": scanner.sampling_frequency,
        "driveFrequency": list(scanner.drive_frequency),
        "shape": list(scanner.shape),
        "fov": list(scanner.fov),
        "scale": setup.reference_scale(setup.held_out(next(iter(config.test_noise))).clean),
        "objects": objects,
        "interferences": interferences,
        "fits": fits,
    }
    manifest["packed"] = _write(Path(target), "common", arrays, manifest)
    return manifest


def scripts(target: str | Path) -> list[Path]:
    """The scripts that are written for a first one: itself, and one for each noise that methods are fitted to."""
    return [Path(target), *(Path(target).with_name(f"{experiment}.js") for experiment in EXPERIMENTS)]


def _write(path: Path, name: str, arrays: Arrays, manifest: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write one script; returns where its arrays lie, and the digest of their bytes."""
    placed, content = pack(arrays)
    packed = {"arrays": placed, "digest": hashlib.sha256(content).hexdigest()}
    script = f"window.mpiExperiment ||= {{}};\n(window.mpiExperiment.data ||= {{}})[{json.dumps(name)}] = "
    script += f"{json.dumps(base64.b64encode(content).decode())};\n"
    if manifest is not None:
        text = json.dumps({**manifest, "packed": packed}, allow_nan=False)
        script += f"window.mpiExperiment.manifest = {text};\n"
    files.write_text(path, script)
    return packed


def pack(arrays: Arrays) -> tuple[dict[str, Any], bytes]:
    """Arrays one after the other, little-endian; returns type, shape and first byte of each, and the bytes.

    Raises:
        ValueError: a type that the page does not read.
    """
    placed: dict[str, Any] = {}
    content = bytearray()
    for name, array in arrays.items():
        kind = array.dtype.name
        if kind not in _TYPES:
            raise ValueError(f"{name} must be of one of {', '.join(sorted(_TYPES))}; got {kind}")
        placed[name] = {"type": kind, "shape": list(array.shape), "offset": len(content)}
        content += np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return placed, bytes(content)


def gridding(xspace: XSpace) -> Arrays:
    """The reconstruction of odd signals as a sparse matrix by rows: of its columns k and N - k the first alone.

    The entries of pixel p are those from ``start[p]`` to ``start[p + 1]``; each multiplies u[k] - u[N - k].
    """
    half = xspace.operator[:, : xspace.scanner.num_samples // 2 + 1].tocsr()
    if half.nnz >= 2**16:
        raise ValueError(f"the images must have fewer than {2**16} entries, got {half.nnz}")
    starts, columns = half.indptr.astype(np.uint16), half.indices.astype(np.uint16)
    return {"start": starts, "column": columns, "weight": half.data.astype(np.float32)}


def _objects(config: RunConfig, arrays: Arrays) -> list[dict[str, str]]:
    """Add each object and the first half of its clean signal to the arrays; returns what the objects are called."""
    seed = branch(config.data_seed, "x-space", "test")
    response = config.truth.response(config.scanner, config.particle)
    found: list[dict[str, str]] = []
    shape = config.truth.scanner(config.scanner).shape
    for kind, count in OBJECTS.items():
        training = kind == next(iter(OBJECTS))
        phantoms = random_phantoms(count, shape, seed) if training else other_phantoms(kind, count, shape, seed)
        clean = config.truth.signals(phantoms, response, config.scanner)
        for number, (phantom, signal) in enumerate(zip(config.truth.seen(phantoms), clean, strict=True), 1):
            arrays[f"object-{len(found)}"] = signal[1 : (len(signal) + 1) // 2].astype(np.float32)
            arrays[f"phantom-{len(found)}"] = np.round(255 * phantom).astype(np.uint8)
            found.append({"kind": kind, "title": f"{kind} {number}" if count > 1 else kind})
    return found


def _interferences(known: Experiments) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """What disturbs a period besides white noise, none first; and of each experiment its noise in these terms."""
    offered: list[dict[str, Any]] = [{"title": "none", "frequencies": []}]
    noises: dict[str, dict[str, Any]] = {}
    for experiment in dict.fromkeys([*EXPERIMENTS, *TONES]):
        entry = known.experiments[experiment]
        noise: Noise = entry.noise
        noises[experiment] = {"snr_db": noise.snr_db, "interference": 0, "sir_db": 0.0}
        if noise.interference is not None:
            scanner = known.file.scanners[entry.dataset]
            frequencies = noise.interference.frequencies(scanner).tolist()
            noises[experiment] |= {"interference": len(offered), "sir_db": noise.interference.sir_db}
            offered.append({"title": TONES[experiment], "frequencies": frequencies})
    return offered, noises


def _method(
    known: Experiments, name: RunName, preset: str, root: Root, linear: Arrays
) -> tuple[dict[str, Any], Arrays]:
    """How the page calls a method and applies it, and the arrays of it."""
    config, method = known.named(name, preset), known.methods[name.method]
    entry: dict[str, Any] = {"name": name.method, "title": method.title, "knows": method.knows, "run": config.key}
    entry |= {"colour": method.colour, "symmetry": "symmetry" in method.knows}
    if name.method == "linear_n2n":
        parts = ("lines", "analysis", "synthesis")
        return entry | {"kind": "linear"}, {part: linear[f"{name.experiment}-{part}"] for part in parts}
    run = runs.load(config, root)
    denoiser = run.denoiser
    if denoiser is None:
        raise FileNotFoundError(f"{name} is kept without what it learned, which the browser needs")
    state = denoiser.without_samples(denoiser.state())
    if isinstance(denoiser, SpectralWiener):
        return entry | {"kind": "spectral", "odd": denoiser.antisymmetric}, {"gains": state["gains"].astype(np.float32)}
    if isinstance(denoiser, SignalNetworkDenoiser):
        # Kernels are (out, in, 1, positions) in PyTorch, and have no rows here.
        weights = {part: array.squeeze(2) if array.ndim == 4 else array for part, array in state.items()}
        return entry | {"kind": "network", "stride": config.options["stride"]}, weights
    return entry | {"kind": {"noisy": "nothing", "antisymmetric": "odd part"}[name.method]}, {}
