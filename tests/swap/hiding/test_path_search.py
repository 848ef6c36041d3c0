"""Paths of faces: joined forwards and backwards, over gaps, within a scene."""

from collections.abc import Sequence

import numpy as np
import pytest

from mien.swap.hiding.choice import is_hand
from mien.swap.hiding.path_search import Look, PathSearch, PathTuning
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Detection, Hand, Image

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


class _Hands:
    """A finder of one hand, `side` pixels wide, in the middle of where it is sought."""

    def __init__(self, side: float) -> None:
        self.side = side

    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        corners = np.linspace(-self.side / 2, self.side / 2, 21)
        points = np.stack([middle_xy[0] + corners, middle_xy[1] + corners, np.zeros(21)], axis=1)
        return [Hand(points.astype(np.float32), 0.9)]

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        return hand


@pytest.mark.parametrize(("side", "score", "hand"), [(40.0, 0.7, True), (15.0, 0.7, False), (40.0, 0.9, False)])
def test_a_hand_in_the_place_of_a_doubtful_face_is_told_and_one_before_a_face_is_not(
    side: float, score: float, hand: bool
) -> None:
    paths = PathSearch(RotatedSearch(_Seen()), _Hands(side))
    for number in range(12):
        paths.see(Look(_frame(None), number / RATE, number == 0, (_face(60, 60, 40.0, score),)))
    (path,) = paths.finish()
    assert is_hand(path) == hand


def test_paths_come_in_the_order_of_their_first_sightings() -> None:
    frames: list[tuple[Image, Sequence[Detection]]] = [(_frame(None), [_face(60, 60)])] * 3
    frames += [(_frame(None), [_face(60, 60), _face(200, 60)])] * 3
    assert [path.first.frame for path in _run(frames).finish()] == [0, 3]
