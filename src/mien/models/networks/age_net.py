"""The age network of face-api.js: the apparent age of a face, in years."""

import math

import cv2
import numpy as np

from mien.contracts import Session
from mien.face.aligned_crop import cut_by
from mien.imaging import geometry
from mien.models.format.ports import expect
from mien.models.format.tensors import check_finite
from mien.types import Affine, Floats, Image, Landmarks

SIDE = 112  # pixels of the square that the network takes
_ABOVE = 0.12
"""Share of the face's height that is added above the landmarks, which end below the hairline."""
_SQUARES = (1.2, 1.32, 1.1)
"""Sides of the squares that are looked at, in longer sides of that box: the first is the one the network was made for."""


class AgeNet:
    """A `contracts.AgeEstimator`: the median over three crops and their mirror images. A wrong input raises `ModelMismatch`."""

    def __init__(self, session: Session) -> None:
        expect("age_112", session.inputs, {"image": (None, SIDE, SIDE, 3)}, "input")
        expect("age_112", session.outputs, {"age": (None, 1)}, "output")
        self._session = session

    def age(self, image: Image, landmarks: Landmarks) -> float:
        """Return the apparent age in years; raises `ModelError` when it is not a number."""
        crops = [cut_by(image, _square(landmarks.points, size), SIDE).image for size in _SQUARES]
        looks = np.stack([look for crop in crops for look in (crop, cv2.flip(crop, 1))])
        blob = np.ascontiguousarray(looks[:, :, :, ::-1], np.float32)
        ages = self._session.run({"image": blob})["age"]
        check_finite("age_112", ages)
        return float(np.median(ages))


def _square(points: Floats, size: float) -> Affine:
    """Return the similarity to an upright crop: a tilted head looks years older to the network."""
    roll = math.radians(geometry.roll_of(geometry.five_points(points)))
    upright = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    x1, y1, x2, y2 = geometry.box_of(points[:, :2] @ upright.T)
    y1 -= _ABOVE * (y2 - y1)
    scale = SIDE / max(size * max(x2 - x1, y2 - y1), 1.0)
    shift = (SIDE - 1) / 2 - scale * np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return np.hstack([scale * upright, shift[:, None]])
