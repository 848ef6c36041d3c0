"""Consents: one recorded statement for each photo why its face may be worn, kept on this machine, revocable.

A statement for a photo holds for further photos that are worn with it, because the recogniser must find the same person in
them. The photo itself is not kept; a fingerprint of the face in its crop recognises it, even when the photo was scaled or saved
again.
"""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from mien.errors import UsageError
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
_SAME_PHOTO_BELOW_BITS = 36
"""Of 255. On 120 portraits, the same photo scaled and saved again differs in at most 18, different persons in at least 54."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement. `photo` is the name of the file that it was given for, to show; times are UTC."""

    id: str
    fingerprint: int
    statement: str
    photo: str
    given_at: datetime
    revoked_at: datetime | None = None


_CONSENTS = rows.Table(
    "consents",
    {
        "id": rows.text,
        "fingerprint": rows.hexadecimal,
        "statement": rows.text,
        "photo": rows.text,
        "given_at": rows.time,
        "revoked_at": rows.optional(rows.time),
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

    def find(self, face: SourceFace) -> Consent | None:
        """Return the statement that holds for this face; None when there is none or it was revoked."""
        with self._database.opened() as connection:
            return _nearest(connection, _hash(face))

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

    def record(self, face: SourceFace, statement: str, photo: str) -> Consent:
        """Record a statement, which replaces an earlier one for this face. Raises `UsageError` for an unknown statement."""
        if statement not in STATEMENTS:
            raise UsageError(
                f"no valid consent is given for this face: {statement!r}", f"consent is one of: {', '.join(STATEMENTS)}"
            )
        now = datetime.now(UTC)
        made = Consent(secrets.token_hex(4), _hash(face), statement, photo, now)
        with self._database.opened() as connection:
            while (before := _nearest(connection, made.fingerprint)) is not None:
                if before.statement == statement:
                    return before
                _revoke(connection, before.id, now)
            row = (made.id, f"{made.fingerprint:x}", made.statement, made.photo, now.isoformat())
            connection.execute("INSERT INTO consents (id, fingerprint, statement, photo, given_at) VALUES (?, ?, ?, ?, ?)", row)
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
