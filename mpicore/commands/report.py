"""``mpicore report``: one page about a recording."""

import click

from mpicore import imaging, mdf, report
from mpicore.commands._output import as_json, check_outputs, file_argument, print_json, print_line


@click.command()
@file_argument
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The page (HTML); FILE.html by default.")
@click.option(
    "--denoised",
    type=click.Path(exists=True, dir_okay=False),
    help="What mpicore denoise made of FILE; without it FILE is denoised with the default method.",
)
@click.option("--calibration", type=click.Path(exists=True, dir_okay=False), help="System matrix, for images.")
@click.option("--average", default=1, show_default=True, help="Frames in a row that become one image.")
@as_json
def command(
    file: str, output: str | None, denoised: str | None, calibration: str | None, average: int, as_json: bool
) -> None:
    """Write a page about FILE: what is in it, what was checked, before and after, spectra, noise and images.

    The page needs no other file, and no network.
    """
    from mpicore import assumptions, drive_phase, measured
    from mpicore.commands.denoise import in_words
    from mpicore.recording_report import sections
    from mpicore.sample import Sample

    target = output or f"{file}.html"
    check_outputs([target], [file, denoised, calibration])
    before = mdf.read(file)
    sample, known = Sample.read(before), drive_phase.of_recording(before)
    found, after = assumptions.check(sample, known), None if denoised is None else mdf.read(denoised)
    chosen: list[tuple[str, str]] = []
    obstacle = ""
    if after is None and before.calibration is None:
        try:
            fitted = measured.fit(sample, known=known)
        except ValueError as error:  # no method is admissible, which the page says
            obstacle = f"Not denoised: {error}."
        else:
            after = measured.denoised(before, fitted)
            chosen = [(name.removeprefix("channel "), in_words(row)) for name, row in fitted.told().items()]
    checked = [
        ("all" if row.channel is None else str(row.channel + 1), row.name, row.verdict, row.text)
        for row in found.findings
    ]
    images: tuple[imaging.Images, imaging.Images | None] | None = None
    if calibration is not None:
        matrix, settings = mdf.read(calibration), imaging.Imaging(average=average)
        first = imaging.reconstruct(before, matrix, settings)
        images = first, None if after is None else imaging.reconstruct(after, matrix, settings)
    parts = sections(before, after, checked, chosen, images)
    if obstacle:
        parts.insert(0, report.Section("What was not done", [obstacle]))
    report.write(target, f"Report on {file}", parts)
    if as_json:
        titles = [part.title for part in parts]
        print_json({"output": target, "sections": titles, "not_done": [obstacle] if obstacle else []})
        return
    print_line(f"Written: {target}")
