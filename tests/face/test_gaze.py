"""Irises turned into the camera."""

import numpy as np
import pytest

from mien.face.gaze import into_the_camera
from mien.face.mean_face import face_model
from mien.types import Floats
from tests.support.heads import turned
from tests.support.portraits import COLLINS, portrait


def _head(yaw: float) -> Floats:
    return (np.array([300.0, 200.0, 0.0]) + 100 * (face_model().shape @ turned(0, yaw, 0).T)).astype(np.float32)


def test_only_the_irises_move() -> None:
    points = portrait(COLLINS).landmarks.points
    moved = into_the_camera(points)
    changed = np.flatnonzero((moved != points).any(axis=1))
    assert set(changed) <= {468, 473}
    assert np.linalg.norm(moved - points, axis=1).max() < 0.06 * np.linalg.norm(points[33] - points[263])


def test_eyes_of_a_head_that_looks_ahead_stay() -> None:
    assert np.abs(into_the_camera(_head(0)) - _head(0)).max() < 0.5


@pytest.mark.parametrize("yaw", [-25.0, 25.0])
def test_a_turned_head_looks_back_at_the_camera(yaw: float) -> None:
    before, after = _head(yaw), into_the_camera(_head(yaw))
    nose = before[4, 0] - before[168, 0]
    for iris in (468, 473):
        assert (after[iris, 0] - before[iris, 0]) * nose < 0, "against the way the nose points"
