"""Regions to cover: on the sightings, between them, before and after them, never beyond the scene."""

from array import array

import pytest

from mien.swap.hiding.choice import is_doubtful
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath, Sighting

RATE = 25


def _path(places: dict[int, tuple[float, float]], size: float = 20.0, bounds: tuple[int, int] = (0, 99)) -> FacePath:
    path = FacePath(7, first_bound=bounds[0], last_bound=bounds[1])
    for frame, (x, y) in places.items():
        box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        path.add(Sighting(frame, box, 0.0, 0.9), firm=True)
    return path


def _plan(*paths: FacePath, frames: int = 100) -> CoverPlan:
    return CoverPlan(paths, array("d", [number / RATE for number in range(frames)]))


def _covers(plan: CoverPlan, frame: int, x: float, y: float, size: float = 20.0) -> bool:
    corners = [(x + a * size / 2, y + b * size / 2) for a in (-0.9, 0.9) for b in (-0.9, 0.9)]
    return any(all(region.holds(*corner) for corner in corners) for _, region in plan.regions(frame))


def test_the_face_is_covered_in_every_frame_in_which_it_was_seen() -> None:
    plan = _plan(_path({n: (50 + 5 * n, 60) for n in range(10, 40)}))
    assert all(_covers(plan, n, 50 + 5 * n, 60) for n in range(10, 40))


def test_a_gap_is_filled_along_the_path() -> None:
    plan = _plan(_path({10: (50, 60), 30: (150, 80)}))
    assert all(_covers(plan, n, 50 + 5 * (n - 10), 60 + (n - 10)) for n in range(10, 31))


def test_a_cover_leads_in_and_out_by_half_a_second_and_no_more() -> None:
    plan = _plan(_path(dict.fromkeys(range(40, 50), (60, 60))))
    assert all(_covers(plan, n, 60, 60) for n in (28, 39, 50, 61))
    assert not plan.regions(27)
    assert not plan.regions(62)


@pytest.mark.parametrize(
    ("frames", "size", "first"),
    [
        ((60, 62, 65, 66), 20.0, 60 - 25),
        ((60, 61, 62, 65), 20.0, 60 - 25),
        ((60, 61, 62), 20.0, 60 - 12),
        ((60, 62), 9.0, 60 - 37),
    ],
    ids=["seen in 4 of 7 frames", "in 4 of 6", "in all", "tiny"],
)
def test_a_cover_leads_longer_for_a_face_that_is_rarely_seen(frames: tuple[int, ...], size: float, first: int) -> None:
    plan = _plan(_path(dict.fromkeys(frames, (60, 60)), size))
    assert min(n for n in range(100) if plan.regions(n)) == first
    assert _covers(plan, first, 60, 60, size)


def test_a_lead_follows_the_motion() -> None:
    """A walker who is seen first in frame 40 was half a pace behind it in the frames before."""
    plan = _plan(_path({n: (200 + 2 * (n - 40), 60) for n in range(40, 60)}))
    assert all(_covers(plan, n, 200 + 2 * (n - 40), 60) for n in range(34, 66))


@pytest.mark.parametrize(("size", "covered"), [(9.0, True), (20.0, False)])
def test_a_tiny_face_that_turns_back_after_its_last_sighting_stays_under_its_cover(size: float, covered: bool) -> None:
    """It swayed to the right by a twentieth of its size a frame, and sways to the left unseen. Larger ones are followed."""
    path = _path({n: (100 + 0.05 * size * (n - 40), 60) for n in range(30, 41)}, size)
    plan = _plan(path)
    back = [(n, 100 - 0.05 * size * (n - 40)) for n in range(48, 53)]
    assert all(_covers(plan, n, x, 60, size) for n, x in back) == covered


def test_nothing_is_covered_beyond_the_scene() -> None:
    plan = _plan(_path(dict.fromkeys(range(30, 36), (60, 60)), bounds=(28, 37)))
    assert [n for n in range(100) if plan.regions(n)] == list(range(28, 38))


def test_slow_films_get_a_frame_before_and_after() -> None:
    path = _path({5: (60, 60)}, bounds=(0, 9))
    plan = CoverPlan([path], array("d", [2.0 * number for number in range(10)]))
    assert [n for n in range(10) if plan.regions(n)] == [4, 5, 6]


def test_a_box_that_is_too_small_for_one_frame_does_not_shrink_the_cover() -> None:
    path = _path(dict.fromkeys(range(10), (60, 60)))
    shrunk = FacePath(8, last_bound=99)
    for index in range(len(path)):
        seen = path.at(index)
        box = (57.0, 57.0, 63.0, 63.0) if index == 5 else seen.box_xyxy
        shrunk.add(Sighting(seen.frame, box, 0.0, 0.9), firm=True)
    assert _covers(_plan(shrunk), 5, 60, 60)


def test_regions_carry_the_number_of_their_path() -> None:
    assert [number for number, _ in _plan(_path({3: (60, 60)})).regions(3)] == [7]


def test_frames_far_from_each_other_are_found_in_long_films() -> None:
    plan = _plan(_path({9_000: (60, 60)}, bounds=(0, 9_999)), frames=10_000)
    assert plan.regions(9_000)
    assert not plan.regions(0)


@pytest.mark.parametrize(("score", "last_bound", "doubtful"), [(0.4, 99, True), (0.6, 99, False), (0.4, 3, False)])
def test_one_weak_look_in_a_long_scene_is_doubtful(score: float, last_bound: int, doubtful: bool) -> None:
    path = FacePath(0, last_bound=last_bound)
    path.add(Sighting(2, (0.0, 0.0, 9.0, 9.0), 0.0, score), firm=True)
    assert is_doubtful(path) == doubtful


def test_two_weak_looks_are_not_doubtful() -> None:
    path = FacePath(0, last_bound=99)
    for frame in (2, 3):
        path.add(Sighting(frame, (0.0, 0.0, 9.0, 9.0), 0.0, 0.4), firm=True)
    assert not is_doubtful(path)


def test_a_path_takes_earlier_sightings_and_finds_its_place_in_time() -> None:
    path = _path({10: (60, 60), 14: (64, 60)})
    path.add_before([Sighting(9, (1.0, 2.0, 3.0, 4.0), 5.0, 0.5), Sighting(7, (0.0, 0.0, 1.0, 1.0), 0.0, 0.5)])
    assert path.frames.tolist() == [7, 9, 10, 14]
    assert path.at(1) == Sighting(9, (1.0, 2.0, 3.0, 4.0), 5.0, 0.5)
    before, after = path.around(12)
    assert (before and before.frame, after and after.frame) == (10, 14)
    assert path.step_xy(-1, 6)[0] == pytest.approx((64 - 2) / 5)
