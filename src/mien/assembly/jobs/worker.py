"""Worker: takes jobs from the queue one by one, does them, and records what came of each."""

import contextlib
import errno
import platform
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import cv2

from mien import __version__
from mien.assembly.file_hiding import file_hash
from mien.assembly.jobs.holding import Holding
from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.watcher import Watcher
from mien.assembly.jobs.work import WorkDone, do_job
from mien.batch.job import Progress
from mien.batch.queue import spec as specs
from mien.batch.queue.job import Claimed, Job, parts_folder
from mien.batch.queue.spec import JobSpec, SwapSpec
from mien.batch.queue.store import JobStore, LostJob
from mien.errors import Cancelled, DiskFull, MienError, OutputError
from mien.media.files.output_file import named_in_errors
from mien.types import LabelledFrame, Note

_POLL_S = 1.0  # until a worker sees a job that another process added
_RECORD_PERIOD_S = 1.0  # of the progress; a page cannot show much more, and each one is written to the disk
_PREVIEW_WIDTH_PIXELS = 640  # chosen, sharp in the column of the page
_PREVIEW_QUALITY = 85  # of the JPEG; chosen by eye, 30 kB
_FULL = {errno.ENOSPC, errno.EDQUOT}
DoJob = Callable[[JobSpec, str | None, SharedParts, Watcher], WorkDone]
"""Does one job; `do_job` is the one that does."""


class WorkListener(Protocol):
    """Receiver of what a worker does, in the worker's thread."""

    def began(self, job: Job) -> None:
        """A job begins."""
        ...

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        """A frame of a job is done."""
        ...

    def ended(self, job: Job, done: WorkDone | None) -> None:
        """A job is in the state that it has now; `done` is set when it was done by this worker."""
        ...


@dataclass(slots=True)
class Tally:
    """Jobs of one worker by their ends; `exit_code` is that of the first one that failed."""

    done: int = 0
    failed: int = 0
    paused: int = 0
    cancelled: int = 0
    exit_code: int = 0


class JobWorker:
    """Does jobs until it is stopped, or until nothing waits. One thread calls `run`; `stop` may be set from any."""

    def __init__(self, store: JobStore, parts: SharedParts, listener: WorkListener, do: DoJob = do_job) -> None:
        self.stop = threading.Event()
        self.wake = threading.Event()
        """Set to have the queue looked at without waiting."""
        self.tally = Tally()
        self._store = store
        self._parts = parts
        self._listener = listener
        self._do_job = do
        self._owner = store.new_owner()

    def run(self, *, until_empty: bool) -> Tally:
        """Do jobs; with `until_empty`, until nothing waits. Raises `OutputError` when the queue cannot be used.

        Ctrl-C lets the running job wait again.
        """
        # A run that ended because the queue could not be written may have left one in hand.
        self._store.release_all(self._owner)
        self._tidy()
        while not self.stop.is_set():
            claimed = self._store.claim(self._owner)
            if claimed is not None:
                self._do(claimed)
            elif until_empty and not self._store.doubts:
                break
            else:
                self.wake.wait(_POLL_S)
                self.wake.clear()
        return self.tally

    def _tidy(self) -> None:
        """Remove what jobs would go on with that do not go on."""
        folder = parts_folder(self._store.folder)
        if folder.is_dir():
            # Looked at first: a job that another process begins meanwhile is in the queue before it is there.
            found = list(folder.iterdir())
            kept = {str(job.id) for job in self._store.all("WHERE state IN ('waiting', 'running', 'paused')")}
            for each in found:
                if each.name not in kept:
                    shutil.rmtree(each, ignore_errors=True)

    def _do(self, claimed: Claimed) -> None:
        job = claimed.job
        self._listener.began(job)
        done: WorkDone | None = None
        try:
            with self._released_when_interrupted(job):
                done = self._attempt(claimed)
        except LostJob:
            # Somebody else decides about it now.
            return
        finally:
            with contextlib.suppress(MienError):
                self._listener.ended(self._store.get(job.id), done)

    @contextlib.contextmanager
    def _released_when_interrupted(self, job: Job) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            self.stop.set()
            with contextlib.suppress(MienError):
                self._store.release(job.id, self._owner)
            raise

    def _attempt(self, claimed: Claimed) -> WorkDone | None:
        """Do a job and record its end. Raises `LostJob`."""
        job, owner = claimed.job, self._owner
        with Holding(self._store, job.id, owner, self.stop) as holding:
            watcher = _Recorder(self._store, job, owner, holding.cancel, self._listener)
            try:
                spec = specs.read(claimed.spec)
                with named_in_errors(spec.target.path, spec.target_title or str(spec.target.path)):
                    done = self._do_job(spec, claimed.sealed, self._parts, watcher)
                frames = done.frames or watcher.last.frames
                report = report_of(job, spec, done, self._store.clock.wall())
                self._store.finish(job.id, owner, report, "; ".join(done.notes), frames, frames)
            except Cancelled:
                self._stopped(job, holding)
                return None
            except LostJob:
                raise
            except MienError as error:
                self._failed(job, error)
                return None
            except Exception as error:  # noqa: BLE001 - border of a job: one file must not end the others
                self._failed(job, OutputError(f"the file could not be done: {error!r}", "try it alone with mien swap"))
                return None
        self.tally.done += 1
        return done

    def _stopped(self, job: Job, holding: Holding) -> None:
        if holding.reason == "cancel":
            shutil.rmtree(parts_folder(self._store.folder, job.id), ignore_errors=True)
            self._store.cancelled(job.id, self._owner)
            self.tally.cancelled += 1
        elif holding.reason == "pause":
            self._store.paused(job.id, self._owner)
            self.tally.paused += 1
        else:
            self._store.release(job.id, self._owner)

    def _failed(self, job: Job, error: MienError) -> None:
        if is_full(error):
            full = DiskFull(str(error), f"free some space, then: mien jobs resume {job.id}")
            self._store.paused(job.id, self._owner, full)
            self.tally.paused += 1
        else:
            shutil.rmtree(parts_folder(self._store.folder, job.id), ignore_errors=True)
            self._store.fail(job.id, self._owner, error)
            self.tally.failed += 1
        self.tally.exit_code = self.tally.exit_code or error.exit_code


class _Recorder:
    """Watcher of one job that records its progress in the queue, and a small picture with it."""

    def __init__(
        self, store: JobStore, job: Job, owner: str, cancel: threading.Event, listener: WorkListener
    ) -> None:  # fmt: skip
        self.cancel = cancel
        self.folder = parts_folder(store.folder, job.id)
        self.last = Progress(0, None, 0)
        self._store = store
        self._job = job
        self._owner = owner
        self._listener = listener
        self._next_s = float("-inf")
        self._doing = ""
        self._preview: bytes | None = None
        self._wants_picture = True

    def progress(self, doing: str, progress: Progress) -> None:
        """Record the progress when it is time to, then tell the listener."""
        self.last = progress
        now = self._store.clock.steady()
        if now >= self._next_s or doing != self._doing:
            self._doing, self._next_s = doing, now + _RECORD_PERIOD_S
            self._record(doing, progress)
        self._listener.progressed(self._job, doing, progress)

    def _record(self, doing: str, progress: Progress) -> None:
        preview, self._preview, self._wants_picture = self._preview, None, True
        try:
            self._store.progress(self._job.id, self._owner, doing, progress.frames, progress.total, preview)
        except LostJob:
            raise
        except MienError:
            # What people see of the work is no reason to stop it.
            return

    def labelled(self, frame: LabelledFrame) -> None:
        """Make a small picture when the next record needs one."""
        if self._wants_picture:
            self._wants_picture = False
            self._preview = small_jpeg(frame)

    def sealed(self, sealed: str) -> None:
        """Record the result; raises `LostJob` where the job was taken back: then the output gets no name."""
        self._store.seal(self._job.id, self._owner, sealed)


def small_jpeg(frame: LabelledFrame) -> bytes:
    """Return a small picture of an output frame, JPEG."""
    image = frame.frame.image
    scale = min(1.0, _PREVIEW_WIDTH_PIXELS / image.shape[1])
    size_wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY])[1])


def is_full(error: BaseException | None) -> bool:
    """Return whether an error comes from a disk or a quota that is full."""
    while error is not None:
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return True
        if getattr(error, "errno", None) in _FULL:
            return True
        error = error.__cause__
    return False


def report_of(job: Job, spec: JobSpec, done: WorkDone, ended_at: float) -> dict[str, Any]:
    """Return the report of a job that was done: its inputs, settings and outputs, times and notes."""
    worn = spec.work.faces if isinstance(spec.work, SwapSpec) else ()
    return {
        "version": 1,
        "job": job.id,
        "kind": spec.kind,
        "mien": __version__,
        "machine": platform.node(),
        "attempts": job.attempts,
        "added": _time(job.added_at),
        "started": _time(job.started_at or ended_at),
        "ended": _time(ended_at),
        "seconds": round(done.seconds, 3),
        "part_s": [spec.start_s, spec.end_s],
        "inputs": [
            {"path": str(each.path), "bytes": each.size, "ends_sha256": each.sha256} for each in dict.fromkeys(spec.inputs)
        ],
        "faces": [{"name": each.name, "consent": each.consent} for each in worn],
        "settings": specs.differing(spec.settings),
        "outputs": list(_outputs(done.outputs)),
        "frames": done.frames,
        "frames_with_faces": done.frames_with_faces,
        "faces_swapped": done.faces,
        "notes": list(done.notes),
        "note_keys": [{"key": each.key, "values": each.values} if isinstance(each, Note) else None for each in done.notes],
        **done.facts,
    }


def _outputs(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield {"path": str(path), "bytes": path.stat().st_size, "sha256": file_hash(path)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
