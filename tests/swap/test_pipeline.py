"""The main path with fakes: order of the faces, failures, opacity, and what is counted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mien.contracts import Engine
from mien.errors import UsageError
from mien.settings import Settings
from mien.swap.cast import Cast, Member, Roles, Treatment, everyone
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Retouch
from mien.swap.pipeline import Pipeline, swap_faces
from mien.swap.stages.cover import TUNING as COVER
from mien.swap.stages.make_patches import far_to_near
from mien.swap.stream_memory import StreamMemory
from mien.swap.tracking.tracker import Tracker
from mien.testing import FakeDetector, FakeEngine, FakeLandmarker, FakeRecogniser, fake_persona
from mien.types import Detection, FacePatch, Floats, Frame, Image, Landmarks, TrackedFace
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


class _Late(FakeRecogniser):
    """Is sure of a face only at the third look."""

    def __init__(self) -> None:
        self.looks = 0

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        self.looks += 1
        return np.array([0.0 if self.looks > 2 else 0.1, 0, 0], np.float32)


def test_a_face_that_is_recognised_a_little_later_is_worn_from_its_first_frame_on() -> None:
    seen = portrait(COLLINS)
    tracker = Tracker(FakeDetector(models().photo_detector.detect(seen.image)), FakeLandmarker(seen.landmarks), Settings())
    persona, bob = fake_persona(FakeEngine()), Wanted("bob", (template_of_photo(np.zeros(3, np.float32)),))
    cast = Cast(persona.retouch, members=(Member(bob, persona),), recogniser=_Late())
    pipeline, taken = Pipeline(tracker, cast, Settings()), []

    def frames() -> Iterator[Frame]:
        for index in range(40):
            taken.append(index)
            yield Frame(np.full((512, 512, 3), 100, np.uint8), index, index, Fraction(1, 30))

    ahead = []
    for index, tracked in enumerate(pipeline.track_all(frames())):
        assert tracked.frame.index == index
        ahead.append(len(taken) - index)
        assert pipeline.swap(tracked).swapped == 1, index
    assert index == 39
    assert max(ahead) in {16, 17}, "half a second, give or take the rounding of times"
    assert pipeline.worn_frames == {"bob": 40}


class Entering(FakeDetector):
    """Sees the bundled portrait from this frame on, and up to that one."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(models().photo_detector.detect(portrait(COLLINS).image))
        self._span, self._asked = range(first, last), 0

    def detect(self, image: Image) -> list[Detection]:
        self._asked += 1
        return super().detect(image) if self._asked - 1 in self._span else []


def _covered_at(frames: int, cut: int | None = None) -> list[int]:
    """Return the frames in which the nose is covered; a face is found from frame 12 on, in frames of 1/24 s."""
    settings = Settings(detect_every=1)
    tracker = Tracker(Entering(12, frames), FakeLandmarker(portrait(COLLINS).landmarks), settings)
    pipeline = Pipeline(tracker, Cast(Retouch(), others="cover"), settings)
    rooms = [np.random.default_rng(seed).integers(120, 256, (8, 8, 3), np.uint8).repeat(64, 0).repeat(64, 1) for seed in (1, 2)]
    shown = [Frame(rooms[cut is not None and i >= cut].copy(), i, i, Fraction(1, 24)) for i in range(frames)]
    results = map(pipeline.swap, pipeline.track_all(shown))
    return [result.frame.index for result in results if abs(int(result.frame.image[_nose()][0]) - COVER.grey) < 10]


def test_a_head_is_covered_a_moment_before_its_face_is_found() -> None:
    assert _covered_at(20) == list(range(6, 20))


def test_a_head_is_not_covered_before_a_cut() -> None:
    assert _covered_at(20, cut=9) == list(range(9, 20))


def test_without_people_to_find_no_frame_waits() -> None:
    pipeline, taken = _pipeline(FakeEngine(), Settings()), []

    def frames() -> Iterator[Frame]:
        for index in range(3):
            taken.append(index)
            yield replace(_frame(), index=index, pts=index)

    assert [len(taken) - seen.frame.index for seen in pipeline.track_all(frames())] == [1, 1, 1]


def test_each_source_costs_one_call_and_the_nearer_face_lies_on_top() -> None:
    class Counting(FakeEngine):
        def __init__(self, colour: tuple[int, int, int]) -> None:
            super().__init__(colour)
            self.calls: list[int] = []

        def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
            self.calls.append(len(faces))
            return super().swap(frame, faces, prepared)

    engines = Counting((0, 200, 0)), Counting((200, 0, 0))
    personas = [fake_persona(engine) for engine in engines]
    faces = _face(1, 0.9), _face(2, 0.6), _face(3, 0.7), _face(4, 0.5)
    roles: Roles = {1: personas[0], 2: personas[1], 3: personas[0], 4: "leave"}
    frame = _frame()
    worn = swap_faces(frame, faces, roles, Retouch(), Settings(shape=0.0, grain=0.0), StreamMemory())
    assert [face.track_id for face in worn] == [2, 3, 1]
    assert [engine.calls for engine in engines] == [[2], [1]]
    assert (frame.image[_nose()] == (0, 200, 0)).all()


def test_a_frame_with_all_the_faces_that_can_be_hidden_is_refused() -> None:
    seen = portrait(COLLINS)
    found = models().photo_detector.detect(seen.image)
    persona = fake_persona(FakeEngine((0, 200, 0)))
    cases: list[tuple[int, Treatment]] = [(2, "cover"), (1, "leave"), (1, "cover")]
    for faces, others in cases:
        settings = Settings(faces=faces)
        tracker = Tracker(FakeDetector(found), FakeLandmarker(seen.landmarks), settings)
        pipeline = Pipeline(tracker, replace(everyone(persona), choice="largest", others=others), settings)
        if (faces, others) == (1, "cover"):
            with pytest.raises(UsageError, match="more than the 1 faces that can be hidden"):
                pipeline.swap_frame(_frame())
        else:
            assert pipeline.swap_frame(_frame()).swapped == 1
