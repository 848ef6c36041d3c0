"""Plan for each stream beside the video: copied, converted or left out, with a note."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from mien.errors import UnsupportedMedia
from mien.media.files.sound_conversion import AAC, AC3, MAX_CHANNELS, OPUS, SoundCodec
from mien.media.files.subtitles import MOV_TEXT, SUBRIP, WEBVTT, TextCodec
from mien.media.frames.pyav import readable
from mien.settings import Settings

_SOUND = {"mp4": AAC, "mov": AAC, "matroska": AAC, "webm": OPUS, "avi": AC3}
"""Codec, by container, for sound that it cannot hold. AC-3 is 5 ms late in AVI, which cannot say so; AAC would be 21 ms."""
_TEXT = {"mp4": MOV_TEXT, "mov": MOV_TEXT, "matroska": SUBRIP, "webm": WEBVTT}
_HOLDS_COVERS = {"mp4", "mov"}
_COVERS = {"mjpeg", "png"}
_HOLDS_CHAPTERS = {"mp4", "mov", "matroska", "webm"}


class Treatment(Enum):
    """Treatment of a stream."""

    COPY = auto()
    SOUND = auto()
    TEXT = auto()
    ATTACH = auto()
    ATTACH_COVER = auto()


@dataclass(frozen=True, slots=True)
class Planned:
    """A stream of the output and its treatment; `sound` or `text` is the new codec of a converted one."""

    stream: Stream
    treatment: Treatment
    sound: SoundCodec | None = None
    text: TextCodec | None = None


@dataclass(slots=True)
class StreamPlan:
    """Plan of the streams that an output of `container` named `name` takes from a file, in the order of its streams.

    `drop` names kinds to leave out: subtitles, audio, data (covers, attachments and timed data).
    `disguised` = the sound is to be changed, so that it is never copied. Raises `UnsupportedMedia` if a file with sound
    would lose all of it.
    """

    file: InputContainer
    container: str
    name: str
    drop: frozenset[str]
    disguised: bool = False
    planned: list[Planned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream in self.file.streams:
            self.planned.extend(self._for(stream))
        self._check_sound()
        self._note_data()
        videos = [s for s in self.file.streams.video if not s.disposition & Disposition.attached_pic]
        if len(videos) > 1:
            self.notes.append("the input has several videos; the output has the one that was swapped")
        if self.file.chapters() and self.container not in _HOLDS_CHAPTERS:
            self.notes.append(f"{self.name} cannot hold the chapters: left out")

    @property
    def copies_cover(self) -> bool:
        """True if a cover picture is copied as a stream."""
        return any(isinstance(planned.stream, VideoStream) and planned.treatment is Treatment.COPY for planned in self.planned)

    @property
    def keeps_chapters(self) -> bool:
        """True if the file has chapters and the container can hold them."""
        return bool(self.file.chapters()) and self.container in _HOLDS_CHAPTERS

    def _for(self, stream: Stream) -> Iterator[Planned]:
        if stream.type == "audio":
            if "audio" not in self.drop:
                yield from self._sound(stream)
        elif stream.type == "subtitle":
            if "subtitles" not in self.drop:
                yield from self._subtitles(stream)
        elif "data" in self.drop:
            return
        elif isinstance(stream, VideoStream):
            if stream.disposition & Disposition.attached_pic:
                yield from self._cover(stream)
        elif isinstance(stream, AttachmentStream):
            if self.container == "matroska":
                yield Planned(stream, Treatment.ATTACH)
            else:
                self.notes.append(
                    f"{self.name} cannot hold the attachment {readable(stream.name or str(stream.index))}: left out"
                )

    def _sound(self, stream: Stream) -> Iterator[Planned]:
        codec = _codec(stream)
        # AVI counts packets instead of timing them: only those that were counted already stay in step.
        untimed = self.container == "avi" and self.file.format.name != "avi"
        if not untimed and not self.disguised and holds(stream, self.container):
            yield Planned(stream, Treatment.COPY)
        elif isinstance(stream, AudioStream) and stream.codec_context is not None and stream.codec_context.channels:
            sound = _SOUND[self.container]
            why = "a .avi file cannot time its packets" if untimed else f"{self._kind} cannot hold {codec}"
            why = "its voices are disguised" if self.disguised else why
            fewer = f" with {MAX_CHANNELS} channels" if stream.codec_context.channels > MAX_CHANNELS else ""
            self.notes.append(f"audio stream {stream.index} ({codec}) is converted to {sound.name}{fewer}: {why}")
            yield Planned(stream, Treatment.SOUND, sound=sound)
        else:
            self.notes.append(f"audio stream {stream.index} ({codec}) cannot be decoded: left out")

    def _check_sound(self) -> None:
        if "audio" in self.drop or not any(stream.type == "audio" for stream in self.file.streams):
            return
        if not any(planned.stream.type == "audio" for planned in self.planned):
            codecs = ", ".join(_codec(stream) for stream in self.file.streams if stream.type == "audio")
            raise UnsupportedMedia(
                f"the sound of {Path(self.file.name).name} ({codecs}) can be neither copied nor decoded",
                "write the video without it: --drop audio",
            )

    def _subtitles(self, stream: Stream) -> Iterator[Planned]:
        codec, text = _codec(stream), _TEXT.get(self.container)
        described = None if stream.codec_context is None else stream.codec_context.codec
        if holds(stream, self.container):
            yield Planned(stream, Treatment.COPY)
        elif text is not None and isinstance(stream, SubtitleStream) and described is not None and described.text_sub:
            self.notes.append(
                f"subtitle stream {stream.index} ({codec}) is converted to {text.name}: {self._kind} cannot hold {codec}"
            )
            yield Planned(stream, Treatment.TEXT, text=text)
        elif described is not None and described.bitmap_sub:
            self.notes.append(
                f"subtitle stream {stream.index} ({codec}) consists of pictures, which {self._kind} cannot hold: left out"
            )
        else:
            self.notes.append(f"{self._kind} cannot hold the subtitle stream {stream.index} ({codec}): left out")

    def _cover(self, stream: VideoStream) -> Iterator[Planned]:
        fits = _codec(stream) in _COVERS
        if self.container in _HOLDS_COVERS and fits:
            yield Planned(stream, Treatment.COPY)
        elif self.container == "matroska" and fits:
            yield Planned(stream, Treatment.ATTACH_COVER)
        else:
            self.notes.append(f"{self.name} cannot hold the cover picture: left out")

    def _note_data(self) -> None:
        """Note that timed data is left out: cameras store place and settings of each old frame in it."""
        data = [stream for stream in self.file.streams if stream.type == "data"]
        # Chapters of MP4 appear as a stream of data, too.
        if "data" in self.drop or not data or self.file.chapters():
            return
        names = ", ".join(f"{stream.index} ({readable(stream.name or 'data')})" for stream in data)
        self.notes.append(f"timed data is left out: stream{'s' if len(data) > 1 else ''} {names}")

    @property
    def _kind(self) -> str:
        return f"a {Path(self.name).suffix.lower()} file"


def dropped(settings: Settings) -> frozenset[str]:
    """Return the kinds of streams that the settings leave out."""
    return frozenset(settings.drop.split(",")) - {"none"}


def holds(stream: Stream, container: str) -> bool:
    """Return whether the container takes the stream unchanged; tried in memory."""
    if stream.codec_context is None:
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container) as out:
            out.add_stream_from_template(stream, opaque=True)
            out.start_encoding()
    except (ValueError, FFmpegError, OSError):
        return False
    return True


def _codec(stream: Stream) -> str:
    return "unknown codec" if stream.codec_context is None else stream.codec_context.codec.canonical_name
