"""Video files opened for reading: their packets past damaged places, on one steady clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream

from mien.errors import UnreadableMedia
from mien.media.files.timeline import ClockRepair, Role, Stamp
from mien.media.frames.pyav import open_reading

# Playlists and other formats that make the demuxer open further files are left out: a target is one untrusted file.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf"
_MAX_CONSECUTIVE_FAILURES = 50
"""Errors after which the demuxer counts as stuck; chosen, not measured."""
FREE_RUNNING = ("mpegts", "mpeg")
"""Formats whose clock starts anywhere and may start over; the times of the others are used as they are."""
NO_MOTION = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_MAX_REORDER_S = 10  # between decoding and presentation; a later presentation time is damaged
_MAX_REORDER_FRAMES = 32  # pictures are shown up to 16 frames after they are decoded


def open_input(path: Path, *, edits: bool = True) -> InputContainer:
    """Open and probe the file, without the edit lists of .mp4 and .mov if told so. Raises `UnreadableMedia`."""
    ignored = {} if edits else {"ignore_editlist": "1"}
    try:
        return open_reading(
            # An absolute path is never taken for a protocol, whatever the name holds.
            str(path.absolute()),
            # Times guessed from later packets (genpts) would put H.264 in AVI a frame too late.
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file", "fflags": "-genpts", **ignored},
        )
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableMedia(
            f"{path} is neither a picture nor a video that mien reads, or is damaged or cut short: {reason}",
            "check the file, or fetch or save it again",
        ) from error


class PacketReader:
    """Iterable over the packets of some streams in file order, without the empty ones; it counts damaged places.

    Times are repaired (`timeline.ClockRepair`) from the packets of all streams, so that two readers of one file agree.
    """

    def __init__(self, container: InputContainer, streams: Sequence[Stream]) -> None:
        self._container = container
        self._wanted = {stream.index for stream in streams}
        self.damaged = 0
        self.jumps = 0
        """Jumps of the file's clock so far."""

    def __iter__(self) -> "Iterator[Packet[Stream]]":
        repair: ClockRepair[Packet[Stream]] = ClockRepair(free_running=self._container.format.name in FREE_RUNNING)
        roles = {stream.index: (_role(stream), stream.time_base) for stream in self._container.streams}
        for packet in self._packets():
            if packet.stream_index not in roles:
                # A transport stream may gain streams at any time; an output cannot.
                continue
            role, base = roles[packet.stream_index]
            ready = repair.push(packet, _stamp(packet, role, base or packet.time_base))
            yield from self._moved(ready)
            self.jumps = repair.jumps
        yield from self._moved(repair.flush())
        self.jumps = repair.jumps

    def _moved(self, ready: "list[tuple[Packet[Stream], int]]") -> "Iterator[Packet[Stream]]":
        for packet, ticks in ready:
            if packet.stream_index not in self._wanted:
                continue
            if ticks:
                packet.pts = None if packet.pts is None else packet.pts + ticks
                packet.dts = None if packet.dts is None else packet.dts + ticks
            yield packet

    def _packets(self) -> "Iterator[Packet[Stream]]":
        failures = 0
        while failures < _MAX_CONSECUTIVE_FAILURES:
            try:
                for packet in self._container.demux():
                    failures = 0
                    if packet.size:
                        yield packet
            except (EndOfFile, IndexError):
                # At the end PyAV fails on streams that appeared during reading.
                return
            except FFmpegError:
                # The demuxer can often continue after a damaged place.
                self.damaged += 1
                failures += 1
            else:
                return


def _role(stream: Stream) -> Role:
    if stream.type == "video" and not stream.disposition & NO_MOTION:
        return Role.PICTURE
    return Role.SOUND if stream.type == "audio" else Role.OTHER


def _stamp(packet: "Packet[Stream]", role: Role, base: Fraction) -> Stamp:
    """Return the packet's times; remove a presentation time that cannot be true."""
    dts, pts, duration = packet.dts, packet.pts, packet.duration or 0
    if role is Role.PICTURE and dts is not None and pts is not None:
        ahead = pts - dts
        if ahead * base > _MAX_REORDER_S and ahead > _MAX_REORDER_FRAMES * duration:
            # One damaged time would delay all later pictures.
            packet.pts = None
    time = dts if dts is not None or role is Role.PICTURE else pts
    return Stamp(packet.stream_index, role, base, time, packet.pts, duration, packet.size)


@dataclass(frozen=True, slots=True)
class Survey:
    """Result of a pass over all packets of a file for one of its streams, in seconds of the repaired clock.

    `start` is the first time of any picture or sound, `end` the end of the last picture of the stream, `keys` the packet
    number and time of each key frame.
    """

    start: Fraction
    end: Fraction
    frames: int
    keys: tuple[tuple[int, Fraction], ...]

    def key_before(self, time: Fraction) -> int:
        """Return the number of the packet from which the frame at `time` can be decoded."""
        return max((number for number, at in self.keys if at <= time), default=0)


def survey(path: Path, stream_index: int) -> Survey | None:
    """Read all packets of a file; return None if none of the stream has a time. Raises `UnreadableMedia`."""
    with open_input(path) as container:
        timed = [s for s in container.streams if _role(s) is not Role.OTHER]
        first: dict[int, Fraction] = {}
        keys: list[tuple[int, Fraction]] = []
        count, end = 0, None
        for packet in PacketReader(container, timed):
            index, pts = packet.stream_index, packet.pts if packet.pts is not None else packet.dts
            if pts is not None and index not in first:
                first[index] = pts * packet.time_base
            if index != stream_index:
                continue
            if pts is not None:
                if packet.is_keyframe:
                    keys.append((count, pts * packet.time_base))
                last = (pts + (packet.duration or 0)) * packet.time_base
                end = last if end is None else max(end, last)
            count += 1
    return None if end is None else Survey(min(first.values()), end, count, tuple(keys))
