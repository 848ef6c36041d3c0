"""A bare face with a drawn beard, and what the parser would have to say of it."""

from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import SIDE
from mien.lab.evaluate import beards
from mien.lab.evaluate.portraits import Portrait
from mien.models.format.parsing import FaceClass
from mien.types import Image, KnownFace, Mask, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, portrait


@cache
def bearded(kind: str) -> Image:
    """Return the portrait of Collins with a beard: stubble, short or full; treat it as read-only."""
    seen = portrait(COLLINS)
    person = Portrait("examples/collins.png", "examples/collins", seen.image, seen.landmarks, seen.descriptor)
    return beards.with_beard(person, np.random.default_rng(3), kind)


def beard_texture(level: int) -> Mask:
    """Return a texture whose area where beards grow has one level, without the lips."""
    area = np.zeros((SIDE, SIDE), np.uint8)
    flat = texture_points(SIDE).round().astype(np.int32)
    cv2.fillConvexPoly(area, cv2.convexHull(flat[list(landmark_sets.BEARD)]), level)
    cv2.fillConvexPoly(area, cv2.convexHull(flat[list(landmark_sets.OUTER_LIPS)]), 0)
    return area


def wearer(level: int, occluder: Mask | None = None, yaw: float = 0.0) -> TrackedFace:
    """Return the face of Collins as tracked, with a beard of a level seen by the parser."""
    landmarks = portrait(COLLINS).landmarks
    parsed = ParsedFace(
        np.zeros((len(FaceClass), 96, 96), np.uint8), np.zeros((478, 2), np.float32), beard_texture(level) if level else None
    )
    return TrackedFace(1, landmarks, 1, yaw=yaw, known=KnownFace(landmarks.points, occluder, parsed=parsed))
