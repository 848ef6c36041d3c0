"""Plans of a cast: who shall wear which source face, before an engine has prepared any."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.contracts import Recogniser
from mien.errors import UsageError
from mien.swap.cast import Choice, Treatment
from mien.swap.people.identities import Wanted
from mien.swap.people.template import Template
from mien.types import SourceFace

EMBEDDED_RECOGNISER = "face_id_128"
"""Model that tells people apart where no other one is named."""
MAX_SOURCES = 16
"""Source faces of one output: bounds memory, 40 MB a source with the embedded engine at full resolution."""


@dataclass(frozen=True, slots=True, eq=False)
class CastPlan:
    """Assignment of source faces: each person of `members` wears one, those in `choice` of the rest wear `everyone`.

    Those who are left have `others`; a member may have a treatment of their own instead of a face. `recogniser` is the model
    by whose descriptors the members are wanted.
    """

    everyone: SourceFace | None = None
    choice: Choice = "all"
    others: Treatment = "leave"
    members: tuple[tuple[Wanted, SourceFace | Treatment], ...] = ()
    recogniser: str = EMBEDDED_RECOGNISER

    def __post_init__(self) -> None:
        if not self.sources:
            raise UsageError("nobody is to wear a face", "name a photo for everyone, or for a person")
        if len(self.sources) > MAX_SOURCES:
            raise UsageError(f"these are {len(self.sources)} source faces", f"use at most {MAX_SOURCES} in one output")

    @property
    def sources(self) -> tuple[SourceFace, ...]:
        """All source faces, each once."""
        worn = [worn for _, worn in self.members if isinstance(worn, SourceFace)]
        found = {source.digest: source for source in ([] if self.everyone is None else [self.everyone]) + worn}
        return tuple(found.values())

    def on_clock(self, zero_s: float) -> "CastPlan":
        """Return the plan for frames whose clock shows `zero_s` where the film begins: struck out times count from there."""
        members = tuple((who.on_clock(zero_s), worn) for who, worn in self.members)
        return replace(self, members=members)


def check_embedded(plan: CastPlan, what: str) -> None:
    """Raise `UsageError` for people told apart by an installed recogniser: who does the work later may not have it."""
    if plan.recogniser != EMBEDDED_RECOGNISER:
        raise UsageError(
            f"cards made by {plan.recogniser} cannot be {what}", "swap at once, or make the cards without --recogniser"
        )


def check_apart(people: Sequence[Wanted], recogniser: Recogniser) -> None:
    """Raise `UsageError` when two of the people are one: which face they shall wear would be a guess."""
    for number, one in enumerate(people):
        for other in people[number + 1 :]:
            distance = least_distance(one.templates, other.templates)
            if distance < recogniser.limits.photo:
                raise UsageError(
                    f"{one.name} and {other.name} are one person (distance {distance:.2f}; two people are above "
                    f"{recogniser.limits.photo:.2f})",
                    "give each person one face to wear",
                )


def least_distance(some: Sequence[Template], others: Sequence[Template]) -> float:
    """Return the least distance of two people, at the length of single descriptors."""
    return min(float(np.linalg.norm(a.descriptor - b.descriptor)) for a in some for b in others)
