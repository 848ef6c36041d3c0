"""Occlusion masks of segmenters, carried along with the mesh.

A segmenter runs on every other frame of a face; in between, its mask moves with the landmarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.contracts import Segmenter
from mien.face.aligned_crop import cut
from mien.face.texels import facing, unwrap_mask
from mien.imaging import geometry
from mien.swap.memory.look_turns import LookTurns
from mien.types import Affine, Array, Frame, Image, Mask, TrackedFace


@dataclass(frozen=True, slots=True)
class SegmentationTuning:
    """Occlusion masks of networks over time."""

    every_frames: int = 2
    """Frames between two runs on one face; a face moves little in one frame, and its mask moves with the mesh."""
    fine_side: int = 256
    """Pixels of a crop's side above which its mask is finer than a texture."""
    blur_texels: float = 0.8
    """Sigma of the blur against steps and trembling edges.

    Public tools blur by four texels, and double the mask. The mask is moved to the picture's own edges later, for which a near
    edge is the better start: true masks so softened kept 98 % of occluders and gave 0.2 % of free skin back, with four texels
    96 % and 1.6 %.
    """
    gain: float = 2.0
    """Factor on the blurred mask, at most 1 after it: an occluder as thin as hair would be lost in the blur."""
    fall: float = 0.7
    """Share of the way down in one run, where an occluder has gone. Up it is the whole way."""
    max_share: float = 0.7
    """Share of the frontal part of a face beyond which a network is not believed: if it errs, it shows the wearer."""
    max_share_live: float = 0.5
    """The same live. A network that errs, as in the dark, often errs by degrees: at six tenths the recogniser found the wearer
    in live pictures."""


TUNING = SegmentationTuning()


class Segmentation:
    """Occlusion masks of one stream of frames; give it every frame, in order. A face that is lost for a frame starts afresh.

    `live`: the segmenters are believed less, because the wearer must not be seen.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._max_share = TUNING.max_share_live if live else TUNING.max_share
        self._turns = LookTurns(TUNING.every_frames)
        self._masks: dict[int, Mask] = {}

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._turns.reset()
        self._masks = {}

    def update(self, frame: Frame, faces: tuple[TrackedFace, ...], segmenters: Sequence[Segmenter]) -> dict[int, Mask]:
        """Return the occlusion mask of each face by its `track_id`, uint8 (128, 128) as in `KnownFace.occluder`.

        Empty without segmenters. The picture is not changed. Errors of a segmenter pass through, and nothing is remembered of
        that frame.
        """
        if not segmenters:
            self.reset()
            return {}
        present = {face.track_id: face for face in faces}
        self._masks = {number: self._masks[number] for number in present if number in self._masks}
        masks = dict(self._masks)
        due = [present[number] for number in self._turns.due(present)]
        for face, mask in zip(due, _occlusion(frame.image, due, segmenters, self._max_share), strict=True):
            seen = masks.get(face.track_id)
            masks[face.track_id] = mask if seen is None else followed(seen, mask)
            self._turns.looked(face.track_id)
        self._masks = masks
        return masks.copy()


def followed(old: Mask, new: Mask) -> Mask:
    """Take an occluder that comes at once, drop one that goes within two runs: a lingering mask shows the wearer."""
    falling = cv2.addWeighted(old, 1 - TUNING.fall, new, TUNING.fall, 0)
    return np.asarray(np.maximum(new, falling), np.uint8)


def _occlusion(image: Image, faces: Sequence[TrackedFace], segmenters: Sequence[Segmenter], max_share: float) -> list[Mask]:
    """Return the occlusion mask of each face, uint8 (128, 128): the union of the segmenters' masks.

    `max_share` is the share of a face beyond which they are not believed.
    """
    if not faces:
        return []
    hidden = zip(*(_hidden(image, faces, segmenter) for segmenter in segmenters), strict=True)
    return [_softened(np.maximum.reduce(each), face, max_share) for each, face in zip(hidden, faces, strict=True)]


def _hidden(image: Image, faces: Sequence[TrackedFace], segmenter: Segmenter) -> list[Mask]:
    crops = [cut(image, face.landmarks.points, segmenter.template, segmenter.side) for face in faces]
    seen = segmenter.visible([crop.image for crop in crops])
    return [
        _unwrapped(image, crop.frame_to_crop, np.asarray(255 - mask, np.uint8), face)
        for crop, mask, face in zip(crops, seen, faces, strict=True)
    ]


def _unwrapped(image: Image, to_crop: Affine, hidden: Mask, face: TrackedFace) -> Mask:
    """Return the mask of a crop as a texture; nothing is hidden outside the picture."""
    side = hidden.shape[0]
    if side > TUNING.fine_side:
        hidden = np.asarray(cv2.resize(hidden, (TUNING.fine_side, TUNING.fine_side), interpolation=cv2.INTER_AREA), np.uint8)
        share = TUNING.fine_side / side
        to_crop = share * to_crop + np.array([[0, 0, (share - 1) / 2], [0, 0, (share - 1) / 2]])
    hidden = hidden * in_picture(geometry.invert(to_crop), len(hidden), image)
    return unwrap_mask(hidden, geometry.apply(to_crop, face.landmarks.points[:, :2]))


def in_picture(to_frame: Affine, side: int, image: Image) -> Mask:
    """1 where a pixel of the crop lies in the picture, uint8 (side, side)."""
    height, width = image.shape[:2]
    corners = geometry.apply(to_frame, np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64))
    if corners.min() >= 0 and corners[:, 0].max() <= width - 1 and corners[:, 1].max() <= height - 1:
        return np.ones((side, side), np.uint8)
    along = np.arange(side)
    x, y = (row[0] * along[None, :] + row[1] * along[:, None] + row[2] for row in to_frame)
    inside: Array = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return inside.astype(np.uint8)


def _softened(hidden: Mask, face: TrackedFace, max_share: float) -> Mask:
    """Return the texture with soft edges, 0 where the face is turned away; all 0 when more than `max_share` is hidden."""
    judged: Array = facing(face.landmarks.points) > 0
    blurred = cv2.GaussianBlur(hidden * judged, (0, 0), TUNING.blur_texels)
    soft = cv2.convertScaleAbs(blurred, alpha=TUNING.gain) * judged
    believed = np.count_nonzero(soft > 127) <= max_share * np.count_nonzero(judged)
    return np.asarray(soft, np.uint8) if believed else np.zeros_like(hidden)
