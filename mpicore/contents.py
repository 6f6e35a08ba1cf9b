"""What is in a recording, in words, from its metadata alone."""

import math

import numpy as np

from mpicore.mdf import Recording


def contents(recording: Recording) -> dict[str, str]:
    """Names and values of what the file says, each in a line; without what it does not say."""
    scanner = recording.scanner
    found = {
        "file": str(recording.path),
        "version": recording.version,
        "study": recording.study.name,
        "experiment": recording.experiment.name + (", simulated" if recording.experiment.simulated else ""),
        "subject": recording.experiment.subject,
        "scanner": ", ".join(filter(None, (scanner.name, scanner.manufacturer, scanner.topology))),
        "tracer": ", ".join(tracer.name for tracer in recording.tracers if tracer.name),
        "started": recording.acquisition.start_time,
        "signals": _signals(recording),
        "stored": _stored(recording),
        "background": _background(recording),
        "drive": _drive(recording),
        "gradient": _gradient(recording),
        "receiver": _receiver(recording),
        "calibration": _calibration(recording),
        "processing": _processing(recording),
        "steps": ", ".join(step.method for step in recording.provenance),
    }
    return {name: text for name, text in found.items() if text}


def possible(recording: Recording) -> dict[str, str]:
    """What each command can do with the recording, as far as the metadata tell."""
    if recording.layout is None:
        nothing = "nothing: there is no /measurement, so there are no signals"
        return {"check": nothing, "denoise": nothing}
    J, empty = recording.shape[1], int(recording.background.sum())
    objects = recording.shape[0] - empty
    if recording.calibration is not None:
        pairs = "the periods of each position" if J > 1 else "a second recording of the same calibration"
        one = f"; or this one alone, with the noise of its {empty} background frames" if empty > 1 else ""
        denoise = f"the whole calibration, from {pairs}{one}"
    elif J > 1:
        denoise = "from the periods of each frame, if the noise of each is its own"
    elif objects > 1:
        noise = ", else with the noise of the background frames" if empty > 1 else ""
        denoise = f"from neighbouring frames, if the object rests that long{noise}"
    else:
        denoise = "nothing: there is one period of one frame, and nothing to tell noise from signal by"
    check = "noise, drift and locked interference from background frames" if empty > 1 else "what two periods tell"
    return {"check": check, "denoise": denoise}


def _signals(recording: Recording) -> str:
    if recording.layout is None:
        return "none, there is no /measurement"
    N, J, C, V = recording.shape
    size = 8 * math.prod(recording.shape) / 1e6
    return f"{N} frames x {J} periods x {C} channels x {V} samples ({size:.3g} MB in memory)"


def _stored(recording: Recording) -> str:
    layout = recording.layout
    if layout is None:
        return ""
    kind = "lines of the spectrum" if layout.fourier_transformed else "samples of time"
    said = [kind, "frames as the last axis" if layout.fast_frame_axis else "frames as the first axis"]
    if layout.lines is not None:
        said.append(f"{len(layout.lines)} of {layout.shape[3] // 2 + 1} lines")
    if layout.order is not None:
        said.append("frames not in the order of recording")
    if layout.sparsity is not None:
        said.append(f"{layout.sparsity.transform} compressed")
    return ", ".join(said)


def _background(recording: Recording) -> str:
    mask = recording.background
    if recording.layout is None or not mask.any():
        return "" if recording.layout is None else "no background frames"
    runs = int(np.count_nonzero(np.diff(np.concatenate([[False], mask]).astype(np.int8)) == 1))
    return f"{int(mask.sum())} frames in {runs} {'run' if runs == 1 else 'runs'}"


def _drive(recording: Recording) -> str:
    drive = recording.drive
    if drive is None:
        return ""
    channels = []
    for d in range(drive.channels):
        waves = [
            f"{1e3 * drive.strength[0, d, f]:.4g} mT, {drive.frequencies[d, f] / 1e3:.6g} kHz, {drive.waveform[d][f]}, "
            f"{drive.phase[0, d, f]:.3g} rad"
            for f in range(drive.divider.shape[1])
        ]
        channels.append(" + ".join(waves))
    return "; ".join(channels) + f"; cycle {1e3 * drive.cycle:.5g} ms"


def _gradient(recording: Recording) -> str:
    gradient = recording.acquisition.gradient
    if gradient is None:
        return ""
    told = ", ".join(f"{value:.4g}" for value in np.diagonal(gradient[0, 0])) + " T/m"
    alike = (gradient == gradient[:1, :1]).all()
    return told if alike else f"{told} first, then others"


def _receiver(recording: Recording) -> str:
    receiver = recording.receiver
    units = ", ".join(dict.fromkeys(receiver.units))
    chain = ", with transfer function" if receiver.transfer_function is not None else ""
    band = f"{receiver.samples} samples, {receiver.bandwidth / 1e3:.6g} kHz"
    return f"{receiver.channels} channels in {units}, {band}{chain}"


def _calibration(recording: Recording) -> str:
    found = recording.calibration
    if found is None:
        return ""
    size = " x ".join(map(str, found.size)) + " voxels" if found.size else "size not told"
    view = found.field_of_view
    told = "" if view is None else ", " + " x ".join(f"{1e3 * side:.4g}" for side in view) + " mm"
    return f"{found.method}, {size}{told}"


def _processing(recording: Recording) -> str:
    done = recording.processing
    if done is None:
        return ""
    named = {
        "background corrected": done.background_corrected,
        "spectral leakage corrected": done.spectral_leakage_corrected,
        "transfer function corrected": done.transfer_function_corrected,
    }
    return ", ".join(name for name, value in named.items() if value) or "none"
