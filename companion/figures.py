"""The figures of the book, in one style. Every function takes arrays and returns a matplotlib figure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from companion.schema import Method
from mpicore import symmetry
from mpicore.scanner import Particle, Scanner
from mpicore.simulation import point_spread_function

if TYPE_CHECKING:  # pages that draw no network do without torch
    from mpicore.network import EncoderDecoder

# Okabe and Ito's colours, which stay apart for colour-blind readers. The colour of a method stands with the method.
BLACK, GREY, BLUE, RED, GREEN, PURPLE, SKY = "#000000", "#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
_OTHERS = (GREEN, PURPLE, SKY, "#8C564B")
Array = np.ndarray[Any, Any]
_STYLE: dict[str, Any] = {
    "figure.figsize": (7.2, 3.2), "figure.dpi": 150, "figure.constrained_layout.use": True, "figure.facecolor": "white",
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False, "image.cmap": "viridis", "image.origin": "lower", "lines.linewidth": 1.2,
}  # fmt: skip


def use_style() -> None:
    """Set the book's style for all figures that follow."""
    plt.rcdefaults()
    plt.style.use(_STYLE)


def shade(own: str | None, number: int = 0) -> str:
    """The colour of a method, if it has one of its own; the others take turns by number."""
    return own if isinstance(own, str) else _OTHERS[number % len(_OTHERS)]


def trajectories(scanners: Mapping[str, Scanner]) -> Figure:
    """Paths of the field-free point, one panel per scanner, in millimetres."""
    figure, axes = plt.subplots(1, len(scanners), figsize=(7.2, 3.5))
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
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1, 1.25))
    shown = left.imshow(image / peak, extent=2 * (-1e3 * reach, 1e3 * reach), vmin=0, vmax=1)
    left.grid(False)
    left.set(xlabel="x [mm]", ylabel="y [mm]", title="x channel")
    figure.colorbar(shown, ax=left, label="relative to the peak")
    right.plot(1e3 * line, image[150] / peak, color=BLUE, label="along x (tangential)")
    right.plot(1e3 * line, image[:, 150] / peak, color=RED, label="along y (normal)")
    right.axhline(0.5, color="0.5", linewidth=0.8, linestyle=":")
    right.set(xlabel="distance [mm]", ylabel="relative to the peak", ylim=(0, None))
    right.legend(loc="upper right", fontsize=7)
    return figure


def odd_symmetry(time: Array, signal: Array) -> Figure:
    """A clean period u(t), its mirror -u(T - t), and their difference. ``time`` in s, ``signal`` (N,)."""
    mirror = -symmetry.mirror(signal[None])[0]
    peak = np.abs(signal).max()
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.2, 3.6), sharex=True, height_ratios=(2, 1))
    top.plot(1e3 * time, signal / peak, color=BLUE, label="u(t)", linewidth=0.8)
    top.plot(1e3 * time, mirror / peak, color=RED, label="−u(T − t)", linewidth=0.8, linestyle="--")
    top.set(ylabel="relative to the peak")
    top.legend(loc="upper right", ncols=2)
    bottom.plot(1e3 * time, (signal - mirror) / peak, color="black", linewidth=0.8)
    bottom.set(xlabel="time [ms]", ylabel="difference")
    return figure


def spectra(frequency: Array, amplitudes: Mapping[str, Array], highest: float) -> Figure:
    """Amplitude spectra on a logarithmic axis. ``frequency`` in Hz up to ``highest``; amplitudes by label."""
    figure, axis = plt.subplots()
    keep = frequency <= highest
    peak = max(values[keep].max() for values in amplitudes.values())
    for number, (label, values) in enumerate(amplitudes.items()):
        look: dict[str, Any] = {"color": _OTHERS[number % len(_OTHERS)], "label": label, "linewidth": 0.8}
        axis.semilogy(1e-3 * frequency[keep], values[keep] / peak, **look)
    axis.set(xlabel="frequency [kHz]", ylabel="amplitude, relative to the peak", ylim=(1e-6, 2))
    axis.legend(loc="upper right")
    return figure


def images(panels: Mapping[str, Array], columns: int, label: str, scanner: Scanner) -> Figure:
    """Images (ny, nx) of a scanner's field of view by title, on one shared colour scale with its unit in ``label``."""
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7.2, 0.5 + 6.6 / columns * rows), squeeze=False)
    low = min(0.0, *(float(panel.min()) for panel in panels.values()))
    high = max(float(panel.max()) for panel in panels.values())
    for number, axis in enumerate(axes.flat):
        axis.set_visible(number < len(panels))
    for number, (title, panel) in enumerate(panels.items()):
        axis = axes.flat[number]
        outer = number % columns == 0, number + columns >= len(panels)
        shown = _map(axis, panel, scanner, *outer, vmin=low, vmax=high)
        axis.set_title(title, fontsize=8)
    figure.colorbar(shown, ax=axes, label=label, shrink=0.9, pad=0.01)
    return figure


def network_diagram(network: "EncoderDecoder", samples: int) -> Figure:
    """Figure 1: every feature map of the network as a box, with the channels and length of a real pass."""
    maps = {name: (channels, length) for name, channels, length in network.dimensions(samples)}
    figure, axis = plt.subplots(figsize=(9.6, 4.4))
    axis.set_axis_off()
    encoder = [name for name in maps if name == "stem" or name.startswith("EcB")]
    decoder = [name for name in maps if name.startswith("DcB")]
    longest = maps["stem"][1]
    depth = len(encoder)
    place = {name: (level, -level) for level, name in enumerate(encoder)}
    place |= {name: (depth + level, level + 2 - depth) for level, name in enumerate(decoder)}
    place["input"] = (-1, 0)
    place["up-sampling"] = (2 * depth - 1, 0)
    boxes = {"input": (1, samples), **maps, "up-sampling": (1, samples)}
    fill = {"E": "#9ecae1", "D": "#fdae6b", "s": "#c7e9c0", "u": "#c7e9c0", "i": "#eeeeee"}
    sizes = {}
    for name, (channels, length) in boxes.items():
        x, y = place[name]
        height = 0.36 + 0.40 * min(length, longest) / longest
        width = max(0.31, 0.16 + 0.05 * np.log2(channels + 1))
        sizes[name] = (width, height / 2)
        axis.add_patch(
            Rectangle((x - width, y - height / 2), 2 * width, height, facecolor=fill[name[0]], edgecolor="0.3")
        )
        title = "output" if name == "up-sampling" else name
        axis.text(x, y, f"{title}\n{channels} × {length}", ha="center", va="center", fontsize=7.5)
    path = ["input", *encoder, *decoder, "up-sampling"]
    for start, end in pairwise(path):
        _connect(axis, place, sizes, start, end, "black", "-")
    for skip, end in zip(encoder[-2::-1], decoder, strict=True):
        _connect(axis, place, sizes, skip, end, "0.5", "--")
    parameters = sum(value.numel() for value in network.parameters())
    notes = (
        "stem: strided convolution, 1 × N0 → C × N\n"
        "EcB: down-sampling, dropout, PReLU, 3 resblocks\n"
        "DcB: up-sampling, concatenation (dashed), 2 convolutions, PReLU\n"
        f"output: up-sampling, cut to N0 = {samples}; {parameters:,} parameters"
    )
    axis.text(-1.3, -depth + 0.55, notes, fontsize=7.5, va="bottom", linespacing=1.5)
    axis.set(xlim=(-1.5, 2 * depth - 0.5), ylim=(-depth + 0.4, 0.6))
    return figure


def _connect(axis, place, sizes, start, end, colour, style):
    """An arrow between the facing sides of two boxes."""
    (x0, y0), (x1, y1) = place[start], place[end]
    (width0, height0), (width1, height1) = sizes[start], sizes[end]
    if y0 == y1:
        ends = (x0 + width0, y0), (x1 - width1, y1)
    else:
        turn = np.sign(y1 - y0)
        ends = (x0 + 0.6 * width0, y0 + turn * height0), (x1 - 0.6 * width1, y1 - turn * height1)
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0, "linewidth": 0.9}
    axis.add_patch(FancyArrowPatch(*ends, color=colour, linestyle=style, **look))


def signals_and_images(
    clean: Array,
    estimates: Mapping[str, Array],
    clean_image: Array,
    estimate_images: Mapping[str, Array],
    methods: Mapping[str, Method],
    scanner: Scanner,
) -> Figure:
    """Figure 2: denoised signals, the images they give, and the errors of those images.

    Args:
        clean: clean signal, shape (N,).
        estimates: denoised signal by method.
        clean_image, estimate_images: their x-space images (ny, nx), on one colour scale.
        methods: how each is called and drawn.
        scanner: whose period and field of view these are.
    """
    time = scanner.time
    count = len(estimates) + 1
    figure = plt.figure(figsize=(7.6, 5.6))
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.35))
    signals, maps = parts
    axis = signals.subplots()
    peak = np.abs(clean).max()
    middle = int(np.argmax(np.abs(clean)))
    window = slice(max(0, middle - 90), middle + 90)
    for method, signal in estimates.items():
        faint = 0.6 if method == "noisy" else 1
        look: dict[str, Any] = {"color": shade(methods[method].colour), "label": methods[method].title, "alpha": faint}
        axis.plot(1e3 * time[window], signal[window] / peak, **look)
    axis.plot(1e3 * time[window], clean[window] / peak, color=BLACK, label="Clean", linestyle="--")
    axis.set(xlabel="time [ms]", ylabel="signal, relative\nto the clean peak")
    axis.legend(ncols=count, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)
    top = clean_image.max()
    axes = maps.subplots(2, count)
    panels = {"Clean": clean_image} | {methods[method].title: image for method, image in estimate_images.items()}
    for column, (title, image) in enumerate(panels.items()):
        shown = _map(axes[0, column], image / top, scanner, column == 0, column == 0, vmin=0, vmax=1)
        axes[0, column].set_title(title, fontsize=9)
        if column:
            scale = {"vmin": -0.3, "vmax": 0.3, "cmap": "RdBu_r"}
            errors = _map(axes[1, column], (image - clean_image) / top, scanner, False, True, **scale)
    axes[1, 0].set_axis_off()
    maps.colorbar(shown, ax=axes[0], label="image / clean max.", pad=0.01)
    maps.colorbar(errors, ax=axes[1], label="error / clean max.", pad=0.01)
    return figure


def component_maps(components: Mapping[str, Array], harmonics: Sequence[int], scanner: Scanner) -> Figure:
    """Figure 3: magnitude of system-matrix components by method, and of their errors; two rows per harmonic.

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
    """Objects, their images, and the errors of these against the image with the clean matrix; two rows per object.

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
    """Rows of maps with a row of errors below each, from the column after the reference; one scale for each kind."""
    rows, columns = 2 * len(labels), len(maps)
    figure, axes = plt.subplots(rows, columns, figsize=(7.6, 0.5 + 6.4 / columns * rows), squeeze=False)
    titles = list(maps)
    highest = max(float(values.max()) for values in maps.values())
    wrong = np.stack([errors[title] for title in titles[reference + 1 :]])
    reach = float(np.quantile(np.abs(wrong), 0.995)) or 1.0
    signed = wrong.min() < 0
    look: dict[str, Any] = {"vmin": -reach, "vmax": reach, "cmap": "RdBu_r"} if signed else {"vmin": 0, "vmax": reach}
    extend = "both" if signed else "max"
    for row, label in enumerate(labels):
        for column, title in enumerate(titles):
            upper, lower = axes[2 * row : 2 * row + 2, column]
            shown = _map(upper, maps[title][row], scanner, column == 0, False, vmin=0, vmax=highest)
            if row == 0:
                upper.set_title(title, fontsize=8)
            if column > reference:
                mistaken = _map(lower, errors[title][row], scanner, False, row + 1 == len(labels), **look)
            else:
                lower.set_axis_off()
        axes[2 * row, 0].set_ylabel(f"{label}\ny [mm]")
        figure.colorbar(shown, ax=axes[2 * row], label=unit, pad=0.01)
        figure.colorbar(mistaken, ax=axes[2 * row + 1], label=error_unit, pad=0.01, extend=extend)
    return figure


def _map(axis: Any, image: Array, scanner: Scanner, left: bool, bottom: bool, **look: Any) -> Any:
    """One image of the field of view; ticks on every panel, their labels on the outer ones alone."""
    _, right, _, top = scanner.extent_mm
    shown = axis.imshow(image, extent=scanner.extent_mm, **look)
    axis.grid(False)
    axis.set(xticks=(-0.8 * right, 0, 0.8 * right), yticks=(-0.8 * top, 0, 0.8 * top))
    axis.tick_params(labelleft=left, labelbottom=bottom)
    axis.set(xlabel="x [mm]" if bottom else "", ylabel="y [mm]" if left else "")
    return shown


def learning_curves(histories: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Training and noisy validation loss per sample over the steps, one panel per experiment.

    The scale is that of the validation losses: the training loss of a first epoch, a mean over its steps, may be above.

    Args:
        histories: by title of the experiment, by name of the run, its history table.
    """
    figure, axes = plt.subplots(len(histories), 1, figsize=(7.6, 2.6 * len(histories)), squeeze=False)
    for axis, (title, runs) in zip(axes[:, 0], histories.items(), strict=True):
        lowest = 1.0
        for number, (name, history) in enumerate(runs.items()):
            # The methods minimise different losses: each curve is shown relative to its own first value.
            first = history["validation_loss"].iloc[0]
            held, trained = history["validation_loss"] / first, history["training_loss"] / first
            look: dict[str, Any] = {"color": plt.get_cmap("tab20")(number % 20), "marker": "o", "markersize": 2}
            axis.plot(history["step"], held, label=name, **look)
            axis.plot(history["step"], trained, linestyle=":", **look)
            lowest = min(lowest, held.min(), trained.min())
        axis.set(title=title, xlabel="training steps", ylabel="loss / first\nvalidation loss")
        axis.set_ylim(lowest - 0.1 * (1 - lowest), 1 + 0.2 * (1 - lowest) + 0.01)
        axis.title.set_fontsize(9)
        axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0)
    return figure


def training_curve(history: pd.DataFrame) -> Figure:
    """Training and noisy validation loss per sample, and the learning rate, over the steps of one run."""
    figure, (left, right) = plt.subplots(1, 2)
    left.plot(history["step"], history["training_loss"], "o:", color=BLUE, markersize=3, label="training")
    left.plot(history["step"], history["validation_loss"], "o-", color=RED, markersize=3, label="validation")
    left.set(xlabel="training steps", ylabel="loss per sample")
    left.legend()
    right.plot(history["step"], history["learning_rate"], "o-", color="black", markersize=3)
    right.set(xlabel="training steps", ylabel="learning rate at the end of the epoch", ylim=(0, None))
    return figure


#: Colours of the kinds of methods in a leaderboard.
_GROUPS = {
    "printed in the paper": "#000000", "the paper's network": RED, "knows no scanner": BLUE,
    "knows the scanner": GREEN, "needs the whole matrix": GREEN, "from outside": "#CC79A7",
    "ceiling: needs clean signals": GREY,
}  # fmt: skip


def leaderboard(rows: pd.DataFrame) -> Figure:
    """SNR of the methods of one experiment with 95 % intervals, the best on top; colours tell what a method knows.

    Args:
        rows: of one experiment and one variant of :func:`companion.leaderboard.make`.
    """
    figure, axis = plt.subplots(figsize=(7.2, 0.6 + 0.2 * len(rows)))
    rows = rows.iloc[::-1].reset_index(drop=True)
    for group, part in rows.groupby("group", sort=False):
        spread = [part["snr_db"] - part["snr_db_low"], part["snr_db_high"] - part["snr_db"]]
        marker = "D" if group == "printed in the paper" else "o"
        look: dict[str, Any] = {"color": _GROUPS.get(str(group), BLACK), "markersize": 4, "label": group}
        axis.errorbar(part["snr_db"], part.index, xerr=np.nan_to_num(spread), fmt=marker, **look)
    axis.set_yticks(rows.index, rows["title"], fontsize=8)
    axis.set(xlabel="SNR [dB]", ylim=(-0.7, len(rows) - 0.3))
    axis.legend(loc="lower right", fontsize=8)
    return figure


def averages(averaged: pd.DataFrame, methods: Mapping[str, Mapping[str, float]]) -> Figure:
    """What averaging gives, for signals and for images, and where denoised matrices stand.

    Args:
        averaged: columns ``averages``, ``snr_db``, ``psnr_db``: the analysis ``averages``.
        methods: by title the ``snr_db`` and ``psnr_db`` of one recording after a denoiser.
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.4))
    labels = {"snr_db": "SNR of the columns [dB]", "psnr_db": "PSNR of the images [dB]"}
    for axis, (column, label) in zip(panels, labels.items(), strict=True):
        axis.plot(averaged["averages"], averaged[column], "o-", color="black", markersize=3, label="averaging alone")
        for number, (title, values) in enumerate(methods.items()):
            axis.axhline(values[column], color=plt.get_cmap("tab10")(number), linewidth=1, label=title)
        axis.set_xscale("log", base=2)
        axis.set_xticks(averaged["averages"], averaged["averages"].astype(str), fontsize=7)
        axis.set(xlabel="averaged recordings", ylabel=label)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def losses(table: pd.DataFrame) -> Figure:
    """What each method loses, with 95 % intervals: a row per method, a colour per kind of loss; the first on top.

    Args:
        table: columns ``title``, ``kind``, ``loss_db``, ``loss_db_low``, ``loss_db_high``.
    """
    titles, kinds = (list(dict.fromkeys(table[column])) for column in ("title", "kind"))
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(titles)))
    for number, kind in enumerate(kinds):
        part = table[table["kind"] == kind]
        height = [-titles.index(title) + 0.3 * (0.5 - (number + 0.5) / len(kinds)) for title in part["title"]]
        spread = [part["loss_db"] - part["loss_db_low"], part["loss_db_high"] - part["loss_db"]]
        look: dict[str, Any] = {"color": (BLUE, RED, GREEN)[number % 3], "markersize": 4, "label": kind}
        axis.errorbar(part["loss_db"], height, xerr=np.nan_to_num(spread), fmt="os^"[number % 3], **look)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set_yticks(-np.arange(len(titles)), titles)
    axis.set(xlabel="loss of SNR [dB]", ylim=(0.6 - len(titles), 0.6))
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def conditions(table: pd.DataFrame) -> Figure:
    """PSNR of the images of each method under each condition: a panel per strength of regularisation.

    Args:
        table: columns ``condition, relative_lambda, title, colour, psnr_db``; infinite values are left out.
    """
    strengths, names, titles = (
        list(dict.fromkeys(table[column])) for column in ("relative_lambda", "condition", "title")
    )
    height = 1.3 + 0.42 * len(names)
    figure, panels = plt.subplots(1, len(strengths), figsize=(7.6, height), sharey=True, squeeze=False)
    for axis, strength in zip(panels[0], strengths, strict=True):
        shown = table[(table["relative_lambda"] == strength) & np.isfinite(table["psnr_db"])]
        for number, title in enumerate(titles):
            part = shown[shown["title"] == title]
            place = [-names.index(name) + 0.4 * (0.5 - (number + 0.5) / len(titles)) for name in part["condition"]]
            look: dict[str, Any] = {"color": _tint(part, number), "markersize": 4, "label": title}
            axis.plot(part["psnr_db"], place, "o", **look)
        axis.set(title=f"relative λ = {strength:g}", xlabel="PSNR [dB]", ylim=(0.6 - len(names), 0.6))
        axis.title.set_fontsize(9)
    panels[0, 0].set_yticks(-np.arange(len(names)), names)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _tint(part: pd.DataFrame, number: int) -> str:
    """The colour of the method of some rows; the one of its turn where there is no row or no colour."""
    return shade(part["colour"].iloc[0] if len(part) else None, number)


def distributions(objects: Array, estimates: Mapping[str, Array], labels: Sequence[str], scanner: Scanner) -> Figure:
    """Objects and estimates of them, each scaled to fit: one row and one colour scale per object.

    Args:
        objects: phantoms, shape (n, ny, nx).
        estimates: by title, the same shape.
        labels: n names of the rows.
        scanner: whose pixels these are.
    """
    panels = {"object": objects, **estimates}
    figure, axes = plt.subplots(len(objects), len(panels), figsize=(9.0, 1.9 * len(objects)), squeeze=False)
    for row, label in enumerate(labels):
        look: dict[str, Any] = {"vmin": 0.0, "vmax": float(objects[row].max())}
        for column, (title, images) in enumerate(panels.items()):
            shown = _map(axes[row, column], images[row], scanner, column == 0, row == len(objects) - 1, **look)
            axes[row, column].set_title(title.replace(", ", ",\n") if row == 0 else "", fontsize=8)
        axes[row, 0].set_ylabel(f"{label}\ny [mm]")
        figure.colorbar(shown, ax=axes[row], label="concentration", pad=0.01, extend="both")
    return figure


def study(table: pd.DataFrame, x: str, label: str, scale: str = "linear") -> Figure:
    """SNR of each method over one quantity, with 95 % intervals.

    Args:
        table: of :func:`companion.studies.make`.
        x: its column with the quantity.
        label: of the axis, with its unit.
        scale: of that axis, ``linear`` or ``log``.
    """
    figure, axis = plt.subplots(figsize=(7.2, 3.8))
    for number, (title, part) in enumerate(table.groupby("title", sort=False)):
        spread = [part["snr_db"] - part["snr_db_low"], part["snr_db_high"] - part["snr_db"]]
        look: dict[str, Any] = {"color": shade(part["colour"].iloc[0], number), "markersize": 3, "capsize": 2}
        axis.errorbar(part[x], part["snr_db"], yerr=spread, fmt="o-", label=title, **look)
    axis.set(xlabel=label, ylabel="SNR [dB]", xscale=scale)
    axis.set_xticks(sorted(set(table[x])), [f"{value:g}" for value in sorted(set(table[x]))])
    axis.minorticks_off()
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def cases(table: pd.DataFrame) -> Figure:
    """SNR of each method in each case, with 95 % intervals; the first case on top.

    Args:
        table: of :func:`companion.studies.make`.
    """
    names = dict(zip(table["case"], table["case_title"], strict=True))
    order = list(dict.fromkeys(table["case"]))[::-1]
    titles = list(dict.fromkeys(table["title"]))
    figure, axis = plt.subplots(figsize=(7.2, 0.8 + 0.36 * len(order)))
    for number, title in enumerate(titles):
        part = table[table["title"] == title]
        height = [order.index(case) + 0.3 * (0.5 - (number + 0.5) / len(titles)) for case in part["case"]]
        spread = [part["snr_db"] - part["snr_db_low"], part["snr_db_high"] - part["snr_db"]]
        look: dict[str, Any] = {"color": shade(part["colour"].iloc[0], number), "markersize": 3}
        axis.errorbar(part["snr_db"], height, xerr=spread, fmt="o", label=title, **look)
    axis.set_yticks(range(len(order)), [names[case] for case in order])
    axis.set(xlabel="SNR [dB]", ylim=(-0.6, len(order) - 0.4))
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure
