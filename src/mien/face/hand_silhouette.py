"""The silhouette of a hand from its joints: tapered fingers and a palm."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from mien.imaging import geometry
from mien.types import Affine, Hand, Mask

# Joints of each finger, the thumb first.
_FINGERS = ((0, 1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_PALM = (0, 1, 2, 5, 9, 13, 17)  # joints whose hull is the palm
_SUBPIXEL_BITS = 3  # of coordinates in cv2's drawing


@dataclass(frozen=True, slots=True)
class SilhouetteTuning:
    """Widths as shares of the palm's width, measured on 111 portraits with cut-out hands in front of them.

    The silhouette kept 81 % of the hands' pixels and took 3 % of the free ones; it lacks the back of the hand and the fleshy
    rims.
    """

    finger: float = 0.34
    thumb: float = 0.40
    tip: float = 0.88
    """Width of the last segment, as a share of the finger's."""
    rim: float = 0.26
    """Width of the line around the palm."""
    palm_length: float = 0.75
    """Least width of a palm, as a share of its length from wrist to middle finger: seen from the side, it looks narrow."""


TUNING = SilhouetteTuning()


def silhouette(hand: Hand, to_picture: Affine, size_wh: tuple[int, int], grow: float = 1.0) -> Mask:
    """Return the silhouette in a picture, uint8 (h, w), 255 = the hand.

    `to_picture` takes the frame to a picture of `size_wh`; `grow` multiplies all widths.
    """
    drawn = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    flat = geometry.apply(to_picture, hand.points[:, :2])
    joints = np.column_stack([flat, hand.points[:, 2] * geometry.scale_of(to_picture)])
    breadth = np.linalg.norm(joints[5] - joints[17]), TUNING.palm_length * np.linalg.norm(joints[0] - joints[9])
    palm = float(max(breadth)) * grow
    spots = (flat * (1 << _SUBPIXEL_BITS)).round().astype(np.int32)
    for finger in _FINGERS:
        width = palm * (TUNING.thumb if finger[0] == 0 else TUNING.finger)
        for a, b in pairwise(finger):
            thick = max(1, round(width * (TUNING.tip if b == finger[-1] else 1.0)))
            cv2.line(drawn, spots[a].tolist(), spots[b].tolist(), 255, thick, cv2.LINE_8, _SUBPIXEL_BITS)
    corners = cv2.convexHull(spots[list(_PALM)])
    cv2.fillConvexPoly(drawn, corners, 255, cv2.LINE_8, _SUBPIXEL_BITS)
    cv2.polylines(drawn, [corners], True, 255, max(1, round(palm * TUNING.rim)), cv2.LINE_8, _SUBPIXEL_BITS)
    return drawn
