"""The wearer's glasses come off whole, and nothing else changes."""

from dataclasses import replace

import cv2
import numpy as np

from mien.assembly import factory
from mien.face.aligned_crop import cut
from mien.imaging import geometry
from mien.lab.evaluate.lab import frame_of
from mien.models.format.parsing import SIDE, TEMPLATE, FaceClass
from mien.settings import Settings
from mien.swap.stages.own_glasses import take_off_glasses
from mien.types import Array, Image, KnownFace, Mask, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait

_RIM_LEVEL = 25


def _with_glasses(*, dark: bool = False, drawn: bool = True) -> tuple[Image, TrackedFace, Mask]:
    """Return a portrait with round rims and an arm that leaves the face, the face as parsed, and the rims, uint8 (h, w)."""
    person = portrait(COLLINS)
    image, points = person.image.copy(), person.landmarks.points
    crop = cut(image, points, TEMPLATE, SIDE)
    rims, lenses = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    flat = geometry.apply(crop.frame_to_crop, points[:, :2])
    for iris in (468, 473):
        x, y = (int(value) for value in flat[iris].round())
        cv2.circle(lenses, (x, y), 11, 255, -1)
        cv2.circle(rims, (x, y), 11, 255, 2)
    cv2.line(rims, (int(flat[473][0]) + 11, int(flat[473][1])), (SIDE - 1, int(flat[473][1]) + 1), 255, 2)
    lenses[rims > 0] = 0
    shares = np.zeros((len(FaceClass), SIDE, SIDE), np.uint8)
    shares[FaceClass.RIM], shares[FaceClass.LENS] = rims, lenses
    shares[FaceClass.SKIN] = 255 - np.maximum(rims, lenses)
    to_frame = geometry.invert(crop.frame_to_crop)
    shown = np.asarray(cv2.warpAffine(rims, to_frame, image.shape[1::-1], flags=cv2.INTER_LINEAR), np.uint8)
    if drawn:
        image[shown > 127] = _RIM_LEVEL
    parsed = ParsedFace(shares, np.asarray(flat, np.float32), dark=dark)
    return image, TrackedFace(1, person.landmarks, 1, known=KnownFace(points, parsed=parsed)), shown


def test_rims_and_side_arms_go_inside_and_outside_the_face() -> None:
    image, face, rims = _with_glasses()
    bare = portrait(COLLINS).image
    take_off_glasses(image, (face,))
    on = rims > 127
    before = np.abs(_RIM_LEVEL - bare[on].astype(int)).mean()
    assert np.abs(image[on].astype(int) - bare[on]).mean() < 0.25 * before


def test_eyes_behind_clear_lenses_and_all_that_is_far_from_the_rims_stay() -> None:
    image, face, rims = _with_glasses()
    shown = image.copy()
    take_off_glasses(image, (face,))
    eye = float(np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]))
    far = cv2.dilate(rims, np.ones((2 * round(0.12 * eye) + 1,) * 2, np.uint8)) == 0
    assert np.array_equal(image[far], shown[far])
    x, y = face.landmarks.points[468, :2].round().astype(int)
    assert far[y, x]


def test_dark_glasses_bare_faces_and_unparsed_ones_stay_as_they_are() -> None:
    image, face, _ = _with_glasses(dark=True)
    shown = image.copy()
    take_off_glasses(image, (face,))
    assert np.array_equal(image, shown)
    assert face.known is not None
    assert face.known.parsed is not None
    bare = replace(face.known.parsed, shares=np.zeros_like(face.known.parsed.shares), dark=False)
    faces = replace(face, known=replace(face.known, parsed=bare)), replace(face, known=None)
    take_off_glasses(image, faces)
    assert np.array_equal(image, shown)


def test_a_face_at_the_border_of_the_picture_and_one_outside_do_no_harm() -> None:
    image, face, _ = _with_glasses()
    x = int(face.landmarks.points[468, 0])
    part = np.ascontiguousarray(image[:, x:])
    moved = face.landmarks.points - np.array([x, 0, 0], np.float32)
    take_off_glasses(part, (replace(face, landmarks=replace(face.landmarks, points=moved)),))
    assert not np.array_equal(part, image[:, x:])
    away = replace(face.landmarks, points=face.landmarks.points + np.array([9000, 0, 0], np.float32))
    shown = image.copy()
    take_off_glasses(image, (replace(face, landmarks=away),))
    assert np.array_equal(image, shown)


def test_real_glasses_are_gone_from_the_result() -> None:
    """Hopper's rims are darker than anything else between her cheeks and the sides of her head."""
    source = factory.open_source(portrait(COLLINS).image, models())
    person = portrait(HOPPER)

    def darkest(settings: Settings) -> float:
        result = factory.open_picture_pipeline(settings, models(), source).swap_frame(frame_of(person.image, 0)).frame.image
        return float(np.mean([np.percentile(_beside(result, corner), 2) for corner in (226, 446)]))

    def _beside(image: Image, corner: int) -> Array:
        x, y = person.landmarks.points[corner, :2]
        eye = float(np.linalg.norm(person.landmarks.points[33] - person.landmarks.points[263]))
        side = max(3, round(0.3 * eye))
        return cv2.cvtColor(cv2.getRectSubPix(image, (side, side), (float(x), float(y))), cv2.COLOR_BGR2GRAY)

    assert darkest(Settings(glasses="off")) > darkest(Settings()) + 10
