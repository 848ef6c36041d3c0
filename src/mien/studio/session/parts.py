"""Parts in the live picture: who of the people in it wears which face of the gallery."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from mien.contracts import Recogniser
from mien.errors import UsageError
from mien.swap.cast import Cast, Member, Treatment
from mien.swap.people.identities import Wanted
from mien.swap.people.template import Template
from mien.swap.persona import Persona, Retouch
from mien.types import IdentityLimits

Reach: TypeAlias = Literal["everyone", "me", "chosen"]
"""Wearers of the face that is chosen in the gallery: everyone without a part of their own, one enrolled person, or nobody."""
REACHES: tuple[Reach, ...] = get_args(Reach)
MAX_PARTS = 12  # people with a part of their own; each may hold a persona. Chosen, more do not fit a picture
ME = "me"
"""Name of the enrolled person."""


@dataclass(frozen=True, slots=True)
class Part:
    """A person of the live picture, told by `person`, and the face of the gallery to wear; None = the person's own."""

    number: int
    person: Wanted
    face_id: str | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Faces and their wearers; replaced as a whole. `me` is the enrolled person."""

    reach: Reach = "everyone"
    others: Treatment = "cover"
    me: Wanted | None = None
    given: tuple[Part, ...] = ()

    def chosen(self, reach: Reach, others: Treatment) -> "Parts":
        """Return the parts with another reach and treatment of others. Raises `UsageError`."""
        if reach == "me" and self.me is None:
            raise UsageError("nobody is enrolled", "look into the camera and enrol yourself first", key="nobody-enrolled")
        return replace(self, reach=reach, others=others)

    def enrolled(self, template: Template, limits: IdentityLimits) -> "Parts":
        """Return the parts in which the person of this template alone wears the chosen face, and has no other part."""
        given = tuple(part for part in self.given if _distance(part.person, template) >= limits.photo)
        return replace(self, reach="me", me=Wanted(ME, (template,)), given=given)

    def forgotten(self) -> "Parts":
        """Return the parts without the enrolled person: then nobody wears the chosen face who wore it as that person."""
        return replace(self, reach="chosen" if self.reach == "me" else self.reach, me=None)

    def gave(self, number: int, template: Template, face_id: str | None, limits: IdentityLimits) -> "Parts":
        """Return the parts in which the person of `template` has this face, under `number` unless it has a number already.

        Raises `UsageError` for the enrolled person, and for too many people.
        """
        if self.me is not None and _distance(self.me, template) < limits.photo:
            raise UsageError(
                "this is the person that was enrolled",
                "choose the face in the gallery, or forget the person",
                key="is-enrolled",
            )
        before = min(self.given, key=lambda part: _distance(part.person, template), default=None)
        if before is not None and _distance(before.person, template) < limits.photo:
            return self.changed(before.number, face_id)
        if len(self.given) >= MAX_PARTS:
            raise UsageError(
                f"{MAX_PARTS} people have a part of their own",
                "take one back first",
                key="too-many-parts",
                values={"n": MAX_PARTS},
            )
        made = Part(number, Wanted(str(number), (template,)), face_id)
        return replace(self, given=tuple(sorted((*self.given, made), key=lambda part: part.number)))

    def changed(self, number: int, face_id: str | None) -> "Parts":
        """Return the parts in which a person who has a part has another face."""
        return replace(
            self, given=tuple(replace(part, face_id=face_id) if part.number == number else part for part in self.given)
        )

    def took_back(self, number: int) -> "Parts":
        """Return the parts without that of a person."""
        return replace(self, given=tuple(part for part in self.given if part.number != number))

    def without_face(self, face_id: str) -> "Parts":
        """Return the parts without those that wear a face."""
        return replace(self, given=tuple(part for part in self.given if part.face_id != face_id))

    def faces(self, face_id: str | None) -> tuple[str, ...]:
        """Return the faces that may be seen worn when `face_id` is chosen, each once."""
        common = [] if face_id is None or self.reach == "chosen" else [face_id]
        return tuple(dict.fromkeys((*common, *(part.face_id for part in self.given if part.face_id is not None))))

    def cast(
        self,
        face_id: str | None,
        persona_of: Callable[[str], Persona],
        retouch: Retouch,
        recogniser: Callable[[], Recogniser],
    ) -> Cast | None:
        """Return the cast of the live picture when `face_id` is chosen; None where all of it is to be veiled.

        Without a face to wear, the faces are covered or blurred where that was chosen, as if to anonymise them.
        """
        if not self.faces(face_id) and (self.reach == "everyone" or self.others == "leave"):
            return None
        persona = None if face_id is None or self.reach == "chosen" else persona_of(face_id)
        members = [Member(part.person, "leave" if part.face_id is None else persona_of(part.face_id)) for part in self.given]
        if persona is not None and self.reach == "me" and self.me is not None:
            members = [Member(self.me, persona), *members]
            persona = None
        return Cast(retouch, persona, "all", self.others, tuple(members), recogniser() if members else None)

    def described(self) -> dict[str, Any]:
        """Return the parts for the page."""
        given = [{"number": part.number, "face": part.face_id} for part in self.given]
        return {"reach": self.reach, "others": self.others, "enrolled": self.me is not None, "given": given}


def _distance(person: Wanted, template: Template) -> float:
    return min(each.distance(template) for each in person.templates)
