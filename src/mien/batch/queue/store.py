"""Store of the queue: jobs are added, claimed by one owner each, kept by a lease, and ended."""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.batch.queue.database import QueueDatabase
from mien.batch.queue.job import JOBS, Claimed, Job, NewJob, Wish
from mien.errors import MienError, UsageError
from mien.system import rows
from mien.system.process_identity import ProcessIdentity, parsed, runs_here, this_process


@dataclass(frozen=True, slots=True)
class LeaseTuning:
    """Numbers of the lease."""

    lease_s: float = 30.0
    """A lease that was not renewed in this time has lapsed: three renewals were missed."""
    renewal_s: float = 10.0
    attempts: int = 3
    """Runs of a job that may end without a word before it counts as failed: it may be what ends them."""


LEASE = LeaseTuning()


@dataclass(frozen=True, slots=True)
class Clock:
    """Clocks of the store: `wall` for what people read, `steady` for what must not jump."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class _Seen:
    """A lease, owner and end, since when it was seen like this, and whether it was seen to be renewed before."""

    lease: tuple[str, float | None]
    since_s: float
    renewed: bool


class LostJob(MienError):
    """The job is no longer this owner's: it was taken back, or removed."""


class JobStore:
    """The queue, seen by one process. Safe to use from several threads; every method raises `OutputError`.

    A lease is never judged by the time of day, which jumps. An owner on this machine holds its job as long as its process
    runs. One elsewhere loses it when its lease stays the same for `lease_s`, as seen from here.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock = Clock(),
        process: ProcessIdentity | None = None,
        runs: Callable[[ProcessIdentity], bool | None] = runs_here,
        tuning: LeaseTuning = LEASE,
    ) -> None:
        self.database = QueueDatabase(folder)
        self.folder = folder
        self.clock = clock
        self._process = process or this_process()
        self._runs = runs
        self._tuning = tuning
        self._seen: dict[int, _Seen] = {}
        """Leases of other machines."""

    def new_owner(self) -> str:
        """Return a name for a new owner of jobs in this process."""
        return f"{self._process} {secrets.token_hex(4)}"

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def add(self, jobs: Sequence[NewJob]) -> list[int]:
        """Add jobs at the end of the queue, all or none, and return their numbers.

        Raises `UsageError` when a job that has not ended writes a file of the same name, and for a name that is no text.
        """
        for job in jobs:
            _check_text(job)
        now = self.clock.wall()
        with self.database.opened() as connection:
            place = int(connection.execute("SELECT coalesce(max(place), 0) FROM jobs").fetchone()[0])
            made = []
            for number, job in enumerate(jobs, place + 1):
                _check_output(connection, job.output)
                row = (job.kind, job.name, job.origin, job.output, job.spec, "waiting", number, now)
                found = connection.execute(
                    "INSERT INTO jobs (kind, name, origin, output, spec, state, place, added_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                made.append(int(found.lastrowid or 0))
            return made

    def all(self, rest: str = "", parameters: Sequence[object] = ()) -> list[Job]:
        """Return the jobs in the order in which they are done; `rest` is a condition in SQL."""
        with self.database.reading() as connection:
            return JOBS.rows(connection, f"{rest} ORDER BY place, id", parameters)

    def get(self, job_id: int) -> Job:
        """Return a job. Raises `UsageError` when there is none of this number."""
        found = self.all("WHERE id = ?", (job_id,))
        if not found:
            raise UsageError(f"there is no job {job_id}", "`mien jobs list` shows the numbers")
        return found[0]

    def spec_of(self, job_id: int) -> str:
        """Return the spec of a job. Raises `UsageError` when there is none of this number."""
        return str(self._value(job_id, "spec", rows.text))

    def fields_of(self, job_id: int) -> dict[str, Any]:
        """Return the fields of the spec of a job, unchecked, to be shown; none of a damaged one."""
        return _object(self.spec_of(job_id)) or {}

    def report_of(self, job_id: int) -> dict[str, Any] | None:
        """Return the report of a job that is done, else None. Raises `UsageError` when there is none of this number."""
        return _object(self._value(job_id, "report", rows.optional(rows.text)))

    def preview_of(self, job_id: int) -> bytes | None:
        """Return the newest small picture of a job, JPEG."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT picture FROM previews WHERE job = ?", (job_id,)).fetchone()
            return None if row is None else rows.blob(row[0])

    def version(self) -> int:
        """Return a number that grows whenever another process, or another store, has changed the queue."""
        with self.database.reading() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def _value(self, job_id: int, column: str, read: rows.Read) -> Any:
        with self.database.reading() as connection:
            row = connection.execute(f"SELECT {column} FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if row is None:
                raise UsageError(f"there is no job {job_id}", "`mien jobs list` shows the numbers")
            return read(row[0])

    def claim(self, owner: str) -> Claimed | None:
        """Take the first job that waits, for this owner alone; None when nothing waits."""
        now = self.clock.wall()
        with self.database.opened() as connection:
            self._take_back(connection)
            row = connection.execute(
                "UPDATE jobs SET state = 'running', owner = ?, lease_until = ?, attempts = attempts + 1, started_at = ?, "
                "ended_at = NULL, wish = '', doing = '', frames = 0, total = NULL, message = '', remedy = '', exit_code = 0, "
                "error_code = '' "
                "WHERE id = (SELECT id FROM jobs WHERE state = 'waiting' ORDER BY place, id LIMIT 1) "
                "RETURNING id, spec, sealed",
                (owner, now + self._tuning.lease_s, now),
            ).fetchone()
            if row is None:
                return None
            (job,) = JOBS.rows(connection, "WHERE id = ?", row[:1])
            return Claimed(job, rows.text(row[1]), rows.optional(rows.text)(row[2]))

    def take_back(self) -> None:
        """Let the jobs wait again whose owners are gone."""
        with self.database.opened() as connection:
            self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        running = JOBS.rows(connection, "WHERE state = 'running'")
        for job in running:
            if not self._is_held(job):
                _let_go(connection, job, self.clock.wall(), self._tuning.attempts)
        for gone in set(self._seen) - {job.id for job in running}:
            del self._seen[gone]

    def _is_held(self, job: Job) -> bool:
        process = parsed((job.owner or "").rpartition(" ")[0])
        runs = None if process is None else self._runs(process)
        if runs is not None:
            return runs
        seen, lease = self._seen.get(job.id), (job.owner or "", job.lease_until)
        if seen is None or seen.lease != lease:
            renewed = seen is not None and seen.lease[0] == lease[0]
            self._seen[job.id] = _Seen(lease, self.clock.steady(), renewed)
            return True
        return self.clock.steady() - seen.since_s < self._tuning.lease_s

    @property
    def doubts(self) -> bool:
        """Return True while a running job of another machine was not seen to be renewed: it may be taken back soon."""
        return any(not each.renewed for each in list(self._seen.values()))

    def renew(self, job_id: int, owner: str) -> None:
        """Renew the lease. Raises `LostJob`."""
        self._update(job_id, owner, "lease_until = ?", (self.clock.wall() + self._tuning.lease_s,))

    def wish_of(self, job_id: int, owner: str) -> Wish:
        """Return what the owner of a running job is asked to do. Raises `LostJob`."""
        found = self.all("WHERE id = ? AND owner = ? AND state = 'running'", (job_id, owner))
        if not found:
            raise _lost(job_id)
        return found[0].wish

    def progress(self, job_id: int, owner: str, doing: str, frames: int, total: int | None, preview: bytes | None) -> None:
        """Record how far a running job is, with a small picture. Raises `LostJob`."""
        with self.database.opened() as connection:
            changed = connection.execute(
                f"UPDATE jobs SET doing = ?, frames = ?, total = ? {_MINE}", (doing, frames, total, job_id, owner)
            )
            if not changed.rowcount:
                raise _lost(job_id)
            if preview is not None:
                connection.execute("INSERT OR REPLACE INTO previews VALUES (?, ?)", (job_id, preview))

    def seal(self, job_id: int, owner: str, sealed: str) -> None:
        """Record a result that is about to get its name, by which a later attempt recognises it. Raises `LostJob`."""
        self._update(job_id, owner, "sealed = ?", (sealed,))

    def finish(self, job_id: int, owner: str, report: dict[str, Any], message: str, frames: int, total: int | None) -> None:
        """Record that a job is done. Raises `LostJob`."""
        values = (message, json.dumps(report), frames, total, self.clock.wall())
        self._update(job_id, owner, f"{_ENDED} 'done', message = ?, report = ?, frames = ?, total = ?, ended_at = ?", values)

    def fail(self, job_id: int, owner: str, error: MienError) -> None:
        """Record that a job failed. Raises `LostJob`."""
        values = (str(error), error.remedy, error.exit_code, error.code, self.clock.wall())
        change = f"{_ENDED} 'failed', message = ?, remedy = ?, exit_code = ?, error_code = ?, ended_at = ?"
        self._update(job_id, owner, change, values)

    def cancelled(self, job_id: int, owner: str) -> None:
        """Record that a running job was cancelled, as it was asked. Raises `LostJob`."""
        self._update(job_id, owner, f"{_ENDED} 'cancelled', ended_at = ?", (self.clock.wall(),))

    def paused(self, job_id: int, owner: str, error: MienError | None = None) -> None:
        """Record that a running job was paused, by an error or on request; this run does not count. Raises `LostJob`."""
        values = ("", "", "") if error is None else (str(error), error.remedy, error.code)
        change = f"{_ENDED} 'paused', attempts = attempts - 1, message = ?, remedy = ?, error_code = ?"
        self._update(job_id, owner, change, values)

    def release(self, job_id: int, owner: str) -> None:
        """Let a running job wait again; this run of it does not count. Raises `LostJob`."""
        self._update(job_id, owner, f"{_ENDED} 'waiting', attempts = attempts - 1", ())

    def release_all(self, owner: str) -> None:
        """Let every job of an owner wait again, which has none in hand."""
        with self.database.opened() as connection:
            connection.execute(f"UPDATE jobs SET {_ENDED} 'waiting' WHERE owner = ? AND state = 'running'", (owner,))

    def _update(self, job_id: int, owner: str, change: str, values: tuple[object, ...]) -> None:
        with self.database.opened() as connection:
            if not connection.execute(f"UPDATE jobs SET {change} {_MINE}", (*values, job_id, owner)).rowcount:
                raise _lost(job_id)


_MINE = "WHERE id = ? AND owner = ? AND state = 'running'"
_ENDED = "owner = NULL, lease_until = NULL, wish = '', doing = '', state ="


def _object(text: str | None) -> dict[str, Any] | None:
    """Return the object in JSON text; None for anything else."""
    try:
        found = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _lost(job_id: int) -> LostJob:
    return LostJob(f"job {job_id} was taken back meanwhile; nothing was written", "`mien jobs show` tells its state")


def _let_go(connection: sqlite3.Connection, job: Job, now: float, most_attempts: int) -> None:
    """End the running of a job whose owner is gone."""
    message = remedy = ""
    if job.wish == "cancel":
        state = "cancelled"
    elif job.wish == "pause":
        state = "paused"
    elif job.attempts >= most_attempts:
        state = "failed"
        message = f"mien ended {job.attempts} times while it worked on this file"
        remedy = "try it alone with mien swap or mien anonymise; then: mien jobs retry"
    else:
        state = "waiting"
    ended = None if state in {"waiting", "paused"} else now
    connection.execute(
        f"UPDATE jobs SET {_ENDED} ?, message = ?, remedy = ?, exit_code = ?, error_code = ?, ended_at = ? WHERE id = ?",
        (state, message, remedy, int(state == "failed"), "ended-often" if state == "failed" else "", ended, job.id),
    )


def _check_text(job: NewJob) -> None:
    try:
        f"{job.name}{job.output}{job.spec}".encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the name of {job.name} has letters that are no text (UTF-8)", "rename the file or its folder"
        ) from error


def _check_output(connection: sqlite3.Connection, output: str) -> None:
    """Raise `UsageError` when another job is to write this file."""
    row = connection.execute(
        "SELECT id FROM jobs WHERE output = ? AND state IN ('waiting', 'running', 'paused')", (output,)
    ).fetchone()
    if row is not None:
        raise UsageError(f"job {row[0]} writes {output} already", "name another output, or cancel that job")
