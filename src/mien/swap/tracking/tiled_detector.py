"""Detection in very large, wide or tall pictures: in tiles, as finely as in an ordinary picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from mien.contracts import Detector
from mien.imaging.geometry import overlap
from mien.types import Detection, Image


@dataclass(frozen=True, slots=True)
class TileTuning:
    """Tiles, in pixels of the picture."""

    whole_side: int = 5120
    """Longer side up to which the picture as a whole is seen finely enough, at a quarter of its size by 1280 pixels."""
    whole_aspect: float = 2.0
    """Longer by shorter side up to which it is."""
    max_side: int = 2560
    """Side of a tile in a very large picture: faces of 40 pixels and more are seen surely, of 24 mostly."""
    min_side: int = 640
    """Side below which a tile would be enlarged for the detector."""
    overlap: float = 0.25
    """Share of a tile; a face larger than that is seen in the whole picture."""
    max_tiles: int = 24
    """Bounds the time: with the whole picture 25 runs of the detector."""
    same_face_overlap: float = 0.4
    """Covered share of a box from which two detections are of one face."""
    cut_margin: float = 0.05
    """Share of a face's longer side by which it must stay clear of a border inside the picture."""


TUNING = TileTuning()


class TiledDetector:
    """A `contracts.Detector` that searches the picture as a whole and, where that is too coarse, in overlapping tiles.

    Costs at most as much as 25 ordinary pictures.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, image: Image) -> list[Detection]:
        """Faces in a BGR picture of any size, best score first, overlaps removed."""
        found = self._detector.detect(image)
        height, width = image.shape[:2]
        for left, top, side_x, side_y in tiles(width, height):
            tile = np.ascontiguousarray(image[top : top + side_y, left : left + side_x])
            inner = (left > 0, top > 0, left + side_x < width, top + side_y < height)
            found += [_moved(each, left, top) for each in self._detector.detect(tile) if not _is_cut(each, tile, inner)]
        kept: list[Detection] = []
        for each in sorted(found, key=lambda detection: -detection.score):
            if all(overlap(each.box_xyxy, other.box_xyxy) < TUNING.same_face_overlap for other in kept):
                kept.append(each)
        return kept


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each tile; none where the whole picture is enough."""
    longer, shorter = max(width, height), min(width, height)
    if longer <= TUNING.whole_side and longer <= max(TUNING.whole_aspect * shorter, 2 * TUNING.min_side):
        return []
    side = max(min(shorter, TUNING.max_side), TUNING.min_side)
    while (found := list(_grid(width, height, side))) and len(found) > TUNING.max_tiles:
        side = ceil(side * sqrt(len(found) / TUNING.max_tiles)) + 1
    return found


def _grid(width: int, height: int, side: int) -> Iterator[tuple[int, int, int, int]]:
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top, min(side, width), min(side, height)


def _starts(length: int, side: int) -> list[int]:
    """Spread starts evenly, the first at the beginning, the last at the end."""
    if length <= side:
        return [0]
    count = ceil((length - side) / (side * (1 - TUNING.overlap))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def _is_cut(found: Detection, tile: Image, inner: tuple[bool, bool, bool, bool]) -> bool:
    """Return True when a border inside the picture cuts the face: a neighbour, or the whole picture, has all of it."""
    left, top, right, bottom = found.box_xyxy
    margin = TUNING.cut_margin * max(right - left, bottom - top)
    height, width = tile.shape[:2]
    beyond = (left < margin, top < margin, right > width - margin, bottom > height - margin)
    return any(is_inner and is_beyond for is_inner, is_beyond in zip(inner, beyond, strict=True))


def _moved(found: Detection, left: int, top: int) -> Detection:
    x1, y1, x2, y2 = found.box_xyxy
    shift = np.array([left, top], np.float32)
    return Detection((x1 + left, y1 + top, x2 + left, y2 + top), found.points + shift, found.score)
