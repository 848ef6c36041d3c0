"""Where the crop of a network replaces the picture: inside a soft box and inside the face's outline."""

from functools import cache

import cv2
import numpy as np

from mien.face.head_pose import far_side_opacity
from mien.imaging.arrays import locked
from mien.types import Array, Floats, Mask

_BLUR = 0.3
"""FaceFusion's default softness of the box."""
_SOFT = 0.022
"""Sigma of the outline's softening, as a share of the side."""
_FINEST = 128
"""Pixels a side at which a soft outline is as good as at any."""
_FRACTION = 4
"""Bits of the fraction of a pixel with which the outline is drawn."""


@cache
def box_mask(side: int) -> Mask:
    """255 inside, falling softly to 0 at the crop's border, uint8 (side, side), shared and read-only.

    FaceFusion's box mask (an empty rim half as wide as the blur, a Gaussian of sigma a quarter of it) without the step that
    it leaves at the crop's very border.
    """
    blur = int(side * 0.5 * _BLUR)
    rim = max(blur // 2, 1)
    mask = np.zeros((side, side), np.uint8)
    mask[rim : side - rim, rim : side - rim] = 255
    blurred = cv2.GaussianBlur(mask, (0, 0), max(blur * 0.25, 0.5), borderType=cv2.BORDER_CONSTANT).astype(np.float32)
    edge = blurred[0].max()
    return locked(np.asarray(np.clip((blurred - edge) / (255 - edge), 0, 1) * 255 + 0.5).astype(np.uint8))


def outline_mask(points: Floats, yaw: float, side: int) -> Mask:
    """255 inside the hull of landmarks (478, 2) in crop pixels, softened inwards, so that hair, ears and what lies behind stay.

    uint8 (side, side). What a head turned by `yaw` degrees hides is no part of the hull: there the landmarks are guessed.
    """
    small = min(side, _FINEST)
    seen = points[far_side_opacity(yaw) > 0]
    hull = cv2.convexHull(np.ascontiguousarray(seen, np.float32))
    scaled = np.clip(hull * (small / side * 2**_FRACTION), -_FAR, _FAR).round().astype(np.int32)
    mask = np.zeros((small, small), np.uint8)
    cv2.fillConvexPoly(mask, scaled, 255, cv2.LINE_AA, _FRACTION)
    soft = cv2.LUT(cv2.GaussianBlur(mask, (0, 0), _SOFT * small, borderType=cv2.BORDER_REPLICATE), _inner_half())
    if small < side:
        soft = cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.uint8)


_FAR = 1e6
"""Larger coordinates than any that matter."""


@cache
def _inner_half() -> Array:
    """A table by which a blurred edge falls to 0 where it was sharp."""
    return np.asarray(np.clip((np.arange(256) - 127.5) * 2, 0, 255).round(), np.uint8)
