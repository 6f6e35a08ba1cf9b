"""Pictures of a recording before and after it was denoised."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpicore.image_files import new_figure

_GREY, _BLUE, _RED = "0.6", "tab:blue", "tab:red"


def signals(before: ArrayLike, after: ArrayLike, sampling_frequency: float, units: tuple[str, ...]) -> Any:
    """One period of each channel, the first quarter of it.

    Args:
        before, after: shape (C, V).
        sampling_frequency: [Hz].
        units: of the channels.
    """
    one, other = np.asarray(before), np.asarray(after)
    shown = max(2, one.shape[1] // 4)
    time = 1e3 * np.arange(shown) / sampling_frequency
    figure, axes = _column(len(one))
    for channel, axis in enumerate(axes):
        axis.plot(time, one[channel, :shown], color=_GREY, linewidth=0.8, label="before")
        axis.plot(time, other[channel, :shown], color=_BLUE, linewidth=1.2, label="after")
        axis.set_ylabel(f"channel {channel + 1} / {units[channel]}")
    _legend(axes[0])
    axes[-1].set_xlabel("time / ms")
    return figure


def spectra(before: ArrayLike, after: ArrayLike, noise: ArrayLike, spacing: float) -> Any:
    """Root mean square of each line over the frames, on a logarithmic scale.

    Args:
        before, after, noise: amplitudes, shape (C, K); NaN where they are not known.
        spacing: of the lines [Hz].
    """
    rows = [np.asarray(values) for values in (before, after, noise)]
    frequency = spacing * np.arange(rows[0].shape[1]) / 1e3
    figure, axes = _column(len(rows[0]))
    for channel, axis in enumerate(axes):
        top = 1e-30
        for values, colour, label in zip(rows, (_GREY, _BLUE, _RED), ("before", "after", "noise"), strict=True):
            line = values[channel, 1:]
            top = max(top, float(np.nanmax(line, initial=0)))
            if np.isfinite(line).any() and (line > 0).any():
                axis.semilogy(frequency[1:], np.where(line > 0, line, np.nan), color=colour, linewidth=0.7, label=label)
        axis.set_ylabel(f"channel {channel + 1}")
        axis.set_xlim(0, frequency[-1])
        axis.set_ylim(1e-6 * top, 2 * top)
    _legend(axes[0])
    axes[-1].set_xlabel("frequency / kHz")
    return figure


def errors(noisy_errors: dict[float, float], chosen: float) -> Any:
    """The noisy error over the strength of the regularisation, and the one that was chosen."""
    figure, (axis,) = _column(1)
    strengths = sorted(noisy_errors)
    axis.loglog(strengths, [noisy_errors[strength] for strength in strengths], "o-", color=_BLUE)
    axis.axvline(chosen, color=_RED, linestyle="--", linewidth=1)
    axis.set_xlabel("regularisation")
    axis.set_ylabel("noisy error")
    return figure


def _legend(axis: Any) -> None:
    """Above the axes, where it hides no data."""
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)


def _column(rows: int) -> tuple[Any, NDArray[Any]]:
    """A figure with so many axes above each other."""
    figure = new_figure(8, 1 + 2 * rows)
    return figure, figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
