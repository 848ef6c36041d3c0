"""A queue for tests: clocks that the test sets, owners of other processes and machines."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from mien.assembly.jobs.work import WorkDone
from mien.batch.job import Progress
from mien.batch.queue.job import Job, NewJob
from mien.batch.queue.store import Clock, JobStore
from mien.system.process_identity import ProcessIdentity

HERE = "here"


@dataclass(slots=True)
class Times:
    """Both clocks of a store, and the processes of this machine that run."""

    wall_s: float = 1_000_000.0
    steady_s: float = 50.0
    running: set[int] = field(default_factory=lambda: {1, 2, 3, 4})

    def pass_by(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall_s += seconds
        self.steady_s += seconds

    def runs(self, process: ProcessIdentity) -> bool | None:
        return process.number in self.running if process.machine == HERE else None

    def store(self, folder: Path, number: int = 1, machine: str = HERE) -> JobStore:
        """Return the queue as a process sees it."""
        clock = Clock(lambda: self.wall_s, lambda: self.steady_s)
        return JobStore(folder, clock, ProcessIdentity(machine, number, f"start-{number}"), self.runs)


def a_job(name: str, output: str | None = None) -> NewJob:
    """Return a job without any work in it."""
    return NewJob("swap", name, "command", output or f"/results/{name}", "{}")


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []
        self.begun = threading.Event()

    def began(self, job: Job) -> None:
        self.begun.set()

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        pass

    def ended(self, job: Job, done: WorkDone | None) -> None:
        self.ends.append((job.name, job.state))
