"""What the pages of the book share: values for the prose, claims that must hold, and where numbers come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from companion.runs import Run


class ClaimError(AssertionError):
    """A sentence of the book that its numbers do not bear out."""


def holds(condition: object, sentence: str, preset: str) -> None:
    """Let a build fail whose numbers do not bear out what the page says.

    At other presets than ``paper`` numbers mean nothing, and nothing is asked of them.

    Args:
        condition: true where the sentence is.
        sentence: what the page says.
        preset: of the build.

    Raises:
        ClaimError: the sentence is not true at the preset ``paper``.

    Example:
        >>> holds(2 > 1, "two is more than one", "paper")
        >>> holds(1 > 2, "one is more than two", "smoke")
        >>> holds(1 > 2, "one is more than two", "paper")
        Traceback (most recent call last):
        companion.pages.ClaimError: the page says what its numbers do not bear out: one is more than two
    """
    if preset == "paper" and not bool(condition):
        raise ClaimError(f"the page says what its numbers do not bear out: {sentence}")


def glue_table(frame: pd.DataFrame, prefix: str) -> None:
    """Glue every number of a table for the prose, under ``<prefix>_<index>_<column>``; several levels are joined.

    Args:
        frame: with names as its index.
        prefix: of all keys.
    """
    for label, row in frame.iterrows():
        name = "_".join(map(str, label)) if isinstance(label, tuple) else str(label)
        numbers = {column: value for column, value in row.items() if pd.api.types.is_number(value)}
        glue_values(**{f"{prefix}_{name}_{column}": value for column, value in numbers.items()})


def glue_values(**values: Any) -> None:
    """Glue values for the prose, each under the name of its argument; numbers of NumPy as those of Python.

    A notebook outside the book has its values in its text already: without ``myst_nb`` nothing is done.
    """
    try:
        from myst_nb import glue
    except ModuleNotFoundError:
        return
    for name, value in values.items():
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def source_note(notebook: str, preset: str, used: Sequence[Run]) -> str:
    """Markdown that names what a table or figure was made from: notebook, preset, and each run with its cost."""
    listed: list[str] = []
    for run in used:
        config, record = run.config, run.record
        parts = [f"{config.experiment} {config.method} `{config.key}`"]
        if config.training and not config.readout:
            parts += [f"seed {config.seed}"] if config.seed else []
            protocol = f"{config.protocol} protocol" if config.protocol != "forward model" else "forward model"
            parts.append(f"{protocol}, trained in {record['training_seconds'] / 60:.0f} min on {record['device']}")
        listed.append(", ".join(parts))
    return f"*Source: `notebooks/{notebook}.md` with preset `{preset}`. Runs: {'; '.join(listed)}.*"
