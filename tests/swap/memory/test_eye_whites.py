"""Whites of eyes over time: a picture alone counts at once, a blink hardly, and shade that lasts after a second."""

import pytest

from mien.face import landmark_sets
from mien.swap.memory.eye_whites import EyeWhites
from tests.support.eyes import LOOPS, face_points, face_with_eyes

_POINTS = face_points()
_OPEN, _DARK = face_with_eyes(_POINTS, 112), face_with_eyes(_POINTS, 56)  # 0.7 and 0.35 of the skin


def test_the_first_picture_counts_whole() -> None:
    assert EyeWhites().update(_DARK, _POINTS) == pytest.approx(0.35, abs=0.01)


def test_a_blink_moves_little_and_shade_that_lasts_is_followed() -> None:
    whites = EyeWhites()
    for _ in range(50):
        before = whites.update(_OPEN, _POINTS)
    assert before == pytest.approx(0.7, abs=0.01)
    during = [whites.update(_DARK, _POINTS) for _ in range(5)]
    assert before - during[-1] < 0.07
    assert max(earlier - later for earlier, later in zip([before, *during], during, strict=False)) < 0.02
    for _ in range(75):
        lasting = whites.update(_DARK, _POINTS)
    assert lasting == pytest.approx(0.36, abs=0.02)


def test_nothing_is_learnt_between_lids_that_are_shut() -> None:
    shut = _POINTS.copy()
    for loop, iris in zip(LOOPS, (landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS), strict=True):
        shut[list(loop), 1] = shut[iris, 1] + 0.2 * (shut[list(loop), 1] - shut[iris, 1])
    whites = EyeWhites()
    before = whites.update(_OPEN, _POINTS)
    assert [whites.update(_DARK, shut) for _ in range(50)] == [before] * 50
