"""The hider: covers what the plan says, shows each frame first, lets no other frame through."""

from array import array
from fractions import Fraction

import numpy as np
import pytest

from mien.errors import UnreadableMedia
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.frame_print import print_of
from mien.swap.hiding.hider import Hider
from mien.swap.stages.cover import SOLID, TUNING, Cover
from mien.types import Frame, Image


def _hider(seen: list[tuple[int, Image]] | None = None) -> Hider:
    path = FacePath(0, last_bound=2)
    path.add(Sighting(1, (20.0, 20.0, 40.0, 40.0), 0.0, 0.9), firm=True)
    plan = CoverPlan([path], array("d", [0.0, 10.0, 20.0]))
    before = None if seen is None else lambda number, image: seen.append((number, image.copy()))
    return Hider(Cover(SOLID), plan, [0, 10, 20], [print_of(_frame(number).image) for number in range(3)], before)


def _frame(number: int) -> Frame:
    return Frame(np.full((60, 60, 3), 200, np.uint8), number, 10 * number, Fraction(1))


def test_heads_are_covered_and_counted() -> None:
    results = [_hider_result for hider in [_hider()] for _hider_result in map(hider.swap_frame, map(_frame, range(3)))]
    assert [result.changed for result in results] == [1, 1, 1]
    assert (results[1].frame.image[30, 30] == TUNING.grey).all()
    assert (results[1].frame.image[2, 2] == 200).all()


def test_frames_are_shown_before_they_are_covered() -> None:
    seen: list[tuple[int, Image]] = []
    hider = _hider(seen)
    for number in range(3):
        hider.swap_frame(_frame(number))
    assert [number for number, _ in seen] == [0, 1, 2]
    assert all((image == 200).all() for _, image in seen)


def test_a_frame_that_shows_something_else_at_the_same_time_is_refused_uncovered() -> None:
    """A file that is written over between the two passes."""
    hider, other = _hider(), _frame(1)
    hider.swap_frame(_frame(0))
    other.image[8:20] = 90
    before = other.image.copy()
    with pytest.raises(UnreadableMedia, match="frame 2 differs"):
        hider.swap_frame(other)
    assert np.array_equal(other.image, before)


def test_tracking_passes_frames_on() -> None:
    frames = [_frame(0), _frame(1)]
    assert [each.frame for each in _hider().track_all(frames)] == frames


def test_a_frame_of_another_time_or_too_many_is_refused_uncovered() -> None:
    hider = _hider()
    hider.swap_frame(_frame(0))
    with pytest.raises(UnreadableMedia, match="frame 2 differs"):
        hider.swap_frame(_frame(2))
    hider = _hider()
    for number in range(3):
        hider.swap_frame(_frame(number))
    with pytest.raises(UnreadableMedia, match="frame 4 differs"):
        hider.swap_frame(_frame(3))
