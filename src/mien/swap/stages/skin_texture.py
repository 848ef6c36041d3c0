"""Texture of skin as strong as a picture's: what lacks is drawn as noise, never the wearer's own, too much fades."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.types import Array, FacePatch, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class SkinTextureTuning:
    """Bounds of the texture; strengths are medians of natural logarithms of brightness, widths shares of the eye distance."""

    first_sigma: float = 0.7
    """Sigma in pixels of the finest blur; each further one is twice as wide. A band of texture lies between two of them."""
    last_sigma: float = 0.01
    """The widest one as a share of the height of the face: what is wider is wrinkles and spots, which are a person's own."""
    share: float = 0.9
    """Share of what is lacking that is added."""
    most: float = 0.02
    """The largest strength of a band; skin of 130 everyday pictures has up to 0.016."""
    spare: float = 1.1
    """Times the picture's strength that a band of the new face may have."""
    excess_share: float = 0.8
    """Share of the excess (a logarithm) that is taken off: the shine of dark skin's pores is leather on pale skin."""
    margin: float = 0.12
    """Width around eyes, brows, lips and nostrils in which it fades, and no texture is measured."""
    nearer: float = 0.03
    """The same around lips and nostrils for what is lacking: skin beside them has 1.2 times the strength of other skin in the
    median of 20 everyday pictures, and lips 2.6 times."""
    lips: float = 0.7
    """Share of what skin lacks that is added on lips, which keep their shine."""
    rim: float = 0.1
    """Width inside the border of the patch where nothing is measured: there the picture shows through."""
    black: float = 6.0
    """Levels added before the logarithm, so that noise in the dark does not explode."""
    least_eyes_pixels: float = 16.0
    """Distance of the eyes from which skin has texture; in smaller faces it is noise."""
    least_pixels: int = 400
    """Pixels of bare skin from which it is measured."""
    tile_side: int = 512
    """Pixels on a side of the noise, which repeats."""
    seed: int = 3
    """Any number: the same noise in every run."""


TUNING = SkinTextureTuning()
_EYES = landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
_FEATURES = (*_EYES, landmark_sets.OUTER_LIPS, landmark_sets.NOSE_UNDERSIDE)


def textured(patch: FacePatch, target: Image, points: Floats, strength: float) -> Image:
    """Return the crop of a patch with about as much texture as `target` has on the same skin, BGR uint8.

    `target` is what lies under the patch, `points` (478, 3) are the landmarks in the picture. `strength` 0 changes nothing, 1
    adds all that is lacking and takes most of the excess. What is added is the same in every run and lies still in the
    patch: it is for single pictures.
    """
    local = geometry.apply(geometry.invert(patch.crop_to_frame), points[:, :2])
    first, second = landmark_sets.EYE_CORNERS
    eyes = float(np.linalg.norm(local[first] - local[second]))
    if eyes < TUNING.least_eyes_pixels:
        return patch.crop
    bare = _away(_FEATURES, patch.mask, local, TUNING.margin * eyes)
    judged = _judged(patch.mask, bare, local, eyes)
    if np.count_nonzero(judged) < TUNING.least_pixels:
        return patch.crop
    widest = TUNING.last_sigma * float(np.ptp(local[:, 1])) / TUNING.first_sigma
    count = 1 + max(0, int(np.floor(np.log2(widest))))
    bands, wanted = _bands(patch.crop, count), _strengths(_bands(target, count), judged)
    own = _strengths(bands, judged)
    lacks = np.minimum(np.sqrt(np.maximum(wanted**2 - own**2, 0)), TUNING.most) * (strength * TUNING.share)
    most = TUNING.spare * wanted
    kept = np.divide(most, own, out=np.ones_like(own), where=own > most) ** (strength * TUNING.excess_share)
    if not lacks.any() and kept.min() == 1:
        return patch.crop
    change = np.sum([band * (share - 1) for band, share in zip(bands, kept, strict=True)], axis=0) * bare
    if lacks.any():
        # From the place in the picture, so that two faces have not the same pores.
        top, left = (round(float(offset)) for offset in patch.crop_to_frame[::-1, 2])
        rows, columns = (
            (np.arange(size) + first) % TUNING.tile_side for size, first in zip(bare.shape, (top, left), strict=True)
        )
        noise = np.sum([each[rows][:, columns] * lack for each, lack in zip(_noise(count), lacks, strict=True)], axis=0)
        change += noise * _lacking(patch.mask, local, eyes)
    gain = np.exp(np.asarray(change, np.float32))[:, :, None]
    made = (patch.crop + np.float32(TUNING.black)) * gain - np.float32(TUNING.black - 0.5)
    return np.asarray(np.clip(made, 0, 255), np.uint8)


def _away(loops: Sequence[tuple[int, ...]], mask: Mask, local: Floats, margin: float) -> Floats:
    """Return 1 on a patch `margin` pixels away from the hulls of loops, falling to 0 towards them; float32 (h, w)."""
    area = np.ones(mask.shape, np.uint8)
    for loop in loops:
        cv2.fillConvexPoly(area, cv2.convexHull(local[list(loop)].round().astype(np.int32)), 0)
    away = cv2.distanceTransform(area, cv2.DIST_L2, 3) / max(1.0, margin)
    return np.asarray(np.minimum(away, 1) * (mask > 0), np.float32)


def _lacking(mask: Mask, local: Floats, eyes: float) -> Floats:
    """Return the share of what skin lacks that is added: less on lips and under the nose, none at the eyes; float32 (h, w)."""
    near = TUNING.nearer * eyes
    skin = _away((landmark_sets.OUTER_LIPS, landmark_sets.NOSE_UNDERSIDE), mask, local, near)
    share = np.float32(TUNING.lips) + np.float32(1 - TUNING.lips) * skin
    share *= _away(_EYES, mask, local, TUNING.margin * eyes)
    return np.asarray(share * _away((landmark_sets.INNER_LIPS,), mask, local, near), np.float32)


def _judged(mask: Mask, bare: Floats, local: Floats, eyes: float) -> Array:
    """Return where texture is measured, bool (h, w): bare skin above the mouth, as beards are no texture of skin."""
    side = 2 * max(1, round(TUNING.rim * eyes)) + 1
    inside = cv2.erode((mask > 250).view(np.uint8), np.ones((side, side), np.uint8), borderValue=0)
    above = np.arange(len(mask))[:, None] < local[landmark_sets.OUTER_LIPS[0], 1]
    return np.asarray((inside > 0) & (bare > 0.99) & above)


def _strengths(bands: Sequence[Floats], judged: Array) -> Floats:
    """Return the strength of each band of a picture where it is judged; float32 (count,)."""
    return np.array([np.median(np.abs(band[judged])) for band in bands], np.float32)


def _bands(picture: Image, count: int) -> list[Floats]:
    """Return the bands of the logarithm of a picture's brightness, fine to coarse; float32 (h, w) each."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return _octaves(np.log(grey + np.float32(TUNING.black)), count)


def _octaves(grey: Floats, count: int) -> list[Floats]:
    levels = [grey, *(cv2.GaussianBlur(grey, (0, 0), TUNING.first_sigma * 2.0**step) for step in range(count))]
    return [np.asarray(fine - coarse, np.float32) for fine, coarse in pairwise(levels)]


@cache
def _noise(count: int) -> tuple[Floats, ...]:
    """Return tiles of noise, one for each band, of strength 1; float32 (side, side) each, read-only."""
    side = TUNING.tile_side
    white = np.random.default_rng(TUNING.seed).standard_normal((side, side)).astype(np.float32)
    margin = side // 4
    bands = _octaves(np.asarray(np.pad(white, margin, mode="wrap"), np.float32), count)
    inner = [band[margin:-margin, margin:-margin] for band in bands]
    return tuple(locked(np.ascontiguousarray(band / np.median(np.abs(band)), np.float32)) for band in inner)
