"""Makes a patch look as if it had been filmed with the rest of the picture: as blurred, and as noisy."""

import math

import cv2
import numpy as np

from mien.face.sharpness import blur_of, focus_of
from mien.imaging import geometry
from mien.imaging.blend import smear, speckle
from mien.imaging.grain import green_sigma, noise_tile, still_grain, tile_offset
from mien.types import FacePatch, Focus, Frame, Grain, Image, Mask, TrackedFace

_LEAST_BLUR = 0.9
"""Pixels of sigma that take the finest detail."""
_TOWARDS_TARGET = 0.7
"""How far the finest detail follows the target, 0 = not at all, 1 = wholly."""
_MOST_BLUR = 3.0
_LEAST_MOTION = 2.0
"""Pixels a frame; slower motion leaves no blur that can be seen."""
_LINE = 1.7 * math.sqrt(12)
"""Length of a line as a multiple of the blur that is told of it."""
_RIM = 5
"""Pixels beside the patch's holes that say nothing of its edges."""
_OWN_SHARE = 0.85
"""How much of the picture's noise is added; a drawn face that moves changes a little by itself."""
_LEAST_NOISE = 0.4
"""Levels; weaker noise is lost in rounding."""


def as_filmed(frame: Frame, face: TrackedFace, patch: FacePatch, grain: float, focus: float = 1.0) -> FacePatch:
    """The patch with the blur and, by `grain` 0..1, the noise of the frame; `frame` is as it was before the patch.

    `focus` 0..1 tells how far its fine detail gives way where the frame has less; the blur of motion is laid on in any case.
    The same frame, face and patch give the same noise.
    """
    known = face.known
    if known is None or not patch.mask.any():
        return patch
    scale = geometry.scale_of(patch.crop_to_frame)
    target = _target(frame.image, patch)
    motion_xy = known.motion_xy[0] / scale, known.motion_xy[1] / scale
    crop, mask = _trailing(patch.crop, patch.mask, target, motion_xy, green_sigma(known.grain))
    if known.focus is not None and focus > 0:
        crop = _focused(crop, mask, target, Focus(known.focus.blur / scale, known.focus.detail), focus)
    wanted = _missing(known.grain, crop, mask, target) if grain > 0 else None
    if wanted is not None and max(wanted.luma, wanted.chroma) * grain > _LEAST_NOISE:
        crop = crop.copy() if crop is patch.crop else crop
        tile = noise_tile(Grain(wanted.luma, wanted.chroma, wanted.size / scale, wanted.fresh))
        left, top = tile_offset(frame.index, face.track_id)
        share = grain * _OWN_SHARE
        speckle(crop, mask, tile, left, top, share * wanted.luma, share * wanted.chroma)
    return FacePatch(crop, mask, patch.crop_to_frame)


def _target(image: Image, patch: FacePatch) -> Image:
    """What the frame shows where the patch goes, in the patch's pixels."""
    height, width = patch.mask.shape
    if np.allclose(patch.crop_to_frame[:, :2], np.eye(2), atol=1e-6):
        left, top = (round(float(value)) for value in patch.crop_to_frame[:, 2])
        if left >= 0 and top >= 0 and left + width <= image.shape[1] and top + height <= image.shape[0]:
            return image[top : top + height, left : left + width]
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(image, patch.crop_to_frame, (width, height), flags=flags, borderMode=border), np.uint8)


def _missing(known: Grain | None, crop: Image, mask: Mask, target: Image) -> Grain | None:
    """The noise to add: all of the noise that comes and goes; of a still picture's only what the crop lacks."""
    if known is not None:
        return known
    wanted, own = still_grain(target, mask), still_grain(crop, mask)
    if wanted is None or own is None:
        return None
    lacks = [math.sqrt(max(0.0, a * a - b * b)) for a, b in ((wanted.luma, own.luma), (wanted.chroma, own.chroma))]
    return Grain(lacks[0], lacks[1], wanted.size, fresh=False)


def _focused(crop: Image, mask: Mask, target: Image, wanted: Focus, strength: float) -> Image:
    """The crop as far out of focus as the target, and by `strength` 0..1 with as little fine detail.

    What is not there cannot be sharpened.
    """
    inside = _judged(mask)
    own = focus_of(crop, inside, 0.0)
    if own.detail <= wanted.detail:
        return crop
    # Compression takes faint detail and leaves edges; a face with stubble may keep some of what a smooth one lacks.
    goal = own.detail * (wanted.detail / own.detail) ** (_TOWARDS_TARGET * strength)
    lacks = math.sqrt(max(0.0, wanted.blur**2 - own.blur**2))
    # Under the holes of the mask the crop is black; what is there in truth may run into it.
    filled = np.asarray(cv2.copyTo(crop, mask, target.copy()), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(filled, (0, 0), min(max(lacks, _LEAST_BLUR), _MOST_BLUR)), np.uint8)
    share = (own.detail - goal) / max(own.detail - focus_of(soft, inside, 0.0).detail, 1e-3)
    return soft if share >= 1 else np.asarray(cv2.addWeighted(soft, share, filled, 1 - share, 0), np.uint8)


def _trailing(crop: Image, mask: Mask, target: Image, motion_xy: tuple[float, float], noise: float) -> tuple[Image, Mask]:
    """Crop and mask as long exposed as the target, judged by how sharp it is along its motion and across."""
    length = math.hypot(*motion_xy)
    inside = _judged(mask)
    if length < _LEAST_MOTION or not inside.any():
        return crop, mask
    unit_xy = motion_xy[0] / length, motion_xy[1] / length
    own, wanted = blur_of(crop, inside, unit_xy, 0.0), blur_of(target, inside, unit_xy, noise)
    along, across = (b * b - a * a for a, b in zip(own, wanted, strict=True))
    trail = min(_LINE * math.sqrt(max(0.0, along - max(across, 0.0))), length)
    if trail < _LEAST_MOTION:
        return crop, mask
    result, cover = np.empty_like(crop), np.empty_like(mask)
    smear(np.ascontiguousarray(crop), mask, unit_xy[0] * trail, unit_xy[1] * trail, result, cover)
    return result, cover


def _judged(mask: Mask) -> Mask:
    """Where the crop is wholly seen and no hole is near: 1, else 0."""
    sure = (mask > 200).view(np.uint8)
    return np.asarray(cv2.erode(sure, np.ones((_RIM, _RIM), np.uint8)), np.uint8)
