"""Writer of video files: labelled frames encoded with the input's times and colours, all other streams copied."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.packet import Packet

from mien.errors import OutputError, UnreadableMedia, UsageError
from mien.media.files import statement
from mien.media.files.animation_reader import AnimationReader, NoStreams
from mien.media.files.encoders import other_codec, plan_codec
from mien.media.files.mark_strength import video_need
from mien.media.files.media_file import MediaFileWriter
from mien.media.files.output_file import OutputFile, is_of_the_place, output_error
from mien.media.files.part_file import StoredPacket
from mien.media.files.picture_encoder import (
    PartEncoder,
    PictureFormat,
    check_fields,
    check_square_pixels,
    open_stream,
    picture_formats,
)
from mien.media.files.stream_copy import StreamCopier, kept_tags
from mien.media.files.stream_plan import dropped
from mien.media.files.video_reader import VideoReader
from mien.media.files.voice_disguise import Disguise
from mien.settings import Settings
from mien.system.allocator import give_back
from mien.system.scheduling import ordinary_scheduling
from mien.types import LabelledFrame, Note

_FILE_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration"}
"""Metadata that describes the old file, not its content."""
_CLASSIC_TAGS = {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
           "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "creation_time",
           "timecode", "location"}  # fmt: skip
"""Tags that MP4 and MOV hold in their classic form; other names need the newer one."""


class VideoWriter(MediaFileWriter):
    """A `contracts.FrameSink` into `output.temporary`; the caller commits the output after leaving without an error.

    Frames come one by one to `write`, with `end_part` where the next part begins, or their packets to `take`. The constructor
    writes the head of the file, so that impossible combinations are refused before any work: raises `UsageError` or
    `OutputError`. `disguise` changes the voices. `encoder` is the name of the encoder, None = the first that works. Deviations
    from the settings are noted in `warnings`.
    """

    def __init__(
        self, reader: VideoReader | AnimationReader, output: OutputFile, settings: Settings, engine: str,
        disguise: Disguise | None = None, encoder: str | None = None,
    ) -> None:  # fmt: skip
        self._output = output
        formats = picture_formats(reader.info, output.path, settings)
        self._container_name, self._codec = formats[-1].container, formats[-1].encoder.codec
        self._info = info = formats[-1].info
        self._input = reader.path
        self._keeps_tags = "tags" not in dropped(settings)
        self._notes: list[Note] = []
        self._rounded = False
        self._crowded = 0
        self._last_dts: int | None = None
        self._finished = False
        check_square_pixels(info, self._codec, self._container_name, output.path)
        check_fields(info)
        self._copier: StreamCopier | NoStreams = (
            StreamCopier(reader.path, info, self._container_name, output.path.name, dropped(settings), disguise)
            if isinstance(reader, VideoReader)
            else NoStreams()
        )
        try:
            named = [each for each in formats if encoder is None or each.encoder.name == encoder]
            self.format = self._open_first(named or formats[-1:], engine)
            # An encoder of its own is gone, with its memory, when its part ends.
            self._part = None if self.format.can_be_cut else PartEncoder(self.format, self._video)
            self._note_encoder(settings)
        except BaseException:
            self._copier.close()
            raise

    def _note_encoder(self, settings: Settings) -> None:
        encoder, codec = self.format.encoder, self._codec
        if settings.encoder == "hardware" and not encoder.hardware:
            text = "no hardware encoder for {codec} could be opened; the processor encodes"
            self._notes.append(Note.of("no-hardware", text, codec=codec))
        if (least := video_need(codec, scant=self._info.content.scant).least_quality) > settings.quality:
            text = "quality {quality} would lose the invisible mark in {codec}: written with {least}"
            self._notes.append(Note.of("mark-quality", text, quality=settings.quality, codec=codec, least=least))
        if encoder.pixel_format == "yuv444p":
            text = "the size is odd: written with full colour resolution (4:4:4), which some players refuse"
            self._notes.append(Note.of("odd-size", text))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes for the user; complete when the last frame has been written."""
        late = "{name} has a constant frame rate: times were rounded to it; .mp4 and .mkv preserve them"
        crowded = "{n} frames closer together than the frame rate of {name} were left out"
        name = self._output.path.name
        return (
            *self._notes,
            *self._copier.warnings,
            *((Note.of("constant-rate", late, name=name),) if self._rounded else ()),
            *((Note.of("crowded", crowded, n=self._crowded, name=name),) if self._crowded else ()),
        )

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        with self._explained():
            if self._part is None:
                self._part = PartEncoder(self.format)
                self.check_head(self._part.head)
            self._encoded(self._part.encode(labelled))

    def end_part(self, until: Fraction | None) -> None:
        """Encode what is left of a part, whose last frame is shown `until` a time on the clock of the input, None = the end.

        The frames that come then are another encoder's.
        """
        part, self._part = self._part, None
        if part is not None:
            with self._explained():
                self._encoded(part.finish(until))
            self._rounded |= part.rounded
            self._crowded += part.crowded
            del part
            # An encoder and its container refer to each other; one of 2160p holds 720 MB.
            give_back()

    def take(self, packets: Iterable[StoredPacket]) -> None:
        """Write the packets of a part that was encoded elsewhere. Raises `OutputError`."""
        with self._explained():
            self._mux(each.packet() for each in packets)

    def _encoded(self, packets: "Iterable[Packet[Any]]") -> None:
        """Write packets of an encoder of this process; where there are several parts, as if they had been stored."""
        self._mux((StoredPacket.of(each).packet() for each in packets) if self.format.can_be_cut else packets)

    @property
    def head(self) -> bytes:
        """Codec data that a decoder needs before the first packet."""
        return self._video.codec_context.extradata or b""

    def check_head(self, head: bytes) -> None:
        """Raise `OutputError` for another encoder whose packets need another head than that of this file."""
        if head != self.head:
            raise OutputError(
                f"the parts of {self._output.path.name} were not written by the same version of {self.format.encoder.name}",
                "make all parts with the same installation of mien",
            )

    def finish(self) -> None:
        """Flush the encoder, write the rest of the other streams and the end of the file, once."""
        if self._finished:
            return
        self._finished = True
        try:
            self.end_part(None)
            with self._explained():
                self._copier.finish(self._container)
                self._container.close()
        finally:
            self._copier.close()

    def _mux(self, packets: "Iterable[Packet[Any]]") -> None:
        for packet in packets:
            if packet.dts is not None:
                if self._last_dts is not None and packet.dts <= self._last_dts:
                    # A new encoder counts back from its first frame; the frames before it may have been closer together.
                    packet.dts = self._last_dts + 1
                self._last_dts = packet.dts
                self._copier.advance(packet.dts * packet.time_base, self._container)
            packet.stream = self._video
            self._container.mux_one(packet)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _open_first(self, formats: Sequence[PictureFormat], engine: str) -> PictureFormat:
        for each in formats[:-1]:
            with contextlib.suppress(FFmpegError, ValueError, OSError):
                each.try_out()
                self._open(each, engine)
                return each
        try:
            self._open(formats[-1], engine)
        except (FFmpegError, ValueError, OSError) as error:
            raise self._refusal(error) from error
        return formats[-1]

    def _open(self, form: PictureFormat, engine: str) -> None:
        tags = _container_tags(self._copier.metadata, engine)
        options = {}
        if self._container_name in {"mp4", "mov"}:
            # A cover needs the classic form.
            classic = self._copier.copies_cover or {name.lower() for name in tags} <= _CLASSIC_TAGS
            options["movflags"] = "+faststart" if classic else "+faststart+use_metadata_tags"
        if self._container_name in {"matroska", "webm"}:
            # Otherwise the file and its streams get random numbers.
            options["fflags"] = "+bitexact"
        temporary = str(self._output.temporary.absolute())
        self._container = av.open(temporary, "w", format=self._container_name, container_options=options)
        self._video = open_stream(form, self._container)
        self._describe_video()
        self._copier.add_streams(self._container)
        self._container.metadata.update(tags)
        with ordinary_scheduling():
            self._container.start_encoding()

    def _describe_video(self) -> None:
        original = self._copier.video_stream
        if self._keeps_tags:
            self._video.metadata.update(kept_tags(original.metadata, measured=False))
        if self._info.is_part:
            self._video.metadata.pop("timecode", None)
        self._video.disposition = original.disposition

    def _failure(self, error: Exception) -> OutputError | UnreadableMedia:
        text = getattr(error, "strerror", None) or str(error)
        if is_of_the_place(error):
            return output_error(OSError(getattr(error, "errno", None), text), self._output.path)
        return UnreadableMedia(
            f"the pictures of {self._input.name} cannot be written to {self._output.path.name}: {text}",
            # AVI holds no gap of more than 65,000 frames.
            "write a .mkv or .mp4" if self._container_name == "avi" else other_codec(self._container_name, self._codec),
        )

    def _refusal(self, error: Exception) -> OutputError | UnreadableMedia | UsageError:
        if is_of_the_place(error):
            return self._failure(error)
        size = f"{self._info.width}x{self._info.height}"
        return UsageError(
            f"pictures of {size} cannot be encoded for {self._output.path.name}: {getattr(error, 'strerror', None) or error}",
            other_codec(self._container_name, self._codec),
        )

    def _abandon(self) -> None:
        self._copier.close()
        super()._abandon()


def check_output(reader: VideoReader, path: Path, settings: Settings) -> tuple[str, ...]:
    """Return the warnings of a `VideoWriter` without writing anything. Raises `UsageError` as it would."""
    container, codec = plan_codec(path, settings, reader.info.content)
    check_square_pixels(reader.info, codec, container, path)
    check_fields(reader.info)
    copier = StreamCopier(reader.path, reader.info, container, path.name, dropped(settings))
    try:
        # No file is opened before the first packet.
        copier.add_streams(av.open(os.devnull, "w", format=container))
    finally:
        copier.close()
    return copier.warnings


def _container_tags(metadata: dict[str, str], engine: str) -> dict[str, str]:
    """Return the input's metadata with the statement added to its comment."""
    tags = {key: value for key, value in metadata.items() if key.lower() not in _FILE_TAGS}
    before = " ".join(tags.pop(key).strip() for key in list(tags) if key.lower() == "comment")
    said = statement.sentence(engine)
    tags["comment"] = before if said in before else f"{before} {said}".strip()
    return tags
