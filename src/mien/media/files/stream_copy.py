"""Copy of all streams but the video from one file to another, converted only if the container cannot hold them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from mien.errors import UnreadableMedia
from mien.media.files.output_file import is_of_the_place
from mien.media.files.packets import FREE_RUNNING, PacketReader, open_input
from mien.media.files.sound_conversion import PREROLL_S, SoundConverter
from mien.media.files.stream_plan import Planned, StreamPlan, Treatment
from mien.media.files.subtitles import SubtitleConverter
from mien.media.files.video_info import VideoInfo
from mien.media.files.voice_disguise import Disguise
from mien.media.frames.pyav import known_fraction, readable, readable_tags
from mien.types import Note

if TYPE_CHECKING:
    # Known to the type checker alone: at run time a chapter is a plain dict.
    from av.container.core import Chapter

_LOOK_BACK_S = 10  # subtitles on the screen at the start of a part begin before it
_MAX_DISORDER_S = 5  # between the packets of one file
_LEAD_IN_S = Fraction(1, 10)  # codecs need up to 80 ms (Opus); edit lists hide longer sound, which was cut away
_MAY_REPEAT_TIMES = {"matroska", "webm"}
_MEASURED = ("BPS", "DURATION", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS")
"""Tags that Matroska writers compute from a stream; they are wrong for another or a shorter one."""


_QUICKTIME_LANGUAGES = {
    "deu": "ger", "nld": "dut", "ell": "gre", "zho": "chi", "sqi": "alb", "hye": "arm", "eus": "baq", "mya": "bur",
    "kat": "geo", "isl": "ice", "mkd": "mac", "msa": "may", "fas": "per", "bod": "tib", "cym": "wel", "fre": "fra",
    "cze": "ces", "slo": "slk", "rum": "ron",
}  # fmt: skip
"""Languages with two codes in ISO 639-2: the one that FFmpeg cannot write into a .mov, and the one that it can."""


class Carrier(Protocol):
    """Maker of an output stream's packets from those of an input stream, on the clock of the output."""

    stream: Stream
    damaged: int

    def take(self, packet: "Packet[Stream]") -> "Iterable[Packet[Stream]]":
        """Return the packets that follow from one packet of the input."""
        ...

    def finish(self) -> "Iterable[Packet[Stream]]":
        """Return the remaining packets at the end."""
        ...


@contextmanager
def _template(source: Stream, path: Path) -> Iterator[Stream]:
    """Yield the stream of the file with the codec's own delay.

    FFmpeg of PyAV 19 counts sound that an edit list hides as delay of the codec. Matroska stores the delay, and players mute
    that much: the sound of the whole clip would be lost.
    """
    # PyAV 18 has no such property, and no such fault.
    delay = getattr(source.codec_context, "initial_padding", None) or 0
    if not isinstance(source, AudioStream) or delay <= _LEAD_IN_S * (source.rate or 1):
        yield source
        return
    with open_input(path, edits=False) as plain:
        yield plain.streams[source.index]


class _Copy:
    """Carrier that passes packets on unchanged."""

    def __init__(self, source: Stream, out: OutputContainer, path: Path) -> None:
        with _template(source, path) as template:
            self.stream = out.add_stream_from_template(template, opaque=True)
        self.damaged = 0

    def take(self, packet: "Packet[Stream]") -> "Iterable[Packet[Stream]]":
        packet.stream = self.stream
        return (packet,)

    def finish(self) -> "Iterable[Packet[Stream]]":
        return ()


class StreamCopier:
    """Copier that opens `path` a second time and writes the packets that belong beside the video, in step with it.

    `add_streams` first, then `advance` with the time that the video has reached, `finish` at the end, `close` always.
    `drop` as in `StreamPlan`; `disguise` changes the voices of all sound. The
    constructor raises `UnsupportedMedia` as that does.
    """

    def __init__(
        self, path: Path, info: VideoInfo, container: str, name: str, drop: frozenset[str] = frozenset(),
        disguise: Disguise | None = None,
    ) -> None:  # fmt: skip
        self._info = info
        self._path, self._name = path, name
        self._container_name = container
        self._disguise = disguise
        self._keeps_tags = "tags" not in drop
        self._file: InputContainer = open_input(path)
        self._carriers: dict[int, Carrier] = {}
        self._last_dts: dict[int, int] = {}
        self._waiting: Packet[Stream] | None = None
        try:
            self._plan = StreamPlan(self._file, container, name, drop, disguised=disguise is not None)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        self._file.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes on streams that change or are left out; complete when everything has been written."""
        damaged = sum(carrier.damaged for carrier in self._carriers.values())
        return (
            *self._plan.notes,
            *(
                [Note.of("damaged-streams", "{n} damaged places in sound or subtitles were left out", n=damaged)]
                if damaged
                else []
            ),
        )

    @property
    def metadata(self) -> dict[str, str]:
        """Tags of the container, readable; none where they are dropped."""
        return readable_tags(self._file.metadata) if self._keeps_tags else {}

    @property
    def copies_cover(self) -> bool:
        """True if a cover picture is copied as a stream."""
        return self._plan.copies_cover

    @property
    def video_stream(self) -> Stream:
        """The original of the stream that is encoded again."""
        return self._file.streams[self._info.stream_index]

    def add_streams(self, out: OutputContainer) -> None:
        """Give `out` its audio, subtitles, covers, attachments and chapters."""
        self._carriers.clear()
        for planned in self._plan.planned:
            stream = planned.stream
            if planned.treatment is Treatment.ATTACH_COVER:
                self._attach_cover(stream, out)
            elif isinstance(stream, AttachmentStream):
                out.add_attachment(
                    readable(stream.name or "attachment"), stream.mimetype or "application/octet-stream", stream.data
                )
            else:
                self._carriers[stream.index] = carrier = self._carrier(planned, out)
                copied = planned.treatment is Treatment.COPY and not self._info.is_part
                carrier.stream.metadata.update(self._tags(stream, measured=copied))
                carrier.stream.disposition = stream.disposition
        self._add_chapters(out)
        self._packets = self._in_range()

    def advance(self, time: Fraction, out: OutputContainer) -> None:
        """Write the packets up to `time`, in seconds on the clock of the output."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = packet
            if _time(packet) > time:
                return
            self._waiting = None
            self._carry(packet, out)

    def finish(self, out: OutputContainer) -> None:
        """Write the rest."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = None
            self._carry(packet, out)
        for index, carrier in self._carriers.items():
            with self._explaining(self._file.streams[index]):
                for packet in carrier.finish():
                    self._write(packet, out)

    def _tags(self, stream: Stream, *, measured: bool) -> dict[str, str]:
        tags = kept_tags(stream.metadata, measured=measured)
        if not self._keeps_tags:
            tags = {"language": tags["language"]} if "language" in tags else {}
        language = tags.get("language", "")
        if self._container_name == "mov" and language in _QUICKTIME_LANGUAGES:
            tags["language"] = _QUICKTIME_LANGUAGES[language]
        return tags

    def _carry(self, packet: "Packet[Stream]", out: OutputContainer) -> None:
        source = packet.stream
        with self._explaining(source):
            for made in self._carriers[source.index].take(packet):
                self._write(made, out)

    @contextmanager
    def _explaining(self, source: Stream) -> Iterator[None]:
        """Blame the input for a packet that the output rejects, but not for a full disk."""
        try:
            yield
        except InvalidDataError:
            # A damaged packet; some muxers rewrite packets, such as AAC of transport streams in MP4.
            self._carriers[source.index].damaged += 1
        except FFmpegError as error:
            if is_of_the_place(error):
                raise
            kind = "subtitles" if source.type == "subtitle" else source.type if source.type == "audio" else "data"
            raise UnreadableMedia(
                f"{source.type} stream {source.index} of {self._path.name} cannot be written to {self._name}: {error.strerror}",
                f"leave it out: --drop {kind}",
            ) from error

    def _write(self, packet: "Packet[Stream]", out: OutputContainer) -> None:
        index = packet.stream_index
        last = self._last_dts.get(index)
        if packet.dts is not None and last is not None:
            least = last if self._container_name in _MAY_REPEAT_TIMES else last + 1
            if packet.dts < least:
                # Times in broken files repeat or step back, which the muxer would reject.
                packet.dts = least
        if packet.dts is not None and packet.pts is not None:
            packet.pts = max(packet.pts, packet.dts)
        self._last_dts[index] = packet.dts if packet.dts is not None else 0
        out.mux_one(packet)

    def _carrier(self, planned: Planned, out: OutputContainer) -> Carrier:
        if planned.sound is not None:
            assert isinstance(planned.stream, AudioStream)
            end = None if self._info.end is None else self._info.end - self._info.origin
            from_zero = self._container_name == "avi"
            return SoundConverter(planned.stream, out, planned.sound, from_zero=from_zero, end_s=end, disguise=self._disguise)
        if planned.text is not None:
            assert isinstance(planned.stream, SubtitleStream)
            return SubtitleConverter(planned.stream, out, planned.text)
        return _Copy(planned.stream, out, self._path)

    def _attach_cover(self, stream: Stream, out: OutputContainer) -> None:
        assert stream.codec_context is not None
        jpeg = stream.codec_context.codec.canonical_name == "mjpeg"
        suffix, kind = ("jpg", "image/jpeg") if jpeg else ("png", "image/png")
        data = next((bytes(packet) for packet in PacketReader(self._file, (stream,))), b"")
        out.add_attachment(readable_tags(stream.metadata).get("filename", f"cover.{suffix}"), kind, data)
        self._file.seek(0)

    def _add_chapters(self, out: OutputContainer) -> None:
        if not self._plan.keeps_chapters:
            return
        end = None if self._info.end is None else self._info.end - self._info.origin
        kept: list[Chapter] = []
        for chapter in self._file.chapters():
            base = known_fraction(chapter["time_base"], Fraction(1, av.time_base))
            shift = round(self._info.origin / base)
            last = chapter["end"] - shift if end is None else min(chapter["end"] - shift, int(end / base))
            first = max(chapter["start"] - shift, 0)
            if first < last:
                kept.append(
                    {
                        **chapter,
                        "start": first,
                        "end": last,
                        "metadata": readable_tags(chapter["metadata"]) if self._keeps_tags else {},
                    }
                )
        out.set_chapters(kept)

    def _in_range(self) -> "Iterator[Packet[Stream]]":
        """Yield packets of the copied streams in the wanted part, times on the clock of the output."""
        info = self._info
        streams = [stream for stream in self._file.streams if stream.index in self._carriers]
        if not streams:
            return
        if info.begin is not None and self._file.format.name not in FREE_RUNNING:
            self._seek_before(info.begin)
        follows: dict[int, int] = {}
        for packet in PacketReader(self._file, streams):
            covers = bool(packet.stream.disposition & Disposition.attached_pic)
            if packet.pts is None and packet.dts is None and not covers:
                # A packet without a time follows the one before.
                packet.pts = packet.dts = follows.get(packet.stream_index)
                if packet.pts is None:
                    continue
            follows[packet.stream_index] = round(_time(packet) / packet.time_base) + (packet.duration or 0)
            if info.end is not None and not covers and _time(packet) >= info.end + _MAX_DISORDER_S:
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
        """Shift the packet to the clock of the output; return False if it lies outside the part."""
        info, base = self._info, packet.time_base
        time, duration = _time(packet), (packet.duration or 0) * base
        if info.end is not None and time >= info.end:
            return False
        if info.begin is None and time + duration < info.origin - _LEAD_IN_S:
            return False
        if info.begin is not None and time < info.origin:
            if isinstance(self._carriers[packet.stream_index], SoundConverter) and time >= info.origin - PREROLL_S:
                return self._shift(packet)
            if packet.stream.type != "subtitle" or time + duration <= info.origin:
                return False
            # A subtitle that is already on the screen stays for the rest of its time.
            late = round((info.origin - time) / base)
            packet.pts = packet.dts = (packet.pts or 0) + late
            packet.duration = max((packet.duration or 0) - late, 1)
        return self._shift(packet)

    def _shift(self, packet: "Packet[Stream]") -> bool:
        shift = round(self._info.origin / packet.time_base)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
        return True


def kept_tags(tags: dict[str, str], *, measured: bool) -> dict[str, str]:
    """Return the tags of a stream without those on its storage, and unless `measured` without statistics."""
    return {
        key: value
        for key, value in readable_tags(tags).items()
        if key.lower() not in {"encoder", "rotate", "alpha_mode"} and (measured or not key.upper().startswith(_MEASURED))
    }


def _time(packet: "Packet[Stream]") -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return (stamp or 0) * packet.time_base
