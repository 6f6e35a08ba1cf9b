"""What attacks found, as one small file each in the folder that the variable ``ATTACK_REPORT`` names."""

import os
from collections.abc import Mapping
from pathlib import Path

from mpicore import files


def write(name: str, figures: Mapping[str, int]) -> None:
    """Write the figures of one attack as JSON; without the variable nothing is written."""
    folder = os.environ.get("ATTACK_REPORT")
    if folder:
        files.write_json(Path(folder) / f"{name}.json", dict(figures))
