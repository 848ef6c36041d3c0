"""Transforms, boxes and rotations: pure functions of arrays. Points are (n, 2) or (n, 3), transforms float64 (2, 3)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from mien.imaging.arrays import locked
from mien.imaging.kernels import kernel
from mien.types import Affine, Array, Floats

DLIB_CHIP_POINTS = np.array(
    [[0.1205750620789, 0.2137274526848], [0.3340850613712, 0.2290642403242], [0.6460604764104, 0.2289674387677],
     [0.8595674595992, 0.2134981538014], [0.4901123135679, 0.6277975316475]]
)  # fmt: skip
"""dlib's mean 5-point face, share of the chip: right eye outer and inner corner, left eye inner and outer, nose base."""

_FIVE_POINTS = {
    "arcface_112_v1": [
        0.35473214, 0.45658929, 0.64526786, 0.45658929, 0.5, 0.61154464, 0.37913393, 0.776875, 0.62086607, 0.776875,
    ],
    "arcface_112_v2": [
        0.34191607, 0.46157411, 0.65653393, 0.45983393, 0.500225, 0.64050536, 0.37097589, 0.82469196, 0.63151696, 0.82325089,
    ],
    "arcface_128": [
        0.36167656, 0.40387734, 0.63696719, 0.40235469, 0.50019687, 0.56044219, 0.38710391, 0.72160547, 0.61507734, 0.72034453,
    ],
    "dfl_whole_face": [
        0.35342266, 0.39285716, 0.62797622, 0.39285716, 0.48660713, 0.5401786, 0.38839287, 0.68750011, 0.59821427, 0.68750011,
    ],
    "ffhq_512": [
        0.37691676, 0.46864664, 0.62285697, 0.46912813, 0.50123859, 0.61331904, 0.39308822, 0.725411, 0.61150205, 0.72490465,
    ],
    "mtcnn_512": [
        0.36562865, 0.46733799, 0.63305391, 0.46585885, 0.50019127, 0.61942959, 0.39032951, 0.77598822, 0.61178945, 0.77476328,
    ],
    "parser": [
        0.33143606, 0.37678573, 0.64717265, 0.37678573, 0.4845982, 0.54620539, 0.3716518, 0.71562513, 0.61294641, 0.71562513,
    ],
}  # fmt: skip
TEMPLATES = {name: np.array(numbers).reshape(5, 2) for name, numbers in _FIVE_POINTS.items()}
"""Five points in aligned crops, as shares of the crop's side (5, 2): the eyes, tip of the nose and corners of the mouth with
which public networks were trained, in the order of `five_points`. Published by InsightFace (arcface), the FFHQ data set,
DeepFaceLab and FaceFusion."""


@dataclass(frozen=True, slots=True)
class PointSets:
    """Sets of landmarks: int64 numbers of all `members`, one set after the other, and where each of them `ends`."""

    members: Array
    ends: Array

    @classmethod
    def of(cls, parts: Sequence[Sequence[int]]) -> Self:
        """Return the sets of these numbers."""
        members = np.array([number for part in parts for number in part], np.int64)
        return cls(locked(members), locked(np.cumsum([len(part) for part in parts], dtype=np.int64)))


_FIVE_PARTS = PointSets.of((
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 468),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 473),
    (1, 4),
    (61,),
    (291,),
))  # fmt: skip
"""Corners, upper lid and iris of both eyes; nose; mouth."""


def five_points(points: Array) -> Floats:
    """Return eyes, tip of the nose and corners of the mouth as a detector sees them, (5, 2), for landmarks (478, 2 or 3).

    Detectors see an eye above the middle of its rim and the tip of the nose below the mesh's. Chosen so that the mean offset
    to YuNet's points is least on 146 portraits: 0.01 eye distances (each point scatters by 0.035 to 0.05).
    """
    return middles_of(points, _FIVE_PARTS)


def middles_of(points: Array, sets: PointSets) -> Floats:
    """Return the mean of each set of landmarks, float32 (k, 2), for all of them (n, 2 or 3)."""
    middles = np.empty((len(sets.ends), 2), np.float32)
    _average(points, sets.members, sets.ends, middles)
    return middles


@kernel
def _average(points: Array, members: Array, ends: Array, middles: Array) -> None:
    """Write the means of sets of points to `middles`, float32 (k, 2): see `PointSets`."""
    first = 0
    for k in range(ends.shape[0]):
        for j in range(2):
            total = np.float32(0)
            for n in range(first, ends[k]):
                total += np.float32(points[members[n], j])
            middles[k, j] = total / np.float32(ends[k] - first)
        first = ends[k]


def similarity(from_points: Array, to_points: Array) -> Affine:
    """Return the rotation, uniform scale and shift from `from_points` to `to_points` by least squares (Umeyama 1991)."""
    # One array: each takes longer to make than five points to fit.
    found = np.empty((3, 3))
    _fit(_floats(from_points), _floats(to_points), found)
    if found[2, 0] == 0:
        raise ValueError("the points lie on one spot")
    return found[:2]


def _floats(numbers: Array) -> Array:
    """Return the numbers as kernels take them, float32 or float64."""
    return numbers if numbers.dtype.kind == "f" else numbers.astype(np.float64)


@kernel
def _fit(source: Array, target: Array, found: Array) -> None:
    """Write the transform of `similarity`, and below it the sum of the source's squared distances from its middle.

    Where that is 0, the transform is not a number.
    """
    count = source.shape[0]
    mean_x, mean_y, to_x, to_y = 0.0, 0.0, 0.0, 0.0
    for k in range(count):
        mean_x += source[k, 0]
        mean_y += source[k, 1]
        to_x += target[k, 0]
        to_y += target[k, 1]
    mean_x, mean_y, to_x, to_y = mean_x / count, mean_y / count, to_x / count, to_y / count
    norm, real, imaginary = 0.0, 0.0, 0.0
    for k in range(count):
        ax, ay, bx, by = source[k, 0] - mean_x, source[k, 1] - mean_y, target[k, 0] - to_x, target[k, 1] - to_y
        norm += ax * ax + ay * ay
        real += ax * bx + ay * by
        imaginary += ax * by - ay * bx
    for j in range(3):
        found[0, j], found[1, j], found[2, j] = math.nan, math.nan, norm
    if norm > 0:
        real, imaginary = real / norm, imaginary / norm
        found[0, 0], found[0, 1], found[1, 0], found[1, 1] = real, -imaginary, imaginary, real
        found[0, 2] = to_x - real * mean_x + imaginary * mean_y
        found[1, 2] = to_y - imaginary * mean_x - real * mean_y


def invert(transform: Affine) -> Affine:
    """Return the inverse transform, float64; raises `ZeroDivisionError` for one that has none."""
    # By hand: a frame inverts ten, and LAPACK's way to two rows takes six times as long.
    (a, b, x), (c, d, y) = transform.tolist()
    area = a * d - b * c
    a, b, c, d = d / area, -b / area, -c / area, a / area
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def then(first: Affine, second: Affine) -> Affine:
    """Return the transform that applies `first`, then `second`."""
    (a, b, x), (c, d, y) = first.tolist()
    (e, f, u), (g, h, v) = second.tolist()
    return np.array(
        [[e * a + f * c, e * b + f * d, e * x + f * y + u], [g * a + h * c, g * b + h * d, g * x + h * y + v]]
    )  # fmt: skip


def apply(transform: Affine, points: Array) -> Floats:
    """Return `points` (n, 2) moved by the transform, float32."""
    moved = np.empty(points.shape, np.float32)
    _move(transform, _floats(points), moved)
    return moved


@kernel
def _move(transform: Array, points: Array, moved: Array) -> None:
    """Write points (n, 2), moved by a transform (2, 3), to float32 (n, 2)."""
    a, b, x = transform[0, 0], transform[0, 1], transform[0, 2]
    c, d, y = transform[1, 0], transform[1, 1], transform[1, 2]
    for k in range(points.shape[0]):
        moved[k, 0] = a * points[k, 0] + b * points[k, 1] + x
        moved[k, 1] = c * points[k, 0] + d * points[k, 1] + y


def scale_of(transform: Affine) -> float:
    """Return the factor by which a transform scales lengths (geometric mean of both axes)."""
    (a, b, _), (c, d, _) = transform.tolist()
    return math.sqrt(abs(a * d - b * c))


def box_of(points: Array) -> tuple[float, float, float, float]:
    """Return the axis-aligned box of points (n, 2 or 3), `xyxy`; raises `ValueError` for none."""
    if not len(points):
        raise ValueError("no points have no box")
    box = np.empty(4)
    _enclose(_floats(points), box)
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2


@kernel
def _enclose(points: Array, box: Array) -> None:
    """Write the least and the largest x and y of one point or more to float64 (4,), `xyxy`."""
    low_x, low_y = points[0, 0], points[0, 1]
    high_x, high_y = low_x, low_y
    for k in range(1, points.shape[0]):
        x, y = points[k, 0], points[k, 1]
        low_x, low_y, high_x, high_y = min(low_x, x), min(low_y, y), max(high_x, x), max(high_y, y)
    box[0], box[1], box[2], box[3] = low_x, low_y, high_x, high_y


def clipped_box(
    box_xyxy: tuple[float, float, float, float], width: int, height: int, before: int = 0, after: int = 0
) -> tuple[int, int, int, int]:
    """Return the whole pixels that a box covers in a picture: left and top, then the first column and row after it.

    The box grows by `before` pixels at left and top and by `after` at right and bottom. Right <= left, or bottom <= top, if it
    lies outside the picture.
    """
    x1, y1, x2, y2 = box_xyxy
    left, top = max(0, math.floor(x1) - before), max(0, math.floor(y1) - before)
    return left, top, min(width, math.ceil(x2) + after), min(height, math.ceil(y2) + after)


def overlap(a_xyxy: tuple[float, float, float, float], b_xyxy: tuple[float, float, float, float]) -> float:
    """Return the area that two boxes share, as a share of the smaller one, 0..1."""
    width = min(a_xyxy[2], b_xyxy[2]) - max(a_xyxy[0], b_xyxy[0])
    height = min(a_xyxy[3], b_xyxy[3]) - max(a_xyxy[1], b_xyxy[1])
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (a_xyxy, b_xyxy))
    return max(width, 0.0) * max(height, 0.0) / smaller if smaller > 0 else 0.0


def rotation_between(from_points: Array, to_points: Array) -> Array:
    """Return the rotation matrix (3, 3) that best turns centred `from_points` (n, 3) to `to_points` (Kabsch 1976)."""
    a = np.asarray(from_points, np.float64)
    b = np.asarray(to_points, np.float64)
    u, _, vt = np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    rotation: Array = vt.T @ np.diag([1.0, 1.0, sign]) @ u.T
    return rotation


def angles_of(rotation: Array) -> tuple[float, float, float]:
    """Return pitch, yaw and roll in degrees of a rotation (3, 3) in picture axes (x right, y down, z away from the camera)."""
    yaw = math.asin(max(-1.0, min(1.0, float(-rotation[2, 0]))))
    pitch = math.atan2(float(rotation[2, 1]), float(rotation[2, 2]))
    roll = math.atan2(float(rotation[1, 0]), float(rotation[0, 0]))
    return math.degrees(pitch), math.degrees(yaw), math.degrees(roll)


def roll_of(five: Floats) -> float:
    """Return the roll of a detection's five points (5, 2): -180..180 degrees, clockwise in the picture, 0 for upright."""
    right, left, _, mouth_right, mouth_left = five.tolist()
    across_x, across_y = left[0] - right[0], left[1] - right[1]
    down_x = (mouth_right[0] + mouth_left[0] - right[0] - left[0]) / 2
    down_y = (mouth_right[1] + mouth_left[1] - right[1] - left[1]) / 2
    return math.degrees(math.atan2(across_y - down_x, across_x + down_y))


def between_rolls(a: float, b: float) -> float:
    """Return the smaller angle between two rolls, 0..180 degrees."""
    return abs((a - b + 180.0) % 360.0 - 180.0)


def size_of(points: Array) -> float:
    """Return the size of a face: the square root of the area of the box of its points (n, 2 or 3), at least 0.001."""
    x1, y1, x2, y2 = box_of(points)
    return max(math.sqrt((x2 - x1) * (y2 - y1)), 1e-3)
