"""The database of this installation: consents, outputs and their fingerprints. It never leaves the machine."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from mien.errors import MienError, ProvenanceError
from mien.system.folders import make_private

WAIT_S = 10.0  # for another instance that writes; a write takes milliseconds
_LEDGER_SCHEMAS = (
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
    "ALTER TABLE consents ADD COLUMN adult_at TEXT",
)
_REMEDIES = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), "close the other program that holds the file, and try again"),
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        "make the file and its folder writable, or name another folder in MIEN_DATA",
    ),
    sqlite3.SQLITE_FULL: "free some space, or name another folder in MIEN_DATA",
    sqlite3.SQLITE_IOERR: "check the disk, or name another folder in MIEN_DATA",
}


class NewerSchema(ValueError):
    """The database has a schema that this version does not know."""


class Database:
    """One SQLite file in the data folder, shared by threads and by several running instances of mien.

    Each operation opens its own connection. A subclass names another file, with its own schemas.
    """

    FILE: ClassVar[str] = "ledger.sqlite"
    SCHEMAS: ClassVar[tuple[str, ...]] = _LEDGER_SCHEMAS
    """Commands from each version to the next one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        """Return True when the file is there."""
        return (self.folder / self.FILE).is_file()

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are committed together or not at all. Raises `ProvenanceError`."""
        path = self.folder / self.FILE
        try:
            self._make(path)
            # Autocommit: the transaction begins here, in the one mode that keeps two writers apart.
            with self._connected(path) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self._prepare(connection)
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._unusable(path, error) from error

    @contextmanager
    def _connected(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Yield a connection in autocommit mode, for one operation."""
        with contextlib.closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as connection:
            yield connection

    @contextmanager
    def read_only(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that only reads and blocks no writer. Raises `ProvenanceError`, also when there is no ledger."""
        path = self.folder / self.FILE
        try:
            address = f"{path.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, timeout=WAIT_S, uri=True)) as connection:
                self._version(connection)
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._unusable(path, error) from error

    def _make(self, path: Path) -> None:
        make_private(self.folder)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        for commands in self.SCHEMAS[max(version, 0) :]:
            for command in commands.split(";"):
                connection.execute(command)
        if version <= 0:
            self._fill(connection)
        if version != len(self.SCHEMAS):
            connection.execute(f"PRAGMA user_version = {len(self.SCHEMAS)}")

    def _version(self, connection: sqlite3.Connection) -> int:
        """Return the version of the schema; raises `NewerSchema`."""
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(self.SCHEMAS):
            raise NewerSchema("it was written by a newer mien")
        return version

    def _fill(self, connection: sqlite3.Connection) -> None:
        """Import what earlier versions stored elsewhere, in the transaction that makes the tables."""

    def _unusable(self, path: Path, error: Exception) -> MienError:
        lost = "a new one is made, and consents have to be stated again"
        return ProvenanceError(
            f"the ledger {path} cannot be used: {error}", f"nothing leaves mien unrecorded: {remedy(error, lost)}"
        )


def remedy(error: Exception, lost: str) -> str:
    """Return the remedy for an error of SQLite or the system; `lost` is the cost of moving a damaged file away."""
    if isinstance(error, NewerSchema):
        return "use the newer mien, or name another folder in MIEN_DATA"
    if isinstance(error, OSError):
        return "make the folder writable, or name another one in MIEN_DATA"
    # The low byte is the kind, the rest a case of it.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return _REMEDIES.get(kind, f"bring the file back from a backup, or move it away: {lost}")
