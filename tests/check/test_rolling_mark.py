"""Rolling reader: whole and mirrored pictures, pieces at unknown places, sums of several lengths, unmarked pictures."""

import cv2
import numpy as np
import pytest

from mien.check.rolling_mark import RollingMark, RollingTuning
from mien.types import Image
from tests.support.marked import ID, clip_frames, encoded, marked, resized


@pytest.fixture(scope="module")
def plain() -> list[Image]:
    return [resized(frame, 640, 360) for frame in clip_frames(0, 30)]


@pytest.fixture(scope="module")
def call(plain: list[Image]) -> list[Image]:
    """Return marked pictures as a call at 500 kbit/s shows them."""
    whole = [resized(marked(frame), 640, 360) for frame in clip_frames(0, 30)]
    buffer = encoded(whole, "libx264", {"preset": "veryfast", "tune": "zerolatency", "g": "600", "crf": "26"})
    assert len(buffer) == len(plain)
    return buffer


def fed(rolling: RollingMark, frames: list[Image]) -> RollingMark:
    for frame in frames:
        rolling.add(frame)
    return rolling


def on_desktop(frames: list[Image], mirror: bool) -> list[Image]:
    """Show pictures at an uneven place and size of a desktop with some things on it."""
    desktop = np.full((600, 960, 3), (90, 70, 50), np.uint8)
    for line in range(20, 600, 22):
        cv2.putText(desktop, "names and messages", (8, line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (210, 210, 210), 1)
    to_desktop = np.array([[1.09, 0, 203.4], [0, 1.09, 61.7]])
    shown = []
    for frame in frames:
        laid = desktop.copy()
        picture = np.ascontiguousarray(frame[:, ::-1]) if mirror else frame
        cv2.warpAffine(picture, to_desktop, (960, 600), dst=laid, borderMode=cv2.BORDER_TRANSPARENT)
        shown.append(laid)
    return shown


@pytest.mark.parametrize("mirror", [False, True])
def test_a_whole_picture_is_read_either_way_round(call: list[Image], mirror: bool) -> None:
    frames = [np.ascontiguousarray(frame[:, ::-1]) for frame in call] if mirror else call
    found = fed(RollingMark(), frames).read()
    assert found is not None
    assert (found.mark_id, found.mirrored) == (ID, mirror)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_picture_on_a_desktop_is_located_and_then_followed(call: list[Image], mirror: bool) -> None:
    shown = on_desktop(call, mirror)
    rolling = fed(RollingMark(), shown[:26])
    assert rolling.read() is None
    geometry = rolling.locate(rolling.greys())
    assert geometry is not None
    rolling.settle(geometry)
    found = fed(rolling, shown[26:]).read()
    assert found is not None
    assert (found.mark_id, found.mirrored) == (ID, mirror)
    assert rolling.greys() == []


def test_unmarked_pictures_say_nothing(plain: list[Image]) -> None:
    rolling = fed(RollingMark(), plain)
    assert rolling.read() is None
    assert rolling.locate(rolling.greys()) is None


def test_a_mark_that_ends_stays_in_the_long_sum_and_leaves_the_short_one(plain: list[Image], call: list[Image]) -> None:
    rolling = RollingMark(tuning=RollingTuning(sums=(8, 16), least_searched=4))
    assert rolling.greys() == []
    fed(rolling, call)
    assert rolling.read() is not None
    fed(rolling, [*plain, *plain])
    short = fed(RollingMark(tuning=RollingTuning(sums=(8, 16))), [*plain, *plain])
    assert short.read() is None


def test_pictures_of_another_size_are_refused(plain: list[Image]) -> None:
    rolling = fed(RollingMark(), plain[:1])
    with pytest.raises(ValueError, match="one size"):
        rolling.add(plain[0][:100])
