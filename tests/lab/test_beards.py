"""Hairs of drawn beards: where they may grow, and the same for a seed."""

import numpy as np

from mien.lab.beards import BEARD_SHAPES, short_hairs
from tests.support.portraits import COLLINS, portrait

POINTS = portrait(COLLINS).landmarks.points


def test_hairs_grow_from_the_area_and_are_the_same_for_a_seed() -> None:
    area = np.zeros((200, 200), np.float32)
    area[120:140, 80:120] = 1
    first, again = (short_hairs(area, POINTS * 0 + 100, 50, np.random.default_rng(1), 0.1) for _ in range(2))
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert first[0][120:140, 80:120].mean() > 0.1
    assert first[0][:100].max() == 0
    more = short_hairs(area, POINTS * 0 + 100, 50, np.random.default_rng(1), 0.1, density=5)
    assert (more[0] > 0).sum() > (first[0] > 0).sum()
    nothing = short_hairs(area * 0, POINTS, 50, np.random.default_rng(1), 0.1)
    assert not nothing[0].any()


def test_every_shape_is_a_loop_of_landmarks() -> None:
    for loops in BEARD_SHAPES:
        assert all(0 <= number < 468 for loop in loops for number in loop)
