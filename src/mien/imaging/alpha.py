"""Transparency of pictures as arrays."""

import numpy as np

from mien.types import Array, Image, Mask


def over_white(image: Image, alpha: Mask) -> Image:
    """Composite BGR uint8 (h, w, 3) with straight alpha over white, as for still pictures."""
    share = alpha[:, :, None].astype(np.uint16)
    mixed = image * share + np.uint16(255) * (255 - share)
    return np.asarray((mixed + 127) // 255, np.uint8)


def with_opaque(alpha: Array, box_xyxy: tuple[int, int, int, int] | None) -> Array:
    """Return the alpha, uint8 or uint16, with the box made opaque: a badge on a transparent area would not be seen."""
    if box_xyxy is None:
        return alpha
    left, top, right, bottom = box_xyxy
    changed = alpha.copy()
    changed[top:bottom, left:right] = np.iinfo(changed.dtype).max
    return changed
