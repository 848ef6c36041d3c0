"""Faces that cross: which of two that lie over each other is behind, held as long as they meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.texels import unwrap_mask
from mien.imaging import geometry
from mien.types import Floats, Mask, TrackedFace


@dataclass(frozen=True, slots=True)
class CrossingTuning:
    """Order of two faces in depth; chosen on made crossings of two people."""

    margin: float = 0.12
    """Share of a face's box by which it is grown on each side: hair and ears lie there."""
    surely_nearer: float = 1.25
    """Ratio of heights from which a face that comes up beside a known one is in front of it, not behind."""
    grow: float = 0.15
    """Growth of the oval of a nearer face, in its own eye distances, within which nothing is learnt of the one behind."""
    side: int = 96
    """Pixels of the longer side of a hidden face in which nearer ones are drawn."""


TUNING = CrossingTuning()
_Box = tuple[float, float, float, float]


class Crossings:
    """The order in depth of the faces of one stream that meet; give it every frame, in order.

    A face that comes up where another one is was behind it. Of two that were both seen before they met, the smaller one is
    behind.
    """

    def __init__(self) -> None:
        self._behind: dict[tuple[int, int], bool] = {}
        self._before: frozenset[int] = frozenset()

    def update(self, faces: Sequence[TrackedFace]) -> dict[int, frozenset[int]]:
        """Return for each face that is behind others the `track_id` of these; faces that meet nobody are left out."""
        boxes = {face.track_id: _grown(geometry.box_of(face.landmarks.points)) for face in faces}
        numbers = sorted(boxes)
        meeting = [(a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :] if _meet(boxes[a], boxes[b])]
        self._behind = {
            (a, b): self._behind[a, b] if (a, b) in self._behind else self._is_behind(a, b, boxes) for a, b in meeting
        }
        self._before = frozenset(numbers)
        found: dict[int, frozenset[int]] = {}
        for (a, b), is_first in self._behind.items():
            back, front = (a, b) if is_first else (b, a)
            found[back] = found.get(back, frozenset()) | {front}
        return found

    def _is_behind(self, a: int, b: int, boxes: dict[int, _Box]) -> bool:
        """Return True when `a` is behind `b`; they have just met."""
        ratio = (boxes[a][3] - boxes[a][1]) / max(boxes[b][3] - boxes[b][1], 1e-3)
        if (a in self._before) == (b in self._before):
            return ratio < 1
        return ratio < TUNING.surely_nearer if b in self._before else ratio < 1 / TUNING.surely_nearer


def _grown(box_xyxy: _Box) -> _Box:
    x1, y1, x2, y2 = box_xyxy
    x, y = TUNING.margin * (x2 - x1), TUNING.margin * (y2 - y1)
    return x1 - x, y1 - y, x2 + x, y2 + y


def _meet(a: _Box, b: _Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def hidden_by(points: Floats, nearer: Sequence[Floats]) -> Mask:
    """Return where nearer faces lie over the face with landmarks `points` (478, 3): a texture, 0 or 1, uint8 (128, 128)."""
    x1, y1, x2, y2 = geometry.box_of(points)
    scale = TUNING.side / max(x2 - x1, y2 - y1, 1.0)
    corner = np.array([x1, y1], np.float32)
    picture = np.zeros((max(2, round((y2 - y1) * scale) + 2), max(2, round((x2 - x1) * scale) + 2)), np.uint8)
    right, left = landmark_sets.EYE_CORNERS
    for each in nearer:
        grow = TUNING.grow * scale * float(np.linalg.norm(each[right] - each[left]))
        oval = [np.clip((each[list(landmark_sets.FACE_OVAL), :2] - corner) * scale, -4096, 4096).round().astype(np.int32)]
        cv2.fillPoly(picture, oval, 1)
        cv2.polylines(picture, oval, True, 1, max(1, round(2 * grow)))
    return unwrap_mask(picture, (points[:, :2] - corner) * np.float32(scale))
