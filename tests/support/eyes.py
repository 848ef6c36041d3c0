"""Drawn faces of which the eyes alone matter."""

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.types import Floats, Image

LOOPS = (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE)
_IRISES = (landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS)


def face_points() -> Floats:
    """Return the landmarks of a face that looks ahead, float32 (478, 3), in a picture of 512 pixels."""
    flat = texture_points(512)
    return np.column_stack([flat, np.zeros(len(flat))]).astype(np.float32)


def face_with_eyes(points: Floats, white: int, loops: tuple[tuple[int, ...], ...] = LOOPS) -> Image:
    """Return skin of 160 levels with dark irises, and whites of this level in `loops`, else 150; BGR uint8 (512, 512, 3)."""
    image = np.full((512, 512, 3), 160, np.uint8)
    for loop, iris in zip(LOOPS, _IRISES, strict=True):
        cv2.fillPoly(image, [points[list(loop), :2].round().astype(np.int32)], (white if loop in loops else 150,) * 3)
        x, y = points[iris, :2].tolist()
        cv2.circle(image, (round(x), round(y)), 7, (40, 40, 40), -1)
    return image
