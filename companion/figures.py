"""The figures of the book, in one style. Every function takes arrays and returns a matplotlib figure."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.core.getipython import get_ipython
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib_inline.backend_inline import set_matplotlib_formats

from companion.looks import look
from companion.schema import Method
from mpicore import symmetry
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import point_spread_function

if TYPE_CHECKING:  # pages that draw no network do without torch
    from mpicore.network import EncoderDecoder

# Okabe and Ito's colours, which stay apart for colour-blind readers, for what is no method (see companion.looks).
BLACK, GREY, BLUE, RED, GREEN, PURPLE, SKY = "#000000", "#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
_OTHERS = (GREEN, PURPLE, SKY, "#8C564B")
#: Width of a figure [inches], with which text of 9 points has 9 pixels in the column of a telephone, 342 pixels wide.
WIDTH = 4.75
Array = np.ndarray[Any, Any]
_TOGETHER = re.compile(r" = |(?<=\d) (?=(?:dB|k?Hz|nm|µs|%)(?!\w))")  # what no label breaks
#: No ground of its own, and each pixel of an image as it is: a drawing stands on light and dark pages, at any size.
_STYLE: dict[str, Any] = {
    "figure.figsize": (WIDTH, 2.8), "figure.dpi": 150, "figure.constrained_layout.use": True,
    "figure.facecolor": "none", "axes.facecolor": "none", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9,
    "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "legend.frameon": False,
    "image.cmap": "viridis", "image.origin": "lower", "image.interpolation": "none", "lines.linewidth": 1.2,
    # Text is text, in a face of the same widths where there is no DejaVu.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"], "svg.fonttype": "none", "svg.hashsalt": "mpicore",
}  # fmt: skip


def use_style() -> None:
    """Set the book's style for all figures that follow; a notebook shows them as drawings (SVG), the same each time."""
    plt.rcdefaults()
    plt.style.use(_STYLE)
    if get_ipython() is not None:
        set_matplotlib_formats("svg", bbox_inches=None, metadata={"Date": None})


def trajectories(scanners: Mapping[str, Scanner]) -> Figure:
    """Paths of the field-free point, one panel per scanner, in millimetres."""
    figure, axes = plt.subplots(1, len(scanners), figsize=(WIDTH, 2.6))
    for axis, (title, scanner) in zip(np.atleast_1d(axes), scanners.items(), strict=True):
        x, y = 1e3 * scanner.ffp.T
        axis.plot(np.append(x, x[0]), np.append(y, y[0]), color=BLUE, linewidth=0.5)
        axis.plot(x[0], y[0], "o", color=RED, markersize=4, clip_on=False, zorder=3)
        axis.set(title=title, xlabel="x [mm]", ylabel="y [mm]", aspect="equal")
    return figure


def point_spread(scanner: Scanner, particle: Particle) -> Figure:
    """Point spread function of the x channel as an image, and along and across the channel's axis."""
    reach = 15e-3
    line = np.linspace(-reach, reach, 301)
    x, y = np.meshgrid(line, line)
    image = point_spread_function(np.stack([x, y], axis=-1), scanner, particle)
    peak = image.max()
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9), width_ratios=(1, 1.1))
    shown = left.imshow(image / peak, extent=2 * (-1e3 * reach, 1e3 * reach), vmin=0, vmax=1)
    left.grid(False)
    left.set(xlabel="x [mm]", ylabel="y [mm]", title="x channel")
    figure.colorbar(shown, ax=left, label="relative to the peak")
    right.plot(1e3 * line, image[150] / peak, color=BLUE, label="along x (tangential)")
    right.plot(1e3 * line, image[:, 150] / peak, color=RED, label="along y (normal)")
    right.axhline(0.5, color="0.5", linewidth=0.8, linestyle=":")
    right.set(xlabel="distance [mm]", ylabel="relative to the peak", ylim=(0, None))
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def odd_symmetry(time: Array, signal: Array) -> Figure:
    """A clean period u(t), its mirror -u(T - t), and their difference. ``time`` in s, ``signal`` (N,)."""
    mirror = -symmetry.mirror(signal[None])[0]
    peak = np.abs(signal).max()
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 3.4), sharex=True, height_ratios=(2, 1))
    top.plot(1e3 * time, signal / peak, color=BLUE, label="u(t)", linewidth=0.8)
    top.plot(1e3 * time, mirror / peak, color=RED, label="−u(T − t)", linewidth=0.8, linestyle="--")
    top.set(ylabel="relative to the peak")
    figure.legend(*top.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    bottom.plot(1e3 * time, (signal - mirror) / peak, color="black", linewidth=0.8)
    bottom.set(xlabel="time [ms]", ylabel="difference")
    return figure


def spectra(frequency: Array, amplitudes: Mapping[str, Array], highest: float) -> Figure:
    """Amplitude spectra on a logarithmic axis, clean in black and noisy in grey as everywhere.

    Args:
        frequency: in Hz.
        amplitudes: by label, the first at the back.
        highest: frequency that is shown, in Hz.
    """
    figure, axis = plt.subplots()
    keep = frequency <= highest
    peak = max(values[keep].max() for values in amplitudes.values())
    for number, (label, values) in enumerate(amplitudes.items()):
        colour = {"noisy": GREY, "clean": BLACK}.get(label, _OTHERS[number % len(_OTHERS)])
        look: dict[str, Any] = {"color": colour, "label": label, "linewidth": 0.8}
        axis.semilogy(1e-3 * frequency[keep], values[keep] / peak, **look)
    axis.set(xlabel="frequency [kHz]", ylabel="amplitude, relative to the peak", ylim=(1e-6, 2))
    axis.yaxis.set_major_formatter("{x:g}")  # an exponent would be too small to read on a telephone
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def images(panels: Mapping[str, Array], columns: int, label: str, scanner: Scanner) -> Figure:
    """Images (ny, nx) of a scanner's field of view by title, on one shared colour scale with its unit in ``label``."""
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, 0.5 + 4.0 / columns * rows), squeeze=False)
    low = min(0.0, *(float(panel.min()) for panel in panels.values()))
    high = max(float(panel.max()) for panel in panels.values())
    for number, axis in enumerate(axes.flat):
        axis.set_visible(number < len(panels))
    for number, (title, panel) in enumerate(panels.items()):
        axis = axes.flat[number]
        outer = number % columns == 0, number + columns >= len(panels)
        shown = _map(axis, panel, scanner, *outer, vmin=low, vmax=high)
        axis.set_title(title)
    figure.colorbar(shown, ax=axes, label=label, shrink=0.9, pad=0.01)
    return figure


def network_diagram(network: "EncoderDecoder", samples: int) -> Figure:
    """Figure 1: every feature map of the network as a box, with the channels and length of a real pass.

    Down the left side the encoder, up the right side the decoder; one unit is one inch.
    """
    maps = {name: (channels, length) for name, channels, length in network.dimensions(samples)}
    encoder = [name for name in maps if name == "stem" or name.startswith("EcB")]
    decoder = [name for name in maps if name.startswith("DcB")]
    longest = maps["stem"][1]
    depth = len(encoder)
    figure, axis = plt.subplots(figsize=(WIDTH, 0.85 * depth + 1.8))
    axis.set_axis_off()
    left, right, step = 0.8, WIDTH - 0.8, 0.85
    place = {name: (left, -step * level) for level, name in enumerate(encoder)}
    place |= {name: (right, step * (level + 2 - depth)) for level, name in enumerate(decoder)}
    place |= {"input": (left, step), "up-sampling": (right, step)}
    boxes = {"input": (1, samples), **maps, "up-sampling": (1, samples)}
    fill = {"E": "#9ecae1", "D": "#fdae6b", "s": "#c7e9c0", "u": "#c7e9c0", "i": "#eeeeee"}
    sizes = {}
    for name, (channels, length) in boxes.items():
        x, y = place[name]
        height = 0.34 + 0.26 * min(length, longest) / longest
        width = 0.42 + 0.04 * np.log2(channels)
        sizes[name] = (width, height / 2)
        axis.add_patch(
            Rectangle((x - width, y - height / 2), 2 * width, height, facecolor=fill[name[0]], edgecolor="0.3")
        )
        title = "output" if name == "up-sampling" else name
        axis.text(x, y, f"{title}\n{channels} × {length}", ha="center", va="center")
    path = ["input", *encoder, *decoder, "up-sampling"]
    for start, end in pairwise(path):
        _connect(axis, place, sizes, start, end, "black", "-")
    for skip, end in zip(encoder[-2::-1], decoder, strict=True):
        _connect(axis, place, sizes, skip, end, "0.5", "--")
    parameters = sum(value.numel() for value in network.parameters())
    notes = (
        "stem: strided convolution\n"
        "EcB: down-sampling, dropout, PReLU, 3 resblocks\n"
        "DcB: up-sampling, concatenation (dashed), 2 convolutions, PReLU\n"
        f"output: up-sampling, cut to {samples} samples; {parameters:,} parameters"
    )
    lowest = -step * (depth - 1) - 0.4
    axis.text(0.05, lowest, notes, va="top", linespacing=1.5)
    axis.set(xlim=(0, WIDTH), ylim=(lowest - 0.85, step + 0.4), aspect="equal")
    return figure


def _connect(axis, place, sizes, start, end, colour, style):
    """An arrow between the facing sides of two boxes; from one side to the other, it goes in below the second."""
    (x0, y0), (x1, y1) = place[start], place[end]
    (width0, height0), (width1, height1) = sizes[start], sizes[end]
    way = "arc3"
    if y0 == y1:
        ends = (x0 + width0, y0), (x1 - width1, y1)
    elif x0 == x1:
        turn = np.sign(y1 - y0)
        ends = (x0, y0 + turn * height0), (x1, y1 - turn * height1)
    else:
        ends, way = ((x0 + width0, y0), (x1, y1 - height1)), "angle,angleA=0,angleB=90,rad=0"
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0, "linewidth": 0.9}
    axis.add_patch(FancyArrowPatch(*ends, color=colour, linestyle=style, connectionstyle=way, **look))


def signals_and_images(
    thing: Array,
    clean: Array,
    estimates: Mapping[str, Array],
    clean_image: Array,
    estimate_images: Mapping[str, Array],
    methods: Mapping[str, Method],
    scanner: Scanner,
) -> Figure:
    """Figure 2: one row per method with the denoised signal, the image it gives, and the error of that image.

    The first row has the clean signal, its image, and the object in the place of an error.

    Args:
        thing: the object, shape (ny, nx).
        clean: clean signal, shape (N,).
        estimates: denoised signal by method.
        clean_image, estimate_images: their x-space images (ny, nx), on one colour scale.
        methods: how each is called and drawn.
        scanner: whose period and field of view these are.
    """
    peak, top = np.abs(clean).max(), clean_image.max()
    middle = int(np.argmax(np.abs(clean)))
    window = slice(max(0, middle - 90), middle + 90)
    time = 1e3 * scanner.time[window]
    rows = len(estimates) + 1
    layout: dict[str, Any] = {"width_ratios": (1.5, 1, 1)}
    figure, axes = plt.subplots(rows, 3, figsize=(WIDTH, 1.3 * rows + 0.7), gridspec_kw=layout)
    reference = {"color": BLACK, "linestyle": "--", "linewidth": 1}
    signals: Any = axes[:, 0]
    for axis, (method, signal) in zip(signals[1:], estimates.items(), strict=True):
        axis.plot(time, signal[window] / peak, **look(methods, method).line() | {"marker": ""})
        axis.set_title(methods[method].title, fontsize=9)
    for axis in signals:
        axis.plot(time, clean[window] / peak, **reference)
        axis.sharex(signals[0])
        axis.sharey(signals[0])
        axis.tick_params(labelbottom=axis is signals[-1])
    signals[0].set_title("Clean", fontsize=9)
    signals[0].set_ylim(-1.5, 1.5)
    signals[-1].set(xlabel="time [ms]")
    figure.supylabel("signal, relative to the clean peak", fontsize=9)
    scale = {"vmin": -0.3, "vmax": 0.3, "cmap": "RdBu_r"}
    shown = _map(axes[0, 1], clean_image / top, scanner, False, False, vmin=0, vmax=1)
    _map(axes[0, 2], thing / thing.max(), scanner, False, False, vmin=0, vmax=1)
    for row, image in zip(axes[1:], estimate_images.values(), strict=True):
        _map(row[1], image / top, scanner, False, False, vmin=0, vmax=1)
        errors = _map(row[2], (image - clean_image) / top, scanner, False, False, **scale)
    for axis, title in zip((*axes[0, 1:], *axes[1, 1:]), ("image", "object", "image", "error"), strict=True):
        axis.set_title(title, fontsize=9)
    figure.colorbar(shown, ax=axes[:, 1], label="image", location="bottom", pad=0.02, ticks=(0, 0.5, 1))
    figure.colorbar(errors, ax=axes[:, 2], label="error", location="bottom", pad=0.02, ticks=(-0.3, 0, 0.3))
    return figure


def component_maps(components: Mapping[str, Array], harmonics: Sequence[int], scanner: Scanner) -> Figure:
    """Figure 3: magnitude of system-matrix components by method, and of their errors; two columns per harmonic.

    Args:
        components: by title, shape (harmonics, P), complex; the first one is the reference and sets the scale.
        harmonics: their numbers.
        scanner: whose pixels these are.
    """
    shape = scanner.shape
    clean = next(iter(components.values()))
    top = np.abs(clean).max(axis=1)[:, None]
    maps = {title: (np.abs(values) / top).reshape(-1, *shape) for title, values in components.items()}
    errors = {title: (np.abs(values - clean) / top).reshape(-1, *shape) for title, values in components.items()}
    labels = [f"harmonic {harmonic}" for harmonic in harmonics]
    return _maps_and_errors(maps, errors, labels, "magnitude\n/ clean max.", "error\n/ clean max.", 0, scanner)


def reconstructions(
    objects: Array, reference: Array, images: Mapping[str, Array], labels: Sequence[str], scanner: Scanner
) -> Figure:
    """Objects, their images, and the errors of these against the one with the clean matrix; two columns per object.

    Args:
        objects: shape (n, ny, nx).
        reference: images with the clean matrix, shape (n, ny, nx).
        images: by title, shape (n, ny, nx).
        labels: what each object is called.
        scanner: whose pixels these are.
    """
    maps = {"Object": objects, "Clean matrix": reference, **images}
    errors = {title: image - reference for title, image in maps.items()}
    return _maps_and_errors(maps, errors, labels, "concentration", "error", 1, scanner)


def _maps_and_errors(
    maps: Mapping[str, Array],
    errors: Mapping[str, Array],
    labels: Sequence[str],
    unit: str,
    error_unit: str,
    reference: int,
    scanner: Scanner,
) -> Figure:
    """A row per title: for each label its map and, in the rows after the reference, the error; one scale for each."""
    rows, columns = len(maps), 2 * len(labels)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, 1.1 + 3.2 / columns * rows), squeeze=False)
    highest = max(float(values.max()) for values in maps.values())
    wrong = np.stack([errors[title] for title in list(maps)[reference + 1 :]])
    reach = float(np.quantile(np.abs(wrong), 0.995)) or 1.0
    signed = wrong.min() < 0
    look: dict[str, Any] = {"vmin": -reach, "vmax": reach, "cmap": "RdBu_r"} if signed else {"vmin": 0, "vmax": reach}
    extend = "both" if signed else "max"
    for row, title in enumerate(maps):
        for column, label in enumerate(labels):
            left, right = axes[row, 2 * column : 2 * column + 2]
            shown = _map(left, maps[title][column], scanner, False, False, vmin=0, vmax=highest)
            if row == 0:
                left.set_title(label)
            if row > reference:
                mistaken = _map(right, errors[title][column], scanner, False, False, **look)
            else:
                right.set_axis_off()
        axes[row, 0].set_ylabel(wrapped(title, 11), rotation=0, ha="right", va="center")
    digit = 10.0 ** np.floor(np.log10(reach))
    mark = digit * np.floor(reach / digit)
    ticks = [-mark, mark] if signed else [0, mark]
    for column in range(len(labels)):
        axes[reference + 1, 2 * column + 1].set_title("errors")
        bars: dict[str, Any] = {"location": "bottom", "pad": 0.02}
        figure.colorbar(shown, ax=axes[:, 2 * column], label=unit, **bars)
        side = axes[:, 2 * column + 1]
        _ends(figure.colorbar(mistaken, ax=side, label=error_unit, extend=extend, ticks=ticks, **bars))
    return figure


def _ends(bar: Any) -> None:
    """The ends of a colour bar become an image, as its middle is: their colours are values and stay on dark pages."""
    for end in bar.ax.patches:
        end.set_rasterized(True)


def _map(axis: Any, image: Array, scanner: Scanner, left: bool, bottom: bool, **look: Any) -> Any:
    """One image of the field of view; ticks on every panel, their labels on the outer ones alone."""
    _, right, _, top = scanner.extent_mm
    shown = axis.imshow(image, extent=scanner.extent_mm, **look)
    axis.grid(False)
    axis.set(xticks=(-0.8 * right, 0, 0.8 * right), yticks=(-0.8 * top, 0, 0.8 * top))
    axis.tick_params(labelleft=left, labelbottom=bottom)
    axis.set(xlabel="x [mm]" if bottom else "", ylabel="y [mm]" if left else "")
    return shown


def training_curve(history: pd.DataFrame) -> Figure:
    """Training and noisy validation loss per sample, and the learning rate, over the steps of one run."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(WIDTH, 4.2), sharex=True)
    steps = history["step"] / 1000
    upper.plot(steps, history["training_loss"], "o:", color=BLUE, markersize=3, label="training")
    upper.plot(steps, history["validation_loss"], "o-", color=RED, markersize=3, label="validation")
    upper.set(ylabel="loss per sample")
    upper.legend()
    lower.plot(steps, history["learning_rate"], "o-", color="black", markersize=3)
    lower.set(xlabel="thousand steps", ylabel="learning rate at the\nend of the epoch", ylim=(0, None))
    return figure


#: What stands at the right of a row of a leaderboard, which is what its method is given that the others are not.
_GROUPS = {
    "printed in the paper": "printed", "the paper's network": "the paper's network", "knows no scanner": "",
    "knows the scanner": "knows the scanner", "needs the whole matrix": "whole matrix", "from outside": "yours",
    "ceiling: needs clean signals": "clean signals",
}  # fmt: skip


def leaderboard(rows: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """SNR of the methods of one experiment with 95 % intervals, the best on top; a word tells what a method knows.

    Args:
        rows: of one experiment and one variant of :func:`companion.leaderboard.make`.
        methods: how each is drawn. A value that the paper prints is a black bar.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.7 + 0.33 * len(rows)))
    rows = rows.iloc[::-1].reset_index(drop=True)
    for place, row in enumerate(rows.to_dict("records")):
        if row["group"] == "printed in the paper":
            axis.plot([row["snr_db"]], [place], **PRINTED)
        else:
            interval(axis, row, place, look(methods, str(row["method"])).points(5))
        axis.annotate(
            _GROUPS.get(str(row["group"]), str(row["group"])),
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            color="#666666",
        )
    names = [wrapped(str(title).replace(" (printed in the paper)", ""), 26) for title in rows["title"]]
    axis.set_yticks(rows.index, names, linespacing=1.0)
    axis.set(xlabel="SNR [dB]", ylim=(-0.7, len(rows) - 0.3))
    return figure


#: How a value that the paper prints is drawn.
PRINTED: dict[str, Any] = {
    "color": "#000000", "marker": "|", "markersize": 13, "markeredgewidth": 2, "linestyle": "none",
}  # fmt: skip


def interval(axis: Any, row: Mapping[Any, Any], height: float, look: Mapping[str, Any], column: str = "snr_db") -> None:
    """One value of a row with its interval, if it has one, at a height of the axis."""
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if pd.notna(low) and pd.notna(high):
        axis.plot([low, high], [height, height], color=look["color"], linewidth=1.4, solid_capstyle="butt", zorder=1)
    axis.plot([row[column]], [height], linestyle="none", **look)


def wrapped(text: str, width: int) -> str:
    """A label on lines of at most this many characters where words allow it; a number keeps its unit and its name."""
    kept = _TOGETHER.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    lines = textwrap.wrap(kept, width, break_long_words=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def averages(
    averaged: pd.DataFrame, values: Mapping[str, Mapping[str, float]], methods: Mapping[str, Method]
) -> Figure:
    """What averaging gives, for signals and for images, and where denoised matrices stand.

    Args:
        averaged: columns ``averages``, ``snr_db``, ``psnr_db``: the analysis ``averages``.
        values: by method the ``snr_db`` and ``psnr_db`` of one recording after it.
        methods: how each is called and drawn.
    """
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    labels = {"snr_db": "SNR of the columns [dB]", "psnr_db": "PSNR of the images [dB]"}
    ends = averaged["averages"].iloc[[0, -1]]
    for axis, (column, label) in zip(panels, labels.items(), strict=True):
        axis.plot(averaged["averages"], averaged[column], "o-", color=BLACK, markersize=3, label="averaging alone")
        for name, of in values.items():
            drawn = look(methods, name).line() | {"markevery": [0], "linewidth": 1.4}
            axis.plot(ends, [of[column]] * 2, label=methods[name].title, **drawn)
        axis.set_xscale("log", base=2)
        shown = averaged["averages"].iloc[::2]
        axis.set_xticks(shown, shown.astype(str))
        axis.minorticks_off()
        axis.set(xlabel="averaged recordings", ylabel=label)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


def losses(table: pd.DataFrame) -> Figure:
    """What each method loses, with 95 % intervals: a row per method, a colour per kind of loss; the first on top.

    Args:
        table: columns ``title``, ``kind``, ``loss_db``, ``loss_db_low``, ``loss_db_high``.
    """
    titles, kinds = (list(dict.fromkeys(table[column])) for column in ("title", "kind"))
    figure, axis = plt.subplots(figsize=(WIDTH, 1.1 + 0.36 * len(titles)))
    for number, kind in enumerate(kinds):
        part = table[table["kind"] == kind]
        height = [-titles.index(title) + 0.3 * (0.5 - (number + 0.5) / len(kinds)) for title in part["title"]]
        spread = [part["loss_db"] - part["loss_db_low"], part["loss_db_high"] - part["loss_db"]]
        look: dict[str, Any] = {"color": (BLUE, RED, GREEN)[number % 3], "markersize": 4, "label": kind}
        axis.errorbar(part["loss_db"], height, xerr=np.nan_to_num(spread), fmt="os^"[number % 3], **look)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set_yticks(-np.arange(len(titles)), [wrapped(title, 22) for title in titles])
    axis.set(xlabel="loss of SNR [dB]", ylim=(0.6 - len(titles), 0.6))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


def conditions(table: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """PSNR of the images of each method under each condition: a panel per strength of regularisation.

    Args:
        table: columns ``condition, relative_lambda, method, title, psnr_db``; infinite values are left out.
        methods: how each is drawn; what is none of them is black.
    """
    strengths, names, titles = (
        list(dict.fromkeys(table[column])) for column in ("relative_lambda", "condition", "title")
    )
    height = 1.9 + 0.45 * len(names)
    figure, panels = plt.subplots(1, len(strengths), figsize=(WIDTH, height), sharey=True, squeeze=False)
    for axis, strength in zip(panels[0], strengths, strict=True):
        shown = table[(table["relative_lambda"] == strength) & np.isfinite(table["psnr_db"])]
        for number, (title, method) in enumerate(table.groupby("title", sort=False)["method"].first().items()):
            part = shown[shown["title"] == title]
            place = [-names.index(name) + 0.5 * (0.5 - (number + 0.5) / len(titles)) for name in part["condition"]]
            drawn = look(methods, str(method)).points(5)
            axis.plot(part["psnr_db"], place, label=title, linestyle="none", **drawn)
        axis.set(title=f"relative λ = {strength:g}", xlabel="PSNR [dB]", ylim=(0.6 - len(names), 0.6))
    panels[0, 0].set_yticks(-np.arange(len(names)), [wrapped(name, 14) for name in names])
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def distributions(objects: Array, estimates: Mapping[str, Array], labels: Sequence[str], scanner: Scanner) -> Figure:
    """Objects and estimates of them, each scaled to fit: one row and one colour scale per object.

    Args:
        objects: phantoms, shape (n, ny, nx).
        estimates: by title, the same shape.
        labels: n names of the rows.
        scanner: whose pixels these are.
    """
    panels = {"object": objects, **estimates}
    lines = -(-len(panels) // 4)
    figure = plt.figure(figsize=(WIDTH, 1.55 * lines * len(objects)))
    parts: Any = figure.subfigures(len(objects), 1, squeeze=False)
    for row, (label, part) in enumerate(zip(labels, parts[:, 0], strict=True)):
        axes = part.subplots(lines, min(4, len(panels)), squeeze=False)
        look: dict[str, Any] = {"vmin": 0.0, "vmax": float(objects[row].max())}
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis, (title, images) in zip(axes.flat, panels.items(), strict=False):
            shown = _map(axis, images[row], scanner, False, False, **look)
            axis.set_title(wrapped(title, 14))
        _ends(part.colorbar(shown, ax=axes, label=f"concentration, {label}", extend="both"))
    return figure


def study(table: pd.DataFrame, methods: Mapping[str, Method], x: str, label: str, scale: str = "linear") -> Figure:
    """SNR of each method over one quantity, with 95 % intervals.

    Args:
        table: of :func:`companion.studies.make`.
        methods: how each is drawn.
        x: the column with the quantity.
        label: of the axis, with its unit.
        scale: of that axis, ``linear`` or ``log``.
    """
    names = list(dict.fromkeys(table["method"]))
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2 + 0.2 * -(-len(names) // _columns(table))))
    for name in names:
        part = table[table["method"] == name]
        drawn = look(methods, name).line()
        for row in part.to_dict("records"):
            axis.plot([row[x]] * 2, [row["snr_db_low"], row["snr_db_high"]], color=drawn["color"], linewidth=1.4)
        axis.plot(part[x], part["snr_db"], label=part["title"].iloc[0], **drawn)
    axis.set(xlabel=label, ylabel="SNR [dB]", xscale=scale)
    axis.set_xticks(sorted(set(table[x])), [f"{value:g}" for value in sorted(set(table[x]))])
    axis.minorticks_off()
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=_columns(table))
    return figure


def cases(table: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """SNR of each method in each case, with 95 % intervals; the first case on top.

    Args:
        table: of :func:`companion.studies.make`.
        methods: how each is drawn.
    """
    titles = dict(zip(table["case"], table["case_title"], strict=True))
    order = list(titles)[::-1]
    names = list(dict.fromkeys(table["method"]))
    columns = _columns(table)
    rows = 0.16 * max(3, len(names))
    figure, axis = plt.subplots(figsize=(WIDTH, 0.7 + rows * len(order) + 0.19 * -(-len(names) // columns)))
    for number, name in enumerate(names):
        drawn = look(methods, name).points(5)
        for row in table[table["method"] == name].to_dict("records"):
            interval(axis, row, order.index(row["case"]) + 0.7 * (0.5 - (number + 0.5) / len(names)), drawn)
        axis.plot([], [], label=table["title"][table["method"] == name].iloc[0], linestyle="none", **drawn)
    for line in range(1, len(order)):
        axis.axhline(line - 0.5, color=GREY, linewidth=0.6, alpha=0.5)
    axis.set_yticks(range(len(order)), [wrapped(titles[case], 18) for case in order])
    axis.set(xlabel="SNR [dB]", ylim=(-0.5, len(order) - 0.5))
    axis.grid(False, axis="y")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def _columns(table: pd.DataFrame) -> int:
    """Columns of a legend: one where a title takes more than half of the width."""
    return 1 if table["title"].str.len().max() > 26 else 2
