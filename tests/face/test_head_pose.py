"""Heads that turn away."""

import numpy as np
import pytest

from mien.face.head_pose import combined_yaw, far_side_opacity, yaw_of_mesh, yaw_of_points
from mien.face.mean_face import face_model, head_pose
from mien.types import Floats
from tests.support.heads import turned

_FIVE = ((33, 133), (362, 263), (4, 4), (61, 61), (291, 291))


def _head(yaw: float, scale: float = 80.0) -> Floats:
    placed: Floats = (face_model().shape @ turned(8, yaw, -5).T * scale + np.array([300, 200, 0])).astype(np.float32)
    return placed


@pytest.mark.parametrize("yaw", [-85.0, -60.0, -20.0, 0.0, 35.0, 75.0])
@pytest.mark.parametrize("scale", [20.0, 200.0])
def test_the_yaw_is_read_from_the_mesh_and_from_five_points(yaw: float, scale: float) -> None:
    points = _head(yaw, scale)
    five = np.array([points[list(pair), :2].mean(0) for pair in _FIVE], np.float32)
    assert yaw_of_mesh(points) == pytest.approx(head_yaw(points), abs=1e-6)
    assert yaw_of_points(five) == pytest.approx(yaw_of_mesh(points), abs=4)


def head_yaw(points: Floats) -> float:
    return float(np.degrees(np.arcsin(-head_pose(points).rotation[2, 0])))


def test_points_on_one_spot_say_nothing_and_do_no_harm() -> None:
    assert np.isfinite(yaw_of_points(np.full((5, 2), 7, np.float32)))


def test_the_far_side_goes_gradually_and_only_the_far_side() -> None:
    assert (far_side_opacity(0) == 1).all()
    assert (far_side_opacity(-37.9) == 1).all()
    before = far_side_opacity(38)
    for yaw in np.arange(38.5, 80, 0.5):
        now = far_side_opacity(float(yaw))
        assert (now <= before + 1e-6).all()
        assert (before - now).max() < 0.2, "no step that could flicker"
        before = now
    # Turned to the left of the picture: what is left of the nose is gone, what is right of it stays.
    side = face_model().shape[:, 0]
    assert (before[side < -0.05] == 0).all()
    assert (before[side > 0.35] == 1).all()
    mirrored = far_side_opacity(-79.5)
    assert np.allclose(mirrored[face_model().mirror], before, atol=1e-3)


def test_the_mesh_is_believed_from_the_front_and_the_detector_from_the_side() -> None:
    assert combined_yaw(10, 14) == 10
    assert combined_yaw(47, 75) == 75
    assert combined_yaw(28, 82) == 82
