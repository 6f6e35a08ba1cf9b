"""A recording like the public open data, made here: sine drive 102 / 96, moving objects, three channels, and all that
a real one adds to the signals. The physics is written down once more, and shares no code with the library.
"""

import numpy as np
from mdf_files import store, tables

SAMPLES, BASE = 1632, 2.5e6


def langevin_vector(B, beta):
    """L(beta |B|) B / |B|, shape (..., 3)."""
    size = np.maximum(beta * np.linalg.norm(B, axis=-1, keepdims=True), 1e-4)
    return (1 / np.tanh(size) - 1 / size) * beta * B / size


def system(points, phase=0.0, dividers=(102, 96), beta=2000.0):
    """The voltages of a unit amount at each point, shape (P, 3, V), from a central difference of the magnetisation."""
    samples = np.arange(SAMPLES)
    found = np.empty((len(points), 3, SAMPLES))

    def field(shift):
        B = np.zeros((SAMPLES, 3))
        for axis, divider in enumerate(dividers):
            B[:, axis] = 0.012 * np.sin(2 * np.pi * (samples + shift) / divider + phase)
        return B

    for p, point in enumerate(points):
        offset = np.array([-1.0, -1.0, 2.0]) * point
        before, after = (langevin_vector(field(shift) + offset, beta) for shift in (-0.05, 0.05))
        found[p] = -((after - before) / 0.1).T
    return found


def band_pass(u, low=60e3, high=400e3):
    """A first-order high-pass and a second-order low-pass, with their phase."""
    from scipy.signal import butter, freqs

    frequency = np.fft.rfftfreq(SAMPLES, 1 / BASE)
    gain = freqs(*butter(1, low, "highpass", analog=True), worN=frequency)[1]
    gain = gain * freqs(*butter(2, high, "lowpass", analog=True), worN=frequency)[1]
    gain[-1] = gain[-1].real
    return np.fft.irfft(np.fft.rfft(u) * gain, SAMPLES)


def objects(frames, rng, side=11, speed=1.0):
    """Three spots that each wander about the field of view, shape (frames, P), and the points, shape (P, 3)."""
    axis = np.linspace(-0.011, 0.011, side)
    points = np.stack([*np.meshgrid(axis, axis, [-0.001, 0.002], indexing="ij")], axis=-1).reshape(-1, 3)
    time = speed * np.arange(frames)[:, None, None]
    rate, start = rng.uniform(0.05, 0.4, (2, 3, 3)), rng.uniform(0, 2 * np.pi, (2, 3, 3))
    way = np.sin(rate[0] * time + start[0]) * np.cos(rate[1] * time + start[1]) * [0.01, 0.01, 0.002]
    width = rng.uniform(0.0015, 0.003, 3)
    distance = np.sum((points[None, None] - way[:, :, None]) ** 2, axis=-1)
    return (np.exp(-distance / (2 * width[:, None] ** 2))).sum(axis=1), points


def signals(frames=200, empty=(12, 12), speed=1.0, snr_db=5.0, seed=0, background=1.0, phase=0.0, chain=True, side=11):
    """Clean signals and recorded ones, shape (N, 2, 3, V) [1], and the mask of background frames, shape (N,).

    Empty frames lie before and after the objects. The background, tones on harmonics of both drives, doubles from begin
    to end and is as strong as the signals are, times ``background``.
    """
    rng = np.random.default_rng(seed)
    density, points = objects(frames, rng, side, speed)
    clean = np.tensordot(density, system(points, phase), axes=1)
    clean = band_pass(clean) if chain else clean
    clean /= np.sqrt(np.mean(clean**2, axis=(0, 2), keepdims=True))
    mask = np.concatenate([np.ones(empty[0]), np.zeros(frames), np.ones(empty[1])]).astype(bool)
    N = len(mask)
    full = np.zeros((N, 1, 3, SAMPLES))
    full[~mask, 0] = clean
    angle = 2 * np.pi * np.multiply.outer([2 / 102, 3 / 102, 2 / 96, 5 / 96], np.arange(SAMPLES))
    tones = np.cos(angle + rng.uniform(0, 2 * np.pi, (3, 4, 1))).sum(axis=1) / np.sqrt(2)
    drift = 1 + np.linspace(0, 1, N)
    noisy = full + background * drift[:, None, None, None] * tones
    noise = rng.standard_normal((N, 2, 3, SAMPLES)) * 10 ** (-snr_db / 20)
    return np.repeat(full, 2, axis=1), noisy + noise, mask


def write(path, noisy, mask, phase=0.0, **more):
    """Store signals as 16-bit whole numbers with a factor and an offset per channel, in millivolts."""
    top = np.abs(noisy).max(axis=(0, 1, 3))
    factor = np.stack([1e-3 * top / 30000, np.full(len(top), 1e-6)], axis=1)
    raw = np.round((1e-3 * noisy - factor[:, 1:]) / factor[:, :1]).astype(np.int16)
    J = noisy.shape[1]
    entries = tables(raw) | {
        "/acquisition/drivefield/baseFrequency": BASE,
        "/acquisition/drivefield/cycle": SAMPLES / BASE,
        "/acquisition/drivefield/divider": np.array([[102], [96]]),
        "/acquisition/drivefield/phase": np.full((J, 2, 1), phase),
        "/acquisition/receiver/bandwidth": BASE / 2,
        "/acquisition/receiver/dataConversionFactor": factor,
        "/measurement/isBackgroundFrame": mask.astype(np.int8),
    }
    return store(path, entries | more)
