"""Portraits of the parser's training: the classes that are known, and heads turned with their landmarks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import UsageError
from mien.lab.training.parser.portraits import BARE, SIDE, UNKNOWN, is_turned, portrait, read_portraits, turned, with_turned
from mien.models.format.parsing import FaceClass
from tests.support import portraits
from tests.support.parser_props import sitters

GREEN = np.array([0, 255, 0], np.uint8)
NOSE, RIGHT, LEFT = 4, (33, 61), (263, 291)
"""Landmarks: the tip of the nose; outer corner of the eye and corner of the mouth on each side."""


def _at(planes: np.ndarray, spot: np.ndarray) -> np.ndarray:
    x, y = spot[:2].round().astype(int)
    return np.asarray(planes[y, x])


def test_features_and_backdrop_have_their_classes() -> None:
    for each in sitters():
        assert _at(each.classes, each.points[[33, 133]].mean(0)) == FaceClass.EYE
        assert _at(each.classes, each.points[[105, 52]].mean(0)) == FaceClass.BROW
        assert _at(each.classes, each.points[[0, 13]].mean(0)) == FaceClass.LIPS
        assert _at(each.classes, each.points[50]) == FaceClass.SKIN
        assert each.classes[2, 2] == FaceClass.BACKGROUND
        assert each.backdrop[2, 2] == 255


def test_of_a_picture_that_is_not_plain_only_the_face_is_known() -> None:
    seen = portraits.portrait(portraits.COLLINS)
    made = portrait("a", "a", seen.image, seen.landmarks.points, plain=False)
    assert not made.backdrop.any()
    assert set(np.unique(made.classes)) <= {
        FaceClass.SKIN, FaceClass.BROW, FaceClass.LIPS, FaceClass.EYE, BARE, UNKNOWN,
    }  # fmt: skip
    assert made.classes[2, 2] == UNKNOWN


@pytest.mark.parametrize(("yaw", "pitch"), [(24.0, -8.0), (-24.0, 8.0)])
def test_a_turned_head_keeps_its_landmarks_on_its_features(yaw: float, pitch: float) -> None:
    given = sitters()[0]
    image = given.image.copy()
    for number in (NOSE, *RIGHT, *LEFT):
        x, y = given.points[number, :2].round().astype(int)
        image[y - 2 : y + 3, x - 2 : x + 3] = GREEN
    made = turned(replace(given, image=image), yaw, pitch)
    assert is_turned(made)
    assert not is_turned(given)
    near, far = (RIGHT, LEFT) if made.points[RIGHT[0], 2] < made.points[LEFT[0], 2] else (LEFT, RIGHT)
    for number in (NOSE, *near):
        assert np.abs(_at(made.image, made.points[number]).astype(int) - GREEN).max() < 90, number
    assert _at(made.classes, made.points[[0, 13]].mean(0)) == FaceClass.LIPS
    nose = made.points[NOSE, 0]
    assert abs(nose - made.points[far[0], 0]) < abs(nose - made.points[near[0], 0]), "the far half of the face is narrower"


def test_every_portrait_comes_with_its_turned_copies() -> None:
    made = list(with_turned(sitters()[0]))
    assert len(made) == 7
    assert [is_turned(each) for each in made] == [False] + 6 * [True]
    assert {each.person for each in made} == {sitters()[0].person}
    assert all(each.image.shape == (SIDE, SIDE, 3) for each in made)


def test_fewer_than_two_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fewer than two people") as raised:
        read_portraits(tmp_path, portraits.models(), lambda done, total: None)
    assert raised.value.remedy
