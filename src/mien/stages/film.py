"""Makes a patch look as if it had been filmed with the rest of the picture: blurred where it moves, and as noisy."""

import math

import cv2
import numpy as np

from mien import geometry
from mien.grain import more_of, place_of, still_grain
from mien.raster import smear, speckle
from mien.types import Array, FacePatch, Frame, Grain, Image, Mask, TrackedFace

_LEAST_MOTION = 2.0
"""Pixels a frame; slower motion leaves no blur that can be seen."""
_SHUTTERS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""How much of a frame's time the shutter may have been open."""
_LEAST_NOISE = 0.4
"""Levels; weaker noise is lost in rounding."""


def as_filmed(frame: Frame, face: TrackedFace, patch: FacePatch, grain: float) -> FacePatch:
    """The patch with the motion blur and, by `grain` 0..1, the noise of the frame; `frame` is as it was before the patch.

    The same frame, face and patch give the same noise.
    """
    known = face.known
    if known is None:
        return patch
    scale = geometry.scale_of(patch.crop_to_frame)
    crop, mask = patch.crop, patch.mask
    length = math.hypot(*known.motion_xy) / scale
    target = _target(frame.image, patch)
    if length > _LEAST_MOTION and target is not None:
        crop, mask = _blurred(crop, mask, target, (known.motion_xy[0] / scale, known.motion_xy[1] / scale))
    if grain > 0 and target is not None:
        noise = _missing(known.grain, crop, mask, target)
        if noise is not None and max(noise.luma, noise.chroma) * grain > _LEAST_NOISE:
            crop = np.ascontiguousarray(crop).copy() if crop is patch.crop else crop
            tile = more_of(Grain(noise.luma, noise.chroma, noise.size / scale, noise.fresh))
            left, top = place_of(frame.index, face.track_id)
            speckle(crop, mask, tile, left, top, grain * noise.luma, grain * noise.chroma)
    return FacePatch(crop, mask, patch.crop_to_frame)


def _target(image: Image, patch: FacePatch) -> Image | None:
    """What the frame shows where the patch goes, as far as they overlap with the patch's own size; None = elsewhere."""
    height, width = patch.mask.shape
    if np.allclose(patch.crop_to_frame[:, :2], np.eye(2), atol=1e-6):
        left, top = (round(float(value)) for value in patch.crop_to_frame[:, 2])
        if left >= 0 and top >= 0 and left + width <= image.shape[1] and top + height <= image.shape[0]:
            return image[top : top + height, left : left + width]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
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


def _blurred(crop: Image, mask: Mask, target: Image, motion_xy: tuple[float, float]) -> tuple[Image, Mask]:
    """Crop and mask as long exposed as the target was, judged by how sharp it is along and across the motion."""
    if np.count_nonzero(mask > 200) < 1024:
        return crop, mask
    half_wh = max(1, crop.shape[1] // 2), max(1, crop.shape[0] // 2)
    shown = np.asarray(cv2.resize(mask, half_wh, interpolation=cv2.INTER_NEAREST), np.uint8)
    inside = shown > 200
    own, wanted = (
        np.asarray(cv2.resize(each, half_wh, interpolation=cv2.INTER_AREA)[:, :, 1:2], np.uint8) for each in (crop, target)
    )
    goal = _sharpness(wanted, inside, motion_xy)
    best, nearest = 0.0, math.inf
    for shutter in _SHUTTERS:
        tried = own if shutter == 0 else _smeared(own, shown, motion_xy, shutter / 2)[0]
        miss = abs(math.log(_sharpness(tried, inside, motion_xy) / goal))
        if miss < nearest - 0.02:
            best, nearest = shutter, miss
    return (crop, mask) if best == 0 else _smeared(crop, mask, motion_xy, best)


def _smeared(crop: Image, mask: Mask, motion_xy: tuple[float, float], shutter: float) -> tuple[Image, Mask]:
    result, cover = np.empty_like(crop), np.empty_like(mask)
    smear(np.ascontiguousarray(crop), mask, motion_xy[0] * shutter, motion_xy[1] * shutter, result, cover)
    return result, cover


def _sharpness(green: Image, inside: Array, motion_xy: tuple[float, float]) -> float:
    """How steep the picture is along the motion, as a multiple of how steep it is across."""
    x, y = cv2.Sobel(green, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(green, cv2.CV_32F, 0, 1, ksize=3)
    length = math.hypot(*motion_xy)
    ux, uy = motion_xy[0] / length, motion_xy[1] / length
    along, across = (x * ux + y * uy)[inside], (y * ux - x * uy)[inside]
    return (float(np.abs(along).mean()) + 1) / (float(np.abs(across).mean()) + 1)
