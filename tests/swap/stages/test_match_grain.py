"""A patch gets the blur and the noise of its picture, and nothing else."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.swap.stages.match_grain import match_grain
from mien.types import FacePatch, Focus, Frame, Grain, Image, KnownFace, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, portrait

BOX = 60, 330, 190, 400
"""Rows and columns of the portrait that make the patch: eyes to chin."""


def _known(grain: Grain | None = None, focus: Focus | None = None, motion: tuple[float, float] = (0.0, 0.0)) -> TrackedFace:
    landmarks = Landmarks(np.zeros((478, 3), np.float32), 1.0)
    known = KnownFace(np.zeros((478, 3), np.float32), motion_xy=motion, grain=grain, focus=focus)
    return TrackedFace(1, landmarks, 5, known=known)


def _crop() -> Image:
    return np.ascontiguousarray(portrait(COLLINS).image[BOX[0] : BOX[1], BOX[2] : BOX[3]])


def _patch(crop: Image) -> FacePatch:
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.ellipse(mask, (crop.shape[1] // 2, crop.shape[0] // 2), (95, 125), 0, 0, 360, 255, -1)
    dark = crop.copy()
    dark[mask == 0] = 0
    return FacePatch(dark, mask, np.array([[1.0, 0, BOX[2]], [0, 1.0, BOX[0]]]))


def _frame(crop: Image, index: int = 0) -> Frame:
    image = portrait(COLLINS).image.copy()
    image[BOX[0] : BOX[1], BOX[2] : BOX[3]] = crop
    return Frame(image, index, index, Fraction(1, 30))


def _fine(crop: Image, mask: Image) -> float:
    soft = cv2.GaussianBlur(crop, (0, 0), 1.0)
    inside = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0
    return float(cv2.absdiff(crop, soft)[inside].mean())


def test_a_patch_as_sharp_as_its_picture_stays_as_it_is() -> None:
    patch = _patch(_crop())
    made = match_grain(_frame(_crop()), _known(Grain(0.1, 0.1, 0.0), Focus(9.0, 99.0)), patch, 1.0)
    assert np.array_equal(made.crop, patch.crop)
    assert np.array_equal(made.mask, patch.mask)


def test_nothing_known_changes_nothing() -> None:
    patch = _patch(_crop())
    face = TrackedFace(1, Landmarks(np.zeros((478, 3), np.float32), 1.0), 1)
    assert match_grain(_frame(_crop()), face, patch, 1.0) is patch


def test_noise_comes_and_goes_with_the_frame_and_not_with_the_run() -> None:
    patch, face = _patch(_crop()), _known(Grain(4.0, 2.0, 0.0), Focus(1.0, 99.0))
    first, again, second = (match_grain(_frame(_crop(), index), face, patch, 1.0) for index in (1, 1, 2))
    assert np.array_equal(first.crop, again.crop)
    inside = patch.mask > 0
    change = (first.crop.astype(float) - second.crop)[inside][:, 1]
    assert change.std() / np.sqrt(2) == pytest.approx(0.85 * np.sqrt(16 + 0.3 * 4), rel=0.15)
    assert np.array_equal(first.crop[~inside], patch.crop[~inside])


def test_the_setting_scales_the_noise() -> None:
    patch, face = _patch(_crop()), _known(Grain(4.0, 2.0, 0.0), Focus(1.0, 99.0))
    none, half, full = (match_grain(_frame(_crop()), face, patch, grain).crop.astype(float) for grain in (0.0, 0.5, 1.0))
    assert np.array_equal(none, patch.crop)
    assert np.abs(half - none).mean() == pytest.approx(np.abs(full - none).mean() / 2, rel=0.15)


def test_the_patch_of_a_soft_picture_gets_soft() -> None:
    soft = np.asarray(cv2.GaussianBlur(_crop(), (0, 0), 1.8), np.uint8)
    patch = _patch(_crop())
    from_picture = _fine(soft, patch.mask)
    made = match_grain(_frame(soft), _known(Grain(0.0, 0.0, 0.0), Focus(2.6, from_picture)), patch, 1.0)
    assert _fine(made.crop, patch.mask) < 0.6 * _fine(patch.crop, patch.mask)
    rim = (cv2.dilate(cv2.bitwise_not(patch.mask), np.ones((3, 3), np.uint8)) > 0) & (patch.mask > 0)
    assert made.crop[rim].mean() > 0.8 * patch.crop[rim].mean(), "the black beside the patch has run into it"


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0])
def test_a_moving_face_trails_like_its_picture(angle: float) -> None:
    length = 14.0
    x, y = length * np.cos(np.radians(angle)), length * np.sin(np.radians(angle))
    line = np.zeros((15, 15), np.float32)
    ends = [(round(7 + sign * x / 2), round(7 + sign * y / 2)) for sign in (-1, 1)]
    cv2.line(line, ends[0], ends[1], 1.0)
    trailing = np.asarray(cv2.filter2D(_crop(), -1, line / line.sum()), np.uint8)
    patch, face = _patch(_crop()), _known(Grain(0.0, 0.0, 0.0), Focus(1.0, 99.0, length), (x, y))
    made = match_grain(_frame(trailing), face, patch, 1.0)
    inside = cv2.erode(patch.mask, np.ones((17, 17), np.uint8)) > 0
    missed = [cv2.absdiff(trailing, each)[inside].mean() for each in (patch.crop, made.crop)]
    assert missed[1] < 0.5 * missed[0]
    for focus, motion in ((Focus(1.0, 99.0), (x, y)), (Focus(1.0, 99.0, length), (0.5, 0.5))):
        sharp = match_grain(_frame(_crop()), _known(Grain(0.0, 0.0, 0.0), focus, motion), patch, 1.0)
        assert np.array_equal(sharp.crop, patch.crop), "a short exposure leaves no trail, and none is longer than the way"


def test_a_still_picture_gets_the_noise_that_the_crop_lacks() -> None:
    crop = _crop()
    noisy = np.clip(crop + np.random.default_rng(1).normal(0, 8, crop.shape), 0, 255).astype(np.uint8)
    patch, face = _patch(crop), _known(None, Focus(1.0, 99.0))
    made = match_grain(_frame(noisy), face, patch, 1.0)
    inside = patch.mask > 0
    added = (made.crop.astype(float) - patch.crop)[inside].std()
    assert 4 < added < 10
    own = match_grain(_frame(crop), face, patch, 1.0)
    assert (own.crop.astype(float) - patch.crop)[inside].std() < 1.5


def test_a_still_picture_alone_gives_its_texture_of_skin() -> None:
    soft = np.asarray(cv2.GaussianBlur(_crop(), (0, 0), 2.0), np.uint8)
    patch, known = _patch(soft), _known(Grain(0.0, 0.0, 0.0), Focus(1.0, 99.0))
    face = replace(known, landmarks=portrait(COLLINS).landmarks)
    video, still, off = (
        match_grain(_frame(_crop()), face, patch, grain, still=picture).crop
        for picture, grain in ((False, 1.0), (True, 1.0), (True, 0.0))
    )
    assert np.array_equal(video, soft * (patch.mask > 0)[:, :, None])
    assert np.array_equal(off, video)
    assert _fine(still, patch.mask) > _fine(video, patch.mask) + 0.2


def test_a_patch_of_another_size_is_filmed_at_its_own() -> None:
    crop = _crop()
    half = np.asarray(cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.full(half.shape[:2], 255, np.uint8)
    patch = FacePatch(half, mask, np.array([[2.0, 0, BOX[2] + 0.5], [0, 2.0, BOX[0] + 0.5]]))
    made = match_grain(_frame(crop), _known(Grain(3.0, 1.0, 0.0), Focus(1.0, 99.0), (8.0, 0.0)), patch, 1.0)
    assert made.crop.shape == half.shape
    assert 1 < np.abs(made.crop.astype(float) - half).mean() < 6
