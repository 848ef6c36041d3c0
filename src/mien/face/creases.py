"""Creases that come and go with the brows: between them in a frown, across the forehead when they rise.

What a face shows finer than its light (`mien.face.lighting`), against its own usual look, is a crease only while the brows are
away from where they usually are: wrinkles that always show are the wearer's own. Textures are as in `mien.face.texels`.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import head_pose, texture_points
from mien.face.texels import SIDE, texel_map
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.imaging.blend import shade
from mien.imaging.draw import draw_values
from mien.imaging.percentiles import percentile_of
from mien.imaging.smoothstep import smoothstep, smoothstep_between
from mien.types import Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class CreaseTuning:
    """Creases as natural logarithms of brightness; ways of the brows in eye distances, sigmas in texels.

    Measured on creases of known depth, drawn on portraits whose brows are drawn down or raised by 0.045 and 0.06.
    """

    rest: float = 0.005
    full: float = 0.011
    """Ways of the inner brows between which creases come in: they tremble by 0.001, in a drawn frown the mesh shows 0.012."""
    frontal_degrees: float = 35.0
    """Yaw at which no crease is taken any more: the texels of a turned forehead do not lie on those of a frontal one."""
    fine_sigma: float = 0.5
    coarse_sigma: float = 1.8
    """The bounds of what is carried; the second is that of the finest light, which is carried anyway."""
    depth: float = 1.6
    """Factor on what is left of a crease in texels, which are about as wide as it is."""
    noise: float = 3.0
    """Multiple of the median of the differences below which a place shows nothing but noise and a mesh that trembles."""
    near_sigma: float = 1.5
    """Place over which the strength of a difference is measured."""
    least_noise: float = 0.004
    darkest: float = 0.3
    """The deepest crease; hair is darker."""
    brightest: float = 0.06
    bright_share: float = 0.5
    """Bounds of what is brighter than usual: a memory that began in a frown must not draw it in white."""
    black: float = 6.0
    """Levels added before the logarithm, so that noise in the dark does not explode."""
    margin: float = 1.0
    """Texels around brows and eyes that are left alone: their hair moves."""
    above: float = 4.0
    """Texels above the place between the brows over which those of raised ones come in: below, their own hair rises into it."""
    most_cells: int = 96
    """Cells along the longer side of the drawn creases; bounds the time."""


TUNING = CreaseTuning()
_OUTLINE = (68, 103, 67, 109, 10, 338, 297, 332, 298, 334, 285, 417, 465, 412, 351, 6, 122, 188, 245, 193, 55, 105)
"""Forehead without the temples, where hair lies; the place between the brows, the root of the nose."""


@dataclass(frozen=True, slots=True)
class _Region:
    """Place in a texture: its `rows` and `columns`, all `triangles` int32 (t, 3), the `number` (h, w) of the one at a texel.

    `frown` and `raised` float32 (h, w), 0..1, are where brows crease that are drawn down and that are raised.
    `texels` float32 (478, 2) are the landmarks in it.
    """

    rows: slice
    columns: slice
    frown: Floats
    raised: Floats
    triangles: Array
    number: Array
    texels: Floats

    def weight(self, share: float) -> Floats:
        """Return the weight of each texel for the signed share of `creasing`."""
        return self.frown if share > 0 else self.raised


def brow_height(points: Floats) -> float:
    """Return how far below the origin of the head frame the inner brows of landmarks (478, 3) lie, in eye distances."""
    return float(head_pose(points).unplace(points[list(landmark_sets.INNER_BROWS)])[:, 1].mean())


def creasing(way: float, yaw: float) -> float:
    """Return how far brows `way` below their usual place crease a head turned by `yaw` degrees, 0..1; raised ones -1..0."""
    frontal = max(0.0, 1 - abs(yaw) / TUNING.frontal_degrees)
    share = smoothstep_between(TUNING.rest, TUNING.full, abs(way)) * min(1.0, 2 * frontal)
    return math.copysign(share, way)


def creases_of(now: Image, mean: Floats, seen: Floats, share: float) -> Floats | None:
    """Return the creases of a face `now` against its `mean` texture, float32 (h, w): what `press` takes; None without any.

    `now` is uint8 and `mean` float32 (SIDE, SIDE, 3); `seen` float32 (SIDE, SIDE), 0..1, is the weight of each texel of
    both; `share` is from `creasing`: a frown creases the skin between the brows, raised ones that above them.
    """
    if share == 0:
        return None
    region, black = _region(), np.float32(TUNING.black)
    place = region.rows, region.columns
    own, usual = (cv2.cvtColor(np.asarray(each[place], np.float32), cv2.COLOR_BGR2GRAY) + black for each in (now, mean))
    apart = cv2.log(own / usual)
    coarse = cv2.GaussianBlur(cv2.blur(apart, (2, 2)), (0, 0), TUNING.coarse_sigma)
    fine = np.asarray(cv2.GaussianBlur(apart, (0, 0), TUNING.fine_sigma) - coarse, np.float32)
    weight = region.weight(share) * seen[place]
    inside = weight > 0.5
    if not inside.any():
        return None
    noise = max(TUNING.noise * percentile_of(np.abs(fine[inside]), 50), TUNING.least_noise)
    energy = cv2.GaussianBlur(fine * fine, (0, 0), TUNING.near_sigma)
    sure = np.maximum(1 - noise**2 / np.maximum(energy, 1e-9), 0)
    relief = TUNING.depth * fine
    relief = np.where(
        relief > 0, np.minimum(TUNING.bright_share * relief, TUNING.brightest), np.maximum(relief, -TUNING.darkest)
    )
    return np.asarray(relief * sure * weight * abs(share), np.float32)


def learnable(share: float) -> Floats:
    """Return how much of a creased face its memory may learn, float32 (SIDE, SIDE), 0..1."""
    region, free = _region(), np.ones((SIDE, SIDE), np.float32)
    free[region.rows, region.columns] -= np.float32(abs(share)) * region.weight(share)
    return free


def press(creases: Floats, points: Floats, crop: Image, mask: Mask, strength: float) -> None:
    """Press `creases` of `creases_of` into a crop, BGR uint8 (h, w, 3), in place where the mask, uint8 (h, w), is not 0.

    `points` float32 (478, 3) are the landmarks in its pixels. `strength` 0 changes nothing.
    """
    region = _region()
    triangles = region.triangles[np.bincount(region.number[creases != 0], minlength=len(region.triangles)) > 0]
    if not len(triangles):
        return
    box = geometry.box_of(points[triangles.ravel()])
    left, top, right, bottom = geometry.clipped_box(box, crop.shape[1], crop.shape[0], before=1, after=2)
    if right - left < 4 or bottom - top < 4:
        return
    scale = min(1.0, TUNING.most_cells / max(right - left, bottom - top))
    columns, rows = max(4, round((right - left) * scale)), max(4, round((bottom - top) * scale))
    ratio = np.array([columns / (right - left), rows / (bottom - top), scale], np.float32)
    local = np.ascontiguousarray((points - np.array([left, top, 0], np.float32)) * ratio)
    local[:, :2] += 0.5 * ratio[:2] - 0.5
    gains = np.repeat(np.exp(np.float32(strength) * creases)[:, :, None], 3, axis=2)
    drawn, depth = np.ones((rows, columns, 3), np.float32), np.empty((rows, columns), np.float32)
    draw_values(triangles, local, region.texels, gains, drawn, depth)
    part = np.ascontiguousarray(crop[top:bottom, left:right])
    shade(part, np.ascontiguousarray(mask[top:bottom, left:right]), drawn)
    crop[top:bottom, left:right] = part


@cache
def _region() -> _Region:
    points, texels = texture_points(SIDE), texel_map(SIDE)
    area = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(area, [points[list(_OUTLINE)].round().astype(np.int32)], 1)
    side = 2 * round(TUNING.margin) + 1
    for loop in (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW, landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        part = np.zeros_like(area)
        cv2.fillConvexPoly(part, cv2.convexHull(points[list(loop)].round().astype(np.int32)), 1)
        area[cv2.dilate(part, np.ones((side, side), np.uint8)) > 0] = 0
    area[cv2.erode(texels.inside.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) == 0] = 0
    left, top, width, height = cv2.boundingRect(area)
    rows, columns = slice(max(0, top - 1), top + height + 1), slice(left - 1, left + width + 1)
    weight = cv2.GaussianBlur(area.astype(np.float32), (0, 0), 0.8)[rows, columns]
    above = (points[9, 1] - np.arange(SIDE, dtype=np.float32)[rows, None]) / TUNING.above
    frown, raised = weight * smoothstep(2 - above), weight * smoothstep(above)
    # Only skin: lids open and close.
    skin = len(landmark_sets.skin_triangles())
    number = texels.triangle[rows, columns]
    frown, raised = (each * ((number >= 0) & (number < skin)) for each in (frown, raised))
    for each in (frown, raised):
        locked(each)
    # Not read-only, as those of light, so that both are drawn by one kernel.
    local = points - np.array([columns.start, rows.start], np.float32)
    return _Region(rows, columns, frown, raised, locked(texels.triangles[:skin].copy()), number, local)
