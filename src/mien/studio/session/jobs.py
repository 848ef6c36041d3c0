"""File jobs: pictures and videos swapped one after the other, by the same code as `mien swap`."""

import queue
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.file_swap import FileSwap
from mien.batch.export import PartNotes
from mien.batch.film import PartExporter
from mien.batch.job import Progress
from mien.errors import Cancelled, MienError, UsageError
from mien.live.status import Status
from mien.media.files import moving
from mien.media.files.conversion import conversion_notes
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, named_in_errors
from mien.media.files.receipt import receipt_path
from mien.provenance.consent import Consent
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.studio.session.pictures import jpeg, scaled_down
from mien.types import Frame, LabelledFrame, SourceFace

_MAX_JOBS = 40  # bounds disk use: each holds an upload of up to 8 GB
_PREVIEW_WIDTH_PIXELS = 640  # chosen, sharp in the column of the page
_PREVIEW_QUALITY = 95  # of the JPEG; OpenCV's own choice
_PREVIEW_PERIOD_S = 0.4  # each preview costs the job an encoding
JobStatus = Status[Literal["waiting", "running", "done", "failed", "cancelled"]]
_WAITING: JobStatus = Status("waiting")
_CANCELLED: JobStatus = Status("cancelled")


@dataclass(slots=True)
class FileJob:
    """One file, or its part from `start_s` to `end_s`; `result` is set when the state is done.

    `consents` are those for all faces of `worn`.
    """

    id: str
    name: str
    file: Path
    worn: SourceFace | CastPlan
    consents: tuple[Consent, ...]
    settings: Settings
    start_s: float | None = None
    end_s: float | None = None
    status: JobStatus = _WAITING
    frames: int = 0
    total: int | None = None
    kind: Kind = Kind.VIDEO
    preview: bytes | None = None
    result: Path | None = None
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def picture(self) -> bool:
        """Return True for a picture, which has no frames to count."""
        return self.kind is Kind.PICTURE

    @property
    def receipt(self) -> Path | None:
        """Return the receipt: the credentials of a result that cannot hold them."""
        path = receipt_path(self.result) if self.result is not None else None
        return path if path is not None and path.is_file() else None

    def described(self) -> dict[str, Any]:
        """Return the job for the page."""
        values = {name: getattr(self, name) for name in ("id", "name", "frames", "total", "picture")}
        return {**values, **asdict(self.status), "receipt": self.receipt is not None}


class FileJobs:
    """Bounded list of jobs and the one thread that does them."""

    def __init__(self, models: factory.Models, trust: Trust, folder: Path, changed: Callable[[], None]) -> None:
        self._models = models
        self._trust = trust
        self._folder = folder
        self._changed = changed
        self._jobs: dict[str, FileJob] = {}
        self._queue: queue.Queue[FileJob | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="mien-jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel everything and wait for the thread."""
        for each in list(self._jobs.values()):
            each.cancel.set()
        self._queue.put(None)
        self._thread.join()

    def add(
        self,
        file: Path,
        name: str,
        worn: SourceFace | CastPlan,
        consents: tuple[Consent, ...],
        settings: Settings,
        part_s: tuple[float | None, float | None] = (None, None),
    ) -> FileJob:
        """Queue a file of this session, or a part of it; the job owns it from now on. Raises `UsageError`."""
        if len(self._jobs) >= _MAX_JOBS:
            raise UsageError(f"there are already {_MAX_JOBS} files", "remove the finished ones")
        made = FileJob(secrets.token_hex(6), name, file, worn, consents, settings, *part_s)
        self._jobs[made.id] = made
        self._queue.put(made)
        self._changed()
        return made

    def get(self, job_id: str) -> FileJob:
        """Return the job of this id. Raises `UsageError`."""
        if job_id not in self._jobs:
            raise UsageError("there is no such job", "it was removed already")
        return self._jobs[job_id]

    def remove(self, job_id: str) -> None:
        """Cancel a job that waits or runs; forget one that has ended, with its files."""
        found = self.get(job_id)
        if found.status.state in {"waiting", "running"}:
            found.cancel.set()
            if found.status is _WAITING:
                found.status = _CANCELLED
        else:
            del self._jobs[job_id]
            for path in (found.file, found.result, found.receipt):
                if path is not None:
                    path.unlink(missing_ok=True)
        self._changed()

    def described(self) -> list[dict[str, Any]]:
        """Return all jobs for the page."""
        return [each.described() for each in list(self._jobs.values())]

    def _run(self) -> None:
        while (current := self._queue.get()) is not None:
            if current.cancel.is_set():
                current.status = _CANCELLED
                self._changed()
                continue
            current.status = Status("running")
            self._changed()
            try:
                with named_in_errors(current.file, current.name):
                    notes = self._swap(current)
                current.status = Status("done", "; ".join(notes))
            except Cancelled:
                current.status = _CANCELLED
            except MienError as error:
                current.status = Status("failed", str(error), error.remedy)
            except Exception as error:  # noqa: BLE001 - thread border: one file must not end the others
                current.status = Status("failed", f"the file could not be swapped: {error}")
            self._changed()

    def _swap(self, current: FileJob) -> tuple[str, ...]:
        """Swap the file and return what the person has to know of the result. Raises a `MienError`."""
        for consent in current.consents:
            self._trust.consents.check(consent)
        current.kind = moving.kind_of(current.file)
        current.result = result = self._folder / f"{current.id}-result{_suffix(current)}"
        output = OutputFile(result, overwrite=True, inputs=(current.file,))
        file_swap = FileSwap(
            current.file,
            current.kind,
            current.worn,
            current.consents,
            current.settings,
            self._models,
            self._trust.notary,
            start_s=current.start_s,
            end_s=current.end_s,
            title=job_title(current),
            target_title=current.name,
            watch=lambda exporter: _PreviewedExport(current, exporter, self._changed),
        )
        if current.kind is Kind.PICTURE:
            return _swap_picture(current, file_swap, output)
        return _swap_moving(current, file_swap, output)


def _swap_picture(current: FileJob, file_swap: FileSwap, output: OutputFile) -> tuple[str, ...]:
    picture = file_swap.read_picture()
    current.total = 1
    done = file_swap.swap_picture(picture, output)
    current.frames = 1
    return (*picture.notes, *done.warnings)


def _swap_moving(current: FileJob, file_swap: FileSwap, output: OutputFile) -> tuple[str, ...]:
    def report(progress: Progress) -> None:
        current.frames, current.total = progress.frames, progress.total

    with file_swap.open_reader(output.path) as reader:
        current.total = reader.info.frame_count
        done = file_swap.swap_moving(reader, output, nullcontext(report), current.cancel)
        return (*conversion_notes(reader.info), *done.warnings)


class _PreviewedExport:
    """An export that gives the job a small picture of the newest frame."""

    def __init__(self, current: FileJob, export: PartExporter, changed: Callable[[], None]) -> None:
        self._job = current
        self._export = export
        self._changed = changed
        self._next_s = 0.0

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        return self._export.seal(output)

    def begin_part(self) -> None:
        self._export.begin_part()

    def end_part(self) -> PartNotes:
        return self._export.end_part()

    def label(self, frame: Frame) -> LabelledFrame:
        labelled = self._export.label(frame)
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PREVIEW_PERIOD_S
            image = labelled.frame.image
            self._job.preview = jpeg(scaled_down(image, _PREVIEW_WIDTH_PIXELS / image.shape[1]), _PREVIEW_QUALITY)
            self._changed()
        return labelled


def job_title(current: FileJob) -> str:
    """Return the name under which the result is downloaded."""
    return f"{Path(current.name).stem}-mien{_suffix(current)}"


def _suffix(current: FileJob) -> str:
    """Return the suffix of the result: the input's own where it can be written, else a usual one."""
    return moving.suffix_for(current.file, current.kind, Path(current.name).suffix)
