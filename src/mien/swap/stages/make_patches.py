"""Patches of all faces of a frame, made by their engines."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from mien.contracts import Engine
from mien.types import FacePatch, Frame, TrackedFace

Patches: TypeAlias = list[tuple[TrackedFace, FacePatch]]
"""Faces with their patches, in the order in which the patches are laid."""
Prepared: TypeAlias = tuple[Engine, Any]
"""An engine, and what it has prepared of a source."""


def make_patches(frame: Frame, faces: tuple[TrackedFace, ...], wearing: Mapping[int, Prepared]) -> Patches:
    """Return the patches of the faces of which something is in the picture; the frame is not changed.

    `wearing` holds by `track_id` what each face wears; a face without an entry gets no patch. Each source costs one call of
    its engine. The farther (smaller) face comes first, so that the nearer one lies on top.
    """
    ordered = [face for face in far_to_near(faces) if face.track_id in wearing]
    groups: dict[tuple[int, int], list[TrackedFace]] = {}
    for face in ordered:
        engine, prepared = wearing[face.track_id]
        groups.setdefault((id(engine), id(prepared)), []).append(face)
    made: dict[int, FacePatch | None] = {}
    for group in groups.values():
        engine, prepared = wearing[group[0].track_id]
        patches = engine.swap(frame, group, prepared)
        made.update({face.track_id: patch for face, patch in zip(group, patches, strict=True)})
    return [(face, patch) for face in ordered if (patch := made[face.track_id]) is not None]


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
