"""``mpicore check``: what methods take for granted, measured."""

from typing import Any

import click

from mpicore import files, mdf
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
@click.option("--picture", type=click.Path(dir_okay=False), help="Draw the spectrum of the noise into this file (PNG).")
@as_json
def command(file: str, picture: str | None, as_json: bool) -> None:
    """Measure on FILE what the methods take for granted, and say which of them it admits, with the reasons.

    What the file does not tell is said to be so.
    """
    from mpicore import assumptions, drive_phase
    from mpicore.sample import Sample

    check_outputs([picture], [file])
    recording = mdf.read(file, finite=False)
    found = assumptions.check(Sample.read(recording), drive_phase.of_recording(recording))
    if picture is not None:
        with files.replacing(picture) as temporary:
            assumptions.picture(found, recording.receiver.bandwidth, temporary)
    reasons = found.admissible()
    if as_json:
        rows: list[dict[str, Any]] = [
            {**vars(row), "channel": None if row.channel is None else row.channel + 1} for row in found.findings
        ]
        methods = {name: {"admissible": not text, "reason": text} for name, text in reasons.items()}
        print_json({"repeats": found.repeats, "findings": rows, "methods": methods})
        return
    print_line(f"Repeats: {found.repeats}")
    for channel in (*sorted({row.channel for row in found.findings if row.channel is not None}), None):
        print_heading("All channels" if channel is None else f"Channel {channel + 1}")
        rows_of = [row for row in found.findings if row.channel == channel]
        print_table((f"  {row.name}", f"{row.verdict}: {row.text}") for row in rows_of)
    print_heading("Methods")
    print_table((f"  {name}", f"no: {text}" if text else "admissible") for name, text in reasons.items())
