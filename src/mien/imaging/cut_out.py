"""Cut the inside of an outline out of a mask, with a soft edge."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging import geometry
from mien.types import Floats, Mask


@dataclass(frozen=True, slots=True)
class EdgeTuning:
    """Drawing of a soft edge."""

    reach: float = 2.5
    """Sigmas from a drawn outline to where nothing of it is left."""
    drawn_sigma: float = 3.0
    """Pixels of the soft edge in the picture that is drawn."""


TUNING = EdgeTuning()
FRACTION_BITS = 4  # bits below the pixel with which outlines are drawn


def cut_out(mask: Mask, outline: Floats, grow: float, sigma: float) -> None:
    """Take the inside of an outline (n, 2), grown by `grow` pixels, out of the mask uint8 (h, w), in place.

    Its edge has this sigma in pixels. It is drawn so small that the edge is a few pixels wide: nothing in it is finer.
    """
    margin = int(np.ceil(grow + TUNING.reach * sigma)) + 1
    height, width = mask.shape
    x1, y1, x2, y2 = geometry.box_of(outline)
    left, top = max(0, int(x1) - margin), max(0, int(y1) - margin)
    right, bottom = min(width, int(x2) + margin + 2), min(height, int(y2) + margin + 2)
    if right <= left or bottom <= top:
        return
    shrink = max(1.0, sigma / TUNING.drawn_sigma)
    size_wh = int(np.ceil((right - left) / shrink)), int(np.ceil((bottom - top) / shrink))
    ratio = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)], np.float32)
    corners = (outline - np.array([left, top], np.float32) + 0.5) * ratio - 0.5
    soft = _drawn(corners, size_wh, grow / shrink, sigma / shrink)
    if shrink > 1:
        soft = np.asarray(cv2.resize(soft, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR), np.uint8)
    area = mask[top:bottom, left:right]
    area[:] = cv2.multiply(area, 255 - soft, scale=1 / 255)


def _drawn(outline: Floats, size_wh: tuple[int, int], grow: float, sigma: float) -> Mask:
    """Draw 255 inside an outline grown by `grow` pixels, with an edge of this sigma, uint8 (h, w)."""
    area = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    corners = [np.round(outline * 2**FRACTION_BITS).astype(np.int32)]
    cv2.fillPoly(area, corners, 255, cv2.LINE_AA, FRACTION_BITS)
    cv2.polylines(area, corners, True, 255, max(1, round(2 * grow)), cv2.LINE_AA, FRACTION_BITS)
    return np.asarray(cv2.GaussianBlur(area, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
