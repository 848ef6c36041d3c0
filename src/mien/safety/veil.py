"""Veils: coarse tiles that preserve light and colour of the room and nothing of a face."""

import cv2
import numpy as np

from mien.types import Image

_TILES = 5  # across a veiled region, which is larger than the face in it: a face is two or three tiles wide
_PICTURE_TILES_WH = 16, 9  # across a fully veiled picture; the blur after it leaves no edge
_PICTURE_BLUR_TILES = 1.5  # sigma
_PICTURE_BRIGHTNESS = 0.6  # chosen by eye: seen at once not to be the picture
_THINNING = 4  # every fourth pixel is enough for the average of a tile
_MIN_THINNED_PIXELS = 64  # shorter side; below it a tile would have too few pixels left
_CARD_GREY, _FIGURE_GREY = 30, 62  # levels; chosen by eye


def veil_region(image: Image, box_xyxy: tuple[float, float, float, float]) -> None:
    """Replace the box of `image`, BGR uint8, by a few blurred tiles, in place."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box_xyxy
    left, top = max(0, int(np.floor(x1))), max(0, int(np.floor(y1)))
    right, bottom = min(width, int(np.ceil(x2))), min(height, int(np.ceil(y2)))
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    tiles_wh = min(_TILES, right - left), min(_TILES, bottom - top)
    tiles = cv2.resize(
        np.ascontiguousarray(part[::2, ::2] if min(part.shape[:2]) > 4 * _TILES else part),
        tiles_wh,
        interpolation=cv2.INTER_AREA,
    )
    part[:] = cv2.resize(tiles, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)


def veil_picture(image: Image) -> None:
    """Hide the whole picture, BGR uint8, in place: a dim glow of its colours is left."""
    height, width = image.shape[:2]
    is_thinned = min(height, width) >= _MIN_THINNED_PIXELS
    thin = np.ascontiguousarray(image[::_THINNING, ::_THINNING]) if is_thinned else image
    tiles = cv2.resize(thin, _PICTURE_TILES_WH, interpolation=cv2.INTER_AREA)
    glow = cv2.GaussianBlur(tiles, (0, 0), _PICTURE_BLUR_TILES)
    dimmed = np.asarray(glow * np.float32(_PICTURE_BRIGHTNESS), np.uint8)
    cv2.resize(dimmed, (width, height), dst=image, interpolation=cv2.INTER_CUBIC)


def card(width: int, height: int) -> Image:
    """Draw the card that stands in for a picture: BGR uint8 (height, width, 3), head and shoulders on dark grey."""
    plate = np.full((height, width, 3), _CARD_GREY, np.uint8)
    size = min(width, height)
    middle = width // 2, round(0.46 * height)
    colour = (_FIGURE_GREY, _FIGURE_GREY, _FIGURE_GREY)
    cv2.circle(plate, (middle[0], middle[1] - round(0.08 * size)), round(0.09 * size), colour, -1, cv2.LINE_AA)
    axes = round(0.17 * size), round(0.14 * size)
    cv2.ellipse(plate, (middle[0], middle[1] + round(0.19 * size)), axes, 0, 180, 360, colour, -1, cv2.LINE_AA)
    return plate
