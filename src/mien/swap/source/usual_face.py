"""The usual face: calm faces in even light as colours of a texture, whole and without brows."""

from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.push_pull import grown
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.hard_light import even_face
from mien.swap.source.light import DARK
from mien.swap.source.regions import area_of, wide
from mien.types import Floats

SKIN_LEVEL = 130.0  # of the cheeks; any: only ratios of the colours are used
_BORDER = 0.04, 0.12  # eye distances inside the oval between which the mean face has background and hair
_BROW_MARGIN, _EYE_MARGIN = 0.08, 0.02  # eye distances around brows and eyes that are none of the skin; chosen by eye


@cache
def usual_face() -> Floats:
    """Return the colours of the mean face in even light, BGR float32 (256, 256, 3), read-only; beyond its border they go on."""
    luma, blue, red = cv2.split(even_face(HOLE_SIDE).mean)
    whole = np.exp(luma) * np.float32(SKIN_LEVEL + DARK)
    levels = [np.maximum(tone - np.float32(DARK), 1) for tone in (whole, whole * np.exp(blue), whole * np.exp(red))]
    green = np.maximum((levels[0] - LUMA[0] * levels[1] - LUMA[2] * levels[2]) / LUMA[1], 1)
    colours = np.asarray(np.dstack([levels[1], green, levels[2]]), np.float32)
    oval = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    cv2.fillPoly(oval, [texture_points(HOLE_SIDE)[list(landmark_sets.FACE_OVAL)].round().astype(np.int32)], 1)
    distance = cv2.distanceTransform(oval, cv2.DIST_L2, 3) / (HOLE_SIDE * texture_per_eye_distance())
    return locked(grown(colours, smoothstep((distance - _BORDER[0]) / (_BORDER[1] - _BORDER[0]))))


@cache
def usual_skin() -> Floats:
    """Return the usual face with the skin around its brows in their place, BGR float32 (256, 256, 3), read-only."""
    brows = wide(np.maximum(*(area_of(loop, _BROW_MARGIN) for loop in (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW))))
    eyes = wide(np.maximum(*(area_of(loop, _EYE_MARGIN) for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE))))
    around = grown(usual_face(), np.asarray((1 - brows) * (1 - eyes), np.float32))
    return locked(np.asarray(usual_face() + (around - usual_face()) * brows[:, :, None], np.float32))
