"""Rates and limits of a recogniser, on descriptors whose distances are known."""

import math

import numpy as np
import pytest

from mien.lab.evaluate.identity import Known, Pairs, apart, grouping, limits_for, pairs_between, pairs_of, touched
from mien.swap.people.template import Template
from mien.types import Array, IdentityLimits


def template(*values: float) -> Template:
    mean = np.array(values, np.float32)
    return Template(mean, float(np.linalg.norm(mean)), 3)


def test_pairs_are_counted_once_and_by_person() -> None:
    pairs = pairs_of(np.array([[0.0], [0.1], [1.0], [1.5]]), ["ann", "ann", "bob", "bob"])
    assert pairs.same.tolist() == pytest.approx([0.1, 0.5])
    assert pairs.other.tolist() == pytest.approx([0.9, 1.0, 1.4, 1.5])
    assert (pairs.accepted(0.9), pairs.accepted(0.95), pairs.accepted(9)) == (0, 0.25, 1)
    assert (pairs.rejected(0.1), pairs.rejected(0.2), pairs.rejected(0.6)) == (1, 0.5, 0)


def test_a_view_is_not_compared_with_its_own_portrait() -> None:
    views, gallery = np.array([[0.0]]), np.array([[0.0], [0.3], [1.0]])
    pairs = pairs_between(views, ["ann"], gallery, ["ann", "ann", "bob"], np.array([[False, True, True]]))
    assert (pairs.same.tolist(), pairs.other.tolist()) == (pytest.approx([0.3]), [1.0])


def test_without_pairs_nothing_is_claimed() -> None:
    nothing = Pairs(np.zeros(0), np.zeros(0))
    assert all(math.isnan(value) for value in (nothing.accepted(1), nothing.rejected(1), nothing.limit_at(0.1)))


@pytest.mark.parametrize(
    ("limit", "found", "mixed", "split"), [(0.05, 4, 0, 2), (0.25, 2, 0, 0), (0.15, 3, 0, 1), (2.0, 1, 1, 0)]
)
def test_tracks_become_people(limit: float, found: int, mixed: int, split: int) -> None:
    tracks = [template(1.0), template(1.1), template(2.0), template(2.2)]
    result = grouping(tracks, ["ann", "ann", "bob", "bob"], limit)
    assert (result.found, result.mixed, result.split) == (found, mixed, split)
    assert apart(tracks, ["ann", "ann", "bob", "bob"]) == pytest.approx((0.2, 0.9))


def _people(spread: float, count: int = 60) -> tuple[Array, list[str]]:
    """Two descriptors of each of `count` people."""
    draw = np.random.default_rng(1)
    middles = np.repeat(draw.normal(0, 1, (count, 32)), 2, axis=0)
    return middles + draw.normal(0, spread, middles.shape), [str(number // 2) for number in range(2 * count)]


def test_limits_follow_from_the_rates() -> None:
    descriptors, people = _people(0.1)
    pairs = pairs_of(descriptors, people)
    limits = limits_for(pairs, [template(*each) for each in descriptors], people)
    assert limits is not None
    assert pairs.accepted(limits.photo) <= 1.3e-3
    assert pairs.accepted(limits.protect) <= 5e-4
    assert pairs.rejected(limits.protect) == 0
    result = grouping([template(*each) for each in descriptors], people, limits.cluster)
    assert (result.found, result.mixed, result.split) == (60, 0, 0)


def test_a_recogniser_of_another_scale_gets_its_own_limits() -> None:
    descriptors, people = _people(0.1)
    near = limits_for(pairs_of(descriptors, people), [template(*each) for each in descriptors], people)
    tenfold = 10 * descriptors
    far = limits_for(pairs_of(tenfold, people), [template(*each) for each in tenfold], people)
    assert near is not None
    assert far is not None
    assert (far.photo, far.protect, far.cluster) == pytest.approx(
        (10 * near.photo, 10 * near.protect, 10 * near.cluster), rel=0.01
    )


def test_a_recogniser_that_tells_nobody_apart_gets_none() -> None:
    everybody = np.zeros((6, 8))
    people = ["ann", "ann", "bob", "bob", "eve", "eve"]
    assert limits_for(pairs_of(everybody, people), [template(*each) for each in everybody], people) is None
    assert limits_for(pairs_of(everybody[:2], people[:2]), [], []) is None


def test_faces_touched_are_counted_without_their_own_portrait() -> None:
    limits = IdentityLimits(photo=0.5, protect=0.45, cluster=0.4)
    tracks = Known((template(0.0), template(0.1), template(0.3)), ("ann", "ann", "bob"), ("a1", "a2", "b1"))
    # Of four pairs of strangers all are near; Ann's tracks know each other.
    assert touched(tracks, tracks, limits) == (1.0, 0.0)
    photos = Known((template(0.0), template(9.0)), ("ann", "ann"), ("a1", "a3"))
    assert touched(tracks, photos, limits) == pytest.approx((0.5, 2 / 3))
    alone = Known((template(0.0),), ("ann",), ("a1",))
    assert all(math.isnan(value) for value in touched(alone, alone, limits))
