"""Cast of a stream: who wears which persona, and what becomes of the faces of all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mien.contracts import Recogniser
from mien.swap.people.identities import Wanted
from mien.swap.persona import Persona, Retouch
from mien.types import TrackedFace

Treatment: TypeAlias = Literal["leave", "blur", "cover"]
"""Fate of a face that wears nothing: it stays as it is, is blurred, or lies under a plain cover."""
TREATMENTS: tuple[Treatment, ...] = ("leave", "blur", "cover")
Role: TypeAlias = Persona | Treatment
Roles: TypeAlias = Mapping[int, Role]
"""Role of each tracked face of a frame, by `track_id`."""
Choice: TypeAlias = Literal["all", "largest", "centre"]
"""Faces that wear what everyone wears: all, or one in a frame: the largest, or the one nearest to the middle."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A person to find, and what the person's face becomes."""

    person: Wanted
    role: Role


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Roles of the people of a stream; may be exchanged between two frames.

    A face that surely is a member's has that member's role. Of all others, those in `choice` wear `everyone`, if anything;
    what is left has `others`. `recogniser` finds the members, `retouch` are the networks beside the engines, which all
    personas share.
    """

    retouch: Retouch
    everyone: Persona | None = None
    choice: Choice = "all"
    others: Treatment = "leave"
    members: tuple[Member, ...] = ()
    recogniser: Recogniser | None = None

    def __post_init__(self) -> None:
        if self.members and self.recogniser is None:
            raise ValueError("members are found by a recogniser only")

    def leaves_as(self, other: "Cast") -> bool:
        """Return True when both casts leave the same faces as they are."""
        return self._left() == other._left()

    def _left(self) -> tuple[object, ...]:
        members = tuple((member.person, member.role == "leave") for member in self.members)
        return self.others, self.choice, self.everyone is None, members, self.recogniser


def everyone(persona: Persona) -> Cast:
    """Return the cast in which every face wears one persona."""
    return Cast(persona.retouch, persona)


def personas_of(roles: Roles) -> dict[int, Persona]:
    """Return the persona of each face that wears one, by `track_id`."""
    return {number: role for number, role in roles.items() if isinstance(role, Persona)}


def treated(roles: Roles, faces: Sequence[TrackedFace], treatment: Treatment) -> list[TrackedFace]:
    """Return the faces that have this treatment."""
    return [face for face in faces if roles.get(face.track_id, "leave") == treatment]
