"""Faces of a single picture, whichever way up they are: a detector takes an inverted face for an upright one."""

import numpy as np

from mien.contracts import Detector
from mien.geometry import covered
from mien.types import Detection, Floats, Image

_CLEAR = 0.92
"""Score from which a face is surely the right way up: upright ones reach 0.95, inverted ones 0.91."""
_UPRIGHT = 0.04
"""Lead of what was seen in the picture as it is, of the 0.05 and more by which the right way up wins."""
_SAME_FACE = 0.4


class TurnedLook:
    """A `contracts.Detector` that turns the picture by quarters unless everybody in it is clearly upright."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, image: Image) -> list[Detection]:
        upright = self._detector.detect(image)
        if upright and min(found.score for found in upright) >= _CLEAR:
            return upright
        ranked = [(found.score + _UPRIGHT, found) for found in upright]
        for quarters in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(image, quarters))
            size_wh = turned.shape[1], turned.shape[0]
            ranked += [(found.score, _turned_back(found, quarters, *size_wh)) for found in self._detector.detect(turned)]
        kept: list[Detection] = []
        for _, found in sorted(ranked, key=lambda each: -each[0]):
            if all(covered(found.box_xyxy, other.box_xyxy) < _SAME_FACE for other in kept):
                kept.append(found)
        return sorted(kept, key=lambda found: -found.score)


def _turned_back(found: Detection, quarters: int, width: int, height: int) -> Detection:
    """The detection in the pixels of the picture that was turned so often, counter-clockwise, into `width` x `height`."""
    corners = np.array(found.box_xyxy, np.float32).reshape(2, 2)
    points = np.concatenate([corners, found.points])
    for _ in range(quarters):
        points = np.asarray(np.column_stack([height - 1 - points[:, 1], points[:, 0]]), np.float32)
        width, height = height, width
    low, high = points[:2].min(0).tolist(), points[:2].max(0).tolist()
    turned_back: Floats = points[2:]
    return Detection((low[0], low[1], high[0], high[1]), turned_back, found.score)
