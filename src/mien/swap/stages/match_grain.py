"""Match a patch to the blur and the noise of the frame."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face.sharpness import focus_of
from mien.imaging import geometry
from mien.imaging.blend import smear, speckle
from mien.imaging.grain import noise_tile, still_grain, tile_offset
from mien.swap.stages.skin_texture import textured
from mien.swap.stages.under_patch import under_patch
from mien.types import FacePatch, Focus, Frame, Grain, Image, Mask, TrackedFace


@dataclass(frozen=True, slots=True)
class GrainTuning:
    """Blur and noise, in pixels of the patch and in levels."""

    min_blur: float = 0.9
    """Sigma that takes the finest detail."""
    max_blur: float = 3.0
    """Sigma; bounds the damage of a wrong measurement. Chosen by eye; not measured."""
    detail_share: float = 0.7
    """Share of the way that the finest detail goes to the target's."""
    min_motion: float = 2.0
    """Pixels a frame; slower motion leaves no visible blur."""
    rim: int = 5
    """Pixels beside the patch's holes that are left out of the measurement."""
    noise_share: float = 0.85
    """Share of the picture's noise that is added; a drawn face that moves changes a little by itself."""
    min_noise: float = 0.4
    """Levels; weaker noise is lost in rounding."""


TUNING = GrainTuning()


def match_grain(
    frame: Frame, face: TrackedFace, patch: FacePatch, grain: float, focus: float = 1.0, *, still: bool = False
) -> FacePatch:
    """Give the patch the blur and, by `grain` 0..1, the noise of the frame; `frame` is as it was before the patch.

    `focus` 0..1 is how far its fine detail gives way where the frame has less; motion blur is added in any case. The noise
    depends on the time of the frame and the number of the track alone. `still`: the frame is a single picture, and the skin
    gets the texture of the picture's.
    """
    known = face.known
    if known is None or not patch.mask.any():
        return patch
    scale = geometry.scale_of(patch.crop_to_frame)
    target = under_patch(frame.image, patch)
    motion_xy = known.motion_xy[0] / scale, known.motion_xy[1] / scale
    trail = 0.0 if known.focus is None else known.focus.trail / scale
    crop, mask = _trailing(patch.crop, patch.mask, motion_xy, trail)
    if known.focus is not None and focus > 0:
        crop = _focused(crop, mask, target, Focus(known.focus.blur / scale, known.focus.detail), focus)
    if still and grain > 0:
        crop = textured(FacePatch(crop, mask, patch.crop_to_frame), target, face.landmarks.points, grain)
    wanted = _missing(known.grain, crop, mask, target) if grain > 0 else None
    if wanted is not None and max(wanted.luma, wanted.chroma) * grain > TUNING.min_noise:
        crop = crop.copy() if crop is patch.crop else crop
        tile = noise_tile(Grain(wanted.luma, wanted.chroma, wanted.size / scale, wanted.fresh))
        left, top = tile_offset(frame.pts, face.track_id)
        share = grain * TUNING.noise_share
        speckle(crop, mask, tile, left, top, share * wanted.luma, share * wanted.chroma)
    return FacePatch(crop, mask, patch.crop_to_frame)


def _missing(known: Grain | None, crop: Image, mask: Mask, target: Image) -> Grain | None:
    """Return the noise to add: all of the noise of a video; of a still picture only what the crop lacks."""
    if known is not None:
        return known
    wanted, own = still_grain(target, mask), still_grain(crop, mask)
    if wanted is None or own is None:
        return None
    lacks = [math.sqrt(max(0.0, a * a - b * b)) for a, b in ((wanted.luma, own.luma), (wanted.chroma, own.chroma))]
    return Grain(lacks[0], lacks[1], wanted.size, fresh=False)


def _focused(crop: Image, mask: Mask, target: Image, wanted: Focus, strength: float) -> Image:
    """Return the crop as far out of focus as the target, and by `strength` 0..1 with as little fine detail.

    Nothing is sharpened.
    """
    inside = _judged(mask)
    own = focus_of(crop, inside, 0.0)
    if own.detail <= wanted.detail:
        return crop
    # Compression takes faint detail and leaves edges; a face with stubble may keep some of what a smooth one lacks.
    goal = own.detail * (wanted.detail / own.detail) ** (TUNING.detail_share * strength)
    lacks = math.sqrt(max(0.0, wanted.blur**2 - own.blur**2))
    # Under the holes of the mask the crop is black; the frame fills them before the blur.
    filled = np.asarray(cv2.copyTo(crop, mask, target.copy()), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(filled, (0, 0), min(max(lacks, TUNING.min_blur), TUNING.max_blur)), np.uint8)
    share = (own.detail - goal) / max(own.detail - focus_of(soft, inside, 0.0).detail, 1e-3)
    return soft if share >= 1 else np.asarray(cv2.addWeighted(soft, share, filled, 1 - share, 0), np.uint8)


def _trailing(crop: Image, mask: Mask, motion_xy: tuple[float, float], trail: float) -> tuple[Image, Mask]:
    """Return crop and mask smeared by `trail` pixels along the motion, at most by the way of one frame."""
    length = math.hypot(*motion_xy)
    trail = min(trail, length)
    if trail < TUNING.min_motion or not mask.any():
        return crop, mask
    result, cover = np.empty_like(crop), np.empty_like(mask)
    smear(np.ascontiguousarray(crop), mask, motion_xy[0] / length * trail, motion_xy[1] / length * trail, result, cover)
    return result, cover


def _judged(mask: Mask) -> Mask:
    """Return 1 where the crop is wholly seen and no hole is near, else 0."""
    sure = (mask > 200).view(np.uint8)
    return np.asarray(cv2.erode(sure, np.ones((TUNING.rim, TUNING.rim), np.uint8)), np.uint8)
