"""What this installation has made: for each output the id of its mark, its manifest's hash and its fingerprints.

The verifier looks here, on this machine only. Recordings are noted when they begin, so that one that was cut off is found
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

ALIKE_BELOW = 9
"""Bits of 63: a heavily compressed copy differs in at most 4, another scene in at least 22."""


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that left mien. `kind` is picture, video, recording or live; `manifest_sha256` is empty for live output."""

    mark_id: int
    kind: str
    title: str
    made_at: datetime
    manifest_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """An output that looks like what was asked about: `share` of the places asked about have one of its pictures."""

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
    """Every method raises `ProvenanceError` when the ledger cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prints: Array | None = None

    def record(self, output: Output, fingerprints: Iterable[int]) -> int:
        """Note an output; the number under which further fingerprints can be added."""
        with self._database.opened() as connection:
            cursor = connection.execute(
                "INSERT INTO outputs (mark_id, kind, title, made_at, manifest_sha256) VALUES (?, ?, ?, ?, ?)",
                (output.mark_id, output.kind, output.title, output.made_at.isoformat(), output.manifest_sha256),
            )
            number = int(cursor.lastrowid or 0)
            _add(connection, number, fingerprints)
        return number

    def add_fingerprints(self, number: int, fingerprints: Iterable[int]) -> None:
        with self._database.opened() as connection:
            _add(connection, number, fingerprints)

    def with_mark(self, mark_id: int) -> list[Output]:
        """Outputs whose mark has this id, the newest first."""
        with self._database.read_only() as connection:
            return _OUTPUTS.rows(connection, "WHERE mark_id = ? ORDER BY id DESC", (mark_id,))

    def alike(self, groups: Sequence[Sequence[int]]) -> list[Likeness]:
        """Outputs that look like these pictures, the most alike first, then the newest.

        Each group holds the fingerprints of pictures from one place of a file; one that is known is enough for the place.
        The ledger's fingerprints are read once, at the first question.
        """
        with self._database.read_only() as connection:
            if self._prints is None:
                self._prints = _read_fingerprints(connection)
            numbers, hashes = self._prints.T
            if not len(numbers) or not groups:
                return []
            near = [_distances(hashes, group) for group in groups]
            found = []
            for number in np.unique(numbers[np.any([row < ALIKE_BELOW for row in near], axis=0)])[::-1]:
                nearest = [int(row[numbers == number].min()) for row in near]
                share = sum(each < ALIKE_BELOW for each in nearest) / len(nearest)
                found += [
                    Likeness(output, share, min(nearest))
                    for output in _OUTPUTS.rows(connection, "WHERE id = ?", (int(number),))
                ]
        return sorted(found, key=lambda each: (-each.share, each.distance))

    def begin_recording(self, path: Path, claim: str) -> None:
        """Note a recording that is being written by this process, with what is to be said of it when it is signed.

        Raises `OutputError` while another process writes to the same path.
        """
        place, (process, began) = str(path.absolute()), _this_process()
        with self._database.opened() as connection:
            writer = connection.execute("SELECT process, process_began FROM recordings WHERE path = ?", (place,)).fetchone()
            if writer is not None and writer[0] != process and _runs(*writer):
                raise OutputError(f"another studio is recording to {path}", "start the recording again")
            connection.execute("INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?)", (place, process, began, claim))

    def end_recording(self, path: Path) -> None:
        """The recording is signed, or there is none."""
        with self._database.opened() as connection:
            connection.execute("DELETE FROM recordings WHERE path = ?", (str(path.absolute()),))

    def cut_off(self) -> list[tuple[Path, str]]:
        """Recordings whose process has ended without signing them, with what was to be said of them."""
        with self._database.opened() as connection:
            noted = _RECORDINGS.rows(connection)
        return [(Path(path), claim) for path, process, began, claim in noted if not _runs(process, began)]

    def adopt(self, path: Path) -> bool:
        """Make a recording that was cut off this process's own; False when another process was quicker."""
        place = str(path.absolute())
        with self._database.opened() as connection:
            writer = connection.execute("SELECT process, process_began FROM recordings WHERE path = ?", (place,)).fetchone()
            if writer is None or _runs(*writer):
                return False
            connection.execute("UPDATE recordings SET process = ?, process_began = ? WHERE path = ?", (*_this_process(), place))
        return True


def _add(connection: sqlite3.Connection, number: int, fingerprints: Iterable[int]) -> None:
    connection.executemany("INSERT INTO fingerprints VALUES (?, ?)", [(number, each) for each in fingerprints])


def _read_fingerprints(connection: sqlite3.Connection) -> Array:
    """Return int64 (n, 2): output and hash; those of outputs that are not there say nothing and are left out.

    There is one for each second of each output, so the types are checked by SQLite, not row by row.
    """
    _FINGERPRINTS.rows(connection, "WHERE typeof(output) != 'integer' OR typeof(hash) != 'integer' LIMIT 1")
    known = connection.execute("SELECT output, hash FROM fingerprints WHERE output IN (SELECT id FROM outputs)").fetchall()
    return np.array(known, np.int64).reshape(-1, 2)


def _distances(hashes: Array, group: Sequence[int]) -> Array:
    """Of each hash to the nearest one of the group."""
    each = [np.bitwise_count(hashes ^ np.int64(asked)) for asked in group]
    return np.min(each, axis=0) if each else np.full(len(hashes), 64)


def _this_process() -> tuple[int, float]:
    return os.getpid(), psutil.Process().create_time()


def _runs(process: int, began: float) -> bool:
    try:
        return abs(psutil.Process(process).create_time() - began) < 1
    except (psutil.Error, OverflowError):
        # A number that this system does not have.
        return False
