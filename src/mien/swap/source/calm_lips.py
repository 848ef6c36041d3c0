"""Lips of a grin as they are at rest: its corners show the dark of the mouth and teeth, where calm lips meet."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.imaging.arrays import locked
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.regions import area_of, wide
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class CalmLipsTuning:
    """Bounds of the corners of calm lips, measured on the calm and the smiling photo of the same Londoners.

    Shares of the way from the middle of the mouth to its corner; deviations are those of calm faces. Values without a figure
    were chosen by eye in five grins of everyday photos.
    """

    dark: float = 0.25
    """Deviations by which a corner may be darker than the same person's lips let expect. At the corners of the 15 widest
    smiles the texture differs from the calm one by 0.103 (natural logarithm of luma) with 0, 0.101 with 0.25, 0.102 with 0.5;
    by 0.127 as long as folds were filled over the lips, 0.141 with the photo's corners."""
    pale: float = 0.75
    """Deviations by which it may be paler: with 0.5 above, 0.102 with 0.75 and 0.106 with 1.5."""
    beyond: float = 1.0
    """Deviations beyond these bounds over which the expected colour comes in."""
    corner: tuple[float, float] = (0.40, 0.65)
    """Way over which the corners begin: the middle of the lips is the photo's."""
    middle: float = 0.55
    """Way up to which the lips tell their own colour."""
    margin: float = 0.02
    """Width around the lips to which the dark of the corners reaches, in eye distances."""
    seam: float = 3.0
    """Texels of 256 on both sides of the line of the mouth over which the colours of both lips meet."""
    blur: float = 0.7
    """Sigma of the blur of the share, in texels of 256."""


TUNING = CalmLipsTuning()
_RIGHT, _LEFT = landmark_sets.OUTER_LIPS[0], landmark_sets.OUTER_LIPS[len(landmark_sets.OUTER_LIPS) // 2]


@dataclass(frozen=True, slots=True)
class _Lips:
    """Parts of the texture (256, 256): `cores` bool of the upper and of the lower lip; `lower` and `corners` float32, 0..1."""

    cores: tuple[Array, Array]
    lower: Floats
    corners: Floats


def lips() -> Floats:
    """Return the lips, float32 (256, 256), 0..1."""
    return wide(area_of(landmark_sets.OUTER_LIPS, 0.0))


def calm_corners(apart: Floats, mean: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Return what the corners of the lips are at rest, as `apart`, and the share of it that is needed, (256, 256).

    `apart` float32 (256, 256, 3) is the difference of a photo from the `mean` of calm faces, logarithms of luma, of blue and
    red against it; `deviation` is theirs. The same person's calm corners differ from the mean as the middle of the lips does,
    as far as they are lips at all.
    """
    parts = _parts()
    upper, lower = (np.median(apart[core], axis=0) for core in parts.cores)
    own = upper + (lower - upper) * parts.lower[:, :, None]
    expected = np.asarray(own * _redness(mean)[:, :, None], np.float32)
    excess, limit = (apart - expected)[:, :, 0], deviation[:, :, 0]
    kept = np.clip(excess, -TUNING.dark * limit, TUNING.pale * limit)
    share = parts.corners * smoothstep(np.abs(excess - kept) / (TUNING.beyond * limit))
    expected[:, :, 0] += kept
    return expected, np.asarray(cv2.GaussianBlur(share, (0, 0), TUNING.blur), np.float32)


def _redness(mean: Floats) -> Floats:
    """Return how far each texel of the mean face is lip, float32 (256, 256), 0..1."""
    red = mean[:, :, 2]
    near, far = (cv2.dilate(_filled(landmark_sets.OUTER_LIPS), np.ones((side, side), np.uint8)) for side in (9, 17))
    skin, lip = float(np.median(red[far > near])), float(np.median(red[_parts().cores[0] | _parts().cores[1]]))
    return np.asarray(np.clip((red - skin) / max(lip - skin, 1e-3), 0, 1), np.float32)


@cache
def _parts() -> _Lips:
    points, half = texture_points(HOLE_SIDE), len(landmark_sets.OUTER_LIPS) // 2
    middle, corner = float(points[landmark_sets.INNER_LIPS[5], 0]), float(points[_LEFT, 0])
    way = np.abs(np.arange(HOLE_SIDE, dtype=np.float32)[None, :] - middle) / (corner - middle)
    outer, inner = landmark_sets.OUTER_LIPS, landmark_sets.INNER_LIPS
    upper = (*outer[: half + 1], *reversed(inner[: half + 1]))
    lower = (outer[0], *reversed(outer[half:]), *inner[half:], inner[0])
    kernel = np.ones((3, 3), np.uint8)
    cores = tuple(locked((cv2.erode(_filled(loop), kernel) > 0) & (way < TUNING.middle)) for loop in (upper, lower))
    line = float(points[_RIGHT, 1] + points[_LEFT, 1]) / 2
    below = (np.arange(HOLE_SIDE, dtype=np.float32)[:, None] - line) / (2 * TUNING.seam) + 0.5
    low, high = TUNING.corner
    corners = wide(area_of(landmark_sets.OUTER_LIPS, TUNING.margin)) * smoothstep((way - low) / (high - low))
    return _Lips((cores[0], cores[1]), locked(smoothstep(below)), locked(np.asarray(corners, np.float32)))


def _filled(loop: tuple[int, ...]) -> Array:
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    cv2.fillPoly(area, [texture_points(HOLE_SIDE)[list(loop)].round().astype(np.int32)], 1)
    return area
