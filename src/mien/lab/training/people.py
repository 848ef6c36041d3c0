"""Division of the people of a folder into those that networks are trained on and those that judge them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

_HELD_BACK = ("2", "7")
"""Endings of the names held back for validation; `mien evaluate` counts on it that nothing was trained on them."""
_HELD_BACK_INTERVAL = 5  # every fifth person, where the names' endings hold back nobody or everybody


class _OfPerson(Protocol):
    @property
    def person(self) -> str: ...


_Shown = TypeVar("_Shown", bound=_OfPerson)


def split(shown: Sequence[_Shown]) -> tuple[tuple[_Shown, ...], tuple[_Shown, ...]]:
    """Return portraits for training and for validation, in their order; no person is in both."""
    people = sorted({each.person for each in shown})
    back = {person for person in people if person.endswith(_HELD_BACK)}
    if not back or len(back) == len(people):
        back = set(people[:: max(2, min(_HELD_BACK_INTERVAL, len(people)))])
    return (
        tuple(each for each in shown if each.person not in back),
        tuple(each for each in shown if each.person in back),
    )
