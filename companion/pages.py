"""What the pages of the book share: values for the prose, claims that must hold, and where numbers come from."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from companion.runs import Run
from mpicore import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def save_picture(figure: "Figure", path: str | Path, source: str) -> None:
    """Write a figure as a small PNG for places outside the book: on white, in 255 colours.

    Args:
        figure: to draw; at the width of :data:`companion.figures.WIDTH` it has 684 pixels.
        path: of the file.
        source: what it was made from; kept in the file under the keyword ``Source``.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=144, facecolor="white")
    note = PngInfo()
    note.add_text("Source", source)
    with files.replacing(path) as temporary:
        few = Image.open(drawn).convert("RGB").quantize(255, dither=Image.Dither.NONE)
        few.save(temporary, format="PNG", optimize=True, pnginfo=note)


def save_drawing(figure: "Figure", path: str | Path) -> None:
    """Write a figure as a drawing (SVG) that is the same each time, for a page that is not executed."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def source_note(notebook: str, preset: str, used: Sequence[Run]) -> str:
    """Markdown, folded, that names what a page was made from: notebook, preset, and each run with its cost."""
    experiments = ", ".join(f"`{name}`" for name in dict.fromkeys(run.config.experiment for run in used))
    lines = [f"- Notebook: `notebooks/{notebook}.md` with preset `{preset}`"]
    lines += [f"- Experiments, from `experiments.yml`: {experiments}", "- Runs:"]
    for run in used:
        config, record = run.config, run.record
        parts = [f"`{config.key}`: {config.method} on {config.experiment}"]
        if config.training and not config.readout:
            parts += [f"seed {config.seed}"] if config.seed else []
            protocol = f"{config.protocol} protocol" if config.protocol != "forward model" else "forward model"
            parts.append(f"{protocol}, trained in {record['training_seconds'] / 60:.0f} min on {record['device']}")
        lines.append(f"  - {', '.join(parts)}")
    listed = "\n".join(lines)
    return f'<details class="provenance">\n<summary>Provenance</summary>\n\n{listed}\n\n</details>'


def prose(path: str | Path, **values: Any) -> str:
    """The text of a file with values in it, for a cell whose text is there only where its data are.

    Args:
        path: of the text; ``@name@`` or ``@name:.1f@`` stands for a value, with the format of Python.
        values: by name.

    Raises:
        ValueError: the text names a value that is not given.
    """

    def shown(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ValueError(f"{path} names {found[1]}, and given are {', '.join(values) or 'no values'}")
        return format(values[found[1]], found[2] or "")

    return re.sub(r"@(\w+)(?::([^@\s]*))?@", shown, Path(path).read_text(encoding="utf-8"))
