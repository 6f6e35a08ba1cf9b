"""The pages of the book that are executed: from which notebook, with which parameters, and what each reads and writes.

Most of it stands in the notebook itself: its parameters name files and folders of results, and its code names the
tables and analyses that it takes from those folders. What cannot be seen there is listed here: whose runs a page loads.
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from companion.experiments import Experiments

#: Experiments whose runs a page loads, by the name of its notebook; ``None`` for those of all, studies included.
_RUNS: dict[str, tuple[str, ...] | None] = {
    "attacks": (),
    "benchmarks": (),
    "data": (),
    "figure1": (),
    "physics": (),
    "your_own_recording": (),
    "findings": ("xspace-gaussian",),
    "study": ("xspace-gaussian",),
    "averages": ("system-matrix",),
    "figure2": ("xspace-gaussian",),
    "figure3": ("system-matrix",),
    "leaderboard_gaussian": ("xspace-gaussian",),
    "leaderboard_interference": ("xspace-slow",),
    "leaderboard_matrix": ("system-matrix",),
    "loss_terms": ("xspace-gaussian",),
    "matrix_conditions": (),
    "measured_signals": (),
    "study_objects": ("xspace-gaussian",),
    "table1": ("xspace-gaussian",),
    "own_lines": ("xspace-harmonic", "xspace-locked"),
    "table2": ("xspace-slow", "xspace-literal"),
    "table3": ("system-matrix",),
    "training": ("xspace-gaussian",),
    "trust": ("xspace-gaussian",),
    "verdicts": ("xspace-gaussian", "xspace-slow", "system-matrix"),
}
#: Files of the repository that code of a page reads without a parameter that says so.
FILES: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("data", "verdicts", "table1", "table2", "table3"), ("book/paper_tables.csv",)
) | {
    "measured_signals": tuple(
        f"book/measured/{name}.md" for name in ("missing", "recorded", "odd", "lines", "denoised", "chains", "meaning")
    )
}
_RESULTS = "results/"


@dataclass(frozen=True)
class Page:
    """One executed page.

    Attributes:
        name: of the page.
        source: its notebook.
        values: parameters that are not those of the notebook.
    """

    name: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The notebook."""
        return Path(self.source).read_text(encoding="utf-8")

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The parameters of the notebook with their defaults."""
        found = re.search(r"^```\{code-cell\}\n:tags: \[parameters[^\n]*\n\n(.*?)^```", self.text, re.M | re.S)
        if found is None:
            raise ValueError(f"{self.source} has no cell with the tag parameters")
        values = {}
        for statement in ast.parse(found[1]).body:
            match statement:
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    values[name] = ast.literal_eval(value)
                case _:
                    raise ValueError(f"{self.source}: parameters are NAME = CONSTANT, got {ast.unparse(statement)!r}")
        return values

    @property
    def runs(self) -> tuple[str, ...] | None:
        """Experiments whose runs it loads; ``None`` for those of all, studies included."""
        return _RUNS.get(Path(self.source).stem)

    def named(self, folder: str) -> list[str]:
        """What it takes from the folder of this parameter, by name: ``<folder>/NAME.csv``."""
        return sorted(set(re.findall(rf"\{{{folder}\}}/([\w-]+)\.csv", self.text)))

    def parameters(self, results: str, preset: str, root: list[str]) -> dict[str, Any]:
        """All parameters: results lie in ``results``, and runs in the places of ``root``."""
        given: dict[str, Any] = {"preset": preset, "root": root, **self.values}
        found = {name: given.get(name, default) for name, default in self.defaults.items()}
        return {name: _moved(value, results) for name, value in found.items()}

    def writes(self, results: str) -> list[str]:
        """Files beside the page: those of its parameters ``target``, ``..._table`` and ``..._drawing``."""
        values = {**self.defaults, **{k: v for k, v in self.values.items() if k in self.defaults}}
        return [
            str(_moved(v, results)) for k, v in values.items() if k == "target" or k.endswith(("_table", "_drawing"))
        ]

    def reads(self, results: str) -> list[str]:
        """Files that its parameters name and that it does not write."""
        values = {**self.defaults, **{k: v for k, v in self.values.items() if k in self.defaults}}
        written = set(self.writes(results))
        files = [str(_moved(v, results)) for v in values.values() if isinstance(v, str) and v.endswith(".csv")]
        return [path for path in files if path not in written]


def pages(known: Experiments, folder: str = "notebooks") -> list[Page]:
    """Every page: one per notebook, and one per study of ``study.md``."""
    found: list[Page] = []
    for source in sorted(Path(folder).glob("*.md")):
        if source.stem != "study":
            found.append(Page(source.stem, str(source)))
            continue
        for name, study in known.studies.items():
            if not study.page:
                continue
            values = {"study": name, "title": study.title, "by": study.by, "alt": study.alt}
            values |= {"target": f"{_RESULTS}tables/{name}.csv", "trained": "whole" if study.whole else "briefly"}
            values |= {"training_table": f"{_RESULTS}tables/{name}-training.csv"}
            found.append(Page(name.replace("-", "_"), str(source), values))
    return found


def words(values: Mapping[str, Any]) -> list[str]:
    """Parameters as the words of a command line: ``-p NAME VALUE``."""
    return [
        word
        for name, value in values.items()
        for word in ("-p", name, value if isinstance(value, str) else json.dumps(value))
    ]


def _moved(value: Any, results: str) -> Any:
    if isinstance(value, str) and value.startswith(_RESULTS):
        return f"{results}/{value.removeprefix(_RESULTS)}"
    return value
