"""Skin of a patch gets the texture of the picture's skin, as noise."""

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.swap.stages.skin_texture import textured
from mien.types import FacePatch, Floats, Image, Mask
from tests.support.portraits import COLLINS, portrait

_PLACE = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def _points() -> Floats:
    return portrait(COLLINS).landmarks.points


def _mask() -> Mask:
    mask = np.zeros(portrait(COLLINS).image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_points()[list(landmark_sets.FACE_OVAL), :2].round().astype(np.int32)], 255)
    return mask


def _smooth() -> Image:
    return np.asarray(cv2.GaussianBlur(portrait(COLLINS).image, (0, 0), 2.0), np.uint8)


def _rough(image: Image, seed: int) -> Image:
    white = np.random.default_rng(seed).standard_normal(image.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(white, (0, 0), 0.8)
    return np.asarray(np.clip(image * (1 + 0.05 * noise[:, :, None]), 0, 255), np.uint8)


def _fine(image: Image) -> float:
    """Fine detail on the cheeks and between the brows and the nose."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))
    area = np.zeros(grey.shape, np.uint8)
    for landmark in (50, 280):
        cv2.circle(area, _points()[landmark, :2].round().astype(int).tolist(), 9, 1, -1)
    return float(fine[area > 0].mean())


def _made(target: Image, strength: float = 1.0, points: Floats | None = None) -> Image:
    return textured(FacePatch(_smooth(), _mask(), _PLACE), target, _points() if points is None else points, strength)


def test_smooth_skin_becomes_as_rough_as_the_pictures() -> None:
    rough = _rough(_smooth(), 1)
    lacking, wanted, made = _fine(_smooth()), _fine(rough), _fine(_made(rough))
    assert lacking < 0.4 * wanted
    assert 0.6 * wanted < made < 1.1 * wanted
    assert lacking < _fine(_made(rough, 0.5)) < made


def test_skin_beside_lips_and_nostrils_and_lips_become_rough_but_no_teeth() -> None:
    rough = _rough(_smooth(), 1)
    made = _made(rough)
    added, wanted = (np.abs(each.astype(int) - _smooth())[:, :, 1] for each in (made, rough))
    for (outer, inner), least in (((17, 14), 0.2), ((2, 0), 0.2)):
        x, y = _points()[[outer, inner], :2].mean(0).round().astype(int)
        place = np.s_[y - 1 : y + 2, x - 8 : x + 9]
        assert added[place].mean() > least * wanted[place].mean()
    teeth = np.zeros(rough.shape[:2], np.uint8)
    cv2.fillConvexPoly(teeth, _points()[list(landmark_sets.INNER_LIPS), :2].round().astype(np.int32), 1)
    assert np.abs(made[teeth > 0].astype(int) - _smooth()[teeth > 0]).max() <= 1


def test_the_texture_is_not_the_wearers() -> None:
    rough = _rough(_smooth(), 1)
    added, own = (each.astype(np.float32) - _smooth() for each in (_made(rough), rough))
    inside = cv2.erode(_mask(), np.ones((41, 41), np.uint8)) > 0
    assert abs(float(np.corrcoef(added[inside][:, 1], own[inside][:, 1])[0, 1])) < 0.1
    other = _made(_rough(_smooth(), 2)).astype(np.float32) - _smooth()
    assert float(np.corrcoef(added[inside][:, 1], other[inside][:, 1])[0, 1]) > 0.9


def test_eyes_and_what_lies_outside_stay() -> None:
    made, mask = _made(_rough(_smooth(), 1)), _mask()
    assert np.array_equal(made[mask == 0], _smooth()[mask == 0])
    eyes = np.zeros_like(mask)
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        cv2.fillConvexPoly(eyes, _points()[list(loop), :2].round().astype(np.int32), 1)
    assert np.abs(made[eyes > 0].astype(int) - _smooth()[eyes > 0]).max() <= 1


def test_a_face_as_rough_as_the_picture_stays() -> None:
    patch = FacePatch(_rough(_smooth(), 1), _mask(), _PLACE)
    assert np.array_equal(textured(patch, patch.crop, _points(), 1.0), patch.crop)


def test_what_is_rougher_than_the_picture_fades_on_bare_skin_alone() -> None:
    patch = FacePatch(_rough(_smooth(), 1), _mask(), _PLACE)
    own, wanted = _fine(patch.crop), _fine(_smooth())
    made = textured(patch, _smooth(), _points(), 1.0)
    assert wanted < _fine(made) < 0.85 * own
    assert _fine(made) < _fine(textured(patch, _smooth(), _points(), 0.5)) < own
    eyes = np.zeros_like(_mask())
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        cv2.fillConvexPoly(eyes, _points()[list(loop), :2].round().astype(np.int32), 1)
    assert np.abs(made[eyes > 0].astype(int) - patch.crop[eyes > 0]).max() <= 1
    # Broad light and shade are the face's: only texture is taken.
    broad, before = (cv2.GaussianBlur(each.astype(np.float32), (0, 0), 9) for each in (made, patch.crop))
    assert np.abs(broad - before)[_mask() > 0].max() < 3


def test_a_small_face_and_a_covered_one_stay() -> None:
    rough = _rough(_smooth(), 1)
    assert np.array_equal(_made(rough, points=np.asarray(_points() * 0.05, np.float32)), _smooth())
    covered = FacePatch(_smooth(), np.zeros_like(_mask()), _PLACE)
    assert np.array_equal(textured(covered, rough, _points(), 1.0), covered.crop)


def test_a_face_elsewhere_has_other_pores() -> None:
    moved = np.array([[1.0, 0, 57], [0, 1.0, 31]])
    points = _points().copy()
    points[:, :2] += moved[:, 2].astype(np.float32)
    rough = _rough(_smooth(), 1)
    here, there = (
        textured(FacePatch(_smooth(), _mask(), place), rough, at, 1.0).astype(np.float32) - _smooth()
        for place, at in ((_PLACE, _points()), (moved, points))
    )
    inside = cv2.erode(_mask(), np.ones((41, 41), np.uint8)) > 0
    assert abs(float(np.corrcoef(here[inside][:, 1], there[inside][:, 1])[0, 1])) < 0.15


@pytest.mark.parametrize("level", [0, 128, 255])
def test_without_any_texture_in_both_nothing_changes(level: int) -> None:
    flat = np.full_like(_smooth(), level)
    assert np.array_equal(textured(FacePatch(flat, _mask(), _PLACE), flat, _points(), 1.0), flat)
