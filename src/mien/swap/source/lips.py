"""Lips of a photo without what its open mouth leaves on them: the mesh does not quite follow the edges of teeth and corners."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE, filled
from mien.swap.source.regions import wide
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class LipTuning:
    """Signs of dark corners and teeth; lengths are in eye distances. Chosen by eye on the smiles of everyday photos."""

    dark: tuple[float, float] = (0.45, 0.65)
    """Brightness against the middle of the lips between which a texel may be lip: the corners of a grin have 0.1 to 0.4."""
    pale: tuple[float, float] = (0.10, 0.20)
    """Redness below that of the lips, natural logarithm, between which it is a tooth."""
    corner: float = 0.12
    """Distance from a corner of the mouth in which the dark reaches beyond the lips."""
    beyond: float = 0.025
    """Width by which it does."""
    edge: float = 0.02
    """Width of the opening's border from which no colour grows, and in which teeth are found."""
    grown: int = 3
    """Side in texels of 256 by which what is found is widened."""
    blur: float = 0.8
    """Sigma of the blur of what is found, in texels of 256."""


TUNING = LipTuning()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts of the texture, float32 (256, 256), 0 or 1.

    `lips` without the opening between them; what lies `beyond` their corners; their `middle`, which is lip in every photo;
    the `opening` with its border; what lies `near` it, where teeth are found.
    """

    lips: Floats
    beyond: Floats
    middle: Floats
    opening: Floats
    near: Floats


def lips_alone(own: Image, well: Floats, hair: Floats, openness: float) -> Image:
    """Return a texture, BGR uint8 (n, n, 3), with lips where an open mouth shows its dark or its teeth on them.

    `well` (grid, grid), 0..1, is how well the photo shows each texel, `hair` (grid, grid) the share of a beard, which is dark
    by itself. `openness` is 0 for closed lips.
    """
    parts = _parts()
    small = cv2.resize(own, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma, red = small @ LUMA, _redness(small)
    middle = parts.middle * wide(well) > 0.5
    if openness <= 0 or not middle.any():
        return own
    low, high = TUNING.dark
    dark = 1 - smoothstep((luma / max(float(np.median(luma[middle])), 1.0) - low) / (high - low))
    low, high = TUNING.pale
    pale = smoothstep((float(np.median(red[middle])) - red - low) / (high - low)) * parts.near
    found = np.maximum(dark * np.maximum(parts.lips, parts.beyond), pale * parts.lips) * (1 - wide(hair))
    grown = cv2.dilate(np.asarray(found, np.float32), np.ones((TUNING.grown, TUNING.grown), np.uint8))
    holes = cv2.GaussianBlur(grown, (0, 0), TUNING.blur) * np.float32(openness)
    return filled(own, np.asarray(holes, np.float32), np.asarray(wide(well) * (1 - parts.opening), np.float32))


def _redness(picture: Floats) -> Floats:
    blue, green, red = (np.log(picture[:, :, channel] + np.float32(8)) for channel in range(3))
    return np.asarray(red - (blue + green) / 2, np.float32)


@cache
def _parts() -> _Parts:
    unit = HOLE_SIDE * texture_per_eye_distance()
    points = texture_points(HOLE_SIDE)
    outer, opening = _polygon(points, landmark_sets.OUTER_LIPS), _polygon(points, landmark_sets.INNER_LIPS)
    corners = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    for corner in (landmark_sets.OUTER_LIPS[0], landmark_sets.OUTER_LIPS[len(landmark_sets.OUTER_LIPS) // 2]):
        cv2.circle(corners, points[corner].round().astype(int).tolist(), round(TUNING.corner * unit), 1, -1)
    widened = _dilated(opening, TUNING.edge * unit)
    beyond = _dilated(outer, TUNING.beyond * unit) * corners * (1 - outer)
    middle = cv2.erode(outer, np.ones((3, 3), np.uint8)) * (1 - _dilated(opening, 2 * TUNING.edge * unit))
    parts = outer * (1 - opening), beyond, middle, widened, _dilated(widened, 2)
    return _Parts(*(locked(np.asarray(part, np.float32)) for part in parts))


def _polygon(points: Floats, loop: tuple[int, ...]) -> Array:
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    cv2.fillPoly(area, [points[list(loop)].round().astype(np.int32)], 1)
    return area


def _dilated(area: Array, width: float) -> Array:
    side = 2 * max(1, round(width)) + 1
    return cv2.dilate(area, np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))
