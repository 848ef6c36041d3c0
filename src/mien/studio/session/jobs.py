"""File jobs of the studio: the queue that it shares with `mien jobs`, and the one thread that works on it here."""

import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.specs import face_spec, new_job, swap_job_spec, swap_spec
from mien.assembly.jobs.work import WorkDone
from mien.assembly.jobs.worker import JobWorker
from mien.batch.job import Progress
from mien.batch.queue import control
from mien.batch.queue.job import ENDED, Job
from mien.batch.queue.spec import FaceSpec
from mien.batch.queue.store import JobStore
from mien.errors import MienError, UsageError
from mien.media.files import moving
from mien.media.files.output_file import output_error
from mien.media.files.picture_read import read_picture
from mien.media.files.receipt import receipt_path
from mien.media.files.temporary_files import Temporaries
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.studio.session.gallery_files import GalleryFiles
from mien.studio.session.job_facts import JobFacts, code_of, facts_of, notes_of
from mien.studio.session.pictures import jpeg, scaled_down
from mien.system.database import Database
from mien.system.folders import make_private
from mien.types import SourceFace

_log = logging.getLogger(__name__)
_MAX_JOBS = 40  # bounds disk use: each holds an upload of up to 8 GB
_MOST_SHOWN = 100  # jobs of the page that have ended, and as many that have not: each change sends all of them
_PREVIEW_WIDTH_PIXELS = 640  # chosen, sharp in the column of the page
_PREVIEW_QUALITY = 95  # of the JPEG; OpenCV's own choice
_LOOK_PERIOD_S = 1.0  # until the page shows what another process did; a look takes 0.1 ms
_TOLD_PERIOD_S = 0.5  # half of the period in which a worker records its progress
_REST_S = 5.0  # after a queue that could not be used, such as one on a full disk
_INPUT = "input"
_OURS = "WHERE origin = 'studio'"
_ON_THE_PAGE = """WHERE id IN (
    SELECT id FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND (origin = 'studio' OR NOT ?)
    ORDER BY ended_at DESC, id DESC LIMIT ?
) OR id IN (
    SELECT id FROM jobs WHERE state IN ('waiting', 'running', 'paused') AND (origin = 'studio' OR NOT ?)
    ORDER BY state = 'running' DESC, place, id LIMIT ?
)"""
"""The newest jobs that have ended, and the first that have not."""


class FileJobs:
    """The queue as a page sees it. A shared studio shows its own jobs alone: those of the command line name other files."""

    def __init__(
        self, models: factory.Models, settings: Settings, trust: Trust, data: Path, changed: Callable[[], None], *, shared: bool
    ) -> None:
        self._store = JobStore(data)
        # Closed now, so that a queue that cannot be used is told before the page opens.
        self._store.take_back()
        self._trust = trust
        # Another journal than that of the recordings, which are written at the same time.
        self._parts = SharedParts(replace(trust, temporaries=Temporaries(Database(data))))
        self._parts.keep_models(settings, models)
        self._folder = data / "jobs"
        self._shared = shared
        self._changed = changed
        self._facts: dict[int, JobFacts] = {}
        self._notes: dict[int, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._worker = JobWorker(self._store, self._parts, _Told(changed))
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name="mien-jobs", daemon=True),
            threading.Thread(target=self._look, name="mien-jobs-look", daemon=True),
        ]

    def start(self) -> None:
        """Start the threads; remove the files of jobs that are gone."""
        self._tidy()
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Let the running job wait for the next start, and end the threads."""
        self._ended.set()
        self._worker.stop.set()
        self._worker.wake.set()
        for each in self._threads:
            each.join()
        self._store.close()

    def add(
        self,
        file: Path,
        name: str,
        worn: SourceFace | CastPlan,
        files: Callable[[str], GalleryFiles],
        settings: Settings,
        part_s: tuple[float | None, float | None] = (None, None),
    ) -> str:
        """Queue a file of this session, or a part of it, and return the number of the job, which owns the file from now on.

        `files` returns the photos of a source by its digest; the job keeps copies of them. Raises a `MienError`.
        """
        if len(self._store.all(_OURS)) >= _MAX_JOBS:
            raise UsageError(
                f"there are already {_MAX_JOBS} files", "remove the finished ones", key="jobs-full", values={"n": _MAX_JOBS}
            )
        plan = CastPlan(worn) if isinstance(worn, SourceFace) else worn
        folder = self._folder / secrets.token_hex(8)
        try:
            make_private(folder)
            target = _shared(file, folder / f"{_INPUT}{file.suffix}")
            faces = {
                source.digest: self._face(source, files(source.digest), folder, number)
                for number, source in enumerate(plan.sources)
            }
            suffix = _suffix(target, name)
            titles = f"{Path(name).stem}-mien{suffix}", name
            spec = swap_job_spec(
                target, folder / f"result{suffix}", swap_spec(plan, faces), settings,
                overwrite=True, part_s=part_s, titles=titles,
            )  # fmt: skip
            (job_id,) = self._store.add([new_job(spec, "studio", name)])
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise output_error(error, folder) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        file.unlink(missing_ok=True)
        self._worker.wake.set()
        self._changed()
        return str(job_id)

    def _face(self, source: SourceFace, given: GalleryFiles, folder: Path, number: int) -> FaceSpec:
        """Copy the photos of a face beside the job, and return its spec. Raises a `MienError`."""
        consent = self._trust.consents.find(source)
        if consent is None:
            raise UsageError(
                f"no consent for {given.name} is recorded",
                "add its photo again and state the consent",
                key="consent-revoked",
                values={"name": given.name},
            )
        kept = [
            _shared(photo, folder / f"face-{number}-{place}{photo.suffix}") for place, photo in enumerate(given.photos)
        ]  # fmt: skip
        made = face_spec(given.name, kept, given.number, consent)
        self._parts.keep_face(made.files, made.number, source)
        return made

    def get(self, job_id: str) -> Job:
        """Return the job of this number. Raises `UsageError`."""
        job = self._store.get(int(job_id)) if job_id.isdecimal() and len(job_id) < 18 else None
        if job is None or not self._is_shown(job):
            raise UsageError("there is no such job", "it was removed already", key="stale")
        return job

    def row(self, job_id: str) -> dict[str, Any]:
        """Return one job for the page. Raises `UsageError`."""
        return self._row(self.get(job_id))

    def target(self, job: Job) -> Path:
        """Return the file that a job changes. Raises `UsageError` for one that is gone."""
        path = self._facts_of(job).target
        if not path.is_file():
            raise UsageError(
                f"the file of {job.name} is no longer there", "add it again", key="file-gone", values={"name": job.name}
            )
        return path

    def result(self, job_id: str) -> tuple[Path, str]:
        """Return the result of a job that is done, and the name under which it is downloaded. Raises `UsageError`."""
        job = self.get(job_id)
        if job.state != "done" or not Path(job.output).is_file():
            raise UsageError("this file is not finished", "wait until it is", key="not-finished")
        return Path(job.output), self._facts_of(job).title

    def receipt(self, job_id: str) -> tuple[Path, str]:
        """Return the receipt of a result that cannot hold its credentials, and its name. Raises `UsageError`."""
        path, title = self.result(job_id)
        if not receipt_path(path).is_file():
            raise UsageError("this file has no receipt", "its credentials are in the file", key="no-receipt")
        return receipt_path(path), receipt_path(Path(title)).name

    def preview(self, job_id: str) -> bytes | None:
        """Return a small picture of the frame in work, or of a picture that is done; JPEG."""
        job = self.get(job_id)
        if not (job.state == "done" and self._facts_of(job).picture):
            return self._store.preview_of(job.id)
        try:
            image = read_picture(Path(job.output), max_pixels=1 << 28, max_bytes=1 << 31).frame.image
        except MienError:
            return None
        return jpeg(scaled_down(image, _PREVIEW_WIDTH_PIXELS / image.shape[1]), _PREVIEW_QUALITY)

    def remove(self, job_id: str) -> None:
        """Cancel a job that has not ended; forget one that has, with its upload and its result where the studio holds them."""
        job = self.get(job_id)
        if job.state not in ENDED:
            control.cancel(self._store, job.id)
        else:
            control.remove(self._store, job.id)
            self._forget(job)
        self._changed()

    def act(self, job_id: str, action: str) -> None:
        """Pause, resume or retry a job, or move it up or down among those that wait. Raises `UsageError`."""
        job = self.get(job_id)
        if action in _ACTIONS:
            _ACTIONS[action](self._store, job.id)
        elif action in {"up", "down"}:
            self._move(job, up=action == "up")
        else:
            raise UsageError(
                f"unknown action {action!r}", f"use one of: {', '.join((*_ACTIONS, 'up', 'down'))}", key="unknown-choice"
            )
        self._worker.wake.set()
        self._changed()

    def _move(self, job: Job, *, up: bool) -> None:
        queue = [each.id for each in self._store.all("WHERE state IN ('waiting', 'paused')") if self._is_shown(each)]
        if job.id not in queue:
            raise UsageError(
                f"{job.name} does not wait",
                "only files that wait have a place in the queue",
                key="not-waiting",
                values={"name": job.name},
            )
        place = queue.index(job.id) + (-1 if up else 1)
        if 0 <= place < len(queue):
            control.reorder(self._store, [job.id], "before" if up else "after", queue[place])

    def described(self) -> list[dict[str, Any]]:
        """Return the jobs for the page: those that have not ended, and the newest that have."""
        return [self._row(job) for job in self._store.all(_ON_THE_PAGE, (self._shared, _MOST_SHOWN, self._shared, _MOST_SHOWN))]

    def _row(self, job: Job) -> dict[str, Any]:
        facts = self._facts_of(job)
        return {
            "id": str(job.id),
            "name": job.name,
            "kind": job.kind,
            "state": job.state,
            "message": job.message,
            "remedy": job.remedy,
            "code": code_of(job, facts),
            "notes": self._notes_of(job, facts),
            "frames": job.frames,
            "total": job.total,
            "doing": job.doing,
            "picture": facts.picture,
            "receipt": job.state == "done" and receipt_path(Path(job.output)).is_file(),
            "stopping": bool(job.wish),
            "people": job.origin == "studio",
        }

    def _is_shown(self, job: Job) -> bool:
        return job.origin == "studio" or not self._shared

    def _facts_of(self, job: Job) -> JobFacts:
        """Return the lasting facts of a job, read once."""
        with self._lock:
            found = self._facts.get(job.id)
        if found is None:
            found = facts_of(self._store.fields_of(job.id), job)
            with self._lock:
                self._facts[job.id] = found
        return found

    def _notes_of(self, job: Job, facts: JobFacts) -> list[dict[str, Any]]:
        """Return the notes of a job that is done, read once."""
        if job.state != "done":
            return []
        with self._lock:
            found = self._notes.get(job.id)
        if found is None:
            found = notes_of(self._store.report_of(job.id) or {}, job, facts)
            with self._lock:
                self._notes[job.id] = found
        return found

    def _forget(self, job: Job) -> None:
        with self._lock:
            self._facts.pop(job.id, None)
            self._notes.pop(job.id, None)
        folder = Path(job.output).parent
        if job.origin == "studio" and folder.parent == self._folder:
            shutil.rmtree(folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Remove the folders of jobs that are not in the queue any more."""
        known = {Path(job.output).parent for job in self._store.all(_OURS)}
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            if folder not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                self._worker.run(until_empty=False)
            except MienError as error:
                _log.warning("the queue cannot be used: %s", error)
                self._ended.wait(_REST_S)

    def _look(self) -> None:
        """Tell the page when another process has changed the queue."""
        before = -1
        while not self._ended.wait(_LOOK_PERIOD_S):
            try:
                now = self._store.version()
            except MienError:
                continue
            if now != before:
                before = now
                self._changed()


_ACTIONS: Mapping[str, Callable[[JobStore, int], Job]] = {
    "pause": control.pause,
    "resume": control.resume,
    "retry": control.retry,
}


class _Told:
    """Listener of the worker that tells the page."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._next_s = 0.0

    def began(self, job: Job) -> None:
        self._changed()

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _TOLD_PERIOD_S
            self._changed()

    def ended(self, job: Job, done: WorkDone | None) -> None:
        self._changed()


def _suffix(target: Path, name: str) -> str:
    """Return the suffix of the result: the input's own where it can be written, else a usual one."""
    try:
        kind = moving.kind_of(target)
        return moving.suffix_for(target, kind, Path(name).suffix)
    except MienError:
        # The job itself tells what is wrong with the file.
        return ".mp4"


def _shared(file: Path, path: Path) -> Path:
    """Give a file another name, so that each owner may delete its own; a copy where the disk has no links."""
    try:
        os.link(file, path)
    except OSError:
        shutil.copyfile(file, path)
        path.chmod(0o600)
    return path
