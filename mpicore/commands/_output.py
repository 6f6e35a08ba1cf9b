"""What commands print: a table for people, or JSON for programs."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

#: The option of every command that prints what it found.
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
#: The file that a command reads.
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False))


def check_outputs(outputs: Iterable[str | Path | None], inputs: Iterable[str | Path | None]) -> None:
    """Refuse, before any work, to write over a file that is read, or two outputs into one file.

    Args:
        outputs: files that are to be written; ``None`` for one that was not asked for.
        inputs: files that are read; ``None`` likewise.

    Raises:
        ValueError: which file is named twice.
    """
    read = {Path(path).resolve() for path in inputs if path is not None}
    written: set[Path] = set()
    for path in outputs:
        if path is None:
            continue
        place = Path(path).resolve()
        if place in read:
            raise ValueError(f"the output must be another file than those that are read, got {path}")
        if place in written:
            raise ValueError(f"each output must have a file of its own, got {path} twice")
        written.add(place)


def print_json(value: Any) -> None:
    """A value of dictionaries, lists, numbers and arrays; what is not finite becomes null."""
    click.echo(json.dumps(_plain(value), indent=2, allow_nan=False))


def print_table(rows: Iterable[tuple[str, str]]) -> None:
    """Names and what they are, in two columns."""
    found = list(rows)
    width = max((len(name) for name, _ in found), default=0)
    for name, text in found:
        print_line(f"{name:<{width}}  {text}".rstrip())


def print_line(text: str) -> None:
    """A line; what is not printable, as a file may hold it, becomes a question mark."""
    click.echo("".join(letter if letter.isprintable() else "?" for letter in text))


def print_heading(text: str) -> None:
    """A line above a table."""
    click.echo(f"\n{text}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
