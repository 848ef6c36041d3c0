"""The canvas of detectors: a picture, reduced where it is too large, at the top left of black."""

import numpy as np

from mien.imaging.shrink import shrunk
from mien.types import Floats, Image


def letterbox(image: Image, longer_side: int, multiple: int) -> tuple[Image, Floats]:
    """Return the canvas, BGR uint8, and the factors (2,) from its x and y to those of `image`.

    The sides of the canvas are multiples of `multiple`; pictures are never enlarged.
    """
    height, width = image.shape[:2]
    scale = min(1.0, longer_side / max(height, width))
    small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((-(-small_h // multiple) * multiple, -(-small_w // multiple) * multiple, 3), np.uint8)
    canvas[:small_h, :small_w] = shrunk(image, (small_w, small_h))
    return canvas, np.array([width / small_w, height / small_h], np.float32)
