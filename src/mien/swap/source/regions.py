"""Parts of the texture that are judged apart: where skin is surely skin, what is kept whatever it looks like, the forehead."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.types import Array, Floats, Mask

GRID = 128
"""Side of the maps in which faces are judged."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Parts of the texture, (grid, grid) each: where skin is surely skin (uint8), what is kept whatever it looks like, the
    forehead above the brows, the opening of the mouth, and where what is brighter than skin is a highlight (0..1).

    Kept are brows, eyes and the middle below the nose: a beard belongs to the face.
    """

    sample: Mask
    kept: Floats
    forehead: Floats
    mouth: Floats
    shiny: Floats


@cache
def regions() -> Regions:
    """The regions; their arrays are shared."""
    kept = cv2.GaussianBlur(_filled(_KEPT), (0, 0), 0.04 * GRID * texture_per_eye_distance()) / np.float32(255)
    brows = float(texture_points(GRID)[list(_BROW_TOPS), 1].min())
    above = smoothstep((brows - np.arange(GRID)) / (0.03 * GRID))[:, None]
    forehead, mouth = above * (1 - kept), _filled((landmark_sets.INNER_LIPS,)) / np.float32(255)
    shiny = cv2.GaussianBlur(_filled((_SHINY,)), (0, 0), 0.02 * GRID) / np.float32(255)
    return Regions(_filled(_SAMPLED), *(np.asarray(each, np.float32) for each in (kept, forehead, mouth, shiny)))


def _filled(parts: tuple[tuple[int, ...], ...]) -> Mask:
    mask = np.zeros((GRID, GRID), np.uint8)
    flat = texture_points(GRID)
    for part in parts:
        cv2.fillConvexPoly(mask, cv2.convexHull(flat[list(part)].round().astype(np.int32)), 255)
    return mask


def smoothstep(value: Array) -> Floats:
    """0 up to 0, 1 from 1 on, smooth between; float32."""
    x = np.clip(value, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


_RIGHT_CHEEK = (118, 101, 205, 187, 123, 117)
_LEFT_CHEEK = (347, 330, 425, 411, 352, 346)
_NOSE_BRIDGE = (6, 197, 195, 5, 51, 281)
_RIGHT_BROW_AND_EYE = (70, 63, 105, 66, 107, 55, 193, 245, 128, 232, 230, 228, 31, 226, 46, 53)
_LEFT_BROW_AND_EYE = (300, 293, 334, 296, 336, 285, 417, 465, 357, 452, 450, 448, 261, 446, 276, 283)
# Without the outermost ring: along the jaw a turned head shows collar or background.
_LOWER_FACE = (6, 50, 280, 123, 352, 147, 376, 213, 433, 192, 416, 135, 364, 169, 394, 170, 395, 140, 369, 171, 396, 175)
_BROW_TOPS = (63, 105, 66, 293, 334, 296)
_SHINY = (103, 67, 109, 10, 338, 297, 332, 296, 336, 9, 107, 66)
_SAMPLED = (_RIGHT_CHEEK, _LEFT_CHEEK, _NOSE_BRIDGE)
_KEPT = (_RIGHT_BROW_AND_EYE, _LEFT_BROW_AND_EYE, _LOWER_FACE)
