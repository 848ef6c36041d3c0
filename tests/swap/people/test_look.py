"""Looks: which views of a face say who it is, and which of them make a template."""

import numpy as np
import pytest

from mien.face.mean_face import face_model
from mien.swap.people.look import Look, best_of, look_at, weight_of, weight_of_face
from mien.testing import FakeRecogniser
from mien.types import Floats, Image, Landmarks, TrackedFace


def look(size: float = 100, yaw: float = 0, time_s: float = 0) -> Look:
    return Look(np.zeros(3, np.float32), size, yaw, time_s, (0, 0, size, size))


def face(size: float, yaw: float = 0.0, middle: tuple[float, float] = (100, 100)) -> TrackedFace:
    shape = face_model().shape
    points = (shape - shape.mean(0)) * (size / np.ptp(shape[:, 1]))
    points[:, :2] += middle
    return TrackedFace(1, Landmarks(points.astype(np.float32), 1.0), 1, yaw)


def test_small_and_turned_faces_weigh_nothing() -> None:
    assert weight_of(39.9, 0) == 0
    assert weight_of(200, 40.1) == weight_of(200, -40.1) == 0
    assert weight_of(40, 0) == 40
    assert weight_of(100, 30) == weight_of(100, -30) == pytest.approx(75)


def test_no_descriptor_is_made_of_a_face_that_says_nothing() -> None:
    class Strict(FakeRecogniser):
        def describe(self, image: Image, landmarks: Landmarks) -> Floats:
            raise AssertionError("no look is due")

    picture = np.zeros((200, 200, 3), np.uint8)
    for useless in (face(30), face(100, yaw=50), face(100, middle=(0, 100))):
        assert look_at(Strict(), picture, useless, 0.0) is None
        assert weight_of_face(useless, (200, 200)) == 0


def test_a_look_has_the_place_and_the_size_of_the_mesh() -> None:
    seen = look_at(FakeRecogniser(), np.full((200, 200, 3), 51, np.uint8), face(80, yaw=-20), 1.5)
    assert seen is not None
    assert seen.size == pytest.approx(80, abs=0.1)
    assert seen.place_xyxy[3] - seen.place_xyxy[1] == pytest.approx(80, abs=0.1)
    assert (seen.yaw, seen.time_s) == (-20, 1.5)
    assert np.allclose(seen.descriptor, 0.2)


def test_the_best_looks_are_spread_in_time() -> None:
    crowded = [look(size=200 - index, time_s=index / 30) for index in range(10)]
    later = look(size=60, time_s=5), look(size=50, time_s=9)
    assert [each.time_s for each in best_of([*crowded, *later])] == [0, 5, 9]


def test_a_short_track_gives_what_it_has() -> None:
    crowded = [look(size=100 + index, time_s=index / 30) for index in range(4)]
    assert [each.size for each in best_of(crowded)] == [103, 102, 101]
    assert best_of(crowded[:1]) == (crowded[0],)
    assert best_of([]) == ()
