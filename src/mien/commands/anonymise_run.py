"""Run of `mien anonymise`: search each target whole, choose what is covered, write, report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly.file_hiding import Findings
from mien.assembly.hiding_work import (
    HidingListener,
    HidingOrder,
    HidingParts,
    hide,
    open_hiding,
    report_path,
    settings_without_traces,
)
from mien.assembly.kept_faces import cards_named, is_card
from mien.batch.job import JobResult
from mien.commands.progress import shown_progress
from mien.commands.swap_plan import print_notes
from mien.commands.targets import Outputs, each_target
from mien.errors import MienError, UsageError
from mien.media.files import moving
from mien.media.files.encoders import CONTAINERS
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile
from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.system.printable import printable


@dataclass(frozen=True, slots=True)
class HidingRequest:
    """The checked command line; fields as in `mien.commands.swap_request.Request` where they have the same name."""

    targets: tuple[Path, ...]
    output: Path
    into_folder: bool
    skipped: tuple[Path, ...]
    overwrite: bool
    style: str
    keep: tuple[str, ...]
    people: Path | None
    sound: str
    review: Path | None
    decisions: Path | None
    write_if_none: bool
    start_s: float | None
    end_s: float | None
    settings: Settings
    data: Path
    signing: Signing

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All files that are read."""
        kept = (Path(name) for name in self.keep if not is_card(name))
        return (*self.targets, *kept, *([self.decisions] if self.decisions else []))


def run_anonymise(request: HidingRequest, *, quiet: bool, report: Callable[[MienError], None]) -> int:
    """Carry out the request and return the exit code; writes to the error stream only.

    Raises a `MienError` of the whole request, or of its only target. Of several targets, the errors go to `report` and the
    others go on; the exit code is that of the first error.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    outputs = Outputs(request.output, into_folder=request.into_folder, inputs=request.inputs)
    outputs.check()
    print_notes(
        console, (f"{folder} is a folder inside a folder: the files in it are NOT hidden" for folder in request.skipped)
    )
    several = len(request.targets) > 1
    if several and (request.review or request.decisions):
        raise UsageError("a review belongs to one target", "run it for each target that needs one")
    if not several:
        job = order_of(request, request.targets[0], outputs)
    settings = settings_without_traces(request.settings, request.sound)
    parts = open_hiding(request.style, settings, open_trust(request.data, request.signing))
    if not several:
        with outputs:
            _hide(request, parts, job, console, quiet)
        return 0
    return _hide_all(request, parts, outputs, console, quiet, report)


def _hide_all(
    request: HidingRequest,
    parts: HidingParts,
    outputs: Outputs,
    console: Console,
    quiet: bool,
    report: Callable[[MienError], None],
) -> int:
    with outputs:
        done, codes = each_target(
            request.targets, lambda target: _hide(request, parts, order_of(request, target, outputs), console, quiet), report
        )
    if not quiet:
        failed = f", {len(codes)} failed (see above)" if codes else ""
        console.print(f"{done} of {len(request.targets)} files written{failed}")
    return codes[0] if codes else 0


def order_of(request: HidingRequest, target: Path, outputs: Outputs) -> HidingOrder:
    """Return the target with the name of its output after the checks that cost no work."""
    kind = moving.kind_of(target)
    if kind is Kind.PICTURE and (request.start_s is not None or request.end_s is not None):
        raise UsageError(f"{target} is a picture, which has no start and no end", "omit --start and --end")
    path, settings = outputs.path_for(target, kind), settings_without_traces(request.settings, request.sound)
    if kind is Kind.VIDEO and path.suffix.lower() not in CONTAINERS:
        moving.open_moving(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).close()
    moving.check_name(target, kind, path, settings)
    for name in (path, report_path(path)):
        OutputFile(name, overwrite=request.overwrite, inputs=request.inputs).check(folder_is_made=request.into_folder)
    return HidingOrder(
        target, kind, path, request.settings, request.inputs, request.style, request.overwrite,
        cards_named(request.keep, target, request.people), request.sound,
        request.review, request.decisions, request.write_if_none, request.start_s, request.end_s,
    )  # fmt: skip


def _hide(request: HidingRequest, parts: HidingParts, job: HidingOrder, console: Console, quiet: bool) -> None:
    name = job.target.name if len(request.targets) > 1 else ""
    listener = HidingListener(
        notes=lambda notes: print_notes(console, notes),
        reporting=lambda doing: shown_progress(console, name, quiet=quiet, doing=doing),
    )
    with parts.trust.temporaries.cleaned():
        done = hide(job, parts, listener)
    print_notes(console, done.notes)
    if not quiet:
        console.print(escape(printable(_summary(job, done.findings, done.result))))
        if done.page is not None:
            count = len(done.findings.review.moments) if done.findings.review else 0
            console.print(escape(printable(f"{done.page}: {count} moment{'' if count == 1 else 's'} to look at")))


def _about_stand_ins(findings: Findings) -> str:
    found = findings.facts.get("stand_ins")
    if found is None:
        return ""
    people, drawn = found["people"], found["faces_in_frames"]
    worn = [each["distance"] for each in people if each["stand_in"] is not None]
    far = f" at a distance of {min(worn):.2f} or more" if worn else ""
    share = f", on {drawn['with_stand_in']} of {drawn['covered']} covers" if worn else ""
    rest = ", the rest blurred" if len(worn) < len(people) else ""
    return f", stand-ins on {len(worn)} of {len(people)}{far}{share}{rest}"


def counted(faces: int, clear: int) -> str:
    """Return what was covered in words: faces that were seen clearly, and what may be one."""
    sure = f"{clear} face{'' if clear == 1 else 's'}"
    rest = faces - clear
    places = f"{rest} place{' that may be a face' if rest == 1 else 's that may be faces'}"
    return sure if not rest else f"{sure} and {places}" if clear else places


def _summary(job: HidingOrder, findings: Findings, result: JobResult) -> str:
    found = f"{job.output}: {counted(findings.facts['faces'], findings.facts['clear_faces'])} hidden"
    left = findings.facts["left_faces"]
    doubt = f", {left} doubtful look{'' if left == 1 else 's'} left (see --review)" if left else ""
    kept = findings.facts["kept_faces"]
    doubt += f", {kept} of them kept visible where sure" if kept else ""
    doubt += _about_stand_ins(findings)
    if job.kind is Kind.PICTURE:
        return f"{found}{doubt}, labelled, marked and signed"
    rate = result.frames / max(result.seconds, 1e-6)
    frames = f" in {result.frames_with_faces} of {result.frames} frames"
    return f"{found}{frames}{doubt}, labelled, marked and signed; written at {rate:.0f} frames a second"
