"""Landmarks and triangles of a portrait's mesh, as the evaluation and the training draw it."""

import numpy as np

from mien.assembly.factory import Models
from mien.face import landmark_sets
from mien.types import Array, Floats, Image, Landmarks


def settled(image: Image, around: Floats, models: Models) -> Landmarks:
    """Return landmarks fitted until they settle."""
    landmarks = models.landmarker.fit(image, around)
    for _ in range(3):
        landmarks = models.landmarker.fit(image, landmarks.points)
    return landmarks


def whole_triangles() -> Array:
    """Return the triangles of the mesh with eyes and mouth filled, int32 (n, 3)."""
    return np.ascontiguousarray(
        np.concatenate(
            [
                landmark_sets.skin_triangles(),
                landmark_sets.fan(landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS),
                landmark_sets.fan(landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS),
                landmark_sets.strip(landmark_sets.INNER_LIPS),
            ]
        )
    )
