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
from mien.types import Note

_SOUND = {"mp4": AAC, "mov": AAC, "matroska": AAC, "webm": OPUS, "avi": AC3}
"""Codec, by container, for sound that it cannot hold. AC-3 is 5 ms late in AVI, which cannot say so; AAC would be 21 ms."""
_TEXT = {"mp4": MOV_TEXT, "mov": MOV_TEXT, "matroska": SUBRIP, "webm": WEBVTT}
_REASONS = {
    "sound-untimed": "a .avi file cannot time its packets",
    "sound-unheld": "a {suffix} file cannot hold {codec}",
    "sound-disguised": "its voices are disguised",
}
"""Why sound is converted, by the key of the note."""
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
    notes: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream in self.file.streams:
            self.planned.extend(self._for(stream))
        self._check_sound()
        self._note_data()
        videos = [s for s in self.file.streams.video if not s.disposition & Disposition.attached_pic]
        if len(videos) > 1:
            self._note("several-videos", "the input has several videos; the output has the one that was swapped")
        if self.file.chapters() and self.container not in _HOLDS_CHAPTERS:
            self._note("no-chapters", "{name} cannot hold the chapters: left out")

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
                what = readable(stream.name or str(stream.index))
                self._note("no-attachment", "{name} cannot hold the attachment {what}: left out", what=what)

    def _sound(self, stream: Stream) -> Iterator[Planned]:
        codec = _codec(stream)
        # AVI counts packets instead of timing them: only those that were counted already stay in step.
        untimed = self.container == "avi" and self.file.format.name != "avi"
        if not untimed and not self.disguised and holds(stream, self.container):
            yield Planned(stream, Treatment.COPY)
        elif isinstance(stream, AudioStream) and stream.codec_context is not None and stream.codec_context.channels:
            sound = _SOUND[self.container]
            fewer = f" with {MAX_CHANNELS} channels" if stream.codec_context.channels > MAX_CHANNELS else ""
            why = "untimed" if untimed else "unheld"
            key = "sound-disguised" if self.disguised else f"sound-{why}"
            text = f"audio stream {{stream}} ({{codec}}) is converted to {{sound}}{fewer}: {_REASONS[key]}"
            self._note(key, text, stream=stream.index, codec=codec, sound=sound.name)
            yield Planned(stream, Treatment.SOUND, sound=sound)
        else:
            text = "audio stream {stream} ({codec}) cannot be decoded: left out"
            self._note("sound-undecoded", text, stream=stream.index, codec=codec)

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
            words = "subtitle stream {stream} ({codec}) is converted to {format}: a {suffix} file cannot hold {codec}"
            self._note("text-converted", words, stream=stream.index, codec=codec, format=text.name)
            yield Planned(stream, Treatment.TEXT, text=text)
        elif described is not None and described.bitmap_sub:
            words = "subtitle stream {stream} ({codec}) consists of pictures, which a {suffix} file cannot hold: left out"
            self._note("text-of-pictures", words, stream=stream.index, codec=codec)
        else:
            words = "a {suffix} file cannot hold the subtitle stream {stream} ({codec}): left out"
            self._note("text-unheld", words, stream=stream.index, codec=codec)

    def _cover(self, stream: VideoStream) -> Iterator[Planned]:
        fits = _codec(stream) in _COVERS
        if self.container in _HOLDS_COVERS and fits:
            yield Planned(stream, Treatment.COPY)
        elif self.container == "matroska" and fits:
            yield Planned(stream, Treatment.ATTACH_COVER)
        else:
            self._note("no-cover", "{name} cannot hold the cover picture: left out")

    def _note_data(self) -> None:
        """Note that timed data is left out: cameras store place and settings of each old frame in it."""
        data = [stream for stream in self.file.streams if stream.type == "data"]
        # Chapters of MP4 appear as a stream of data, too.
        if "data" in self.drop or not data or self.file.chapters():
            return
        names = ", ".join(f"{stream.index} ({readable(stream.name or 'data')})" for stream in data)
        text = f"timed data is left out: stream{'s' if len(data) > 1 else ''} {{streams}}"
        self._note("timed-data", text, streams=names)

    def _note(self, key: str, text: str, **values: str | int | float) -> None:
        """Note what becomes of a stream; `{name}` and `{suffix}` are those of the output."""
        self.notes.append(Note.of(key, text, name=self.name, suffix=Path(self.name).suffix.lower(), **values))


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
