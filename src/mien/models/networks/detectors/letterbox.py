"""A picture as detectors take it: made smaller where it is too large, never larger, at the top left of a black canvas."""

import cv2
import numpy as np

from mien.types import Floats, Image


def letterbox(image: Image, longer_side: int, multiple: int) -> tuple[Image, Floats]:
    """The canvas, BGR uint8, its sides multiples of `multiple`, and the factors (2,) from its x and y to those of `image`."""
    height, width = image.shape[:2]
    scale = min(1.0, longer_side / max(height, width))
    small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((-(-small_h // multiple) * multiple, -(-small_w // multiple) * multiple, 3), np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:small_h, :small_w] = cv2.resize(image, (small_w, small_h), interpolation=how)
    return canvas, np.array([width / small_w, height / small_h], np.float32)
