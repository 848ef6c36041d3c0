"""Heads that are hidden although their faces are not found: before they come, after they are lost, behind other faces."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mien.face.mean_face import face_model
from mien.swap.hidden_heads import TUNING, HiddenHeads, WaitingFrame, coming_heads
from mien.swap.stages.cover import HeadRegion, region_of_points
from mien.types import Frame, Landmarks, TrackedFace

RATE = 30
WIDTH = 100.0  # pixels of a face


def face(number: int, x: float, y: float = 200.0) -> TrackedFace:
    points = (face_model().shape * 60 + np.array([x, y, 0])).astype(np.float32)
    return TrackedFace(number, Landmarks(points, 1.0), 1)


def frame(index: int, *faces: TrackedFace, scene: int = 1) -> WaitingFrame:
    picture = Frame(np.zeros((4, 4, 3), np.uint8), index, index, Fraction(1, RATE))
    return WaitingFrame(picture, faces, index, scene)


def hidden(heads: HiddenHeads, shown: WaitingFrame, *numbers: int) -> list[tuple[int, HeadRegion]]:
    return heads.gone(shown, [each for each in shown.faces if each.track_id in numbers])


def test_a_lost_head_is_hidden_for_a_moment_where_it_was() -> None:
    heads = HiddenHeads()
    assert hidden(heads, frame(0, face(1, 300)), 1) == []
    moment = int(TUNING.seconds * RATE)
    for index in range(1, moment + 1):
        assert hidden(heads, frame(index)) == [(1, region_of_points(face(1, 300).landmarks.points))]
    assert hidden(heads, frame(moment + 2)) == []


def test_half_behind_a_nearer_face_it_is_hidden_as_long_as_it_stands_there() -> None:
    heads, front = HiddenHeads(), face(2, 300)
    place = region_of_points(face(1, 250).landmarks.points)
    hidden(heads, frame(0, face(1, 250), front), 1)
    for index in range(1, 20 * RATE):
        assert (1, place) in hidden(heads, frame(index, front), 1)
    # The nearer one walks away and nobody stands there: it is forgotten a moment later.
    away = face(2, 900)
    assert hidden(heads, frame(20 * RATE, away), 1)
    assert not hidden(heads, frame(20 * RATE + RATE, away), 1)


def test_a_nearer_face_with_another_number_hides_it_too() -> None:
    heads = HiddenHeads()
    hidden(heads, frame(0, face(1, 250), face(2, 300)), 1)
    for index in range(1, 2 * RATE):
        assert hidden(heads, frame(index, face(7, 310)), 1)


def test_a_head_that_walks_on_is_hidden_where_it_was_and_where_it_went() -> None:
    heads, front = HiddenHeads(), face(2, 300)
    for index in range(4):
        hidden(heads, frame(index, face(1, 238 + 4 * index), front), 1)
    for index in range(4, 34):
        found = hidden(heads, frame(index, front), 1)
    first, last = (region for _, region in found)
    assert first.x == pytest.approx(region_of_points(face(1, 250).landmarks.points).x, abs=0.1)
    assert last.x > region_of_points(front.landmarks.points).x, "it passes behind the face"
    assert last.x < 300 + 1.2 * WIDTH, "and waits where it would come out"


def test_it_is_found_again_under_its_number_or_another_one() -> None:
    for number in (1, 9):
        heads, front = HiddenHeads(), face(2, 300)
        hidden(heads, frame(0, face(1, 230), front), 1)
        assert hidden(heads, frame(1, front), 1)
        assert hidden(heads, frame(2, front, face(number, 235)), 1) == []


def test_who_is_left_alone_is_never_hidden() -> None:
    heads, front = HiddenHeads(), face(2, 300)
    hidden(heads, frame(0, face(1, 250), front))
    assert hidden(heads, frame(1, front)) == []


def test_a_cut_forgets_all_heads() -> None:
    heads, front = HiddenHeads(), face(2, 300)
    hidden(heads, frame(0, face(1, 250), front), 1)
    assert hidden(heads, frame(1, replace(front), scene=2), 1) == []


def test_a_head_that_comes_is_hidden_a_moment_before_and_longer_beside_another_face() -> None:
    alone = [frame(index, *([face(1, 300)] if index >= 10 else [])) for index in range(14)]
    assert not list(coming_heads(alone[0], alone[1:]))
    assert [head.track_id for head in coming_heads(alone[5], alone[6:])] == [1]
    beside = [frame(index, face(2, 340), *([face(1, 300)] if index >= 10 else [])) for index in range(14)]
    (head,) = coming_heads(beside[0], beside[1:])
    assert head.region.holds(300, 200)
