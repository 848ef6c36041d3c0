"""Preserve parts of the wearer's own face, by choice: mouth, eyes, eyebrows."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.settings import Settings
from mien.types import FacePatch, Floats, Mask, TrackedFace


@dataclass(frozen=True, slots=True)
class PartTuning:
    """Outlines of preserved parts, in eye distances."""

    soft_edge: float = 0.03
    """Sigma of the soft edge."""
    edge_reach: float = 2.5
    """Sigmas from a drawn outline to where nothing of it is left."""
    mouth: float = 0.05
    eyes: float = 0.03
    brows: float = 0.05
    """Growth of each outline, by which the soft edge falls on skin."""
    drawn_sigma: float = 3.0
    """Pixels of the soft edge in the picture that is drawn."""


TUNING = PartTuning()
FRACTION_BITS = 4  # bits below the pixel with which outlines are drawn


def preserve_own_parts(face: TrackedFace, patch: FacePatch, settings: Settings) -> FacePatch:
    """Lower the mask of the patch over the parts that the settings preserve, by the face's own landmarks."""
    parts = _parts(settings)
    if not parts:
        return patch
    points = geometry.apply(geometry.invert(patch.crop_to_frame), face.landmarks.points[:, :2])
    right, left = landmark_sets.EYE_CORNERS
    eyes = float(np.linalg.norm(face.landmarks.points[right] - face.landmarks.points[left]))
    eyes /= geometry.scale_of(patch.crop_to_frame)
    mask = patch.mask.copy()
    for loop, grow in parts:
        _lower(mask, points[list(loop)], grow * eyes, max(TUNING.soft_edge * eyes, 0.5))
    return replace(patch, mask=mask)


def _parts(settings: Settings) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Return the preserved outlines and their growth in eye distances."""
    parts: tuple[tuple[tuple[int, ...], float], ...] = ()
    if settings.keep_mouth:
        parts += ((landmark_sets.OUTER_LIPS, TUNING.mouth),)
    if settings.keep_eyes:
        parts += ((landmark_sets.RIGHT_LIDS, TUNING.eyes), (landmark_sets.LEFT_LIDS, TUNING.eyes))
    if settings.keep_brows:
        parts += ((landmark_sets.RIGHT_BROW, TUNING.brows), (landmark_sets.LEFT_BROW, TUNING.brows))
    return parts


def _lower(mask: Mask, outline: Floats, grow: float, sigma: float) -> None:
    """Take the inside of an outline, grown by `grow` pixels, out of the mask, in place, with an edge of this sigma.

    It is drawn so small that the edge is a few pixels wide: nothing in it is finer.
    """
    margin = int(np.ceil(grow + TUNING.edge_reach * sigma)) + 1
    height, width = mask.shape
    x1, y1, x2, y2 = geometry.box_of(outline)
    left, top = max(0, int(x1) - margin), max(0, int(y1) - margin)
    right, bottom = min(width, int(x2) + margin + 2), min(height, int(y2) + margin + 2)
    if right <= left or bottom <= top:
        return
    shrink = max(1.0, sigma / TUNING.drawn_sigma)
    size_wh = int(np.ceil((right - left) / shrink)), int(np.ceil((bottom - top) / shrink))
    ratio = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)], np.float32)
    corners = (outline - np.array([left, top], np.float32) + 0.5) * ratio - 0.5
    soft = _drawn(corners, size_wh, grow / shrink, sigma / shrink)
    if shrink > 1:
        soft = np.asarray(cv2.resize(soft, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR), np.uint8)
    area = mask[top:bottom, left:right]
    area[:] = cv2.multiply(area, 255 - soft, scale=1 / 255)


def _drawn(outline: Floats, size_wh: tuple[int, int], grow: float, sigma: float) -> Mask:
    """Draw 255 inside an outline grown by `grow` pixels, with an edge of this sigma, uint8 (h, w)."""
    area = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    corners = [np.round(outline * 2**FRACTION_BITS).astype(np.int32)]
    cv2.fillPoly(area, corners, 255, cv2.LINE_AA, FRACTION_BITS)
    cv2.polylines(area, corners, True, 255, max(1, round(2 * grow)), cv2.LINE_AA, FRACTION_BITS)
    return np.asarray(cv2.GaussianBlur(area, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
