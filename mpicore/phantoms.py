"""Random particle distributions: the objects that the simulated scanner measures."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpicore import checks
from mpicore.seeds import Seed, generator

Array = NDArray[Any]
Float32 = NDArray[np.float32]

# Lengths in pixels of a 101 x 101 field of view; other grids scale them, so that the objects keep their size.
_REFERENCE = 101
_MARGIN, _SMALLEST, _LARGEST = 10.0, 3.0, 18.0
_STEPS, _RADIUS, _TURN = 60, 2.5, 0.2  # vessel: steps, radius [pixels], spread of the turn per step [rad]
_MOST_SHAPES = 5
_BLOCK = 500  # phantoms drawn together: bounds the memory of the masks


def random_phantoms(count: int, shape: tuple[int, int], seed: Seed) -> Float32:
    """Draw particle distributions of 1 to 5 overlapping shapes.

    Each shape is, equally likely, a rotated ellipse (semi-axes 3 to 18 pixels), a rectangle (half-sides 3 to 18 pixels)
    or a vessel (a smooth random walk of 60 steps of one pixel, radius 2.5 pixels). Its value is uniform in [0.3, 1],
    its centre (the start of a vessel) uniform at least 10 pixels from the edge, and later shapes cover earlier ones.
    Pixels are those of a 101 x 101 grid; other grids scale with their shorter side.

    Args:
        count: number of phantoms.
        shape: (ny, nx), each at least 8.
        seed: a whole number, or a ``SeedSequence``. Phantom i depends on the seed and on i alone, so that a smaller
            count gives the first phantoms of a larger one.

    Returns:
        Array of shape (count, ny, nx), float32. Values are 0 or in [0.3, 1], the relative particle concentration.

    Raises:
        ValueError: a count below one or a shape below 8 x 8.
    """
    checks.count(count, "count")
    if len(tuple(shape)) != 2:
        raise ValueError(f"shape must be (ny, nx), got {shape!r}")
    for side in shape:
        checks.count(side, "shape", minimum=8)
    uniform, normal = generator(seed, "shapes"), generator(seed, "turns")
    images = np.zeros((count, *shape), np.float32)
    for start in range(0, count, _BLOCK):
        block = images[start : start + _BLOCK]
        number = 1 + np.floor(_MOST_SHAPES * (draws := uniform.random((len(block), 1 + 7 * _MOST_SHAPES)))[:, 0])
        turns = normal.standard_normal((len(block), _MOST_SHAPES, _STEPS))
        for slot, draw in enumerate(np.split(draws[:, 1:], _MOST_SHAPES, axis=1)):
            _paint(block, draw, turns[:, slot], slot < number)
    return images


#: What random phantoms are made of.
SHAPES = ("ellipse", "rectangle", "vessel")


def random_shapes(count: int, seed: Seed) -> list[list[str]]:
    """The shapes that each of :func:`random_phantoms` is made of, in the order in which they cover each other.

    Args:
        count, seed: as there; the size of the images does not matter.

    Returns:
        For each phantom one to five of :data:`SHAPES`.

    Raises:
        ValueError: a count below one.
    """
    draws = generator(seed, "shapes").random((checks.count(count, "count"), 1 + 7 * _MOST_SHAPES))
    numbers = 1 + np.floor(_MOST_SHAPES * draws[:, 0]).astype(int)
    kinds = np.floor(len(SHAPES) * draws[:, 1::7]).astype(int)
    return [[SHAPES[kind] for kind in row[:number]] for row, number in zip(kinds, numbers, strict=True)]


#: Phantoms of another kind than those that the networks are trained on.
OTHER_KINDS = ("letters", "rings", "points")


def other_phantoms(kind: str, count: int, shape: tuple[int, int], seed: Seed) -> Float32:
    """Draw particle distributions unlike those of :func:`random_phantoms`.

    Letters: 1 to 3 capital letters, 20 to 40 pixels high. Rings: 1 to 3 annuli, radius 6 to 20 pixels, 2 to 5 pixels
    wide. Points: 3 to 12 discs of 1.5 pixels radius. Values are uniform in [0.3, 1]; later objects cover earlier ones.
    What falls between the pixels of a coarse grid is painted as one pixel.

    Args:
        kind: one of :data:`OTHER_KINDS`.
        count, shape, seed: as in :func:`random_phantoms`.

    Returns:
        Array of shape (count, ny, nx), float32.

    Raises:
        ValueError: an unknown kind, a count below one.
    """
    paint, most, least = {"letters": (_letter, 3, 1), "rings": (_ring, 3, 1), "points": (_point, 12, 3)}[
        checks.choice(kind, "kind", OTHER_KINDS)
    ]
    uniform = generator(seed, kind)
    images = np.zeros((checks.count(count, "count"), *shape), np.float32)
    scale = min(shape) / _REFERENCE
    for image in images:
        draws = uniform.random((most, 6))
        for draw in draws[: least + int(uniform.random() * (most - least + 1))]:
            centre = _MARGIN * scale + draw[:2] * (np.array(shape[::-1]) - 1 - 2 * _MARGIN * scale)
            dx, dy = (offset[0] / scale for offset in _offsets(shape, centre[None]))
            inside = paint(dx, dy, draw[3:])
            if not inside.any():
                inside = np.maximum(np.abs(dx), np.abs(dy)) <= 0.5 / scale
            image[inside] = 0.3 + 0.7 * draw[2]
    return images


def _letter(dx: Array, dy: Array, draw: Array) -> Array:
    mask = _letter_mask("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[int(26 * draw[0])])
    size = 20 + 20 * draw[1]
    column, row = (np.round((d / size + 0.5) * (len(mask) - 1)).astype(int) for d in (dx, dy))
    inside = (column >= 0) & (column < len(mask)) & (row >= 0) & (row < len(mask))
    return mask[row.clip(0, len(mask) - 1), column.clip(0, len(mask) - 1)] & inside


@lru_cache(maxsize=26)
def _letter_mask(letter: str) -> Array:
    """A capital letter as a square of 101 x 101 truth values, the first row at the bottom."""
    from matplotlib.textpath import TextPath  # the package works without matplotlib but for letters

    path = TextPath((0, 0), letter, size=100)
    low, high = path.get_extents().get_points()
    position = np.linspace(-0.5, 0.5, 101) * max(high - low)
    x, y = np.meshgrid((low[0] + high[0]) / 2 + position, (low[1] + high[1]) / 2 + position)
    return path.contains_points(np.column_stack([x.ravel(), y.ravel()])).reshape(101, 101)


def _ring(dx: Array, dy: Array, draw: Array) -> Array:
    radius, width = 6 + 14 * draw[0], 2 + 3 * draw[1]
    return np.abs(np.hypot(dx, dy) - radius) <= width / 2


def _point(dx: Array, dy: Array, draw: Array) -> Array:
    return np.hypot(dx, dy) <= 1.5


def _paint(images: Array, draw: Array, turns: Array, active: Array) -> None:
    """Paint one shape into every active image: ``draw`` (n, 7) is uniform in [0, 1), ``turns`` (n, steps) normal."""
    ny, nx = images.shape[1:]
    scale = min(ny, nx) / _REFERENCE
    kind = np.floor(3 * draw[:, 0])
    value = (0.3 + 0.7 * draw[:, 1]).astype(np.float32)
    margin = _MARGIN * scale
    centre = margin + draw[:, 2:4] * (np.array([nx, ny]) - 1 - 2 * margin)
    # Never so small that a shape falls between the pixels of a coarse grid.
    size = np.maximum(0.75, scale * (_SMALLEST + draw[:, 4:6] * (_LARGEST - _SMALLEST)))
    angle = 2 * np.pi * draw[:, 6]
    for number, mask in enumerate((_ellipse, _rectangle, _vessel)):
        rows = np.flatnonzero(active & (kind == number))
        inside = mask((ny, nx), centre[rows], size[rows], angle[rows], _TURN * turns[rows], scale)
        images[rows] = np.where(inside, value[rows, None, None], images[rows])


def _offsets(shape: tuple[int, int], centre: Array) -> tuple[Float32, Float32]:
    """Distances along x (n, 1, nx) and along y (n, ny, 1) from each centre [pixels]."""
    ny, nx = shape
    dx = (np.arange(nx) - centre[:, :1]).astype(np.float32)
    dy = (np.arange(ny) - centre[:, 1:]).astype(np.float32)
    return dx[:, None, :], dy[:, :, None]


def _ellipse(shape: tuple[int, int], centre: Array, size: Array, angle: Array, turns: Array, scale: float) -> Array:
    dx, dy = _offsets(shape, centre)
    a, b = (size[:, i, None, None].astype(np.float32) for i in (0, 1))
    cos, sin = (f(angle)[:, None, None].astype(np.float32) for f in (np.cos, np.sin))
    return ((dx * cos + dy * sin) / a) ** 2 + ((dy * cos - dx * sin) / b) ** 2 <= 1


def _rectangle(shape: tuple[int, int], centre: Array, size: Array, angle: Array, turns: Array, scale: float) -> Array:
    dx, dy = _offsets(shape, centre)
    return (np.abs(dx) <= size[:, 0, None, None]) & (np.abs(dy) <= size[:, 1, None, None])


def _vessel(shape: tuple[int, int], centre: Array, size: Array, angle: Array, turns: Array, scale: float) -> Array:
    ny, nx = shape
    heading = angle[:, None] + np.cumsum(turns, axis=1)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=2) * scale
    path = centre[:, None, :] + np.cumsum(steps, axis=1)
    # Stamp a disc at every step: the pixels around it, as (n, steps, window) indices into the images.
    radius = max(_RADIUS * scale, 0.75)
    reach = int(np.ceil(radius))
    window = np.stack(np.meshgrid(*2 * [np.arange(-reach, reach + 1)]), axis=-1).reshape(-1, 2)
    pixel = np.round(path).astype(int)[:, :, None, :] + window
    covered = np.sum((pixel - path[:, :, None, :]) ** 2, axis=-1) <= radius**2
    covered &= np.all((pixel >= 0) & (pixel < [nx, ny]), axis=-1)
    inside = np.zeros((len(centre), ny, nx), bool)
    image = np.broadcast_to(np.arange(len(centre))[:, None, None], covered.shape)
    inside[image[covered], pixel[covered, 1], pixel[covered, 0]] = True
    return inside
