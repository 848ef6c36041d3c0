"""A crowd is followed on several cores: the same faces to the last bit, and an error of one fit is raised."""

import threading
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.settings import Settings
from mien.swap.tracking import tracker as module
from mien.swap.tracking.tracker import TUNING, Tracker
from mien.types import Floats, Frame, Image, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait


class Watched:
    """The landmarker, with the names of the threads that called it."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.broken = False

    def fit(self, image: Image, around: Floats) -> Landmarks:
        self.threads.add(threading.current_thread().name)
        if self.broken:
            raise RuntimeError("no landmarks")
        return models().landmarker.fit(image, around)


@pytest.fixture(scope="module")
def crowd() -> Image:
    tiles = [np.asarray(cv2.resize(portrait(path).image, (256, 256)), np.uint8) for path in (COLLINS, HOPPER)]
    return np.vstack([np.hstack(tiles), np.hstack(tiles[::-1])])


def _tracker(watched: Watched, faces_a_thread: int) -> Tracker:
    tuning = replace(TUNING, faces_a_thread=faces_a_thread)
    return Tracker(models().photo_detector, watched, Settings(), tuning=tuning)


def _followed(crowd: Image, tracker: Tracker, frames: int = 3) -> list[tuple[TrackedFace, ...]]:
    moved = [np.roll(crowd, 2 * index, axis=1) for index in range(frames)]
    return [tracker.update(Frame(image, index, index, Fraction(1, 30))) for index, image in enumerate(moved)]


def test_faces_are_the_same_on_one_thread_and_on_several(crowd: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    one, several = Watched(), Watched()
    alone, together = _followed(crowd, _tracker(one, 100)), _followed(crowd, _tracker(several, 2))
    assert len(alone[-1]) == 4
    for before, after in zip(alone, together, strict=True):
        assert [face.track_id for face in before] == [face.track_id for face in after]
        for a, b in zip(before, after, strict=True):
            assert np.array_equal(a.landmarks.points, b.landmarks.points)
    assert not any(name.startswith("mien-fit") for name in one.threads)
    assert any(name.startswith("mien-fit") for name in several.threads)
    assert not any(thread.name.startswith("mien-fit") for thread in threading.enumerate())


def test_an_error_in_a_thread_is_raised(crowd: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    watched = Watched()
    tracker = _tracker(watched, 2)
    _followed(crowd, tracker)
    watched.broken = True
    with pytest.raises(RuntimeError, match="no landmarks"):
        tracker.update(Frame(crowd, 3, 3, Fraction(1, 30)))
    assert not any(thread.name.startswith("mien-fit") for thread in threading.enumerate())
