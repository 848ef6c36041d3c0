"""A queue for tests: clocks that the test sets, owners of other processes and machines."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.assembly.jobs.work import WorkDone
from mien.batch.job import Progress
from mien.batch.queue.inputs import InputFile
from mien.batch.queue.job import Job, NewJob
from mien.batch.queue.spec import FaceSpec, JobSpec, MemberSpec, SwapSpec
from mien.batch.queue.store import Clock, JobStore
from mien.settings import Settings
from mien.swap.people.identities import Wanted
from mien.swap.people.template import Template
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


def a_file(name: str) -> InputFile:
    """Return the facts of a file that is not there."""
    return InputFile(Path("/in") / name, 5, 6, "ab" * 32)


def _some_template() -> Template:
    return Template(np.random.default_rng(3).random(128).astype(np.float32), 0.1234567890123, 3)


def a_spec() -> JobSpec:
    """Return a spec with everything that one can have."""
    faces = (
        FaceSpec("a.jpg", (a_file("a.jpg"), a_file("b.jpg")), 2, "c0ffee"),
        FaceSpec("c.jpg", (a_file("c.jpg"),), None, "c0de"),
    )
    members = (
        MemberSpec(Wanted("Anna", (_some_template(), _some_template()), ((0.5, 2.25),)), 1),
        MemberSpec(Wanted("Bob", (_some_template(),)), "leave"),
    )
    work = SwapSpec(faces, 0, "largest", "blur", members)
    settings = Settings(quality=91, keep_mouth=True, opacity=0.5)
    return JobSpec(a_file("film.mp4"), Path("/out/film.mp4"), work, settings, True, 1.5, 7.25, "result.mp4", "film.mp4")
