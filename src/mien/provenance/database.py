"""The one small database of this installation: consents, outputs and their fingerprints. It never leaves the machine."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.errors import ProvenanceError

_FILE = "ledger.sqlite"
_WAIT_S = 10.0
"""So long one instance waits while another one writes."""
_SCHEMAS = (
    """
CREATE TABLE consents (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    statement TEXT NOT NULL,
    photo TEXT NOT NULL,
    given_at TEXT NOT NULL,
    revoked_at TEXT
);
CREATE TABLE outputs (
    id INTEGER PRIMARY KEY,
    mark_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    made_at TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL
);
CREATE INDEX outputs_by_mark ON outputs (mark_id);
CREATE TABLE fingerprints (
    output INTEGER NOT NULL REFERENCES outputs (id),
    hash INTEGER NOT NULL
);
CREATE TABLE recordings (
    path TEXT PRIMARY KEY,
    process INTEGER NOT NULL,
    process_began REAL NOT NULL,
    claim TEXT NOT NULL
);
""",
    """
CREATE TABLE temporaries (
    path BLOB PRIMARY KEY,
    machine TEXT NOT NULL,
    process INTEGER NOT NULL,
    process_began REAL NOT NULL
);
""",
)
"""The commands that lead from each version to the next one."""
_VERSION = len(_SCHEMAS)


_DAMAGED = "bring the file back from a backup, or move it away: a new one is made, and consents have to be stated again"
_REMEDIES = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), "close the other program that holds the file, and try again"),
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        "make the file and its folder writable, or name another folder in MIEN_DATA",
    ),
    sqlite3.SQLITE_FULL: "free some space, or name another folder in MIEN_DATA",
    sqlite3.SQLITE_IOERR: "check the disk, or name another folder in MIEN_DATA",
}


class NewerLedger(ValueError):
    """The database has a schema that this version does not know."""


class Database:
    """Opened anew for each piece of work, so that threads and several instances of mien may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        return (self.folder / _FILE).is_file()

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept together or not at all. Raises `ProvenanceError`."""
        path = self.folder / _FILE
        try:
            self._make(path)
            # Autocommit: the transaction is begun here, in the one way that keeps two writers apart.
            with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                self._prepare(connection)
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
        except (sqlite3.Error, OSError, ValueError) as error:
            raise _unusable(path, error) from error

    @contextmanager
    def read_only(self) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing and holds up nobody. Raises `ProvenanceError`, also when there is no ledger."""
        path = self.folder / _FILE
        try:
            address = f"{path.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, timeout=_WAIT_S, uri=True)) as connection:
                _version(connection)
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise _unusable(path, error) from error

    def _make(self, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        for commands in _SCHEMAS[max(version, 0) :]:
            for command in commands.split(";"):
                connection.execute(command)
        if version != _VERSION:
            connection.execute(f"PRAGMA user_version = {_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of the schema; raises `NewerLedger`."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > _VERSION:
        raise NewerLedger("it was written by a newer mien")
    return version


def _unusable(path: Path, error: Exception) -> ProvenanceError:
    return ProvenanceError(f"the ledger {path} cannot be used: {error}", f"nothing leaves mien unrecorded: {_remedy(error)}")


def _remedy(error: Exception) -> str:
    """Return what helps, by what SQLite or the system says."""
    if isinstance(error, NewerLedger):
        return "use the newer mien, or name another folder in MIEN_DATA"
    if isinstance(error, OSError):
        return "make the folder writable, or name another one in MIEN_DATA"
    # The low byte is the kind; the rest tells cases of it apart.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return _REMEDIES.get(kind, _DAMAGED)
