"""Filling of holes in a texture: colours grow in from around, grain comes from the cheeks."""

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.imaging.push_pull import grown
from mien.types import Floats, Image

HOLE_SIDE = 256  # texels on a side of the maps of holes: rims and strands are thin
_MAX_GRAIN = 5.0  # levels; pores and freckles have 1 to 3
_GRAIN_SIGMA = 0.006  # of the blur that grain is what lies above, as a share of the side; chosen by eye


def filled(own: Image, holes: Floats, well: Floats) -> Image:
    """Return a texture, BGR uint8 (n, n, 3), whose `holes`, 0..1, float32 (256, 256), are filled from around.

    `well` (g, g), 0..1, is how well the photo shows each texel: colours grow in from there.
    """
    if not holes.any():
        return own
    size = HOLE_SIDE, HOLE_SIDE
    small = cv2.resize(own, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    seen = cv2.resize(well, size, interpolation=cv2.INTER_LINEAR) * texel_map(HOLE_SIDE).inside
    weight = np.clip(1 - holes, 0, 1) ** 2 * seen
    around = grown(small, np.asarray(weight, np.float32))
    side_wh = own.shape[1::-1]
    smooth = cv2.resize(around, side_wh, interpolation=cv2.INTER_CUBIC) + _grain(own, holes)
    share = cv2.resize(holes, side_wh, interpolation=cv2.INTER_LINEAR)[:, :, None]
    return np.asarray(np.clip(own + (smooth - own) * share + 0.5, 0, 255), np.uint8)


def _grain(own: Image, holes: Floats) -> Floats:
    """Return noise as strong as the grain of the cheeks beside the holes, float32 (n, n, 1); the same for the same texture."""
    side = len(own)
    cheeks = np.zeros((side, side), np.uint8)
    for loop in landmark_sets.BARE_SKIN[:2]:
        cv2.fillConvexPoly(cheeks, cv2.convexHull(texture_points(side)[list(loop)].round().astype(np.int32)), 1)
    sigma = max(0.8, _GRAIN_SIGMA * side)
    grey = cv2.cvtColor(own, cv2.COLOR_BGR2GRAY).astype(np.float32)
    free = (cheeks > 0) & (cv2.resize(holes, (side, side), interpolation=cv2.INTER_LINEAR) < 0.1)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), sigma))[free]
    level = min(float(np.median(fine)), _MAX_GRAIN) if fine.size else 0.0
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    band = cv2.GaussianBlur(noise, (0, 0), 0.5 * sigma) - cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray(band * (level / float(np.median(np.abs(band)))), np.float32)[:, :, None]
