"""Brows go all the way that the picture shows, each on its own, and rest where they rest."""

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import head_pose
from mien.swap.memory.brows import TUNING, Brows
from mien.types import Floats, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, portrait

RIGHT, LEFT = list(landmark_sets.RIGHT_BROW), list(landmark_sets.LEFT_BROW)


def _face(right: float = 0.0, left: float = 0.0, yaw: float = 0.0) -> TrackedFace:
    """Return the portrait with its brows raised, in eye distances."""
    points = portrait(COLLINS).landmarks.points.copy()
    pose = head_pose(points)
    shape = pose.unplace(points)
    shape[RIGHT, 1] -= right
    shape[LEFT, 1] -= left
    return TrackedFace(1, Landmarks(pose.place(shape), 1.0), 1, yaw)


def _ways(face: TrackedFace, seen: TrackedFace) -> tuple[float, float]:
    """Return how much farther up the brows of `seen` are than those of `face`, in eye distances."""
    pose = head_pose(face.landmarks.points)
    apart: Floats = pose.unplace(face.landmarks.points) - pose.unplace(seen.landmarks.points)
    return float(apart[RIGHT, 1].mean()), float(apart[LEFT, 1].mean())


def _rested() -> Brows:
    brows = Brows()
    for _ in range(40):
        (face,) = brows.lengthened((_face(),))
    assert np.array_equal(face.landmarks.points, _face().landmarks.points), "a face at rest stays as it is"
    return brows


def test_raised_brows_go_farther_up_and_drawn_ones_farther_down() -> None:
    for way in (0.05, -0.05):
        face = _face(way, way)
        (seen,) = _rested().lengthened((face,))
        added = TUNING.gain * (abs(way) - TUNING.rest) * np.sign(way)
        np.testing.assert_allclose(_ways(face, seen), (added, added), rtol=0.1)


def test_one_brow_goes_alone_and_eyes_and_border_stay() -> None:
    face = _face(right=0.06)
    (seen,) = _rested().lengthened((face,))
    right, left = _ways(face, seen)
    assert right > 0.015
    assert abs(left) < 0.1 * right
    held = [*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE, *landmark_sets.FACE_OVAL, *landmark_sets.OUTER_LIPS]
    np.testing.assert_allclose(seen.landmarks.points[held], face.landmarks.points[held], atol=0.05)


def test_trembling_is_not_added_to_and_no_way_is_without_end() -> None:
    (still,) = _rested().lengthened((_face(0.005, -0.005),))
    assert np.array_equal(still.landmarks.points, _face(0.005, -0.005).landmarks.points)
    (wild,) = _rested().lengthened((_face(0.5, 0.5),))
    assert max(_ways(_face(0.5, 0.5), wild)) <= TUNING.most + 1e-3


def test_a_turned_head_and_another_stream_are_left_to_the_mesh() -> None:
    turned = _face(0.05, 0.05, yaw=50.0)
    (seen,) = _rested().lengthened((turned,))
    assert np.array_equal(seen.landmarks.points, turned.landmarks.points)
    (first,) = Brows().lengthened((_face(0.05, 0.05),))
    assert np.array_equal(first.landmarks.points, _face(0.05, 0.05).landmarks.points), "its rest is not known"
