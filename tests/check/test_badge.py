"""The badge by template: each style, on any corner, after a call's coding; nothing in pictures without one."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.check.badge import BadgeFinder, BadgeFound
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import Frame, Image
from tests.support.marked import clip_frames, jpeg, resized


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    return [frame.copy() for frame in clip_frames(0, 8)]


def badge_of(frames: list[Image]) -> BadgeFound | None:
    finder = BadgeFinder()
    for frame in frames:
        finder.add(jpeg(resized(frame, 640, 360), 50))
    return finder.read()


@pytest.mark.parametrize(("style", "corner"), [
    ("dark", "bottom-right"), ("light", "top-left"), ("letters", "bottom-left"), ("eu", "top-right"),
])  # fmt: skip
def test_a_badge_is_seen_in_its_corner(frames: list[Image], style: str, corner: str) -> None:
    labeller = Labeller(Settings(badge_style=style, badge_corner=corner), Marker(1), live=True)
    found = badge_of([labeller.label(Frame(frame.copy(), 0, 0, Fraction(1, 30))).frame.image for frame in frames])
    assert found is not None
    assert found.corner == corner


def test_pictures_without_a_badge_show_none(frames: list[Image]) -> None:
    assert badge_of(frames) is None
    assert BadgeFinder().read() is None
    assert badge_of([np.full((360, 640, 3), 90, np.uint8)] * 3) is None


@pytest.mark.parametrize(("width", "left"), [(9, 5), (12, 4)])
def test_a_dark_speck_on_a_light_patch_is_no_badge(width: int, left: int) -> None:
    picture = np.full((240, 194, 3), 120, np.uint8)
    picture[212:224, 162:182] = 220
    picture[215:221, 162 + left : 162 + left + width] = 60
    finder = BadgeFinder()
    finder.add(np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8))
    assert finder.read() is None
