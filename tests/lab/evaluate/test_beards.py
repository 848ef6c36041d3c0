"""Drawn beards for the measure of shaving: they lie on the lower face, and what is left of them is counted."""

import numpy as np
import pytest

from mien.imaging.colour import LUMA
from mien.lab.evaluate import beards
from tests.support.beards import bearded
from tests.support.portraits import COLLINS, portrait

BARE = portrait(COLLINS).image
POINTS = portrait(COLLINS).landmarks.points


@pytest.mark.parametrize("kind", ["stubble", "short", "full"])
def test_a_beard_lies_on_the_lower_face_and_darkens_it(kind: str) -> None:
    changed = (bearded(kind) != BARE).any(axis=2)
    assert np.nonzero(changed)[0].min() > POINTS[6, 1]
    darker = ((BARE.astype(np.float32) - bearded(kind)) @ LUMA)[changed]
    assert darker.mean() > 8
    x, y = POINTS[13, :2].astype(int)
    assert abs(int(bearded(kind)[y, x, 1]) - int(BARE[y, x, 1])) < 12, "the lips stay"


def test_longer_beards_cover_more() -> None:
    areas = [((bearded(kind) != BARE).any(axis=2)).sum() for kind in ("stubble", "full")]
    assert areas[0] < areas[1]


def test_what_is_left_is_counted() -> None:
    hairy = bearded("short")
    area = beards._judged(BARE, hairy, POINTS)
    assert area.sum() > 500
    assert beards._left(hairy, BARE, BARE, hairy, area)[0] == 100
    assert beards._left(BARE, BARE, BARE, hairy, area) == (0.0, 0.0)
    half = hairy.copy()
    half[: int(POINTS[152, 1])] = BARE[: int(POINTS[152, 1])]
    left, levels = beards._left(half, BARE, BARE, hairy, area)
    assert 0 < left < 100
    assert levels > 0
    assert np.isnan(beards._left(half, BARE, BARE, hairy, area & False)[0])
