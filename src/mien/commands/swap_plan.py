"""Dry run of `mien swap`: print what would be done, with notes on what the output loses."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from mien.assembly import stand_ins
from mien.assembly.file_swap import open_reader
from mien.commands.swap_cast import Costumes
from mien.commands.swap_request import Request, Task
from mien.media.files.encoders import ANIMATIONS, plan_codec
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.picture_read import Picture, read_picture
from mien.media.files.picture_write import write_format
from mien.settings import Settings
from mien.system.printable import printable


def print_plan(request: Request, task: Task, console: Console) -> None:
    """Print what a swap of the task would read and write; raises a `MienError`."""
    settings = request.settings
    if task.kind is Kind.PICTURE:
        picture = read_picture(task.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
        print_notes(console, picture.notes)
        console.print(escape(_picture_plan(request, task, picture)))
        return
    # With FFmpeg, which a picture does without.
    from mien.media.files.conversion import conversion_notes
    from mien.media.files.video_reader import VideoReader
    from mien.media.files.video_writer import check_output

    with open_reader(task.target, task.output.path, settings, request.start_s, request.end_s) as reader:
        print_notes(console, conversion_notes(reader.info))
        if isinstance(reader, VideoReader):
            print_notes(console, check_output(reader, task.output.path, settings))
        console.print(escape(_moving_plan(request, task, reader)))


def _picture_plan(request: Request, task: Task, picture: Picture) -> str:
    height, width = picture.frame.image.shape[:2]
    depth = "16" if picture.deep is not None else "8"
    alpha = ", alpha kept" if picture.alpha is not None else ""
    return (
        f"would swap {printable(str(task.target))}: picture {width} x {height}, {depth} bits a channel{alpha}\n"
        f"into {printable(str(task.output.path))}: {write_format(task.output.path).lower()}, badge {_badge(request.settings)}"
    )


def _moving_plan(request: Request, task: Task, reader: MovingReader) -> str:
    from mien.media.files.animation_reader import AnimationReader
    from mien.media.files.stream_plan import dropped

    info, path = reader.info, task.output.path
    if isinstance(reader, AnimationReader) and path.suffix.lower() in ANIMATIONS:
        into = f"animated {path.suffix[1:]}"
    else:
        into = ", ".join(plan_codec(path, request.settings, info.content))
    rate = f"{float(info.rate):.5g} frames a second" if info.rate else "frame rate unknown"
    length = f"{info.duration_s:.1f} s" if info.duration_s is not None else "length unknown"
    alpha = ", alpha kept" if info.alpha else ""
    turned = f", turned by {info.rotation} degrees" if info.rotation else ""
    dropped_kinds = dropped(request.settings)
    copied = [s for s in reader.copied if ("subtitles" if s.type == "subtitle" else s.type) not in dropped_kinds]
    beside = ", ".join(f"{stream.type} {stream.index}" for stream in copied) or "none"
    return (
        f"would swap {printable(str(task.target))}: {info.codec} {info.width} x {info.height}, {rate}, {length}{turned}\n"
        f"into {printable(str(path))}: {into}, badge {_badge(request.settings)}{alpha}; other streams: {beside}"
    )


def _badge(settings: Settings) -> str:
    return settings.badge_corner if settings.badge == "shown" else settings.badge


def print_costumes(costumes: Costumes, console: Console) -> None:
    """Print who would wear which photo."""
    for costume in costumes.each:
        console.print(escape(printable(f"{costume.name} would wear {stand_ins.name_of(costume.photo)}")))


def print_notes(console: Console, notes: Iterable[str]) -> None:
    """Print a line for each note."""
    for note in notes:
        console.print(f"[yellow]note:[/] {escape(printable(note))}")
