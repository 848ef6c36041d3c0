"""Parts of the texture that are judged apart: sure skin, parts kept whatever their colour, the forehead."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.imaging.arrays import locked
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE
from mien.types import Array, Floats, Mask

GRID = 128  # texels on a side of the maps in which source faces are judged


KEPT_PARTS = (*landmark_sets.BROWS_WITH_EYES, landmark_sets.LOWER_FACE)
"""Parts that belong to the face whatever their colour."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Parts of the texture, (grid, grid) each: `sample` uint8 is surely skin, the others are float32, 0..1.

    `kept` belongs to the face whatever its colour: brows, eyes and the middle below the nose, because a beard is part of the
    face. `forehead` lies above the brows, `mouth` is its opening; in `shiny` highlights are brighter than skin. `brows` are
    both with what lies between them.
    """

    sample: Mask
    kept: Floats
    forehead: Floats
    mouth: Floats
    shiny: Floats
    brows: Floats


@cache
def regions() -> Regions:
    """Return the regions; their arrays are shared."""
    kept = cv2.GaussianBlur(_filled(KEPT_PARTS), (0, 0), 0.04 * GRID * texture_per_eye_distance()) / np.float32(255)
    brows = float(texture_points(GRID)[list(landmark_sets.BROW_TOPS), 1].min())
    above = smoothstep((brows - np.arange(GRID)) / (0.03 * GRID))[:, None]
    forehead, mouth = above * (1 - kept), _filled((landmark_sets.INNER_LIPS,)) / np.float32(255)
    shiny = cv2.GaussianBlur(_filled((landmark_sets.SHINY_FOREHEAD,)), (0, 0), 0.02 * GRID) / np.float32(255)
    both = _filled((landmark_sets.RIGHT_BROW + landmark_sets.LEFT_BROW,)) / np.float32(255)
    planes = (np.asarray(each, np.float32) for each in (kept, forehead, mouth, shiny, both))
    return Regions(_filled(landmark_sets.BARE_SKIN), *planes)


def area_of(loop: tuple[int, ...], margin: float) -> Floats:
    """Return the hull of landmarks in the texture and a soft margin of `margin` eye distances, float32 (grid, grid)."""
    area = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(texture_points(GRID)[list(loop)].round().astype(np.int32)), 255)
    width = margin * GRID * texture_per_eye_distance()
    side = 2 * max(1, round(1.5 * width)) + 1
    grown = cv2.dilate(area, np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), max(0.5, 0.5 * width)), np.float32) / np.float32(255)


@cache
def features(margin: float) -> Floats:
    """Return the parts that are no skin, float32 (grid, grid), 0..1, read-only: eyes, brows, lips and `margin` around them."""
    return locked(np.maximum(eyes_and_brows(margin), area_of(landmark_sets.OUTER_LIPS, margin)))


@cache
def eyes_and_brows(margin: float) -> Floats:
    """Return eyes and brows with `margin` eye distances around them, float32 (grid, grid), 0..1, read-only."""
    loops = landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
    return locked(np.maximum.reduce([area_of(loop, margin) for loop in loops]))


def wide(grid: Array) -> Floats:
    """Return a map (grid, grid) or (grid, grid, n) as float32 of 256 texels."""
    return np.asarray(cv2.resize(grid.astype(np.float32), (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


def _filled(parts: tuple[tuple[int, ...], ...]) -> Mask:
    mask = np.zeros((GRID, GRID), np.uint8)
    flat = texture_points(GRID)
    for part in parts:
        cv2.fillConvexPoly(mask, cv2.convexHull(flat[list(part)].round().astype(np.int32)), 255)
    return mask
