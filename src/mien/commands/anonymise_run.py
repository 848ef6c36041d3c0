"""Run of `mien anonymise`: search each target whole, choose what is covered, write, report."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly import factory
from mien.assembly.chooser import Chooser
from mien.assembly.file_hiding import FileHiding, Findings, private
from mien.assembly.hiding_stand_ins import StandInCasting, StandInParts, open_parts
from mien.batch.job import JobResult
from mien.commands.progress import shown_progress
from mien.commands.swap_plan import print_notes
from mien.commands.targets import Outputs, each_target
from mien.errors import MienError, NoFaceFound, UsageError
from mien.media.files import moving
from mien.media.files.conversion import conversion_notes
from mien.media.files.encoders import CONTAINERS
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.statement import STAND_IN
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.provenance.trust import Signing, Trust, open_trust
from mien.settings import Settings
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_search import FrameSearch
from mien.system.printable import printable
from mien.types import Frame

_VOICES = "voices are kept and not disguised: people can be told by them; --sound drop leaves them out, disguise changes them"
_DISGUISED = "voices are disguised, words, pace and accent are not: who knows the speaker may still tell"
_NOBODY = "nobody of --keep was surely recognised: every face is hidden"
_ANOTHER_FACE = "another face, not anonymity: hair, ears, body, clothes, gait and voice stay, and so do expressions"
_WATCH = "watch all of it before you pass it on: no search finds every face, and only faces are hidden"


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
        return (*self.targets, *map(Path, self.keep), *([self.decisions] if self.decisions else []))

    @property
    def file_settings(self) -> Settings:
        """The settings of the files that are written."""
        if self.sound != "drop":
            return private(self.settings)
        drop = {*self.settings.drop.split(","), "audio"} - {"none"}
        return private(replace(self.settings, drop=",".join(sorted(drop))))


@dataclass(frozen=True, slots=True)
class _Parts:
    search: FrameSearch
    trust: Trust
    stand_ins: StandInParts | None = None


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
        job = _job(request, request.targets[0], outputs)
    stand_ins = open_parts(request.file_settings) if request.style == STAND_IN else None
    parts = _Parts(factory.open_frame_search(Store()), open_trust(request.data, request.signing), stand_ins)
    if not several:
        with outputs:
            _hide(request, parts, job, console, quiet)
        return 0
    return _hide_all(request, parts, outputs, console, quiet, report)


def _hide_all(
    request: HidingRequest, parts: _Parts, outputs: Outputs, console: Console, quiet: bool, report: Callable[[MienError], None]
) -> int:
    with outputs:
        done, codes = each_target(
            request.targets, lambda target: _hide(request, parts, _job(request, target, outputs), console, quiet), report
        )
    if not quiet:
        failed = f", {len(codes)} failed (see above)" if codes else ""
        console.print(f"{done} of {len(request.targets)} files written{failed}")
    return codes[0] if codes else 0


@dataclass(frozen=True, slots=True)
class _Job:
    target: Path
    kind: Kind
    path: Path


def _job(request: HidingRequest, target: Path, outputs: Outputs) -> _Job:
    """Return the target with the name of its output after the checks that cost no work."""
    kind = moving.kind_of(target)
    if kind is Kind.PICTURE and (request.start_s is not None or request.end_s is not None):
        raise UsageError(f"{target} is a picture, which has no start and no end", "omit --start and --end")
    path, settings = outputs.path_for(target, kind), request.file_settings
    if kind is Kind.VIDEO and path.suffix.lower() not in CONTAINERS:
        moving.open_moving(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).close()
    moving.check_name(target, kind, path, settings)
    for name in (path, _report_path(path)):
        OutputFile(name, overwrite=request.overwrite, inputs=request.inputs).check(folder_is_made=request.into_folder)
    return _Job(target, kind, path)


def _hide(request: HidingRequest, parts: _Parts, job: _Job, console: Console, quiet: bool) -> None:
    hiding = FileHiding(
        job.target, job.kind, request.style, request.file_settings, parts.search, parts.trust.notary,
        start_s=request.start_s, end_s=request.end_s, disguise=request.sound == "disguise",
    )  # fmt: skip
    temporaries = parts.trust.temporaries
    output = OutputFile(job.path, overwrite=request.overwrite, inputs=request.inputs, journal=temporaries)
    name = job.target.name if len(request.targets) > 1 else ""
    chooser = Chooser(
        job.target, request.start_s, request.end_s, request.keep, request.decisions, request.review, request.settings
    )
    sounds = False
    casting = None if parts.stand_ins is None else StandInCasting(parts.stand_ins, job.kind is Kind.PICTURE)
    consents = parts.trust.consents

    def watch(frame: Frame, paths: list[FacePath]) -> None:
        chooser.watch(frame, paths)
        if casting is not None:
            casting.watch(frame, paths)

    with temporaries.cleaned():
        if job.kind is Kind.PICTURE:
            picture = hiding.read_picture()
            print_notes(console, picture.notes)
            height, width = picture.frame.image.shape[:2]
            findings = chooser.choose(hiding.search_picture(picture, watch), (width, height))
            _check_faces(request, job, findings)
            if casting is not None:
                findings = casting.decide(findings, [picture.frame], hiding.cover(), consents)
            result = hiding.hide_picture(picture, findings, output)
        else:
            with hiding.open_reader(job.path) as reader:
                print_notes(console, conversion_notes(reader.info))
                size_wh = reader.info.width, reader.info.height
                sounds = isinstance(reader, VideoReader) and any(each.type == "audio" for each in reader.copied)
                shown = shown_progress(console, name, quiet=quiet, doing="searching")
                searched = hiding.search_moving(reader, shown, watch)
            findings = chooser.choose(searched, size_wh)
            _check_faces(request, job, findings)
            if casting is not None:
                with hiding.open_reader(job.path) as reader:
                    findings = casting.decide(findings, iter(reader.read, None), hiding.cover(), consents)
            with hiding.open_reader(job.path) as reader:
                shown = shown_progress(console, name, quiet=quiet, doing="covering")
                result = hiding.hide_moving(reader, findings, output, shown)
        _write_report(request, job.path, findings)
        page = chooser.write_review(findings)
    another = () if findings.stand_ins is None else (_ANOTHER_FACE,)
    kept = _about_kept(request, findings)
    print_notes(console, (*result.warnings, *_about_sound(request, sounds), *kept, *another, _WATCH))
    if not quiet:
        console.print(escape(printable(_summary(job, findings, result))))
        if page is not None:
            console.print(
                escape(printable(f"{page}: {len(findings.review.moments) if findings.review else 0} moments to look at"))
            )


def _check_faces(request: HidingRequest, job: _Job, findings: Findings) -> None:
    """Raise `NoFaceFound` when nothing is covered, unless that was allowed."""
    facts = findings.facts
    if facts["faces"] or facts["regions"] or facts["kept_faces"] or request.write_if_none:
        return
    left = facts["left_faces"]
    doubt = f", only {left} doubtful look{'' if left == 1 else 's'}" if left else ""
    raise NoFaceFound(
        f"no face was found in {job.target.name}{doubt}; nothing was written",
        "look for faces yourself; --if-none write writes it, labelled, and --review shows what is doubtful",
    )


def _write_report(request: HidingRequest, path: Path, findings: Findings) -> None:
    content = (json.dumps({"output": path.name, **findings.facts}, indent=2, ensure_ascii=False) + "\n").encode()
    with OutputFile(_report_path(path), overwrite=request.overwrite, inputs=request.inputs) as output:
        try:
            output.temporary.write_bytes(content)
        except OSError as error:
            raise output_error(error, output.path) from error
        output.commit()


def _report_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.hidden.json")


def _about_sound(request: HidingRequest, sounds: bool) -> tuple[str, ...]:
    if not sounds or "audio" in request.file_settings.drop.split(","):
        return ()
    return (_DISGUISED,) if request.sound == "disguise" else (_VOICES,)


def _about_kept(request: HidingRequest, findings: Findings) -> tuple[str, ...]:
    return (_NOBODY,) if request.keep and not findings.facts["kept_faces"] else ()


def _about_stand_ins(findings: Findings) -> str:
    found = findings.facts.get("stand_ins")
    if found is None:
        return ""
    people, drawn = found["people"], found["faces_in_frames"]
    worn = [each["distance"] for each in people if each["stand_in"] is not None]
    far = f" at a distance of {min(worn):.2f} or more" if worn else ""
    share = f", in {drawn['with_stand_in']} of {drawn['covered']} covered faces of frames" if worn else ""
    rest = ", the others are blurred" if len(worn) < len(people) else ""
    return f", {len(worn)} of {len(people)} people wear a stand-in{far}{share}{rest}"


def _summary(job: _Job, findings: Findings, result: JobResult) -> str:
    faces = findings.facts["faces"]
    found = f"{job.path}: {faces} face{'' if faces == 1 else 's'} hidden"
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
