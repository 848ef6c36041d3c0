"""Blended and relit crops, on values whose result is known."""

import numpy as np
import pytest

from mien.imaging.blend import blend, relight

SIZE = 16


def test_relight_moves_the_mean_and_scales_the_rest() -> None:
    crop = np.full((8, 8, 3), 100, np.uint8)
    crop[0, 0] = 80
    crop[0, 1] = 120
    mask = np.full((8, 8), 255, np.uint8)
    mask[7, 7] = 0
    light = np.zeros((2, 2, 13), np.float32)
    light[:, :, 0:3], light[:, :, 3:6], light[:, :, 6:9], light[:, :, 9:12], light[:, :, 12] = 100, 50, 0.2, 1.7, 0.3
    relight(crop, mask, light)
    assert (crop[4, 4] == 50).all()
    assert (crop[0, 0] == 40).all(), "darker than the mean: half of the difference is kept"
    assert (crop[0, 1] == 90).all(), "brighter than the mean: twice the difference"
    assert (crop[7, 7] == 100).all(), "outside the mask nothing changes"


def test_relight_saturates_instead_of_wrapping() -> None:
    crop = np.full((4, 4, 3), 250, np.uint8)
    light = np.zeros((2, 2, 13), np.float32)
    light[:, :, 3:6] = 400
    relight(crop, np.full((4, 4), 255, np.uint8), light)
    assert (crop == 255).all()


@pytest.mark.parametrize("place", [(0, 0), (-3, -3), (13, 13), (-20, 0), (0, 99)])
def test_blend_is_exact_at_both_ends_and_clips(place: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    image = draw.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    before = image.copy()
    crop = draw.integers(0, 256, (6, 6, 3), np.uint8)
    mask = np.zeros((6, 6), np.uint8)
    mask[1:5, 1:5] = 255
    left, top = place
    blend(image, crop, mask, left, top, 256)
    expected = before.copy()
    for y in range(6):
        for x in range(6):
            if mask[y, x] and 0 <= top + y < SIZE and 0 <= left + x < SIZE:
                expected[top + y, left + x] = crop[y, x]
    assert np.array_equal(image, expected)


def test_blend_with_half_opacity_meets_in_the_middle() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    blend(image, np.full((4, 4, 3), 200, np.uint8), np.full((4, 4), 255, np.uint8), 0, 0, 128)
    assert np.abs(image.astype(int) - 100).max() <= 1
