"""How blurred a picture is, told from its edges. Pictures are BGR uint8, blur is the sigma in pixels of a bell."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.kernels import kernel
from mien.types import Array, Floats, Focus, Image, Mask

_AGAIN = 1.0
"""Sigma of the blur that is added to see how much of an edge it takes."""
_MOST = 4.0
_STEP = 1 / 3
"""Variance of the blur that differences over two pixels add."""
_EVERY = 3
"""Frames between two looks."""
_SLOWLY, _REFOCUSED = 0.15, 0.35
"""How much of a new measurement is taken, unless it differs by more than this in proportion: then all of it."""
_LEAST_SIDE = 32
_ROW_STEP = 2
"""Rows from one that is looked at to the next."""
_INNER = 0.85
"""How much of the face counts, from its middle: along its rim the background is seen."""
_NOISE_DETAIL = 0.7
"""What noise of one level makes of the finest detail."""


@dataclass(slots=True)
class FocusMeter:
    """Measures how sharp one face is seen; give it every frame in which the face is seen, in order."""

    _known: Focus | None = None
    _countdown: int = 0

    def measure(self, image: Image, points: Floats, noise: float) -> Focus | None:
        """The focus of the face with landmarks `points` (478, 3) in a picture with this noise; None = too small."""
        self._countdown -= 1
        if self._countdown > 0:
            return self._known
        found = face_focus(image, points, noise)
        if found is None or self._known is None:
            self._known = found
        else:
            change = abs(math.log(found.blur / self._known.blur))
            share = _SLOWLY if change < _REFOCUSED else 1.0
            self._known = Focus(
                self._known.blur + share * (found.blur - self._known.blur),
                self._known.detail + share * (found.detail - self._known.detail),
            )
        self._countdown = _EVERY
        return self._known


def face_focus(image: Image, points: Floats, noise: float) -> Focus | None:
    """How sharp a face is seen; None when it is too small to tell."""
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top, right, bottom = max(0, int(x1)), max(0, int(y1)), max(0, int(x2) + 1), max(0, int(y2) + 1)
    crop = image[top:bottom, left:right]
    if min(crop.shape[:2]) < _LEAST_SIDE:
        return None
    inside = np.zeros(crop.shape[:2], np.uint8)
    local = (points[:, :2] - np.array([left, top], np.float32)).round().astype(np.int32)
    middle = local[list(landmark_sets.FACE_OVAL)].mean(0)
    oval = (middle + _INNER * (local[list(landmark_sets.FACE_OVAL)] - middle)).round().astype(np.int32)
    cv2.fillPoly(inside, [oval], 1)
    cv2.fillPoly(
        inside, [local[list(each)] for each in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.INNER_LIPS)], 0
    )
    found = focus_of(crop, inside, noise)
    return found if found.blur < _MOST else None


def focus_of(picture: Image, inside: Mask, noise: float) -> Focus:
    """How sharp a picture is where `inside` (uint8) is not 0."""
    sums = _sums(picture, inside, (1.0, 0.0), noise)
    along, across = _blur(sums[0], sums[1]), _blur(sums[2], sums[3])
    detail = sums[4] / max(sums[5], 1.0)
    return Focus((along + across) / 2, math.sqrt(max(0.0, detail * detail - (_NOISE_DETAIL * noise) ** 2)))


def blur_of(picture: Image, inside: Mask, along_xy: tuple[float, float], noise: float) -> tuple[float, float]:
    """The blur along a direction, a unit vector, and across it, of the edges where `inside` (uint8) is not 0.

    An edge loses the more steepness when it is blurred once more, the sharper it is (after Zhuo, Sim 2011); steep edges
    count most, so that hardly anything depends on whose face it is. `noise` is the standard deviation of the noise in green.
    """
    sums = _sums(picture, inside, along_xy, noise)
    return _blur(sums[0], sums[1]), _blur(sums[2], sums[3])


def _sums(picture: Image, inside: Mask, along_xy: tuple[float, float], noise: float) -> Array:
    green = np.ascontiguousarray(picture[:, :, 1])
    again = cv2.GaussianBlur(green, (0, 0), _AGAIN)
    sums = np.zeros(6, np.float64)
    _steepness(green, again, inside, along_xy[0], along_xy[1], noise * noise / 2, sums)
    return sums


def _blur(sharp: float, blurred: float) -> float:
    """Sigma of edges whose steepness, weighted with the squared steepness of the blurred edges, is so much before and after.

    For a bell of variance q that grows to q + 1, summed across the edge, the squared ratio of the two is
    2 (q + 1)^2 / (q (2 q + 1)).
    """
    ratio = (sharp / blurred) ** 2 if blurred > 0 and sharp > 0 else 1.0
    if ratio <= 1 + 1e-6:
        return _MOST
    middle = 4 - ratio
    variance = _AGAIN**2 * (middle + math.sqrt(middle * middle + 16 * (ratio - 1))) / (4 * (ratio - 1))
    return min(_MOST, math.sqrt(max(variance - _STEP, 0.01)))


@kernel
def _steepness(green: Array, again: Array, inside: Array, x_by: float, y_by: float, noise: float, sums: Array) -> None:
    """Squared steepness of `green` and of `again` along (x_by, y_by) and across, each weighted with the latter's square;
    then the sum of how much the two differ, and the number of pixels."""
    half, grain = np.float32(0.5), np.float32(noise)
    ux, uy = np.float32(x_by), np.float32(y_by)
    for y in range(1, green.shape[0] - 1, _ROW_STEP):
        along, along_again, across, across_again = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        detail, count = np.float32(0), 0
        for x in range(1, green.shape[1] - 1):
            if inside[y, x] == 0:
                continue
            gx = np.float32(np.int32(again[y, x + 1]) - np.int32(again[y, x - 1])) * half
            gy = np.float32(np.int32(again[y + 1, x]) - np.int32(again[y - 1, x])) * half
            fx = np.float32(np.int32(green[y, x + 1]) - np.int32(green[y, x - 1])) * half
            fy = np.float32(np.int32(green[y + 1, x]) - np.int32(green[y - 1, x])) * half
            a, b = gx * ux + gy * uy, gy * ux - gx * uy
            c, d = fx * ux + fy * uy, fy * ux - fx * uy
            a, b = a * a, b * b
            along += a * (c * c - grain)
            along_again += a * a
            across += b * (d * d - grain)
            across_again += b * b
            detail += abs(np.float32(green[y, x]) - np.float32(again[y, x]))
            count += 1
        sums[0] += along
        sums[1] += along_again
        sums[2] += across
        sums[3] += across_again
        sums[4] += detail
        sums[5] += count
