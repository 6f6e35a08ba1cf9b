"""The figures that open the pages of results, each with one message, in the style of :mod:`companion.figures`."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from companion.figures import BLACK, GREY, PRINTED, WIDTH, interval, wrapped
from companion.looks import look
from companion.schema import Method
from mpicore.scanner import Scanner

Array = np.ndarray[Any, Any]
Methods = Mapping[str, Method]
#: How the book calls the protocols; points of the first are hollow.
PROTOCOLS = {"paper": "the paper's protocol", "tuned": "tuned protocol"}


def result(table: pd.DataFrame, best: pd.Series, methods: Methods, protocol: str = "paper") -> Figure:
    """SNR of the methods of one table with 95 % intervals: printed, under each protocol, and the best method beyond.

    Args:
        table: of :func:`companion.tables.make_table`, of one variant of the test noise.
        best: a row of :func:`companion.leaderboard.by_method`, drawn on top.
        methods: how each is called and drawn.
        protocol: of the rows where the table has one alone.
    """
    names = [str(best.name), *list(dict.fromkeys(table["method"]))[::-1]]
    figure, axis = plt.subplots(figsize=(WIDTH, 1.1 + 0.42 * len(names)))
    protocols = table["protocol"] if "protocol" in table else pd.Series(protocol, index=table.index)
    for height, name in zip(range(len(names), 0, -1), names, strict=True):
        drawn = look(methods, name)
        if name == best.name:
            interval(axis, best.to_dict(), height, drawn.points(8))
            _value(axis, height, best["snr_db"])
            continue
        rows = table[table["method"] == name]
        for row, of in zip(rows.to_dict("records"), protocols[rows.index], strict=True):
            if pd.notna(row["paper_snr_db"]):
                axis.plot([row["paper_snr_db"]], [height], zorder=0.5, **PRINTED)
            interval(axis, row, height, drawn.points(8, hollow=of == "paper" and methods[name].network is not None))
        _value(axis, height, rows["snr_db"].iloc[-1])
    titles = [wrapped(methods[name].title, 18) for name in names]
    axis.set_yticks(range(len(names), 0, -1), titles)
    axis.axhline(len(names) - 0.5, color=GREY, linewidth=0.8)
    axis.set(xlabel="SNR [dB]", ylim=(0.4, len(names) + 0.6))
    axis.grid(False, axis="y")
    point: dict[str, Any] = {"color": GREY, "marker": "o", "markersize": 7, "linestyle": "none"}
    handles = [Line2D([], [], label="printed in the paper", **PRINTED)]
    handles += [
        Line2D([], [], label=PROTOCOLS[of], **point | ({"markerfacecolor": "none"} if of == "paper" else {}))
        for of in dict.fromkeys(protocols)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1, handletextpad=0.2)
    return figure


def _value(axis: Any, height: float, value: float) -> None:
    """A number at the right of a row."""
    place = {"xycoords": ("axes fraction", "data"), "xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    axis.annotate(f"{value:.1f}", (1.0, height), **place)


def terms(table: pd.DataFrame, seeds: Sequence[float], methods: Methods) -> Figure:
    """SNR with parts of a loss left out, with 95 % intervals, and how far trainings of the whole loss lie apart.

    Args:
        table: of :func:`companion.tables.make_table`; the last row is the whole loss.
        seeds: SNR [dB] of trainings of the whole loss from several seeds.
        methods: how each is called and drawn.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.42 * len(table)))
    axis.axvspan(min(seeds), max(seeds), color=GREY, alpha=0.3, linewidth=0, label="the whole loss, by seed")
    for height, row in zip(range(len(table), 0, -1), table.to_dict("records"), strict=True):
        interval(axis, row, height, look(methods, row["method"]).points(8))
        axis.annotate(
            f"{row['snr_db']:.2f}",
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    titles = [wrapped(methods[name].title, 18) for name in table["method"]]
    axis.set_yticks(range(len(table), 0, -1), titles)
    axis.set(xlabel="SNR [dB]", ylim=(0.4, len(table) + 0.6))
    axis.grid(False, axis="y")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center")
    return figure


def claims(judged: pd.DataFrame, margin: float) -> Figure:
    """Differences that the paper claims and what was measured, with 95 % intervals; the text of a claim above its row.

    Args:
        judged: of :func:`companion.verdicts.judge`, of columns in dB.
        margin: differences within it count as none [dB].
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.5 * len(judged)))
    axis.axvspan(-margin, margin, color=GREY, alpha=0.3, linewidth=0, label="margin")
    axis.axvline(0, color=GREY, linewidth=0.8)
    for height, row in zip(range(len(judged), 0, -1), judged.to_dict("records"), strict=True):
        axis.plot([row["paper"]], [height], zorder=0.5, **PRINTED)
        point = {"color": "#0072B2", "marker": "o", "markersize": 7}
        interval(axis, {**row, "measured_low": row["low"], "measured_high": row["high"]}, height, point, "measured")
        text = f"{row['claim']} ({row['verdict']})"
        axis.annotate(text, (0.02, height + 0.26), xycoords=("axes fraction", "data"), va="bottom")
    axis.set_yticks([])
    axis.set(xlabel="difference [dB]", ylim=(0.5, len(judged) + 0.85))
    axis.plot([], [], label="printed in the paper", **PRINTED)
    axis.plot([], [], "o", color="#0072B2", markersize=7, label="measured here")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, columnspacing=1)
    return figure


def findings(thing: Array, clean: Array, images: Mapping[str, Array], scanner: Scanner) -> Figure:
    """An object and its images: without noise, from the noisy signal, and after denoisers; below them their errors.

    Args:
        thing: the phantom, shape (ny, nx), relative to its maximum.
        clean: its image from the signal without noise, shape (ny, nx), which sets the scale of images and errors.
        images: by title, the same shape.
        scanner: whose field of view this is.
    """
    figure, axes = plt.subplots(2, 1 + len(images), figsize=(WIDTH, 3.4))
    top = clean.max()
    panels = {"Object": thing / thing.max()} | {title: image / top for title, image in images.items()}
    for axis, (title, image) in zip(axes[0], panels.items(), strict=True):
        _bare(axis, image, scanner, vmin=0, vmax=1)
        axis.set_title(title)
    _bare(axes[1, 0], clean / top, scanner, vmin=0, vmax=1)
    axes[1, 0].set_xlabel("image without\nany noise")
    for axis, image in zip(axes[1, 1:], images.values(), strict=True):
        _bare(axis, np.abs(image - clean) / top, scanner, vmin=0, vmax=0.25, cmap="magma")
    axes[1, 1 + len(images) // 2].set_xlabel("errors of the images above,\nfrom 0 (black) to a quarter of the maximum")
    return figure


def _bare(axis: Any, image: Array, scanner: Scanner, **scale: Any) -> None:
    """An image of the field of view without ticks."""
    axis.imshow(image, extent=scanner.extent_mm, **scale)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.set(xticks=[], yticks=[])


def objects(rows: Mapping[str, Array], scanner: Scanner) -> Figure:
    """Phantoms of several kinds, a row for each kind; one scale of concentration for all.

    Args:
        rows: by title, shape (n, ny, nx), the same n.
        scanner: whose field of view this is.
    """
    count = len(next(iter(rows.values())))
    figure, axes = plt.subplots(len(rows), count, figsize=(WIDTH, 1.1 * len(rows)), squeeze=False)
    highest = max(float(images.max()) for images in rows.values())
    for line, (title, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            _bare(axis, image, scanner, vmin=0, vmax=highest)
        line[0].set_ylabel(wrapped(title, 12))
    return figure


def learning_curves(histories: pd.DataFrame, methods: Methods, rows: Mapping[str, str]) -> Figure:
    """How much of the fall of the noisy validation loss is still to come, over the steps of each training.

    A small panel per experiment and method. The loss after the first epoch is 1, and the lowest of the training is 0:
    the methods minimise different losses. The training loss is on the same scale.

    Args:
        histories: columns ``experiment, method, protocol, step, validation_loss, training_loss``, by step.
        methods: how each is called and drawn.
        rows: title of each experiment.
    """
    names = list(dict.fromkeys(histories["method"]))
    size = (WIDTH, 0.9 + 1.35 * len(rows))
    figure, axes = plt.subplots(len(rows), len(names), figsize=size, sharex=True, sharey=True, squeeze=False)
    for line, (experiment, title) in zip(axes, rows.items(), strict=True):
        for axis, name in zip(line, names, strict=True):
            part = histories[(histories["experiment"] == experiment) & (histories["method"] == name)]
            for protocol, run in part.groupby("protocol", sort=False):
                drawn = look(methods, name).points(4, hollow=protocol == "paper")
                left = still_to_come(run)
                steps = run["step"] / 1000
                axis.plot(steps, left["training_loss"], color=GREY, linewidth=0.9)
                axis.plot(steps, left["validation_loss"], linestyle="-", linewidth=1, **drawn)
        line[0].set_ylabel(wrapped(title, 18))
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(methods[name].title, color=look(methods, name).colour)
    axes[-1, len(names) // 2].set_xlabel("thousand steps")
    axes[0, 0].set(ylim=(-0.15, 1.1), yticks=(0, 0.5, 1))
    point: dict[str, Any] = {"color": BLACK, "marker": "o", "markersize": 5}
    handles = [
        Line2D([], [], label=PROTOCOLS[of], **point | ({"markerfacecolor": "none"} if of == "paper" else {}))
        for of in dict.fromkeys(histories["protocol"])
    ]
    handles.append(Line2D([], [], color=GREY, linewidth=0.9, label="training loss"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1, handletextpad=0.3)
    return figure


def still_to_come(run: pd.DataFrame) -> pd.DataFrame:
    """Both losses of one training, where 1 is the first validation loss and 0 the lowest."""
    held = run["validation_loss"]
    scale = held.iloc[0] - held.min()
    return (run[["validation_loss", "training_loss"]] - held.min()) / (scale or 1.0)
