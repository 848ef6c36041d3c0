"""Lasting tokens: secrets that outlive a run, for programs and for the address of the picture alone, each revocable."""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

from mien.errors import OutputError, UsageError
from mien.studio.session.database import StudioDatabase
from mien.system import rows

Scope: TypeAlias = Literal["control", "view"]
"""Rights of a token: everything that the page can do, or to watch the labelled picture and nothing else."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
MAX_TOKENS = 32  # chosen; each request with an unknown token is compared with all of them
_MAX_NAME_LETTERS = 40  # a line of the page
_SECRET_BYTES = 32  # random, so that a plain SHA-256 keeps it: nobody tries 2^256
_PREFIX = "mien_"
_FRESH_S = 1.0  # within which another process's revocation is noticed; a look at the file takes 0.2 ms


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is stored: a SHA-256 in hexadecimal instead of the secret, times in UTC."""

    id: str
    name: str
    scope: str
    hash: str
    made_at: datetime


_TOKENS = rows.Table(
    "tokens",
    {"id": rows.text, "name": rows.text, "scope": rows.text, "hash": rows.text, "made_at": rows.time},
    Token,
)


class Tokens:
    """Tokens of this installation. Safe to use from several threads and for several studios on one folder."""

    def __init__(self, database: StudioDatabase, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[Token, ...] = ()
        self._read_at_s: float | None = None

    def all(self) -> list[Token]:
        """Return all tokens, oldest first. Raises `OutputError`."""
        with self._database.opened() as connection:
            return _TOKENS.rows(connection, "ORDER BY made_at, id")

    def make(self, name: str, scope: str) -> tuple[str, Token]:
        """Store a new token; return its secret, which is kept nowhere, and the token. Raises `UsageError`, `OutputError`."""
        name = name.strip()
        if not name or len(name) > _MAX_NAME_LETTERS or not name.isprintable():
            raise UsageError("invalid name for a token", f"use 1 to {_MAX_NAME_LETTERS} letters", key="token-name")
        if scope not in SCOPES:
            raise UsageError(f"unknown scope {scope!r}", f"choose one of: {', '.join(SCOPES)}", key="unknown-choice")
        secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        made = Token(secrets.token_hex(4), name, scope, _hash(secret), datetime.now(UTC))
        with self._database.opened() as connection:
            (count,) = connection.execute("SELECT count(*) FROM tokens").fetchone()
            if count >= MAX_TOKENS:
                raise UsageError(
                    f"there are already {MAX_TOKENS} tokens",
                    "revoke one first",
                    key="too-many-tokens",
                    values={"n": MAX_TOKENS},
                )
            values = (made.id, made.name, made.scope, made.hash, made.made_at.isoformat())
            connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", values)
        self._forget()
        return secret, made

    def revoke(self, token_id: str) -> None:
        """Delete a token: from now on it opens nothing. Raises `UsageError` for an unknown id, `OutputError`."""
        with self._database.opened() as connection:
            found = connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,)).rowcount
        self._forget()
        if not found:
            raise UsageError(f"there is no token {token_id!r}", "`mien tokens` lists them", key="token-gone")

    def scope_of(self, secret: str) -> str | None:
        """Return the scope of a secret; None for one that is unknown or was revoked."""
        if not secret.startswith(_PREFIX):
            return None
        hashed = _hash(secret)
        return next((each.scope for each in self._current() if hmac.compare_digest(each.hash, hashed)), None)

    def _current(self) -> tuple[Token, ...]:
        """Return the tokens as they were at most a second ago; none of them when the file cannot be read."""
        with self._lock:
            now = self._clock()
            if self._read_at_s is None or now - self._read_at_s >= _FRESH_S:
                try:
                    with self._database.read_only() as connection:
                        self._known = tuple(_TOKENS.rows(connection, ""))
                except OutputError:
                    self._known = ()
                self._read_at_s = now
            return self._known

    def _forget(self) -> None:
        with self._lock:
            self._read_at_s = None


def _hash(secret: str) -> str:
    # A lone surrogate cannot be encoded otherwise.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
