"""Cast of a stream: which face wears which persona, and what becomes of the faces of all others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mien.swap.persona import Persona, Retouch
from mien.types import TrackedFace

Treatment: TypeAlias = Literal["leave", "blur", "cover"]
"""Fate of a face that wears nothing: it stays as it is, is blurred, or lies under a plain cover."""
Role: TypeAlias = Persona | Treatment
Roles: TypeAlias = Mapping[int, Role]
"""Role of each tracked face of a frame, by `track_id`."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Roles of the people of a stream; `others` is the role of everyone who has none of their own.

    `retouch` are the networks beside the engines, which all personas share.
    """

    others: Role
    retouch: Retouch


def everyone(persona: Persona) -> Cast:
    """Return the cast in which every face wears one persona."""
    return Cast(persona, persona.retouch)


def roles_of(cast: Cast, faces: Iterable[TrackedFace]) -> Roles:
    """Return the roles of the faces of a frame when nobody is told apart."""
    return {face.track_id: cast.others for face in faces}


def personas_of(roles: Roles) -> dict[int, Persona]:
    """Return the persona of each face that wears one, by `track_id`."""
    return {number: role for number, role in roles.items() if isinstance(role, Persona)}
