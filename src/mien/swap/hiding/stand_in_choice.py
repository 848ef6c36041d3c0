"""Choice of the stand-in of each person of a film: by chance, the same in all of the film, another one in the next."""

import hashlib
from collections.abc import Sequence

LEAST_DISTANCE = 0.55
"""Distance of `face_id_128` from which a result counts as another person: one pair of strangers in a thousand is nearer than
0.53."""


def chosen(people: Sequence[int], names: Sequence[str], salt: bytes) -> dict[int, str]:
    """Return a name for each person by a hash of the person's number and `salt`, another one for every film.

    Two people share a name only where there are more people than names.
    """
    found: dict[int, str] = {}
    for person in people:
        ranked = sorted(names, key=lambda name: _rank(person, name, salt))
        uses = list(found.values())
        found[person] = min(ranked, key=uses.count)
    return found


def _rank(person: int, name: str, salt: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((salt, str(person).encode(), name.encode()))).digest()


def is_other(distances: Sequence[float], least: float = LEAST_DISTANCE) -> bool:
    """Return True when every look at a result is this far from the person; without a look it is not known, so False."""
    return bool(distances) and min(distances) >= least
