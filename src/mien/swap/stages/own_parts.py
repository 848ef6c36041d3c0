"""Preserve parts of the wearer's own face, by choice: mouth, eyes, eyebrows."""

from dataclasses import dataclass, replace

import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.cut_out import cut_out
from mien.settings import Settings
from mien.types import FacePatch, TrackedFace


@dataclass(frozen=True, slots=True)
class PartTuning:
    """Outlines of preserved parts, in eye distances."""

    soft_edge: float = 0.03
    """Sigma of the soft edge."""
    mouth: float = 0.05
    eyes: float = 0.03
    brows: float = 0.05
    """Growth of each outline, by which the soft edge falls on skin."""


TUNING = PartTuning()


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
        cut_out(mask, points[list(loop)], grow * eyes, max(TUNING.soft_edge * eyes, 0.5))
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
