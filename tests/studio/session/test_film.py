"""People of a film: what is chosen for them stays with them, merged cards are one person, nonsense is refused."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mien.errors import UsageError
from mien.media.files.moving import Kind
from mien.provenance.consent import Consent
from mien.studio.session import film as film_module
from mien.studio.session.film import LIMITS, Film, FilmLimits
from mien.studio.session.film_requests import FilmPerson, FilmPlan
from mien.swap.people.gathering import FoundPeople, FoundPerson
from mien.swap.people.roster import Stretch
from mien.types import Landmarks, SourceFace
from tests.support.rosters import roster

SAME = 0.4


def _found(count: int, first_key: int = 0) -> FoundPeople:
    """People whose keys begin at `first_key`, each a view."""
    made = roster(count)
    return FoundPeople(tuple(FoundPerson(first_key + each.number, each, (b"jpeg",)) for each in made.people), made.unknown)


def _film(count: int = 3) -> Film:
    made = Film("f", "film.mp4", Path("film.mp4"), Kind.VIDEO, seconds=100.0)
    made.take(_found(count), SAME)
    return made


def _allowed(face: str) -> tuple[SourceFace, Consent]:
    source = SourceFace(np.zeros((8, 8, 3), np.uint8), Landmarks(np.zeros((478, 3), np.float32), 1.0), face)
    return source, Consent(f"of {face}", 1, "self", "me.jpg", datetime.now(UTC))


def _card(film: Film, number: int) -> dict[str, object]:
    return next(each for each in film.described(["a", "b"])["cards"] if each["number"] == number)


def test_members_wear_what_was_chosen_and_every_face_brings_its_consent() -> None:
    film = _film()
    for key, wears in ((1, "a"), (2, "b"), (3, "leave")):
        film.change_person(key, FilmPerson(wears=wears))
    film.change_person(2, FilmPerson(name=" Bob "))
    film.change(FilmPlan(others="cover"))
    plan, consents = film.plan(_allowed)
    assert [(who.name, getattr(worn, "digest", worn)) for who, worn in plan.members] == [
        ("person 1", "a"),
        ("person 2 (Bob)", "b"),
        ("person 3", "leave"),
    ]
    assert plan.others == "cover"
    assert [each.id for each in consents] == ["of a", "of b"]


def test_nobody_in_a_face_is_no_plan() -> None:
    film = _film()
    film.change_person(1, FilmPerson(wears="leave"))
    with pytest.raises(UsageError, match="nobody in this file wears a face"):
        film.plan(_allowed)


def test_merged_cards_are_one_person_with_the_templates_of_both() -> None:
    film = _film()
    film.change_person(2, FilmPerson(wears="a"))
    film.change_person(2, FilmPerson(into=1))
    film.change_person(1, FilmPerson(into=3))
    (card,) = film.described(["a"])["cards"]
    assert (card["number"], card["wears"]) == (3, "a")
    assert [each["number"] for each in card["merged"]] == [1, 2]
    assert card["times"] == [[10.0, 13.0], [20.0, 23.0], [30.0, 33.0]]
    plan, _ = film.plan(_allowed)
    ((who, _),) = plan.members
    assert len(who.templates) == 3
    film.change_person(1, FilmPerson(into=None))
    assert [each["number"] for each in film.described(["a"])["cards"]] == [1, 3]
    with pytest.raises(UsageError, match="into itself"):
        film.change_person(3, FilmPerson(into=2))  # 2 belongs to 3


def test_a_choice_for_the_whole_person_replaces_that_of_a_merged_card() -> None:
    film = _film()
    film.change_person(2, FilmPerson(wears="a", name="Bob"))
    film.change_person(2, FilmPerson(into=1))
    assert (_card(film, 1)["name"], _card(film, 1)["wears"]) == ("Bob", "a")
    film.change_person(1, FilmPerson(wears=None))
    assert (_card(film, 1)["name"], _card(film, 1)["wears"]) == ("Bob", None)


def test_choices_stay_with_a_person_whose_card_gets_another_key() -> None:
    film = _film()
    film.change_person(3, FilmPerson(wears="a", name="Bob"))
    film.change_person(2, FilmPerson(into=3))
    film.take(_found(3, first_key=40), SAME)
    assert (_card(film, 3)["name"], _card(film, 3)["wears"]) == ("Bob", "a")
    assert _card(film, 3)["merged"] == [{"key": 42, "number": 2}]
    film.take(_found(1, first_key=80), SAME)
    assert [each["wears"] for each in film.described(["a"])["cards"]] == [None], "a person who is not found any more"


def test_struck_out_times_are_not_the_persons_and_their_views_are_not_used() -> None:
    film = _film()
    film.change_person(1, FilmPerson(wears="a"))
    film.change_person(1, FilmPerson.model_validate({"not_in": [[12, 14], [9.5, 10.5], [14, 15]]}))
    assert _card(film, 1)["not_in"] == [[9.5, 10.5], [12.0, 15.0]], "in order, and joined where they touch"
    ((who, _),) = film.plan(_allowed)[0].members
    assert who.not_in_s == ((9.5, 10.5), (12.0, 15.0))
    assert [each.looks for each in who.templates] == [1], "two of three looks were in those times"
    assert [who.may_be(time_s) for time_s in (10.0, 11.0, 13.0)] == [False, True, False]
    film.change_person(1, FilmPerson(name="Ann"))
    assert len(_card(film, 1)["not_in"]) == 2, "another change leaves them"  # type: ignore[arg-type]
    film.change_person(1, FilmPerson(not_in=()))
    ((who, _),) = film.plan(_allowed)[0].members
    assert (who.not_in_s, who.templates[0].looks, _card(film, 1)["not_in"]) == ((), 3, [])


def test_struck_out_times_of_a_merged_card_hold_for_the_whole_person_and_stay_with_another_key() -> None:
    film = _film()
    film.change_person(2, FilmPerson(not_in=((20.0, 20.5),)))
    film.change_person(2, FilmPerson(into=1))
    film.take(_found(3, first_key=40), SAME)
    assert _card(film, 1)["not_in"] == [[20.0, 20.5]]
    film.change_person(41, FilmPerson(not_in=(), wears="a"))
    assert _card(film, 1)["not_in"] == []


@pytest.mark.parametrize(
    ("times", "words"), [([[0, 99]], "every view of this person"), ([[100, 101]], "after the end of the film")]
)
def test_times_that_cannot_be_struck_out_change_nothing(times: list[list[float]], words: str) -> None:
    film = _film()
    film.change_person(1, FilmPerson(not_in=((1.0, 2.0),)))
    with pytest.raises(UsageError, match=words):
        film.change_person(1, FilmPerson.model_validate({"not_in": times, "name": "Bob"}))
    assert (_card(film, 1)["not_in"], _card(film, 1)["name"]) == ([[1.0, 2.0]], "")


def test_a_picture_has_no_times_to_strike_out() -> None:
    film = _film()
    film.kind = Kind.PICTURE
    with pytest.raises(UsageError, match="a picture has no times"):
        film.change_person(1, FilmPerson(not_in=((0.0, 1.0),)))


def test_a_person_of_whom_no_view_is_left_is_named() -> None:
    film = _film()
    film.change_person(2, FilmPerson(not_in=((10.0, 13.0),), wears="a"))
    film.change_person(1, FilmPerson(not_in=((20.0, 23.0),)))
    film.change_person(1, FilmPerson(into=2))
    with pytest.raises(UsageError, match="person 2: every view was struck out"):
        film.plan(_allowed)


def test_a_face_that_left_the_gallery_is_forgotten() -> None:
    film = _film()
    film.change_person(1, FilmPerson(wears="gone"))
    assert _card(film, 1)["wears"] is None


def test_everybody_can_be_given_one_face() -> None:
    film = _film()
    film.change(FilmPlan(everybody="a"))
    assert len(film.plan(_allowed)[0].members) == 3
    film.change(FilmPlan(everybody=None))
    assert [each["wears"] for each in film.described(["a"])["cards"]] == [None, None, None]


@pytest.mark.parametrize(
    ("start_s", "end_s", "words"), [(5, 5, "ends before"), (5, 2, "ends before"), (100, None, "after the end")]
)
def test_a_part_that_is_none_is_refused_and_changes_nothing(start_s: float, end_s: float | None, words: str) -> None:
    film = _film()
    film.change(FilmPlan(start_s=1, end_s=2))
    with pytest.raises(UsageError, match=words):
        film.change(FilmPlan(start_s=start_s, end_s=end_s))
    assert film.part_s == (1, 2)
    film.change(FilmPlan(end_s=None))
    assert film.part_s == (1, None), "what is not named stays"


@pytest.mark.parametrize(
    "nonsense",
    [
        {"name": "x" * 41},
        {"name": "a\nb"},
        {"wears": 3},
        {"wears": ""},
        {"into": "1"},
        {"into": True},
        {"not_in": "0-1"},
        {"not_in": [[1, 1]]},
        {"not_in": [[2, 1]]},
        {"not_in": [[-1, 1]]},
        {"not_in": [[0, 1, 2]]},
        {"not_in": [["0", "1"]]},
        {"not_in": [[0, True]]},
        {"not_in": [[0, float("nan")]]},
        {"not_in": [[0, 1]] * 401},
    ],
)
def test_odd_values_for_a_person_are_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FilmPerson.model_validate(nonsense)


@pytest.mark.parametrize(
    "nonsense", [{"others": "delete"}, {"start_s": -1}, {"end_s": "2"}, {"end_s": float("nan")}, {"everybody": []}]
)
def test_odd_values_for_a_film_are_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FilmPlan.model_validate(nonsense)


def test_cards_and_times_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    film = _film(LIMITS.cards + 7)
    assert (len(film.described([])["cards"]), film.described([])["beyond"]) == (LIMITS.cards, 7)
    monkeypatch.setattr(film_module, "LIMITS", FilmLimits(stretches=10))
    busy = tuple(Stretch(0, 2.0 * number, 2.0 * number + 1) for number in range(200))
    film.take(FoundPeople(_found(1).people, busy), SAME)
    lane = film.described([])["unknown"]
    assert len(lane) <= 10
    assert (lane[0][0], lane[-1][1]) == (0.0, 399.0)


def test_a_card_or_view_that_is_not_there_is_refused() -> None:
    film = _film()
    assert film.picture(1, 0) == b"jpeg"
    for key, number in ((9, 0), (1, 1), (1, -1)):
        with pytest.raises(UsageError):
            film.picture(key, number)
