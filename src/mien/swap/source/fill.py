"""Filling of holes in a texture: colours grow in from around, grain comes from the cheeks."""

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.types import Floats, Image

HOLE_SIDE = 256  # texels on a side of the maps of holes: rims and strands are thin
_GRAIN_SIGMA = 0.006  # of the blur that grain is what lies above, as a share of the side; chosen by eye
_SMALLEST = 4  # texels on a side, below which a colour is not sought farther away


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
    around = _grown(small, np.asarray(weight, np.float32))
    side_wh = own.shape[1::-1]
    smooth = cv2.resize(around, side_wh, interpolation=cv2.INTER_CUBIC) + _grain(own)
    share = cv2.resize(holes, side_wh, interpolation=cv2.INTER_LINEAR)[:, :, None]
    return np.asarray(np.clip(own + (smooth - own) * share + 0.5, 0, 255), np.uint8)


def _grown(picture: Floats, weight: Floats) -> Floats:
    """Return the picture where its weight is 1, and the nearest known colours, ever smoother, where it is 0 (push-pull)."""
    if min(weight.shape) <= _SMALLEST:
        total = max(float(weight.sum()), 1e-6)
        mean = (picture * weight[:, :, None]).sum((0, 1)) / total
        return np.asarray(np.broadcast_to(mean, picture.shape), np.float32)
    half_wh = weight.shape[1] // 2, weight.shape[0] // 2
    both = cv2.resize(np.dstack([picture * weight[:, :, None], weight]), half_wh, interpolation=cv2.INTER_AREA)
    below = np.asarray(both[:, :, :3] / np.maximum(both[:, :, 3:], 1e-6), np.float32)
    coarse = _grown(below, np.asarray(np.minimum(4 * both[:, :, 3], 1), np.float32))
    wide = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide + (picture - wide) * weight[:, :, None], np.float32)


def _grain(own: Image) -> Floats:
    """Return noise as strong as the grain of the cheeks, float32 (n, n, 1); the same for the same texture."""
    side = len(own)
    cheeks = np.zeros((side, side), np.uint8)
    for loop in landmark_sets.BARE_SKIN[:2]:
        cv2.fillConvexPoly(cheeks, cv2.convexHull(texture_points(side)[list(loop)].round().astype(np.int32)), 1)
    sigma = max(0.8, _GRAIN_SIGMA * side)
    grey = cv2.cvtColor(own, cv2.COLOR_BGR2GRAY).astype(np.float32)
    level = float(np.median(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), sigma))[cheeks > 0]))
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), 0.5 * sigma) - cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray(fine * (level / float(np.median(np.abs(fine)))), np.float32)[:, :, None]
