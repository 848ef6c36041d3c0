"""The colour kernels against the formulas of H.273, and what a round trip costs."""

import cv2
import numpy as np
import pytest

from mien.imaging import yuv
from mien.types import Array, Image
from tests.support.portraits import COLLINS, read

MATRICES = [1, 5, 6, 7, 9]


def _encode(picture: Image, matrix: int, full_range: bool) -> tuple[Array, Array, Array]:
    height, width = picture.shape[:2]
    y = np.empty((height, width), np.uint8)
    u, v = np.empty((height // 2, width // 2), np.uint8), np.empty((height // 2, width // 2), np.uint8)
    yuv.from_bgr(picture, yuv.encoding_weights(matrix, full_range), y, u, v)
    return y, u, v


def _decode(planes: tuple[Array, Array, Array], matrix: int, full_range: bool) -> Image:
    y, u, v = planes
    picture = np.empty((*y.shape, 3), np.uint8)
    yuv.to_bgr(y, u, v, yuv.decoding_weights(matrix, full_range), picture)
    return picture


def _round_trip(picture: Image, matrix: int, full_range: bool) -> Image:
    return _decode(_encode(picture, matrix, full_range), matrix, full_range)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_planes_follow_the_formulas(matrix: int, full_range: bool) -> None:
    draw = np.random.default_rng(matrix)
    colours = draw.integers(0, 256, (40, 3)).astype(np.uint8)
    picture = np.repeat(np.repeat(colours[None], 2, axis=0), 2, axis=1)
    kr, kb = yuv.KR_KB[matrix]
    blue, green, red = (colours[:, i] / 255 for i in range(3))
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma_u, chroma_v = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    y, u, v = _encode(np.ascontiguousarray(picture), matrix, full_range)
    wanted_y = 255 * luma if full_range else 16 + 219 * luma
    gain = 255 if full_range else 224
    assert np.abs(y[0, ::2] - wanted_y).max() <= 0.51
    assert np.abs(u[0] - np.clip(128 + gain * chroma_u, 0, 255)).max() <= 0.51
    assert np.abs(v[0] - np.clip(128 + gain * chroma_v, 0, 255)).max() <= 0.51


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_a_round_trip_has_no_bias_and_the_second_changes_nothing(matrix: int, full_range: bool) -> None:
    picture = read(COLLINS)
    once = _round_trip(picture, matrix, full_range)
    twice = _round_trip(once, matrix, full_range)
    difference = once.astype(float) - picture
    assert np.abs(difference.mean((0, 1))).max() < 0.15
    assert np.abs(difference).mean() < 1.5
    assert cv2.absdiff(once, twice).mean() < 0.02


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
def test_greys_are_exact_at_the_ends_and_stay_grey(level: int) -> None:
    picture = np.full((4, 4, 3), level, np.uint8)
    for full_range in (False, True):
        result = _round_trip(picture, 1, full_range)
        assert np.abs(result.astype(int) - level).max() <= 1
        assert (result == result[:, :, :1]).all()


def test_numbers_outside_the_range_are_clipped() -> None:
    y = np.array([[0, 255], [0, 255]], np.uint8)
    chroma = np.array([[255]], np.uint8)
    result = _decode((y, chroma, chroma), 1, full_range=False)
    assert result.min() == 0
    assert result.max() == 255


@pytest.mark.parametrize("step", [1, 2], ids=["frame", "field"])
def test_every_band_and_field_is_the_formula_in_integers(step: int) -> None:
    draw = np.random.default_rng(step)
    y, u, v = (draw.integers(0, 256, shape).astype(np.uint8) for shape in ((276, 38), (138, 19), (138, 19)))
    rows = slice(None, None, step)
    offset, gain, red_v, green_u, green_v, blue_u = (int(each) for each in yuv.decoding_weights(1, False))
    wide_u, wide_v = (np.repeat(np.repeat(each[rows], 2, 0), 2, 1).astype(np.int64) - 128 for each in (u, v))
    luma = (y[rows].astype(np.int64) - offset) * gain + 32768
    colours = luma + blue_u * wide_u, luma - green_u * wide_u - green_v * wide_v, luma + red_v * wide_v
    wanted = np.clip(np.dstack(colours) >> 16, 0, 255)
    result = np.zeros((276, 38, 3), np.uint8)
    yuv.to_bgr(y[rows], u[rows], v[rows], yuv.decoding_weights(1, False), result[rows])
    assert np.array_equal(result[rows], wanted)
    weights = yuv.encoding_weights(1, False)
    yuv.from_bgr(result[rows], weights, y[rows], u[rows], v[rows])
    blue, green, red = np.moveaxis(wanted, 2, 0)
    table = weights[1:].reshape(3, 3).astype(np.int64)
    assert np.array_equal(y[rows], (table[0, 0] * red + table[0, 1] * green + table[0, 2] * blue + weights[0] + 32768) >> 16)
    sums = [each[::2, ::2] + each[1::2, ::2] + each[::2, 1::2] + each[1::2, 1::2] for each in (red, green, blue)]
    for plane, row in ((u, table[1]), (v, table[2])):
        mean = (sum(weight * each for weight, each in zip(row, sums, strict=True)) + (128 << 18) + (1 << 17)) >> 18
        assert np.array_equal(plane[rows], np.clip(mean, 0, 255))


def test_planes_with_whole_columns_of_chroma_decode_alike() -> None:
    """4:2:2 whose rows of chroma come in equal pairs is the same picture as 4:2:0."""
    y, u, v = _encode(read(COLLINS)[:200, :160], 1, True)
    doubled = y, np.repeat(u, 2, axis=0), np.repeat(v, 2, axis=0)
    assert np.array_equal(_decode((y, u, v), 1, True), _decode(doubled, 1, True))
    rows = (np.arange(8)[:, None] * 30).astype(np.uint8)
    steps = np.repeat(rows, 4, axis=1)
    grey = _decode((np.full((8, 8), 128, np.uint8), np.full((8, 4), 128, np.uint8), steps), 1, True)
    assert (np.diff(grey[:, 0, 2].astype(int)) >= 0).all(), "every row has its own chroma"
    assert len(np.unique(grey[:, 0, 2])) > 4
