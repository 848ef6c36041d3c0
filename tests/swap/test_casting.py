"""Casting: roles by who a face is, the choice of one face, and what may be seen of those who wear nothing."""

from fractions import Fraction

import numpy as np
import pytest

from mien.face.mean_face import face_model
from mien.swap.cast import Cast, Choice, Member, everyone, personas_of
from mien.swap.casting import Casting
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Retouch
from mien.testing import FakeEngine, FakeRecogniser, fake_persona
from mien.types import Frame, Landmarks, TrackedFace

PERSONA, OTHER = fake_persona(FakeEngine((0, 200, 0))), fake_persona(FakeEngine((200, 0, 0)))


def face(number: int, x: float, size: float = 100.0) -> TrackedFace:
    shape = face_model().shape
    points = (shape - shape.mean(0)) * (size / np.ptp(shape[:, 1]))
    points[:, :2] += (x, 150)
    return TrackedFace(number, Landmarks(points.astype(np.float32), 1.0), 1)


def frame(index: int = 0, level: int = 100) -> Frame:
    return Frame(np.full((300, 900, 3), level, np.uint8), index, index, Fraction(1, 30))


def person(name: str, level: int) -> Wanted:
    return Wanted(name, (template_of_photo(np.full(3, level / 255, np.float32)),))


def roles(cast: Cast, casting: Casting, at: Frame, *faces: TrackedFace) -> dict[int, object]:
    return dict(casting.roles(at, faces, cast, casting.see(at, faces, cast)).roles)


def test_everyone_wears_one_persona_and_nobody_is_looked_at() -> None:
    cast, casting = everyone(PERSONA), Casting()
    assert roles(cast, casting, frame(), face(1, 100), face(2, 500)) == {1: PERSONA, 2: PERSONA}
    assert casting.identities is None


def test_a_member_has_the_own_role_and_a_stranger_that_of_the_others() -> None:
    cast = Cast(Retouch(), None, "all", "blur", (Member(person("bob", 100), PERSONA),), FakeRecogniser())
    casting = Casting()
    assert roles(cast, casting, frame(0, 100), face(1, 100)) == {1: PERSONA}
    assert roles(cast, casting, frame(1, 250), face(1, 100), face(2, 500)) == {1: PERSONA, 2: "blur"}


def test_members_and_everyone_go_together() -> None:
    cast = Cast(Retouch(), OTHER, members=(Member(person("bob", 100), "leave"),), recogniser=FakeRecogniser())
    casting = Casting()
    assert roles(cast, casting, frame(0, 100), face(1, 100)) == {1: "leave"}
    assert roles(cast, casting, frame(1, 250), face(1, 100), face(2, 500)) == {1: "leave", 2: OTHER}


def test_members_need_a_recogniser() -> None:
    with pytest.raises(ValueError, match="recogniser"):
        Cast(Retouch(), members=(Member(person("bob", 1), PERSONA),))


def test_a_cast_is_exchanged_between_two_frames() -> None:
    casting, recogniser = Casting(), FakeRecogniser()
    nobody = Cast(Retouch(), None, members=(Member(person("eve", 250), PERSONA),), recogniser=recogniser)
    assert roles(nobody, casting, frame(0), face(1, 100)) == {1: "leave"}
    assert casting.identities is not None
    seen = casting.identities.template(1)
    assert seen is not None
    clicked = Member(Wanted("clicked", (seen,)), OTHER)
    more = Cast(Retouch(), None, members=(*nobody.members, clicked), recogniser=recogniser)
    assert roles(more, casting, frame(1), face(1, 100)) == {1: OTHER}
    assert roles(everyone(PERSONA), casting, frame(2), face(1, 100)) == {1: PERSONA}


@pytest.mark.parametrize(("choice", "expected"), [("largest", 2), ("centre", 1)])
def test_one_face_is_chosen_and_kept(choice: Choice, expected: int) -> None:
    cast, casting = Cast(Retouch(), PERSONA, choice), Casting()
    faces = face(1, 450, 100), face(2, 100, 130)
    assert personas_of(roles(cast, casting, frame(0), *faces)) == {expected: PERSONA}  # type: ignore[arg-type]
    # The other one becomes a little better: the choice stays; then much better: it moves.
    changed = (face(1, 450, 140), face(2, 100, 130)) if choice == "largest" else (face(1, 520, 100), face(2, 390, 130))
    assert personas_of(roles(cast, casting, frame(1), *changed)) == {expected: PERSONA}  # type: ignore[arg-type]
    changed = (face(1, 450, 250), face(2, 100, 130)) if choice == "largest" else (face(1, 850, 100), face(2, 450, 130))
    assert set(personas_of(roles(cast, casting, frame(2), *changed))) == {3 - expected}  # type: ignore[arg-type]


def test_a_chosen_face_that_is_gone_for_a_moment_gives_way_only_later() -> None:
    cast, casting = Cast(Retouch(), PERSONA, "largest"), Casting()
    assert roles(cast, casting, frame(0), face(1, 100, 120), face(2, 500))[1] is PERSONA
    assert roles(cast, casting, frame(5), face(2, 500)) == {2: "leave"}
    assert roles(cast, casting, frame(40), face(2, 500)) == {2: PERSONA}


def test_only_who_surely_is_no_member_may_be_seen() -> None:
    cast = Cast(Retouch(), None, members=(Member(person("bob", 100), PERSONA),), recogniser=FakeRecogniser())
    casting = Casting()
    faces = face(1, 100, 30), face(2, 500)
    at = frame(0, 250)
    found = casting.roles(at, faces, cast, casting.see(at, faces, cast))
    assert not found.may_be_seen(1), "too small to say who it is"
    assert found.may_be_seen(2)
    assert found.names == {}
