"""Files written by hand from the tables of the MDF specification, version 2.1.0: the oracle of the reader."""

import h5py
import numpy as np

#: Channels, frequencies, samples of all files here: two drive channels of one frequency, whose cycle has 48 samples.
V = 48


def truth(N=6, J=1, C=2, V=V, seed=0):
    """Signals as a scanner would record them, shape (N, J, C, V)."""
    return np.random.default_rng(seed).standard_normal((N, J, C, V))


def tables(signals):
    """Every data set that the tables demand of raw signals in time domain, by its name."""
    N, J, C, V = signals.shape
    flags = (
        "BackgroundCorrected FastFrameAxis FourierTransformed FramePermutation FrequencySelection "
        "SparsityTransformed SpectralLeakageCorrected TransferFunctionCorrected"
    )
    return {
        "/time": "2026-01-02T03:04:05.678",
        "/uuid": "3170fdf8-f8e1-4cbf-ac73-41520b41f6ee",
        "/version": "2.1.0",
        "/study/description": "a study",
        "/study/name": "layouts",
        "/study/number": np.int64(3),
        "/study/uuid": "295258fe-b650-4e5f-96db-b83f11089a6c",
        "/experiment/description": "an experiment",
        "/experiment/isSimulation": np.int8(1),
        "/experiment/name": "signals",
        "/experiment/number": np.int64(4),
        "/experiment/subject": "none",
        "/experiment/uuid": "f96dbc48-1ebd-44c7-b04d-1b45da054693",
        "/scanner/boreSize": 0.12,
        "/scanner/facility": "here",
        "/scanner/manufacturer": "us",
        "/scanner/name": "bench",
        "/scanner/operator": "nobody",
        "/scanner/topology": "FFP",
        "/acquisition/gradient": np.broadcast_to(np.diag([-1.0, -1.0, 2.0]), (J, 1, 3, 3)),
        "/acquisition/numAverages": np.int64(5),
        "/acquisition/numFrames": np.int64(N),
        "/acquisition/numPeriodsPerFrame": np.int64(J),
        "/acquisition/offsetField": np.zeros((J, 1, 3)),
        "/acquisition/startTime": "2026-01-02T03:04:05.000",
        "/acquisition/drivefield/baseFrequency": 2.4e6,
        "/acquisition/drivefield/cycle": 48 / 2.4e6,
        "/acquisition/drivefield/divider": np.array([[16], [12]]),
        "/acquisition/drivefield/numChannels": np.int64(2),
        "/acquisition/drivefield/phase": np.full((J, 2, 1), 0.5),
        "/acquisition/drivefield/strength": np.full((J, 2, 1), 0.012),
        "/acquisition/drivefield/waveform": np.array([["sine"], ["sine"]], object),
        "/acquisition/receiver/bandwidth": 1.2e6 * V / 48,
        "/acquisition/receiver/numChannels": np.int64(C),
        "/acquisition/receiver/numSamplingPoints": np.int64(V),
        "/acquisition/receiver/unit": "V",
        "/measurement/data": signals,
        "/measurement/isBackgroundFrame": np.zeros(N, np.int8),
        **{f"/measurement/is{flag}": np.int8(0) for flag in flags.split()},
    }


def store(path, entries, data=None, **options):
    """Write data sets; ``None`` leaves one out, and ``data`` are options of h5py for the signals."""
    with h5py.File(path, "w", **options) as file:
        for name, value in entries.items():
            if value is not None:
                file.create_dataset(name, data=value, **((data or {}) if name == "/measurement/data" else {}))
    return path


def spectra(signals):
    """The unscaled transform of each period, K = V / 2 + 1 lines."""
    samples = np.arange(signals.shape[-1])
    lines = np.arange(signals.shape[-1] // 2 + 1)
    return signals @ np.exp(-2j * np.pi * np.outer(samples, lines) / signals.shape[-1])


def calibration(size, **more):
    """The group of a system matrix of that many voxels."""
    entries = {
        "deltaSampleSize": np.full(3, 1e-3),
        "fieldOfView": np.array([0.04, 0.03, 0.02]),
        "fieldOfViewCenter": np.array([0.0, 0.001, 0.0]),
        "method": "robot",
        "order": "xyz",
        "size": np.array(size),
        **more,
    }
    return {f"/calibration/{name}": value for name, value in entries.items()}


def dct_matrix(kind, n):
    """The orthogonal discrete cosine transform, entry by entry (rows are coefficients)."""
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    if kind == "DCT-I":
        matrix = np.cos(np.pi * k * x / (n - 1)) * np.sqrt(2 / (n - 1))
        matrix[:, [0, -1]] /= np.sqrt(2)
        matrix[[0, -1]] /= np.sqrt(2)
    elif kind == "DCT-II":
        matrix = np.cos(np.pi * k * (x + 0.5) / n) * np.sqrt(2 / n)
        matrix[0] /= np.sqrt(2)
    elif kind == "DCT-III":
        return dct_matrix("DCT-II", n).T
    else:
        matrix = np.cos(np.pi * (k + 0.5) * (x + 0.5) / n) * np.sqrt(2 / n)
    return matrix


def compressed(signals, mask, size, kind, kept):
    """The tables of a system matrix of which only the largest coefficients of each line are kept.

    Returns:
        The tables, and the spectra that they stand for, shape (N, J, C, K), foreground frames first.
    """
    lines = spectra(signals)
    foreground, background = lines[~mask], lines[mask]
    transform = np.eye(1)
    for voxels in size:  # x is the fastest
        transform = np.kron(dct_matrix(kind, voxels) if voxels > 1 else np.eye(1), transform)
    coefficients = np.tensordot(transform, foreground, axes=1)
    order = np.argsort(-np.abs(coefficients), axis=0)[:kept]
    chosen = np.take_along_axis(coefficients, order, axis=0)
    sparse = np.zeros_like(coefficients)
    np.put_along_axis(sparse, order, chosen, axis=0)
    entries = tables(signals) | calibration(size)
    entries |= {
        "/measurement/data": np.moveaxis(np.concatenate([chosen, background]), 0, -1),
        "/measurement/isBackgroundFrame": np.sort(mask).astype(np.int8),
        "/measurement/isFastFrameAxis": np.int8(1),
        "/measurement/isFourierTransformed": np.int8(1),
        "/measurement/isSparsityTransformed": np.int8(1),
        "/measurement/sparsityTransformation": kind,
        "/measurement/subsamplingIndices": np.moveaxis(order, 0, -1).astype(np.int32) + 1,
    }
    return entries, np.concatenate([np.tensordot(transform.T, sparse, axes=1), background])
