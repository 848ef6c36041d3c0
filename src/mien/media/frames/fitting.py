"""Pictures fitted to a size."""

import cv2
import numpy as np

from mien.types import Image


def fitted(image: Image, width: int, height: int) -> Image:
    """Return the picture in this size, BGR uint8 (height, width, 3), C-contiguous: scaled as a whole, with black bars.

    One row or column too many, which rounding to even sizes leaves over, is cut off.
    """
    tall, wide = image.shape[:2]
    if 0 <= tall - height <= 1 and 0 <= wide - width <= 1:
        return np.ascontiguousarray(image[:height, :width])
    scale = min(width / wide, height / tall)
    inner_wh = max(1, min(width, round(wide * scale))), max(1, min(height, round(tall * scale)))
    scaled = cv2.resize(image, inner_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if inner_wh == (width, height):
        return np.asarray(scaled, np.uint8)
    out = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner_wh[0]) // 2, (height - inner_wh[1]) // 2
    out[top : top + inner_wh[1], left : left + inner_wh[0]] = scaled
    return out
