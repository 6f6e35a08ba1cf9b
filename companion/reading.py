"""Files that people write, YAML and CSV: read strictly, and every mistake is one line with the file and its place."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node

if TYPE_CHECKING:
    import pandas as pd

#: What may become part of a path or of a command.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
#: How many entries a file may stand for, with what its aliases repeat, and how deep they may lie in each other.
MOST, DEEPEST = 100_000, 50
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_KEY = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file.

    A mapping holds each key once, and keys are names. Numbers are decimal: YAML takes ``010`` for eight and ``1:30``
    for ninety. Aliases may not repeat without bound.

    Raises:
        ValueError: the file breaks one of these, or is no YAML; the line is named.
        OSError: it cannot be read.
    """
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _Strict)
    except yaml.MarkedYAMLError as error:
        problem = " ".join(filter(None, (error.problem or error.context, error.note)))
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{path} is not valid YAML: {problem}{where}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def read_csv(path: str | Path, columns: Sequence[str] = (), **options: Any) -> "pd.DataFrame":
    """The table in a CSV file.

    Args:
        path: of the file.
        columns: that it must have.
        options: of :func:`pandas.read_csv`.

    Raises:
        ValueError: the file is no table, or lacks a column.
        OSError: it cannot be read.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, **options)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table in CSV: {' '.join(str(error).split())}") from None
    if missing := [column for column in columns if column not in table]:
        raise ValueError(f"{path} must have the columns {', '.join(columns)}; it lacks {', '.join(missing)}")
    return table


class _Strict(yaml.SafeLoader):
    """A mapping may hold each key once, and keys are texts or plain whole numbers, which are texts from here on."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.entries = self.depth = 0
        self.sizes: dict[int, int] = {}  # of what an alias may stand for, by the node
        self.kept: list[Node] = []  # so that no other node gets its place

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()
        node: Node | None
        if isinstance(event, AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self.sizes:
                raise _mistake(f"found the alias {event.anchor!r} within what it stands for", event.start_mark)
            self._count(self.sizes[id(node)], event.start_mark)
            return node
        before = self.entries
        self._count(1, event.start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise _mistake(f"found entries more than {DEEPEST} levels deep", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if node is not None:
            self.kept.append(node)
            self.sizes[id(node)] = self.entries - before
            if not (isinstance(parent, MappingNode) and index is None):  # keys have a check of their own
                _check_number(node)
        return node

    def _count(self, entries: int, mark: Any) -> None:
        self.entries += entries
        if self.entries > MOST:
            raise _mistake(f"found more than {MOST} entries, with what aliases repeat", mark)

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            number = key.tag == f"{_TAG}int" and _KEY.fullmatch(key.value)
            if not number and key.tag != f"{_TAG}str":
                raise _mistake(f"found a key that is no name: {key.value!r}", key.start_mark)
            if key.value in seen:
                raise _mistake(f"found the key {key.value!r} twice", key.start_mark)
            seen.add(key.value)
        return node


def _check_number(node: Node) -> None:
    plain = {f"{_TAG}int": _WHOLE, f"{_TAG}float": _DECIMAL}.get(node.tag)
    if plain and not plain.fullmatch(node.value):
        raise _mistake(f"found {node.value!r}, no plain decimal number; a text stands in quotes", node.start_mark)


def _mistake(problem: str, mark: Any) -> ConstructorError:
    return ConstructorError(None, None, problem, mark)
