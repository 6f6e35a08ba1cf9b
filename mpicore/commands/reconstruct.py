"""``mpicore reconstruct``: images of a recording, by a calibration."""

import click

from mpicore import imaging, mdf
from mpicore.commands._output import (
    as_json,
    check_outputs,
    file_argument,
    print_heading,
    print_json,
    print_line,
    print_table,
)


@click.command()
@file_argument
@click.option(
    "--calibration", required=True, type=click.Path(exists=True, dir_okay=False), help="System matrix of the same scan."
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    help=f"Images; the name ends with {', '.join(imaging.SUFFIXES)}.",
)
@click.option(
    "--regularisation",
    type=float,
    help="Strength, relative to ||A||_F^2 / P; without it the one with the least noisy error.",
)
@click.option("--sweeps", default=10, show_default=True, help="Of Kaczmarz over all rows.")
@click.option("--snr", default=2.0, show_default=True, help="Lowest SNR of a row of the calibration.")
@click.option("--lowest", type=float, help="Lowest frequency [Hz]; without it just above that of the drive field.")
@click.option("--average", default=1, show_default=True, help="Frames in a row that become one image.")
@click.option("--flip", multiple=True, type=int, help="Receive channel whose sign is turned, from 1; can be repeated.")
@as_json
def command(
    file: str,
    calibration: str,
    output: str,
    regularisation: float | None,
    sweeps: int,
    snr: float,
    lowest: float | None,
    average: int,
    flip: tuple[int, ...],
    as_json: bool,
) -> None:
    """Make images of the frames of FILE.

    The unit of the images is the amount of tracer in the sample of the calibration.
    """
    imaging.check_suffix(output)
    check_outputs([output], [file, calibration])
    settings = imaging.Imaging(
        relative_lambda=regularisation,
        sweeps=sweeps,
        snr_threshold=snr,
        lowest_frequency=lowest,
        average=average,
        flipped=tuple(channel - 1 for channel in flip),
    )
    recording, matrix = mdf.read(file), mdf.read(calibration)
    images = imaging.reconstruct(recording, matrix, settings)
    imaging.save(images, output, recording, matrix, settings)
    if as_json:
        print_json(
            {
                "output": output,
                "shape": images.values.shape,
                "relative_lambda": images.relative_lambda,
                "noisy_errors": images.errors,
                "explained": images.explained,
                "signal": images.signal,
                "rows": len(images.rows.line),
                "notes": images.notes,
            }
        )
        return
    print_table(imaging.described(images).items())
    print_heading("How they were made")
    for note in images.notes:
        print_line(f"  {note}")
    print_heading(f"Written: {output}")
