"""What is remembered of each face of a stream, and what that says of the present frame."""

from dataclasses import dataclass, replace

import numpy as np

from mien.facemodel import neutral
from mien.types import Floats, Frame, KnownFace, TrackedFace
from mien.unwrap import facing, unwrap

_FORGET_AFTER = 60
"""Frames after which a face that is not seen any more is forgotten."""
_MEMORY = 0.97
"""How much of the mean texture stays from one frame to the next, once the face is known."""
_LEAST_FACING = 0.25


@dataclass(slots=True)
class _Memory:
    """One track: `texture` float32 (side, side, 3), the mean so far, `weight` float32 (side, side), how often it was seen."""

    texture: Floats
    weight: Floats
    neutral: Floats
    unseen: int = 0


class Observer:
    """The memory of one stream of frames; give it every frame, in order. No clock, no randomness."""

    def __init__(self) -> None:
        self._memories: dict[int, _Memory] = {}

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""
        self._memories = {}

    def observe(self, frame: Frame, faces: tuple[TrackedFace, ...]) -> tuple[TrackedFace, ...]:
        """The same faces with what is known of them; the picture is not changed."""
        for memory in self._memories.values():
            memory.unseen += 1
        seen = tuple(replace(face, known=self._see(frame, face)) for face in faces)
        self._memories = {number: each for number, each in self._memories.items() if each.unseen <= _FORGET_AFTER}
        return seen

    def _see(self, frame: Frame, face: TrackedFace) -> KnownFace:
        points = face.landmarks.points
        texture = unwrap(frame.image, points).astype(np.float32)
        visible = (facing(points) > _LEAST_FACING).astype(np.float32)
        shape = neutral(points)
        memory = self._memories.get(face.track_id)
        if memory is None:
            memory = _Memory(texture, visible, shape)
            self._memories[face.track_id] = memory
        else:
            memory.weight = np.minimum(memory.weight + visible, 1 / (1 - _MEMORY)).astype(np.float32)
            share = visible / np.maximum(memory.weight, 1)
            memory.texture += share[:, :, None] * (texture - memory.texture)
            memory.neutral = (memory.neutral + (1 - _MEMORY) * (shape - memory.neutral)).astype(np.float32)
        memory.unseen = 0
        return KnownFace(memory.neutral)
