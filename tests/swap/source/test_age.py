"""Source faces that look like a child's are refused, wherever they come from."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.errors import SourceFaceChild
from mien.swap.source.age import checked_age
from mien.swap.source.load import load_more, load_source, together
from mien.testing import FakeAgeEstimator
from mien.types import Image, SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


def _load(photo: Image, *ages: float, number: int | None = None) -> SourceFace:
    return load_source(photo, replace(models().inspection, ages=FakeAgeEstimator(*ages)), number=number)


@pytest.fixture
def photo() -> Image:
    return portrait(COLLINS).image


@pytest.mark.parametrize("years", [-3.0, 0.4, 9.0, 13.99])
def test_a_child_is_refused(photo: Image, years: float) -> None:
    with pytest.raises(SourceFaceChild, match="looks like a child's") as caught:
        checked_age(photo, portrait(COLLINS).landmarks, FakeAgeEstimator(years))
    assert "rough estimate" in str(caught.value)
    assert "whole head" in caught.value.remedy
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("years", [14.0, 17.0, 95.0])
def test_others_pass_with_their_age(photo: Image, years: float) -> None:
    assert checked_age(photo, portrait(COLLINS).landmarks, FakeAgeEstimator(years)) == years


def test_a_loaded_face_has_the_age_of_the_network(photo: Image) -> None:
    age = load_source(photo, models().inspection).age
    assert age is not None
    assert 25 < age < 60


def test_the_chosen_face_of_a_group_is_judged_alone(photo: Image) -> None:
    other = cv2.resize(portrait(HOPPER).image, (photo.shape[1], photo.shape[0]))
    pair = np.hstack([photo, np.asarray(other, np.uint8)])
    estimator = FakeAgeEstimator(30.0)
    face = load_source(pair, replace(models().inspection, ages=estimator), number=1)
    assert (face.age, estimator.calls) == (30.0, 1)
    with pytest.raises(SourceFaceChild):
        _load(pair, 9.0, number=2)


def test_a_further_photo_is_judged_too_and_the_youngest_look_counts(photo: Image) -> None:
    first = _load(photo, 30.0)
    by = replace(models().inspection, ages=FakeAgeEstimator(9.0, 16.5, 40.0))
    with pytest.raises(SourceFaceChild):
        load_more(photo, first, by, recogniser())
    younger = together(first, load_more(photo, first, by, recogniser()))
    assert younger.age == 16.5
    assert together(younger, load_more(photo, first, by, recogniser())).age == 16.5
    assert together(replace(first, age=None), replace(first, age=None)).age is None
