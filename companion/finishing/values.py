"""The cells of a shown table as a program reads them: plain numbers, one per cell, with their unit in the header."""

import re
from collections.abc import Sequence

BLANK = "–"  #: what is shown where there is no value
_NUMBER = r"[+−-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|∞"
_PLAIN = re.compile(_NUMBER)
#: A value with its interval, as a cell shows them.
INTERVAL = re.compile(
    rf"(?P<value>{_NUMBER}) "
    rf"(?:\[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\]|\((?P<from>{_NUMBER}) to (?P<to>{_NUMBER})\))"
)
_UNIT = re.compile(rf"(?P<value>{_NUMBER}) (?P<unit>%|s|min)")
_SECONDS = {"s": 1, "min": 60}


def plain(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """A table of texts with plain numbers: an interval becomes two columns, and a unit moves into the header.

    Args:
        rows: cells as they are shown, the first row with the names of the columns. Where rows are not equally long,
            cells stay where they are.

    Returns:
        The rows; a blank is empty, and times are in seconds.

    Example:
        >>> plain([["SNR [dB]", "Fit"], ["+20.4 [20.2, 20.6]", "2 min"]])
        [['SNR [dB]', 'SNR [dB], low', 'SNR [dB], high', 'Fit [s]'], ['20.4', '20.2', '20.6', '120']]
    """
    if len({len(row) for row in rows}) > 1:
        return [[_number(cell) for cell in row] for row in rows]
    columns = [made for header, *cells in zip(*rows, strict=True) for made in _columns(header, cells)]
    return [list(row) for row in zip(*columns, strict=True)]


def _columns(header: str, cells: Sequence[str]) -> list[list[str]]:
    """A column, or three where it has intervals."""
    intervals = [INTERVAL.fullmatch(cell) for cell in cells]
    if any(intervals):
        ends = [
            ("", "") if found is None else (found["low"] or found["from"], found["high"] or found["to"])
            for found in intervals
        ]
        values = [cell if found is None else found["value"] for cell, found in zip(cells, intervals, strict=True)]
        made = [[header, *values], [f"{header}, low", *(end[0] for end in ends)]]
        made.append([f"{header}, high", *(end[1] for end in ends)])
        return [[name, *map(_number, column)] for name, *column in made]
    filled = [cell for cell in cells if cell != BLANK]
    units = {found["unit"] if (found := _UNIT.fullmatch(cell)) else "" for cell in filled}
    if units == {"%"}:
        return [[f"{header} [%]", *(_number(cell.removesuffix(" %")) for cell in cells)]]
    if units and units <= set(_SECONDS):
        return [[f"{header} [s]", *map(_seconds, cells)]]
    return [[header, *map(_number, cells)]]


def _number(cell: str) -> str:
    """A number without sign for plus, letters for minus and infinity, or commas; other texts as they are."""
    if cell == BLANK:
        return ""
    if not _PLAIN.fullmatch(cell):
        return cell
    return cell.removeprefix("+").replace("−", "-").replace(",", "").replace("∞", "inf")


def _seconds(cell: str) -> str:
    found = _UNIT.fullmatch(cell)
    return _number(cell) if found is None else f"{float(_number(found['value'])) * _SECONDS[found['unit']]:g}"
