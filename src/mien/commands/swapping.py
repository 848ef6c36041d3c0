"""`mien swap`: checks the request, runs the jobs, shows progress and reports the results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
from rich.console import Console
from rich.markup import escape

from mien.assembly import factory, registry
from mien.batch import job
from mien.batch.export import Export
from mien.commands.progress import shown_progress
from mien.commands.targets import Outputs
from mien.errors import Cancelled, MienError, SourceFaceError, UsageError
from mien.media.files import moving
from mien.media.files.animation_reader import AnimationReader
from mien.media.files.animation_writer import ANIMATIONS
from mien.media.files.conversion import conversion_notes
from mien.media.files.encoders import CONTAINERS, plan_codec
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import Picture, read_picture
from mien.media.files.picture_write import write_format
from mien.media.files.statement import shown_name
from mien.media.files.stream_plan import dropped
from mien.media.files.temporary_files import Temporaries
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import check_output
from mien.models.library.store import Store
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.mark.windows import readable, windows_of
from mien.provenance.trust import Signing, Trust, open_trust
from mien.settings import Settings
from mien.swap.source.load import numbered_picture, search
from mien.system.printable import printable
from mien.types import Image, SourceFace


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the user.

    `also` are more photos of the person in `photo`. Each of the `targets` becomes a file in `output` when that is a folder
    (`into_folder`), else there is one. `consent` is the statement that came with the request; `ask` asks for one, None when
    there is nobody to ask.
    """

    photo: Path
    also: tuple[Path, ...]
    targets: tuple[Path, ...]
    output: Path
    into_folder: bool
    overwrite: bool
    source_face: int | None
    number_faces: Path | None
    start_s: float | None
    end_s: float | None
    dry_run: bool
    settings: Settings
    data: Path
    signing: Signing
    consent: str | None
    ask: Callable[[Path], str] | None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.photo, *self.also, *self.targets)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Objects opened for the request, once for all targets."""

    models: factory.Models
    trust: Trust
    source: SourceFace
    consent: Consent


@dataclass(frozen=True, slots=True)
class _Task:
    """One target and its output."""

    target: Path
    kind: Kind
    output: OutputFile


def run_swap(request: Request, *, quiet: bool, report: Callable[[MienError], None]) -> int:
    """Carry out the request and return the exit code. Speaks on the standard error stream only.

    Raises a `MienError` for what concerns the whole request, or its only target. Of several targets, each that fails goes to
    `report`, and the others go on; the exit code is that of the first one that failed.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    outputs = Outputs(request.output, into_folder=request.into_folder, inputs=request.inputs)
    outputs.check()
    if len(request.targets) > 1:
        return _swap_all(request, outputs, console, quiet, report)
    # What is cheap to know is checked first: names, folders, formats.
    task = _task(request, request.targets[0], outputs)
    if request.dry_run:
        models = _models(request.settings)
        _warn(_source(request, models), models, request.settings, console)
        _print_plan(request, task, console)
        return 0
    with outputs:
        _swap_one(request, _parts(request, console), task, console, quiet)
    return 0


def _swap_all(request: Request, outputs: Outputs, console: Console, quiet: bool, report: Callable[[MienError], None]) -> int:
    if request.dry_run:
        models = _models(request.settings)
        _warn(_source(request, models), models, request.settings, console)
        parts = None
    else:
        parts = _parts(request, console)
    codes: list[int] = []
    done = 0
    with outputs:
        for target in request.targets:
            try:
                task = _task(request, target, outputs)
                if parts is None:
                    _print_plan(request, task, console)
                else:
                    _swap_one(request, parts, task, console, quiet)
                done += 1
            except KeyboardInterrupt:
                raise Cancelled(f"stopped; {done} of {len(request.targets)} files were written") from None
            except MienError as error:
                if target.name not in str(error):
                    error.args = (f"{target}: {error}", *error.args[1:])
                codes.append(error.exit_code)
                report(error)
    if not quiet:
        failed = f", {len(codes)} failed (see above)" if codes else ""
        would = "would be swapped" if request.dry_run else "swapped"
        console.print(f"{done} of {len(request.targets)} files {would}{failed}")
    return codes[0] if codes else 0


def _task(request: Request, target: Path, outputs: Outputs) -> _Task:
    """The target with its output, checked as far as that costs no work."""
    kind = moving.kind_of(target)
    if kind is Kind.PICTURE and (request.start_s is not None or request.end_s is not None):
        raise UsageError(f"{target} is a picture, which has no start and no end", "leave --start and --end out")
    path = outputs.path_for(target, kind)
    if kind is Kind.VIDEO and path.suffix.lower() not in CONTAINERS:
        # What is no video at all is the fault to name, not the output's name.
        settings = request.settings
        moving.open_moving(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).close()
    moving.check_name(target, kind, path, request.settings)
    output = _output(request, path)
    output.check(folder_is_made=request.into_folder)
    return _Task(target, kind, output)


def _parts(request: Request, console: Console) -> _Parts:
    trust = open_trust(request.data, request.signing)
    models = _models(request.settings)
    source = _source(request, models)
    _warn(source, models, request.settings, console)
    return _Parts(models, trust, source, _consent(request, trust, source))


def _swap_one(request: Request, parts: _Parts, task: _Task, console: Console, quiet: bool) -> None:
    temporaries = parts.trust.temporaries
    noted = replace(task, output=_output(request, task.output.path, temporaries))
    with temporaries.cleaned():
        if task.kind is Kind.PICTURE:
            _swap_picture(request, parts, noted, console, quiet)
        else:
            _swap_moving(request, parts, noted, console, quiet)


def _output(request: Request, path: Path, journal: Temporaries | None = None) -> OutputFile:
    return OutputFile(path, overwrite=request.overwrite, inputs=request.inputs, journal=journal)


def _models(settings: Settings) -> factory.Models:
    """The embedded models, and whether the others that the settings name are there."""
    models = factory.open_models(settings, Store())
    registry.check_names(settings, models.sessions)
    return models


def _warn(source: SourceFace, models: factory.Models, settings: Settings, console: Console) -> None:
    _note(console, (*source.warnings, *registry.notes(settings, models.sessions)))


def _note(console: Console, notes: Iterable[str]) -> None:
    for note in notes:
        console.print(f"[yellow]note:[/] {escape(printable(note))}")


def _print_plan(request: Request, task: _Task, console: Console) -> None:
    settings = request.settings
    if task.kind is Kind.PICTURE:
        picture = read_picture(task.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
        _note(console, picture.notes)
        console.print(escape(_picture_plan(request, task, picture)))
        return
    with _reader(request, task.target, task.output.path) as reader:
        _note(console, conversion_notes(reader.info))
        if isinstance(reader, VideoReader):
            _note(console, check_output(reader, task.output.path, settings))
        console.print(escape(_moving_plan(request, task, reader)))


def _reader(request: Request, target: Path, output: Path) -> MovingReader:
    return moving.open_moving(
        target,
        max_pixels=request.settings.max_pixels,
        max_bytes=request.settings.max_bytes,
        start_s=request.start_s,
        end_s=request.end_s,
        keep_fields=request.settings.interlaced == "keep",
        keep_alpha=moving.keeps_alpha(target, output, request.settings),
        find_alpha=True,
    )


def _source(request: Request, models: factory.Models) -> SourceFace:
    photo = _photo(request.photo, request.settings)
    if request.number_faces is not None:
        _write_numbered(request, models, photo)
    with _naming(request.photo):
        source = factory.open_source(photo, models, request.source_face)
    if not request.also:
        return source
    recogniser = factory.open_recogniser(Store())
    for path in request.also:
        with _naming(path):
            source = factory.add_photo(source, _photo(path, request.settings), models, recogniser)
    return source


def _photo(path: Path, settings: Settings) -> Image:
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the photo's name before what is wrong with it."""
    try:
        yield
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error


def _consent(request: Request, trust: Trust, source: SourceFace) -> Consent:
    """What was stated for this photo before, or now; raises `UsageError` when nobody states anything."""
    stated = request.consent
    if stated is None:
        found = trust.consents.find(source)
        if found is not None:
            return found
        if request.ask is None:
            raise UsageError(
                f"{request.photo}: nobody has said why this face may be used", f"add --consent {'|'.join(STATEMENTS)}"
            )
        stated = request.ask(request.photo)
    return trust.consents.record(source, stated, shown_name(request.photo))


def _write_numbered(request: Request, models: factory.Models, photo: Image) -> None:
    assert request.number_faces is not None
    path = request.number_faces
    write_format(path)
    numbered = numbered_picture(search(photo, models.photo_detector))
    with OutputFile(path, overwrite=request.overwrite, inputs=request.inputs) as output:
        if not cv2.imwrite(str(output.temporary), numbered):
            raise UsageError(f"cannot write {path}", "name a .png or .jpg")
        output.commit()


def _swap_picture(request: Request, parts: _Parts, task: _Task, console: Console, quiet: bool) -> None:
    settings = request.settings
    picture = read_picture(task.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    _note(console, picture.notes)
    pipeline = factory.open_picture_pipeline(settings, parts.models, parts.source)
    export = _export(request, parts, task, [[picture.frame.image]], moving.mark_strength(task.kind, task.output.path, settings))
    with task.output as output:
        result = job.run_picture(
            picture, output, pipeline.swap_frame, export, quality=settings.quality, engine=settings.engine
        )  # fmt: skip
    _note(console, result.warnings)
    if not quiet:
        faces = f"{result.faces_swapped} face{'s' if result.faces_swapped > 1 else ''}"
        console.print(f"{escape(printable(str(task.output.path)))}: {faces} swapped, {_said(settings)}")


def _export(request: Request, parts: _Parts, task: _Task, before: Iterable[Sequence[Image]], strength: float) -> Export:
    content = factory.open_content_check(Store())
    kind = "picture" if task.kind is Kind.PICTURE else "video"
    notary = parts.trust.notary
    return Export(task.target, before, request.settings, parts.consent, content, notary, kind, strength=strength)


def _said(settings: Settings) -> str:
    return "labelled as altered, marked and signed" if settings.badge == "shown" else "marked and signed, without a badge"


def _picture_plan(request: Request, task: _Task, picture: Picture) -> str:
    height, width = picture.frame.image.shape[:2]
    depth = "16" if picture.deep is not None else "8"
    alpha = ", alpha kept" if picture.alpha is not None else ""
    return (
        f"would swap {printable(str(task.target))}: picture {width} x {height}, {depth} bits a channel{alpha}\n"
        f"into {printable(str(task.output.path))}: {write_format(task.output.path).lower()}, badge {_badge(request.settings)}"
    )


def _swap_moving(request: Request, parts: _Parts, task: _Task, console: Console, quiet: bool) -> None:
    settings = request.settings
    with _reader(request, task.target, task.output.path) as reader:
        _note(console, conversion_notes(reader.info))
        pipeline = factory.open_pipeline(settings, parts.models, parts.source)
        before = windows_of(
            task.target,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            start_s=request.start_s,
            end_s=request.end_s,
        )
        strength = moving.mark_strength(task.kind, task.output.path, settings, reader.info.content)
        export = _export(request, parts, task, readable(before), strength)
        name = task.target.name if len(request.targets) > 1 else ""
        with (
            task.output as output,
            moving.open_writer(reader, output, settings, settings.engine) as writer,
            shown_progress(console, name, quiet=quiet) as report,
        ):
            result = job.run_video(reader, writer, output, pipeline, export, report)
    _note(console, result.warnings)
    if not quiet:
        rate = result.frames / max(result.seconds, 1e-6)
        console.print(
            f"{escape(printable(str(task.output.path)))}: {result.frames} frames, a face in {result.frames_with_faces}, "
            f"{result.seconds:.1f} s ({rate:.0f} frames a second), {_said(settings)}"
        )


def _badge(settings: Settings) -> str:
    return settings.badge_corner if settings.badge == "shown" else settings.badge


def _moving_plan(request: Request, task: _Task, reader: MovingReader) -> str:
    info, path = reader.info, task.output.path
    if isinstance(reader, AnimationReader) and path.suffix.lower() in ANIMATIONS:
        into = f"animated {path.suffix[1:]}"
    else:
        into = ", ".join(plan_codec(path, request.settings, info.content))
    rate = f"{float(info.rate):.5g} frames a second" if info.rate else "frame rate unknown"
    length = f"{info.duration_s:.1f} s" if info.duration_s is not None else "length unknown"
    alpha = ", alpha kept" if info.alpha else ""
    turned = f", turned by {info.rotation} degrees" if info.rotation else ""
    left_out = dropped(request.settings)
    kept = [s for s in reader.copied if ("subtitles" if s.type == "subtitle" else s.type) not in left_out]
    beside = ", ".join(f"{stream.type} {stream.index}" for stream in kept) or "none"
    return (
        f"would swap {printable(str(task.target))}: {info.codec} {info.width} x {info.height}, {rate}, {length}{turned}\n"
        f"into {printable(str(path))}: {into}, badge {_badge(request.settings)}{alpha}; other streams: {beside}"
    )
