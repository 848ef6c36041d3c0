"""Making of some parts of a planned film, one after the other, by the process that calls."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from mien.assembly import factory, film_plan
from mien.assembly.cast_plan import CastPlan
from mien.assembly.file_swap import Watch, open_reader
from mien.assembly.film_parts import PartsSink
from mien.assembly.film_plan import FrameDigests
from mien.assembly.film_planned import FilmJob, cast_of_job, export_of
from mien.batch.export import PartExporter
from mien.batch.film import run_parts as run_stream
from mien.batch.job import Progress
from mien.batch.worker import queued_frames
from mien.errors import MienError, NotYet, UnreadableMedia, UsageError
from mien.media.files.part_file import again
from mien.media.files.picture_encoder import PictureFormat, picture_formats
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.swap.parts import Border
from mien.types import Frame

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class MakingTuning:
    """Time between two looks whether somebody else has made the part in work: a look may be a request over the network."""

    look_period_s: float = 2.0


TUNING = MakingTuning()


class _OtherPictures(UsageError):
    """The film gives other pictures than when it was planned."""


class _MadeElsewhere(MienError):
    """Another process has made the part in work."""


def make_parts(
    job: FilmJob, first: int, last: int, report: Report = lambda _: None, cancel: Event | None = None,
    watch: Watch | None = None, *, second: bool = False,
) -> None:  # fmt: skip
    """Make the parts from `first` to `last`, one after the other; a part that is made already is kept.

    A part that another process hands in meanwhile is left to it. With `second`, parts that one other process makes just now are
    made as well: the first result counts. Every part that was finished before an error stays.

    Raises `NotYet` when the part before is missing and the first one is not fresh, or while another process makes one of
    them; a `UsageError` when the film has changed, a `ModelError` without the models of the plan, and whatever swapping raises.
    """
    if not 1 <= first <= last <= len(job.plan.parts):
        raise UsageError(f"the film has parts 1 to {len(job.plan.parts)}", "name one of them")
    seek, skipped = True, 0
    while True:
        while first <= last and job.record(first) is not None:
            skipped += job.plan.parts[first - 1].frames
            first += 1
        if first > last:
            return
        film_plan.check_models(job.plan, Store())
        target = film_plan.check_film(job.plan)
        states = None if job.plan.parts[first - 1].fresh else _states(job, first)
        models = factory.open_models(job.plan.settings, Store())
        opened = _Opened(job, target, cast_of_job(job), models, first, last, watch, second)
        try:
            opened.make(states, _moved(report, skipped), cancel, seek=seek)
        except _MadeElsewhere:
            continue
        except _OtherPictures:
            # A file whose key frames are no clean beginnings has to be read from its start.
            if first == 1 or not seek:
                raise
            seek = False


@dataclass(frozen=True, slots=True)
class _Opened:
    """Some parts of a film, about to be made in one run."""

    job: FilmJob
    target: Path
    worn: CastPlan
    models: factory.Models
    first: int
    last: int
    watch: Watch | None = None
    second: bool = False

    def make(self, states: tuple[bytes, bytes] | None, report: Report, cancel: Event | None, *, seek: bool) -> None:
        """Make the parts, unless the first one was made meanwhile.

        Raises `_MadeElsewhere` when another process has made the part in work,
        `_OtherPictures` where the film gives others than those that were planned.
        """
        job, plan = self.job, self.job.plan
        with ExitStack() as stack:
            # Before any work, and before the film is opened: two processes may begin at once.
            lease = stack.enter_context(job.folder.lease(self.first, second=self.second))
            if job.record(self.first) is not None:
                return
            job.folder.forget(self.first)
            reader = stack.enter_context(
                open_reader(self.target, Path(plan.output), plan.settings, plan.start_s, plan.end_s)
            )  # fmt: skip
            assert isinstance(reader, VideoReader)
            pipeline = factory.open_pipeline(
                plan.settings, self.models, self.worn, zero_s=float(reader.info.zero), secret=plan.secret
            )
            if states is not None:
                with _damage_named(job, self.first - 1):
                    pipeline.resume(*states, job.about(self.first))
            sink = stack.enter_context(
                PartsSink(job.folder, job.digest, _format(job, reader), self.first, lease, second=self.second)
            )  # fmt: skip
            exporter: PartExporter = export_of(job, self.target, reader, None)
            exporter = exporter if self.watch is None else self.watch(exporter)
            items = self._items(reader, seek=seek)
            run_stream(
                items, reader.info.time_base, pipeline, exporter, sink,
                self._reporting(report, sink), cancel, last=self.last, about=job.about,
                queued=queued_frames(reader.info.width, reader.info.height),
            )  # fmt: skip

    def _reporting(self, report: Report, sink: PartsSink) -> Callable[[int, int], None]:
        """Return a report of frames and those with faces that looks from time to time whether somebody else was first.

        Then it raises `_MadeElsewhere`.
        """
        looked = time.monotonic()

        def reported(frames: int, faces: int) -> None:
            nonlocal looked
            report(Progress(frames, self.job.plan.frames, faces))
            if time.monotonic() - looked < TUNING.look_period_s:
                return
            looked, number = time.monotonic(), sink.number
            if number is not None and self.job.folder.has_record(number) and sink.number == number:
                raise _MadeElsewhere(f"part {number} was made by another process")

        return reported

    def _items(self, reader: VideoReader, *, seek: bool) -> Iterator[Frame | Border]:
        """Yield the frames from the first part on, each part after its border.

        Raises `_OtherPictures` for frames that are not those of the plan, before the part that they are in can end.
        """
        parts = self.job.plan.parts
        wanted = {part.pts: (number, part) for number, part in enumerate(parts, 1)}
        pts = parts[self.first - 1].pts
        if seek and self.first > 1:
            reader.skip_to(pts)
        current, seen = 0, FrameDigests()
        for frame in iter(reader.read, None):
            if frame.pts < pts:
                continue
            if frame.pts in wanted:
                self._check(current, seen)
                current, part = wanted[frame.pts]
                seen = FrameDigests()
                if current < self.first or film_plan.digest_of(film_plan.sample_of(frame.image)) != part.first:
                    raise _other_pictures(self.target, current)
                yield Border(current, part.pts, part.fresh)
            elif not current:
                raise _other_pictures(self.target, self.first)
            seen.see(frame)
            yield frame
        self._check(current, seen)
        if current != len(parts):
            raise _other_pictures(self.target, current + 1)

    def _check(self, number: int, seen: FrameDigests) -> None:
        part = self.job.plan.parts[number - 1] if number else None
        if part is not None and (seen.frames, seen.digest) != (part.frames, part.digest):
            raise _other_pictures(self.target, number)


def _other_pictures(target: Path, number: int) -> _OtherPictures:
    return _OtherPictures(
        f"{target.name} gives other pictures in part {number} than where it was planned",
        "use the same version of mien and of its libraries, and the same film, or plan again",
    )


def _moved(report: Report, frames: int) -> Report:
    """Return a report of a run before which these frames were there."""
    return lambda step: report(replace(step, frames=step.frames + frames))


def _format(job: FilmJob, reader: VideoReader) -> PictureFormat:
    formats = picture_formats(reader.info, Path(job.plan.output), job.plan.settings)
    found = [each for each in formats if each.encoder.name == job.plan.encoder]
    if not found:
        raise UsageError(f"the encoder {job.plan.encoder} of the plan is not here", "use the same version of mien")
    return found[0]


def _states(job: FilmJob, number: int) -> tuple[bytes, bytes]:
    """Return what a part that is not fresh begins with. Raises `NotYet` when the part before it is not made."""
    record = job.record(number - 1)
    if record is None:
        raise NotYet(
            f"part {number} goes on within a shot, and part {number - 1} is not made yet",
            f"make that first: mien part JOB {number - 1}",
        )
    return job.folder.states(number - 1, record)


@contextmanager
def _damage_named(job: FilmJob, number: int) -> Iterator[None]:
    """Name the file of the state whose bytes cannot be used."""
    try:
        yield
    except ValueError as error:
        record = job.record(number)
        name = str(number) if record is None else job.folder.state_name(number, record)
        raise UnreadableMedia(f"{name} cannot be used: {error}", again(Path(name))) from error
