"""The parser's classes over a picture."""

import numpy as np

from mien.face.aligned_crop import cut
from mien.imaging import geometry
from mien.models.format.parsing import SIDE, TEMPLATE, FaceClass
from mien.swap.stages.class_overlay import draw_classes
from mien.types import KnownFace, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, portrait


def _seen(kind: FaceClass) -> TrackedFace:
    """Return a face whose upper half is of a class."""
    person = portrait(COLLINS)
    points = person.landmarks.points
    crop = cut(person.image, points, TEMPLATE, SIDE)
    shares = np.zeros((len(FaceClass), SIDE, SIDE), np.uint8)
    shares[kind, : SIDE // 2] = 255
    shares[FaceClass.SKIN, SIDE // 2 :] = 255
    known = KnownFace(points, parsed=ParsedFace(shares, geometry.apply(crop.frame_to_crop, points[:, :2])))
    return TrackedFace(1, person.landmarks, 1, known=known)


def test_what_is_before_the_face_is_coloured_and_skin_is_not() -> None:
    image = portrait(COLLINS).image.copy()
    points = portrait(COLLINS).landmarks.points
    draw_classes(image, (_seen(FaceClass.HAND),))
    changed = np.abs(image.astype(int) - portrait(COLLINS).image).max(axis=2) > 0
    forehead, chin = (tuple(points[number, 1::-1].astype(int)) for number in (151, 199))
    assert changed[forehead]
    assert not changed[chin]


def test_a_face_that_was_not_parsed_and_one_outside_the_picture_change_nothing() -> None:
    image = portrait(COLLINS).image.copy()
    face = _seen(FaceClass.HAND)
    away = face.landmarks.points + np.array([9000, 0, 0], np.float32)
    outside = TrackedFace(2, type(face.landmarks)(away, 1.0), 1, known=face.known)
    draw_classes(image, (TrackedFace(1, face.landmarks, 1), outside))
    assert np.array_equal(image, portrait(COLLINS).image)


def test_skin_brows_eyes_and_lips_are_left_as_they_are() -> None:
    for kind in (FaceClass.SKIN, FaceClass.BROW, FaceClass.EYE, FaceClass.LIPS, FaceClass.BACKGROUND):
        image = portrait(COLLINS).image.copy()
        draw_classes(image, (_seen(kind),))
        assert np.array_equal(image, portrait(COLLINS).image)
