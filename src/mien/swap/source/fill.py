"""Filling of holes in a texture: colours grow in from around, grain comes from the cheeks."""

from functools import lru_cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.imaging.arrays import locked
from mien.imaging.push_pull import grown
from mien.types import Floats, Image, Mask

HOLE_SIDE = 256  # texels on a side of the maps of holes: rims and strands are thin
_SIZES = 4  # of textures whose noise is kept, at most 4 MB each
_MAX_GRAIN = 5.0  # levels; pores and freckles have 1 to 3
_GRAIN_SIGMA = 0.006  # of the blur that grain is what lies above, as a share of the side; chosen by eye


def filled(own: Image, holes: Floats, well: Floats, usual: Floats | None = None) -> Image:
    """Return a texture, BGR uint8 (n, n, 3), whose `holes`, 0..1, float32 (256, 256), are filled from around.

    `well` (g, g), 0..1, is how well the photo shows each texel: colours grow in from there. With the `usual` colours of a
    face, BGR float32 (256, 256, 3), their ratios to these grow, so that its relief goes on in the holes.
    """
    if not holes.any():
        return own
    size = HOLE_SIDE, HOLE_SIDE
    small = cv2.resize(own, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    seen = cv2.resize(well, size, interpolation=cv2.INTER_LINEAR) * texel_map(HOLE_SIDE).inside
    weight = np.clip(1 - holes, 0, 1) ** 2 * seen
    if usual is None:
        around = grown(small, np.asarray(weight, np.float32))
    else:
        around = grown(np.asarray(small / usual, np.float32), np.asarray(weight, np.float32)) * usual
    side_wh = own.shape[1::-1]
    share = np.asarray(cv2.resize(holes, side_wh, interpolation=cv2.INTER_LINEAR), np.float32)
    x, y, width, height = cv2.boundingRect((share > 0).view(np.uint8))
    part = np.s_[y : y + height, x : x + width]
    grain = _noise(len(own))[part] * np.float32(_grain(own, share))
    smooth = cv2.resize(around, side_wh, interpolation=cv2.INTER_CUBIC)[part] + grain[:, :, None]
    out = own.copy()
    mixed = own[part] + (smooth - own[part]) * share[part][:, :, None]
    out[part] = np.clip(mixed + 0.5, 0, 255)
    return out


def _grain(own: Image, holes: Floats) -> float:
    """Return how strong the grain of the cheeks is beside the `holes`, float32 (n, n), in levels."""
    side = len(own)
    sigma = _grain_sigma(side)
    x, y, width, height = cv2.boundingRect(_cheeks(side))
    margin = round(4 * sigma) + 1
    near = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    grey = cv2.cvtColor(own[near], cv2.COLOR_BGR2GRAY).astype(np.float32)
    free = (_cheeks(side)[near] > 0) & (holes[near] < 0.1)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), sigma))[free]
    return min(float(np.median(fine)), _MAX_GRAIN) if fine.size else 0.0


def _grain_sigma(side: int) -> float:
    return max(0.8, _GRAIN_SIGMA * side)


@lru_cache(_SIZES)
def _cheeks(side: int) -> Mask:
    """Return where cheeks lie in a texture of `side` texels, uint8, 0 or 1, read-only."""
    cheeks = np.zeros((side, side), np.uint8)
    for loop in landmark_sets.BARE_SKIN[:2]:
        cv2.fillConvexPoly(cheeks, cv2.convexHull(texture_points(side)[list(loop)].round().astype(np.int32)), 1)
    return locked(cheeks)


@lru_cache(_SIZES)
def _noise(side: int) -> Floats:
    """Return noise as fine as pores, of strength 1, float32 (n, n); always the same, read-only."""
    sigma = _grain_sigma(side)
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    band = cv2.GaussianBlur(noise, (0, 0), 0.5 * sigma) - cv2.GaussianBlur(noise, (0, 0), sigma)
    return locked(np.asarray(band / np.float32(np.median(np.abs(band))), np.float32))
