"""The one small database of this installation: consents, outputs and their fingerprints. It never leaves the machine."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from mien.errors import MienError, ProvenanceError

_WAIT_S = 10.0
"""So long one instance waits while another one writes."""
_SCHEMA = """
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
"""


class Database:
    """Opened anew for each piece of work, so that threads and several instances of mien may share it."""

    FILE: ClassVar[str] = "ledger.sqlite"
    VERSION: ClassVar[int] = 1
    SCHEMA: ClassVar[str] = _SCHEMA

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        return (self.folder / self.FILE).is_file()

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept together or not at all. Raises `ProvenanceError`."""
        path = self.folder / self.FILE
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
            raise self._unusable(path, error) from error

    @contextmanager
    def read_only(self) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing and holds up nobody. Raises `ProvenanceError`, also when there is no ledger."""
        path = self.folder / self.FILE
        try:
            address = f"{path.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, timeout=_WAIT_S, uri=True)) as connection:
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._unusable(path, error) from error

    def _make(self, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > self.VERSION:
            raise sqlite3.DatabaseError("it was written by a newer mien")
        if version == 0:
            for command in self.SCHEMA.split(";"):
                connection.execute(command)
            self._fill(connection)
            connection.execute(f"PRAGMA user_version = {self.VERSION}")

    def _fill(self, connection: sqlite3.Connection) -> None:
        """Put what there was before into the new tables, in the transaction that makes them."""

    def _unusable(self, path: Path, error: Exception) -> MienError:
        return ProvenanceError(
            f"the ledger {path} cannot be used: {error}",
            "nothing leaves mien unrecorded: see that the folder can be written to and no other program holds the file, "
            "or name another folder in MIEN_DATA",
        )
