"""Recall of a search: what counts as hidden, and one small crowd."""

import numpy as np

from mien.assembly import factory
from mien.lab.evaluate.crowds import Crowd, Kind
from mien.lab.evaluate.hiding import is_hidden, recall_of
from mien.lab.evaluate.portraits import Portrait
from mien.models.library.store import Store
from mien.swap.stages.cover import TUNING, HeadRegion
from tests.support import portraits


def test_a_face_is_hidden_when_nearly_all_of_it_is() -> None:
    points = portraits.portrait(portraits.HOPPER).landmarks.points
    x, y = points[:, :2].mean(0)
    wide, tall = np.ptp(points[:, 0]), np.ptp(points[:, 1])
    whole = HeadRegion(float(x), float(y), float(wide), float(tall))
    assert is_hidden(points, [(0, whole)])
    assert not is_hidden(points, [])
    assert not is_hidden(points, [(0, HeadRegion(float(x), float(y), float(wide) / 3, float(tall)))])
    assert not is_hidden(points, [(0, HeadRegion(float(x + wide), float(y), float(wide), float(tall)))])


def test_a_small_crowd_is_covered() -> None:
    face = portraits.portrait(portraits.HOPPER)
    person = Portrait("x/1.jpg", "x/1", face.image, face.landmarks, face.descriptor)
    found, sheet = recall_of(Crowd([person], Kind(40), 4, 3), factory.open_frame_search(Store()))
    assert found.frames > 0
    assert (found.percent, found.whole) == (100, found.tracks)
    assert (sheet == TUNING.grey).all(axis=2).any()
