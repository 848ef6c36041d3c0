"""Folds of a smiling photo, which show as far as the target smiles: a calm face has none, and every smile has some."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.expression import expression_of
from mien.swap.engines.mesh.expressions import ExpressionTextures, Part, Region
from mien.swap.source.hard_light import mouth_width, smile_folds
from mien.types import Array, Image, SourceFace


@dataclass(frozen=True, slots=True)
class FoldTuning:
    """When a photo has folds that are worth a texture."""

    smile: float = 0.6
    """Width of the mouth in eye distances from which folds are taken off a photo: 0.46 to 0.66 at rest."""


TUNING = FoldTuning()
_LIPS = (*landmark_sets.OUTER_LIPS, *landmark_sets.INNER_LIPS)


def smiles(source: SourceFace) -> bool:
    """Return True when the photo may have folds of a smile."""
    return mouth_width(source.landmarks.points) > TUNING.smile


def fold_textures(source: SourceFace, folded: Image, sizes: Sequence[int]) -> ExpressionTextures:
    """Return the folds of a photo for textures of these sides.

    `folded` BGRA uint8 (n, n, 4) is the largest texture, with them. They show wholly where the mouth moves like the photo's.
    """
    motion = expression_of(source.landmarks.points)[list(_LIPS), :2].ravel()
    parts = tuple((_part(folded, size),) for size in sizes)
    return ExpressionTextures([Region(_LIPS, np.zeros_like(motion), np.ascontiguousarray(motion[None], np.float32), parts)])


def _part(folded: Image, size: int) -> Part:
    """Return the folds in a texture of one size."""
    area: Array = cv2.resize(smile_folds(), (size, size), interpolation=cv2.INTER_LINEAR)
    left, top, width, height = cv2.boundingRect((area > 1 / 255).view(np.uint8))
    place = np.s_[top : top + height, left : left + width]
    picture = folded if size == len(folded) else cv2.resize(folded, (size, size), interpolation=cv2.INTER_AREA)
    both = np.dstack([picture[place][:, :, :3], np.round(255 * area[place]).astype(np.uint8)])
    return Part(np.ascontiguousarray(both, np.uint8), left, top)
