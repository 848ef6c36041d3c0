"""Patches of all faces of a frame, made by the engine."""

import math
from typing import Any, TypeAlias

from mien.contracts import Engine
from mien.types import FacePatch, Frame, TrackedFace

Patches: TypeAlias = list[tuple[TrackedFace, FacePatch]]
"""Faces with their patches, in the order in which the patches are laid."""


def make_patches(frame: Frame, faces: tuple[TrackedFace, ...], engine: Engine, prepared: Any) -> Patches:
    """Return the patches of the faces of which something is in the picture; the frame is not changed.

    The farther (smaller) face comes first, so that the nearer one lies on top.
    """
    ordered = far_to_near(faces)
    patches = engine.swap(frame, ordered, prepared)
    return [(face, patch) for face, patch in zip(ordered, patches, strict=True) if patch is not None]


def far_to_near(faces: tuple[TrackedFace, ...]) -> tuple[TrackedFace, ...]:
    """Sort faces by their height in the picture, smallest first; one that is known to be behind another comes before it."""
    heights = {face.track_id: _height(face) for face in faces}

    def depth(face: TrackedFace) -> tuple[float, bool]:
        before = frozenset() if face.known is None else face.known.behind
        lowest = min((heights[number] for number in before if number in heights), default=math.inf)
        own = heights[face.track_id]
        return min(own, lowest), own <= lowest

    return tuple(sorted(faces, key=depth))


def _height(face: TrackedFace) -> float:
    points = face.landmarks.points
    return float(points[:, 1].max() - points[:, 1].min())
