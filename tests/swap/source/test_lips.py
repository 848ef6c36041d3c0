"""Lips of an open mouth: dark corners and edges of teeth go, lips, closed mouths and beards stay."""

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.swap.source.lips import lips_alone
from mien.swap.source.regions import GRID
from mien.types import Array, Image

_SIZE = 512
_SKIN, _LIPS, _DARK, _TEETH = (120, 140, 190), (90, 90, 170), (15, 15, 25), (200, 205, 210)  # BGR
_WELL = texel_map(GRID).inside.astype(np.float32)
_BARE = np.zeros((GRID, GRID), np.float32)
_POINTS = texture_points(_SIZE)


def _mouth() -> Image:
    face = np.full((_SIZE, _SIZE, 3), _SKIN, np.uint8)
    cv2.fillPoly(face, [_POINTS[list(landmark_sets.OUTER_LIPS)].round().astype(np.int32)], _LIPS)
    cv2.fillPoly(face, [_POINTS[list(landmark_sets.INNER_LIPS)].round().astype(np.int32)], _TEETH)
    return face


def _spot(face: Image, landmark: tuple[int, ...], colour: tuple[int, int, int]) -> tuple[Image, Array]:
    x, y = _POINTS[list(landmark)].mean(0).round().astype(int)
    spotted = face.copy()
    cv2.circle(spotted, (int(x), int(y)), 4, colour, -1)
    return spotted, np.array([y, x])


@pytest.mark.parametrize(
    ("place", "colour"), [((61, 76), _DARK), ((291, 306), _DARK), ((14, 15), _TEETH)], ids=["right", "left", "tooth"]
)
def test_what_is_no_lip_gives_way_to_lips_and_skin(place: tuple[int, ...], colour: tuple[int, int, int]) -> None:
    spotted, (y, x) = _spot(_mouth(), place, colour)
    even = lips_alone(spotted, _WELL, _BARE, 1.0)
    low, high = np.minimum(_LIPS, _SKIN) - 30, np.maximum(_LIPS, _SKIN) + 30
    assert ((even[y, x] > low) & (even[y, x] < high)).all()
    assert (lips_alone(spotted, _WELL, _BARE, 0.0) == spotted).all()


def test_lips_and_skin_stay() -> None:
    mouth = _mouth()
    even = lips_alone(mouth, _WELL, _BARE, 1.0)
    for landmark in (0, 17, 2, 50, 152):  # lips, upper lip, cheek, chin
        x, y = _POINTS[landmark].round().astype(int)
        assert np.abs(even[y, x].astype(int) - mouth[y, x]).max() < 12


def test_the_beard_at_a_corner_stays() -> None:
    spotted, (y, x) = _spot(_mouth(), (61, 57), _DARK)
    bearded = lips_alone(spotted, _WELL, np.ones_like(_BARE), 1.0)
    assert (bearded[y, x] == spotted[y, x]).all()


def test_lips_that_are_not_seen_stay() -> None:
    mouth = _mouth()
    assert (lips_alone(mouth, _BARE, _BARE, 1.0) == mouth).all()


def test_the_opening_keeps_its_teeth() -> None:
    even = lips_alone(_mouth(), _WELL, _BARE, 1.0)
    x, y = _POINTS[[13, 14]].mean(0).round().astype(int)
    assert np.abs(even[y, x].astype(int) - _TEETH).max() < 12
