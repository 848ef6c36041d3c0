"""Masks of a network's crop: a soft box, and the outline of the face."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face.head_pose import far_side_opacity
from mien.imaging.arrays import locked
from mien.types import Array, Floats, Mask


@dataclass(frozen=True, slots=True)
class OutlineTuning:
    """Softness and resolution of the masks."""

    box_blur: float = 0.3  # FaceFusion's default softness of the box
    sigma: float = 0.022  # of the outline's softening, as a share of the side
    max_side: int = 128  # pixels; a soft outline is as good as at any size
    fraction_bits: int = 4  # of a pixel with which the outline is drawn
    max_coordinate: float = 1e6  # in those fractions; far outside any crop, within 32 bits


TUNING = OutlineTuning()


@cache
def box_mask(side: int) -> Mask:
    """Return 255 inside, falling softly to 0 at the crop's border, uint8 (side, side), shared and read-only.

    It is FaceFusion's box mask (an empty rim half as wide as the blur, a Gaussian of sigma a quarter of it) without its step
    at the very border of the crop.
    """
    blur = int(side * 0.5 * TUNING.box_blur)
    rim = max(blur // 2, 1)
    mask = np.zeros((side, side), np.uint8)
    mask[rim : side - rim, rim : side - rim] = 255
    blurred = cv2.GaussianBlur(mask, (0, 0), max(blur * 0.25, 0.5), borderType=cv2.BORDER_CONSTANT).astype(np.float32)
    edge = blurred[0].max()
    return locked(np.asarray(np.clip((blurred - edge) / (255 - edge), 0, 1) * 255 + 0.5).astype(np.uint8))


def outline_mask(points: Floats, yaw: float, side: int, tuning: OutlineTuning = TUNING) -> Mask:
    """Return 255 inside the hull of landmarks (478, 2) in crop pixels, softened inwards, so that hair and ears stay.

    uint8 (side, side). Landmarks that a head turned by `yaw` degrees hides are left out: their places are guesses.
    """
    small = min(side, tuning.max_side)
    seen = points[far_side_opacity(yaw) > 0]
    most = tuning.max_coordinate
    hull = cv2.convexHull(np.ascontiguousarray(seen, np.float32))
    scaled = np.clip(hull * (small / side * 2**tuning.fraction_bits), -most, most).round().astype(np.int32)
    mask = np.zeros((small, small), np.uint8)
    cv2.fillConvexPoly(mask, scaled, 255, cv2.LINE_AA, tuning.fraction_bits)
    soft = cv2.LUT(cv2.GaussianBlur(mask, (0, 0), tuning.sigma * small, borderType=cv2.BORDER_REPLICATE), _inner_half())
    if small < side:
        soft = cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.uint8)


@cache
def _inner_half() -> Array:
    """Return a table by which a blurred edge falls to 0 where the sharp edge was."""
    return np.asarray(np.clip((np.arange(256) - 127.5) * 2, 0, 255).round(), np.uint8)
