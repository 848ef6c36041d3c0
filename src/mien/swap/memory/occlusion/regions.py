"""Parts of the face texture as masks: skin, forehead, borders, and the places whose colours differ by themselves."""

from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.face.texels import SIDE, texel_map
from mien.imaging.arrays import locked
from mien.types import Array, Floats, Mask

SMALL = 64
"""Texels on a side of the small texture in which occluders are separated from skin by colour."""


@cache
def calmness() -> Floats:
    """Divisor of a texel's change, 1 on a cheek and more on lids and lips, which move; float32 (SIDE, SIDE)."""
    parts = ((landmark_sets.RIGHT_EYE, 4, 2.0), (landmark_sets.LEFT_EYE, 4, 2.0), (landmark_sets.INNER_LIPS, 3, 2.2))
    return _raised(SIDE, parts, 1.5)


@cache
def tolerance() -> Floats:
    """Divisor of a colour's distance from the cheeks: more than 1 at brows, eyes, lips, nostrils and beard; (SMALL, SMALL)."""
    lower = _raised(SMALL, ((landmark_sets.OUTER_LIPS, 1, 3.0), (landmark_sets.BEARD, 2, 1.3)), 0.8)
    return locked(np.maximum(eyes_and_brows(), lower))


@cache
def eyes_and_brows() -> Floats:
    """`tolerance` without lips and beard."""
    eyes = ((landmark_sets.RIGHT_EYE, 2, 2.2), (landmark_sets.LEFT_EYE, 2, 2.2))
    brows = tuple((brow, 2, 2.0) for brow in (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW))
    return _raised(SMALL, (*eyes, *brows, (landmark_sets.NOSE_BASE, 1, 2.0)), 0.8)


def _raised(side: int, parts: tuple[tuple[tuple[int, ...], int, float], ...], sigma: float) -> Floats:
    """Return a map of 1, and of each part's factor inside the hull of its landmarks, dilated by its number of texels."""
    factor = np.ones((side, side), np.float32)
    for loop, grow, times in parts:
        area = cv2.dilate(_hull(side, loop), np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
        factor = np.maximum(factor, 1 + np.float32(times - 1) * area)
    return locked(np.asarray(cv2.GaussianBlur(factor, (0, 0), sigma), np.float32))


def _hull(side: int, loop: tuple[int, ...]) -> Mask:
    area = np.zeros((side, side), np.uint8)
    corners = (face_model().uv[list(loop)] * side - 0.5).round().astype(np.int32)
    cv2.fillConvexPoly(area, cv2.convexHull(corners), 1)
    return area


@cache
def cheeks() -> Array:
    """bool (SMALL, SMALL): cheeks, bridge of the nose and glabella, which hair and beards seldom hide."""
    areas = np.array([_hull(SMALL, loop) for loop in (*landmark_sets.BARE_SKIN, landmark_sets.GLABELLA)])
    return locked(areas.max(0) > 0)


@cache
def shining() -> Array:
    """float32 (SMALL, 1): 1 above the lips, 0 below; a chin seldom shines."""
    rows = np.arange(SMALL) < face_model().uv[0, 1] * SMALL - 1
    return locked(rows.astype(np.float32)[:, None])


@cache
def forehead() -> Array:
    """uint8 (SMALL, SMALL): 1 on forehead and temples, without the brows."""
    area = np.zeros((SMALL, SMALL), np.uint8)
    cv2.fillPoly(area, [(face_model().uv[list(landmark_sets.FOREHEAD)] * SMALL - 0.5).round().astype(np.int32)], 1)
    for brow in (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW):
        area[cv2.dilate(_hull(SMALL, brow), np.ones((3, 3), np.uint8)) > 0] = 0
    return locked(area)


@cache
def border() -> Array:
    """bool (SIDE, SIDE): texels of the face within three of its border."""
    inside = texel_map().inside.astype(np.uint8)
    return locked((inside > 0) & (cv2.erode(inside, np.ones((7, 7), np.uint8), borderValue=0) == 0))


@cache
def inside_small() -> Array:
    """uint8 (SMALL, SMALL): 1 where the whole texel is face."""
    inside = texel_map().inside.astype(np.float32)
    return locked((cv2.resize(inside, (SMALL, SMALL), interpolation=cv2.INTER_AREA) > 0.99).astype(np.uint8))


@cache
def border_small() -> Array:
    """bool (SMALL, SMALL): texels of the face within two of its border."""
    inside = inside_small()
    return locked((inside > 0) & (cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0) == 0))
