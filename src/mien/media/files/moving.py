"""Videos and animations behind one interface: kind of a file, reader of it, writer of an output."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mien.errors import UnsupportedMedia, UsageError
from mien.media.files import encoders
from mien.media.files.encoders import ANIMATIONS, CONTAINERS, Content, plan_codec
from mien.media.files.mark_strength import picture_need, video_need
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_kind import has_alpha, is_animation, is_picture
from mien.media.files.picture_write import WRITE_FORMATS, write_format
from mien.settings import Settings

# Readers and writers are imported when the first is opened: a picture needs none of them, nor FFmpeg.
if TYPE_CHECKING:
    from mien.media.files.animation_reader import AnimationReader
    from mien.media.files.animation_writer import AnimationWriter
    from mien.media.files.video_reader import VideoReader
    from mien.media.files.video_writer import VideoWriter
    from mien.media.files.voice_disguise import Disguise

MovingReader: TypeAlias = "VideoReader | AnimationReader"
MovingWriter: TypeAlias = "VideoWriter | AnimationWriter"
_BY_DEFAULT = {"picture": ".jpg", "animation": ".webp", "video": ".mp4"}


class Kind(Enum):
    """Kind of a target. Files that do not begin like a picture count as videos until they are opened."""

    PICTURE = "picture"
    ANIMATION = "animation"
    VIDEO = "video"


def kind_of(path: Path) -> Kind:
    """Return the kind by the content, not the name. Raises `UnreadableMedia`."""
    if is_animation(path):
        return Kind.ANIMATION
    return Kind.PICTURE if is_picture(path) else Kind.VIDEO


def open_moving(
    path: Path,
    *,
    max_pixels: int,
    max_bytes: int,
    start_s: float | None = None,
    end_s: float | None = None,
    keep_alpha: bool = False,
    keep_fields: bool = False,
    find_alpha: bool = False,
    from_key: bool = False,
    passing: Callable[[], None] | None = None,
    skim: bool = False,
) -> MovingReader:
    """Open a video or an animation; without `keep_alpha` it is opaque, `keep_fields` as in `VideoReader`.

    `info` of an animation covers transparency only with `find_alpha`, which may decode every frame; that of a video always
    does. `from_key`, `passing` and `skim` are for videos, as in `VideoReader`. Raises as the readers.
    """
    if is_animation(path):
        from mien.media.files.animation_reader import AnimationReader

        return AnimationReader(
            path,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            start_s=start_s,
            end_s=end_s,
            flatten=not keep_alpha,
            find_alpha=find_alpha,
        )
    from mien.media.files.video_reader import VideoReader

    return VideoReader(
        path,
        max_pixels=max_pixels,
        max_bytes=max_bytes,
        start_s=start_s,
        end_s=end_s,
        keep_fields=keep_fields,
        keep_alpha=keep_alpha,
        from_key=from_key,
        passing=passing,
        skim=skim,
    )


def open_writer(
    reader: MovingReader, output: OutputFile, settings: Settings, engine: str, disguise: "Disguise | None" = None
) -> MovingWriter:
    """Open the writer of `output`, by its name; `disguise` changes the voices of a video. Raises as the writers."""
    from mien.media.files.animation_reader import AnimationReader
    from mien.media.files.animation_writer import AnimationWriter
    from mien.media.files.video_writer import VideoWriter

    if isinstance(reader, AnimationReader) and output.path.suffix.lower() in ANIMATIONS:
        return AnimationWriter(reader, output, settings, engine)
    return VideoWriter(reader, output, settings, engine, disguise)


def keeps_alpha(target: Path, output: Path, settings: Settings) -> bool:
    """Return whether an output of this name can keep the transparency of its target."""
    if is_animation(target) and output.suffix.lower() in ANIMATIONS:
        return True
    return encoders.keeps_alpha(output, settings)


def mark_strength(kind: Kind, output: Path, settings: Settings, content: Content = Content()) -> float:  # noqa: B008 - frozen
    """Return the strength of the invisible mark that the output's format and quality need."""
    suffix = output.suffix.lower()
    if kind is Kind.PICTURE:
        need = picture_need(write_format(output))
    elif kind is Kind.ANIMATION and suffix in ANIMATIONS:
        need = picture_need(suffix[1:].upper())
    else:
        need = video_need(plan_codec(output, settings, content)[1], scant=content.scant)
    return need.strength(settings.quality)


def suffix_for(target: Path, kind: Kind, named: str | None = None) -> str:
    """Return the ending for an output of this target: its own if mien writes it, else a usual one.

    `named` is the ending of the name that the user knows, if that is not the file's.
    """
    suffix = (target.suffix if named is None else named).lower()
    written = {Kind.PICTURE: set(WRITE_FORMATS), Kind.ANIMATION: {*ANIMATIONS, *CONTAINERS}, Kind.VIDEO: set(CONTAINERS)}[kind]
    if suffix in written:
        return suffix
    lossless = kind is Kind.PICTURE and (suffix == ".gif" or has_alpha(target))
    return ".png" if lossless else _BY_DEFAULT[kind.value]


def check_name(target: Path, kind: Kind, output: Path, settings: Settings) -> None:
    """Raise `UsageError` for a name that does not fit, `UnsupportedMedia` for a video of a still picture."""
    suffix = output.suffix.lower()
    if kind is Kind.PICTURE:
        if suffix in CONTAINERS:
            raise UnsupportedMedia(
                f"{target} is a still picture and cannot become a video",
                f"end the output's name in {', '.join(WRITE_FORMATS)}, or name a video or an animation as the target",
            )
        write_format(output)
    elif kind is Kind.ANIMATION and suffix not in CONTAINERS:
        if suffix not in ANIMATIONS:
            raise UsageError(
                f"{target} is an animation, and {output.name!r} names no format for one",
                f"end the output's name in {', '.join((*ANIMATIONS, *CONTAINERS))}",
            )
    else:
        plan_codec(output, settings)
