"""Creases of each face of a stream: taken while its brows are away from where the face's memory has them."""

from dataclasses import dataclass

import numpy as np

from mien.face.creases import brow_height, creases_of, creasing, learnable
from mien.types import Floats, Image, TrackedFace


@dataclass(frozen=True, slots=True)
class CreaseMemoryTuning:
    """Learning of the usual height of the brows, as fast as that of the face's mean texture."""

    slowest: float = 0.01
    """Least share of a new frame in the mean height."""
    unlearnt: float = 0.9
    """Share by which a forehead that is creased is learnt more slowly: a frown is not to become the usual. Chosen by eye."""


MEMORY = CreaseMemoryTuning()


@dataclass(slots=True)
class Creases:
    """The mean height of the inner brows of a face in its `frames`."""

    height: float = 0.0
    frames: int = 0

    def update(
        self, now: Image, texture: Floats, weight: Floats, face: TrackedFace, free: Floats
    ) -> tuple[Floats | None, Floats]:
        """Return the creases of a face `now` against its mean `texture`, and how far each texel may be learnt, 0..1.

        `weight` are the frames in which each texel was seen, `free` is where it is seen now; both float32 (side, side).
        """
        height = brow_height(face.landmarks.points)
        way = height - self.height if self.frames else 0.0
        share = creasing(way, face.yaw)
        kept = share * MEMORY.unlearnt
        self.height = height - way * (1 - (1 - abs(kept)) * max(1 / (self.frames + 1), MEMORY.slowest))
        self.frames += 1
        if not share:
            return None, free
        return creases_of(now, texture, free * np.minimum(weight, 1), share), free * learnable(kept)
