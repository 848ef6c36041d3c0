"""The silhouette of a hand: over its joints, of the hand's own width, in any picture."""

import cv2
import numpy as np
import pytest

from mien.face.hand_silhouette import TUNING, silhouette
from mien.types import Affine, Hand, Mask
from tests.support.parser_props import pose

SIZE = (160, 180)
SAME: Affine = np.array([[1.0, 0, 0], [0, 1, 0]])
PALM = 50.0
HAND = Hand(pose((80.0, 160.0), PALM), 1.0)
FREE = ((5, 5), (155, 5), (5, 175), (80, 30))
"""Spots (x, y) beside the hand and above it."""


def _drawn(to_picture: Affine = SAME, size: tuple[int, int] = SIZE, grow: float = 1.0, hand: Hand = HAND) -> Mask:
    return silhouette(hand, to_picture, size, grow)


def test_it_covers_the_joints_and_the_palm_and_no_more() -> None:
    drawn = _drawn()
    assert drawn.shape == (SIZE[1], SIZE[0])
    assert set(np.unique(drawn)) == {0, 255}
    for x, y in HAND.points[:, :2].round().astype(int):
        assert drawn[y, x] == 255
    x, y = HAND.points[[0, 5, 17], :2].mean(0).round().astype(int)
    assert drawn[y, x] == 255
    assert not any(drawn[y, x] for x, y in FREE)


def test_fingers_are_as_wide_as_the_tuning_says() -> None:
    alone = HAND.points.copy()
    for root in (5, 13, 17):
        alone[root : root + 4] = alone[root]
    drawn = _drawn(hand=Hand(alone, 1.0))
    wide = np.count_nonzero(drawn[round(float(alone[[10, 11], 1].mean()))])
    palm = max(float(np.linalg.norm(HAND.points[5] - HAND.points[17])), TUNING.palm_length * PALM)
    assert wide == pytest.approx(TUNING.finger * palm, abs=2.5)


def test_it_grows_and_shrinks() -> None:
    sizes = [np.count_nonzero(_drawn(grow=grow)) for grow in (0.55, 0.7, 1.0, 1.3)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.8 * sizes[2]


def test_another_picture_shows_the_same_hand() -> None:
    turn = np.radians(30)
    linear = 2 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    to_picture = np.hstack([linear, [[120.0], [-20.0]]])
    wanted = cv2.warpAffine(_drawn(), to_picture, (400, 400)) > 127
    found = _drawn(to_picture, (400, 400)) > 127
    assert np.count_nonzero(wanted & found) > 0.9 * np.count_nonzero(wanted | found)


def test_a_hand_seen_from_the_side_is_not_a_line() -> None:
    flat = HAND.points.copy()
    flat[:, 0] = flat[:, 0].mean()
    drawn = _drawn(hand=Hand(flat, 1.0))
    assert np.count_nonzero(drawn[140]) > 5


@pytest.mark.parametrize("shift", [(1000.0, 0.0), (-60.0, -60.0), (0.0, 120.0)])
def test_a_hand_outside_or_at_the_border_is_cut(shift: tuple[float, float]) -> None:
    moved = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    wanted = cv2.warpAffine(_drawn(), moved, SIZE) > 127
    assert np.count_nonzero((_drawn(moved) > 127) & wanted) >= 0.98 * np.count_nonzero(wanted)
    assert np.count_nonzero(_drawn(moved)) < np.count_nonzero(_drawn())
