"""Control of the queue by a person: cancel, pause, resume, retry, reorder, remove."""

import shutil
import sqlite3
from collections.abc import Sequence
from typing import Literal

from mien.batch.queue.job import ENDED, JOBS, Job, parts_folder
from mien.batch.queue.store import JobStore
from mien.errors import UsageError

Place = Literal["first", "last", "before", "after"]


def cancel(store: JobStore, job_id: int) -> Job:
    """Cancel a job; one that is running stops soon. Raises `UsageError` for one that has ended."""
    with store.database.opened() as connection:
        job = _read(connection, job_id)
        if job.state in ENDED:
            raise UsageError(f"job {job_id} is {job.state} already", "`mien jobs remove` takes it off the list")
        if job.state == "running":
            connection.execute("UPDATE jobs SET wish = 'cancel' WHERE id = ?", (job_id,))
        else:
            connection.execute("UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ?", (store.clock.wall(), job_id))
            _forget_parts(store, job_id)
    return store.get(job_id)


def pause(store: JobStore, job_id: int) -> Job:
    """Pause a job; one that is running stops soon. Raises `UsageError` for one that has ended."""
    with store.database.opened() as connection:
        job = _read(connection, job_id)
        if job.state in ENDED:
            raise UsageError(f"job {job_id} is {job.state}", "only a job that waits or runs can be paused")
        if job.state == "running" and job.wish != "cancel":
            connection.execute("UPDATE jobs SET wish = 'pause' WHERE id = ?", (job_id,))
        elif job.state == "waiting":
            connection.execute("UPDATE jobs SET state = 'paused' WHERE id = ?", (job_id,))
    return store.get(job_id)


def resume(store: JobStore, job_id: int) -> Job:
    """Let a paused job wait again. Raises `UsageError` for one that has ended."""
    with store.database.opened() as connection:
        job = _read(connection, job_id)
        if job.state in ENDED:
            raise UsageError(f"job {job_id} is {job.state}", "start it again with mien jobs retry")
        if job.state == "running" and job.wish == "pause":
            connection.execute("UPDATE jobs SET wish = '' WHERE id = ?", (job_id,))
        elif job.state == "paused":
            connection.execute(
                "UPDATE jobs SET state = 'waiting', message = '', remedy = '', error_code = '' WHERE id = ?", (job_id,)
            )
    return store.get(job_id)


def retry(store: JobStore, job_id: int) -> Job:
    """Let a job that failed or was cancelled wait again, at its place in the queue. Raises `UsageError` for any other."""
    with store.database.opened() as connection:
        job = _read(connection, job_id)
        if job.state not in {"failed", "cancelled"}:
            raise UsageError(f"job {job_id} is {job.state}", "only a job that failed or was cancelled can be tried again")
        connection.execute(
            "UPDATE jobs SET state = 'waiting', attempts = 0, message = '', remedy = '', exit_code = 0, error_code = '', "
            "ended_at = NULL WHERE id = ?",
            (job_id,),
        )
    return store.get(job_id)


def reorder(store: JobStore, job_ids: Sequence[int], place: Place, other: int | None = None) -> None:
    """Move jobs that wait or are paused, in this order: to an end of the queue, or next to another such job.

    Raises `UsageError` for a job that runs or has ended.
    """
    if len(set(job_ids)) < len(job_ids) or other in job_ids:
        raise UsageError("a job is named twice", "name each job once")
    with store.database.opened() as connection:
        found = connection.execute("SELECT id FROM jobs WHERE state IN ('waiting', 'paused') ORDER BY place, id").fetchall()
        queue = [int(row[0]) for row in found]
        for each in (*job_ids, *(() if other is None else (other,))):
            if each not in queue:
                job = _read(connection, each)
                raise UsageError(f"job {each} is {job.state}", "only jobs that wait or are paused have a place in the queue")
        rest = [each for each in queue if each not in job_ids]
        at = {"first": 0, "last": len(rest)}.get(place)
        if at is None:
            if other is None:
                raise UsageError(f"{place} which job?", f"write {place} and a number")
            at = rest.index(other) + (place == "after")
        ordered = [*rest[:at], *job_ids, *rest[at:]]
        # Below all others: a job that is added later comes last.
        first = int(connection.execute("SELECT coalesce(min(place), 0) FROM jobs").fetchone()[0]) - len(ordered)
        connection.executemany(
            "UPDATE jobs SET place = ? WHERE id = ?", [(first + number, each) for number, each in enumerate(ordered)]
        )


def remove(store: JobStore, job_id: int) -> Job:
    """Forget a job that has ended or does not run, and return it; its files stay. Raises `UsageError` for one that runs."""
    with store.database.opened() as connection:
        job = _read(connection, job_id)
        if job.state == "running":
            raise UsageError(f"job {job_id} is running", "cancel it first")
        connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        _forget_parts(store, job_id)
    return job


def _forget_parts(store: JobStore, job_id: int) -> None:
    """Remove what a job would go on with, which shows faces; nobody can begin the job meanwhile."""
    shutil.rmtree(parts_folder(store.folder, job_id), ignore_errors=True)


def _read(connection: sqlite3.Connection, job_id: int) -> Job:
    found = JOBS.rows(connection, "WHERE id = ?", (job_id,))
    if not found:
        raise UsageError(f"there is no job {job_id}", "`mien jobs list` shows the numbers")
    return found[0]
