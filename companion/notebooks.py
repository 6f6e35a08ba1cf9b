"""Run one parameterised notebook: MyST Markdown in, an executed notebook out, or nothing at all.

papermill reads only .ipynb files, takes unknown parameters with a warning, leaves a partial notebook when a cell fails,
and stamps times and random cell names into its output. This runner converts with jupytext, refuses unknown parameters,
moves the result into place on success alone, and removes what differs between two runs of the same thing.
"""

import ast
import json
import logging
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from companion import kernel
from mpicore import files

#: Entry of an executed notebook's metadata with the name of its source, by which the runner knows what it made.
MADE_FROM = "source"
#: Another one with the digest of that source, by which a notebook is known whose source has changed since.
DIGEST = "source_digest"
#: Entry with the files of the project that it has read, each with its SHA-256.
READS = "reads"


class ThisInterpreter(AsyncKernelManager):
    """Starts the kernel with the interpreter that runs this, whatever kernels are installed under which names."""

    notes: str  #: file in which the kernel notes what it reads

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        command = [sys.executable, "-m", kernel.__name__, "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python", env={kernel.NOTES: self.notes})


def parameters(notebook: Any) -> dict[str, object]:
    """Names and default values in the cell that is tagged ``parameters``.

    Raises:
        ValueError: there is no such cell, or it holds more than plain assignments of constants.
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"a notebook must have one cell tagged parameters, found {len(cells)}")
    defaults = {}
    for statement in ast.parse(cells[0].source).body:
        try:
            (target,) = statement.targets
            defaults[target.id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError):
            line = ast.unparse(statement)
            raise ValueError(f"the parameters cell must assign constants to names, found {line!r}") from None
    return defaults


def execute(
    source: str | Path, target: str | Path, values: Mapping[str, object] | None = None, folder: str | Path = "."
) -> None:
    """Execute a notebook.

    Args:
        source: MyST-Markdown notebook.
        target: executed .ipynb, replaced in one move on success and left as it was on failure. What is there already
            must have been made here.
        values: parameters, by name. In texts and in the metadata of cells, ``@name@`` stands for the value of one.
        folder: working directory of the notebook. What it reads below it is listed in the metadata, each file with its
            digest.

    Raises:
        ValueError: an unknown parameter, or a value of another type than its default; a target that is the source or
            any other file that was not made here; a source that is no notebook.
        papermill.PapermillExecutionError: a cell failed; the message holds the cell and its traceback.
    """
    _check_target(Path(source), Path(target))
    digest = source_digest(source)
    try:
        notebook = jupytext.read(source)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{source} is not a notebook: {error}") from None
    defaults = parameters(notebook)
    values = dict(values or {})
    for name, value in values.items():
        if name not in defaults:
            raise ValueError(f"{source}: unknown parameter {name!r}; it has {', '.join(defaults) or 'none'}")
        if type(value) is not type(defaults[name]):
            kind = type(defaults[name]).__name__
            raise ValueError(f"{source}: parameter {name} must be {kind}, got {value!r}")
    _fill_in(notebook, {**defaults, **values})
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    logging.getLogger("papermill").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        draft, result, notes = (Path(scratch, name) for name in ("source.ipynb", "result.ipynb", "notes"))
        nbformat.write(notebook, draft)
        manager = type("Noting", (ThisInterpreter,), {"notes": str(notes)})
        papermill.execute_notebook(draft, result, values, progress_bar=False, cwd=folder, kernel_manager_class=manager)
        executed = nbformat.read(result, as_version=4)
        read = kernel.read_files(notes, folder)
    _make_reproducible(executed, Path(source).name)
    executed.metadata[DIGEST] = digest
    executed.metadata[READS] = {name: files.digest(Path(folder, name)) for name in read}
    with files.replacing(target) as temporary:
        nbformat.write(executed, temporary)


def _fill_in(notebook: Any, values: Mapping[str, object]) -> None:
    """Values of parameters in the place of ``@name@``, in texts and in the metadata of cells, such as labels."""

    def filled(part: Any) -> Any:
        if isinstance(part, str):
            return re.sub(r"@(\w+)@", lambda found: str(values.get(found[1], found[0])), part)
        if isinstance(part, dict):
            return {name: filled(item) for name, item in part.items()}
        return part

    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(filled(dict(cell.metadata)))
        if cell.cell_type == "markdown":
            cell.source = filled(cell.source)


def source_digest(source: str | Path) -> str:
    """Digest of the text of a notebook's source, hexadecimal."""
    return files.digest(source)[:16]


def check_executed(path: str | Path) -> None:
    """Refuse an executed notebook that is missing, was not run to its end, or holds an error.

    Raises:
        ValueError: naming the notebook and the cell.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} is missing: the book cannot be built without it")
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds for a file that is no notebook
        raise ValueError(f"{path} is not a notebook: {error}") from error
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                raise ValueError(f"{path}: cell {number} failed with {output.ename}: {output.evalue}")
        if cell.execution_count is None and cell.source.strip():
            raise ValueError(f"{path}: cell {number} was not executed")


def _check_target(source: Path, target: Path) -> None:
    if target.resolve() == source.resolve():
        raise ValueError(f"{target} is the source itself; write the executed notebook elsewhere")
    if not target.exists():
        return
    try:
        made = MADE_FROM in json.loads(target.read_text(encoding="utf-8"))["metadata"]
    except (ValueError, KeyError, TypeError, OSError):
        made = False
    if not made:
        raise ValueError(f"{target} was not made by this command and is left alone; remove it, or write elsewhere")


def _make_reproducible(notebook: Any, name: str) -> None:
    notebook.metadata.pop("papermill", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.metadata["tags"] = ["injected-parameters", "remove-cell"]
            cell["outputs"] = _merge_streams(cell.outputs)
    notebook.metadata[MADE_FROM] = name


def _merge_streams(outputs: Any) -> Any:
    """Join neighbouring pieces of one stream: how printed text is cut into pieces depends on timing."""
    merged: list[Any] = []
    for output in outputs:
        previous = merged[-1] if merged else None
        if output.output_type == "stream" and previous and previous.get("name") == output.name:
            previous["text"] += output.text
        else:
            merged.append(output)
    return merged
