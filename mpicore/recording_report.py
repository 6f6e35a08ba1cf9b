"""The report of a recording: what is in it, what was checked, before and after, images, and what was assumed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpicore import image_files, report_figures
from mpicore.contents import contents
from mpicore.empty_frames import noise_deviation
from mpicore.imaging import Images, described
from mpicore.imaging.spectra import corrected, empty, empty_frames
from mpicore.mdf import Recording
from mpicore.report import Figure, Section
from mpicore.skipped import Skipped

_MOST = 200  # frames that pictures are made of


def sections(
    before: Recording,
    after: Recording | None = None,
    checked: Sequence[Sequence[str]] = (),
    chosen: Sequence[Sequence[str]] = (),
    images: tuple[Images, Images | None] | None = None,
    skipped: Skipped | None = None,
) -> list[Section]:
    """The parts of the report.

    Args:
        before: as recorded.
        after: the same, denoised; ``None`` for none.
        checked: channel, assumption, verdict and words of each check.
        chosen: channel and words of each method that was chosen.
        images: of the recording, and of the denoised one.
        skipped: signals that cannot be used, which are named; pictures are of frames without them. ``None`` for none.

    Raises:
        ValueError: the recordings are not of one shape, have no foreground frame, or none without skipped signals.
    """
    if after is not None and after.shape != before.shape:
        raise ValueError(f"{after.path} must have the shape {before.shape} of {before.path}, it has {after.shape}")
    found = [Section("What is in it", rows=list(contents(before).items()))]
    if before.deviations:
        found.append(Section("Deviations from MDF 2.1.0", rows=[(line,) for line in before.deviations]))
    if checked:
        text = "What methods take for granted, measured on this recording as far as it allows."
        found.append(Section("What was checked", [text], checked, ("channel", "assumption", "verdict", "measured")))
    if skipped is not None and skipped.told():
        found.append(Section("What was skipped", rows=[(line,) for line in skipped.told()]))
    found.append(_signals(before, after, chosen, skipped))
    if images is not None:
        found.append(_images(*images))
    steps = [(step.method, str(dict(step.options))) for step in (after or before).provenance]
    if steps:
        found.append(Section("What was done to the signals", rows=steps, heading=("step", "options")))
    return found


def _signals(
    before: Recording, after: Recording | None, chosen: Sequence[Sequence[str]], skipped: Skipped | None
) -> Section:
    lines = _lines(before, skipped)
    other = lines if after is None else _lines(after, skipped)
    noise, told = _noise(before, lines, skipped)
    strongest = int(np.argmax(np.sum(np.abs(lines[:, 0, :, 1:]) ** 2, axis=(1, 2))))
    V = before.shape[3]
    scale = 2 / V  # from a line of the transform to the amplitude of its sinusoid
    root = [scale * np.sqrt(np.mean(np.abs(values) ** 2, axis=(0, 1))) for values in (lines, other)]
    pictures = [
        Figure(
            report_figures.signals(
                np.fft.irfft(lines[strongest, 0], V),
                np.fft.irfft(other[strongest, 0], V),
                2 * before.receiver.bandwidth,
                before.receiver.units,
            ),
            "The frame with the strongest signal, a quarter of its first period, without the background.",
            "Signals of each channel before and after over time.",
        ),
        Figure(
            report_figures.spectra(root[0], root[1], scale * noise, 2 * before.receiver.bandwidth / V),
            f"Amplitude of each line, root mean square of {len(lines)} frames, without the background. {told}",
            "Spectra of each channel before and after, and of the noise.",
        ),
    ]
    title = "Signals" if after is None else "Before and after"
    dead = () if skipped is None else skipped.dead
    rows = [
        (f"channel {c + 1}", *(("dead", "dead", "dead") if c in dead else _levels(lines[:, :, c], noise[c])))
        for c in range(before.shape[2])
    ]
    text = "Signal and noise are root mean squares over all lines of one period."
    choice = "".join(f" Channel {channel}: {words}." for channel, words in chosen)
    texts = [text, *([f"Chosen by the error on held-out objects, without clean data.{choice}"] if chosen else [])]
    return Section(title, texts, rows, ("", "signal and noise", "noise", "SNR of a period"), pictures)


def _levels(lines: NDArray[np.complex128], noise: NDArray[np.float64]) -> tuple[str, str, str]:
    """Root mean squares of one channel's lines (n, J, K) as texts."""
    V = 2 * (lines.shape[2] - 1)
    total = float(np.mean(np.sum(np.abs(lines[..., 1:]) ** 2, axis=-1)))
    lost = float(np.sum(noise[1:] ** 2))
    root = np.sqrt(2) / V
    if not np.isfinite(lost) or lost <= 0:
        return f"{root * total**0.5:.3g}", "not known", "not known"
    snr = 10 * np.log10((total - lost) / lost) if total > lost else float("-inf")
    return f"{root * total**0.5:.3g}", f"{root * lost**0.5:.3g}", f"{snr:.1f} dB"


def _images(before: Images, after: Images | None) -> Section:
    rows: list[tuple[str, ...]] = []
    pictures, texts = [], []
    for name, images in (("before", before), ("after", after)):
        if images is None:
            continue
        size = np.full(3, 1e-3) if images.voxel_size is None else images.voxel_size
        center = np.zeros(3) if images.center is None else images.center
        drawn = image_files.picture(images.values, size, center)
        pictures.append(Figure(drawn, f"Images {name}.", f"Images of the tracer {name} denoising."))
        rows += [(name, label, text) for label, text in described(images).items()]
        texts.append(f"Assumed {name}: {'; '.join(images.notes)}.")
    if before.errors:
        drawn = report_figures.errors(before.errors, before.relative_lambda)
        told = "The noisy error of each strength of the regularisation: the image of one half predicts the other."
        pictures.append(Figure(drawn, told, "The noisy error over the strength of the regularisation."))
    return Section("Images", texts, rows, ("", "", ""), pictures)


def _lines(recording: Recording, skipped: Skipped | None) -> NDArray[np.complex128]:
    """Lines of some frames of objects without skipped signals, evenly chosen, (n, J, C, K); 0 in dead channels."""
    whole = ~recording.background
    dead = [] if skipped is None else list(skipped.dead)
    if skipped is not None:
        whole = whole & np.delete(skipped.good, dead, axis=2).all(axis=(1, 2))
    frames = np.flatnonzero(whole)
    if not len(frames) and not recording.background.all():
        raise ValueError(f"{recording.path} must have a frame of which no signal is NaN or constant, all have some")
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, min(_MOST, len(frames))).round().astype(int))]
    kept = [lines[np.isin(numbers, chosen)] for numbers, lines in corrected(recording, skipped)]
    if not kept:
        raise ValueError(f"{recording.path} must have foreground frames, all are background")
    found = np.concatenate(kept).astype(np.complex128, copy=False)
    found[:, :, dead] = 0
    return found


def _noise(
    recording: Recording, lines: NDArray[np.complex128], skipped: Skipped | None
) -> tuple[NDArray[np.float64], str]:
    """Standard deviation of the noise of one period in each line, (C, K), and where it is from."""
    J = recording.shape[1]
    if (backgrounds := int(empty_frames(recording, skipped).sum())) >= 2:
        spread = noise_deviation(*empty(recording, skipped)) * np.sqrt(J)  # of the mean of the periods, brought to one
        return spread, f"The noise is that of the {backgrounds} background frames."
    if J > 1 and np.any(np.diff(lines, axis=1)):
        return np.sqrt(np.mean(np.var(lines, axis=1, ddof=1), axis=0)), "The noise is that of the periods' differences."
    return np.full(lines.shape[2:], np.nan), "The noise cannot be told from this file."
