"""Gaze: irises moved over their eyeballs."""

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, head_pose
from mien.types import Floats

EYEBALL_RADIUS = 0.13  # eye distances: an eyeball of 12 mm, outer eye corners 90 mm apart
MAX_IRIS_SHIFT = 0.055  # eye distances from the middle of the eye; farther it would reach under the lids
_EYES = (
    (landmark_sets.RIGHT_EYE_CORNERS, landmark_sets.RIGHT_IRIS),
    (landmark_sets.LEFT_EYE_CORNERS, landmark_sets.LEFT_IRIS),
)


def into_the_camera(points: Floats) -> Floats:
    """Return landmarks (478, 3) with both irises turned towards the camera; all other points stay."""
    pose, model = head_pose(points), face_model().shape
    camera = pose.rotation.T @ np.array([0.0, 0.0, -1.0])
    aside = EYEBALL_RADIUS * (camera - np.array([0.0, 0.0, -1.0]))
    aside *= min(1.0, MAX_IRIS_SHIFT / max(float(np.linalg.norm(aside[:2])), 1e-9))
    moved = points.copy()
    for corners, iris in _EYES:
        straight = model[iris] - model[list(corners)].mean(0)
        moved[iris] = points[list(corners)].mean(0) + pose.scale * (pose.rotation @ (straight + aside))
    return moved
