"""Crowds with known truth: the same in every run, heads where their landmarks say, hidden ones told."""

from functools import cache

import numpy as np
import pytest

from mien.lab.evaluate.crowds import SIZE_WH, Crowd, Kind
from mien.lab.evaluate.portraits import Portrait
from tests.support import portraits


@cache
def person() -> Portrait:
    face = portraits.portrait(portraits.HOPPER)
    return Portrait("x/1.jpg", "x/1", face.image, face.landmarks, face.descriptor)


@pytest.mark.parametrize("kind", [Kind(40), Kind(40, yaw=60), Kind(40, roll=90)])
def test_heads_lie_where_their_landmarks_say(kind: Kind) -> None:
    crowd = Crowd([person()], kind, 6, 3)
    image, seen = crowd.frame(1)
    again, _ = Crowd([person()], kind, 6, 3).frame(1)
    assert (image == again).all()
    assert image.shape == (SIZE_WH[1], SIZE_WH[0], 3)
    shown = [head for head in seen if not head.hidden]
    assert len(seen) == 6
    assert shown
    for head in shown:
        low, high = head.points[:, :2].min(0), head.points[:, :2].max(0)
        tall = (high - low)[0 if kind.roll else 1]
        assert tall == pytest.approx(kind.height, rel=0.1)
        assert (low >= 0).all()
        assert (high < SIZE_WH).all()


def test_heads_are_found_where_they_are() -> None:
    image, seen = Crowd([person()], Kind(60), 4, 2).frame(0)
    found = portraits.models().photo_detector.detect(image)
    for head in seen:
        x, y = head.points[:, :2].mean(0)
        near = [each for each in found if abs((each.box_xyxy[0] + each.box_xyxy[2]) / 2 - x) < 20]
        assert head.hidden or any(abs((each.box_xyxy[1] + each.box_xyxy[3]) / 2 - y) < 20 for each in near)


def test_heads_behind_a_post_are_hidden() -> None:
    crowd = Crowd([person()], Kind(48), 40, 2)
    image, seen = crowd.frame(0)
    assert 0 < sum(head.hidden for head in seen) < 40
    assert image.dtype == np.uint8


def test_kinds_are_named() -> None:
    assert Kind(48, yaw=85).words == "48 px, yaw 85"
    assert Kind(16).words == "16 px"
