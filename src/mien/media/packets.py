"""Opening a video file, and its packets past damaged places."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from mien.errors import UnreadableMedia

# Playlists and other formats that make the demuxer open further files are left out: a target is one untrusted file.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf"
_MOST_FAILURES_IN_A_ROW = 50


def open_input(path: Path) -> InputContainer:
    """The file, opened and probed. Raises `UnreadableMedia`."""
    try:
        return av.open(
            # An absolute path cannot be taken for a protocol, whatever the name holds.
            str(path.absolute()),
            "r",
            # Times made up from the packets behind (genpts) would put H.264 in AVI a frame too late.
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file", "fflags": "-genpts"},
            metadata_errors="replace",
        )
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableMedia(
            f"{path} is neither a picture nor a video that mien reads, or is damaged or cut short: {reason}",
            "check the file, or fetch or save it again",
        ) from error


class PacketReader:
    """Iterates over the packets of some streams in file order, without the empty ones; counts what is damaged."""

    def __init__(self, container: InputContainer, streams: Sequence[Stream]) -> None:
        self._container = container
        self._streams = tuple(streams)
        self.damaged = 0

    def __iter__(self) -> "Iterator[Packet[Stream]]":
        failures = 0
        while failures < _MOST_FAILURES_IN_A_ROW:
            try:
                for packet in self._container.demux(*self._streams):
                    failures = 0
                    if packet.size:
                        yield packet
            except EndOfFile:
                return
            except FFmpegError:
                # The demuxer can often go on behind a damaged place.
                self.damaged += 1
                failures += 1
            else:
                return
