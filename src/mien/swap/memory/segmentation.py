"""What segmenting networks say of things before a face, carried along with the mesh.

A network looks at every other frame of a face; in between, what it has said moves with the landmarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.contracts import Segmenter
from mien.face.aligned_crop import cut
from mien.face.texels import facing, unwrap_mask
from mien.imaging import geometry
from mien.types import Affine, Array, Frame, Image, Mask, TrackedFace

_EVERY = 2
"""Frames from one look at a face to the next."""
_FINE = 256
"""Pixels of a crop's side from which on its mask is finer than a texture."""
_SOFT = 0.8
"""Sigma in texels of the blur against steps and trembling edges.

Public tools blur by four texels, and double what is hidden. The mask is moved to the picture's own edges later, for which a
near edge is the better start: true masks so softened kept 98 % of things and gave 0.2 % of free skin back, with four texels
96 % and 1.6 %.
"""
_GAIN = 2.0
"""Of what is hidden after the blur, at most 1: else what is as thin as hair would be lost in it."""
_FALL = 0.7
"""Share of the way down in one look, where something has gone. Up it is the whole way."""
_TOO_MUCH, _TOO_MUCH_LIVE = 0.7, 0.5
"""Share of what is turned to the camera from which on a network is not believed: it would show the whole wearer if it errs.

A network that errs, as in the dark, often errs by degrees. At six tenths the recogniser found the wearer in live pictures.
"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One face: what stands `before` it, uint8 (128, 128), the number of the frame it was looked at, and whose turn it has."""

    before: Mask
    looked: int
    turn: int


class Segmentation:
    """The memory of one stream of frames; give it every frame, in order. A face that is lost for a frame begins anew.

    `live`: less is believed, because the wearer must not be seen.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._most = _TOO_MUCH_LIVE if live else _TOO_MUCH
        self._faces: dict[int, _Seen] = {}
        self._frame = 0

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""
        self._faces = {}

    def update(self, frame: Frame, faces: tuple[TrackedFace, ...], segmenters: Sequence[Segmenter]) -> dict[int, Mask]:
        """What stands before each face, by its `track_id`: uint8 (128, 128) as in `KnownFace.occluder`; empty without networks.

        The picture is not changed. What a network raises passes through, and nothing is remembered of that frame.
        """
        if not segmenters:
            self._faces = {}
            return {}
        self._frame += 1
        known = {face.track_id: self._faces[face.track_id] for face in faces if face.track_id in self._faces}
        due = [face for face in faces if self._is_due(known.get(face.track_id))]
        for face, before in zip(due, _before(frame.image, due, segmenters, self._most), strict=True):
            seen = known.get(face.track_id)
            turn = self._free_turn(known) if seen is None else seen.turn
            known[face.track_id] = _Seen(before if seen is None else _followed(seen.before, before), self._frame, turn)
        self._faces = known
        return {number: seen.before for number, seen in known.items()}

    def _is_due(self, seen: _Seen | None) -> bool:
        return seen is None or self._frame - seen.looked >= _EVERY or self._frame % _EVERY == seen.turn

    def _free_turn(self, known: dict[int, _Seen]) -> int:
        """Faces take turns, so that the work of frames is even; the first one has its next turn as late as it can."""
        taken = [sum(seen.turn == turn for seen in known.values()) for turn in range(_EVERY)]
        return min(range(_EVERY), key=lambda turn: (taken[turn], turn != self._frame % _EVERY))


def _followed(old: Mask, new: Mask) -> Mask:
    """What comes is kept at once, what goes leaves within two looks: what lingers shows the wearer."""
    falling = cv2.addWeighted(old, 1 - _FALL, new, _FALL, 0)
    return np.asarray(np.maximum(new, falling), np.uint8)


def _before(image: Image, faces: Sequence[TrackedFace], segmenters: Sequence[Segmenter], most: float) -> list[Mask]:
    """What stands before each face, uint8 (128, 128): the smallest of what the networks see of it, turned round.

    `most` is the share of a face that they are believed to hide.
    """
    if not faces:
        return []
    hidden = [_hidden(image, faces, segmenter) for segmenter in segmenters]
    return [_softened(np.maximum.reduce(each), face, most) for each, face in zip(zip(*hidden, strict=True), faces, strict=True)]


def _hidden(image: Image, faces: Sequence[TrackedFace], segmenter: Segmenter) -> list[Mask]:
    crops = [cut(image, face.landmarks.points, segmenter.template, segmenter.side) for face in faces]
    seen = segmenter.visible([crop.image for crop in crops])
    return [
        _unwrapped(image, crop.frame_to_crop, np.asarray(255 - mask, np.uint8), face)
        for crop, mask, face in zip(crops, seen, faces, strict=True)
    ]


def _unwrapped(image: Image, to_crop: Affine, hidden: Mask, face: TrackedFace) -> Mask:
    """The mask of a crop as a texture; what lies outside of the picture is not hidden."""
    side = hidden.shape[0]
    if side > _FINE:
        hidden = np.asarray(cv2.resize(hidden, (_FINE, _FINE), interpolation=cv2.INTER_AREA), np.uint8)
        share = _FINE / side
        to_crop = share * to_crop + np.array([[0, 0, (share - 1) / 2], [0, 0, (share - 1) / 2]])
    hidden = hidden * _in_picture(geometry.invert(to_crop), len(hidden), image)
    return unwrap_mask(hidden, geometry.apply(to_crop, face.landmarks.points[:, :2]))


def _in_picture(to_frame: Affine, side: int, image: Image) -> Mask:
    """1 where a pixel of the crop lies in the picture, uint8 (side, side)."""
    height, width = image.shape[:2]
    along = np.arange(side)
    x, y = (row[0] * along[None, :] + row[1] * along[:, None] + row[2] for row in to_frame)
    inside: Array = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return inside.astype(np.uint8)


def _softened(hidden: Mask, face: TrackedFace, most: float) -> Mask:
    """The texture with soft edges, 0 where the face is turned away; all of it 0 when more than `most` of a face is hidden."""
    judged: Array = facing(face.landmarks.points) > 0
    soft = cv2.convertScaleAbs(cv2.GaussianBlur(hidden * judged, (0, 0), _SOFT), alpha=_GAIN) * judged
    believed = np.count_nonzero(soft > 127) <= most * np.count_nonzero(judged)
    return np.asarray(soft, np.uint8) if believed else np.zeros_like(hidden)
