"""Consents: one recorded statement for each photo why its face may be worn, kept on this machine, revocable.

A statement for a photo holds for further photos that are worn with it, because the recogniser must find the same person in
them. For a face that looks young, the statement that the person is an adult is recorded with it, and revoked with it. The photo
itself is not kept; a fingerprint of the face in its crop recognises it, even when the photo was scaled or saved again.
"""

import secrets
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mien.errors import AdulthoodNeeded, UsageError
from mien.provenance.fingerprint import FACE_FREQUENCIES, distance, fingerprint
from mien.system import rows
from mien.system.database import Database
from mien.types import SourceFace

STATEMENTS = {
    "self": "this is me",
    "permission": "I have this person's permission",
    "synthetic": "this person does not exist",
    "public-domain": "the photo is in the public domain",
}
"""Possible statements, and their wording."""
COMPARISON = "comparison"
"""Statement of another basis: a call may be compared with the photo. It lets nobody wear the face."""
COMPARISON_STATEMENT = "this person has agreed that a call is compared with this photo"
"""Wording of `COMPARISON`."""
ADULT_YEARS = 18.0
"""Apparent age under which it has to be stated that the person is an adult: 3 of 213 adults, 104 of them real, look younger."""
ADULT_STATEMENT = "this person is 18 or older"
"""Additional statement for a face that looks young, in words."""
_INSERT = "INSERT INTO consents (id, fingerprint, statement, photo, given_at) VALUES (?, ?, ?, ?, ?)"
_SAME_PHOTO_BELOW_BITS = 36
"""Of 255. On 120 portraits, the same photo scaled and saved again differs in at most 18, different persons in at least 54."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement. `photo` is the name of the file that it was given for, to show; times are UTC.

    `adult_at` is when it was stated that the person is an adult, None = it was not.
    """

    id: str
    fingerprint: int
    statement: str
    photo: str
    given_at: datetime
    revoked_at: datetime | None = None
    adult_at: datetime | None = None


_CONSENTS = rows.Table(
    "consents",
    {
        "id": rows.text,
        "fingerprint": rows.hexadecimal,
        "statement": rows.text,
        "photo": rows.text,
        "given_at": rows.time,
        "revoked_at": rows.optional(rows.time),
        "adult_at": rows.optional(rows.time),
    },
    Consent,
)


class Consents:
    """Statements of this installation. Every method raises `ProvenanceError` when the database cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Consent]:
        """Return every statement, the oldest first, including the revoked ones."""
        with self._database.opened() as connection:
            return _read(connection)

    def find(self, face: SourceFace, *, adult: bool = False) -> Consent | None:
        """Return the statement that holds for this face; None when there is none or it was revoked.

        `adult` adds to it that the person is an adult. Raises `AdulthoodNeeded` for a face that looks young and is not stated,
        now or earlier, to be an adult's.
        """
        with self._database.opened() as connection:
            found = _nearest(connection, _hash(face))
            return None if found is None else _completed(connection, found, face, datetime.now(UTC) if adult else None)

    def check_adulthood(self, face: SourceFace) -> None:
        """Raise `AdulthoodNeeded` for a face that looks young and was not stated to be an adult's."""
        with self._database.opened() as connection:
            found = _nearest(connection, _hash(face))
        if found is None or found.adult_at is None:
            _check_age(face)

    def is_revoked(self, consent: Consent) -> bool:
        """Return whether the statement was revoked since it was found."""
        with self._database.read_only() as connection:
            return any(each.revoked_at is not None for each in _CONSENTS.rows(connection, "WHERE id = ?", (consent.id,)))

    def check(self, consent: Consent) -> None:
        """Raise `UsageError` when the statement was revoked."""
        if self.is_revoked(consent):
            raise UsageError(
                f"the consent for {consent.photo} was revoked", "its face can no longer be worn; `mien consent` lists them"
            )

    def record(self, face: SourceFace, statement: str, photo: str, *, adult: bool = False) -> Consent:
        """Record a statement, which replaces an earlier one for this face; `adult` states that the person is an adult.

        Raises `UsageError` for an unknown statement, `AdulthoodNeeded` for a face that looks young and is not stated, now or
        earlier, to be an adult's.
        """
        if statement not in STATEMENTS:
            raise UsageError(
                f"no valid consent is given for this face: {statement!r}", f"consent is one of: {', '.join(STATEMENTS)}"
            )
        now = datetime.now(UTC)
        adult_at = now if adult else None
        made = Consent(secrets.token_hex(4), _hash(face), statement, photo, now)
        with self._database.opened() as connection:
            while (before := _nearest(connection, made.fingerprint)) is not None:
                adult_at = before.adult_at or adult_at
                if before.statement == statement:
                    return _completed(connection, before, face, adult_at)
                _revoke(connection, before.id, now)
            row = (made.id, f"{made.fingerprint:x}", made.statement, made.photo, now.isoformat())
            connection.execute(_INSERT, row)
            # An error takes all of this back.
            return _completed(connection, made, face, adult_at)

    def record_comparison(self, photo: str) -> Consent:
        """Record that a call may be compared with a photo; of the photo, only its name is kept."""
        made = Consent(secrets.token_hex(4), 0, COMPARISON, photo, datetime.now(UTC))
        with self._database.opened() as connection:
            connection.execute(_INSERT, (made.id, "0", made.statement, made.photo, made.given_at.isoformat()))
        return made

    def revoke(self, consent_id: str) -> Consent:
        """Revoke a statement: from now on the face does not load. Raises `UsageError` for an unknown id."""
        with self._database.opened() as connection:
            found = [each for each in _read(connection) if each.id == consent_id]
            if not found:
                raise UsageError(f"there is no consent {consent_id!r}", "`mien consent` lists them")
            if found[0].revoked_at is None:
                _revoke(connection, consent_id, datetime.now(UTC))
            return next(each for each in _read(connection) if each.id == consent_id)


def _completed(connection: sqlite3.Connection, consent: Consent, face: SourceFace, adult_at: datetime | None) -> Consent:
    """Return the consent with the time at which adulthood was stated; raises `AdulthoodNeeded`."""
    if consent.adult_at is not None:
        return consent
    if adult_at is None:
        _check_age(face)
        return consent
    connection.execute("UPDATE consents SET adult_at = ? WHERE id = ?", (adult_at.isoformat(), consent.id))
    return replace(consent, adult_at=adult_at)


def _check_age(face: SourceFace) -> None:
    """Raise `AdulthoodNeeded` for a face that looks young."""
    if face.age is not None and face.age < ADULT_YEARS:
        raise AdulthoodNeeded(
            f"the face looks about {int(face.age)} years old, which is a rough estimate",
            f"only adults' faces may be worn: state that {ADULT_STATEMENT} (--adult), or use another photo",
        )


def _hash(face: SourceFace) -> int:
    return fingerprint(face.image, FACE_FREQUENCIES)


def _read(connection: sqlite3.Connection) -> list[Consent]:
    return _CONSENTS.rows(connection, "ORDER BY given_at")


def _nearest(connection: sqlite3.Connection, hashed: int) -> Consent | None:
    near = [
        (distance(each.fingerprint, hashed), each)
        for each in _read(connection)
        if each.revoked_at is None and each.statement in STATEMENTS
    ]
    best = min(near, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] < _SAME_PHOTO_BELOW_BITS else None


def _revoke(connection: sqlite3.Connection, consent_id: str, now: datetime) -> None:
    connection.execute("UPDATE consents SET revoked_at = ? WHERE id = ?", (now.isoformat(), consent_id))
