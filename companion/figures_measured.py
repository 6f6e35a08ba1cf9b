"""The figures of the page on measured signals, in the style of :mod:`companion.figures`."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from companion.figures import BLACK, BLUE, GREEN, GREY, PURPLE, RED
from mpicore.symmetry import mirror

Array = np.ndarray[Any, Any]


def recorded(time: Array, signals: Array, background: Array, subtracted: Array) -> Figure:
    """Signals as recorded with those of the empty scanner, and without them; ``time`` (N,) in s, the rest (n, N)."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 4.6), sharex=True)
    for axis, rows in ((top, signals), (bottom, subtracted)):
        axis.plot(1e6 * time, rows.T, color=BLUE, linewidth=0.8)
    top.plot(1e6 * time, background.T, color=RED, linewidth=0.8)
    top.plot([], [], color=BLUE, label="with the sample")
    top.plot([], [], color=RED, label="empty scanner")
    top.set(title="as recorded", ylabel="value")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    bottom.set(title="without the mean of the empty scanner", xlabel="time [µs]", ylabel="value")
    return figure


def mirrored(time: Array, panels: Mapping[str, Array]) -> Figure:
    """A period u(t) and its mirror -u(T - t), one panel per title; ``time`` and each signal (N,)."""
    figure, axes = plt.subplots(len(panels), 1, figsize=(6.4, 1.5 + 1.4 * len(panels)), sharex=True, squeeze=False)
    for axis, (title, signal) in zip(axes.flat, panels.items(), strict=True):
        peak = np.abs(signal).max()
        axis.plot(1e6 * time, signal / peak, color=BLUE, label="u(t)")
        axis.plot(1e6 * time, -mirror(signal[None])[0] / peak, color=RED, linestyle="--", label="−u(T − t)")
        axis.set(title=title, ylabel="of the peak")
    axes.flat[-1].set_xlabel("time [µs]")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def phases(frequency: Array, found: Mapping[str, Array], delayed: Array, shares: Mapping[str, Array]) -> Figure:
    """Phase of each line, and how much of it is odd once a phase is turned back.

    Args:
        frequency: of the lines [Hz], shape (K,).
        found: phase of each line by recording [rad]; any multiple of pi may be added.
        delayed: that of the delay which fits all energy best [rad].
        shares: odd share of each line, by what was turned back.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 5.0), sharex=True)
    looks = ({"color": BLUE, "marker": "o"}, {"color": RED, "marker": "s"})
    for look, (label, phase) in zip(looks, found.items(), strict=False):
        turned = np.unwrap(phase, period=np.pi)
        turned += np.pi * np.round((delayed[0] - turned[0]) / np.pi)
        top.plot(1e-3 * frequency, turned, label=label, markersize=4, **look)
    top.plot(1e-3 * frequency, delayed, color=BLACK, linestyle=":", label="one delay")
    top.set(ylabel="phase [rad]")
    top.legend(fontsize=8)
    for (label, share), look in zip(
        shares.items(), ({"color": BLACK, "marker": "^", "linestyle": ":"}, looks[0]), strict=True
    ):
        bottom.plot(1e-3 * frequency, 100 * share, label=label, markersize=4, **look)
    bottom.axhline(50, color=GREY, linewidth=0.8)
    bottom.set(xlabel="frequency [kHz]", ylabel="odd share [%]", ylim=(0, 104))
    bottom.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1)
    return figure


def denoised(frequency: Array, power: Mapping[str, Array]) -> Figure:
    """Mean power of each line on a logarithmic axis, relative to the largest; before, after and of the noise."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    peak = max(values.max() for values in power.values())
    for (label, values), colour in zip(power.items(), (GREY, BLUE, RED), strict=True):
        axis.plot(1e-3 * frequency, 10 * np.log10(values / peak), label=label, color=colour)
    axis.set(xlabel="frequency [kHz]", ylabel="power [dB]")
    axis.legend(fontsize=8)
    return figure


def chains(frequency: Array, responses: Array, delays: Array) -> Figure:
    """Gain and phase of receive channels; dotted the delay that leaves most of odd signals odd.

    Args:
        frequency: shape (m,) [Hz].
        responses: complex, shape (channels, m).
        delays: phase of the delay of each channel [rad], shape (channels, m), up to multiples of pi.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 5.0), sharex=True)
    for channel, (response, delay, colour) in enumerate(
        zip(responses, delays, (BLUE, RED, GREEN, PURPLE), strict=False), start=1
    ):
        top.plot(1e-3 * frequency, 20 * np.log10(np.abs(response)), color=colour, label=f"channel {channel}")
        phase = np.unwrap(np.angle(response))
        phase -= np.pi * np.round(phase[0] / np.pi)
        bottom.plot(1e-3 * frequency, phase, color=colour)
        gap = np.pi * np.round(np.median(phase - delay) / np.pi)
        bottom.plot(1e-3 * frequency, delay + gap, color=colour, linestyle=":")
    top.set(ylabel="gain [dB]")
    top.legend(fontsize=8)
    bottom.set(xlabel="frequency [kHz]", ylabel="phase [rad]")
    return figure
