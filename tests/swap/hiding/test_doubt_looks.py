"""Second looks at doubtful faces: hands in their place, and meshes that fit or do not."""

import numpy as np
import pytest

from mien.swap.hiding.choice import is_hand, is_left, is_none, is_passing
from mien.swap.hiding.doubt_looks import TUNING, DoubtLooks
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Detection, Floats, Hand, Image, Landmarks

_IMAGE = np.zeros((200, 200, 3), np.uint8)


class _Crop:
    """A detector that sees a face in the middle of every crop, or none."""

    def __init__(self, face: bool) -> None:
        self._face = face

    def detect(self, image: Image) -> list[Detection]:
        side = image.shape[0]
        points = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]], np.float32) * side
        box = (0.25 * side, 0.25 * side, 0.75 * side, 0.75 * side)
        return [Detection(box, points.astype(np.float32), 0.6)] if self._face else []


class _Meshes:
    """A landmarker that answers with these presences, one after another, for each look of two fits."""

    def __init__(self, presences: list[float]) -> None:
        self._presences = [each for presence in presences for each in (1 - presence, presence)]

    def fit(self, image: Image, around: Floats) -> Landmarks:
        return Landmarks(np.zeros((478, 3), np.float32), self._presences.pop(0))


class _Hands:
    """A finder of one hand, `side` pixels wide, in the middle of where it is sought."""

    def __init__(self, side: float) -> None:
        self._side = side

    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        corners = np.linspace(-self._side / 2, self._side / 2, 21)
        points = np.stack([middle_xy[0] + corners, middle_xy[1] + corners, np.zeros(21)], axis=1)
        return [Hand(points.astype(np.float32), 0.9)]

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        return hand


def _looked(
    presences: list[float], frames: int = 4, score: float = 0.6, size: float = 14.0, hand: float = 4.0, face: bool = True,
    down: float = 150.0, adult: float = 60.0, other: float = 0.95, faint: bool = False,
) -> FacePath:  # fmt: skip
    """A path that was looked at in each frame; another face of `adult` pixels is `down` above it, with a score of `other`."""
    looks = DoubtLooks(RotatedSearch(_Crop(face)), _Hands(hand), _Meshes(presences))
    path, person = FacePath(1, last_bound=99), FacePath(2, last_bound=99)
    for number in range(frames):
        path.add(Sighting(number, (60.0, 60.0, 60.0 + size, 60.0 + size), 0.0, score), firm=number % 20 == 0 or not faint)
        person.add(Sighting(number, (60.0, 60.0 - down, 60.0 + adult, 60.0 + adult - down), 0.0, other), firm=True)
        looks.look(path, _IMAGE, number, 0.3, [path, person])
    return path


@pytest.mark.parametrize(("side", "score", "hand"), [(40.0, 0.7, True), (15.0, 0.7, False), (40.0, 0.9, False)])
def test_a_hand_in_the_place_of_a_doubtful_face_is_told_and_one_before_a_face_is_not(
    side: float, score: float, hand: bool
) -> None:
    assert is_hand(_looked([0.9] * 12, 12, score, size=40.0, hand=side)) == hand


def test_a_small_place_on_a_person_in_which_no_mesh_ever_fits_shows_no_face() -> None:
    path = _looked([0.1, 0.3, 0.0, 0.4])
    assert (path.mesh_looks, path.meshes) == (4, 0)
    assert is_none(path)
    assert is_left(path)
    assert is_left(_looked([], face=False))


@pytest.mark.parametrize(
    ("down", "adult", "other"),
    [(10.0, 60.0, 0.95), (400.0, 60.0, 0.95), (-150.0, 60.0, 0.95), (150.0, 30.0, 0.95), (150.0, 60.0, 0.8)],
)
def test_a_face_without_a_mesh_that_is_not_small_and_on_a_sure_person_is_covered(
    down: float, adult: float, other: float
) -> None:
    """Profiles have no mesh either."""
    assert not is_left(_looked([0.0] * 4, down=down, adult=adult, other=other))


def test_a_faint_pattern_that_is_hardly_ever_seen_is_left_anywhere() -> None:
    assert is_none(_looked([0.0] * 12, 40, score=0.5, down=300.0, faint=True))
    assert not is_none(_looked([0.0] * 12, 40, score=0.5, down=300.0))
    assert not is_none(_looked([0.0] * 12, 40, score=0.7, down=300.0, faint=True))


def test_one_mesh_that_fits_is_enough_and_ends_the_looks() -> None:
    path = _looked([0.1, 0.6])
    assert (path.mesh_looks, path.meshes) == (2, 1)
    assert not is_left(path)


def test_one_look_says_nothing() -> None:
    assert not is_none(_looked([0.0], frames=1))


def test_a_face_that_is_sure_once_or_is_seen_for_long_is_covered() -> None:
    assert not is_left(_looked([0.0] * 12, 13))
    path = _looked([0.0] * 3, 3)
    path.add(Sighting(5, (60.0, 60.0, 99.0, 99.0), 0.0, 0.9), firm=True)
    assert not is_left(path)


def test_looks_are_bounded_and_end_where_the_face_is_sure_or_not_of_this_frame() -> None:
    assert _looked([0.0] * 40, 40).mesh_looks == TUNING.most_looks
    assert _looked([], 4, score=0.9).mesh_looks == 0
    path = _looked([0.0] * 3, 3)
    DoubtLooks(RotatedSearch(_Crop(True)), _Hands(4.0), _Meshes([])).look(path, _IMAGE, 7, 0.3)
    assert path.mesh_looks == 3


def _flashing(
    passing: int, frames: int = 4, meshes: float = 0.0, across: float = 0.0, score: float = 0.6, other: float = 0.95
) -> FacePath:
    """A doubtful find of 40 pixels below a person's face, `passing` of whose sightings show something for one frame alone."""
    looks = DoubtLooks(RotatedSearch(_Crop(True)), _Hands(4.0), _Meshes([meshes] * frames))
    path, person = FacePath(1, last_bound=99), FacePath(2, last_bound=99)
    bare, shown = np.full((240, 320, 3), 90, np.uint8), np.full((240, 320, 3), 90, np.uint8)
    shown[100:120, 140:180], shown[120:140, 140:160] = 250, 10
    for number in range(frames):
        path.add(Sighting(number, (140.0, 100.0, 180.0, 140.0), 0.0, score), firm=True)
        left = 140.0 - across
        person.add(Sighting(number, (left, 20.0, left + 40, 60.0), 0.0, other), firm=True)
        looks.look(path, _IMAGE, number, 0.3, [path, person])
        around = [bare if number < passing else shown] * 3
        looks.look_around(path, path.last, [*around, shown, *around])
    return path


def test_what_comes_and_goes_in_front_of_a_person_is_told_and_stays_covered() -> None:
    path = _flashing(4)
    assert (path.passing_looks, path.passings, path.in_front) == (4, 4, 4)
    assert is_passing(path)
    assert is_passing(_flashing(2))
    assert not is_left(path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(_flashing(1), id="most looks show that it stays"),
        pytest.param(_flashing(0), id="it stays"),
        pytest.param(_flashing(4, meshes=0.6), id="a mesh fits"),
        pytest.param(_flashing(4, across=80.0), id="it is beside the person"),
        pytest.param(_flashing(4, other=0.8), id="the person is not sure"),
        pytest.param(_flashing(4, score=0.85), id="it is sure"),
        pytest.param(_flashing(13, frames=13), id="it is seen often"),
    ],
)
def test_all_else_in_front_of_a_person_is_not_told_to_pass(path: FacePath) -> None:
    assert not is_passing(path)
    assert not is_left(path)
