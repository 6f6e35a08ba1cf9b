"""A recording: what a file says of itself, and its signals, in pieces or at once."""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.mdf.description import Processing, Provenance
from mpicore.mdf.guard import check
from mpicore.mdf.header import Header, parse
from mpicore.mdf.measurement import stored
from mpicore.mdf.tree import Tree

Signals = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Recording(Header):
    """A file of the format. Its signals stay in the file until they are asked for.

    Attributes:
        path: of the file, which must stay where it is as long as signals are read from it.
        change: what signals are replaced by: an array in their place, or a function of a piece and the number of its
            first frame; ``None`` as read.
        finite: NaN and infinite values are refused; without, they are given as they are, for who skips them.
    """

    path: Path
    change: Signals | Callable[[Signals, int], Signals] | None = None
    finite: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, periods of each, receive channels and samples, (N, J, C, V).

        Raises:
            ValueError: the file has no signals.
        """
        if self.layout is None:
            raise ValueError(f"{self.path} has no /measurement, so there are no signals")
        return self.layout.shape

    @property
    def single(self) -> bool:
        """Whether single precision holds the signals, which are integers of 16 bits or numbers of 32 bits in the file.

        Raises:
            ValueError: the file has no signals.
        """
        _, layout = self.shape, self.layout
        assert layout is not None
        if self.change is not None:
            return False
        with Tree(self.path) as tree:
            kind = stored(tree, layout).data.dtype
        return np.can_cast(kind["r"] if kind.names else kind, np.complex64)

    def signals(self) -> Signals:
        """All signals in physical units, samples of time, frames in the order of recording: shape (N, J, C, V).

        Raises:
            ValueError: the file has no signals, they are damaged, NaN or infinite, or more than memory holds.
        """
        told = f"{self.path}: signals of shape {self.shape} do not fit into memory; read them in blocks"
        if 8 * math.prod(self.shape) > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
            raise ValueError(told)
        pieces = self.blocks()
        first = next(pieces)
        try:
            found = np.empty(self.shape, first.dtype)
        except MemoryError:
            raise ValueError(told) from None
        found[: len(first)] = first
        start = len(first)
        for piece in pieces:
            found[start : start + len(piece)] = piece
            start += len(piece)
        return found

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[Signals]:
        """The same in pieces of some frames, shape (n, J, C, V), so that memory does not grow with the file.

        Args:
            first: number of the first frame.
            last: of the one after the last; ``None`` for all.

        Raises:
            ValueError: as :meth:`signals`.
        """
        layout = self.layout
        last = self.shape[0] if last is None else min(last, self.shape[0])
        assert layout is not None
        if isinstance(self.change, np.ndarray):
            step = layout.frames_at_once
            for start in range(first, last, step):
                yield self.change[start : min(start + step, last)]
            return
        with Tree(self.path) as tree:
            yield from self._pieces(tree, first, last)

    def frames(self, numbers: NDArray[np.integer[Any]]) -> Signals:
        """Some frames by their numbers, ascending, shape (n, J, C, V); what lies between them is not read.

        Raises:
            ValueError: as :meth:`signals`.
        """
        if isinstance(self.change, np.ndarray):
            return self.change[numbers]
        found = np.empty((len(numbers), *self.shape[1:]))
        start = 0
        with Tree(self.path) as tree:
            for run in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1):
                for piece in self._pieces(tree, int(run[0]), int(run[-1]) + 1) if len(run) else ():
                    found[start : start + len(piece)] = piece
                    start += len(piece)
        return found

    def _pieces(self, tree: Tree, first: int, last: int) -> Iterator[Signals]:
        assert self.layout is not None and not isinstance(self.change, np.ndarray)
        pieces, start = stored(tree, self.layout).blocks(self.receiver.conversion, first, last, self.finite), first
        while True:
            with tree.told("/measurement/data"):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece if self.change is None else self._applied(self.change, piece, start)
            start += len(piece)

    def with_signals(self, signals: Signals, provenance: Provenance, processing: Processing | None = None) -> Self:
        """The same recording with other signals.

        Args:
            signals: shape (N, J, C, V), in the units and the order of :meth:`signals`.
            provenance: what was done to them, which is added to the steps before.
            processing: the flags that hold now; ``None`` where they have not changed.

        Raises:
            ValueError: another shape, no real numbers, NaN or infinite values.
        """
        found = checks.signals(signals, "signals", length=self.shape[3], dimensions=(4,))
        if found.shape != self.shape:
            raise ValueError(f"signals must have the shape {self.shape}, got {found.shape}")
        return self._changed(found, provenance, processing)

    def mapped(
        self, function: Callable[[Signals], Signals], provenance: Provenance, processing: Processing | None = None
    ) -> Self:
        """The same recording with ``function`` of its signals, piece by piece, when they are read or written.

        Args:
            function: (n, J, C, V) -> (n, J, C, V).
            provenance: what it does, which is added to the steps before.
            processing: the flags that hold then; ``None`` where they do not change.
        """
        return self.mapped_in_time(lambda piece, _: function(piece), provenance, processing)

    def mapped_in_time(
        self, function: Callable[[Signals, int], Signals], provenance: Provenance, processing: Processing | None = None
    ) -> Self:
        """The same for a function that is also told the number of the first frame of each piece.

        Args:
            function: (n, J, C, V) and a number -> (n, J, C, V).
            provenance, processing: as for :meth:`mapped`.
        """
        before = self.change
        if isinstance(before, np.ndarray):
            return self.with_signals(self._applied(function, before, 0), provenance, processing)

        def chain(piece: Signals, first: int) -> Signals:
            return function(piece if before is None else self._applied(before, piece, first), first)

        return self._changed(chain, provenance, processing)

    def _applied(self, function: Callable[[Signals, int], Signals], piece: Signals, first: int) -> Signals:
        found = np.asarray(function(piece, first))
        if self.finite:
            found = checks.signals(found, "the changed signals", dimensions=(4,))
        if found.shape != piece.shape:
            raise ValueError(f"the changed signals must keep their shape {piece.shape}, got {found.shape}")
        return found

    def _changed(
        self, change: Signals | Callable[[Signals, int], Signals], provenance: Provenance, processing: Processing | None
    ) -> Self:
        _ = self.shape
        flags = self.processing if processing is None else processing
        steps = (*self.provenance, provenance)
        return replace(self, change=change, provenance=steps, processing=flags)


def read(path: str | Path, finite: bool = True) -> Recording:
    """Read the metadata of a file of the Magnetic Particle Imaging Data Format (MDF), version 2.

    A process of its own reads the file first, so that whatever is wrong with it ends in an error.

    Args:
        path: of the file.
        finite: refuse NaN and infinite values among the signals, when they are read.

    Raises:
        OSError: there is no such file, or it cannot be opened.
        ValueError: it is damaged or is not of the format; the message names the data set, what was found in it, and
            what is allowed.
    """
    check(path)
    with Tree(path) as tree:
        return Recording(**vars(parse(tree)), path=Path(path), finite=finite)
