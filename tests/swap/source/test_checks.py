"""Faces whose landmarks are guessed are refused, with what hides them."""

from dataclasses import replace

import numpy as np
import pytest

from mien import errors
from mien.face import landmark_sets
from mien.models.format.parsing import FaceClass
from mien.swap.source.checks import TUNING, check_fit, eye_distance, fit_spread
from mien.swap.source.regions import GRID, area_of
from mien.types import Array, Floats, Image, Landmarks
from tests.support.portraits import COLLINS, portrait

_EYES = np.maximum(area_of(landmark_sets.RIGHT_LIDS, 0.1), area_of(landmark_sets.LEFT_LIDS, 0.1))
_LOWER = area_of(landmark_sets.LOWER_FACE, 0.1)


class _Landmarker:
    """Finds the portrait's own landmarks, `apart` eye distances off, each time another way."""

    def __init__(self, apart: float) -> None:
        self._found, self._apart = portrait(COLLINS).landmarks, apart
        self._draw = np.random.default_rng(0)

    def fit(self, image: Image, around: Floats) -> Landmarks:
        off = self._draw.choice([-1.0, 1.0], 2) * self._apart * eye_distance(self._found.points)
        points = self._found.points + np.array([*off, 0.0], np.float32)
        return replace(self._found, points=points.astype(np.float32))


def _classes(*shown: tuple[FaceClass, Floats]) -> Array:
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.SKIN] = 255
    for kind, area in shown:
        classes[:, area > 0.5] = 0
        classes[kind, area > 0.5] = 255
    return classes


def test_a_sure_fit_is_taken_whatever_lies_over_the_eyes() -> None:
    face = portrait(COLLINS)
    check_fit(face.image, face.landmarks, _Landmarker(0.0), _classes((FaceClass.SHADE, _EYES)))
    assert fit_spread(face.image, face.landmarks, _Landmarker(0.0)) < 1e-6


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (((FaceClass.SHADE, _EYES),), "dark glasses"),
        (((FaceClass.HAND, _LOWER),), "a hand or a thing"),
        (((FaceClass.THING, _LOWER),), "a hand or a thing"),
        (((FaceClass.LENS, _EYES),), "covered or unclear"),
        ((), "covered or unclear"),
    ],
)
def test_an_unsure_fit_is_refused_with_what_hides_the_face(shown: tuple[tuple[FaceClass, Floats], ...], reason: str) -> None:
    face = portrait(COLLINS)
    with pytest.raises(errors.SourceFaceCovered, match=reason) as caught:
        check_fit(face.image, face.landmarks, _Landmarker(0.1), _classes(*shown))
    assert "take a photo" in caught.value.remedy


@pytest.mark.parametrize("kind", [FaceClass.HAND, FaceClass.THING])
def test_a_fit_that_would_do_for_a_bare_face_is_refused_behind_a_thing(kind: FaceClass) -> None:
    face, between = portrait(COLLINS), (TUNING.thing_spread + TUNING.fit_spread) / 2
    apart = between / fit_spread(face.image, face.landmarks, _Landmarker(1.0))
    assert fit_spread(face.image, face.landmarks, _Landmarker(apart)) == pytest.approx(between, abs=1e-4)
    check_fit(face.image, face.landmarks, _Landmarker(apart), _classes())
    check_fit(face.image, face.landmarks, _Landmarker(apart), _classes((FaceClass.SHADE, _EYES)))
    with pytest.raises(errors.SourceFaceCovered, match="a hand or a thing"):
        check_fit(face.image, face.landmarks, _Landmarker(apart), _classes((kind, _LOWER)))
