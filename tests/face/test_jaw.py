"""The coarse picture of a jaw: its window, its colours, what lies before it."""

import numpy as np
import pytest

from mien.face.jaw import TUNING, smoothed, tone_of, uncovered, window_of
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.types import Mask
from tests.support.portraits import COLLINS, portrait

POINTS = portrait(COLLINS).landmarks.points
IMAGE = portrait(COLLINS).image


def _unit() -> float:
    return float(np.linalg.norm(POINTS[33] - POINTS[263]))


def test_a_window_holds_jaw_and_neck_at_one_scale() -> None:
    window = window_of(IMAGE, POINTS, 0.4)
    assert window is not None
    left, top, right, bottom = window.box_xyxy
    assert bottom >= min(IMAGE.shape[0], POINTS[152, 1] + 0.4 * _unit())
    assert top < POINTS[2, 1]
    assert left < POINTS[:, 0].min()
    assert right > POINTS[:, 0].max()
    assert window.size_wh[0] / (right - left) == pytest.approx(TUNING.scale / _unit(), rel=0.02)
    corner = geometry.apply(window.to_coarse(), np.array([[left - 0.5, top - 0.5]]))
    assert np.abs(corner + 0.5).max() < 1e-3


def test_a_face_outside_the_picture_has_no_window() -> None:
    away = POINTS + np.array([5000, 0, 0], np.float32)
    assert window_of(IMAGE, away, 0.4) is None
    assert window_of(IMAGE, (POINTS * np.float32(0.005)).astype(np.float32), 0.4) is None


def test_the_tone_is_that_of_cheeks_and_nose() -> None:
    window = window_of(IMAGE, POINTS, 0.4)
    assert window is not None
    local = geometry.apply(window.to_coarse(), POINTS[:, :2])
    tone = tone_of(smoothed(window.coarse(IMAGE)), local)
    x, y = POINTS[205, :2].astype(int)
    assert np.abs(tone - IMAGE[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1))).max() < 40
    assert (tone_of(smoothed(window.coarse(IMAGE)), local + 9999) == 1).all()


def test_what_is_covered_is_known() -> None:
    window = window_of(IMAGE, POINTS, 0.4)
    assert window is not None
    local = geometry.apply(window.to_coarse(), POINTS[:, :2])
    assert (uncovered(local, window.size_wh, None) == 1).all()
    hand: Mask = np.zeros((SIDE, SIDE), np.uint8)
    hand[90:, : SIDE // 2] = 255
    free = uncovered(local, window.size_wh, hand)
    x, y = local[136].round().astype(int)
    assert free[y, x - 1] < 0.2
    x, y = local[365].round().astype(int)
    assert free[y, x - 1] == 1
