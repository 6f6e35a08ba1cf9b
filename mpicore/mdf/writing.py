"""A recording as a new file: what it was read from, with the signals and flags that have changed."""

import io
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import mpicore
from mpicore import files
from mpicore.mdf.description import Provenance
from mpicore.mdf.header import Header, parse
from mpicore.mdf.layout import Layout
from mpicore.mdf.recording import Recording
from mpicore.mdf.tree import Tree

_DATA = "/measurement/data"
_GROUP = "/_provenance"
_FLAGS = {
    "background_corrected": "/measurement/isBackgroundCorrected",
    "spectral_leakage_corrected": "/measurement/isSpectralLeakageCorrected",
    "transfer_function_corrected": "/measurement/isTransferFunctionCorrected",
}


def write(recording: Recording, path: str | Path) -> None:
    """Write a recording as a file of its own, in one move.

    A recording without changes is a copy of its file. Else every data set but those of the signals is copied as it is.
    Changed signals keep the order of axes and frames, the domain and the selection of lines, so that what belongs to
    the lines still fits, and are stored as floating-point numbers in physical units without compression: what a change
    puts on lines that are not stored is lost. Each new step of the provenance becomes a group of ``/_provenance``, with
    the versions of the programs and the digest of the file that was read.

    Args:
        recording: as read, or with other signals.
        path: of the new file; the one that was read may be replaced.

    Raises:
        OSError: the file cannot be written.
        ValueError: the file that was read has changed; changed signals have another shape, or are not finite.
    """
    with Tree(recording.path) as source, files.replacing(path) as temporary:
        before = parse(source)
        if before.layout is None and recording.layout is not None:
            raise ValueError(f"{recording.path} has changed since it was read")
        steps = recording.provenance[len(before.provenance) :]
        if recording.change is None and recording.processing == before.processing and not steps:
            shutil.copyfile(recording.path, temporary)
            return
        with Disk(temporary, "r+") as disk:
            with h5py.File(disk, "w") as target:
                copy(source, target, _replaced(recording))
                _write_flags(source, target, recording, before)
                if recording.change is not None:
                    assert recording.layout is not None
                    name = source.datasets[_DATA].name
                    layout = replace(recording.layout, sparsity=None)
                    stored = (layout.encode(_precise(piece)) for piece in recording.blocks())
                    for _ in write_signals(stored, layout, target, name):
                        disk.check()
                write_steps(target, steps, first_step(source), {"input": files.digest(recording.path)})
            disk.check()


class Disk(io.FileIO):
    """A file that keeps an error for itself until it is asked: a full disk brings the HDF5 library down."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, unless an error was kept."""
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            while self.failure is None and view:
                view = view[super().write(view) :]
        except OSError as error:
            self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = error
            return size or 0

    def check(self) -> None:
        """Raise the error that was kept."""
        if self.failure is not None:
            raise self.failure


def _replaced(recording: Recording) -> set[str]:
    """Data sets that changed signals do without."""
    if recording.change is None:
        return set()
    names = {_DATA, "/acquisition/receiver/dataConversionFactor"}
    return names | {"/measurement/subsamplingIndices", "/measurement/sparsityTransformation"}


def copy(source: Tree, target: Any, without: set[str]) -> None:
    """Copy every group and data set, but for some, as it is."""
    with source.told("a group"):
        for group in ["/", *source.groups]:
            made = target.require_group(group)
            for name, value in source.file[group].attrs.items():
                made.attrs[name] = value
    for name, dataset in source.datasets.items():
        if name not in without:
            with source.told(name):
                group, _, last = dataset.name.rpartition("/")
                h5py.h5o.copy(dataset.id, b".", target[group or "/"].id, last.encode())


def _write_flags(source: Tree, target: Any, recording: Recording, before: Header) -> None:
    flags = {}
    if recording.processing is not None and before.processing is not None:
        for attribute, name in _FLAGS.items():
            value = getattr(recording.processing, attribute)
            if value != getattr(before.processing, attribute):
                flags[name] = value
    if recording.change is not None and recording.layout is not None and recording.layout.sparsity is not None:
        flags["/measurement/isSparsityTransformed"] = False
    for name, value in flags.items():
        if name in source.datasets:
            target[source.datasets[name].name][...] = value
        else:
            target[name] = np.int8(value)


def _precise(piece: Any) -> Any:
    return piece.astype(np.float32 if piece.dtype.itemsize <= 4 else np.float64, copy=False)


def write_signals(pieces: Iterable[Any], layout: Layout, target: Any, name: str) -> Iterator[int]:
    """Write stored values to a new data set of an open file, one piece at a step.

    Args:
        pieces: in the order of recording, shape (n, J, C, K or V), all of one type.
        layout: where they go.
        target, name: the file and the data set.

    Yields:
        The number of frames that are written.
    """
    dataset, start = None, 0
    N, J, C, _ = layout.shape
    for values in pieces:
        if dataset is None:
            inner = (J, C, layout.stored_lines)
            shape = (*inner, N) if layout.fast_frame_axis else (N, *inner)
            dataset = target.create_dataset(name, shape, values.dtype)
        for places, first, last in layout.runs(start, start + len(values)):
            if layout.fast_frame_axis:
                dataset[:, :, :, first:last] = np.moveaxis(values[places], 0, -1)
            else:
                dataset[first:last] = values[places]
        start += len(values)
        yield start


def first_step(source: Tree) -> int:
    """Number of the next step of the provenance.

    Raises:
        ValueError: the file has something else in the place of the steps.
    """
    if _GROUP in source.datasets:
        raise source.refused(_GROUP, "a data set", "a group, in which the steps are kept")
    return 1 + max((int(step[1:]) for step in source.children(_GROUP) if step[1:].isdecimal()), default=0)


def write_steps(target: Any, steps: Iterable[Provenance], first: int, digests: Mapping[str, str]) -> None:
    """Add the steps of the provenance, as groups that count from ``first``, with the digests of what went in."""
    programs = {"mpicore": mpicore.__version__, "numpy": np.__version__, "h5py": h5py.__version__}
    for number, step in enumerate(steps, start=first):
        group = target.create_group(f"{_GROUP}/_{number}")
        group["_method"] = step.method
        for name, value in (
            ("options", step.options),
            ("versions", programs | dict(step.versions)),
            ("digests", dict(digests) | dict(step.digests)),
        ):
            group[f"_{name}"] = json.dumps(dict(value), sort_keys=True)
