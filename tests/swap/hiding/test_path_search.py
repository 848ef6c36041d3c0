"""Paths of faces: joined forwards and backwards, over gaps, within a scene."""

from collections.abc import Sequence

import numpy as np
import pytest

from mien.imaging.geometry import between_rolls
from mien.swap.hiding.choice import is_passing
from mien.swap.hiding.doubt_looks import DoubtLooks
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_search import Look, PathSearch, PathTuning
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Detection, Floats, Hand, Image, Landmarks

RATE = 25


class _Seen:
    """A detector of white dots: the crop shows a face where a pixel is bright enough."""

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, image: Image) -> list[Detection]:
        self.looks += 1
        rows, columns = np.nonzero(image[:, :, 1] > 128)
        if not len(rows):
            return []
        box = (float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max()))
        return [_face((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], 8.0), 0.8)]


def _face(x: float, y: float, size: float = 20.0, score: float = 0.9) -> Detection:
    eyes = np.array([[-5, -4], [5, -4], [0, 0], [-4, 5], [4, 5]], np.float32) * size / 20
    half = size / 2
    points = (eyes + np.array([x, y])).astype(np.float32)
    return Detection((x - half, y - half, x + half, y + half), points, score)


def _frame(x: float | None) -> Image:
    image = np.zeros((120, 320, 3), np.uint8)
    if x is not None:
        image[50:70, round(x) - 10 : round(x) + 10] = 255
    return image


def _run(
    frames: Sequence[tuple[Image, Sequence[Detection]]], new: Sequence[int] = (), tuning: PathTuning | None = None
) -> PathSearch:
    paths = PathSearch(RotatedSearch(_Seen()), tuning=tuning or PathTuning())
    for number, (image, found) in enumerate(frames):
        paths.see(Look(image, number / RATE, number == 0 or number in new, tuple(found)))
    return paths


def test_sightings_of_a_moving_face_make_one_path() -> None:
    found = _run([(_frame(None), [_face(40 + 6 * n, 60)]) for n in range(20)]).finish()
    assert [len(path) for path in found] == [20]
    assert (found[0].first.frame, found[0].last.frame) == (0, 19)


def test_two_faces_that_pass_each_other_at_a_distance_stay_two() -> None:
    found = _run([(_frame(None), [_face(40 + 6 * n, 30), _face(280 - 6 * n, 90)]) for n in range(30)]).finish()
    assert [len(path) for path in found] == [30, 30]


def test_a_face_that_the_usual_look_misses_is_read_closely() -> None:
    frames = [(_frame(60), [_face(60, 60)] if n == 0 else []) for n in range(10)]
    found = _run(frames).finish()
    assert [len(path) for path in found] == [10]


def test_a_face_is_looked_for_back_to_its_birth() -> None:
    """It is found in frame 15 and is there, seen closely only, since frame 4."""
    frames = [(_frame(60 if n >= 4 else None), [_face(60, 60)] if n == 15 else []) for n in range(20)]
    found = _run(frames).finish()
    assert (found[0].first.frame, found[0].last.frame) == (4, 19)


def test_the_way_back_ends_at_a_cut() -> None:
    frames = [(_frame(60), [_face(60, 60)] if n == 15 else []) for n in range(20)]
    (path,) = _run(frames, new=[10]).finish()
    assert (path.first.frame, path.first_bound) == (10, 10)


def test_a_gap_up_to_a_second_is_bridged_and_a_longer_one_is_not() -> None:
    for missing, count in ((20, 1), (40, 2)):
        frames: list[tuple[Image, Sequence[Detection]]] = [(_frame(None), [_face(60, 60)]) for _ in range(5)]
        frames += [(_frame(None), [])] * missing
        frames += [(_frame(None), [_face(60, 60)]) for _ in range(5)]
        assert len(_run(frames).finish()) == count


def test_a_cut_ends_every_path_and_its_bounds_are_those_of_the_scene() -> None:
    found = _run([(_frame(None), [_face(60, 60)]) for _ in range(12)], new=[6]).finish()
    assert [(path.first_bound, path.last_bound) for path in found] == [(0, 5), (6, 11)]


def test_weak_sightings_continue_a_path_and_start_none() -> None:
    weak, strong = _face(60, 60, score=0.2), _face(60, 60, score=0.4)
    assert _run([(_frame(None), [weak])] * 5).finish() == []
    (path,) = _run([(_frame(None), [strong])] + [(_frame(None), [weak])] * 5).finish()
    assert (len(path), path.firm) == (6, 1)


def test_pictures_are_kept_within_time_and_bytes() -> None:
    image = _frame(None)
    paths = _run([(image, [])] * 100, tuning=PathTuning(kept_bytes=8 * image.nbytes))
    assert len(paths._kept) == 8
    assert len(_run([(image, [])] * 100)._kept) == RATE + 1
    # A huge frame leaves room for the way back to the enlarged look before.
    assert len(_run([(image, [])] * 100, tuning=PathTuning(kept_bytes=1))._kept) == PathTuning().least_kept


def test_a_second_detection_of_a_followed_face_starts_no_path() -> None:
    found = _run([(_frame(None), [_face(60, 60), _face(62, 61, size=18.0, score=0.5)])] * 5).finish()
    assert len(found) == 1


def test_paths_come_in_the_order_of_their_first_sightings() -> None:
    frames: list[tuple[Image, Sequence[Detection]]] = [(_frame(None), [_face(60, 60)])] * 3
    frames += [(_frame(None), [_face(60, 60), _face(200, 60)])] * 3
    assert [path.first.frame for path in _run(frames).finish()] == [0, 3]


def test_a_weak_find_is_confirmed_by_a_close_reading() -> None:
    """A find in smooth noise has none."""
    for image, confirmed in ((_frame(60), True), (_frame(None), False)):
        (path,) = _run([(image, [_face(60, 60, score=0.4)])]).finish()
        assert path.confirmed == confirmed
    (path,) = _run([(_frame(None), [_face(60, 60, score=0.6)])]).finish()
    assert path.confirmed


class _Turned:
    """A detector that sees a face of this score in every crop, and a better one where the crop is turned to its roll.

    The crop is dark at the bottom when it is upright, and at the right when a head is found on its side.
    """

    def detect(self, image: Image) -> list[Detection]:
        side = image.shape[0]
        edges = image[-4:].mean(), image[:, :4].mean(), image[:4].mean(), image[:, -4:].mean()
        score = 0.93 if edges[3] == min(edges) else 0.5
        return [_face(side / 2, side / 2, side / 2, score)]


def test_a_head_on_a_side_that_looks_upright_is_read_in_all_rolls() -> None:
    image = np.full((120, 320, 3), 200, np.uint8)
    image[70:] = 20
    paths = PathSearch(RotatedSearch(_Turned()))
    for number in range(3):
        paths.see(Look(image, number / RATE, number == 0, (_face(60, 55, 40.0, 0.7),)))
    (path,) = paths.finish()
    assert between_rolls(path.first.roll, 0.0) == pytest.approx(90, abs=1)
    assert between_rolls(path.last.roll, 0.0) == pytest.approx(90, abs=1)
    assert [path.first.score, path.last.score] == pytest.approx([0.7, 0.93])


def test_a_weak_sighting_gives_way_to_a_surer_reading_of_its_place() -> None:
    frames: list[tuple[Image, Sequence[Detection]]] = [(_frame(60), [_face(60, 60)]), (_frame(60), [_face(65, 60, 14.0, 0.2)])]
    (path,) = _run(frames).finish()
    assert path.last.score == pytest.approx(0.8)
    assert path.last.box.x == pytest.approx(59.5, abs=1)


class _NoHands:
    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        return []

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        return None


class _NoMesh:
    def fit(self, image: Image, around: Floats) -> Landmarks:
        return Landmarks(np.zeros((478, 3), np.float32), 0.0)


def _flash_below_a_person(rate: float, cut: int | None = None, shown: tuple[int, int] = (10, 11)) -> FacePath:
    """The path of a doubtful find of 40 pixels that is there in the frames `shown`, in front of a person who stays."""
    close = RotatedSearch(_Seen())
    paths = PathSearch(close, DoubtLooks(close, _NoHands(), _NoMesh()))
    for number in range(40):
        image, found = np.full((200, 320, 3), 90, np.uint8), [_face(160, 20, 30, 0.95)]
        if shown[0] <= number <= shown[1]:
            image[80:120, 140:150], image[100:120, 150:180] = (0, 0, 0), (120, 120, 120)
            found.append(_face(160, 100, 40, 0.6))
        paths.see(Look(image, number / rate, number in {0, cut}, tuple(found)))
    return next(path for path in paths.finish() if path.first.box.y > 60)


def test_a_find_that_is_gone_before_and_after_is_compared_with_the_frames_around_it() -> None:
    path = _flash_below_a_person(RATE)
    assert (path.passing_looks, path.passings) == (2, 2)
    assert is_passing(path)


@pytest.mark.parametrize(
    ("rate", "cut", "shown"),
    [
        pytest.param(2.0, None, (10, 11), id="a slide show"),
        pytest.param(RATE, 10, (10, 11), id="a scene begins with it"),
        pytest.param(RATE, 12, (10, 11), id="a scene ends with it"),
        pytest.param(RATE, None, (0, 1), id="the film begins with it"),
        pytest.param(RATE, None, (38, 39), id="the film ends with it"),
    ],
)
def test_a_find_without_frames_around_it_is_covered(rate: float, cut: int | None, shown: tuple[int, int]) -> None:
    path = _flash_below_a_person(rate, cut, shown)
    assert path.passing_looks == 0
    assert not is_passing(path)
