"""Rows of the queue, as they are read: every value is checked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from mien.system import rows

State: TypeAlias = Literal["waiting", "running", "paused", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
"""States of jobs that nobody is going to run."""
Wish: TypeAlias = Literal["", "pause", "cancel"]
"""Request to the process that runs a job."""
Origin: TypeAlias = Literal["command", "studio", "folder"]
_MOST = (1 << 63) - 1  # integers of SQLite


def parts_folder(data: Path, job_id: int | None = None) -> Path:
    """Return the folder, in the data folder, of what an interrupted job goes on with; without a number, that of all jobs."""
    return data / "parts" / ("" if job_id is None else str(job_id))


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added. `name` is for people, `output` the file that it writes, `spec` what is to be done (`spec.py`)."""

    kind: str
    name: str
    origin: Origin
    output: str
    spec: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the queue, without its spec. Times are seconds since 1970.

    `owner` holds it while it is running, and renews `lease_until`. `attempts` counts the runs that began, without those that
    were stopped on request. `doing` names the pass over the file, of which `frames` of `total` are done.
    `error_code` is the code of the error that `message` tells, empty for none.
    """

    id: int
    kind: str
    name: str
    origin: Origin
    output: str
    state: State
    attempts: int
    owner: str | None
    lease_until: float | None
    wish: Wish
    doing: str
    frames: int
    total: int | None
    message: str
    remedy: str
    exit_code: int
    error_code: str
    added_at: float
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job with what its owner needs: `sealed` names a result of an earlier attempt, None = there is none."""

    job: Job
    spec: str
    sealed: str | None = field(default=None)


def _word(words: tuple[str, ...]) -> rows.Read:
    def read(value: object) -> Any:
        if value not in words:
            raise ValueError(f"one of: {', '.join(words)}")
        return value

    return read


_COUNT = rows.integer(0, _MOST)
JOBS = rows.Table(
    "jobs",
    {
        "id": rows.integer(1, _MOST),
        "kind": rows.text,
        "name": rows.text,
        "origin": _word(get_args(Origin)),
        "output": rows.text,
        "state": _word(STATES),
        "attempts": _COUNT,
        "owner": rows.optional(rows.text),
        "lease_until": rows.optional(rows.real),
        "wish": _word(get_args(Wish)),
        "doing": rows.text,
        "frames": _COUNT,
        "total": rows.optional(_COUNT),
        "message": rows.text,
        "remedy": rows.text,
        "exit_code": _COUNT,
        "error_code": rows.text,
        "added_at": rows.real,
        "started_at": rows.optional(rows.real),
        "ended_at": rows.optional(rows.real),
    },
    Job,
)
