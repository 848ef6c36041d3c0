"""Hands near the faces of a stream: sought where the parser sees one, and followed while they stay."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.contracts import HandFinder
from mien.face.hand_silhouette import silhouette
from mien.face.texels import SIDE, unwrap_mask
from mien.imaging import geometry
from mien.models.format.parsing import FaceClass
from mien.swap.memory.parsing import at_landmarks
from mien.types import Frame, Hand, Mask, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class HandTuning:
    """Search for hands. Lengths are in heights of the face's box."""

    search_side: float = 3.2
    """Side of the square around a face in which hands are sought: 71 of 72 frames with a hand before the face were caught."""
    search_below: float = 0.35
    """The square's middle lies this far below the face's: hands come from below."""
    search_frames: int = 8
    """Frames between two searches around a face while none is known."""
    follow_frames: int = 2
    """Frames between two fits of a known hand."""
    min_landmarks: int = 4
    """Landmarks that the parser has to take for hand before the networks of hands, which cost more than the parser, look."""
    core: float = 0.7
    """Width of the part of a silhouette that is surely hand, as a share of it."""
    picture_side: int = 160
    """Pixels of the square in which silhouettes are drawn, two face heights wide."""


TUNING = HandTuning()


@dataclass(slots=True)
class _Near:
    """The hands near one face, and the frames of the last search and the last fit."""

    hands: list[Hand]
    searched: int
    followed: int


class Hands:
    """Hands before the faces of one stream; give it every frame, in order."""

    def __init__(self) -> None:
        self._near: dict[int, _Near] = {}
        self._frame = 0

    def update(
        self, frame: Frame, faces: tuple[TrackedFace, ...], parsed: Mapping[int, ParsedFace], finder: HandFinder | None
    ) -> dict[int, Mask]:
        """Return the texture of the hands before each face that has some, uint8 (128, 128), by its `track_id`."""
        if finder is None:
            self._near = {}
            return {}
        self._frame += 1
        near: dict[int, _Near] = {}
        for face in faces:
            known = self._near.get(face.track_id)
            near[face.track_id] = self._looked(frame, face, known, parsed.get(face.track_id), finder)
        self._near = near
        return {face.track_id: _core(face, near[face.track_id].hands) for face in faces if near[face.track_id].hands}

    def _looked(
        self, frame: Frame, face: TrackedFace, known: _Near | None, parsed: ParsedFace | None, finder: HandFinder
    ) -> _Near:
        first = known is None
        near = _Near([], self._frame - TUNING.search_frames, self._frame) if known is None else replace(known)
        if near.hands and self._frame - near.followed >= TUNING.follow_frames:
            found = [finder.follow(frame.image, hand) for hand in near.hands]
            near.hands, near.followed = [hand for hand in found if hand is not None], self._frame
        waited = self._frame - near.searched >= TUNING.search_frames
        if not near.hands and waited and (first or _suspected(parsed)):
            x1, y1, x2, y2 = geometry.box_of(face.landmarks.points)
            middle = (x1 + x2) / 2, (y1 + y2) / 2 + TUNING.search_below * (y2 - y1)
            near.hands = finder.search(frame.image, middle, TUNING.search_side * (y2 - y1))
            near.searched = near.followed = self._frame
        return near


def _suspected(parsed: ParsedFace | None) -> bool:
    """Return True when the parser sees a hand before the face."""
    return parsed is not None and int(np.count_nonzero(at_landmarks(parsed, FaceClass.HAND) > 127)) >= TUNING.min_landmarks


def _core(face: TrackedFace, hands: list[Hand]) -> Mask:
    """Return what is surely hand, as a texture of the face."""
    x1, y1, x2, y2 = geometry.box_of(face.landmarks.points)
    side = TUNING.picture_side
    scale = side / max(2 * (y2 - y1), 1.0)
    shift = side / 2 - scale * np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    to_picture = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    drawn = np.zeros((side, side), np.uint8)
    for hand in hands:
        cv2.bitwise_or(drawn, silhouette(hand, to_picture, (side, side), TUNING.core), drawn)
    return unwrap_mask(drawn, geometry.apply(to_picture, face.landmarks.points[:, :2]), SIDE)
