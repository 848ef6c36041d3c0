"""Keeps parts of the wearer's own face, by choice: mouth, eyes, eyebrows."""

from dataclasses import replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.settings import Settings
from mien.types import FacePatch, Floats, Mask, TrackedFace

_SOFT = 0.03
"""Sigma of the soft edge, in eye distances."""
_REACH = 2.5
"""Sigmas from a drawn outline to where nothing of it is left."""
_MOUTH, _EYES, _BROWS = 0.05, 0.03, 0.05
"""How far beyond its outline each part is kept wholly or by half, in eye distances: the soft edge is to fall on skin."""
_SIGMA_DRAWN = 3.0
"""Pixels of the soft edge in the picture that is drawn."""
_FRACTION = 4
"""Bits below the pixel with which outlines are drawn."""


def keep_own(face: TrackedFace, patch: FacePatch, settings: Settings) -> FacePatch:
    """The patch with its mask lowered over the parts that the settings keep, by the face's own landmarks."""
    parts = _parts(settings)
    if not parts:
        return patch
    points = geometry.apply(geometry.invert(patch.crop_to_frame), face.landmarks.points[:, :2])
    right, left = landmark_sets.EYE_CORNERS
    eyes = float(np.linalg.norm(face.landmarks.points[right] - face.landmarks.points[left]))
    eyes /= geometry.scale_of(patch.crop_to_frame)
    mask = patch.mask.copy()
    for loop, grow in parts:
        _lower(mask, points[list(loop)], grow * eyes, max(_SOFT * eyes, 0.5))
    return replace(patch, mask=mask)


def _parts(settings: Settings) -> tuple[tuple[tuple[int, ...], float], ...]:
    """The outlines that are kept, and how far they are grown."""
    parts: tuple[tuple[tuple[int, ...], float], ...] = ()
    if settings.keep_mouth:
        parts += ((landmark_sets.OUTER_LIPS, _MOUTH),)
    if settings.keep_eyes:
        parts += ((landmark_sets.RIGHT_LIDS, _EYES), (landmark_sets.LEFT_LIDS, _EYES))
    if settings.keep_brows:
        parts += ((landmark_sets.RIGHT_BROW, _BROWS), (landmark_sets.LEFT_BROW, _BROWS))
    return parts


def _lower(mask: Mask, outline: Floats, grow: float, sigma: float) -> None:
    """Take the inside of an outline, grown by so many pixels, out of the mask, in place, with an edge of this sigma.

    It is drawn so small that the edge is a few pixels wide: there is nothing finer in it.
    """
    margin = int(np.ceil(grow + _REACH * sigma)) + 1
    height, width = mask.shape
    x1, y1, x2, y2 = geometry.box_of(outline)
    left, top = max(0, int(x1) - margin), max(0, int(y1) - margin)
    right, bottom = min(width, int(x2) + margin + 2), min(height, int(y2) + margin + 2)
    if right <= left or bottom <= top:
        return
    shrink = max(1.0, sigma / _SIGMA_DRAWN)
    size_wh = int(np.ceil((right - left) / shrink)), int(np.ceil((bottom - top) / shrink))
    ratio = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)], np.float32)
    corners = (outline - np.array([left, top], np.float32) + 0.5) * ratio - 0.5
    soft = _drawn(corners, size_wh, grow / shrink, sigma / shrink)
    if shrink > 1:
        soft = np.asarray(cv2.resize(soft, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR), np.uint8)
    area = mask[top:bottom, left:right]
    area[:] = cv2.multiply(area, 255 - soft, scale=1 / 255)


def _drawn(outline: Floats, size_wh: tuple[int, int], grow: float, sigma: float) -> Mask:
    """255 inside of an outline grown by so many pixels, with an edge of this sigma, uint8 (h, w)."""
    area = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    corners = [np.round(outline * 2**_FRACTION).astype(np.int32)]
    cv2.fillPoly(area, corners, 255, cv2.LINE_AA, _FRACTION)
    cv2.polylines(area, corners, True, 255, max(1, round(2 * grow)), cv2.LINE_AA, _FRACTION)
    return np.asarray(cv2.GaussianBlur(area, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
