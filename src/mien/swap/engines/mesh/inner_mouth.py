"""Inner mouths of a clip: teeth of a smile, the dark of an open mouth, chosen by how the target opens its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.imaging.smoothstep import smoothstep
from mien.types import Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class InnerMouthTuning:
    """Choice of an inner mouth, in eye distances."""

    opened: tuple[float, float] = (0.03, 0.09)
    """Opening of the lips between which the target's own inner mouth gives way: of nearly closed lips it shows the line."""
    near: float = 0.025
    """Distance of two mouths that look alike; of others, nearly all comes from the nearest, so that no teeth shine through."""


TUNING = InnerMouthTuning()


@dataclass(frozen=True, slots=True)
class InnerMouth:
    """Inner mouths at one size of the texture: `images` float32 (k, h, w, 3), BGR, `mask` uint8 (h, w), and their top left."""

    images: Floats
    mask: Mask
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class InnerMouths:
    """The inner mouths of a clip; `spots` float32 (k, 2) are width and opening of the lips, `sizes` go from large to small."""

    spots: Floats
    sizes: tuple[InnerMouth, ...]

    def laid(self, texture: Image, size_index: int, motion: Floats) -> Image:
        """Return a copy of `texture`, BGRA uint8 of this size, with the inner mouth for the motion of the landmarks."""
        spot, (low, high) = spot_of(motion), TUNING.opened
        shown = float(smoothstep(np.array((spot[1] - low) / (high - low))))
        if shown <= 0:
            return texture
        mouth = self.sizes[size_index]
        apart = np.square((self.spots - spot) / TUNING.near).sum(axis=1)
        shares = np.exp(0.5 * (apart.min() - apart))
        inner = np.tensordot(shares / shares.sum(), mouth.images, axes=1)
        own = texture.copy()
        place = own[mouth.top : mouth.top + len(mouth.mask), mouth.left : mouth.left + mouth.mask.shape[1]]
        inside = mouth.mask > 0
        place[inside, :3] = np.round(inner[inside])
        place[inside, 3] = round(255 * shown)
        return own


def spot_of(motion: Floats) -> Floats:
    """Return width and opening of the lips, float32 (2,), eye distances from rest, of a motion as of `expression_of`."""
    return np.array([motion[291, 0] - motion[61, 0], motion[14, 1] - motion[13, 1]], np.float32)


def inner_mouth(toned: Sequence[Image], size: int) -> InnerMouth:
    """Return the inner mouths of textures BGR uint8 at one size."""
    loop = texture_points(size)[list(landmark_sets.INNER_LIPS)]
    left, top = (int(value) for value in np.maximum(np.floor(loop.min(0)), 0))
    right, bottom = (min(size, int(value) + 2) for value in np.ceil(loop.max(0)))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [loop.round().astype(np.int32)], 255)
    scaled = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)[top:bottom, left:right] for image in toned]
    return InnerMouth(np.stack(scaled).astype(np.float32), np.ascontiguousarray(mask[top:bottom, left:right]), left, top)
