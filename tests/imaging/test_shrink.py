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


@pytest.mark.parametrize("divisor", [2, 4, 8, 16])
@pytest.mark.parametrize("picture", ["noise", "black", "white", "a view"])
def test_halves_have_the_bits_of_opencv(divisor: int, picture: str) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (48, 144, 3), np.uint8)
    image = {"noise": noise, "black": np.zeros_like(noise), "white": np.full_like(noise, 255), "a view": noise[:, 8:-8]}[
        picture
    ]
    wanted = image
    while wanted.shape[0] > 48 // divisor:
        wanted = np.asarray(cv2.resize(wanted, (wanted.shape[1] // 2, wanted.shape[0] // 2), interpolation=cv2.INTER_AREA))
    np.testing.assert_array_equal(shrunk(image, (image.shape[1] // divisor, 48 // divisor)), wanted)
