"""Openings of eyes: shares of their width, at any size."""

import numpy as np

from mien.face.eye_openings import openings
from mien.face.mean_face import face_model


def test_an_eye_without_width_is_shut() -> None:
    assert openings(np.zeros((478, 3), np.float32)) == (0.0, 0.0)


def test_an_opening_does_not_depend_on_the_size() -> None:
    points = face_model().shape
    assert np.allclose(openings(points), openings(points * 3))
    assert 0.15 < openings(points)[0] < 0.5
