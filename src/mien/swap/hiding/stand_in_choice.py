"""Choice of the stand-in of each person of a film: by chance, the same in all of the film, another one in the next."""

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

LEAST_DISTANCE = 0.55
"""Distance of `face_id_128` from which a result counts as another person: one pair of strangers in a thousand is nearer than
0.53."""


def chosen(
    people: Sequence[int], names: Sequence[str], salt: bytes, worn: Sequence[str] = (),
    refused: Mapping[int, AbstractSet[str]] | None = None,
) -> dict[int, str]:  # fmt: skip
    """Return a name for each person by a hash of the person's number and `salt`, another one for every film.

    `worn` are the names of people who have one, `refused` those that a person must not get; who must get none is left out.
    Two people share a name only where there are more people than names, or all others are refused.
    """
    found: dict[int, str] = {}
    for person in people:
        left = set(names) - (refused or {}).get(person, set())
        uses = [*worn, *found.values()]
        if left:
            found[person] = min(sorted(left, key=lambda name: _rank(person, name, salt)), key=uses.count)
    return found


def _rank(person: int, name: str, salt: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((salt, str(person).encode(), name.encode()))).digest()


def is_other(distances: Sequence[float], least: float = LEAST_DISTANCE) -> bool:
    """Return True when every look at a result is this far from the person; without a look it is not known, so False."""
    return bool(distances) and min(distances) >= least
