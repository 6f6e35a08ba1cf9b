"""The figures of the page on what may be trusted, in the style of :mod:`companion.figures`."""

from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.figures import BLACK, GREY, RED
from companion.looks import look
from companion.schema import Method
from mpicore.scanner import Scanner

Array = np.ndarray[Any, Any]
Methods = Mapping[str, Method]


def amplitude(table: pd.DataFrame, methods: Methods) -> Figure:
    """Relative amplitude over the SNR of the recording, and the error over the noise, with what noise alone gives.

    Args:
        table: the analysis ``trust-amplitude``.
        methods: how each is called and drawn.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.8))
    silent = np.isneginf(table["level_db"])
    lowest = table["snr_db"][~silent].min()
    for name, part, drawn in _lines(table, methods):
        alone = np.isneginf(part["level_db"])
        heard = part[~alone]
        left.plot(heard["snr_db"], heard["amplitude"], label=methods[name].title, **drawn)
        if name != "noisy":
            right.plot(heard["snr_db"], heard["error_db"], **drawn)
            right.plot([lowest - 6] * alone.sum(), part["error_db"][alone], **drawn | {"clip_on": False})
    left.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    left.set(xlabel="SNR of the recording [dB]", ylabel="denoised / true amplitude")
    right.axvline(lowest - 3, color=GREY, linewidth=0.8, linestyle=":")
    ticks = sorted(set(table["snr_db"][~silent]))[::2]
    right.set_xticks([lowest - 6, *ticks], ["none", *(f"{tick:g}".replace("-", "−") for tick in ticks)])
    right.set(xlabel="SNR of the recording [dB]", ylabel="error / noise [dB]")
    _legend(figure, left)
    return figure


def detection(table: pd.DataFrame, methods: Methods) -> Figure:
    """How often a dot is seen over the SNR of its recording, one panel per rule.

    Args:
        table: the analysis ``trust-detection``; rows ``averageN`` are drawn in grey.
        methods: how each is called and drawn.
    """
    titles = {"image": "peak of the image", "projection": "known signal"}
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.8), sharey=True)
    for axis, (rule, title) in zip(panels, titles.items(), strict=True):
        shown = table[table["rule"] == rule]
        for name, part in shown[shown["method"].str.startswith("average")].groupby("method", sort=False):
            count = int(str(name).removeprefix("average"))
            style = (0, (1, 1)) if count > 4 else "--"
            axis.plot(part["snr_db"], part["seen"], color=GREY, linestyle=style, label=f"{count} averages")
        for name, part, drawn in _lines(shown[~shown["method"].str.startswith("average")], methods):
            axis.plot(part["snr_db"], part["seen"], label=methods[name].title, **drawn)
        axis.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        axis.set(xlabel="SNR of the recording [dB]", title=title)
        axis.title.set_fontsize(9)
    panels[0].set_ylabel("share that is seen")
    _legend(figure, panels[0])
    return figure


def bias_and_variance(table: pd.DataFrame, methods: Methods, kinds: Mapping[str, str]) -> Figure:
    """Squared bias, variance and their sum of each method, one panel per kind of object.

    Args:
        table: the analysis ``trust-structure``.
        methods: how each is called.
        kinds: titles of the panels by the kind of object.
    """
    figure, panels = plt.subplots(1, len(kinds), figsize=(7.6, 3.0), sharey=True, sharex=True, squeeze=False)
    for axis, (kind, title) in zip(panels[0], kinds.items(), strict=True):
        part = table[table["kind"] == kind].iloc[::-1].reset_index(drop=True)
        looks = {"bias_db": ("squared bias", "o", RED), "variance_db": ("variance", "^", "#0072B2")}
        for column, (label, marker, colour) in looks.items():
            axis.plot(part[column], part.index, marker, color=colour, markersize=5, label=label)
        axis.plot(part["error_db"], part.index, "|", color=BLACK, markersize=12, markeredgewidth=2, label="sum")
        axis.set_yticks(part.index, [methods[name].title for name in part["method"]])
        axis.set(xlabel="power / signal [dB]", title=title, ylim=(-0.5, len(part) - 0.5))
        axis.title.set_fontsize(9)
    _legend(figure, panels[0, 0])
    return figure


def gap(table: pd.DataFrame, methods: Methods) -> Figure:
    """Dip of the image in the middle of a bar over the width of its gap, and how clearly it is told from none.

    Args:
        table: the analysis ``trust-gap``.
        methods: how each is called and drawn.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.8))
    clean = table.drop_duplicates("gap_mm")
    left.plot(clean["gap_mm"], clean["clean_dip"], color=BLACK, linestyle="--", label="Clean")
    for name, part, drawn in _lines(table, methods):
        left.plot(part["gap_mm"], part["dip"], label=methods[name].title, **drawn)
        right.plot(part["gap_mm"], part["told"], **drawn)
    left.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    left.set(xlabel="width of the gap [mm]", ylabel="dip of the image")
    right.set(xlabel="width of the gap [mm]", ylabel="rise of the dip / its spread")
    _legend(figure, left)
    return figure


def error_bars(clean: Array, noisy: Array, denoised: Array, deviation: Array, scanner: Scanner) -> Figure:
    """A denoised signal with its 95 % error bars, the noisy and the clean one, around the highest peak.

    Args:
        clean, noisy, denoised, deviation: shape (N,).
        scanner: whose period it is.
    """
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    peak, middle = np.abs(clean).max(), int(np.argmax(np.abs(clean)))
    window = slice(max(0, middle - 75), middle + 75)
    time = 1e3 * scanner.time[window]
    centre, reach = denoised[window] / peak, 1.96 * deviation[window] / peak
    axis.plot(time, noisy[window] / peak, ".", color=GREY, markersize=3, label="Noisy")
    axis.fill_between(time, centre - reach, centre + reach, color=RED, alpha=0.3, linewidth=0, label="95 % error bars")
    axis.plot(time, centre, color=RED, label="Denoised")
    axis.plot(time, clean[window] / peak, color=BLACK, linestyle="--", label="Clean")
    axis.set(xlabel="time [ms]", ylabel="signal, relative\nto the clean peak")
    axis.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)
    return figure


def coverage(table: pd.DataFrame, methods: Methods, situations: Mapping[str, tuple[str, str]]) -> Figure:
    """Share of samples whose 95 % error bar holds the clean signal, one row per situation.

    Args:
        table: the analysis ``trust-bars``.
        methods: how each is called and drawn.
        situations: title of each row: its situation in the table, and the column that is drawn.
    """
    figure, axis = plt.subplots(figsize=(7.2, 1.2 + 0.45 * len(situations)))
    rows = list(situations)[::-1]
    shown = table[table["bars"] == "classes"].set_index(["method", "situation"])
    names = list(dict.fromkeys(table["method"]))
    for number, name in enumerate(names):
        drawn = look(methods, str(name)).points(5) | {"linestyle": "none"}
        height = np.arange(len(rows)) + 0.5 * (0.5 - (number + 0.5) / len(names))
        values = [shown.loc[(name, situations[row][0]), situations[row][1]] for row in rows]
        axis.plot(np.multiply(100, values), height, label=methods[name].title, **drawn)
    axis.axvline(95, color=BLACK, linewidth=0.8, linestyle=":")
    axis.set_yticks(range(len(rows)), rows)
    axis.set(xlabel="samples whose error bar holds the clean signal [%]", ylim=(-0.5, len(rows) - 0.5))
    _legend(figure, axis)
    return figure


def _lines(table: pd.DataFrame, methods: Methods) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Name, rows and look of each method."""
    for name, part in table.groupby("method", sort=False):
        yield str(name), part, look(methods, str(name)).line(4)


def _legend(figure: Figure, axis: Any) -> None:
    """One legend for all panels, below them."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
