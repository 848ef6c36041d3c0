"""Relay of encoded packets to the network, in a process of its own; `streamer` feeds it.

FFmpeg's network code can stop a whole process for as long as the other side is silent, so this module runs as a program that
can be ended at any time. It imports little, because each stream starts it.
"""

import io
import json
import os
import struct
import sys
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.logging
from av.error import FFmpegError
from av.packet import Packet

READY = "mien: the stream is open"
"""The line on the error stream that follows the connection."""
LOW_DELAY = {"flush_packets": "1", "max_interleave_delta": "100000"}
"""Options of all muxers: write each packet at once, and hold back one stream for another by at most 0.1 s."""
_OPTIONS: dict[str, dict[str, str]] = {
    "flv": {"flvflags": "no_duration_filesize"},
    "mpegts": {},
    "rtsp": {"rtsp_transport": "tcp"},
}
_PACKET = struct.Struct(">B?qqqIII")
"""Stream, key frame, pts, dts, duration, numerator and denominator of the time base, size."""


class Feed:
    """Buffer of the bytes on their way to the relay."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes, /) -> int:
        """Append bytes."""
        self._bytes += data
        return len(data)

    def add(self, packet: "Packet[Any]") -> None:
        """Append a packet in the form that `relay` reads."""
        base = packet.time_base
        times = packet.pts or 0, packet.dts or 0, packet.duration or 0
        data = bytes(packet)
        self.write(_PACKET.pack(packet.stream.index, packet.is_keyframe, *times, base.numerator, base.denominator, len(data)))
        self.write(data)

    def take(self) -> bytes:
        """Return all bytes and forget them."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def opening_order(url: str, container: str, tags: dict[str, str], head: bytes) -> bytes:
    """Return the first input of the relay: address, container, and the AVI head that describes the streams."""
    options = {**LOW_DELAY, **_OPTIONS[container]}
    order = {"url": url, "container": container, "options": options, "tags": tags, "head": len(head)}
    return json.dumps(order).encode() + b"\n" + head


def relay(feed: BinaryIO) -> None:
    """Connect, print `READY`, and send the packets that come in until there are no more."""
    order = json.loads(feed.readline())
    with av.open(io.BytesIO(feed.read(order["head"])), "r", format="avi") as head:
        out = av.open(order["url"], "w", format=order["container"], container_options=order["options"])
        streams = [out.add_stream_from_template(stream) for stream in head.streams]
    out.metadata.update(order["tags"])
    out.start_encoding()
    sys.stderr.write(f"{READY}\n")
    sys.stderr.flush()
    while len(fields := feed.read(_PACKET.size)) == _PACKET.size:
        index, key, pts, dts, duration, numerator, denominator, size = _PACKET.unpack(fields)
        packet = Packet(feed.read(size))
        packet.stream, packet.is_keyframe = streams[index], key
        packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, duration, Fraction(numerator, denominator)
        out.mux_one(packet)
    out.close()


def main() -> None:
    """Relay the standard input; an error is the last line on the error stream."""
    # The answer of a server is in the log only.
    av.logging.set_level(av.logging.ERROR)
    try:
        relay(sys.stdin.buffer)
    except (FFmpegError, OSError) as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.stderr.flush()
        # No cleanup: it would talk to the other side again.
        os._exit(1)


if __name__ == "__main__":
    main()
