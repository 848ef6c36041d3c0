"""The main path with fakes: order of the faces, failures, opacity, and what is counted."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from mien.contracts import Engine
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.pipeline import Pipeline
from mien.swap.stages.make_patches import far_to_near
from mien.swap.tracking.tracker import Tracker
from mien.testing import FakeDetector, FakeEngine, FakeLandmarker, fake_persona
from mien.types import FacePatch, Frame, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, models, portrait


def _frame() -> Frame:
    return Frame(np.full((512, 512, 3), 100, np.uint8), 0, 0, Fraction(1, 30))


def _pipeline(engine: Engine, settings: Settings, *, face: bool = True) -> Pipeline:
    """A grey picture in which the fakes see the bundled portrait."""
    seen = portrait(COLLINS)
    found = models().photo_detector.detect(seen.image)
    tracker = Tracker(FakeDetector(found if face else []), FakeLandmarker(seen.landmarks), settings)
    return Pipeline(tracker, everyone(fake_persona(engine)), settings)


def _nose() -> tuple[int, int]:
    x, y = portrait(COLLINS).landmarks.points[1, :2]
    return round(float(y)), round(float(x))


def _face(track_id: int, scale: float) -> TrackedFace:
    points = portrait(COLLINS).landmarks.points * np.float32(scale)
    return TrackedFace(track_id, Landmarks(points, 1.0), 1)


def test_a_face_is_swapped_in_place_and_counted() -> None:
    frame = _frame()
    result = _pipeline(FakeEngine((0, 200, 0)), Settings()).swap_frame(frame)
    assert result.swapped == len(result.faces) == 1
    assert result.frame is frame
    assert (frame.image[_nose()] == (0, 200, 0)).all()
    assert (frame.image[5, 5] == 100).all()


@pytest.mark.parametrize(("opacity", "expected"), [(0.0, 100), (0.5, 150), (1.0, 200)])
def test_opacity(opacity: float, expected: int) -> None:
    frame = _frame()
    _pipeline(FakeEngine((200, 200, 200)), Settings(opacity=opacity)).swap_frame(frame)
    assert abs(int(frame.image[_nose()][0]) - expected) <= 1


def test_without_a_face_the_frame_stays_and_says_so() -> None:
    frame = _frame()
    result = _pipeline(FakeEngine(), Settings(), face=False).swap_frame(frame)
    assert (result.swapped, result.faces) == (0, ())
    assert (frame.image == 100).all()


def test_a_face_without_a_patch_does_not_count() -> None:
    class Blind(FakeEngine):
        def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
            return [None for _ in faces]

    assert _pipeline(Blind(), Settings()).swap_frame(_frame()).swapped == 0


def test_a_failing_engine_is_heard() -> None:
    class Broken(FakeEngine):
        def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        _pipeline(Broken(), Settings()).swap_frame(_frame())


def test_the_nearer_face_lies_on_top() -> None:
    far, near = _face(1, 0.5), _face(2, 1.0)
    assert far_to_near((near, far)) == (far, near)
    assert far_to_near(()) == ()
