"""Bring the figures of attacks into ``attacks/attacks.csv``, which the book shows: the last part of ``make attack``.

An attack that was not run keeps the figures, the date and the commit that it had.
"""

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from mpicore import files

TABLE = Path(__file__).with_name("attacks.csv")
COLUMNS = ["attack", "figure", "value", "date", "commit"]


def collect(folder: str | Path, table: str | Path = TABLE) -> pd.DataFrame:
    """Put the figures of a folder into the table.

    Args:
        folder: one JSON file per attack, called after it, with whole numbers by name; see :mod:`attacks.report`.
        table: CSV with the columns :data:`COLUMNS`, changed in one move.

    Raises:
        ValueError: there is no file in the folder, or one holds anything but whole numbers.
    """
    found = sorted(Path(folder).glob("*.json"))
    if not found:
        raise ValueError(f"there are no figures in {folder}; `make attack` makes them")
    rows = []
    for path in found:
        for figure, value in json.loads(path.read_text(encoding="utf-8")).items():
            if not isinstance(value, int):
                raise ValueError(f"{path}: {figure} must be a whole number, got {value!r}")
            rows.append((path.stem, figure, value, datetime.date.today().isoformat(), commit()))
    made = pd.DataFrame(rows, columns=COLUMNS)
    if Path(table).exists():
        before = pd.read_csv(table, dtype={"commit": str})
        made = pd.concat([before[~before["attack"].isin(made["attack"])], made])
    made = made.sort_values(["attack", "figure"], kind="stable")
    files.write_text(table, made.to_csv(index=False))
    return made


def commit() -> str:
    """The commit that is attacked, shortened; with a plus where files have changed since, empty without git."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=TABLE.parent, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def main() -> int:
    """Collect, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="folder of the figures")
    parser.add_argument("--table", default=TABLE, help="CSV file to change")
    options = parser.parse_args()
    try:
        print(collect(options.folder, options.table).to_string(index=False))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
