"""Patches of light: broad ones go, the face's own shade and fine lines stay, eyes take the change of the skin."""

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.patches import TUNING, patches
from mien.swap.source.regions import GRID, features, wide
from mien.types import Floats

_SEEN = wide(texel_map(GRID).inside.astype(np.float32))
_SKIN = np.asarray(_SEEN * (1 - wide(features(TUNING.margin))), np.float32)
_BESIDE_THE_NOSE = 205


def _place(landmark: int) -> tuple[int, int]:
    x, y = texture_points(HOLE_SIDE)[landmark].round().astype(int)
    return int(y), int(x)


def _disc(landmark: int, radius: int, depth: tuple[float, float, float]) -> Floats:
    y, x = _place(landmark)
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    cv2.circle(area, (x, y), radius, 1.0, -1)
    return np.asarray(area[:, :, None] * np.array(depth, np.float32), np.float32)


@pytest.mark.parametrize("depth", [(0.6, 0.0, 0.0), (-0.6, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.2)])
def test_a_patch_beside_the_nose_goes_but_for_what_faces_have(depth: tuple[float, float, float]) -> None:
    channel = int(np.argmax(np.abs(np.array(depth))))
    gone = patches(_disc(_BESIDE_THE_NOSE, 14, depth), _SKIN, _SEEN)[_place(_BESIDE_THE_NOSE)]
    assert abs(depth[channel] - gone[channel]) < 1.15 * TUNING.kept[channel]


def test_the_own_shade_of_a_face_stays() -> None:
    assert not patches(_disc(_BESIDE_THE_NOSE, 14, (0.15, 0.03, -0.03)), _SKIN, _SEEN).any()


def test_a_fine_line_stays() -> None:
    y, x = _place(50)
    line = np.zeros((HOLE_SIDE, HOLE_SIDE, 3), np.float32)
    line[y - 15 : y + 15, x, 0] = -0.8
    assert not patches(line, _SKIN, _SEEN).any()


def test_the_underside_of_a_nose_may_be_darker() -> None:
    shade = (-0.28, 0.0, 0.0)
    under, cheek = (patches(_disc(number, 12, shade), _SKIN, _SEEN)[_place(number)][0] for number in (2, 50))
    assert abs(under) < 0.02 < 0.06 < abs(cheek)


def test_eyes_take_the_change_of_the_skin_around_them_and_lips_none() -> None:
    whole = np.full((HOLE_SIDE, HOLE_SIDE, 3), (0.5, 0.0, 0.0), np.float32)
    found = patches(whole, _SKIN, _SEEN)
    assert found[_place(landmark_sets.RIGHT_IRIS)][0] > 0.05
    assert abs(found[_place(13)][0]) < 0.01


def test_nothing_is_changed_where_no_skin_is_seen() -> None:
    nothing = np.zeros_like(_SKIN)
    assert not patches(_disc(_BESIDE_THE_NOSE, 14, (0.6, 0.0, 0.0)), nothing, nothing).any()
