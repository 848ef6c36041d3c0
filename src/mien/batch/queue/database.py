"""Storage of the queue: one SQLite file in the data folder, shared by all running instances of mien."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psutil

from mien.batch.queue.job import JOBS
from mien.errors import MienError, OutputError, UsageError
from mien.system.database import WAIT_S, Database, remedy
from mien.system.rows import DamagedRow

_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smbfs", "smb3", "afpfs", "webdav", "9p", "afs", "ceph", "lustre", "gpfs", "glusterfs"}
)
_SCHEMAS = (
    """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    output TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    place INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until REAL,
    wish TEXT NOT NULL DEFAULT '',
    doing TEXT NOT NULL DEFAULT '',
    frames INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    message TEXT NOT NULL DEFAULT '',
    remedy TEXT NOT NULL DEFAULT '',
    exit_code INTEGER NOT NULL DEFAULT 0,
    added_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    sealed TEXT,
    report TEXT
);
CREATE INDEX jobs_by_state ON jobs (state, place, id);
CREATE INDEX jobs_by_output ON jobs (output);
CREATE TABLE previews (
    job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    picture BLOB NOT NULL
);
CREATE TABLE taken (
    folder TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    skipped TEXT NOT NULL,
    PRIMARY KEY (folder, path)
);
""",
    "ALTER TABLE jobs ADD COLUMN error_code TEXT NOT NULL DEFAULT ''",
)


class QueueDatabase(Database):
    """Database of the queue; users get an `OutputError` when the file cannot be read or written.

    One connection is kept open until `close`, because SQLite copies its log into the file whenever the last one is closed.
    On a network file system, where the memory that the log needs is not shared, there is no log.
    """

    FILE: ClassVar[str] = "queue.sqlite"
    SCHEMAS: ClassVar[tuple[str, ...]] = _SCHEMAS

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._lock = threading.RLock()
        self._kept: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        with self._lock:
            if self._kept is not None:
                self._kept.close()
                self._kept = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for single queries, which neither wait for a writer nor keep one waiting."""
        if not self._has_tables:
            with self.opened():
                pass
        path = self.folder / self.FILE
        try:
            with self._connected(path) as connection:
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._unusable(path, error) from error

    @property
    def _has_tables(self) -> bool:
        return self._kept is not None

    @contextmanager
    def _connected(self, path: Path) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._kept is None:
                self._kept = self._connect(path)
            yield self._kept

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            # A file of a newer version is left alone, whatever it is.
            self._version(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            # Descriptors of people go with their job.
            connection.execute("PRAGMA secure_delete = ON")
            if is_local(self.folder):
                self._log_writes(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_writes(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with contextlib.suppress(sqlite3.OperationalError):
                # Another instance has it open: it stays as it is until the next start.
                connection.execute("PRAGMA journal_mode = WAL")
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            # A power cut may take back the last steps of jobs, which are then done again, and damages nothing.
            connection.execute("PRAGMA synchronous = NORMAL")

    def _unusable(self, path: Path, error: Exception) -> MienError:
        lost = "`mien jobs reset` does so, and its jobs have to be added again"
        return OutputError(f"the queue {path} cannot be used: {error}", remedy(error, lost))


def move_aside(folder: Path) -> Path:
    """Move a damaged queue aside and return its new name. Raises `UsageError` when it can be read, or is a newer mien's."""
    database = QueueDatabase(folder)
    path = folder / database.FILE
    if not database.exists():
        raise UsageError(f"there is no queue {path}", "the first job makes it")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            database._version(connection)
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            # One row that cannot be read keeps all of them from being listed.
            JOBS.rows(connection)
    except (sqlite3.DatabaseError, DamagedRow) as error:
        found = str(error)
    except (OSError, ValueError) as error:
        raise database._unusable(path, error) from error
    if found == "ok":
        raise UsageError(f"the queue {path} is not damaged; nothing was moved", "`mien jobs remove ended` empties it")
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(f"{path.name}{suffix}").rename(aside.with_name(f"{aside.name}{suffix}"))
    except OSError as error:
        raise OutputError(f"{path} cannot be moved: {error.strerror}", "move it away yourself") from error
    return aside


def is_local(folder: Path) -> bool:
    """Return False for a folder on a file system that is known to be shared between machines."""
    resolved = folder.resolve()
    best, kind = -1, ""
    for each in psutil.disk_partitions(all=True):
        place = Path(each.mountpoint)
        if resolved.is_relative_to(place) and len(place.parts) > best:
            best, kind = len(place.parts), each.fstype.lower()
    return kind not in _NETWORK_FILE_SYSTEMS and not kind.startswith("fuse.sshfs")
