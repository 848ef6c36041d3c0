"""A face that comes out from behind another is the farther one, as long as the two meet."""

import numpy as np
import pytest

from mien.face.texels import facing
from mien.swap.memory.crossings import Crossings, hidden_by
from mien.types import Landmarks, TrackedFace
from tests.support.portraits import COLLINS, portrait


def _face(number: int, x: float, size: float = 1.0) -> TrackedFace:
    points = portrait(COLLINS).landmarks.points * np.float32(size)
    points = points + np.array([x - points[:, 0].mean(), 0, 0], np.float32)
    return TrackedFace(number, Landmarks(points.astype(np.float32), 1.0), 1)


_WIDTH = float(np.ptp(portrait(COLLINS).landmarks.points[:, 0]))


def test_faces_apart_are_in_no_order() -> None:
    assert Crossings().update((_face(1, 0), _face(2, 3 * _WIDTH))) == {}
    assert Crossings().update(()) == {}


@pytest.mark.parametrize("size", [0.9, 1.15])
def test_a_face_that_comes_up_beside_another_is_behind_it(size: float) -> None:
    crossings = Crossings()
    crossings.update((_face(1, 0),))
    for x in (0.5, 0.8):
        assert crossings.update((_face(1, 0), _face(2, x * _WIDTH, size))) == {2: frozenset({1})}
    assert crossings.update((_face(1, 0), _face(2, 3 * _WIDTH, size))) == {}


def test_who_is_much_larger_comes_in_front() -> None:
    crossings = Crossings()
    crossings.update((_face(1, 0),))
    assert crossings.update((_face(1, 0), _face(2, 0.6 * _WIDTH, 1.6))) == {1: frozenset({2})}


def test_of_two_that_meet_the_smaller_is_behind_and_stays_so_while_its_size_wavers() -> None:
    crossings = Crossings()
    crossings.update((_face(1, 0, 0.9), _face(2, 3 * _WIDTH)))
    for size in (0.9, 1.1, 0.95):
        assert crossings.update((_face(1, 0, size), _face(2, 0.9 * _WIDTH))) == {1: frozenset({2})}
    crossings = Crossings()
    assert crossings.update((_face(1, 0, 1.1), _face(2, 0.9 * _WIDTH))) == {2: frozenset({1})}


def test_the_texels_under_a_nearer_face_are_hidden() -> None:
    points = _face(1, 0).landmarks.points
    seen = facing(points) > 0
    shares = [float(hidden_by(points, [_face(2, x * _WIDTH).landmarks.points])[seen].mean()) for x in (0.0, 0.6, 3.0)]
    assert shares[0] > 0.97
    assert 0.2 < shares[1] < 0.6
    assert shares[2] == 0
    right = hidden_by(points, [_face(2, 0.6 * _WIDTH).landmarks.points])
    assert right[:, 96:].mean() > right[:, :32].mean()
