"""How blurred a picture is, told from its edges. Pictures are BGR uint8, blur is the sigma in pixels of a bell."""

import math

import cv2
import numpy as np

from mien.kernel import kernel
from mien.types import Array, Image, Mask

_AGAIN = 1.0
"""Sigma of the blur that is added to see how much of an edge it takes."""
_MOST = 4.0


def blur_of(picture: Image, inside: Mask, along_xy: tuple[float, float], noise: float) -> tuple[float, float]:
    """The blur along a direction, a unit vector, and across it, of the edges where `inside` (uint8) is not 0.

    An edge of blur s that is blurred once more, by t, loses steepness by sqrt(1 + t^2 / s^2) (Zhuo, Sim 2011); steep edges
    count most, so that hardly anything depends on whose face it is. `noise` is the standard deviation of the picture's noise.
    """
    green = np.ascontiguousarray(picture[:, :, 1])
    again = cv2.GaussianBlur(green, (0, 0), _AGAIN)
    sums = np.zeros(4, np.float64)
    _steepness(green, again, inside, along_xy[0], along_xy[1], noise * noise / 2, sums)
    return _blur(sums[0], sums[1]), _blur(sums[2], sums[3])


def _blur(sharp: float, blurred: float) -> float:
    """Sigma of edges that are `sharp` steep, and `blurred` after blur was added."""
    if blurred <= 0:
        return _MOST
    return min(_MOST, _AGAIN / math.sqrt(max(sharp / blurred - 1, (_AGAIN / _MOST) ** 2)))


@kernel
def _steepness(green: Array, again: Array, inside: Array, x_by: float, y_by: float, noise: float, sums: Array) -> None:
    """Squared steepness of `green` and of `again` along (x_by, y_by) and across, each weighted with the latter's square."""
    for y in range(1, green.shape[0] - 1):
        for x in range(1, green.shape[1] - 1):
            if inside[y, x] == 0:
                continue
            gx = (np.float32(again[y, x + 1]) - np.float32(again[y, x - 1])) * np.float32(0.5)
            gy = (np.float32(again[y + 1, x]) - np.float32(again[y - 1, x])) * np.float32(0.5)
            fx = (np.float32(green[y, x + 1]) - np.float32(green[y, x - 1])) * np.float32(0.5)
            fy = (np.float32(green[y + 1, x]) - np.float32(green[y - 1, x])) * np.float32(0.5)
            a, b = gx * x_by + gy * y_by, gy * x_by - gx * y_by
            c, d = fx * x_by + fy * y_by, fy * x_by - fx * y_by
            a, b = a * a, b * b
            sums[0] += a * (c * c - noise)
            sums[1] += a * a
            sums[2] += b * (d * d - noise)
            sums[3] += b * b
