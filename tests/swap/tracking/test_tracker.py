"""Faces keep their numbers, the detector rests, and nobody is returned who is not in the frame."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.tracking.tracker import Tracker
from mien.types import Floats, Frame, Image, Landmarks, TrackedFace
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER, models, read
from tests.support.scenes import Person, Scene


@dataclass
class Film:
    """Runs a tracker over a scene, frame by frame."""

    scene: Scene
    settings: Settings = field(default_factory=lambda: Settings(smoothing=0))
    image: Image = field(default_factory=lambda: _picture(1))
    index: int = 0
    tracker: Tracker = field(init=False)

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.scene, self.scene, self.settings)

    def next(self, count: int = 1) -> tuple[TrackedFace, ...]:
        faces: tuple[TrackedFace, ...] = ()
        for _ in range(count):
            faces = self.tracker.update(Frame(self.image, self.index, self.index, Fraction(1, 30)))
            self.index += 1
        return faces


def _picture(seed: int) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), np.uint8)
    return np.asarray(np.kron(coarse, np.ones((80, 80, 1), np.uint8)), np.uint8)


def _ids(faces: tuple[TrackedFace, ...]) -> list[int]:
    return [face.track_id for face in faces]


def _film(*people: Person, **settings: object) -> Film:
    values = {"smoothing": 0.0, **settings}
    return Film(Scene(list(people)), Settings(**values))  # type: ignore[arg-type]


def test_the_detector_rests_between_its_runs() -> None:
    film = _film(Person(300), Person(900), detect_every=10)
    film.next(31)
    assert film.scene.detections == 4
    assert len(film.scene.starts) == 2 * 2 + 2 * 30


def test_landmarks_are_those_of_this_frame() -> None:
    film = _film(Person(200))
    film.next()
    for x in (230, 260, 285, 290):
        film.scene.people[0].x = x
        (face,) = film.next()
        np.testing.assert_array_equal(face.landmarks.points, film.scene.people[0].points())


def test_the_number_stays_and_the_age_counts() -> None:
    film = _film(Person(200))
    for frame in range(40):
        film.scene.people[0].x += 12
        (face,) = film.next()
        assert (face.track_id, face.age) == (1, frame + 1)


def test_fast_motion_is_foreseen() -> None:
    film = _film(Person(100, size=100), detect_every=15)
    film.next()
    for _ in range(25):
        film.scene.people[0].x += 40
        assert _ids(film.next()) == [1]
    assert film.scene.detections == 2
    assert np.ptp(film.scene.starts[-1][:, 0]) > 0
    assert abs(film.scene.starts[-1][:, 0].mean() - film.scene.people[0].points()[:, 0].mean()) < 1


def test_the_next_fit_starts_from_unsmoothed_landmarks() -> None:
    film = Film(Scene([Person(200)]), Settings(smoothing=4))
    film.next(3)
    film.scene.people[0].x += 0.2
    (face,) = film.next()
    film.next()
    raw = film.scene.people[0].points()
    assert np.abs(face.landmarks.points - raw).max() > 0.1
    np.testing.assert_allclose(film.scene.starts[-1][:, 1], raw[:, 1], atol=1e-3)


def test_a_face_that_left_is_not_returned() -> None:
    film = _film(Person(300, size=120), Person(900))
    film.next(3)
    gone = film.scene.people.pop(0)
    assert _ids(film.next()) == [2]
    film.scene.people.append(gone)
    assert _ids(film.next()) == [1, 2], "found again at once: its number is still known"


def test_a_number_is_forgotten_after_the_grace_and_not_used_again() -> None:
    film = _film(Person(300))
    film.next(3)
    gone = film.scene.people.pop()
    for _ in range(60):
        assert film.next() == ()
    film.scene.people.append(gone)
    (face,) = film.next()
    assert (face.track_id, face.age) == (2, 1)


def test_a_face_far_from_the_lost_one_is_somebody_else() -> None:
    film = _film(Person(300))
    film.next(3)
    film.scene.people[0].x = 900
    assert _ids(film.next()) == [2]


def test_a_jump_out_of_reach_is_bridged_by_the_detector_in_the_same_frame() -> None:
    film = _film(Person(300))
    film.next(3)
    film.scene.people[0].x = 380
    (face,) = film.next()
    assert (face.track_id, face.age) == (1, 4)
    np.testing.assert_array_equal(face.landmarks.points, film.scene.people[0].points())


def test_an_empty_scene_is_searched_in_every_frame() -> None:
    film = _film()
    film.next(7)
    assert film.scene.detections == 7
    film.scene.people.append(Person(300))
    assert _ids(film.next()) == [1]


def test_a_second_face_is_found_at_the_next_redetection() -> None:
    film = _film(Person(300), detect_every=5)
    film.next(2)
    film.scene.people.append(Person(900))
    assert [_ids(film.next()) for _ in range(4)][-1] == [1, 2]


def test_a_cut_starts_anew() -> None:
    film = _film(Person(300))
    film.next(4)
    detections, film.image = film.scene.detections, _picture(2)
    (face,) = film.next()
    assert (face.track_id, face.age) == (2, 1)
    assert film.scene.detections == detections + 1


def test_a_flash_keeps_the_numbers() -> None:
    film = _film(Person(300))
    film.next(4)
    calm, film.image = film.image, np.clip(film.image * 1.6 + 40, 0, 255).astype(np.uint8)
    assert _ids(film.next()) == [1]
    film.image = calm
    assert _ids(film.next()) == [1]


def test_of_two_tracks_on_one_face_the_younger_goes() -> None:
    film = _film(Person(300), Person(500), detect_every=5)
    film.next(3)
    film.scene.people[1].x = 460
    while film.scene.people[1].x > 300:
        film.scene.people[1].x -= 10
        faces = film.next()
    assert len(faces) == 1


def test_who_passes_in_front_keeps_the_number() -> None:
    film = _film(Person(640, size=100), Person(200, size=120))
    numbers = {face.track_id: face.landmarks.points[:, 0].mean() for face in film.next()}
    front = min(numbers, key=lambda number: numbers[number])
    for _ in range(45):
        film.scene.people[1].x += 20
        faces = film.next()
        middle = film.scene.people[1].points()[:, 0].mean()
        assert front in _ids(faces)
        assert any(face.track_id == front and abs(face.landmarks.points[:, 0].mean() - middle) < 1 for face in faces)
    assert len(faces) == 2


def test_the_largest_faces_take_the_places() -> None:
    film = _film(*(Person(150 + 240 * n, size=60 + 20 * n) for n in range(5)), faces=3)
    assert sorted(round(geometry.size_of(face.landmarks.points)) for face in film.next()) == [
        round(geometry.size_of(person.points())) for person in film.scene.people[2:]
    ]


def test_a_much_larger_face_takes_the_place_of_the_smallest() -> None:
    film = _film(Person(300, size=60), faces=1, detect_every=4)
    film.next(2)
    film.scene.people.append(Person(900, size=70))
    film.next(8)
    assert _ids(film.next()) == [1]
    film.scene.people[1].size = 120
    film.next(4)
    assert _ids(film.next()) == [2]


def test_faces_come_in_the_order_of_their_numbers() -> None:
    film = _film(Person(900), Person(300, size=80), Person(600, size=120), detect_every=3)
    film.next(2)
    film.scene.people[0].presence = 0.0
    film.next()
    film.scene.people[0].presence = 1.0
    numbers = _ids(film.next(2))
    assert numbers == sorted(numbers) == [1, 2, 3]


def test_a_hand_that_looks_like_a_face_is_refused() -> None:
    film = _film(Person(300, score=0.65, presence=0.97, first_presence=0.5))
    assert film.next(5) == ()


def test_a_faint_detection_with_a_sure_mesh_is_taken() -> None:
    assert _ids(_film(Person(300, score=0.62)).next()) == [1]


def test_no_birth_without_presence() -> None:
    assert _film(Person(300, presence=0.55)).next(3) == ()


@pytest.mark.parametrize(("presence", "survives"), [(0.7, False), (1.0, True)])
def test_what_the_detector_keeps_missing_dies_unless_the_landmarks_are_sure(presence: float, survives: bool) -> None:
    film = _film(Person(300), detect_every=3)
    film.next(2)
    film.scene.people[0].presence, film.scene.people[0].seen = presence, False
    film.next(60)
    assert bool(film.next()) == survives


def test_a_mesh_that_sits_wrong_is_set_right() -> None:
    film = _film(Person(300), detect_every=4)
    film.next()
    truth = film.scene.people[0].points()
    turned = truth.copy()
    turned[:, :2] = 2 * np.array([300, 360]) - truth[:, :2]
    film.tracker._tracks[0].points = turned
    film.scene.broken = Landmarks(turned, 1.0)
    film.next(3)
    film.scene.broken = None
    (face,) = film.next(2)
    assert face.track_id == 1
    np.testing.assert_array_equal(face.landmarks.points, truth)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_landmarks_are_no_face(value: float) -> None:
    film = _film(Person(300))
    film.next(2)
    film.scene.broken = Landmarks(np.full((478, 3), value, np.float32), 1.0)
    assert film.next() == ()
    film.scene.broken = Landmarks(film.scene.people[0].points(), float("nan"))
    assert film.next() == ()
    film.scene.broken = None
    assert _ids(film.next()) == [1]


def test_a_face_does_not_double_in_one_frame() -> None:
    film = _film(Person(300))
    film.next(2)
    film.scene.people[0] = replace(film.scene.people[0], size=190.0)
    assert _ids(film.next()) == [2]


def test_a_face_out_of_the_picture_is_gone() -> None:
    film = _film(Person(1200))
    while film.scene.people[0].x < 1270:
        film.scene.people[0].x += 10
        assert len(film.next()) == 1
    film.scene.people[0] = replace(film.scene.people[0], x=1300.0, seen=False)
    assert film.next() == ()


def test_reset_forgets_faces_but_not_numbers() -> None:
    film = _film(Person(300))
    film.next(2)
    film.tracker.reset()
    assert _ids(film.next()) == [2]


def test_times_may_stand_still_or_run_back() -> None:
    scene = Scene([Person(300)])
    tracker = Tracker(scene, scene, Settings())
    for pts in (5, 5, 3, 0, -7, 100_000, 1):
        scene.people[0].x += 3
        (face,) = tracker.update(Frame(_picture(1), 0, pts, Fraction(1, 30)))
        assert np.isfinite(face.landmarks.points).all()


def test_the_same_frames_give_the_same_faces() -> None:
    def run() -> list[Floats]:
        film = Film(Scene([Person(300)]), Settings())
        found = []
        for step in range(20):
            film.scene.people[0].x += step % 3
            found += [face.landmarks.points for face in film.next()]
        return found

    np.testing.assert_array_equal(run(), run())


def _frames(path: Path, count: int) -> Iterator[Frame]:
    with av.open(str(path)) as container:
        for index, picture in zip(range(count), container.decode(video=0), strict=False):
            image = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            yield Frame(image, index, picture.pts or index, picture.time_base or Fraction(1, 30))


def _real_tracker() -> Tracker:
    return Tracker(models().detector, models().landmarker, Settings())


def test_a_real_clip_has_one_face_throughout() -> None:
    tracker = _real_tracker()
    assert [_ids(tracker.update(frame)) for frame in _frames(EXAMPLES / "clip.mp4", 45)] == [[1]] * 45


def test_two_portraits_are_two_people() -> None:
    tracker = _real_tracker()
    collins, hopper = read(COLLINS), read(HOPPER)
    ids = [_ids(tracker.update(Frame(image, n, n, Fraction(1, 30)))) for n, image in enumerate([collins] * 3 + [hopper])]
    assert ids == [[1], [1], [1], [2]]


def test_hands_in_front_make_no_second_face() -> None:
    folder = os.environ.get("MIEN_MEDIA")
    if folder is None:
        pytest.skip("MIEN_MEDIA does not name the folder of test media")
    for path in sorted(Path(folder, "clips").glob("sign_*.mkv")):
        tracker = _real_tracker()
        assert {number for frame in _frames(path, 60) for number in _ids(tracker.update(frame))} == {1}, path.name


@pytest.mark.parametrize("side", [-1, 1])
def test_a_head_that_turns_away_is_let_go_and_taken_back_at_once(side: int) -> None:
    film = Film(Scene([Person(600)]))
    (seen,) = film.next(6)
    assert abs(seen.yaw) < 2
    for yaw in range(0, 72, 3):
        film.scene.people[0].yaw = side * yaw
        (seen,) = film.next()
        assert seen.yaw == pytest.approx(side * yaw, abs=8)
    film.scene.people[0].yaw = side * 85.0
    assert film.next(2) == ()
    film.scene.people[0].yaw = side * 60.0
    (seen,) = film.next()
    assert seen.track_id == 1
    assert seen.yaw == pytest.approx(side * 60, abs=8)


def test_a_profile_is_not_taken_in() -> None:
    film = Film(Scene([Person(600, yaw=85.0)]))
    assert film.next(12) == ()
    film.scene.people[0].yaw = 50.0
    assert _ids(film.next()) == [1]


def test_half_a_face_beside_another_is_no_profile() -> None:
    film = _film(Person(600, size=110), Person(670, size=100, yaw=73.0), detect_every=2)
    faces = film.next(3)
    assert _ids(faces) == [1, 2], "the detector takes half a face for a profile, and it would be left to the wearer"
    assert all(abs(face.yaw) < 46 for face in faces)
    film.scene.people[1].x = 900
    assert len(film.next(4)) == 1
