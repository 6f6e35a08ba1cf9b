"""``mpicore info``: what a file says of itself."""

import click

from mpicore import mdf
from mpicore.commands._output import as_json, file_argument, print_heading, print_json, print_line, print_table
from mpicore.contents import contents, possible


@click.command()
@file_argument
@as_json
def command(file: str, as_json: bool) -> None:
    """Tell what is in FILE, how it deviates from the format, and what can be done with it.

    Only the metadata are read, so a file of any size takes less than a second.
    """
    recording = mdf.read(file)
    found = contents(recording)
    if as_json:
        print_json(
            {"file": file, "contents": found, "deviations": recording.deviations, "commands": possible(recording)}
        )
        return
    print_table(found.items())
    if recording.deviations:
        print_heading(f"Deviations from MDF 2.1.0: {len(recording.deviations)}")
        for line in recording.deviations:
            print_line(f"  {line}")
    else:
        print_heading("No deviations from MDF 2.1.0")
    print_heading("What can be done")
    print_table((f"  {name}", text) for name, text in possible(recording).items())
