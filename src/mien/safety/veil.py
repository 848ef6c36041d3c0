"""Veils: coarse tiles that preserve light and colour of the room and nothing of a face."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging import geometry
from mien.types import Image


@dataclass(frozen=True, slots=True)
class VeilTuning:
    """Numbers of a veil."""

    tiles: int = 5  # across a veiled region, which is larger than the face in it: a face is two or three tiles wide
    picture_tiles_wh: tuple[int, int] = (16, 9)  # across a fully veiled picture; the blur after it leaves no edge
    picture_blur_tiles: float = 1.5  # sigma
    picture_brightness: float = 0.6  # chosen by eye: seen at once not to be the picture
    thinning: int = 4  # every fourth pixel is enough for the average of a tile
    min_thinned_pixels: int = 64  # shorter side; below it a tile would have too few pixels left


DEFAULT_TUNING = VeilTuning()
_CARD_GREY, _FIGURE_GREY = 30, 62  # levels; chosen by eye


def veil_region(image: Image, box_xyxy: tuple[float, float, float, float], tuning: VeilTuning = DEFAULT_TUNING) -> None:
    """Replace the box of `image`, BGR uint8, by a few blurred tiles, in place."""
    height, width = image.shape[:2]
    left, top, right, bottom = geometry.clipped_box(box_xyxy, width, height)
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    tiles_wh = min(tuning.tiles, right - left), min(tuning.tiles, bottom - top)
    tiles = cv2.resize(
        np.ascontiguousarray(part[::2, ::2] if min(part.shape[:2]) > 4 * tuning.tiles else part),
        tiles_wh,
        interpolation=cv2.INTER_AREA,
    )
    part[:] = cv2.resize(tiles, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)


def veil_picture(image: Image, tuning: VeilTuning = DEFAULT_TUNING) -> None:
    """Hide the whole picture, BGR uint8, in place: a dim glow of its colours is left."""
    height, width = image.shape[:2]
    step = tuning.thinning
    is_thinned = min(height, width) >= tuning.min_thinned_pixels
    thin = np.ascontiguousarray(image[::step, ::step]) if is_thinned else image
    tiles = cv2.resize(thin, tuning.picture_tiles_wh, interpolation=cv2.INTER_AREA)
    glow = cv2.GaussianBlur(tiles, (0, 0), tuning.picture_blur_tiles)
    dimmed = np.asarray(glow * np.float32(tuning.picture_brightness), np.uint8)
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
