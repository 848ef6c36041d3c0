"""Occluders stay in front of the face: the mask is lowered there, up to the edges of the picture."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_source
from mien.face.texels import unwrap, wrap
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.stages.occluders import cut_occluders
from mien.types import Array, FacePatch, Frame, Image, KnownFace, Mask, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait

_BLUE = 200, 90, 30


def _covered() -> tuple[Image, Mask]:
    """The portrait with a blue disc before the right half of the mouth, and the disc, uint8 0 or 255."""
    face = portrait(COLLINS)
    x, y = (round(float(value)) for value in face.landmarks.points[61, :2])
    radius = round(0.22 * float(np.ptp(face.landmarks.points[:, 1])))
    disc = np.zeros(face.image.shape[:2], np.uint8)
    cv2.circle(disc, (x, y), radius, 255, -1)
    image = face.image.copy()
    image[disc > 0] = _BLUE
    return image, disc


def _face(disc: Mask, grown: int = 0) -> TrackedFace:
    """The face, with the disc as its occluder, grown by a number of texels."""
    landmarks = portrait(COLLINS).landmarks
    occluder = unwrap(np.repeat(disc[:, :, None], 3, axis=2), landmarks.points)[:, :, 0]
    if grown:
        occluder = np.asarray(cv2.dilate(occluder, np.ones((2 * grown + 1, 2 * grown + 1), np.uint8)), np.uint8)
    return TrackedFace(1, landmarks, 1, known=KnownFace(landmarks.points, occluder=np.ascontiguousarray(occluder)))


def _patch(image: Image, settings: Settings | None = None) -> FacePatch:
    engine = MeshEngine(settings or Settings())
    face = TrackedFace(1, portrait(COLLINS).landmarks, 1)
    (patch,) = engine.swap(_frame(image), [face], engine.prepare(open_source(portrait(HOPPER).image, models())))
    assert patch is not None
    return patch


def _frame(image: Image) -> Frame:
    return Frame(image, 0, 0, Fraction(1))


def _under(disc: Mask, patch: FacePatch) -> Array:
    height, width = patch.mask.shape
    back = cv2.invertAffineTransform(patch.crop_to_frame)
    under: Array = cv2.warpAffine(disc, back, (width, height)) > 127
    return under


@pytest.mark.parametrize("grown", [0, 3])
@pytest.mark.parametrize("resolution", [512, 128])
def test_the_mask_is_lowered_under_the_thing_and_nowhere_else(grown: int, resolution: int) -> None:
    image, disc = _covered()
    patch = _patch(image, Settings(resolution=resolution))
    kept = cut_occluders(_frame(image), _face(disc, grown), patch)
    worn = patch.mask > 127
    lowered = kept.mask.astype(float) / np.maximum(patch.mask, 1) < 0.5
    inside = _under(disc, patch)
    assert float(lowered[worn & inside].mean()) > 0.95
    assert float(lowered[worn & ~inside].mean()) < (0.08 if grown else 0.03)
    assert kept.crop is patch.crop


def test_the_image_and_the_patch_stay_as_they_are() -> None:
    image, disc = _covered()
    patch, before = _patch(image), image.copy()
    mask = patch.mask.copy()
    cut_occluders(_frame(image), _face(disc), patch)
    assert np.array_equal(image, before)
    assert np.array_equal(patch.mask, mask)


@pytest.mark.parametrize("known", [False, True])
def test_without_a_thing_the_patch_is_handed_on(known: bool) -> None:
    image, disc = _covered()
    face = _face(np.zeros_like(disc))
    patch = _patch(image)
    assert cut_occluders(_frame(image), face if known else replace(face, known=None), patch) is patch


def test_a_texture_lies_on_the_face_as_it_was_taken() -> None:
    landmarks = portrait(COLLINS).landmarks
    _, disc = _covered()
    occluder = np.ascontiguousarray(unwrap(np.repeat(disc[:, :, None], 3, axis=2), landmarks.points)[:, :, 0])
    height, width = disc.shape
    drawn = wrap(occluder, landmarks.points, (width, height))
    hull = np.zeros_like(disc)
    cv2.fillConvexPoly(hull, cv2.convexHull(landmarks.points[:, :2].round().astype(np.int32)), 255)
    agree = (drawn > 127) == (disc > 127)
    assert float(agree[cv2.erode(hull, np.ones((9, 9))) > 0].mean()) > 0.97
    assert not drawn[cv2.dilate(hull, np.ones((5, 5))) == 0].any()


def test_the_light_is_read_where_nothing_stands_before_the_face() -> None:
    image, disc = _covered()
    free = portrait(COLLINS).image.copy()
    engine = MeshEngine(Settings())
    prepared = engine.prepare(open_source(portrait(HOPPER).image, models()))
    (clean,) = engine.swap(_frame(free), [replace(_face(disc), known=None)], prepared)
    (blind,) = engine.swap(_frame(image), [replace(_face(disc), known=None)], prepared)
    (knowing,) = engine.swap(_frame(image), [_face(disc)], prepared)
    assert clean is not None
    assert blind is not None
    assert knowing is not None
    away = (clean.mask > 200) & ~_under(disc, clean)

    def apart(patch: FacePatch) -> float:
        return float(np.abs(patch.crop.astype(int) - clean.crop)[away].mean())

    assert apart(knowing) < 0.5 * apart(blind)
