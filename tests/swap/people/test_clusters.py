"""Clusters: complete linkage, pairs that stay apart, and many templates."""

import numpy as np

from mien.swap.people.clusters import clusters_of, distance_matrix
from mien.swap.people.template import Template
from mien.types import Floats


def at(*values: float, looks: int = 3) -> Template:
    mean = np.array(values, np.float32)
    return Template(mean, float(np.linalg.norm(mean)) or 1.0, looks)


def naive(distances: Floats, below: float) -> list[list[int]]:
    """Complete linkage as its definition says."""
    found = [[number] for number in range(len(distances))]
    while len(found) > 1:
        pairs = [
            (max(distances[i, j] for i in a for j in b), first, second)
            for first, a in enumerate(found)
            for second, b in enumerate(found[first + 1 :], first + 1)
        ]
        least, first, second = min(pairs)
        if least >= below:
            break
        found[first] += found.pop(second)
    return sorted(sorted(each) for each in found)


def test_a_chain_of_likenesses_is_not_one_person() -> None:
    """Single linkage would join all of them."""
    assert clusters_of([at(0.0), at(0.3), at(0.6), at(0.9)], 0.4) == [[0, 1], [2, 3]]


def test_pairs_seen_side_by_side_stay_apart() -> None:
    templates = [at(0.0), at(0.1), at(0.2)]
    assert clusters_of(templates, 0.4) == [[0, 1, 2]]
    assert clusters_of(templates, 0.4, [(0, 1)]) == [[0], [1, 2]]


def test_nothing_and_one() -> None:
    assert clusters_of([], 0.4) == []
    assert clusters_of([at(1.0)], 0.4) == [[0]]


def test_many_are_as_by_the_definition() -> None:
    draw = np.random.default_rng(3)
    for _ in range(5):
        templates = [at(*draw.normal(0, 0.5, 4)) for _ in range(40)]
        distances = distance_matrix(templates).astype(np.float32)
        assert clusters_of(templates, 0.7) == naive(distances, 0.7)


def test_two_thousand_tracks_of_200_people() -> None:
    draw = np.random.default_rng(5)
    people = draw.normal(0, 1, (200, 128))
    people *= 1.4 / np.linalg.norm(people, axis=1, keepdims=True)
    templates = [at(*(person + draw.normal(0, 0.01, 128))) for person in people for _ in range(10)]
    assert clusters_of(templates, 0.4) == [list(range(10 * person, 10 * person + 10)) for person in range(200)]


def test_single_looks_are_compared_at_full_length() -> None:
    whole = distance_matrix([Template(np.array([0.5, 0], np.float32), 1.0, 3), at(0.0, 1.0, looks=1)])
    assert np.isclose(whole[0, 1], 2**0.5)
