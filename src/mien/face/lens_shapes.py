"""Shapes of the lenses of glasses: closed outlines of six numbers, found where they gain most."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import cv2
import numpy as np

from mien.imaging.arrays import locked
from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class ShapeTuning:
    """Rays from the middle of a lens, and the search; lengths are in distances of the outer corners of the eyes."""

    angles: int = 96
    """Rays from the middle of a lens; the first points to the temple."""
    nearest: float = 0.1
    farthest: float = 0.5
    """First and last place on a ray."""
    columns: int = 86
    """Places on a ray."""
    flat: float = 0.85
    """Height of the ellipse on which the rays end, for a width of 1."""
    reach: int = 7
    """Columns within which a line of the picture speaks for one of the tried shapes."""
    fine_reach: int = 3
    """The same when the best of them is refined."""
    steps: tuple[float, ...] = (0.02, 0.01, 0.005)
    """Changes of each number that are tried in turn."""


TUNING = ShapeTuning()
COLUMN = (TUNING.farthest - TUNING.nearest) / (TUNING.columns - 1)
"""Distance of two places on a ray."""
_TRIED = (
    (0.24, 0.28, 0.32, 0.36, 0.4), (0.11, 0.15, 0.2, 0.25), (0.14, 0.19, 0.24, 0.3, 0.36), (2.0, 2.8, 4.5),
    (-0.08, 0.0, 0.08), (-0.08, -0.04, 0.0, 0.04, 0.08),
)  # fmt: skip
"""Half the width of a lens, height above and below its middle, roundness (2 = an ellipse), droop, and place to the temple."""


@cache
def rays() -> Floats:
    """The ends of the rays, float32 (angles, 2), read-only: to the temple, and down."""
    angle = np.linspace(0, 2 * np.pi, TUNING.angles, endpoint=False)
    return locked(np.stack([np.cos(angle), TUNING.flat * np.sin(angle)], axis=1).astype(np.float32))


def best_outlines(gains: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the column of the best outline on each ray, float32 (angles,), for both lenses.

    `gains` float32 (angles, columns) are how much each place looks like a rim. Both lenses have one shape, each at its own
    place; then each is refined by itself, as a turned head shows them.
    """
    numbers, columns = _tried()
    scores = np.zeros((2, columns.shape[0]), np.float32)
    for gain, each in zip(gains, scores, strict=True):
        _sum_along(_spread(gain, TUNING.reach), columns, each)
    places = len(_TRIED[-1])
    by_shape = scores.reshape(2, -1, places)
    best = int(by_shape.max(axis=2).sum(axis=0).argmax())
    found = []
    for gain, each in zip(gains, by_shape, strict=True):
        shape = numbers[best * places + int(each[best].argmax())].copy()
        outline = np.zeros(TUNING.angles, np.float32)
        _refine(
            _spread(gain, TUNING.fine_reach), rays(), np.array(TUNING.steps, np.float32), TUNING.nearest, COLUMN, shape, outline
        )
        found.append(outline)
    return found[0], found[1]


def _spread(gain: Floats, reach: int) -> Floats:
    wide = cv2.blur(cv2.dilate(gain, np.ones((1, reach), np.uint8)), (reach, 1))
    return np.ascontiguousarray(wide, np.float32)


@cache
def _tried() -> tuple[Floats, Array]:
    """The numbers of all tried shapes, float32 (n, 6), and their columns, int16 (n, angles); read-only."""
    numbers = np.array(list(product(*_TRIED)), np.float32)
    columns = np.zeros((len(numbers), TUNING.angles), np.int16)
    _fill_columns(numbers, rays(), TUNING.nearest, COLUMN, TUNING.columns, columns)
    return locked(numbers), locked(columns)


@kernel_part
def _column(shape: Array, x: float, y: float, nearest: float, step: float) -> float:
    wide = shape[0] + shape[5] if x > 0 else shape[0] - shape[5]
    below = y - shape[4] * x
    high = shape[2] if below > 0 else shape[1]
    radius: float = (np.abs(x / wide) ** shape[3] + np.abs(below / high) ** shape[3]) ** (np.float32(-1) / shape[3])
    return (radius - nearest) / step


@kernel
def _fill_columns(shapes: Array, ends: Array, nearest: float, step: float, count: int, columns: Array) -> None:
    for k in range(shapes.shape[0]):
        for i in range(ends.shape[0]):
            place = _column(shapes[k], ends[i, 0], ends[i, 1], nearest, step)
            columns[k, i] = int(min(max(place + 0.5, 0), count - 1))


@kernel
def _sum_along(values: Array, ways: Array, sums: Array) -> None:
    for k in range(ways.shape[0]):
        total = np.float32(0)
        for y in range(ways.shape[1]):
            total += values[y, ways[k, y]]
        sums[k] = total


@kernel
def _refine(gain: Array, ends: Array, steps: Array, nearest: float, step: float, shape: Array, outline: Array) -> None:
    """Change one number of the shape after the other as long as it gains; write the columns of the best one."""
    best, last = np.float32(-1), gain.shape[1] - 1
    for s in range(steps.shape[0]):
        for _ in range(2):
            for number in range(shape.shape[0]):
                kept = shape[number]
                choice = kept
                for sign in range(-1, 2):
                    # Roundness is no length.
                    change = sign * steps[s] * (np.float32(25) if number == 3 else np.float32(1))
                    shape[number] = kept + change
                    if (number < 3 and shape[number] < 0.08) or (number == 3 and shape[number] < 1.8):
                        continue
                    total = np.float32(0)
                    for i in range(ends.shape[0]):
                        place = _column(shape, ends[i, 0], ends[i, 1], nearest, step)
                        total += gain[i, int(min(max(place + 0.5, 0), last))]
                    if total > best:
                        best, choice = total, shape[number]
                shape[number] = choice
    for i in range(ends.shape[0]):
        outline[i] = min(max(_column(shape, ends[i, 0], ends[i, 1], nearest, step), 0), last)
