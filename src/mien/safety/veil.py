"""Hides what must not be seen: coarse tiles that keep light and colour of the room and nothing of a face."""

import cv2
import numpy as np

from mien.imaging import geometry
from mien.types import Image

_CELLS = 5
"""Tiles across a covered region, which is larger than the face in it: a face is two or three tiles wide."""
_VEIL_WH = 16, 9
_VEIL_DARKENING = 0.6


def cover(image: Image, box_xyxy: tuple[float, float, float, float]) -> None:
    """Replace the box of `image`, BGR uint8, by a few blurred tiles, in place."""
    height, width = image.shape[:2]
    left, top, right, bottom = geometry.clipped_box(box_xyxy, width, height)
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    cells_wh = min(_CELLS, right - left), min(_CELLS, bottom - top)
    tiles = cv2.resize(
        np.ascontiguousarray(part[::2, ::2] if min(part.shape[:2]) > 4 * _CELLS else part),
        cells_wh,
        interpolation=cv2.INTER_AREA,
    )
    part[:] = cv2.resize(tiles, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)


def veil(image: Image) -> None:
    """Hide the whole picture, BGR uint8, in place: a dim glow of its colours is left."""
    height, width = image.shape[:2]
    thin = np.ascontiguousarray(image[::4, ::4]) if min(height, width) >= 64 else image
    glow = cv2.GaussianBlur(cv2.resize(thin, _VEIL_WH, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    dimmed = np.asarray(glow * np.float32(_VEIL_DARKENING), np.uint8)
    cv2.resize(dimmed, (width, height), dst=image, interpolation=cv2.INTER_CUBIC)


def card(width: int, height: int) -> Image:
    """The picture that stands for no picture: BGR uint8 (height, width, 3), a plain head and shoulders on dark grey."""
    plate = np.full((height, width, 3), 30, np.uint8)
    size = min(width, height)
    middle = width // 2, round(0.46 * height)
    cv2.circle(plate, (middle[0], middle[1] - round(0.08 * size)), round(0.09 * size), (62, 62, 62), -1, cv2.LINE_AA)
    axes = round(0.17 * size), round(0.14 * size)
    cv2.ellipse(plate, (middle[0], middle[1] + round(0.19 * size)), axes, 0, 180, 360, (62, 62, 62), -1, cv2.LINE_AA)
    return plate
