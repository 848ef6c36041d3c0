"""Pictures made smaller by halves: the means of areas within a level, at any size."""

import cv2
import numpy as np
import pytest

from mien.imaging.shrink import shrunk


@pytest.mark.parametrize("size_wh", [(64, 48), (32, 24), (16, 12), (40, 30), (21, 16), (63, 47), (1, 1)])
@pytest.mark.parametrize("shape", [(48, 64, 3), (48, 64)])
def test_it_is_the_mean_of_areas(size_wh: tuple[int, int], shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    found = shrunk(image, size_wh)
    assert found.shape == (size_wh[1], size_wh[0], *shape[2:])
    exact = cv2.resize(image.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
    assert np.abs(found - exact).max() <= 1.25


def test_a_picture_of_the_wanted_size_stays() -> None:
    image = np.zeros((8, 6, 3), np.uint8)
    assert shrunk(image, (6, 8)) is image
