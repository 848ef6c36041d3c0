"""`mien swap`: checks the request, runs the job, shows progress and says what came of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien import build, openers
from mien.batch import job
from mien.batch.export import Export
from mien.errors import SourceFaceError, UsageError
from mien.media.conversion import conversion_notes
from mien.media.encoders import keeps_alpha, plan_codec
from mien.media.markneed import picture_need, video_need
from mien.media.output import OutputFile
from mien.media.picture import Picture, is_picture, read_picture, write_format
from mien.media.streamplan import dropped
from mien.media.videoreader import VideoReader
from mien.media.videowriter import VideoWriter, check_output
from mien.models.store import Store
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.statement import shown_name
from mien.provenance.temporary import Temporaries
from mien.settings import Settings
from mien.source import numbered_picture, search
from mien.trust import Signing, Trust, open_trust
from mien.types import Image, SourceFace
from mien.windows import readable, windows_of


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for.

    `also` are more photos of the person in `photo`. `consent` is the statement that came with the request; `ask` asks for
    one, None when there is nobody to ask.
    """

    photo: Path
    also: tuple[Path, ...]
    target: Path
    output: Path
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


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was opened for the request."""

    models: build.Models
    trust: Trust
    source: SourceFace
    consent: Consent


def run_swap(request: Request, *, quiet: bool) -> None:
    """Carry out the request; raises a `MienError`. Speaks on the standard error stream only."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    settings = request.settings
    # What is cheap to know is checked first: names, folders, formats.
    _output(request).check()
    still = is_picture(request.target)
    _check_names(request, still)
    if request.dry_run:
        models = _models(settings)
        _warn(_source(request, models), models, settings, console)
        _print_plan(request, still, console)
        return
    trust = open_trust(request.data, request.signing)
    models = _models(settings)
    source = _source(request, models)
    _warn(source, models, settings, console)
    parts = _Parts(models, trust, source, _consent(request, trust, source))
    output = _output(request, trust.temporaries)
    with trust.temporaries.cleaned():
        if still:
            _swap_picture(request, parts, output, console, quiet)
        else:
            _swap_video(request, parts, output, console, quiet)


def _output(request: Request, journal: Temporaries | None = None) -> OutputFile:
    inputs = (request.photo, *request.also, request.target)
    return OutputFile(request.output, overwrite=request.overwrite, inputs=inputs, journal=journal)


def _models(settings: Settings) -> build.Models:
    """The embedded models, and whether the others that the settings name are there."""
    models = build.open_models(settings, Store())
    openers.check_names(settings, models.shelf)
    return models


def _warn(source: SourceFace, models: build.Models, settings: Settings, console: Console) -> None:
    for warning in (*source.warnings, *openers.notes(settings, models.shelf)):
        console.print(f"[yellow]note:[/] {escape(warning)}")


def _print_plan(request: Request, still: bool, console: Console) -> None:
    settings = request.settings
    if still:
        picture = read_picture(request.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
        console.print(escape(_picture_plan(request, picture)))
        return
    with _reader(request) as reader:
        for warning in (*conversion_notes(reader.info), *check_output(reader, request.output, settings)):
            console.print(f"[yellow]note:[/] {escape(warning)}")
        console.print(escape(_video_plan(request, reader)))


def _reader(request: Request) -> VideoReader:
    return VideoReader(
        request.target,
        max_pixels=request.settings.max_pixels,
        max_bytes=request.settings.max_bytes,
        start_s=request.start_s,
        end_s=request.end_s,
        keep_fields=request.settings.interlaced == "keep",
        keep_alpha=keeps_alpha(request.output, request.settings),
    )


def _check_names(request: Request, still: bool) -> None:
    if still:
        write_format(request.output)
        if request.start_s is not None or request.end_s is not None:
            raise UsageError("a picture has no start and no end", "leave --start and --end out")
    else:
        plan_codec(request.output, request.settings)


def _source(request: Request, models: build.Models) -> SourceFace:
    photo = _photo(request.photo, request.settings)
    if request.number_faces is not None:
        _write_numbered(request, models, photo)
    with _naming(request.photo):
        source = build.open_source(photo, models, request.source_face)
    if not request.also:
        return source
    recogniser = build.open_recogniser(Store())
    for path in request.also:
        with _naming(path):
            source = build.add_photo(source, _photo(path, request.settings), models, recogniser)
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


def _write_numbered(request: Request, models: build.Models, photo: Image) -> None:
    assert request.number_faces is not None
    path = request.number_faces
    write_format(path)
    numbered = numbered_picture(search(photo, models.photo_detector))
    with OutputFile(path, overwrite=request.overwrite, inputs=(request.photo, *request.also, request.target)) as output:
        if not cv2.imwrite(str(output.temporary), numbered):
            raise UsageError(f"cannot write {path}", "name a .png or .jpg")
        output.commit()


def _swap_picture(request: Request, parts: _Parts, output: OutputFile, console: Console, quiet: bool) -> None:
    settings = request.settings
    picture = read_picture(request.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    pipeline = build.open_picture_pipeline(settings, parts.models, parts.source)
    strength = picture_need(write_format(request.output)).strength(settings.quality)
    export = _export(request, parts, [[picture.frame.image]], "picture", strength)
    with output:
        result = job.run_picture(
            picture, output, pipeline.swap_frame, export, quality=settings.quality, engine=settings.engine
        )  # fmt: skip
    for warning in result.warnings:
        console.print(f"[yellow]note:[/] {escape(warning)}")
    if not quiet:
        faces = f"{result.faces_swapped} face{'s' if result.faces_swapped > 1 else ''}"
        console.print(f"{escape(str(request.output))}: {faces} swapped, {_said(settings)}")


def _export(request: Request, parts: _Parts, before: Iterable[Sequence[Image]], kind: str, strength: float) -> Export:
    content = build.open_content_check(Store())
    notary = parts.trust.notary
    return Export(request.target, before, request.settings, parts.consent, content, notary, kind, strength=strength)


def _said(settings: Settings) -> str:
    return "labelled as altered, marked and signed" if settings.badge == "shown" else "marked and signed, without a badge"


def _picture_plan(request: Request, picture: Picture) -> str:
    height, width = picture.frame.image.shape[:2]
    depth = "16" if picture.deep is not None else "8"
    alpha = ", alpha kept" if picture.alpha is not None else ""
    return (
        f"would swap {request.target}: picture {width} x {height}, {depth} bits a channel{alpha}\n"
        f"into {request.output}: {write_format(request.output).lower()}, badge {_badge(request.settings)}"
    )


def _swap_video(request: Request, parts: _Parts, output: OutputFile, console: Console, quiet: bool) -> None:
    settings = request.settings
    with _reader(request) as reader:
        for warning in conversion_notes(reader.info):
            console.print(f"[yellow]note:[/] {escape(warning)}")
        pipeline = build.open_pipeline(settings, parts.models, parts.source)
        before = windows_of(
            request.target,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            start_s=request.start_s,
            end_s=request.end_s,
        )
        strength = video_need(plan_codec(request.output, settings, reader.info.content)[1]).strength(settings.quality)
        export = _export(request, parts, readable(before), "video", strength)
        with output, VideoWriter(reader, output, settings, settings.engine) as writer, _bar(console, quiet) as report:
            result = job.run_video(reader, writer, output, pipeline, export, report)
    for warning in result.warnings:
        console.print(f"[yellow]note:[/] {escape(warning)}")
    if not quiet:
        rate = result.frames / max(result.seconds, 1e-6)
        console.print(
            f"{escape(str(request.output))}: {result.frames} frames, a face in {result.frames_with_faces}, "
            f"{result.seconds:.1f} s ({rate:.0f} frames a second), {_said(settings)}"
        )


def _badge(settings: Settings) -> str:
    return settings.badge_corner if settings.badge == "shown" else settings.badge


def _video_plan(request: Request, reader: VideoReader) -> str:
    info = reader.info
    container, codec = plan_codec(request.output, request.settings, info.content)
    rate = f"{float(info.rate):.5g} frames a second" if info.rate else "frame rate unknown"
    length = f"{info.duration_s:.1f} s" if info.duration_s is not None else "length unknown"
    alpha = ", alpha kept" if info.alpha else ""
    turned = f", turned by {info.rotation} degrees" if info.rotation else ""
    left_out = dropped(request.settings)
    kept = [s for s in reader.copied if ("subtitles" if s.type == "subtitle" else s.type) not in left_out]
    beside = ", ".join(f"{stream.type} {stream.index}" for stream in kept) or "none"
    return (
        f"would swap {request.target}: {info.codec} {info.width} x {info.height}, {rate}, {length}{turned}\n"
        f"into {request.output}: {container}, {codec}, badge {_badge(request.settings)}{alpha}; other streams: {beside}"
    )


@contextmanager
def _bar(console: Console, quiet: bool) -> Iterator[Callable[[job.Progress], None]]:
    if quiet:
        yield lambda progress: None
        return
    columns = (
        TextColumn("swapping"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} fps"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bar:
        task = bar.add_task("swapping", total=None, rate="–")

        def report(progress: job.Progress) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=progress.frames, total=progress.total, rate=f"{speed:.0f}" if speed else "–")

        yield report
