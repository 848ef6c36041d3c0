"""Numbers of the faces in the live picture."""

import pytest

from mien.live.frame_swapper import ShownFace
from mien.studio.session.face_numbers import FaceNumbers, described


def face(track_id: int, name: str | None = None) -> ShownFace:
    return ShownFace(track_id, (32.0, 18.0, 96.0, 90.0), name, "worn")


def test_a_face_keeps_its_number_while_others_come_and_go() -> None:
    numbers = FaceNumbers()
    assert [each.number for each in numbers.update([face(7), face(9)], ())] == [1, 2]
    assert [each.number for each in numbers.update([face(9), face(12)], ())] == [2, 3]
    assert [each.number for each in numbers.update([face(7), face(9), face(12)], ())] == [1, 2, 3]
    assert numbers.track_of(3) == 12
    assert numbers.track_of(4) is None


def test_numbers_stay_small() -> None:
    numbers = FaceNumbers()
    assert max(numbers.update([face(track)], ())[0].number for track in range(100)) <= 10


def test_a_person_with_a_part_has_that_number_alone() -> None:
    numbers = FaceNumbers()
    numbers.update([face(1), face(2)], ())
    assert [each.number for each in numbers.update([face(1, "1"), face(2)], {1})] == [1, 2]
    # Another one comes in while the person is away; then the person is back on another track.
    assert [each.number for each in numbers.update([face(3), face(2)], {1})] == [3, 2]
    assert [each.number for each in numbers.update([face(4), face(3)], {1})] == [4, 3]
    assert [each.number for each in numbers.update([face(4, "1"), face(3)], {1})] == [1, 3]
    assert [each.number for each in numbers.update([face(5, "me")], {1})] == [0]


def test_places_are_shares_of_the_picture() -> None:
    (row,) = described(FaceNumbers().update([face(1)], ()), 320, 180)
    assert row == {"number": 1, "fate": "worn", "place": pytest.approx([0.1, 0.1, 0.2, 0.4])}
