"""Folds of a smiling photo, which show as far as the target smiles: a calm face has none, and every smile has some."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.expression import expression_of
from mien.imaging.smoothstep import smoothstep_between
from mien.swap.engines.mesh.texture import Texture
from mien.swap.source.hard_light import mouth_width, smile_folds
from mien.types import Floats, Image, SourceFace


@dataclass(frozen=True, slots=True)
class FoldTuning:
    """When a photo has folds that are worth a texture, and when they show; chosen by eye."""

    smile: float = 0.6
    """Width of the mouth in eye distances from which folds are taken off a photo: 0.46 to 0.66 at rest."""
    rest: float = 0.12
    full: float = 0.85
    """Shares of the motion of the photo's mouth between which its folds come in."""


TUNING = FoldTuning()
_LIPS = [*landmark_sets.OUTER_LIPS, *landmark_sets.INNER_LIPS]


@dataclass(frozen=True, slots=True)
class FoldTextures:
    """The folds of a smile over the textures of a photo without them.

    `motion` float32 (n,) is what the smile moves the lips. `parts` by size of the texture: BGRA uint8 (h, w, 4), the texture
    with its folds, and its left and top texel.
    """

    motion: Floats
    parts: tuple[tuple[Image, int, int], ...]

    def mixed(self, texture: Image, size_index: int, points: Floats) -> Image:
        """Return `texture`, BGRA uint8, the size of this index, with the folds for the landmarks (478, 3).

        The texture itself, when there are none.
        """
        share = self.share(points)
        if share <= 0:
            return texture
        folded, left, top = self.parts[size_index]
        own = texture.copy()
        place = own[top : top + folded.shape[0], left : left + folded.shape[1]]
        place[:] = cv2.addWeighted(folded, share, place, 1 - share, 0)
        return own

    def share(self, points: Floats) -> float:
        """Return how far a face with these landmarks (478, 3) smiles like the photo, 0..1."""
        wanted = expression_of(points)[_LIPS, :2].ravel()
        along = float(wanted @ self.motion) / max(float(self.motion @ self.motion), 1e-9)
        return smoothstep_between(TUNING.rest, TUNING.full, along)


def smiles(source: SourceFace) -> bool:
    """Return True when the photo may have folds of a smile."""
    return mouth_width(source.landmarks.points) > TUNING.smile


def fold_textures(source: SourceFace, textures: Sequence[Texture], folded: Image) -> FoldTextures:
    """Return the folds of a photo over its `textures`; `folded` BGRA uint8 (n, n, 4) is the largest of them with folds."""
    motion = np.ascontiguousarray(expression_of(source.landmarks.points)[_LIPS, :2].ravel(), np.float32)
    return FoldTextures(motion, tuple(_part(texture.image, folded) for texture in textures))


def _part(texture: Image, folded: Image) -> tuple[Image, int, int]:
    """Return a part of a texture with the folds, and its place."""
    side = len(texture)
    area = cv2.resize(smile_folds(), (side, side), interpolation=cv2.INTER_LINEAR)
    left, top, width, height = cv2.boundingRect((area > 1 / 255).view(np.uint8))
    place = np.s_[top : top + height, left : left + width]
    picture = folded if side == len(folded) else cv2.resize(folded, (side, side), interpolation=cv2.INTER_AREA)
    part = texture[place].astype(np.float32)
    part[:, :, :3] += (picture[place][:, :, :3] - part[:, :, :3]) * area[place][:, :, None]
    return np.asarray(part + np.float32(0.5), np.uint8), left, top
