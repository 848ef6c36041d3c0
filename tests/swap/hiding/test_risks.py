"""Risky moments: most risky first, bounded, at the places where something may show."""

from array import array

from mien.swap.hiding.choice import is_hand, is_left
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.risks import RiskTuning, moments_of

SIZE_WH = (320, 180)
FRAMES = 100
TIMES = array("d", [number / 25 for number in range(FRAMES)])


def _path(number: int, first: int, last: int, x: float = 160, size: float = 30, score: float = 0.9) -> FacePath:
    path = FacePath(number, last_bound=FRAMES - 1)
    for frame in range(first, last + 1):
        path.add(Sighting(frame, (x - size / 2, 90 - size / 2, x + size / 2, 90 + size / 2), 0.0, score), firm=True)
    return path


def _words(*paths: FacePath) -> list[str]:
    plan = CoverPlan([path for path in paths if not is_left(path)], TIMES)
    return [moment.words for moment in moments_of(paths, plan, SIZE_WH)[0]]


def test_a_large_sure_face_of_the_whole_scene_is_no_risk() -> None:
    assert _words(_path(1, 0, FRAMES - 1)) == []


def test_a_face_that_appears_and_vanishes_in_the_middle_is_looked_at_just_outside_its_cover() -> None:
    path = _path(1, 40, 60)
    plan = CoverPlan([path], TIMES)
    found, _ = moments_of([path], plan, SIZE_WH)
    assert [moment.frame for moment in found] == [plan.span(path)[0] - 1, plan.span(path)[1] + 1]
    assert not any(plan.regions(moment.frame) for moment in found)


def test_a_face_that_comes_in_at_the_border_is_no_risk() -> None:
    assert _words(_path(1, 40, FRAMES - 1, x=15)) == []


def test_what_is_not_covered_comes_first() -> None:
    lone, weak, small = _path(1, 50, 50, score=0.4), _path(2, 0, 99, x=60, score=0.45), _path(3, 0, 99, x=260, size=12)
    words = _words(small, weak, lone)
    assert [each.split(",")[0] for each in words] == ["seen once", "low confidence", "small"]


def test_what_lies_under_the_cover_of_another_face_is_not_said_to_be_bare() -> None:
    """Hair and ears of a covered face are found as faces of their own; one that leaves the cover is bare there."""
    face, ear = _path(1, 0, 99, size=60), _path(2, 50, 50, x=170, size=12, score=0.4)
    assert _words(face, ear) == ["low confidence, score 0.40: under the cover of another face"]
    beside = _path(2, 50, 50, x=250, size=12, score=0.4)
    assert _words(face, beside) == ["seen once, score 0.40: not covered"]


def test_what_was_decided_is_shown_as_it_was_written() -> None:
    lone, weak = _path(1, 50, 50, score=0.4), _path(2, 0, 99, x=60, score=0.45)
    found, _ = moments_of([lone, weak], CoverPlan([lone], TIMES), SIZE_WH)
    states = {moment.words: moment.covered for moment in found if moment.words.startswith("low")}
    assert states == {"low confidence, score 0.40 at best": True, "low confidence, score 0.45 at best": False}


def test_a_path_in_whose_place_hands_were_found_is_left_and_listed_first() -> None:
    hand = _path(1, 0, 30, score=0.7)
    hand.hand_looks, hand.hands = 4, 3
    sure = _path(2, 0, 30, x=270, score=0.9)
    sure.hand_looks, sure.hands = 4, 4
    assert is_hand(hand)
    assert not is_hand(sure)
    assert _words(hand, sure)[0].startswith("taken for a hand")


def test_what_came_and_went_in_front_of_a_person_is_covered_and_said_to_be_perhaps_a_hand() -> None:
    path = _path(1, 0, 3, score=0.7)
    path.mesh_looks, path.in_front, path.passing_looks, path.passings = 4, 4, 4, 3
    assert not is_left(path)
    assert any(words.endswith("perhaps a hand") for words in _words(path))
    path.passings = 1
    assert not any(words.endswith("perhaps a hand") for words in _words(path))


def test_the_list_is_bounded_and_says_how_many_are_left_out() -> None:
    paths = [_path(number, 50, 50, score=0.4) for number in range(20)]
    found, left_out = moments_of(paths, CoverPlan([], TIMES), SIZE_WH, RiskTuning(most=12))
    assert (len(found), left_out) == (12, 8)
