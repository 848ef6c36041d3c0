"""Canvas of a stand-in: where the head frame lies in it, and the warp of whole heads to other proportions."""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import HeadPose
from mien.imaging.draw import carry_values
from mien.lab.meshes import whole_triangles
from mien.types import Array, Floats, Image

SIZE_WH = 640, 800  # pixels in which pictures are mixed
_EYE_DISTANCE = 215.0  # pixels between the outer eye corners
_ORIGIN_XY = 320.0, 430.0  # of the head frame, pixels
_RINGS = (1.22, 1.5, 1.9, 2.6, 6.0)
"""Loops around the face's outline, in its own size: hair and neck go with the outline; the last is outside the picture."""


def placed(shape: Floats) -> Floats:
    """Return a shape of the head frame (478, 3) as it lies on the canvas, float32 (478, 3): from the front, upright."""
    return HeadPose(np.eye(3), _EYE_DISTANCE, np.array([*_ORIGIN_XY, 0.0])).place(shape)


def warped(picture: Image, points: Floats, wanted: Floats) -> Image:
    """Return a picture, BGR uint8, with its landmarks (478, 3) moved to `wanted` on the canvas, and the head around them."""
    width, height = SIZE_WH
    places = np.full((height, width, 2), -1.0, np.float32)
    carry_values(_triangles(), _with_rings(wanted), _with_rings(points), places)
    return np.asarray(
        cv2.remap(picture, places[:, :, 0], places[:, :, 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _with_rings(points: Floats) -> Floats:
    """Return the landmarks (478 + rings * 36, 2) with loops around the outline."""
    flat = points[:, :2]
    oval = flat[list(landmark_sets.FACE_OVAL)]
    middle = (oval.min(0) + oval.max(0)) / 2
    # The outline of one face is bumpy far out, a smooth loop is not.
    half = np.ptp(oval, axis=0) / 2
    unit = (oval - middle) / np.maximum(np.linalg.norm((oval - middle) / half, axis=1, keepdims=True), 1e-6)
    rings = []
    for grown in _RINGS:
        round_share = min(1.0, (grown - 1) / 0.9)
        rings.append(middle + grown * ((1 - round_share) * (oval - middle) + round_share * unit))
    return np.ascontiguousarray(np.concatenate([flat, *rings]), np.float32)


@cache
def _triangles() -> Array:
    """Return the triangles of the mesh and of the strips between its outline and the loops, int32 (n, 3)."""
    count, start = len(landmark_sets.FACE_OVAL), 478
    loops = [np.array(landmark_sets.FACE_OVAL), *(start + count * k + np.arange(count) for k in range(len(_RINGS)))]
    strips = []
    for inner, outer in pairwise(loops):
        after, outer_after = np.roll(inner, -1), np.roll(outer, -1)
        strips += [np.stack([inner, outer, outer_after], axis=1), np.stack([inner, outer_after, after], axis=1)]
    # The face is drawn last, over folds of the strips.
    return np.ascontiguousarray(np.concatenate([*strips, whole_triangles()]), np.int32)
