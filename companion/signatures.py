"""How the API pages of the book write types: as the code does, not as Python spells them out. A Sphinx extension."""

import re
from typing import Any

#: What Python makes of NumPy's two names for arrays.
_ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[~?tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[([~\w.]+(?:\[[~\w.]+\])?)\]\]"
)
_ARRAY_LIKE = re.compile(r"~?[\w.]*_Buffer \| .*?complex \| bytes \| str\]")
_MARK = "Annotated["
_MODULES = re.compile(r"~?\b((?:\w+\.)+)(?=\w)")
_TYPE = re.compile(r"(\s*:type: )(.*)")


def written(types: str) -> str:
    """Types as they are written in the code.

    Args:
        types: a signature, or the type that a function returns.

    Example:
        >>> written("(u: ~numpy.ndarray[tuple[~typing.Any, ...], ~numpy.dtype[numpy.float32]])")
        '(u: NDArray[numpy.float32])'
        >>> written("(width: ~typing.Annotated[int, Ge(ge=1)] = 16)")
        '(width: int = 16)'
    """
    types = _ARRAY.sub(r"NDArray[\1]", _ARRAY_LIKE.sub("ArrayLike", types))
    while (start := types.find(_MARK)) >= 0:
        types = _without_remarks(types, start)
    return types


def _without_remarks(types: str, start: int) -> str:
    """``Annotated[X, ...]`` at a place becomes ``X``."""
    depth, inside = 1, start + len(_MARK)
    comma = end = None
    for place in range(inside, len(types)):
        depth += (types[place] in "[(") - (types[place] in ")]")
        if depth == 1 and types[place] == "," and comma is None:
            comma = place
        if depth == 0:
            end = place
            break
    assert comma is not None and end is not None, types
    begin = re.search(r"~?(?:\w+\.)*$", types[:start])
    assert begin is not None
    return types[: begin.start()] + types[inside:comma] + types[end + 1 :]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", _write)
    app.connect("autodoc-process-docstring", _write_fields, priority=900)  # after Napoleon, which adds the types
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    return signature and written(signature), returned and written(returned)


def _write_fields(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """The types of a class's fields; of the modules in them only the links know."""
    for number, line in enumerate(lines):
        if found := _TYPE.fullmatch(line):
            lines[number] = found[1] + _MODULES.sub(r"~\1", written(found[2]))
