"""Film in parts, in a folder: planned once, made part by part anywhere, in any order that the shots allow, and joined.

`plan_film` makes the folder. `run_parts` makes what is missing and joins all: it begins a film, and goes on with one that was
interrupted. `make_parts` makes some parts, as on one machine of several, `join_parts` puts them together. One process, a run
that was killed and went on, and parts that were made apart give the same bytes before the seal.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from mien.assembly import factory, film_plan
from mien.assembly.cast_plan import CastPlan
from mien.assembly.file_swap import FileSwap, Watch, nobody_found, open_reader
from mien.assembly.film_check import check_joined
from mien.assembly.film_parts import PartRecord, PartsFolder, PartsSink
from mien.assembly.film_plan import FilmPlan, FrameDigests, PlannedPart
from mien.assembly.part_lease import PartLease
from mien.batch.export import Export, PartNotes
from mien.batch.film import PartExporter
from mien.batch.film import run_parts as run_stream
from mien.batch.job import JobResult, Progress, no_face_in
from mien.batch.marking import first_mark_id
from mien.errors import Cancelled, NotYet, UnreadableMedia, UsageError
from mien.media.files import moving
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, named_in_errors
from mien.media.files.part_file import again, read_packets
from mien.media.files.picture_encoder import PictureFormat, picture_formats, working_format
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.models.library.store import Store
from mien.provenance.seal import Notary
from mien.swap.parts import Border, PartBorders, WholeFilm, with_borders
from mien.swap.people.roster import film_at
from mien.types import Frame

Report = Callable[[Progress], None]


class _OtherPictures(UsageError):
    """The film gives other pictures than when it was planned."""


@dataclass(frozen=True, slots=True)
class FilmJob:
    """A planned film in its folder; `digest` names the plan."""

    folder: PartsFolder
    plan: FilmPlan
    digest: str

    def about(self, number: int) -> Mapping[str, Any]:
        """Return what the files of a part are bound to."""
        return {"plan": self.digest, "part": number}

    def missing(self) -> tuple[int, ...]:
        """Return the numbers of the parts that are not made yet."""
        return tuple(number for number in range(1, len(self.plan.parts) + 1) if self.record(number) is None)

    def record(self, number: int) -> PartRecord | None:
        """Return the record of a finished part, None where it is not made. Raises `UsageError` for one of another plan."""
        return self.folder.record(number, self.digest, self.plan.parts[number - 1].frames)


def plan_film(
    swap: FileSwap, output: Path, folder: Path, report: Report = lambda _: None, cancel: Event | None = None
) -> FilmJob:  # fmt: skip
    """Plan the swap of a video into an output of this name, in a new `folder`; decodes all of the film once.

    Raises a `MienError`; then there is no folder.
    """
    if swap.kind is not Kind.VIDEO:
        raise UsageError(f"{swap.target.name} is a picture or an animation: only videos are made in parts", "use mien swap")
    if swap.settings.encoder == "hardware":
        raise UsageError("hardware encoders do not give the same bytes everywhere", "leave out --encoder hardware")
    place = PartsFolder(folder)
    film = film_at(swap.target.absolute(), 0.0)
    models = film_plan.model_digests(swap.settings, Store())
    with swap.open_reader(output) as reader, place.created():
        assert isinstance(reader, VideoReader)
        form = working_format(picture_formats(reader.info, output, swap.settings))
        if reader.info.alpha:
            raise UsageError(f"{swap.target.name} is transparent: it cannot be made in parts", "use mien swap")
        cast = film_plan.cast_bytes(swap.worn)
        plan = FilmPlan(
            film=film.path,
            size=film.size,
            samples=film.digest,
            start_s=swap.start_s,
            end_s=swap.end_s,
            output=output.name,
            encoder=form.encoder.name,
            settings=swap.settings,
            mark_id=first_mark_id(swap.windows()) if swap.mark_id is None else swap.mark_id,
            secret=secrets.randbits(film_plan.SECRET_BITS) if swap.secret is None else swap.secret,
            cast=film_plan.digest_of(cast),
            models=models,
            consents=swap.consents,
            parts=tuple(_parts(reader, form, report, cancel)),
        )
        content = film_plan.as_bytes(plan)
        place.write(film_plan.CAST, cast)
        place.write(film_plan.PLAN, content)
    return open_job(folder)


def open_job(folder: Path) -> FilmJob:
    """Open a planned film. Raises `UsageError` when there is none, or it is of another version or damaged."""
    content = film_plan.read_limited(folder / film_plan.PLAN, film_plan.LIMITS.plan_bytes)
    try:
        plan = film_plan.plan_of(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{folder / film_plan.PLAN} cannot be used: {error}", "make the plan again: mien plan") from error
    return FilmJob(PartsFolder(folder), plan, film_plan.digest_of(content))


def make_parts(
    job: FilmJob, first: int, last: int, report: Report = lambda _: None, cancel: Event | None = None,
    watch: Watch | None = None,
) -> None:  # fmt: skip
    """Make the parts from `first` to `last`, one after the other; a part that is made already is kept.

    Raises `NotYet` when the part before is missing and the first one is not fresh, or while another process makes one of
    them; a `UsageError` when the film has changed, a `ModelError` without the models of the plan, and whatever swapping raises.
    Every part that was finished before an error stays.
    """
    if not 1 <= first <= last <= len(job.plan.parts):
        raise UsageError(f"the film has parts 1 to {len(job.plan.parts)}", "name one of them")
    seek = True
    while True:
        while first <= last and job.record(first) is not None:
            first += 1
        if first > last:
            return
        film_plan.check_models(job.plan, Store())
        target = film_plan.check_film(job.plan)
        states = None if job.plan.parts[first - 1].fresh else _states(job, first)
        opened = _Opened(job, target, _cast(job), factory.open_models(job.plan.settings, Store()), first, last, watch)
        try:
            opened.make(states, report, cancel, seek=seek)
        except _OtherPictures:
            # A file whose key frames are no clean beginnings has to be read from its start.
            if first == 1 or not seek:
                raise
            seek = False


def join_parts(job: FilmJob, notary: Notary, output: OutputFile, *, keep: bool = False) -> tuple[JobResult, tuple[str, ...]]:
    """Join all parts into `output`, which is not entered yet, seal it and commit it; return the result and warnings.

    Then the folder goes, unless `keep`. Raises `NotYet` while parts are missing, and a `MienError` when a part is damaged, was
    refused, or when no part has a face; then nothing is written, and the folder stays.
    """
    start = time.monotonic()
    output.check()
    if missing := job.missing():
        words = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
        raise NotYet(f"part {missing[0]}{words} not made yet", f"make it first: mien part JOB {missing[0]}")
    records = [record for number in range(1, len(job.plan.parts) + 1) if (record := job.record(number)) is not None]
    plan, target = job.plan, film_plan.check_film(job.plan)
    if Path(plan.output).suffix.lower() != output.path.suffix.lower():
        suffix = Path(plan.output).suffix
        raise UsageError(f"the film was planned as a {suffix} file", f"end the name of the output in {suffix}")
    _check_consents(job, notary)
    frames, with_faces, swapped = (sum(values) for values in zip(*(record.counts for record in records), strict=True))
    worn = [(name, sum(dict(record.worn).get(name, 0) for record in records)) for name, _ in records[0].worn]
    if not with_faces:
        found = any(record.found for record in records) and worn
        raise nobody_found([name for name, _ in worn], target.name) if found else no_face_in(frames)
    with open_reader(target, output.path, plan.settings, plan.start_s, plan.end_s) as reader, output:
        assert isinstance(reader, VideoReader)
        exporter = _export(job, target, reader, notary)
        with VideoWriter(reader, output, plan.settings, plan.settings.engine, encoder=plan.encoder) as writer:
            for number, record in enumerate(records, 1):
                writer.check_head(bytes.fromhex(record.head))
                writer.take(read_packets(job.folder.packets(number), job.about(number), record.sha256))
                exporter.take(PartNotes(record.fingerprints, record.mark_ids, record.scores))
            writer.finish()
        with named_in_errors(output.temporary, str(output.path)):
            check_joined(output.temporary, output.path.name, plan.frames, plan.settings)
            sealed = exporter.seal(output)
        output.commit()
    notes = (*writer.warnings, *sealed, *(() if keep else job.folder.remove()))
    return JobResult(frames, with_faces, swapped, time.monotonic() - start, notes, tuple(worn)), notes


def run_parts(
    folder: Path,
    notary: Notary,
    output: OutputFile,
    report: Report = lambda _: None,
    cancel: Event | None = None,
    *,
    keep: bool = False,
    watch: Watch | None = None,
) -> tuple[JobResult, tuple[str, ...]]:
    """Make what is missing of the film that was planned in `folder`, join all into `output`, and return result and warnings.

    `report` is called with the frames of the whole film that are done. After an error, `Cancelled` or a killed process, the
    same call goes on where it ended: at most the part that was being made is made again. `watch` is put around the exporter
    of the parts. Raises as `make_parts` and `join_parts`.
    """
    job = open_job(folder)
    output.check()
    for first, last in _runs(job.missing()):
        done = sum(part.frames for number, part in enumerate(job.plan.parts, 1) if number < first)
        faces = sum(record.counts[1] for number in range(1, first) if (record := job.record(number)) is not None)
        make_parts(job, first, last, partial(_report_moved, report, done, faces, job.plan.frames), cancel, watch)
    if cancel is not None and cancel.is_set():
        raise Cancelled("stopped before the parts were joined")
    return join_parts(job, notary, output, keep=keep)


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

    def make(self, states: tuple[bytes, bytes] | None, report: Report, cancel: Event | None, *, seek: bool) -> None:
        """Make the parts, unless the first one was made meanwhile.

        Raises `_OtherPictures` where the film gives others than those that were planned.
        """
        job, plan = self.job, self.job.plan
        with ExitStack() as stack:
            # Before any work, and before the film is opened: two processes may begin at once.
            lease = stack.enter_context(PartLease(job.folder.lease(self.first)))
            if job.record(self.first) is not None:
                return
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
            sink = stack.enter_context(PartsSink(job.folder, job.digest, _format(job, reader), self.first, lease))
            exporter: PartExporter = _export(job, self.target, reader, None)
            exporter = exporter if self.watch is None else self.watch(exporter)
            items = self._items(reader, seek=seek)
            run_stream(
                items, reader.info.time_base, pipeline, exporter, sink,
                lambda frames, faces: report(Progress(frames, plan.frames, faces)), cancel, last=self.last, about=job.about,
            )  # fmt: skip

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


def _parts(reader: VideoReader, form: PictureFormat, report: Report, cancel: Event | None) -> Iterator[PlannedPart]:
    """Yield the parts of a film, whose frames are all decoded."""
    total = reader.info.frame_count
    border: Border | None = None
    seen, frames = FrameDigests(), 0
    for item in with_borders(iter(reader.read, None), PartBorders() if form.can_be_cut else WholeFilm()):
        if isinstance(item, Border):
            if border is not None:
                yield PlannedPart(border.pts, border.fresh, seen.frames, seen.first, seen.digest)
            border, seen = item, FrameDigests()
            continue
        seen.see(item)
        frames += 1
        report(Progress(frames, total, 0))
        if cancel is not None and cancel.is_set():
            raise Cancelled(f"stopped after {frames} frames; nothing was planned")
    if border is not None:
        yield PlannedPart(border.pts, border.fresh, seen.frames, seen.first, seen.digest)


def _format(job: FilmJob, reader: VideoReader) -> PictureFormat:
    formats = picture_formats(reader.info, Path(job.plan.output), job.plan.settings)
    found = [each for each in formats if each.encoder.name == job.plan.encoder]
    if not found:
        raise UsageError(f"the encoder {job.plan.encoder} of the plan is not here", "use the same version of mien")
    return found[0]


def _export(job: FilmJob, target: Path, reader: VideoReader, notary: Notary | None) -> Export:
    plan = job.plan
    strength = moving.mark_strength(Kind.VIDEO, Path(plan.output), plan.settings, reader.info.content)
    check = factory.open_content_check(Store())
    return Export(
        target, (), plan.settings, plan.consents, check, notary, "video", strength=strength, mark_id=plan.mark_id
    )  # fmt: skip


def _cast(job: FilmJob) -> CastPlan:
    content = film_plan.read_limited(job.folder.path / film_plan.CAST, film_plan.LIMITS.cast_bytes)
    if film_plan.digest_of(content) != job.plan.cast:
        raise UsageError(f"{job.folder.path / film_plan.CAST} has changed since the film was planned", "plan again")
    try:
        return film_plan.cast_of(content)
    except ValueError as error:
        raise UsageError(f"{job.folder.path / film_plan.CAST} cannot be used: {error}", "plan again") from error


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
    path = job.folder.state(number)
    try:
        yield
    except ValueError as error:
        raise UnreadableMedia(f"{path} cannot be used: {error}", again(path)) from error


def _check_consents(job: FilmJob, notary: Notary) -> None:
    """Raise `UsageError` unless each face of the cast has a consent of the plan on this machine that holds."""
    known = {consent.id for consent in job.plan.consents}
    for source in _cast(job).sources:
        found = notary.consents.find(source)
        if found is None or found.id not in known:
            raise UsageError(
                "the consent for a face of this film is not recorded on this machine, or was revoked",
                "join the parts where the film was planned",
            )


def _runs(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and the last of each row of numbers without a gap."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def _report_moved(report: Report, frames: int, faces: int, total: int, step: Progress) -> None:
    """Report the progress of a run that began after some frames of the film."""
    report(replace(step, frames=step.frames + frames, total=total, frames_with_faces=step.frames_with_faces + faces))
