"""Corners of a grin's lips: the dark of the mouth and its teeth go, the middle and calm corners stay."""

from functools import cache

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.swap.source.calm_lips import calm_corners, lips
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.hard_light import even_face
from mien.types import Floats

_LIPSTICK = np.array([-0.3, -0.1, 0.25], np.float32)  # logarithms of luma, blue and red against calm faces
_CORNERS = landmark_sets.OUTER_LIPS[0], landmark_sets.OUTER_LIPS[10]


@cache
def _band() -> Floats:
    """The lips without the opening between them, float32 (256, 256), 0 or 1."""
    points, area = texture_points(HOLE_SIDE), np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    for loop, value in ((landmark_sets.OUTER_LIPS, 1), (landmark_sets.INNER_LIPS, 0)):
        cv2.fillPoly(area, [points[list(loop)].round().astype(np.int32)], value)
    return np.asarray(area, np.float32)


def _near(landmark: int, radius: float) -> Floats:
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    x, y = texture_points(HOLE_SIDE)[landmark].round().astype(int)
    cv2.circle(area, (int(x), int(y)), round(radius * HOLE_SIDE), 1, -1)
    return np.asarray(area, np.float32)


def _mended(apart: Floats) -> Floats:
    usual = even_face(HOLE_SIDE)
    wanted, share = calm_corners(apart, usual.mean, usual.deviation)
    return np.asarray(apart + (wanted - apart) * share[:, :, None], np.float32)


def _painted() -> Floats:
    """Painted lips of a calm face, as the difference from calm faces, float32 (256, 256, 3)."""
    return np.asarray(_band()[:, :, None] * _LIPSTICK, np.float32)


@pytest.mark.parametrize("change", [-1.5, 1.0])
@pytest.mark.parametrize("corner", _CORNERS)
def test_the_dark_of_a_corner_and_teeth_in_it_take_the_colour_of_the_lips(change: float, corner: int) -> None:
    spot = _near(corner, 0.035) * _band()
    grin = _painted()
    grin[:, :, 0] += change * spot
    inside = cv2.erode(spot, np.ones((3, 3), np.uint8)) > 0
    assert inside.any()
    off = np.abs(_mended(grin) - _painted())[inside]
    assert off[:, 0].mean() < 0.3 * abs(change)
    # The colour of the lips is no more than the whole of it, and no less than that of skin.
    red = _mended(grin)[inside][:, 2]
    assert red.min() >= -0.01
    assert red.max() <= _LIPSTICK[2] + 0.01


def test_the_middle_of_the_lips_and_skin_stay() -> None:
    spots = np.maximum.reduce([_near(landmark, 0.04) for landmark in (0, 17, 50, 280, 152)])
    grin = np.asarray(_painted() - 1.5 * spots[:, :, None], np.float32)
    assert np.abs(_mended(grin) - grin)[spots > 0].max() < 1e-4


def test_corners_of_a_calm_face_stay() -> None:
    calm = np.zeros((HOLE_SIDE, HOLE_SIDE, 3), np.float32)
    assert np.array_equal(_mended(calm), calm)


def test_the_lips_end_at_their_outline() -> None:
    area, points = lips(), texture_points(HOLE_SIDE).round().astype(int)
    assert area[points[17, 1] - 3, points[17, 0]] > 0.9
    assert area[points[17, 1] + 8, points[17, 0]] == 0
