"""What methods take for granted, measured on a recording as far as it allows, and which methods that leaves.

Each finding is a figure with a verdict, or says that the file cannot tell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore.line_phase import filtered, line_phase, told
from mpicore.methods import METHODS, Method
from mpicore.pairing import Distinct, distinct, pairs_of
from mpicore.recordings import Recordings
from mpicore.sample import MOVES, Sample
from mpicore.skipped import ALIVE, stays, usable

Array = NDArray[np.floating[Any]]
Verdict = Literal["holds", "fails", "measured", "cannot be told from this file"]
UNKNOWN: Verdict = "cannot be told from this file"

FEW = 30  #: different objects below which a method that can learn them by heart is refused
SPLIT = ("average", "low_pass", "savitzky_golay", "wiener")  #: linear methods, for objects of one signal each
_SHARED = 0.05  #: correlation of the noise of two repeats from which on they are not independent
_SIGNIFICANT = 4.0  #: standard errors from which on a figure counts
_FLAT_DB = 1.0  #: by which the floor of white noise may rise and fall over the lines
_NARROW = 10.0  #: times the floor, from which on a line is narrow interference
_NEIGHBOURS = 101  #: lines over which the floor is a median
_FORBIDDEN = 0.01  #: share of the signals' power that a symmetry may forbid and still hold
_CHANGES = 0.1  #: relative change of the background from which on it drifts
_FOR_PHASE = 20  #: pairs from which on the phase of each line is estimated
_ROWS = 400  #: signals that are looked at for what needs no more


@dataclass(frozen=True)
class Finding:
    """One assumption.

    Attributes:
        name: of the assumption.
        channel: number of the receive channel; ``None`` for all together.
        verdict: whether it holds; ``measured`` for a figure without an assumption.
        value: the figure, in the unit that the text names; ``None`` without one.
        text: the figure in words, or why there is none.
    """

    name: str
    channel: int | None
    verdict: Verdict
    value: float | None
    text: str


@dataclass(frozen=True, eq=False)
class Assumptions:
    """All findings of a recording.

    Attributes:
        findings: of all channels.
        objects: how many are different; ``None`` where there are no repeats to tell.
        pairs: of repeats that there are to learn from.
        repeats: what they are.
        dead: channels without a signal that can be denoised.
        rows: single signals that are NaN, infinite or constant in other channels: frame, period, channel.
        noise: mean spectrum of the noise of each channel, power per line; empty where nothing tells it.
        known: phase that the drive fields give each line.
        split: each object has one signal, and the noise is that of the background.
    """

    findings: tuple[Finding, ...]
    objects: Distinct | None
    pairs: int
    repeats: str
    dead: tuple[int, ...]
    rows: tuple[tuple[int, int, int], ...]
    noise: dict[int, NDArray[np.float64]]
    known: NDArray[np.float64] | None = None
    split: bool = False

    def of(self, name: str, channel: int | None = None) -> Finding | None:
        """The finding of a name and a channel."""
        found = [row for row in self.findings if row.name == name and row.channel in (channel, None)]
        return found[0] if found else None

    def obstacle(self, name: str, channel: int) -> str:
        """Why a method is not admissible for a channel; empty where it is."""
        return next(self._obstacles(METHODS[name], channel), "")

    def admissible(self) -> dict[str, str]:
        """Each method, and why it is not admissible for some channel; empty where it is for all."""
        alive = sorted({row.channel for row in self.findings if row.channel is not None} - set(self.dead))
        reasons = {}
        for name in METHODS:
            told: dict[str, list[int]] = {}
            for channel in alive:
                if text := self.obstacle(name, channel):
                    told.setdefault(text, []).append(channel + 1)
            parts = []
            for text, channels in told.items():
                which = "" if channels == [c + 1 for c in alive] else f"channel {', '.join(map(str, channels))}: "
                parts.append(which + text)
            reasons[name] = "; ".join(parts) if alive else "no channel has a signal"
        return reasons

    def _obstacles(self, method: Method, channel: int) -> Iterator[str]:
        if not self.pairs:
            yield f"it needs each object twice, and here are {self.repeats}, and no background frames"
            return
        if self.split and method.name not in SPLIT:
            yield f"it needs each object twice, and here is {self.repeats}"
            return
        if self.pairs < method.pairs:
            yield f"it needs {method.pairs} pairs of repeats, and there are {self.pairs}"
        rest = self.of("the object rests", channel)
        if rest is not None and rest.verdict == "fails" and method.name != "average":
            yield f"neighbouring frames are no repeats: {rest.text}"
        if method.learns and self.objects is not None and self.objects.number < FEW:
            yield f"it can learn few objects by heart, and there are {self.objects.told}; {FEW} are needed"
        independent = self.of("independent repeats", channel)
        if method.independent and independent is not None and independent.verdict == "fails":
            yield f"it takes noise that the repeats share for signal: {independent.text}"
        for needed, name in ((method.symmetry, "symmetry behind the chain"), (method.odd, "odd signals")):
            found = self.of(name, channel)
            if needed and (found is None or found.verdict != "holds"):
                yield f"it needs {name}: {found.text if found else UNKNOWN}"
        white = self.of("white noise", channel)
        if method.white and white is not None and white.verdict == "fails":
            yield f"it needs white noise: {white.text}"


def check(sample: Sample, known: NDArray[np.float64] | None = None) -> Assumptions:
    """Measure what a sample of a recording allows.

    Args:
        sample: objects with their repeats, and background.
        known: phase that the drive fields give each line (:mod:`mpicore.drive_phase`); ``None`` where it is not known.
    """
    C, kind = sample.channels, sample.found.kind
    findings: list[Finding] = []
    noise: dict[int, NDArray[np.float64]] = {}
    good = usable(sample.recorded)
    dead = tuple(c for c in range(C) if good[:, :, c].mean() < ALIVE)
    at = [(n, r, c) for n, r, c in np.argwhere(~good) if c not in dead]
    rows = tuple((int(sample.found.frames[n, r]), int(sample.found.periods[n, r]), int(c)) for n, r, c in at)
    objects = None
    for c in range(C):
        findings.append(_alive(sample, c, c in dead, [row for row in rows if row[2] == c]))
        if c in dead:
            continue
        repeats = sample.of_channel(c)
        empty = sample.empty[:, :, c]
        findings.append(_unclipped(sample.recorded[:_ROWS, :, c]))
        pairs = pairs_of(repeats, _ROWS) if sample.found.repeats > 1 and len(repeats) else None
        found = _noise_of(empty, pairs)
        findings += [_level(found, empty, repeats), _white(found, sample, c)]
        if found is not None:
            noise[c] = np.mean(np.abs(np.fft.rfft(found, axis=1)) ** 2, axis=0)
        symmetric, odd = _symmetry(pairs, known)
        findings += [_independent(empty, kind, odd), _locked(sample, c, repeats, odd), _drift(sample, c), *symmetric]
        if kind == "frames":
            findings.append(_rests(sample.excess()))
        findings[:] = [row if row.channel is not None else _in(row, c) for row in findings]
        if (
            pairs is not None
            and (counted := distinct(repeats, sample.objects))
            and (objects is None or counted.number > objects.number)
        ):
            objects = counted
    number = len(sample.found) * (sample.found.repeats * (sample.found.repeats - 1) // 2)
    told = {
        "periods": f"{sample.found.repeats} periods of each frame",
        "positions": f"{sample.found.repeats} frames of each position",
        "frames": "two neighbouring frames of each object",
        "background": "one signal of each object, and the noise of the background",
        "none": "no repeats",
    }[kind]
    if objects is not None:
        verdict: Verdict = "holds" if objects.number >= FEW else "fails"
        findings.append(Finding("many objects", None, verdict, objects.number, objects.told))
    else:
        findings.append(Finding("many objects", None, UNKNOWN, None, "nothing is recorded twice"))
    return Assumptions(tuple(findings), objects, number, told, dead, rows, noise, known, kind == "background")


def _in(row: Finding, channel: int) -> Finding:
    return Finding(row.name, channel, row.verdict, row.value, row.text)


def _alive(sample: Sample, channel: int, dead: bool, rows: Sequence[tuple[int, int, int]]) -> Finding:
    name = "a signal in all rows"
    if dead:
        values = sample.recorded[:, :, channel]
        told = "NaN" if not np.isfinite(values).any() else "constant, or NaN,"
        return Finding(name, channel, "fails", 0.0, f"dead: {told} in most frames; it is skipped")
    if rows:
        places = ", ".join(f"frame {frame + 1} period {period + 1}" for frame, period, _ in rows[:5])
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        return Finding(name, channel, "fails", float(len(rows)), f"NaN or constant: {places}{more}; skipped")
    return Finding(name, channel, "holds", 0.0, "all are finite and change")


def _unclipped(recorded: Array) -> Finding:
    """Equal samples in a row at the largest or the least value of the channel."""
    rows = recorded.reshape(-1, recorded.shape[-1])
    rows = rows[np.isfinite(rows).all(axis=1)]
    count = sum(int(stays(rows, extreme).sum()) for extreme in (rows.max(), rows.min()))
    share = count / rows.size
    text = f"{count} of {rows.size} samples stay at the largest or least value" if count else "no sample stays there"
    return Finding("below saturation", None, "fails" if count else "holds", share, text)


def _noise_of(empty: Array, pairs: Recordings | None) -> Array | None:
    """Noise of single signals, shape (n, V): of the empty scanner, else half the difference of repeats."""
    if len(empty) > 1:
        return empty.reshape(-1, empty.shape[-1])[:_ROWS]
    if pairs is not None:
        return (pairs.u1 - pairs.u2) / np.sqrt(2)
    return None


def _level(noise: Array | None, empty: Array, repeats: Array) -> Finding:
    name = "signal over noise"
    if noise is None or not len(repeats):
        return Finding(name, None, UNKNOWN, None, "no background frames, and nothing is recorded twice")
    power = float(np.mean(noise**2))
    if repeats.shape[1] > 1:
        signal = float(np.mean(repeats[:, 0] * repeats[:, 1]))
    else:
        signal = float(np.mean(repeats**2)) - power
    if signal <= 0 or power <= 0:
        return Finding(name, None, "measured", None, "no signal above the noise" if power > 0 else "no noise at all")
    ratio = 10 * np.log10(signal / power)
    source = "background frames" if len(empty) > 1 else "the difference of repeats"
    return Finding(name, None, "measured", float(ratio), f"{ratio:.1f} dB in a period, noise from {source}")


def _white(noise: Array | None, sample: Sample, channel: int) -> Finding:
    from scipy.ndimage import median_filter

    name = "white noise"
    if noise is None:
        return Finding(name, None, UNKNOWN, None, "no background frames, and nothing is recorded twice")
    power = np.mean(np.abs(np.fft.rfft(noise, axis=1)[:, 1:-1]) ** 2, axis=0)
    if not power.any():
        return Finding(name, None, "holds", 0.0, "no noise at all")
    if np.median(power) < 1e-6 * power.max():
        share = float(np.mean(power > 1e-6 * power.max()))
        return Finding(name, None, "fails", None, f"only {100 * share:.0f} % of the lines have noise")
    if sample.background is not None:  # where it stands out, what is left of it tells of its drift
        kept = np.asarray(np.any(sample.background.kept[:, channel], axis=0))[1:-1]
        power = np.where(kept, np.median(power), power)
    floor = median_filter(power, size=min(_NEIGHBOURS, len(power) | 1), mode="nearest")
    low, high = np.quantile(floor, [0.05, 0.95])
    slope = float(10 * np.log10(high / low))
    expected = 1 + _SIGNIFICANT / np.sqrt(len(noise))
    narrow = int(np.sum(power > max(_NARROW, 3 * expected) * floor))
    flat = slope < _FLAT_DB + 10 * np.log10(1 + 2 / np.sqrt(len(noise) * _NEIGHBOURS))
    text = f"the floor varies by {slope:.1f} dB over the lines, {narrow} narrow lines stand out"
    return Finding(name, None, "holds" if flat and not narrow else "fails", slope, text)


def _independent(empty: Array, kind: str, forbidden: Recordings | None) -> Finding:
    """Correlation of the noise of neighbouring empty periods, else of what the symmetry forbids of repeats."""
    name = "independent repeats"
    if len(empty) > 1:
        source = "noise of background periods"
        rows = empty if kind == "periods" and empty.shape[1] > 1 else empty.reshape(-1, 1, empty.shape[-1])
        before, after = (rows[:, :-1], rows[:, 1:]) if rows.shape[1] > 1 else (rows[:-1], rows[1:])
        u, v = (part.reshape(-1, rows.shape[2]) for part in (before, after))
    elif forbidden is not None:
        source = "what the symmetry forbids of the repeats"
        u, v = (np.fft.rfft(part, axis=1).real for part in forbidden.arrays)
    else:
        return Finding(name, None, UNKNOWN, None, "fewer than two background frames, and no symmetry that holds")
    inner, power = np.vecdot(u, v), (np.vecdot(u, u) + np.vecdot(v, v)) / 2
    if not power.any():
        return Finding(name, None, "holds", 0.0, "no noise at all")
    correlation = float(inner.sum() / power.sum())
    error = float(np.linalg.norm(inner - correlation * power) / power.sum())
    shared = abs(correlation) > max(_SHARED, _SIGNIFICANT * error)
    text = f"{source} correlates by {correlation:.3f} +- {error:.3f}"
    return Finding(name, None, "fails" if shared else "holds", correlation, text)


def _locked(sample: Sample, channel: int, repeats: Array, forbidden: Recordings | None) -> Finding:
    """Power of the background where it stands out, over that of the signals; else that of what the symmetry forbids."""
    name = "no locked interference"
    background = sample.background
    if background is None or not len(repeats):
        if forbidden is None:
            told = "there are no background frames that were not subtracted, and no symmetry that holds"
            return Finding(name, None, UNKNOWN, None, told)
        share, error = forbidden_share(forbidden)
        text = f"what the symmetry forbids is {100 * share:.2f} +- {100 * error:.2f} % of what the repeats share"
        return Finding(name, None, "holds", share, text)
    lines = int(background.kept[:, channel].any(axis=0).sum())
    if not lines and not background.told:
        told = "the background frames are too few to tell their lines from noise, and nothing is taken off"
        return Finding(name, None, UNKNOWN, None, told)
    if not lines:
        return Finding(name, None, "holds", None, "no line of the background stands out of its noise")
    level = float(np.mean(background.means[:, :, channel] ** 2))
    signal = float(np.mean(repeats[:, 0] * repeats[:, -1])) if repeats.shape[1] > 1 else float(np.mean(repeats**2))
    ratio = 10 * np.log10(level / signal) if signal > 0 and level > 0 else np.inf
    text = f"{ratio:.1f} dB over the signals in {lines} lines; the background frames take it off"
    return Finding(name, None, "measured", float(ratio), text)


def _drift(sample: Sample, channel: int) -> Finding:
    name = "no drift"
    background = sample.background
    if background is None or len(background.times) < 2:
        return Finding(name, None, UNKNOWN, None, "the background is not recorded at two times")
    first, last = background.means[0, :, channel], background.means[-1, :, channel]
    size = float(np.sqrt(np.mean(first**2)))
    if not size and not last.any():
        return Finding(name, None, "holds", 0.0, "no background stands out of the noise at any time")
    change = float(np.sqrt(np.mean((last - first) ** 2)) / size) if size else np.inf
    text = f"the background changes by {100 * change:.0f} % from the first to the last time; interpolated in between"
    return Finding(name, None, "measured" if change > _CHANGES else "holds", change, text)


def _rests(excess: float | None) -> Finding:
    name = "the object rests"
    if excess is None:
        return Finding(name, None, UNKNOWN, None, "no background frames to tell noise from motion by")
    text = f"neighbouring frames differ by {100 * excess:.0f} % more than the noise of the background"
    return Finding(name, None, "fails" if excess > MOVES else "holds", excess, text)


def _symmetry(pairs: Recordings | None, known: NDArray[np.float64] | None) -> tuple[list[Finding], Recordings | None]:
    """Share of the power that the repeats have in common and that an odd signal would not have.

    Returns:
        Of the signals as they are, and once they are turned; and the pairs that are odd, if any.
    """
    names = ("odd signals", "symmetry behind the chain")
    if pairs is None:
        return [Finding(name, None, UNKNOWN, None, "nothing is recorded twice") for name in names], None
    first, odd = _odd(names[0], pairs)
    if len(pairs) < _FOR_PHASE:
        text = f"{len(pairs)} pairs are too few for the phase of each line"
        return [first, Finding(names[1], None, UNKNOWN, None, text)], pairs if odd else None
    turned = pairs if known is None else Recordings(*(filtered(u, np.exp(-1j * known)) for u in pairs.arrays))
    half = len(pairs) // 2  # the phase from one half of the objects, judged by the other one
    learned = Recordings(turned.u1[:half], turned.u2[:half])
    if not told(learned):
        text = "no line is mostly signal, so that no phase can be told"
        return [first, Finding(names[1], None, UNKNOWN, None, text)], pairs if odd else None
    phase = line_phase(learned)
    turned = Recordings(*(filtered(u[half:], np.exp(-1j * phase)) for u in turned.arrays))
    second, holds = _odd(names[1], turned)
    return [first, second], pairs if odd else turned if holds else None


def _odd(name: str, pairs: Recordings) -> tuple[Finding, bool]:
    share, error = forbidden_share(pairs)
    if not np.isfinite(share):
        return Finding(name, None, UNKNOWN, None, "the repeats have no signal in common"), False
    text = f"{100 * share:.1f} +- {100 * error:.1f} % of the signals' power is in the part that it forbids"
    holds = abs(share) < _FORBIDDEN + 2 * error and error < _FORBIDDEN
    return Finding(name, None, "holds" if holds else "fails", share, text), holds


def forbidden_share(pairs: Recordings) -> tuple[float, float]:
    """Power of the even parts of two repeats that both share, over all power that they share, and its standard error.

    It is 0 for odd signals and 1/2 for signals without any symmetry.

    Args:
        pairs: two repeats of each object.
    """
    first, second = (np.fft.rfft(u, axis=1) for u in pairs.arrays)
    even = np.vecdot(first.real, second.real)
    both = even + np.vecdot(first.imag, second.imag)
    if both.sum() <= 0:
        return np.nan, np.nan
    share = float(even.sum() / both.sum())
    return share, float(np.linalg.norm(even - share * both) / both.sum())


def picture(found: Assumptions, bandwidth: float, path: Any, size: ArrayLike = (8.0, 4.0)) -> None:
    """Draw the spectrum of the noise of each channel.

    Args:
        found: what was measured.
        bandwidth: half the sampling frequency [Hz].
        path: of the picture.
        size: width and height [inch].

    Raises:
        ValueError: there is no noise to draw, or Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError("a picture needs Matplotlib, which is not installed") from None
    if not found.noise:
        raise ValueError("there is no noise to draw: no background frames, and nothing is recorded twice")
    figure = Figure(figsize=tuple(np.asarray(size, float)), layout="constrained")
    axes = figure.subplots()
    for channel, power in found.noise.items():
        frequency = np.linspace(0, bandwidth / 1e3, len(power))
        axes.semilogy(frequency[1:], power[1:] / np.median(power[1:]), label=f"channel {channel + 1}", linewidth=0.7)
    axes.set(xlabel="frequency [kHz]", ylabel="noise power over its median", title="Spectrum of the noise")
    axes.legend()
    figure.savefig(path, dpi=150, format="png")
