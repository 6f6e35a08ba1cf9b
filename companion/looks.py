"""How each method is drawn, in every figure of the book: one colour, one marker and one style of line.

Colours and markers stand with the methods in ``experiments.yml``. A colour is that of a kind of method, so that what
belongs together looks alike, and the marker tells the methods of one colour apart. The eight colours stay apart for
readers who are blind to red, green or blue: the tests simulate how these see them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from companion.schema import Method

#: Style of the line that goes with each marker, so that lines without markers differ as well.
LINES: dict[str, Any] = {
    "o": "-", "s": (0, (5, 1.5)), "^": (0, (6, 1.5, 1, 1.5)), "D": (0, (9, 1)), "P": (0, (3, 1, 1, 1, 1, 1)),
    "v": (0, (4, 3)), ">": (0, (1, 1)), "<": (0, (2, 1)), "X": (0, (1, 2)), "*": (0, (7, 1, 3, 1)), "d": (0, (1, 3)),
    "p": (0, (3, 3)), "h": (0, (6, 3)),
}  # fmt: skip
#: What is not in ``experiments.yml``, such as a denoiser from outside.
OUTSIDE = ("#000000", "h")
#: Methods of that file without a look of their own. No figure draws them but lists, where each has a row with its name.
UNNAMED = ("#777777", "p")


@dataclass(frozen=True)
class Look:
    """Of one method.

    Attributes:
        colour: as ``#RRGGBB``.
        marker: as matplotlib names it.
        half: the marker is half filled: the fitted denoiser of another method, read out in another way.
    """

    colour: str
    marker: str
    half: bool = False

    def line(self, size: float = 5) -> dict[str, Any]:
        """Arguments of ``Axes.plot`` for a line with markers of this size [points]."""
        return {"linestyle": LINES[self.marker], **self.points(size)}

    def points(self, size: float = 6, hollow: bool = False) -> dict[str, Any]:
        """Arguments of ``Axes.plot`` for points, hollow or filled; without the style of a line between them."""
        look: dict[str, Any] = {"color": self.colour, "marker": self.marker, "markersize": size}
        if self.half:
            return look | {"fillstyle": "left", "markerfacecoloralt": "none"}
        return look | ({"markerfacecolor": "none"} if hollow else {})


def look(methods: Mapping[str, Method], name: str) -> Look:
    """The look of a method: its own, or that of the method whose fitted denoiser it reads out.

    Args:
        methods: all methods of ``experiments.yml`` by name.
        name: of one of them, or of a denoiser from outside.
    """
    if name not in methods:
        return Look(*OUTSIDE)
    method = methods[name]
    if method.of is not None and method.marker is None:
        base = look(methods, method.of)
        return Look(base.colour, base.marker, half=True)
    colour, marker = UNNAMED
    return Look(method.colour or colour, method.marker or marker)
