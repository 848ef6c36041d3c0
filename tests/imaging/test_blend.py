"""Blended and relit crops, on values whose result is known."""

import numpy as np
import pytest

from mien.imaging.blend import add_levels, blend, lay_below, mix_in, relight, resurface

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


def test_resurface_lays_the_wanted_colour_and_bounds_the_detail() -> None:
    image = np.full((20, 20, 3), 100, np.uint8)
    image[4, 4], image[5, 5] = 20, 104
    untouched = image.copy()
    maps = np.zeros((10, 10, 6), np.float32)
    maps[:, :, 0:3], maps[:, :, 3] = (60, 120, 180), 100
    resurface(image, (0, 0, 20, 20), maps, 5.0)
    assert (image == untouched).all(), "no share, no change"
    maps[:5, :, 4] = 1
    resurface(image, (0, 0, 20, 20), maps, 5.0)
    assert (image[2, 2] == (60, 120, 180)).all()
    assert 55 <= image[4, 4, 0] <= 56, "a hair of 80 levels leaves less than 5"
    assert 62 <= image[5, 5, 0] <= 63, "fine detail stays"
    assert (image[12:] == untouched[12:]).all()


def test_resurface_beyond_the_oval_takes_only_what_is_darker() -> None:
    image = np.full((20, 20, 3), 200, np.uint8)
    image[:, 10:] = 40
    before = image.copy()
    maps = np.zeros((5, 5, 6), np.float32)
    maps[:, :, 0:3], maps[:, :, 3], maps[:, :, 4:6] = 120, 120, 1
    part = image[2:18, 2:18]
    resurface(image, (2, 2, 18, 18), maps, 1.0)
    assert (image[:, :10] == before[:, :10]).all(), "a pale wall stays"
    assert (abs(part[:, 9:].astype(int) - 120) <= 1).all()
    assert (image[:2] == before[:2]).all()
    assert (image[:, 18:] == before[:, 18:]).all()


def test_lay_below_shows_where_the_upper_picture_is_transparent() -> None:
    crop, mask = np.full((6, 6, 3), 200, np.uint8), np.zeros((6, 6), np.uint8)
    mask[:, :2], mask[:, 2:4] = 255, 102
    below, opacity = np.full((4, 6, 3), 50, np.uint8), np.full((4, 6), 255, np.uint8)
    opacity[3] = 1
    lay_below(crop, mask, below, opacity, 0, 1, np.array([1, 2, 9], np.float32))
    assert (crop[1:4, :2] == 200).all()
    assert (mask[1:4] == 255).all()
    assert (crop[2, 5] == (50, 100, 255)).all()
    assert (abs(crop[2, 3].astype(int) - (0.4 * 200 + 0.6 * np.array([50, 100, 255]))) <= 1).all()
    assert (crop[[0, 4, 5]] == 200).all(), "nothing beside it and nothing where it is clear"
    assert (mask[4] == (255, 255, 102, 102, 0, 0)).all()


def test_mix_in_is_exact_at_both_ends_and_halfway() -> None:
    base = np.full((8, 8, 4), 100, np.uint8)
    part = np.full((2, 2, 4), 255, np.uint8)
    part[:, :, :3] = 40
    part[0, 0, 3] = 0
    for share, wanted in ((0, 100), (128, 70), (256, 40)):
        texture = base.copy()
        mix_in(texture, base, part, 3, 2, share)
        assert (texture[3, 4, :3] == wanted).all()
        assert (texture[2, 3] == 100).all(), "where the part does not show nothing changes"
        assert (texture[:, :, 3] == 100).all()
        assert (texture[:2] == 100).all()
    twice = base.copy()
    for _ in range(2):
        mix_in(twice, base, part, 3, 2, 128)
    assert (twice[3, 4, :3] == 40).all(), "shares of the same difference add up"


def test_added_levels_stop_at_black_and_white() -> None:
    image = np.array([[0, 1, 127, 254, 255]] * 3, np.uint8)
    add_levels(image, np.array([[-1] * 5, [0] * 5, [3, -128, 127, 2, -2]], np.int8))
    assert image.tolist() == [[0, 0, 126, 253, 254], [0, 1, 127, 254, 255], [3, 0, 254, 255, 253]]
