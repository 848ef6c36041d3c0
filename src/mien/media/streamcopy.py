"""Copies all that is not the video from one file to the other, packet by packet, untouched."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from mien.errors import UsageError
from mien.media.packets import PacketReader, open_input
from mien.media.videoreader import VideoInfo

if TYPE_CHECKING:
    # Known to the type checker alone: at run time a chapter is a plain dict.
    from av.container.core import Chapter

# Subtitles stay on the screen for long: those shown at the start of a part begin before it.
_LOOK_BACK_S = 10
# How far the packets of one file may be out of order.
_DISORDER_S = 5
_HOLDS_COVERS = {"mp4", "mov"}
_HOLDS_CHAPTERS = {"mp4", "mov", "matroska", "webm"}
_MAY_REPEAT_TIMES = {"matroska", "webm"}
_MEASURED = ("BPS", "DURATION", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS")
"""Tags that Matroska writers compute from a stream; they are wrong for another or a shorter one."""


class StreamCopier:
    """Opens `path` a second time and hands over the packets that belong beside the video, in step with it.

    `add_streams` first, then `advance` with the time that the video has reached, `finish` at the end, `close` always.
    """

    def __init__(self, path: Path, info: VideoInfo, container: str, name: str) -> None:
        self._info = info
        self._container_name, self._name = container, name
        self._file: InputContainer = open_input(path)
        self._copies: dict[int, Stream] = {}
        self._last_dts: dict[int, int] = {}
        self._waiting: Packet[Stream] | None = None
        self.warnings: list[str] = []

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        self._file.close()

    @property
    def metadata(self) -> dict[str, str]:
        return self._file.metadata

    @property
    def has_cover(self) -> bool:
        return any(stream.disposition & Disposition.attached_pic for stream in self._file.streams.video)

    @property
    def video_stream(self) -> Stream:
        """The original of the stream that is encoded anew."""
        return self._file.streams[self._info.stream_index]

    def add_streams(self, out: OutputContainer) -> None:
        """Give `out` its copies of audio, subtitles, covers, attachments and chapters.

        Raises `UsageError` when an audio or subtitle stream does not go into this container. What is left out of
        lesser things is told in `warnings`.
        """
        for stream in self._file.streams:
            if stream.type in {"audio", "subtitle"}:
                self._copies[stream.index] = self._copy_of(stream, out)
            elif isinstance(stream, VideoStream) and stream.disposition & Disposition.attached_pic:
                self._add_cover(stream, out)
            elif isinstance(stream, AttachmentStream):
                self._add_attachment(stream, out)
            elif stream.type == "data" and not self._file.chapters():
                self.warnings.append(f"stream {stream.index} ({stream.name or 'data'}) is neither seen nor heard: left out")
        others = [s for s in self._file.streams.video if not s.disposition & Disposition.attached_pic]
        if len(others) > 1:
            self.warnings.append("the input holds several videos; the output has the one that was swapped")
        self._add_chapters(out)
        self._packets = self._in_range()

    def advance(self, time: Fraction, out: OutputContainer) -> None:
        """Write the packets up to `time`, in seconds on the clock of the output."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = packet
            if _time(packet) > time:
                return
            self._waiting = None
            self._write(packet, out)

    def finish(self, out: OutputContainer) -> None:
        """Write what is left."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = None
            self._write(packet, out)

    def _write(self, packet: "Packet[Stream]", out: OutputContainer) -> None:
        index = packet.stream_index
        packet.stream = self._copies[index]
        last = self._last_dts.get(index)
        if packet.dts is not None and last is not None:
            least = last if self._container_name in _MAY_REPEAT_TIMES else last + 1
            if packet.dts < least:
                # Broken files repeat times or step back; the muxer would refuse to go on.
                packet.dts = least
                packet.pts = max(packet.pts if packet.pts is not None else least, least)
        self._last_dts[index] = packet.dts if packet.dts is not None else 0
        out.mux_one(packet)

    def _copy_of(self, stream: Stream, out: OutputContainer) -> Stream:
        if stream.codec_context is None:
            raise UsageError(
                f"the {stream.type} stream {stream.index} has a codec that is not known here",
                "remove that stream first",
            )
        try:
            copy = out.add_stream_from_template(stream, opaque=True)
        except ValueError:
            codec = stream.codec_context.codec.canonical_name
            raise UsageError(
                f"{self._name} cannot hold the {stream.type} stream {stream.index} ({codec})", "write a .mkv, which can"
            ) from None
        self._take_over(stream, copy)
        return copy

    def _take_over(self, stream: Stream, copy: Stream) -> None:
        copy.metadata.update(kept_tags(stream.metadata, measured=not self._info.is_part))
        copy.disposition = stream.disposition

    def _add_cover(self, stream: VideoStream, out: OutputContainer) -> None:
        codec = "unknown" if stream.codec_context is None else stream.codec_context.codec.canonical_name
        if self._container_name in _HOLDS_COVERS and codec in {"mjpeg", "png"}:
            self._copies[stream.index] = copy = out.add_stream_from_template(stream, opaque=True)
            self._take_over(stream, copy)
        elif self._container_name == "matroska" and codec in {"mjpeg", "png"}:
            suffix, kind = ("jpg", "image/jpeg") if codec == "mjpeg" else ("png", "image/png")
            data = next((bytes(packet) for packet in PacketReader(self._file, (stream,))), b"")
            out.add_attachment(stream.metadata.get("filename", f"cover.{suffix}"), kind, data)
            self._file.seek(0)
        else:
            self.warnings.append(f"{self._name} cannot hold the cover picture: left out")

    def _add_attachment(self, stream: AttachmentStream, out: OutputContainer) -> None:
        if self._container_name == "matroska":
            out.add_attachment(stream.name or "attachment", stream.mimetype or "application/octet-stream", stream.data)
        else:
            self.warnings.append(f"{self._name} cannot hold the attachment {stream.name or stream.index}: left out")

    def _add_chapters(self, out: OutputContainer) -> None:
        chapters = self._file.chapters()
        if not chapters:
            return
        if self._container_name not in _HOLDS_CHAPTERS:
            self.warnings.append(f"{self._name} cannot hold the chapters: left out")
            return
        end = None if self._info.end is None else self._info.end - self._info.origin
        kept: list[Chapter] = []
        for chapter in chapters:
            base = chapter["time_base"] or Fraction(1, av.time_base)
            shift = round(self._info.origin / base)
            last = chapter["end"] - shift if end is None else min(chapter["end"] - shift, int(end / base))
            first = max(chapter["start"] - shift, 0)
            if first < last:
                kept.append({**chapter, "start": first, "end": last})
        out.set_chapters(kept)

    def _in_range(self) -> "Iterator[Packet[Stream]]":
        """Packets of the copied streams that belong to the wanted part, times on the clock of the output."""
        info = self._info
        streams = [stream for stream in self._file.streams if stream.index in self._copies]
        if not streams:
            return
        if info.begin is not None:
            self._seek_before(info.begin)
        for packet in PacketReader(self._file, streams):
            covers = bool(packet.stream.disposition & Disposition.attached_pic)
            if packet.pts is None and packet.dts is None and not covers:
                continue
            if info.end is not None and not covers and _time(packet) >= info.end + _DISORDER_S:
                return
            if covers or self._fit(packet):
                yield packet

    def _seek_before(self, begin: Fraction) -> None:
        try:
            self._file.seek(max(0, int((begin - _LOOK_BACK_S) * av.time_base)))
        except FFmpegError:
            # Then everything before the part is read and dropped.
            return

    def _fit(self, packet: "Packet[Stream]") -> bool:
        """Move the packet to the clock of the output; False when it lies outside the part."""
        info, base = self._info, packet.time_base
        time, duration = _time(packet), (packet.duration or 0) * base
        if info.end is not None and time >= info.end:
            return False
        if info.begin is not None and time < info.origin:
            if packet.stream.type != "subtitle" or time + duration <= info.origin:
                return False
            # A subtitle that is already on the screen: it stays for the rest of its time.
            late = round((info.origin - time) / base)
            packet.pts = packet.dts = (packet.pts or 0) + late
            packet.duration = max((packet.duration or 0) - late, 1)
        shift = round(info.origin / base)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
        return True


def kept_tags(tags: dict[str, str], *, measured: bool) -> dict[str, str]:
    """Tags of a stream without those on how it was stored, and unless `measured` without what was counted."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in {"encoder", "rotate", "alpha_mode"} and (measured or not key.upper().startswith(_MEASURED))
    }


def _time(packet: "Packet[Stream]") -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return (stamp or 0) * packet.time_base
