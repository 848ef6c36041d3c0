"""Rectangles of pictures made smaller: the means of areas within a level, at any ratio."""

import cv2
import numpy as np
import pytest

from mien.imaging.area import area_means

BOXES = ((0, 0, 96, 64), (5, 3, 61, 50), (90, 60, 96, 64), (7, 9, 8, 10))


@pytest.mark.parametrize("box_xyxy", BOXES)
@pytest.mark.parametrize("share", [1.0, 0.97, 0.5, 0.41, 0.2, 0.01])
def test_it_is_the_mean_of_areas(box_xyxy: tuple[int, int, int, int], share: float) -> None:
    image = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    left, top, right, bottom = box_xyxy
    size_wh = max(1, round(share * (right - left))), max(1, round(0.9 * share * (bottom - top)))
    found = area_means(image, box_xyxy, size_wh)
    assert found.shape == (size_wh[1], size_wh[0], 3)
    exact = cv2.resize(image[top:bottom, left:right].astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
    assert np.abs(found - exact).max() <= 0.51


def test_black_and_white_stay() -> None:
    for level in (0, 255):
        assert np.all(area_means(np.full((33, 47, 3), level, np.uint8), (0, 0, 47, 33), (19, 31)) == level)


@pytest.mark.parametrize("size_wh", [(40, 20), (20, 40), (56, 47)])
def test_a_larger_picture_is_that_of_opencv(size_wh: tuple[int, int]) -> None:
    image = np.random.default_rng(4).integers(0, 256, (64, 96, 3), np.uint8)
    wanted = cv2.resize(image[3:33, 5:35], size_wh, interpolation=cv2.INTER_AREA)
    assert np.array_equal(area_means(image, (5, 3, 35, 33), size_wh), wanted)


def test_the_picture_itself_is_not_returned() -> None:
    image = np.zeros((8, 6, 3), np.uint8)
    area_means(image, (0, 0, 6, 8), (6, 8))[:] = 1
    assert not image.any()
