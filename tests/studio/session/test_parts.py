"""Parts of the live picture: who wears which face, and that nobody is given two."""

from dataclasses import replace

import numpy as np
import pytest

from mien.errors import UsageError
from mien.studio.session.parts import MAX_PARTS, Parts
from mien.swap.cast import Cast, Member
from mien.swap.people.template import Template, template_of_photo
from mien.swap.persona import Persona, Retouch
from mien.testing import FakeEngine, FakeRecogniser, fake_persona

LIMITS = FakeRecogniser.limits
PERSONAS = {name: fake_persona(FakeEngine()) for name in ("a", "b")}


def person(place: float) -> Template:
    return template_of_photo(np.array([1, place, 0], np.float32))


def cast(parts: Parts, face_id: str | None) -> Cast | None:
    return parts.cast(face_id, PERSONAS.__getitem__, Retouch(), FakeRecogniser)


def roles(made: Cast | None) -> dict[str, Persona | str]:
    assert made is not None
    return {member.person.name: member.role for member in made.members}


def test_everyone_wears_the_chosen_face_at_first() -> None:
    made = cast(Parts(), "a")
    assert made is not None
    assert made.everyone is PERSONAS["a"]
    assert made.members == ()
    assert made.recogniser is None, "nobody is looked at"
    assert cast(Parts(), None) is None


def test_only_the_enrolled_person_wears_it() -> None:
    with pytest.raises(UsageError, match="nobody is enrolled"):
        Parts().chosen("me", "cover")
    parts = Parts().enrolled(person(0), LIMITS)
    made = cast(parts, "a")
    assert roles(made) == {"me": PERSONAS["a"]}
    assert made is not None
    assert made.everyone is None
    assert made.others == "cover"
    without = cast(parts, None)
    assert roles(without) == {}, "without a face, the enrolled person is covered like all others"
    assert cast(parts.chosen("me", "leave"), None) is None
    forgotten = parts.forgotten()
    assert forgotten.reach == "chosen"
    assert cast(forgotten.chosen("chosen", "leave"), "a") is None, "nobody wears it: all is veiled"
    assert parts.chosen("everyone", "leave").forgotten().reach == "everyone"


def test_a_person_wears_what_was_given_until_it_is_taken_back() -> None:
    parts = Parts().gave(3, person(0), "b", LIMITS)
    assert roles(cast(parts, "a")) == {"3": PERSONAS["b"]}
    assert roles(cast(parts.chosen("chosen", "blur"), "a")) == {"3": PERSONAS["b"]}
    assert parts.faces("a") == ("a", "b")
    assert parts.chosen("chosen", "blur").faces("a") == ("b",)
    assert roles(cast(parts.changed(3, None), "a")) == {"3": "leave"}
    alone = parts.changed(3, None).chosen("chosen", "leave")
    assert cast(alone, "a") is None, "a picture in which nobody wears a face is hidden"
    assert parts.took_back(3).given == ()
    assert parts.without_face("b").given == ()
    assert parts.without_face("a") == parts


def test_faces_are_covered_where_nobody_wears_one() -> None:
    everyone = cast(Parts().chosen("chosen", "blur"), None)
    assert everyone is not None
    assert (everyone.everyone, everyone.others, everyone.members) == (None, "blur", ())
    but_one = Parts().gave(1, person(0), None, LIMITS).chosen("chosen", "cover")
    assert roles(cast(but_one, None)) == {"1": "leave"}
    assert cast(but_one.chosen("everyone", "cover"), None) is None, "no face is chosen: all is veiled, as at the start"


def test_one_person_has_one_part() -> None:
    parts = Parts().gave(3, person(0), "b", LIMITS)
    again = parts.gave(4, person(0.05), "a", LIMITS)
    assert [(part.number, part.face_id) for part in again.given] == [(3, "a")]
    assert again.given[0].person is parts.given[0].person, "who was known stays known"
    enrolled = parts.enrolled(person(0.02), LIMITS)
    assert enrolled.given == (), "the enrolled person has no other part"
    with pytest.raises(UsageError, match="was enrolled"):
        enrolled.gave(5, person(0), "a", LIMITS)


def test_the_number_of_parts_is_bounded() -> None:
    parts = Parts()
    for number in range(MAX_PARTS):
        parts = parts.gave(number + 1, person(number + 1.0), "a", LIMITS)
    with pytest.raises(UsageError, match="people have a part"):
        parts.gave(99, person(50), "a", LIMITS)
    assert parts.gave(99, person(1.0), "b", LIMITS).given[0].face_id == "b"


def test_a_cast_made_again_has_the_same_people() -> None:
    parts = replace(Parts().gave(1, person(0), "a", LIMITS), others="leave")

    def people(made: Cast | None) -> list[Member]:
        assert made is not None
        return list(made.members)

    assert [each.person for each in people(cast(parts, "a"))] == [each.person for each in people(cast(parts, "b"))]
