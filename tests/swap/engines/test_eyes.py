"""Eyes under narrower lids: the lids cover more of the eyeball, which keeps its shape."""

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, texture_points
from mien.swap.engines.mesh.eyes import LEAST_OPEN, covered, eye_triangles, openings, with_eyes

_COUNT = 478
_RING = len(landmark_sets.RIGHT_EYE)


def test_the_outlines_of_both_eyes_follow_the_landmarks() -> None:
    points = face_model().shape
    found = with_eyes(points)
    assert np.array_equal(found[:_COUNT], points)
    assert np.array_equal(found[_COUNT : _COUNT + _RING], points[list(landmark_sets.RIGHT_EYE)])
    assert np.array_equal(found[_COUNT + _RING :], points[list(landmark_sets.LEFT_EYE)])
    more = np.concatenate([points, points[:5]])
    assert np.array_equal(with_eyes(more), found), "what is added behind the landmarks is no eye"


def test_the_triangles_are_those_of_the_eyes() -> None:
    points = with_eyes(face_model().shape)
    own = np.concatenate(
        [
            landmark_sets.fan(landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS),
            landmark_sets.fan(landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS),
        ]
    )
    assert np.array_equal(points[eye_triangles()], points[own])
    assert int(eye_triangles().max()) == len(points) - 1


def test_an_eye_that_is_closed_further_shows_less_of_the_photos() -> None:
    flat = texture_points(256)
    found = covered(flat, (0.4, 0.4), (0.2, 0.6))
    middle = flat[landmark_sets.RIGHT_IRIS, 1]
    own, shown = (values[list(landmark_sets.RIGHT_EYE)] for values in (flat, flat))
    shown = found[_COUNT : _COUNT + _RING]
    assert np.allclose(shown[:, 1] - middle, 0.5 * (own[:, 1] - middle), atol=1e-3)
    assert np.array_equal(shown[:, 0], own[:, 0])
    assert np.allclose(found[_COUNT + _RING :], flat[list(landmark_sets.LEFT_EYE)]), "a wider one is stretched"


def test_shut_lids_and_an_eye_without_width_are_bounded() -> None:
    flat = texture_points(256)
    middle = flat[landmark_sets.LEFT_IRIS, 1]
    shut = covered(flat, (0.4, 0.4), (0.0, 0.0))[_COUNT + _RING :, 1] - middle
    assert np.allclose(shut, LEAST_OPEN * (flat[list(landmark_sets.LEFT_EYE), 1] - middle), atol=1e-3)
    assert openings(np.zeros((_COUNT, 3), np.float32)) == (0.0, 0.0)


def test_an_opening_does_not_depend_on_the_size() -> None:
    points = face_model().shape
    assert np.allclose(openings(points), openings(points * 3))
    assert 0.15 < openings(points)[0] < 0.5
