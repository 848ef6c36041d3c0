"""Faces of very large, wide or tall pictures: searched in tiles, as finely as an ordinary picture."""

from collections.abc import Iterator
from math import ceil, sqrt

import numpy as np

from mien.contracts import Detector
from mien.imaging.geometry import overlap
from mien.types import Detection, Image

WHOLE_SIDE = 5120
"""Longer side up to which the picture as a whole is seen finely enough, at a quarter of its size by 1280 pixels."""
WHOLE_ASPECT = 2.0
"""Longer by shorter side up to which it is."""
_TILE_SIDE = 2560
"""Pixels of a tile in a very large picture: faces of 40 pixels and more are seen surely, of 24 mostly."""
_LEAST_TILE = 640
_OVERLAP = 0.25
"""Share of a tile; a face larger than that is seen in the whole picture."""
_MOST_TILES = 24
_SAME_FACE = 0.4


class TiledLook:
    """A `contracts.Detector` that searches the picture as a whole and, where that is too coarse, in overlapping tiles.

    Costs at most as much as 25 ordinary pictures.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, image: Image) -> list[Detection]:
        found = self._detector.detect(image)
        height, width = image.shape[:2]
        for left, top, side_x, side_y in tiles(width, height):
            tile = np.ascontiguousarray(image[top : top + side_y, left : left + side_x])
            inner = (left > 0, top > 0, left + side_x < width, top + side_y < height)
            found += [_moved(each, left, top) for each in self._detector.detect(tile) if not _is_cut(each, tile, inner)]
        kept: list[Detection] = []
        for each in sorted(found, key=lambda detection: -detection.score):
            if all(overlap(each.box_xyxy, other.box_xyxy) < _SAME_FACE for other in kept):
                kept.append(each)
        return kept


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each tile; none where the whole picture is enough."""
    longer, shorter = max(width, height), min(width, height)
    if longer <= WHOLE_SIDE and longer <= max(WHOLE_ASPECT * shorter, 2 * _LEAST_TILE):
        return []
    side = max(min(shorter, _TILE_SIDE), _LEAST_TILE)
    while (found := list(_grid(width, height, side))) and len(found) > _MOST_TILES:
        side = ceil(side * sqrt(len(found) / _MOST_TILES)) + 1
    return found


def _grid(width: int, height: int, side: int) -> Iterator[tuple[int, int, int, int]]:
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top, min(side, width), min(side, height)


def _starts(length: int, side: int) -> list[int]:
    """Evenly spread, the first at the beginning, the last at the end."""
    if length <= side:
        return [0]
    count = ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def _is_cut(found: Detection, tile: Image, inner: tuple[bool, bool, bool, bool]) -> bool:
    """Return whether a border inside the picture cuts the face: a neighbour, or the whole picture, has all of it."""
    left, top, right, bottom = found.box_xyxy
    margin = 0.05 * max(right - left, bottom - top)
    height, width = tile.shape[:2]
    beyond = (left < margin, top < margin, right > width - margin, bottom > height - margin)
    return any(is_inner and is_beyond for is_inner, is_beyond in zip(inner, beyond, strict=True))


def _moved(found: Detection, left: int, top: int) -> Detection:
    x1, y1, x2, y2 = found.box_xyxy
    shift = np.array([left, top], np.float32)
    return Detection((x1 + left, y1 + top, x2 + left, y2 + top), found.points + shift, found.score)
