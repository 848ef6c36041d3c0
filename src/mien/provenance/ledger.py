"""Ledger of the outputs of this installation: the id of the mark, the manifest's hash and the fingerprints of each.

The verifier reads it, on this machine only. Recordings are entered when they begin, so that one that was cut off is found
and signed at the next start.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil

from mien.errors import OutputError
from mien.system import rows
from mien.system.database import Database
from mien.types import Array

_ALIKE_BELOW_BITS = 9  # of 63; a heavily compressed copy differs in 4 at most, another scene in 22 at least


@dataclass(frozen=True, slots=True)
class Output:
    """One output of mien. `kind` is picture, video, recording or live; `manifest_sha256` is empty for live output."""

    mark_id: int
    kind: str
    title: str
    made_at: datetime
    manifest_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Output that looks like a file: `share` of the file's windows show it, the nearest picture `distance` bits away."""

    output: Output
    share: float
    distance: int


_INT64 = rows.integer(-(1 << 63), (1 << 63) - 1)
_OUTPUTS = rows.Table(
    "outputs",
    {
        "mark_id": rows.integer(0, (1 << 24) - 1),
        "kind": rows.text,
        "title": rows.text,
        "made_at": rows.time,
        "manifest_sha256": rows.text,
    },
    Output,
)
_FINGERPRINTS: rows.Table[tuple[int, int]] = rows.Table("fingerprints", {"output": _INT64, "hash": _INT64}, rows.together)
_RECORDINGS: rows.Table[tuple[str, int, float, str]] = rows.Table(
    "recordings",
    {"path": rows.text, "process": rows.PROCESS, "process_began": rows.real, "claim": rows.text},
    rows.together,
)


class Ledger:
    """Record of this machine of the outputs it made.

    Every method raises `ProvenanceError` when the ledger cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prints: Array | None = None

    def record(self, output: Output, fingerprints: Iterable[int]) -> None:
        """Record an output with the fingerprints of its pictures."""
        with self._database.opened() as connection:
            cursor = connection.execute(
                "INSERT INTO outputs (mark_id, kind, title, made_at, manifest_sha256) VALUES (?, ?, ?, ?, ?)",
                (output.mark_id, output.kind, output.title, output.made_at.isoformat(), output.manifest_sha256),
            )
            number = int(cursor.lastrowid or 0)
            connection.executemany("INSERT INTO fingerprints VALUES (?, ?)", [(number, each) for each in fingerprints])

    def with_mark(self, mark_id: int) -> list[Output]:
        """Return the outputs whose mark has this id, the newest first."""
        with self._database.read_only() as connection:
            return _OUTPUTS.rows(connection, "WHERE mark_id = ? ORDER BY id DESC", (mark_id,))

    def alike(self, groups: Sequence[Sequence[int]]) -> list[Likeness]:
        """Return the outputs that look like these pictures, the most alike first, then the newest.

        Each group holds the fingerprints of the pictures of one window of a file; one that is known is enough for the window.
        The ledger's fingerprints are read once, at the first call.
        """
        with self._database.read_only() as connection:
            if self._prints is None:
                self._prints = _read_fingerprints(connection)
            numbers, hashes = self._prints.T
            if not len(numbers) or not groups:
                return []
            near = [_distances(hashes, group) for group in groups]
            found = []
            for number in np.unique(numbers[np.any([row < _ALIKE_BELOW_BITS for row in near], axis=0)])[::-1]:
                nearest = [int(row[numbers == number].min()) for row in near]
                share = sum(each < _ALIKE_BELOW_BITS for each in nearest) / len(nearest)
                found += [
                    Likeness(output, share, min(nearest))
                    for output in _OUTPUTS.rows(connection, "WHERE id = ?", (int(number),))
                ]
        return sorted(found, key=lambda each: (-each.share, each.distance))

    def begin_recording(self, path: Path, claim: str) -> None:
        """Enter a recording that this process is writing, with the claim to sign it with.

        Raises `OutputError` while another process writes to the same path.
        """
        place, (process, began) = str(path.absolute()), _this_process()
        with self._database.opened() as connection:
            writer = connection.execute("SELECT process, process_began FROM recordings WHERE path = ?", (place,)).fetchone()
            if writer is not None and writer[0] != process and _runs(*writer):
                raise OutputError(f"another studio is recording to {path}", "start the recording again")
            connection.execute("INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?)", (place, process, began, claim))

    def end_recording(self, path: Path) -> None:
        """Remove a recording that is signed, or of which nothing was written."""
        with self._database.opened() as connection:
            connection.execute("DELETE FROM recordings WHERE path = ?", (str(path.absolute()),))

    def cut_off(self) -> list[tuple[Path, str]]:
        """Return the recordings whose process has ended without signing them, with their claims."""
        with self._database.opened() as connection:
            noted = _RECORDINGS.rows(connection)
        return [(Path(path), claim) for path, process, began, claim in noted if not _runs(process, began)]

    def adopt(self, path: Path) -> bool:
        """Take over a recording that was cut off; return False when another process was quicker."""
        place = str(path.absolute())
        with self._database.opened() as connection:
            writer = connection.execute("SELECT process, process_began FROM recordings WHERE path = ?", (place,)).fetchone()
            if writer is None or _runs(*writer):
                return False
            connection.execute("UPDATE recordings SET process = ?, process_began = ? WHERE path = ?", (*_this_process(), place))
        return True


def _read_fingerprints(connection: sqlite3.Connection) -> Array:
    """Return int64 (n, 2): output and hash; hashes of missing outputs are left out.

    There is one for each second of each output, so the types are checked by SQLite, not row by row.
    """
    _FINGERPRINTS.rows(connection, "WHERE typeof(output) != 'integer' OR typeof(hash) != 'integer' LIMIT 1")
    known = connection.execute("SELECT output, hash FROM fingerprints WHERE output IN (SELECT id FROM outputs)").fetchall()
    return np.array(known, np.int64).reshape(-1, 2)


def _distances(hashes: Array, group: Sequence[int]) -> Array:
    """Return the distance of each hash to the nearest one of the group."""
    each = [np.bitwise_count(hashes ^ np.int64(wanted)) for wanted in group]
    return np.min(each, axis=0) if each else np.full(len(hashes), 64)


def _this_process() -> tuple[int, float]:
    return os.getpid(), psutil.Process().create_time()


def _runs(process: int, began: float) -> bool:
    try:
        return abs(psutil.Process(process).create_time() - began) < 1
    except (psutil.Error, OverflowError):
        # The number of a process of another system.
        return False
