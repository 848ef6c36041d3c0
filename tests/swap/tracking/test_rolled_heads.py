"""Heads at any roll in streams: found, tracked the right way up, and never seen bare live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.imaging import geometry
from mien.imaging.geometry import between_rolls, roll_of
from mien.safety.confirmation import Confirmation
from mien.safety.guard import Guard
from mien.settings import Settings
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.rotated_detector import QUARTER_TURNS, TURNS, TURNS_AT_ONCE, RotatedSearch, detect_rotated
from mien.swap.tracking.scene_cut import Motion
from mien.swap.tracking.tilted_heads import FILE_PACE, LIVE_PACE, SearchPace
from mien.swap.tracking.tracker import Tracker
from mien.types import Affine, Detection, Floats, Frame, Image, TrackedFace
from tests.support.portraits import HOPPER, models, moved, portrait
from tests.support.scenes import Person, Scene

SIDE = 320
ROLLS = (45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)


def _to_frame(roll: float, size: float, x: float) -> Affine:
    """Hopper's face turned to a roll, `size` pixels large, its middle at `x` and the middle of the height."""
    box = geometry.box_of(portrait(HOPPER).landmarks.points)
    scale, angle = size / geometry.size_of(portrait(HOPPER).landmarks.points), np.radians(roll)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return np.hstack([linear, (np.array([x, SIDE / 2]) - linear @ middle)[:, None]])


@cache
def _room() -> Image:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return np.stack([90 + 40 * np.sin(x / 37), 110 + 30 * np.cos(y / 29), 120 + 20 * np.sin((x + y) / 50)], 2).astype(np.uint8)


@cache
def _rolled(roll: float, size: float = 90.0, x: float = SIDE / 2) -> tuple[Image, Floats]:
    """The head at a roll in the room, which does not turn with it, and its landmarks."""
    to_frame = _to_frame(roll, size, x)
    picture, landmarks = moved(portrait(HOPPER), to_frame, SIDE, SIDE)
    x1, y1, x2, y2 = geometry.box_of(portrait(HOPPER).landmarks.points)
    mask = np.zeros(portrait(HOPPER).image.shape[:2], np.float32)
    middle, axes = (
        (round((x1 + x2) / 2), round((y1 + y2) / 2 - 0.1 * (y2 - y1))),
        (round(0.72 * (x2 - x1)), round(0.8 * (y2 - y1))),
    )
    cv2.ellipse(mask, middle, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    share = cv2.warpAffine(mask, to_frame, (SIDE, SIDE), flags=cv2.INTER_LINEAR)[:, :, None]
    return (share * picture + (1 - share) * _room()).astype(np.uint8), landmarks.points


def _followed(tracker: Tracker, images: Iterable[Image], first: int = 0) -> Iterator[tuple[TrackedFace, ...]]:
    for number, image in enumerate(images, start=first):
        yield tracker.update(Frame(image, number, number, Fraction(1, 30)))


def _file_tracker() -> Tracker:
    return Tracker(models().detector, models().landmarker, Settings(smoothing=0.0), models().turned)


def _far_off(face: TrackedFace, points: Floats) -> float:
    """Mean distance of the landmarks from where they are, in face sizes."""
    off = np.linalg.norm(face.landmarks.points[:, :2] - points[:, :2], axis=1).mean()
    return float(off) / geometry.size_of(points)


@pytest.mark.parametrize("roll", ROLLS)
def test_a_head_at_any_roll_is_followed_from_the_first_frame(roll: float) -> None:
    image, points = _rolled(roll)
    for faces in _followed(_file_tracker(), [image] * 8):
        (face,) = faces
        assert face.track_id == 1
        assert _far_off(face, points) < 0.04
        assert abs(face.yaw) < 20


def test_a_head_that_rolls_over_is_one_face_at_every_frame() -> None:
    rolls = [-5.0 * step for step in range(55)]
    turning = [_rolled(roll) for roll in rolls]
    for (_, points), faces in zip(turning, _followed(_file_tracker(), [image for image, _ in turning]), strict=True):
        (face,) = faces
        assert face.track_id == 1
        assert _far_off(face, points) < 0.05


@pytest.mark.parametrize("roll", [0.0, 90.0, 180.0])
def test_an_inverted_mesh_is_set_right(roll: float) -> None:
    image, points = _rolled(roll)
    tracker = _file_tracker()
    list(_followed(tracker, [image] * 2))
    track = tracker._tracks[0]
    inverted = track.points.copy()
    inverted[:, :2] = 2 * inverted[:, :2].mean(0) - inverted[:, :2]
    track.points = track.start = models().landmarker.fit(image, inverted).points
    assert _far_off(replace(_only(tracker), landmarks=replace(track.shown, points=track.points)), points) > 0.3
    for _ in _followed(tracker, [image] * 20, first=2):
        pass
    assert _far_off(_only(tracker), points) < 0.05


def _only(tracker: Tracker) -> TrackedFace:
    (track,) = tracker._tracks
    return TrackedFace(track.track_id, track.shown, track.age, track.yaw)


@dataclass
class _Shown:
    """The view past the live guard, frame by frame, when every trusted face is worn."""

    wears: bool = True

    def __post_init__(self) -> None:
        parts = factory.open_tracking(Settings(), models().sessions)
        self.tracker, self.detector = parts.tracker, parts.detector
        self.guard, self.confirmation, self.number = Guard(), Confirmation(), 0

    def bare(self, image: Image, points: Floats) -> bool:
        """Return True when the middle of the face is visible and wears nothing."""
        self.number += 1
        frame = Frame(image, self.number, self.number, Fraction(1, 30))
        faces = self.tracker.update(frame)
        low_confidence = [*self.detector.low_confidence(image), *self.tracker.tilted_finds]
        confirming = [*self.detector.confirming(image), *self.tracker.readings]
        self.detector.release_picture()
        self.detector.note_tracked(faces, image)
        worn = self.confirmation.trusted(faces, confirming, frame.time_s) if self.wears else ()
        ids = {face.track_id for face in worn}
        left = tuple(geometry.box_of(face.landmarks.points) for face in faces if face.track_id not in ids)
        if left:
            self.guard.distrust(left, frame.time_s)
        self.verdict = verdict = self.guard.judge(image, frame.time_s, worn, low_confidence, self.tracker.scene)
        self.worn = any(_far_off(face, points) < 0.08 for face in worn)
        x, y = points[:, :2].mean(0).tolist()
        hidden = verdict.whole or any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in verdict.boxes)
        return not (hidden or self.worn)


@pytest.mark.parametrize("roll", [90.0, 180.0])
def test_a_lying_head_is_worn_live(roll: float) -> None:
    shown = _Shown()
    image, points = _rolled(roll)
    assert not any(shown.bare(image, points) for _ in range(6))
    assert shown.worn


def test_a_lying_head_that_nothing_can_be_put_on_never_opens_the_picture() -> None:
    shown = _Shown(wears=False)
    image, points = _rolled(180.0)
    assert not any(shown.bare(image, points) for _ in range(52))


def test_a_head_that_rolls_over_is_never_bare_live() -> None:
    shown = _Shown()
    turning = [_rolled(5.0 * step) for step in range(37)]
    worn = []
    for image, points in turning:
        assert not shown.bare(image, points)
        worn.append(shown.worn)
    assert sum(worn) >= len(worn) - 2, "worn once it is confirmed"


@pytest.mark.parametrize("roll", [90.0, 180.0])
def test_a_lying_head_that_comes_into_an_empty_picture_is_covered_at_once(roll: float) -> None:
    shown = _Shown()
    outside: Floats = np.full((478, 3), -9.0, np.float32)
    for _ in range(48):
        shown.bare(_room().copy(), outside)
    assert shown.verdict.clear, "the empty room is open"
    for step in range(6):
        image, points = _rolled(roll, x=SIDE - 60.0 - 20 * step)
        assert not shown.bare(image, points), step


@pytest.mark.parametrize("turn", TURNS_AT_ONCE)
def test_a_find_in_a_turned_picture_lies_where_the_face_is(turn: float) -> None:
    image, points = _rolled(turn, x=SIDE / 2 + 40)
    wide = np.ascontiguousarray(image[30:290])
    found = max(detect_rotated(models().detector, wide, turn, 320), key=lambda each: each.score)
    assert between_rolls(roll_of(found.points), turn) < 12
    place = FaceBox.of_points(points - np.array([0, 30, 0], np.float32))
    assert place.distance(FaceBox.of_detection(found)) < 0.15
    assert place.growth(FaceBox.of_detection(found)) < 1.25


@pytest.mark.parametrize("roll", [0.0, *ROLLS])
def test_every_way_up_is_read_and_the_right_one_wins(roll: float) -> None:
    image, points = _rolled(roll)
    place = FaceBox.of_points(points)
    wrong = models().turned.read(image, place, roll + 180)
    if wrong is not None:
        best = models().turned.right_way_up(image, wrong)
        assert best is not None
        assert between_rolls(roll_of(best.points), roll) < 15


@dataclass
class _Counting(RotatedSearch):
    """Counts the turns that are searched; sees nothing."""

    def __init__(self) -> None:
        self.turns: list[float] = []
        self.far = 0

    def sweep(self, image: Image, turns: Iterable[float]) -> list[Detection]:
        self.turns += turns
        return []

    def sweep_far(self, image: Image, turn: float) -> list[Detection]:
        self.far += 1
        return []

    def read(self, image: Image, place: FaceBox, roll: float) -> Detection | None:
        return None


def _swept(people: list[Person], pace: SearchPace, images: list[Image]) -> _Counting:
    scene, turning = Scene(people), _Counting()
    tracker = Tracker(scene, scene, Settings(smoothing=0, detect_every=1), turning, pace)
    for _ in _followed(tracker, images):
        pass
    return turning


def test_the_search_takes_its_time_while_somebody_is_followed() -> None:
    still = np.asarray(np.kron(np.random.default_rng(1).integers(0, 255, (9, 16, 3)), np.ones((40, 40, 1))), np.uint8)
    turns = _swept([Person(300, y=180)], FILE_PACE, [still] * 33).turns
    assert turns == [*QUARTER_TURNS, *TURNS[:2]], "the quarters at the start, then one turn in sixteen frames"


def test_an_empty_picture_is_searched_faster_when_something_moves() -> None:
    still = np.asarray(np.kron(np.random.default_rng(1).integers(0, 255, (9, 16, 3)), np.ones((40, 40, 1))), np.uint8)
    moving = [still.copy() for _ in range(11)]
    for step, image in enumerate(moving):
        cv2.circle(image, (40 + 30 * step, 200), 30, (0, 255, 0), -1)
    rest, busy = _swept([], LIVE_PACE, [still] * 11), _swept([], LIVE_PACE, moving)
    assert rest.turns == [*TURNS_AT_ONCE, *TURNS[:10]]
    assert busy.turns == [*TURNS_AT_ONCE, *(TURNS * 3)[:40]]
    assert (rest.far, busy.far) == (1, 4)


def test_sensor_noise_is_not_motion_and_a_small_thing_that_moves_is() -> None:
    motion, draw = Motion(), np.random.default_rng(2)
    room = np.full((720, 1280, 3), 120.0)
    assert motion.seen(np.asarray(room, np.uint8))
    for _ in range(4):
        assert not motion.seen(np.clip(room + draw.normal(0, 4, room.shape), 0, 255).astype(np.uint8))
    room[300:340, 600:640] = 60
    assert motion.seen(np.asarray(room, np.uint8))


def test_the_upright_tracks_are_the_same_with_and_without_the_search() -> None:
    images = [_rolled(4.0 * np.sin(step / 3))[0] for step in range(20)]
    plain = Tracker(models().detector, models().landmarker, Settings())
    searching = Tracker(models().detector, models().landmarker, Settings(), models().turned)
    for before, after in zip(_followed(plain, images), _followed(searching, images), strict=True):
        assert [face.track_id for face in before] == [face.track_id for face in after] == [1]
        np.testing.assert_array_equal(before[0].landmarks.points, after[0].landmarks.points)
