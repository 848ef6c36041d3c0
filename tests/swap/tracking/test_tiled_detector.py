"""Tiles of large pictures: everything is searched, everybody is found once, and the cost is bounded."""

import itertools

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.tracking.tiled_detector import TiledDetector, tiles
from mien.types import Detection, Image
from tests.support.portraits import HOPPER


class _Squares:
    """A detector of white squares that sees nothing smaller than a 64th of the longer side, as networks do."""

    def __init__(self) -> None:
        self.pictures = 0

    def detect(self, image: Image) -> list[Detection]:
        self.pictures += 1
        found = []
        contours, _ = cv2.findContours((image[:, :, 0] > 200).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            x, y, width, height = cv2.boundingRect(contour)
            if max(width, height) * 64 >= max(image.shape[:2]):
                # A face that is cut off is seen, and less surely.
                score = min(width, height) / max(width, height)
                found.append(Detection((x, y, x + width, y + height), np.full((5, 2), (x, y), np.float32), score))
        return found


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (4000, 3000), (5120, 2600), (600, 1280), (1280, 200)])
def test_an_ordinary_picture_is_searched_once(size: tuple[int, int]) -> None:
    assert tiles(*size) == []


@pytest.mark.parametrize(
    "size", [(12000, 1500), (1500, 12000), (6000, 4000), (3000, 900), (60000, 500), (20000, 20000), (300, 30000), (5121, 3500)]
)
def test_tiles_cover_everything_overlap_and_are_few(size: tuple[int, int]) -> None:
    width, height = size
    found = tiles(width, height)
    assert 1 < len(found) <= 24
    for axis, length in ((0, width), (1, height)):
        spans = sorted({(tile[axis], tile[axis] + tile[axis + 2]) for tile in found})
        assert (spans[0][0], spans[-1][1]) == (0, length)
        for (_, end), (start, stop) in itertools.pairwise(spans):
            assert end - start >= 0.2 * (stop - start)


@pytest.mark.parametrize("side", [24, 60, 330])
def test_a_face_is_found_once_wherever_it_is(side: int) -> None:
    width, height = 2400, 640
    borders = [edge for left, _, across, _ in tiles(width, height) for edge in (left, left + across)]
    places = {0, width - side, *(edge + shift for edge in borders for shift in (-side, -side // 2, -side // 20, 0))}
    for x in sorted(place for place in places if 0 <= place <= width - side):
        image = np.zeros((height, width, 3), np.uint8)
        image[100 : 100 + side, x : x + side] = 255
        (found,) = TiledDetector(_Squares()).detect(image)
        assert found.box_xyxy == (x, 100, x + side, 100 + side)
        assert found.points[0].tolist() == [x, 100]


def test_people_side_by_side_are_all_found() -> None:
    image = np.zeros((900, 6000, 3), np.uint8)
    for x in range(10, 5900, 120):
        image[400:490, x : x + 90] = 255
    detector = _Squares()
    found = TiledDetector(detector).detect(image)
    assert sorted(int(each.box_xyxy[0]) for each in found) == list(range(10, 5900, 120))
    assert detector.pictures == 1 + len(tiles(6000, 900))


def test_a_small_face_in_a_panorama() -> None:
    """60 pixels of face in 6000 x 800: seen by the network in a tile, and in the picture as a whole not at all."""
    models = factory.open_models(Settings(), Store())
    portrait = cv2.imread(str(HOPPER))
    assert portrait is not None
    small = cv2.resize(portrait, (128, 150), interpolation=cv2.INTER_AREA)
    image = np.full((800, 6000, 3), 120, np.uint8)
    left = tiles(6000, 800)[3][0] - 64
    image[300:450, left : left + 128] = small
    assert models.photo_detector.detect(image) == []
    (found,) = TiledDetector(models.photo_detector).detect(image)
    x1, y1, x2, y2 = found.box_xyxy
    assert left < x1 < x2 < left + 128
    assert 300 < y1 < y2 < 450
