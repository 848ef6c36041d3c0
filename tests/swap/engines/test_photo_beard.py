"""The photo's beard is what parser and colours agree on, whole, and nothing where one of them sees none."""

from dataclasses import replace

import cv2
import numpy as np

from mien.assembly import factory
from mien.models.format.parsing import FaceClass
from mien.swap.engines.mesh.photo_beard import photo_beard, with_whole_beard
from mien.types import SourceFace
from tests.support.beards import beard_texture, bearded
from tests.support.portraits import COLLINS, models, portrait


def _source(level: int, kind: str | None = "full") -> SourceFace:
    source = factory.open_source(portrait(COLLINS).image, models())
    assert source.classes is not None
    classes = source.classes.copy()
    classes[FaceClass.BEARD] = beard_texture(level)
    image = source.image if kind is None else bearded(kind)
    landmarks = source.landmarks if kind is None else portrait(COLLINS).landmarks
    return replace(source, image=image, landmarks=landmarks, classes=classes)


def test_a_little_that_the_parser_sees_needs_the_colours() -> None:
    assert photo_beard(_source(24)) is not None
    assert photo_beard(_source(24, None)) is None
    assert photo_beard(_source(8)) is None
    assert photo_beard(replace(_source(24), classes=None)) is None


def test_the_colours_make_a_beard_whole() -> None:
    source = _source(70)
    found = with_whole_beard(source)
    assert source.classes is not None
    assert found.classes is not None
    area = cv2.erode(beard_texture(1), np.ones((9, 9), np.uint8)) > 0
    assert np.median(found.classes[FaceClass.BEARD][area]) > 200
    assert (found.classes[FaceClass.HAIR] == source.classes[FaceClass.HAIR]).all()
    assert (found.classes[FaceClass.SKIN] == source.classes[FaceClass.SKIN]).all()


def test_a_bare_face_keeps_its_classes() -> None:
    bare = _source(24, None)
    assert with_whole_beard(bare) is bare


def test_far_from_what_the_parser_sees_nothing_is_a_beard() -> None:
    source = _source(0)
    assert source.classes is not None
    classes = source.classes.copy()
    classes[FaceClass.BEARD] = beard_texture(255)
    classes[FaceClass.BEARD, :, : classes.shape[2] // 2] = 0
    found = with_whole_beard(replace(source, classes=classes))
    assert found.classes is not None
    assert found.classes[FaceClass.BEARD, :, : classes.shape[2] // 2 - 8].max() == 0
