"""Noise of a measured period at stated power ratios: white and coloured noise, harmonic interference, spikes."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore import checks
from mpicore.scanner import Scanner

Array = NDArray[np.floating[Any]]
#: Sums of squares between which single precision loses nothing.
_SQUARES = 1e-20, 1e30
_MOST = 200.0  #: decades of power


@dataclass(frozen=True)
class Interference:
    """Sinusoids at or near harmonics of a drive frequency, of equal power.

    Args:
        sir_db: mean power of a signal over the power of all of them together [dB].
        harmonics: of the drive frequency.
        phases: of the two periods of a signal. ``free`` for new ones in each period, as after a pause of unknown
            length; ``consecutive`` for periods without a pause, so that the phase goes on; ``locked`` for the same in
            both, as for interference that comes from the drive itself. They are new for each signal.
        drive: axis of the drive field whose frequency is multiplied.
        spread_db: standard deviation of the ratio between signals, about ``sir_db`` [dB]; both periods of a signal
            have the same.
        offsets: distance of each sinusoid from its harmonic [Hz]; none for sinusoids on the harmonics.

    Raises:
        ValueError: a ratio that is not finite, a negative spread, no harmonic, or one below 1; offsets of another
            number; locked phases of sinusoids that are off their harmonics.
    """

    sir_db: float
    harmonics: tuple[int, ...] = (2, 3, 5)
    phases: Literal["free", "consecutive", "locked"] = "free"
    drive: Literal["x", "y"] = "x"
    spread_db: float = 0.0
    offsets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        checks.finite(self.sir_db, "sir_db")
        checks.choice(self.phases, "phases", ["free", "consecutive", "locked"])
        checks.choice(self.drive, "drive", ["x", "y"])
        if checks.finite(self.spread_db, "spread_db") < 0:
            raise ValueError(f"spread_db must be at least 0, got {self.spread_db!r}")
        checks.counts(self.harmonics, "harmonics")
        for offset in checks.several(self.offsets, "offsets"):
            checks.finite(offset, "offsets")
        if self.offsets and len(self.offsets) != len(self.harmonics):
            raise ValueError(f"offsets must be one for each of {len(self.harmonics)} harmonics, got {self.offsets!r}")
        if self.phases == "locked" and any(self.offsets):
            raise ValueError(f"phases are locked on a harmonic alone, got offsets {self.offsets!r}")

    def frequencies(self, scanner: Scanner) -> NDArray[np.float64]:
        """Frequencies of the sinusoids [Hz]."""
        harmonics = np.array(self.harmonics) * scanner.drive_frequency["xy".index(self.drive)]
        return harmonics + (np.array(self.offsets) if self.offsets else 0.0)

    def advance(self, scanner: Scanner) -> NDArray[np.float64] | None:
        """How far the phases go on from one period to the next [rad]; ``None`` where the next has new ones."""
        if self.phases == "free":
            return None
        if self.phases == "locked":
            return np.zeros(len(self.harmonics))
        return 2 * np.pi * self.frequencies(scanner) * scanner.period

    def correlation(self, scanner: Scanner) -> NDArray[np.float64]:
        """Of each sinusoid in one period with that in the next: the cosine of :meth:`advance`, 0 for new phases."""
        advance = self.advance(scanner)
        return np.zeros(len(self.harmonics)) if advance is None else np.cos(advance)

    @property
    def mean_power(self) -> float:
        """Expected power of all sinusoids together for a signal of unit power, the log-normal mean."""
        return float(10 ** (-self.sir_db / 10) * np.exp((np.log(10) / 10 * self.spread_db) ** 2 / 2))


@dataclass(frozen=True)
class Spikes:
    """Rare strong samples.

    Args:
        spike_db: mean power of a signal over the expected power of its spikes [dB].
        rate: share of the samples that a spike hits, in (0, 1].

    Raises:
        ValueError: a value out of range.
    """

    spike_db: float
    rate: float = 0.001

    def __post_init__(self) -> None:
        checks.finite(self.spike_db, "spike_db")
        if not 0 < checks.finite(self.rate, "rate") <= 1:
            raise ValueError(f"rate must be in (0, 1], got {self.rate!r}")


@dataclass(frozen=True)
class Noise:
    """All noise of a recorded period, as power ratios to each signal's own mean power.

    Args:
        snr_db: of the Gaussian noise [dB].
        colour: a of its power spectrum, which falls as 1 / f^a; 0 for white noise.
        interference: sinusoids, if any.
        spikes: rare strong samples, if any.

    Raises:
        ValueError: a value that is not finite; interference or spikes of another kind.

    Example:
        >>> round(Noise(15.0, interference=Interference(5.0)).total_snr_db, 2)
        4.59
    """

    snr_db: float
    colour: float = 0.0
    interference: Interference | None = None
    spikes: Spikes | None = None

    def __post_init__(self) -> None:
        checks.finite(self.snr_db, "snr_db")
        checks.finite(self.colour, "colour")
        for name, kind in (("interference", Interference), ("spikes", Spikes)):
            if (part := getattr(self, name)) is not None and not isinstance(part, kind):
                raise ValueError(f"{name} must be {kind.__name__} or None, got {part!r}")

    @property
    def total_snr_db(self) -> float:
        """Signal power over the power of all noise together, at the middle of a ratio that spreads [dB]."""
        ratios = [self.snr_db]
        ratios += [self.interference.sir_db] if self.interference else []
        ratios += [self.spikes.spike_db] if self.spikes else []
        return float(-10 * np.log10(sum(10 ** (-ratio / 10) for ratio in ratios)))

    def autocovariance(self, scanner: Scanner) -> NDArray[np.float64]:
        """Expected product of two noise samples of a signal of unit power, at lags 0 to N-1; shape (N,)."""
        lags = np.arange(scanner.num_samples)
        found = 10 ** (-self.snr_db / 10) * np.fft.irfft(coloured_power(self.colour, lags.size), lags.size)
        if self.spikes is not None:
            found[0] += 10 ** (-self.spikes.spike_db / 10)
        if self.interference is not None:
            cycles = self.interference.frequencies(scanner) / scanner.sampling_frequency
            waves = np.cos(2 * np.pi * np.outer(lags, cycles)).mean(axis=1)
            found += self.interference.mean_power * waves
        return found

    def record(self, u: ArrayLike, scanner: Scanner, rng: np.random.Generator) -> tuple[Array, Array]:
        """Record two noisy periods of the same objects.

        Args:
            u: clean signals, shape (n, N).
            scanner: gives drive and sampling frequency.
            rng: generator of all noise. Each kind has a stream of its own, which is drawn signal by signal: n signals
                get the noise of the first n of more.

        Returns:
            u1 and u2, each of shape (n, N), the same signals with independent noise of the same power. All power ratios
            refer to the clean signal.

        Raises:
            ValueError: NaN or infinite values, a zero signal, a harmonic at or above half the sampling frequency.
        """
        clean = checks.signals(u, "u")
        gaussian, interference, spikes, ratios = rng.spawn(4)
        both = np.broadcast_to(clean[:, None], (len(clean), 2, clean.shape[1]))
        noisy = add_gaussian(both, self.snr_db, gaussian, self.colour)
        if (tones := self.interference) is not None:
            sir_db = tones.sir_db + tones.spread_db * ratios.standard_normal((len(clean), 1))
            disturbed = add_harmonics(
                both,
                sir_db,
                tones.frequencies(scanner),
                scanner.sampling_frequency,
                interference,
                tones.advance(scanner),
            )
            noisy += disturbed - both
        if self.spikes is not None:
            noisy += add_spikes(both, self.spikes.spike_db, self.spikes.rate, spikes) - both
        return np.ascontiguousarray(noisy[:, 0]), np.ascontiguousarray(noisy[:, 1])


def add_gaussian(u: ArrayLike, snr_db: float, rng: np.random.Generator, colour: float = 0.0) -> Array:
    """Add Gaussian noise, white or coloured.

    Args:
        u: clean signals, shape (..., N).
        snr_db: mean power of each signal over the expected power of its noise [dB].
        rng: generator of the noise.
        colour: a of a power spectrum that falls as 1 / f^a, with no power at f = 0; 0 for white noise.

    Returns:
        Noisy signals, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: NaN or infinite values, a zero signal, or an ``snr_db`` or ``colour`` that is not finite; colour
            without a line beside f = 0; noise that is stronger than ``checks.LARGEST``.
    """
    signals, power = _signal_power(u)
    deviation = _deviation(power * _share(checks.finite(snr_db, "snr_db")), "snr_db", snr_db)
    dtype = np.float32 if signals.dtype == np.float32 else np.float64
    noise: Array = rng.standard_normal(signals.shape, dtype=dtype)
    if checks.finite(colour, "colour") != 0:
        if signals.shape[-1] < 2:
            raise ValueError(f"u must have at least 2 samples for coloured noise, got {signals.shape[-1]}")
        spectrum = np.sqrt(coloured_power(colour, signals.shape[-1]))
        noise = np.fft.irfft(np.fft.rfft(noise) * spectrum, signals.shape[-1]).astype(dtype)
    noise *= deviation.astype(dtype)
    noise += signals
    return noise


def coloured_power(colour: float, samples: int) -> NDArray[np.float64]:
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


def add_spikes(u: ArrayLike, spike_db: float, rate: float, rng: np.random.Generator) -> Array:
    """Add rare strong samples: each sample is hit with a probability, by a normal number of zero mean.

    Args:
        u: clean signals, shape (..., N).
        spike_db: mean power of each signal over the expected power of its spikes [dB].
        rate: share of the samples that are hit, in (0, 1].
        rng: generator of places and heights, which have a stream each.

    Returns:
        Signals with spikes, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: NaN or infinite values, a zero signal, a rate out of range.
    """
    signals, power = _signal_power(u)
    if not 0 < checks.finite(rate, "rate") <= 1:
        raise ValueError(f"rate must be in (0, 1], got {rate!r}")
    deviation = _deviation(power * _share(checks.finite(spike_db, "spike_db")) / rate, "spike_db", spike_db)
    places, heights = rng.spawn(2)
    hit = places.random(signals.shape) < rate
    return (signals + np.where(hit, deviation * heights.standard_normal(signals.shape), 0)).astype(signals.dtype)


def add_harmonics(
    u: ArrayLike,
    sir_db: ArrayLike,
    frequencies: ArrayLike,
    sampling_frequency: float,
    rng: np.random.Generator,
    advance: ArrayLike | None = None,
) -> Array:
    """Add sinusoidal interference of fixed total power, equally shared by the frequencies.

    Args:
        u: clean signals, shape (..., N); several recorded periods of each as (n, periods, N).
        sir_db: mean power of each signal over the power of its interference [dB]; one for all, or for each along the
            axes before the last.
        frequencies: of the interference [Hz].
        sampling_frequency: [Hz].
        rng: generator of the phases, uniform in [0, 2 pi), new for each signal and period.
        advance: how far the phase of each frequency goes on from one period of a signal to the next [rad], so that
            phases are new for each signal alone; 0 for interference that is locked to the drive. Needs the shape
            (n, periods, N).

    Returns:
        Signals with interference, shape (..., N), in the dtype of ``u``.

    Raises:
        ValueError: no frequency, or one outside (0, sampling_frequency / 2); NaN or infinite values; a zero signal;
            ``advance`` without an axis of periods, or of another number than the frequencies.
    """
    signals, power = _signal_power(u)
    sampling_frequency = checks.positive(sampling_frequency, "sampling_frequency")
    tones = np.atleast_1d(checks.numbers(frequencies, "frequencies", dimensions=(0, 1)).astype(np.float64))
    if tones.size == 0 or not np.all((tones > 0) & (tones < sampling_frequency / 2)):
        raise ValueError(f"frequencies must lie in (0, {sampling_frequency / 2:g}) Hz, got {tones.tolist()}")
    if advance is not None and signals.ndim < 3:
        raise ValueError(f"advance needs signals of shape (n, periods, N), got shape {signals.shape}")
    if advance is not None and np.shape(advance) != tones.shape:
        raise ValueError(f"advance must be one for each of {tones.size} frequencies, got shape {np.shape(advance)}")
    ratio = checks.numbers(sir_db, "sir_db").astype(np.float64)
    if ratio.ndim not in (0, signals.ndim - 1):
        raise ValueError(f"sir_db must be one number or have {signals.ndim - 1} axes, got shape {ratio.shape}")
    amplitude = _deviation(2 * power * _share(ratio[..., None]) / tones.size, "sir_db", sir_db)
    shape = signals.shape[:-1] if advance is None else (len(signals), 1)
    phases = rng.uniform(0, 2 * np.pi, (*shape, tones.size))
    if advance is not None:
        phases = phases + np.arange(signals.shape[1])[:, None] * checks.numbers(advance, "advance").astype(np.float64)
    angle = 2 * np.pi * tones[:, None] / sampling_frequency * np.arange(signals.shape[-1])
    # sin(wt + phi) = sin(wt) cos(phi) + cos(wt) sin(phi): all signals at once as two products with one small table.
    waves = np.cos(phases) @ np.sin(angle) + np.sin(phases) @ np.cos(angle)
    return (signals + amplitude * waves).astype(signals.dtype)


def _signal_power(u: ArrayLike) -> tuple[Array, NDArray[np.float64]]:
    """The checked signals and their mean power over the last axis, kept as an axis of length one."""
    signals = checks.strong(checks.signals(u, "u", dimensions=(1, 2, 3)), "u")
    with np.errstate(over="ignore", under="ignore"):
        power = np.vecdot(signals, signals)[..., None].astype(np.float64)
    beyond = (power < _SQUARES[0]) | (power > _SQUARES[1])
    if beyond.any():  # in units of a power of two no bit changes
        far = signals[beyond[..., 0]]
        exponent = np.frexp(np.abs(far).max(axis=-1))[1]
        unit = np.ldexp(far, -exponent[..., None])
        power[beyond] = np.ldexp(np.vecdot(unit, unit).astype(np.float64), 2 * exponent)
    power = power / signals.shape[-1]
    if not power.all():
        raise ValueError(
            f"u must not hold a zero signal, found one at index {np.argwhere(power == 0)[0][:-1].tolist()}"
        )
    return signals, power


def _share(ratio_db: Any) -> Any:
    """Power of a noise over that of the signal; what no number type can hold becomes a large number."""
    exponent = -ratio_db / 10
    return 10 ** (min(exponent, _MOST) if isinstance(exponent, float) else np.minimum(exponent, _MOST))


def _deviation(power: NDArray[np.float64], name: str, ratio_db: ArrayLike) -> NDArray[np.float64]:
    """The standard deviation of noise of some power that is added to these signals.

    Raises:
        ValueError: it is so large that the noisy signals would not be accepted.
    """
    deviation = np.sqrt(power)
    if not (deviation <= checks.LARGEST).all():
        raise ValueError(f"{name} must leave noise of at most {checks.LARGEST:g}, got {ratio_db!r}")
    return deviation
