"""A texture is filled under rims and strands: relief, brows, and the shadow beside them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.regions import GRID, area_of, wide
from mien.swap.source.uncovered import TUNING, uncovered
from mien.swap.source.usual_face import usual_face, usual_skin
from mien.types import Array, Floats, Image

_WELL, _KNOWN = np.ones((GRID, GRID), np.float32), np.zeros((GRID, GRID), np.float32)
_NO_RIMS = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
_RIM = 25.0  # level


def _face(strength: float = 1.0, shift: int = 0) -> Floats:
    """The usual face in a warm tone; brows are `strength` times as dark and lie `shift` texels lower."""
    brows = np.roll(np.log(usual_face() / usual_skin()), shift, axis=0)
    return np.asarray(usual_skin() * np.exp(strength * brows) * np.array([0.8, 0.95, 1.2], np.float32), np.float32)


def _levels(picture: Array) -> Image:
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


def _under(loop: tuple[int, ...], side: float) -> Floats:
    """A hole over the outer half of a brow; `side` is -1 for the one at the left."""
    area = wide(area_of(loop, 0.1)) > 0.5
    middle = float(texture_points(HOLE_SIDE)[list(loop), 0].mean())
    return np.asarray(area & (side * (np.arange(HOLE_SIDE)[None] - middle) > 0), np.float32)


def _apart(a: Array, b: Array, where: Array) -> float:
    return float(np.abs(a.astype(np.float32) - b.astype(np.float32))[where].mean())


@pytest.mark.parametrize(("strength", "shift"), [(1.0, 0), (1.6, 0), (0.6, 3), (1.3, -4)])
def test_a_brow_that_a_rim_cuts_short_goes_on_as_dark_and_as_high(strength: float, shift: int) -> None:
    face, holes = _face(strength, shift), _under(landmark_sets.LEFT_BROW, 1)
    smooth = replace(TUNING, hairs=0.0)
    found = uncovered(_levels(np.where(holes[:, :, None] > 0, _RIM, face)), holes, _NO_RIMS, _WELL, _KNOWN, smooth)
    brow = (holes > 0) & ((_face(0.0) - face).max(axis=2) > 8)
    assert np.count_nonzero(brow) > 50
    skin = _apart(_face(0.0), face, brow)
    assert _apart(found, face, brow) < 0.35 * skin, "skin alone would be farther off"


def test_a_face_without_brows_gets_none() -> None:
    face, holes = _face(0.0), _under(landmark_sets.LEFT_BROW, 1)
    found = uncovered(_levels(np.where(holes[:, :, None] > 0, _RIM, face)), holes, _NO_RIMS, _WELL, _KNOWN)
    assert _apart(found, face, holes > 0) < 6


def test_of_unknown_brows_nothing_is_left() -> None:
    holes = np.maximum(_under(landmark_sets.LEFT_BROW, 1), _under(landmark_sets.RIGHT_BROW, -1))
    unknown = np.maximum(*(area_of(loop, 0.15) for loop in (landmark_sets.LEFT_BROW, landmark_sets.RIGHT_BROW)))
    found = uncovered(_levels(np.where(holes[:, :, None] > 0, _RIM, _face())), holes, _NO_RIMS, _WELL, unknown)
    assert _apart(found, _face(0.0), holes > 0) < 8


def test_the_ridge_of_a_nose_goes_on_under_a_bridge() -> None:
    x, y = texture_points(HOLE_SIDE)[6].round().astype(int).tolist()
    holes = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    holes[y : y + 24, x - 24 : x + 25] = 1
    face = _face()
    found = uncovered(_levels(np.where(holes[:, :, None] > 0, _RIM, face)), holes, _NO_RIMS, _WELL, _KNOWN)
    wanted, row = face[y + 12, :, 1], found[y + 12, :, 1].astype(np.float32)
    ridge = float(wanted[x - 3 : x + 4].mean() - wanted[[x - 16, x + 16]].mean())
    assert ridge > 8, "the usual nose has a ridge"
    assert float(row[x - 3 : x + 4].mean() - row[[x - 16, x + 16]].mean()) > 0.6 * ridge


def test_the_shadow_below_a_rim_goes_with_it() -> None:
    rims, face = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32), _face()
    x, y = texture_points(HOLE_SIDE)[50].round().astype(int).tolist()
    rims[y - 4 : y + 1, x - 14 : x + 15] = 1
    shadow = np.zeros_like(rims)
    shadow[y + 1 : y + 6, x - 14 : x + 15] = 1
    shown = face * (1 - 0.3 * cv2.GaussianBlur(shadow, (0, 0), 1.0))[:, :, None]
    shown[rims > 0] = _RIM
    sure = shadow > 0
    found = uncovered(_levels(shown), rims, rims, _WELL, _KNOWN)
    assert _apart(found, face, sure) < 0.4 * _apart(shown, face, sure)
    assert _apart(uncovered(_levels(shown), rims, _NO_RIMS, _WELL, _KNOWN), face, sure) > 0.7 * _apart(shown, face, sure)


def test_what_no_hole_touches_stays_as_it_is() -> None:
    own, holes = _levels(_face()), _under(landmark_sets.LEFT_BROW, 1)
    assert uncovered(own, _NO_RIMS, _NO_RIMS, _WELL, _KNOWN) is own
    found = uncovered(own, holes, _NO_RIMS, _WELL, _KNOWN)
    assert np.array_equal(found[:, :100], own[:, :100]), "the other half is as it was"


def test_a_filled_brow_has_hairs_and_skin_has_none() -> None:
    face, holes = _face(1.3), _under(landmark_sets.LEFT_BROW, 1)
    shown = _levels(np.where(holes[:, :, None] > 0, _RIM, face))
    found = uncovered(shown, holes, _NO_RIMS, _WELL, _KNOWN)
    smooth = uncovered(shown, holes, _NO_RIMS, _WELL, _KNOWN, replace(TUNING, hairs=0.0))
    dark = (_face(0.0) - face).max(axis=2)
    assert _apart(found, smooth, (holes > 0) & (dark > 20)) > 2
    assert _apart(found, smooth, (holes > 0) & (dark < 1)) < 0.5
    assert np.array_equal(found[holes == 0], smooth[holes == 0])


def test_nostrils_are_no_shadow_of_a_rim() -> None:
    nostrils = wide(area_of(landmark_sets.NOSE_UNDERSIDE, 0.0)) > 0.5
    face = _face() * (1 - 0.4 * cv2.GaussianBlur(nostrils.astype(np.float32), (0, 0), 1.0))[:, :, None]
    rims = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    top = int(np.nonzero(nostrils.any(axis=1))[0][0])
    rims[top - 6 : top - 2, 90:166] = 1
    found = uncovered(_levels(face), rims, rims, _WELL, _KNOWN)
    near = nostrils & (np.arange(HOLE_SIDE)[:, None] < top + 5)
    assert _apart(found, face, near) < 2
