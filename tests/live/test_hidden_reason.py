"""Reasons why a face is hidden, as they are told to the wearer."""

import numpy as np
import pytest

from mien.live.hidden_reason import HiddenReason, HiddenReasons
from mien.types import TrackedFace
from tests.support.live_loop import landmarks


def face(yaw: float) -> TrackedFace:
    return TrackedFace(1, landmarks(), 10, yaw)


@pytest.mark.parametrize(
    ("grey", "yaw", "is_tracked", "is_trusted", "reason"),
    [
        (8, 0.0, True, True, "dark"),
        (120, 60.0, True, False, "turned"),
        (120, -60.0, False, False, "turned"),
        (120, 5.0, True, False, "hand"),
        (120, 5.0, False, False, "unseen"),
    ],
)
def test_a_reason_is_found(grey: int, yaw: float, is_tracked: bool, is_trusted: bool, reason: HiddenReason) -> None:
    reasons, image = HiddenReasons(), np.full((90, 160, 3), grey, np.uint8)
    seen = (face(yaw),)
    assert reasons.find(image, seen, seen, is_hidden=False) == ""
    faces = seen if is_tracked else ()
    assert reasons.find(image, faces, faces if is_trusted else (), is_hidden=True) == reason
