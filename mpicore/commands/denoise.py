"""``mpicore denoise``: a recording without its noise, as a new file."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from mpicore import mdf
from mpicore.commands._output import as_json, check_outputs, file_argument, print_json, print_line, print_table


@click.command()
@file_argument
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The new file (MDF).")
@click.option("--method", help="Name of a method; by default the best one on held-out objects. See: mpicore check.")
@click.option(
    "--second",
    type=click.Path(exists=True, dir_okay=False),
    help="Another recording of the same calibration, which tells signal from noise.",
)
@click.option(
    "--weights",
    type=click.Path(dir_okay=False),
    help="What was learned: used if the file is there, else written, for other recordings of the same scanner.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the signals in the training of a network.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the training of a network.")
@click.option("--quiet", is_flag=True, help="No progress on the error output.")
@as_json
def command(
    file: str, output: str, method: str | None, second: str | None, weights: str | None, epochs: int | None, seed: int,
    quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Denoise FILE without clean data, and write it as a new file.

    The repeats of each object, periods or frames, teach how: no clean signal is needed. Background frames are
    subtracted, interpolated in time; they stay in the file with their noise. A training that is interrupted goes on
    when the same command is given again.

    A calibration on a grid is denoised as a whole (spatial_wiener) unless another method is named: with a second
    recording, two periods of each position, or background frames.
    """
    from mpicore import drive_phase, measured, measured_matrix, measured_weights, methods
    from mpicore.sample import Sample

    whole = method == "spatial_wiener" or second is not None
    if whole and method not in (None, "spatial_wiener"):
        raise click.UsageError(f"--second is for a whole calibration, by the method spatial_wiener, not {method}")
    chosen = None if method is None or whole else methods.find(method)
    if chosen is None and (epochs is not None or seed):
        raise click.UsageError("--epochs and --seed belong to the training of a network, name one with --method")
    # The recording itself may be replaced by what is made of it.
    check_outputs([output, weights], [second])
    check_outputs([weights], [file])
    recording = mdf.read(file, finite=False)
    if whole or (method is None and weights is None and measured_matrix.grid_of(recording) is not None):
        _matrix(recording, output, None if second is None else mdf.read(second, finite=False), quiet, as_json)
        return
    known = drive_phase.of_recording(recording)
    sample = Sample.read(recording)
    folder = Path(f"{output}.training")
    if weights is not None and Path(weights).exists():
        fitted = measured_weights.load(weights, sample, known, measured_weights.scan_of(recording), method)
    else:
        options: dict[str, Any] = {}
        if chosen is not None and chosen.trains:
            options = {"training": measured.TRAINING | ({"epochs": epochs} if epochs else {}), "seed": seed}
        with tqdm(desc="learning", unit="method", disable=quiet, leave=False) as bar:
            fitted = measured.fit(sample, method, known, options, folder, None if quiet else _shown(bar))
        if weights is not None:
            measured_weights.save(fitted, weights, measured_weights.scan_of(recording))
    with tqdm(total=recording.shape[0], desc="denoising", unit="frame", disable=quiet, leave=False) as bar:
        mdf.write(measured.denoised(recording, fitted, bar.update), output)
    shutil.rmtree(folder, ignore_errors=True)
    told, found = fitted.told(), fitted.assumptions
    if as_json:
        skipped = [{"frame": f + 1, "period": p + 1, "channel": c + 1} for f, p, c in found.rows]
        dead = [channel + 1 for channel in found.dead]
        objects = None if found.objects is None else found.objects.number
        print_json(
            {"output": output, "repeats": found.repeats, "different_objects": objects, "held_out": fitted.held}
            | {"channels": told, "dead_channels": dead, "skipped_in_sample": skipped}
        )
        return
    print_line(f"{output}: from {found.repeats}; " + (f"{found.objects.told} objects" if found.objects else ""))
    print_line(
        f"chosen on {fitted.held} objects that were held out" if fitted.held else "too few objects to hold any out"
    )
    print_table((f"  {name}", in_words(row)) for name, row in told.items())
    for channel in found.dead:
        print_line(f"  channel {channel + 1}  skipped: dead")
    for frame, period, channel in found.rows[:10]:
        print_line(f"  channel {channel + 1}, frame {frame + 1}, period {period + 1}: skipped, NaN or constant")


def _matrix(recording: mdf.Recording, output: str, second: mdf.Recording | None, quiet: bool, as_json: bool) -> None:
    """Denoise a whole calibration."""
    from mpicore.measured_matrix import DenoisedMatrix

    folder = Path(output).absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(desc="filtering", unit="channel", disable=quiet, leave=False) as bar:
        matrix = DenoisedMatrix(recording, second, folder, None if quiet else _shown(bar))
    with matrix:
        mdf.write(matrix.denoised(), output)
    channels = {
        f"channel {c + 1}": {"method": "spatial_wiener", "snr_db": row.snr_db, "gain_over_a_period_db": row.gain_db}
        for c, row in matrix.told.items()
    }
    dead = [c + 1 for c in range(recording.shape[2]) if c not in matrix.told]
    if as_json:
        rows = [{"frame": frame + 1, "channel": channel + 1} for frame, channel in matrix.rows]
        print_json(
            {"output": output, "noise_from": matrix.source, "grid": matrix.grid}
            | {"channels": channels, "dead_channels": dead, "skipped": rows}
        )
        return
    print_line(f"{output}: {' x '.join(map(str, matrix.grid))} positions, noise from {matrix.source}")
    print_table(
        (f"  {name}", f"{row['method']}: about {row['snr_db']:.1f} dB, {row['gain_over_a_period_db']:+.1f} dB")
        for name, row in channels.items()
    )
    for channel in dead:
        print_line(f"  channel {channel}  skipped: dead")
    for frame, channel in matrix.rows[:10]:
        print_line(f"  channel {channel + 1}, frame {frame + 1}: skipped, NaN or constant")


def _shown(bar: Any) -> Callable[[str], None]:
    def show(text: str) -> None:
        bar.set_postfix_str(text)
        bar.update()

    return show


def in_words(row: dict[str, Any]) -> str:
    """What was chosen for a channel, in one line."""
    if math.isfinite(row["snr_db"]):
        said = [f"{row['method']}: {row['snr_db']:.1f} dB, {row['gain_over_a_period_db']:+.1f} dB over a period"]
        said.append(f"{row['gain_over_the_mean_db']:+.1f} dB over the mean of the periods")
    else:
        said = [f"{row['method']}: its error is too small to be told from these objects"]
    if row["next_best"] and math.isfinite(row["margin_db"]):
        said.append(f"{row['margin_db']:.2f} dB before {row['next_best']}")
    if row["of_nothing"] is not None:
        said.append(f"of background {100 * row['of_nothing']:.2g} % of the power stay")
    return ", ".join(said)
