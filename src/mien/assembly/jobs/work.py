"""Work of one job: the spec is checked against the files and the statements of consent, and carried out."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mien.assembly import registry
from mien.assembly.cast_plan import CastPlan
from mien.assembly.file_hiding import Reporting
from mien.assembly.file_swap import FileSwap
from mien.assembly.hiding_work import HidingListener, HidingOrder, hide, report_path, settings_without_traces
from mien.assembly.idle_settings import idle_notes
from mien.assembly.jobs.films import can_resume, swap_in_parts
from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.watcher import WatchedExport, Watcher, is_sealed
from mien.batch.job import JobResult
from mien.batch.queue.spec import FaceSpec, HidingSpec, JobSpec, SwapSpec
from mien.errors import UsageError
from mien.media.files import moving
from mien.media.files.conversion import conversion_notes
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.receipt import receipt_path
from mien.provenance.consent import Consent
from mien.types import Note, SourceFace


@dataclass(frozen=True, slots=True)
class WorkDone:
    """Result of a job; `facts` are further entries of its report."""

    outputs: tuple[Path, ...]
    frames: int = 0
    frames_with_faces: int = 0
    faces: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def do_job(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
    """Do the job and return what came of it. `sealed` names the result of an earlier attempt.

    Raises a `MienError`: `ChangedInput` or `UnreadableMedia` for a file that is not as it was, `UsageError` for a statement
    of consent that does not hold any more, `Cancelled` soon after the watcher's `cancel` is set.
    """
    ours = sealed is not None and is_sealed(spec.output, sealed)
    if ours and (spec.kind == "swap" or report_path(spec.output).is_file()):
        # The program ended between the name of the output and the note that it is there.
        return WorkDone(_written(spec.output), notes=(Note.of("earlier-attempt", "it was finished by an earlier attempt"),))
    for each in spec.inputs:
        each.check()
    if not spec.output.parent.is_dir():
        _make_folder(spec.output.parent)
    with parts.trust.temporaries.cleaned():
        if isinstance(spec.work, SwapSpec):
            return _swap(spec, spec.work, parts, watcher)
        return _hide(spec, spec.work, parts, watcher, overwrite=spec.overwrite or ours)


def _make_folder(folder: Path) -> None:
    """Make the folder of the output, but not the one around it, which may be on a disk that is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(error, folder) from error


def _swap(spec: JobSpec, work: SwapSpec, parts: SharedParts, watcher: Watcher) -> WorkDone:
    settings, models = spec.settings, parts.models(spec.settings)
    registry.check_names(settings, models.sessions)
    faces = [parts.face(each, settings) for each in work.faces]
    consents = {each.id: each for each in map(_consented, work.faces, faces, [parts] * len(faces))}
    kind = moving.kind_of(spec.target.path)
    output = OutputFile(
        spec.output,
        overwrite=spec.overwrite,
        inputs=tuple(each.path for each in spec.inputs),
        journal=parts.trust.temporaries,
    )
    output.check()
    file_swap = FileSwap(
        spec.target.path, kind, _plan(work, faces), tuple(consents.values()), settings, models, parts.trust.notary,
        start_s=spec.start_s, end_s=spec.end_s, title=spec.title, target_title=spec.target_title,
        watch=lambda exporter: WatchedExport(exporter, watcher, shows=kind is not Kind.PICTURE),
    )  # fmt: skip
    notes: Iterable[str]
    if kind is Kind.PICTURE:
        picture = file_swap.read_picture()
        result, notes = file_swap.swap_picture(picture, output), picture.notes
    else:
        with file_swap.open_reader(output.path) as reader:
            notes = conversion_notes(reader.info)
            in_parts = can_resume(kind, reader, settings)
            reporting = nullcontext(lambda progress: watcher.progress("swapping", progress))
            if not in_parts:
                result = file_swap.swap_moving(reader, output, reporting, watcher.cancel)
        if in_parts:
            show = partial(WatchedExport, watcher=watcher, shows=True)
            result = swap_in_parts(file_swap, output, watcher.folder, watcher, show)
    facts = {"worn": dict(result.worn)} if result.worn else {}
    idle = idle_notes(settings, faces)
    return _done(spec.output, result, (*notes, *idle, *registry.notes(settings, models.sessions)), facts)


def _plan(work: SwapSpec, faces: list[SourceFace]) -> CastPlan:
    members = tuple((each.person, faces[each.wears] if isinstance(each.wears, int) else each.wears) for each in work.members)
    return CastPlan(None if work.everyone is None else faces[work.everyone], work.choice, work.others, members)


def _consented(spec: FaceSpec, source: SourceFace, parts: SharedParts) -> Consent:
    """Return the statement that holds for a face now. Raises `UsageError` when there is none any more."""
    consents = parts.trust.consents
    found = consents.find(source)
    if found is not None:
        return found
    for each in consents.all():
        if each.id == spec.consent:
            consents.check(each)
    raise UsageError(f"no consent for {spec.name} is recorded any more", "add the job again, with --consent")


def _hide(spec: JobSpec, work: HidingSpec, parts: SharedParts, watcher: Watcher, *, overwrite: bool) -> WorkDone:
    order = HidingOrder(
        spec.target.path, moving.kind_of(spec.target.path), spec.output, spec.settings,
        tuple(each.path for each in spec.inputs), work.style, overwrite, work.keep, work.sound, work.review, work.decisions,
        work.write_if_none, spec.start_s, spec.end_s,
    )  # fmt: skip
    notes: list[str] = []

    def reporting(doing: str) -> Reporting:
        return nullcontext(lambda progress: watcher.progress(doing, progress))

    for name in (order.output, order.report):
        OutputFile(name, overwrite=order.overwrite, inputs=order.inputs).check()
    listener = HidingListener(
        notes.extend,
        reporting,
        lambda exporter: WatchedExport(exporter, watcher, shows=order.kind is not Kind.PICTURE),
        watcher.cancel,
    )
    hiding = parts.hiding(work.style, settings_without_traces(spec.settings, work.sound))
    done = hide(order, hiding, listener)
    more = (order.report, *(() if done.page is None else (done.page,)))
    return _done(spec.output, done.result, (*notes, *done.notes), {"hidden": done.findings.facts}, more)


def _done(
    output: Path, result: JobResult, notes: tuple[str, ...], facts: dict[str, Any], more: tuple[Path, ...] = ()
) -> WorkDone:
    return WorkDone(
        (*_written(output), *more),
        result.frames,
        result.frames_with_faces,
        result.faces_swapped,
        result.seconds,
        tuple(dict.fromkeys((*notes, *result.warnings))),
        facts,
    )


def _written(output: Path) -> tuple[Path, ...]:
    receipt = receipt_path(output)
    return (output, receipt) if receipt.is_file() else (output,)
