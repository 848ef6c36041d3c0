"""Whites of the eyes: the darker eye counts, unless it is the far one, whatever lies beyond the picture."""

import numpy as np
import pytest

from mien.face.eye_whites import whites_of
from tests.support.eyes import LOOPS, face_points, face_with_eyes


@pytest.mark.parametrize(
    ("name", "white", "loops", "share"),
    [
        ("open eyes", 150, LOOPS, 150 / 160),
        ("eyes in shadow", 50, LOOPS, 50 / 160),
        ("one eye in shadow", 50, LOOPS[:1], 50 / 160),
    ],
)
def test_the_whites_are_a_share_of_the_skin(name: str, white: int, loops: tuple[tuple[int, ...], ...], share: float) -> None:
    points = face_points()
    assert whites_of(face_with_eyes(points, white, loops), points) == pytest.approx(share, abs=0.01), name


def test_the_far_eye_of_a_turned_head_does_not_count() -> None:
    points, nose = face_points(), 256.0
    far = points[:, 0] > nose
    points[far, 0] = nose + 0.5 * (points[far, 0] - nose)
    assert whites_of(face_with_eyes(points, 50, LOOPS[1:]), points) == pytest.approx(150 / 160, abs=0.01)


def test_a_face_beyond_the_border_is_judged_by_what_is_seen() -> None:
    away = face_points() - np.array([400, 0, 0], np.float32)
    assert 0 <= whites_of(face_with_eyes(face_points(), 150), away) <= 1
