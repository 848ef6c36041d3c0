"""Lines of a pair of glasses in the coordinates of a face, and where they are in a picture."""

from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.face.lens_shapes import TUNING as SHAPES
from mien.face.lens_shapes import rays
from mien.imaging.line_rows import LineRows
from mien.types import Affine, Floats


@dataclass(frozen=True, slots=True)
class Line:
    """A line in the coordinates of a face: distances of the eyes, from the middle between them, across and down.

    Rows of places cross it: from `start` along the first of `axes` (2, 2), each along the second, or, `closed`, around it.
    `way` float32 (rows,) is the column of the line in each row, `certainty` how surely it is there, `brow` how far it lies
    over a brow there, 0..1.
    """

    start: Floats
    axes: Floats
    closed: bool
    first: float
    step: float
    way: Floats
    certainty: Floats
    brow: Floats


@dataclass(frozen=True, slots=True)
class GlassesLines:
    """The two lenses, both arms, the bridge; `half_width` of a rim in distances of the eyes; the yaw where they were found.

    `plain` is the share of the outline of the fainter lens that stands out in the picture.
    """

    lines: tuple[Line, ...]
    half_width: float
    yaw: float
    plain: float


def face_to_picture(points: Floats) -> Affine:
    """Return the transform from the coordinates of a face to the picture with its landmarks (478, 2)."""
    first, second = landmark_sets.EYE_CORNERS
    across = points[second, :2] - points[first, :2]
    middle = (points[first, :2] + points[second, :2]) / 2
    return np.array([[across[0], -across[1], middle[0]], [across[1], across[0], middle[1]]], np.float64)


def outline_of(line: Line) -> Floats:
    """Return the points of a line in the coordinates of the face, float32 (rows, 2)."""
    return rows_in_face(line).places(line.first + line.step * line.way[:, None])[:, 0]


def rows_in_face(line: Line) -> LineRows:
    """Return the rows of a line in the coordinates of the face."""
    count = len(line.way)
    if line.closed:
        ends = rays() / np.array([1, SHAPES.flat], np.float32)
        return LineRows(np.tile(np.asarray(line.start, np.float32), (count, 1)), np.asarray(ends @ line.axes, np.float32))
    along = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    return LineRows(
        np.asarray(line.start + along * line.axes[0], np.float32),
        np.tile(np.asarray(line.axes[1], np.float32), (count, 1)),
    )


def places_of(line: Line, columns: Floats, to_picture: Affine) -> Floats:
    """Return the places in the picture of columns (rows, n) of a line, float32 (rows, n, 2)."""
    rows = rows_in_face(line).moved(to_picture)
    return rows.places(np.asarray(line.first + line.step * columns, np.float32))
