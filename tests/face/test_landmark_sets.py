"""The mesh as a graph: counts, borders, winding."""

from collections import Counter
from itertools import pairwise

import pytest

from mien.face import landmark_sets

LOOPS = {
    "oval": landmark_sets.FACE_OVAL,
    "mouth": landmark_sets.INNER_LIPS,
    "right eye": landmark_sets.RIGHT_EYE,
    "left eye": landmark_sets.LEFT_EYE,
}


def _edges(triangles: landmark_sets.Indices) -> Counter[tuple[int, int]]:
    return Counter((int(row[i]), int(row[(i + 1) % 3])) for row in triangles for i in range(3))


def test_skin_has_852_triangles_over_468_points() -> None:
    triangles = landmark_sets.skin_triangles()
    assert triangles.shape == (852, 3)
    assert set(triangles.ravel().tolist()) == set(range(landmark_sets.SKIN_POINTS))


def test_all_triangles_are_wound_alike() -> None:
    directed = _edges(landmark_sets.skin_triangles())
    assert max(directed.values()) == 1, "an edge that is walked twice the same way means two windings"


def test_border_is_the_oval_and_three_holes() -> None:
    directed = _edges(landmark_sets.skin_triangles())
    border = {frozenset(edge) for edge in directed if edge[::-1] not in directed}
    expected = {frozenset(edge) for loop in LOOPS.values() for edge in pairwise((*loop, loop[0]))}
    assert border == expected


@pytest.mark.parametrize("name", ["mouth", "right eye", "left eye"])
def test_strip_fills_a_hole_and_continues_the_winding(name: str) -> None:
    filled = landmark_sets.strip(LOOPS[name])
    assert len(filled) == len(LOOPS[name]) - 2
    _assert_closes(filled, LOOPS[name])


@pytest.mark.parametrize(("name", "iris"), [("right eye", landmark_sets.RIGHT_IRIS), ("left eye", landmark_sets.LEFT_IRIS)])
def test_fan_fills_an_eye_round_its_iris(name: str, iris: int) -> None:
    filled = landmark_sets.fan(LOOPS[name], iris)
    assert len(filled) == len(LOOPS[name])
    _assert_closes(filled, LOOPS[name])


def _assert_closes(filled: landmark_sets.Indices, loop: tuple[int, ...]) -> None:
    skin, extra = _edges(landmark_sets.skin_triangles()), _edges(filled)
    for a, b in pairwise((*loop, loop[0])):
        walked = (a, b) if (a, b) in skin else (b, a)
        assert extra[walked[::-1]] == 1, f"edge {a}-{b} is not shared, or wound the other way"
    assert max(extra.values()) == 1
