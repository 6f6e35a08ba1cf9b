"""``mpicore simulate``: a recording or a calibration of a simulated scanner."""

import click

from mpicore import scan
from mpicore.commands._output import as_json, print_json, print_line

_PLAIN = scan.Scan()


@click.command()
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The file that is written (MDF).")
@click.option("--calibration", is_flag=True, help="A calibration of the scanner in place of a recording.")
@click.option("--dimensions", default=2, show_default=True, type=click.IntRange(1, 3), help="Of the drive field.")
@click.option("--frames", default=_PLAIN.frames, show_default=True, help="Frames with objects.")
@click.option("--periods", default=_PLAIN.periods, show_default=True, help="Of each frame.")
@click.option("--empty", default=_PLAIN.empty, show_default=True, help="Background frames of each run.")
@click.option("--snr", default=_PLAIN.snr_db, show_default=True, help="Of one period, in each channel [dB].")
@click.option("--background", default=_PLAIN.background, show_default=True, help="Amplitude, relative to the signals.")
@click.option("--drift", default=_PLAIN.drift, show_default=True, help="Of the background from begin to end, relative.")
@click.option(
    "--bits",
    default=str(_PLAIN.bits),
    show_default=True,
    type=click.Choice(["0", "8", "16", "32"]),
    help="Of the converter; 0 for none.",
)
@click.option("--averages", default=100, show_default=True, help="Periods in a frame of the calibration.")
@click.option("--seed", default=_PLAIN.seed, show_default=True, help="Of objects, noise and background.")
@as_json
def command(
    output: str,
    calibration: bool,
    dimensions: int,
    frames: int,
    periods: int,
    empty: int,
    snr: float,
    background: float,
    drift: float,
    bits: str,
    averages: int,
    seed: int,
    as_json: bool,
) -> None:
    """Write a recording of moving objects, or with --calibration a system matrix of the same scanner.

    The scanner is like that of OpenMPIData: sine drive of 12 mT, three receive channels with a band-pass each.
    """
    system = scan.open_scanner(dimensions)
    settings = scan.Scan(frames, periods, empty, snr, background, drift, int(bits), seed=seed)
    if calibration:
        scan.write_calibration(output, system, settings, averages=averages)
    else:
        scan.write_recording(output, system, settings)
    if as_json:
        kind = "calibration" if calibration else "recording"
        print_json({"output": output, "kind": kind, "voxels": system.shape, "scan": vars(settings)})
        return
    print_line(f"Written: {output}")
