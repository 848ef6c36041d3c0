"""Film in parts: planned once, made part by part anywhere, in any order that the shots allow, and joined.

`plan_film` makes its place, a folder or one in an object store. `run_parts` makes what is missing and joins all: it begins a
film, and goes on with one that was interrupted. `make_parts` makes some parts, as on one machine of several, `join_parts` puts
them together. One process, a run that was killed and went on, and parts that were made apart give the same bytes before the
seal.
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from mien.assembly import film_plan
from mien.assembly.file_swap import FileSwap, Watch, nobody_found, open_reader
from mien.assembly.film_check import check_joined
from mien.assembly.film_making import Report, make_parts
from mien.assembly.film_plan import FilmPlan, FrameDigests, PlannedPart
from mien.assembly.film_planned import FilmJob, cast_of_job, export_of, open_job
from mien.assembly.job_places import store_of
from mien.assembly.job_store import Address
from mien.batch.export import PartNotes
from mien.batch.job import JobResult, Progress, no_face_in
from mien.batch.marking import first_mark_id
from mien.errors import Cancelled, NotYet, UsageError
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, named_in_errors
from mien.media.files.part_file import read_packets
from mien.media.files.picture_encoder import PictureFormat, picture_formats, working_format
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.models.library.store import Store
from mien.provenance.seal import Notary
from mien.swap.parts import Border, PartBorders, WholeFilm, with_borders
from mien.swap.people.roster import film_at

__all__ = ["FilmJob", "Report", "join_parts", "make_parts", "open_job", "plan_film", "run_parts"]


def plan_film(
    swap: FileSwap, output: Path, place: Address, report: Report = lambda _: None, cancel: Event | None = None
) -> FilmJob:  # fmt: skip
    """Plan the swap of a video into an output of this name, in a new `place`; decodes all of the film once.

    Raises a `MienError`; then there is no such place.
    """
    if swap.kind is not Kind.VIDEO:
        raise UsageError(f"{swap.target.name} is a picture or an animation: only videos are made in parts", "use mien swap")
    if swap.settings.encoder == "hardware":
        raise UsageError("hardware encoders do not give the same bytes everywhere", "leave out --encoder hardware")
    store = store_of(place)
    film = film_at(swap.target.absolute(), 0.0)
    models = film_plan.model_digests(swap.settings, Store())
    with swap.open_reader(output) as reader, store.created():
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
        store.write(film_plan.CAST, cast)
        store.write(film_plan.PLAN, content)
    return open_job(place)


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
        exporter = export_of(job, target, reader, notary)
        with VideoWriter(reader, output, plan.settings, plan.settings.engine, encoder=plan.encoder) as writer:
            for number, record in enumerate(records, 1):
                writer.check_head(bytes.fromhex(record.head))
                with job.folder.packets(number, record) as packets:
                    writer.take(read_packets(packets, job.about(number), record.sha256))
                exporter.take(PartNotes(record.fingerprints, record.mark_ids, record.scores))
            writer.finish()
        with named_in_errors(output.temporary, str(output.path)):
            check_joined(output.temporary, output.path.name, plan.frames, plan.settings)
            sealed = exporter.seal(output)
        output.commit()
    notes = (*writer.warnings, *sealed, *(() if keep else job.folder.remove()))
    return JobResult(frames, with_faces, swapped, time.monotonic() - start, notes, tuple(worn)), notes


def run_parts(
    place: Address,
    notary: Notary,
    output: OutputFile,
    report: Report = lambda _: None,
    cancel: Event | None = None,
    *,
    keep: bool = False,
    watch: Watch | None = None,
) -> tuple[JobResult, tuple[str, ...]]:
    """Make what is missing of the film that was planned at `place`, join all into `output`, and return result and warnings.

    `report` is called with the frames of the whole film that are done. After an error, `Cancelled` or a killed process, the
    same call goes on where it ended: at most the part that was being made is made again. `watch` is put around the exporter
    of the parts. Raises as `make_parts` and `join_parts`.
    """
    job = open_job(place)
    output.check()
    for first, last in _runs(job.missing()):
        done = sum(part.frames for number, part in enumerate(job.plan.parts, 1) if number < first)
        faces = sum(record.counts[1] for number in range(1, first) if (record := job.record(number)) is not None)
        make_parts(job, first, last, partial(_report_moved, report, done, faces, job.plan.frames), cancel, watch)
    if cancel is not None and cancel.is_set():
        raise Cancelled("stopped before the parts were joined")
    return join_parts(job, notary, output, keep=keep)


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


def _check_consents(job: FilmJob, notary: Notary) -> None:
    """Raise `UsageError` unless each face of the cast has a consent of the plan on this machine that holds."""
    known = {consent.id for consent in job.plan.consents}
    for source in cast_of_job(job).sources:
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
