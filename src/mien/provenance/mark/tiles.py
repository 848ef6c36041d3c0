"""From a picture to the tile that is correlated: reduced, whitened, folded.

All steps after whitening are linear, so that tiles of single pictures can be added up in any windows.
"""

import cv2
import numpy as np

from mien.provenance.mark.pattern import GRID
from mien.types import Array, Floats, Image

BLUR = 9  # side of the neighbourhood of whitening; docs/mark.md gives it to those who write readers


def reduced(image: Image, max_side: int) -> Image:
    """Return a picture, grey or BGR, with at most `max_side` pixels on its longer side."""
    height, width = image.shape[:2]
    scale = min(1.0, max_side / max(width, height))
    return image if scale == 1.0 else np.asarray(sized(image, round(width * scale), round(height * scale)), np.uint8)


def sized(picture: Array, width: int, height: int) -> Array:
    """Return a picture of this size, averaged when it shrinks."""
    size_wh = max(1, width), max(1, height)
    if size_wh == (picture.shape[1], picture.shape[0]):
        return picture
    smaller = size_wh[0] < picture.shape[1]
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def whitened(grey: Array, blur: int = BLUR) -> tuple[Floats, Floats]:
    """Return grey levels without their local mean, weighted, and the weights, which are lower where the picture is busy."""
    detail = grey.astype(np.float32)
    detail -= cv2.blur(detail, (blur, blur))
    weight = np.asarray(cv2.blur(detail * detail, (blur, blur)), np.float32)
    np.sqrt(np.maximum(weight, 0, out=weight), out=weight)
    weight += 1
    # The power of -1.5, several times as fast as `**`.
    weight *= np.sqrt(weight)
    np.reciprocal(weight, out=weight)
    return detail * weight, weight


def folded(whole: Floats) -> Floats:
    """Return float32 (64, 64): the sum of all tiles."""
    height, width = whole.shape
    down, across = -(-height // GRID), -(-width // GRID)
    padded = np.zeros((down * GRID, across * GRID), np.float32)
    padded[:height, :width] = whole
    return np.asarray(padded.reshape(down, GRID, across, GRID).sum((0, 2)), np.float32)
