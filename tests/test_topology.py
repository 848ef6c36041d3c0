"""The mesh as a graph: counts, borders, winding."""

from collections import Counter
from itertools import pairwise

import pytest

from mien import topology

LOOPS = {
    "oval": topology.FACE_OVAL,
    "mouth": topology.INNER_LIPS,
    "right eye": topology.RIGHT_EYE,
    "left eye": topology.LEFT_EYE,
}


def _edges(triangles: topology.Indices) -> Counter[tuple[int, int]]:
    return Counter((int(row[i]), int(row[(i + 1) % 3])) for row in triangles for i in range(3))


def test_skin_has_852_triangles_over_468_points() -> None:
    triangles = topology.skin_triangles()
    assert triangles.shape == (852, 3)
    assert set(triangles.ravel().tolist()) == set(range(topology.SKIN_POINTS))


def test_all_triangles_are_wound_alike() -> None:
    directed = _edges(topology.skin_triangles())
    assert max(directed.values()) == 1, "an edge that is walked twice the same way means two windings"


def test_border_is_the_oval_and_three_holes() -> None:
    directed = _edges(topology.skin_triangles())
    border = {frozenset(edge) for edge in directed if edge[::-1] not in directed}
    expected = {frozenset(edge) for loop in LOOPS.values() for edge in pairwise((*loop, loop[0]))}
    assert border == expected


@pytest.mark.parametrize("name", ["mouth", "right eye", "left eye"])
def test_strip_fills_a_hole_and_continues_the_winding(name: str) -> None:
    filled = topology.strip(LOOPS[name])
    assert len(filled) == len(LOOPS[name]) - 2
    _assert_closes(filled, LOOPS[name])


@pytest.mark.parametrize(("name", "iris"), [("right eye", topology.RIGHT_IRIS), ("left eye", topology.LEFT_IRIS)])
def test_fan_fills_an_eye_round_its_iris(name: str, iris: int) -> None:
    filled = topology.fan(LOOPS[name], iris)
    assert len(filled) == len(LOOPS[name])
    _assert_closes(filled, LOOPS[name])


def _assert_closes(filled: topology.Indices, loop: tuple[int, ...]) -> None:
    skin, extra = _edges(topology.skin_triangles()), _edges(filled)
    for a, b in pairwise((*loop, loop[0])):
        walked = (a, b) if (a, b) in skin else (b, a)
        assert extra[walked[::-1]] == 1, f"edge {a}-{b} is not shared, or wound the other way"
    assert max(extra.values()) == 1
