"""Noise of a measured period at stated power ratios: white and coloured noise, harmonic interference, spikes."""

import numpy as np

from mpicore import checks


def add_gaussian(u, snr_db: float, rng: np.random.Generator, colour: float = 0.0) -> np.ndarray:
    """Add Gaussian noise, white or coloured.

    Args:
        u: clean signals, shape (..., N).
        snr_db: mean power of each signal over the expected power of its noise [dB].
        rng: generator of the noise.
        colour: a of a power spectrum that falls as 1 / f^a, with no power at f = 0; 0 for white noise.

    Returns:
        Noisy signals, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: NaN or infinite values, a zero signal, or an ``snr_db`` or ``colour`` that is not finite.
    """
    u, power = _signal_power(u)
    deviation = np.sqrt(power * 10 ** (-checks.finite(snr_db, "snr_db") / 10))
    dtype = u.dtype if u.dtype in (np.float32, np.float64) else np.float64
    noise = rng.standard_normal(u.shape, dtype=dtype)
    if checks.finite(colour, "colour"):
        spectrum = np.sqrt(coloured_power(colour, u.shape[-1]))
        noise = np.fft.irfft(np.fft.rfft(noise) * spectrum, u.shape[-1]).astype(dtype)
    noise *= deviation.astype(dtype)
    noise += u
    return noise


def coloured_power(colour: float, samples: int) -> np.ndarray:
    """Power of each spectral line of noise of unit power that falls as 1 / f^colour, relative to white noise.

    Returns:
        Shape (samples // 2 + 1,). Its mean over all lines, positive and negative, is one; line 0 is empty unless the
        noise is white.
    """
    if not colour:
        return np.ones(samples // 2 + 1)
    line = np.arange(samples // 2 + 1)
    power = np.where(line > 0, np.maximum(line, 1.0) ** -colour, 0)
    twice = np.where((line > 0) & (2 * line < samples), 2, 1)
    return power * samples / np.sum(twice * power)


def add_spikes(u, spike_db: float, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Add rare strong samples: each sample is hit with a probability, by a normal number of zero mean.

    Args:
        u: clean signals, shape (..., N).
        spike_db: mean power of each signal over the expected power of its spikes [dB].
        rate: share of the samples that are hit, in (0, 1].
        rng: generator of places and heights.

    Returns:
        Signals with spikes, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: NaN or infinite values, a zero signal, a rate out of range.
    """
    u, power = _signal_power(u)
    if not 0 < checks.finite(rate, "rate") <= 1:
        raise ValueError(f"rate must be in (0, 1], got {rate!r}")
    deviation = np.sqrt(power * 10 ** (-checks.finite(spike_db, "spike_db") / 10) / rate)
    hit = rng.random(u.shape) < rate
    return (u + np.where(hit, deviation * rng.standard_normal(u.shape), 0)).astype(u.dtype)


def add_harmonics(
    u, sir_db: float, frequencies, sampling_frequency: float, rng: np.random.Generator, phase_locked: bool = False
) -> np.ndarray:
    """Add sinusoidal interference of fixed total power, equally shared by the frequencies.

    Args:
        u: clean signals, shape (..., N); several recorded periods of each as (n, periods, N).
        sir_db: mean power of each signal over the power of its interference [dB].
        frequencies: of the interference [Hz].
        sampling_frequency: [Hz].
        rng: generator of the phases, uniform in [0, 2 pi), new for each signal and period.
        phase_locked: one phase per signal instead, shared by its periods: interference that is locked to the drive
            looks the same in every period. Needs the shape (n, periods, N).

    Returns:
        Signals with interference, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: no frequency, or one outside (0, sampling_frequency / 2); NaN or infinite values; a zero signal;
            ``phase_locked`` without an axis of periods.
    """
    u, power = _signal_power(u)
    sampling_frequency = checks.positive(sampling_frequency, "sampling_frequency")
    frequencies = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    if frequencies.size == 0 or not np.all((frequencies > 0) & (frequencies < sampling_frequency / 2)):
        raise ValueError(f"frequencies must lie in (0, {sampling_frequency / 2:g}) Hz, got {frequencies.tolist()}")
    if phase_locked and u.ndim < 3:
        raise ValueError(f"phase_locked needs signals of shape (n, periods, N), got shape {u.shape}")
    amplitude = np.sqrt(2 * power * 10 ** (-checks.finite(sir_db, "sir_db") / 10) / frequencies.size)
    shape = (len(u), 1) if phase_locked else u.shape[:-1]
    phases = rng.uniform(0, 2 * np.pi, (*shape, frequencies.size))
    angle = 2 * np.pi * frequencies[:, None] / sampling_frequency * np.arange(u.shape[-1])
    # sin(wt + phi) = sin(wt) cos(phi) + cos(wt) sin(phi): all signals at once as two products with one small table.
    waves = np.cos(phases) @ np.sin(angle) + np.sin(phases) @ np.cos(angle)
    return (u + amplitude * waves).astype(u.dtype)


def two_periods(
    u,
    rng: np.random.Generator,
    snr_db: float,
    sir_db: float | None = None,
    frequencies=(),
    sampling_frequency: float | None = None,
    phase_locked: bool = False,
    colour: float = 0.0,
    spike_db: float | None = None,
    spike_rate: float = 0.001,
) -> tuple[np.ndarray, np.ndarray]:
    """Record two noisy periods of the same objects.

    Args:
        u: clean signals, shape (n, N).
        rng: generator of all noise.
        snr_db: of the Gaussian noise [dB].
        sir_db: of the harmonic interference [dB]; ``None`` for none.
        frequencies: of the interference [Hz].
        sampling_frequency: [Hz], needed with interference.
        phase_locked: the interference has the same phases in both periods.
        colour: of the Gaussian noise, see :func:`add_gaussian`.
        spike_db, spike_rate: of spikes, see :func:`add_spikes`; ``None`` for none.

    Returns:
        u1 and u2, each of shape (n, N), the same signals with independent noise of the same power. All power ratios
        refer to the clean signal.

    Raises:
        ValueError: as :func:`add_gaussian`, :func:`add_harmonics` and :func:`add_spikes`.
    """
    u = checks.signals(u, "u")
    # Signal by signal, each kind of noise from a stream of its own: fewer signals get the noise of the first of more.
    gaussian, interference, spikes = rng.spawn(3)
    clean = np.broadcast_to(u[:, None], (len(u), 2, u.shape[1]))
    noisy = add_gaussian(clean, snr_db, gaussian, colour)
    if sir_db is not None:
        if sampling_frequency is None:
            raise ValueError("sampling_frequency must be given with harmonic interference, got None")
        disturbed = add_harmonics(clean, sir_db, frequencies, sampling_frequency, interference, phase_locked)
        noisy += disturbed - clean
    if spike_db is not None:
        noisy += add_spikes(clean, spike_db, spike_rate, spikes) - clean
    return np.ascontiguousarray(noisy[:, 0]), np.ascontiguousarray(noisy[:, 1])


def _signal_power(u):
    """The checked signals and their mean power over the last axis, kept as an axis of length one."""
    u = checks.signals(u, "u", dimensions=(1, 2, 3))
    power = np.vecdot(u, u)[..., None].astype(np.float64) / u.shape[-1]
    if not power.all():
        raise ValueError(
            f"u must not hold a zero signal, found one at index {np.argwhere(power == 0)[0][:-1].tolist()}"
        )
    return u, power
