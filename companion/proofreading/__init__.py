"""What a reader would stumble over, and the builder of the book passes without a word.

:mod:`companion.proofreading.texts` reads the sources of a staged book, :mod:`companion.proofreading.built` its pages. A
build stops at what they find.
"""

from collections.abc import Sequence

__all__ = ["refuse"]


def refuse(faults: Sequence[str]) -> None:
    """Stop where there are faults.

    Raises:
        ValueError: all of them, one per line.
    """
    if faults:
        raise ValueError("the book has faults:\n" + "\n".join(faults))
