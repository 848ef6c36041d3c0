"""Sends what is seen and heard live over the network: RTMP, RTSP, SRT, and MPEG-TS over UDP or TCP.

Run as a program, this module is the other end of `StreamOut`: FFmpeg's network code can stop a whole process for as long
as the other side is silent, so it gets a process of its own that can be ended at any time.
"""

import contextlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self
from urllib.parse import unquote

import av
import av.logging
from av.error import FFmpegError
from av.packet import Packet

from mien.errors import OutputError, UsageError
from mien.media.address import HIDDEN, masked
from mien.media.files import statement
from mien.settings import Settings
from mien.system.programs import environment, find_program, python_module
from mien.types import LabelledFrame, Sound

if TYPE_CHECKING:
    from mien.media.broadcast.live_muxer import LiveMuxer

_CONTAINERS = {"rtmp": "flv", "rtmps": "flv", "udp": "mpegts", "tcp": "mpegts", "rtsp": "rtsp", "srt": "mpegts"}
_OPTIONS: dict[str, dict[str, str]] = {
    "flv": {"flvflags": "no_duration_filesize"},
    "mpegts": {},
    "rtsp": {"rtsp_transport": "tcp"},
}
_LOW_DELAY = {"flush_packets": "1", "max_interleave_delta": "100000"}
_QUERIES = {"udp": "pkt_size=1316", "tcp": "tcp_nodelay=1"}
"""Added to the address unless it says something else."""
_OPENING_S = 5.0
_SILENCE_S = 5.0
_CLOSING_S = 1.2
_BACKLOG_S = 1.0
"""When more than this waits to be sent, frames are left out."""
_LINES_KEPT, _LINES_SHOWN = 20, 2
_BETWEEN = re.compile(r"[/?#&=@:\s]+")
_FFMPEG_REMEDY = (
    "install an ffmpeg with SRT and put it on the PATH (Linux: sudo apt install ffmpeg; macOS: brew install ffmpeg; Windows: "
    "winget install ffmpeg), or stream to rtmp:// or udp://"
)
_READY = "mien: the stream is open"
_READY_FFMPEG, _FFMPEG_END = "Output #0", "Conversion failed!"
_SPEAKER = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
_NULL_PACKET = b"\x47\x1f\xff\x10".ljust(188, b"\xff")
_PACKET = struct.Struct(">B?qqqIII")
"""Stream, key frame, pts, dts, duration, numerator and denominator of the time base, size."""


class StreamOut:
    """A `contracts.FrameSink` and `SoundSink` to an address such as `rtmp://host/app/key`; it does not connect again by itself.

    Opening takes 5 s at the most, and writing never waits for the network: when it is too slow, frames are left out and
    counted in `dropped`. `sound` is (samples a second, channels), `bitrate` bits of video a second. Raises `UsageError`
    for an address of another kind, `OutputError` when nobody answers or the other side goes away; over UDP nobody can
    tell. The address is shown without its secrets. For SRT a program `ffmpeg` must be installed, to which the address is
    handed on its command line.
    """

    def __init__(
        self,
        url: str,
        width: int,
        height: int,
        settings: Settings,
        *,
        sound: tuple[int, int] | None = None,
        bitrate: int = 4_000_000,
    ) -> None:
        scheme, found, rest = url.partition("://")
        self._scheme = scheme.lower()
        if not found or self._scheme not in _CONTAINERS or not rest or not url.isprintable():
            raise UsageError(f"cannot stream to {masked(url)}", f"use an address that begins with {', '.join(_CONTAINERS)}://")
        self._url, self._shown = url, masked(url)
        self._width, self._height, self._sound, self._bitrate = width, height, sound, bitrate
        self._tags = {"comment": statement.sentence(settings.engine)}
        self._lock = threading.Lock()
        self._failure: OutputError | None = None
        self._muxer: LiveMuxer | None = None
        self.dropped = 0

    def write(self, labelled: LabelledFrame) -> None:
        """Send one frame, or leave it out when the network is behind; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        with self._lock:
            muxer = self._working()
            if self._child.backlog > self._bitrate / 8 * _BACKLOG_S:
                # Left out before the encoder, so that what follows can still be decoded.
                self.dropped += 1
                return
            muxer.write(labelled)
            self._child.send(self._feed.take())

    def write_sound(self, sound: Sound) -> None:
        """Send one stretch of sound; raises `OutputError`."""
        with self._lock:
            self._working().write_sound(sound)
            self._child.send(self._feed.take())

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _OPENING_S
        muxer = self._make_muxer()
        self._child = self._start_child()
        try:
            self._child.send(self._feed.take())
            if not self._child.wait_ready(deadline):
                raise self._lost(f"cannot stream to {self._shown}", f"no answer within {_OPENING_S:.0f} seconds")
        except BaseException:
            self._child.close(0)
            raise
        self._muxer = muxer
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            muxer, self._muxer = self._opened(), None
            try:
                muxer.close()
                self._child.send(self._feed.take())
            finally:
                self._child.close(_CLOSING_S)

    def _opened(self) -> "LiveMuxer":
        if self._muxer is None:
            raise RuntimeError("the stream is used outside its `with`")
        return self._muxer

    def _working(self) -> "LiveMuxer":
        muxer = self._opened()
        if self._failure is None and (self._child.ended or self._child.silent_s > _SILENCE_S):
            self._failure = self._lost(f"the stream to {self._shown} broke off", "the other side takes nothing any more")
        if self._failure is not None:
            raise self._failure
        return muxer

    def _lost(self, what: str, otherwise: str) -> OutputError:
        """What the child said last, or else what is known without it."""
        said = _scrubbed(self._child.last_words, self._url) if self._child.ended else ""
        if self._scheme == "srt" and "Protocol not found" in said:
            return OutputError(f"{what}: the installed ffmpeg was built without SRT", _FFMPEG_REMEDY)
        return OutputError(
            f"{what}: {said or otherwise}", "check that the receiver runs and the address is right, then start again"
        )

    def _make_muxer(self) -> "LiveMuxer":
        # Imported here, because the child runs this module, too, and has no use for the compiled kernels.
        from mien.media.broadcast.live_muxer import LiveFormat, LiveMuxer

        rate = str(self._bitrate)
        video = {"b": rate, "maxrate": rate, "bufsize": str(self._bitrate // 2)}
        self._feed = _Feed()
        if self._scheme == "srt":
            # The program looks at its input before it connects: packets that mean nothing.
            self._feed.write(_NULL_PACKET * 7)
            live = LiveFormat("mpegts", _LOW_DELAY, video, self._tags)
            return LiveMuxer(self._feed, live, self._width, self._height, sound=self._sound)
        # The head of an AVI keeps what the encoders say of themselves as it is.
        head, live = _Feed(), LiveFormat("avi", {}, video, self._tags)
        muxer = LiveMuxer(head, live, self._width, self._height, sound=self._sound, deliver=self._feed.add)
        self._feed.write(_order(self._url, _CONTAINERS[self._scheme], self._tags, head.take()))
        return muxer

    def _start_child(self) -> "_Child":
        if self._scheme != "srt":
            return _Child(python_module(__name__), _READY)
        program = find_program("ffmpeg")
        if program is None:
            raise OutputError(
                f"cannot stream to {self._shown}: SRT needs the program ffmpeg, which is not here", _FFMPEG_REMEDY
            )
        # What is sent is bytes of MPEG-TS; taken for mere data, ffmpeg connects at once and delays nothing.
        quiet = ["-hide_banner", "-nostdin", "-nostats", "-probesize", "32", "-analyzeduration", "0"]
        source = ["-f", "data", "-raw_packet_size", "1316", "-i", "pipe:0"]
        url = _with_query(self._url, "pkt_size=1316")
        return _Child([program, *quiet, *source, "-map", "0", "-c", "copy", "-f", "data", url], _READY_FFMPEG)


class _Feed:
    """Bytes on their way to the child."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes, /) -> int:
        self._bytes += data
        return len(data)

    def add(self, packet: "Packet[Any]") -> None:
        """Append a packet in the form that `_relay` reads."""
        base = packet.time_base
        times = packet.pts or 0, packet.dts or 0, packet.duration or 0
        data = bytes(packet)
        self.write(_PACKET.pack(packet.stream.index, packet.is_keyframe, *times, base.numerator, base.denominator, len(data)))
        self.write(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Child:
    """A process that is fed bytes and says on its error stream that it is `ready`, or what went wrong."""

    def __init__(self, command: Sequence[str], ready: str) -> None:
        self._ready_line = ready
        self._changed = threading.Condition()
        self._items: deque[bytes] = deque()
        self._said: deque[str] = deque(maxlen=_LINES_KEPT)
        self._ready = self._closing = False
        self._progress = time.monotonic()
        self.ended = False
        self.backlog = 0
        """Bytes that wait to be taken."""
        try:
            self._process = _start(command)
        except OSError as error:
            raise OutputError(f"cannot start {command[0]}: {error.strerror}", "check how it is installed") from error
        loops = {"write": self._write, "listen": self._listen}
        self._threads = [threading.Thread(target=loop, name=f"mien-stream-{name}", daemon=True) for name, loop in loops.items()]
        for thread in self._threads:
            thread.start()

    @property
    def silent_s(self) -> float:
        """For how long nothing was taken although something waits."""
        with self._changed:
            return time.monotonic() - self._progress if self.backlog else 0.0

    @property
    def last_words(self) -> str:
        """The last lines of the error stream."""
        with self._changed:
            return "; ".join(list(self._said)[-_LINES_SHOWN:])

    def send(self, data: bytes) -> None:
        """Hand over bytes; never waits."""
        if not data:
            return
        with self._changed:
            if not self.backlog:
                self._progress = time.monotonic()
            self._items.append(data)
            self.backlog += len(data)
            self._changed.notify_all()

    def wait_ready(self, deadline: float) -> bool:
        """False when the child ended or the deadline, on the monotonic clock, has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self.ended, deadline - time.monotonic())
            return self._ready and not self.ended

    def close(self, limit_s: float) -> None:
        """Let the child end by itself for so long, then end it."""
        with self._changed:
            self._closing = True
            if not limit_s:
                self._items.clear()
            self._changed.notify_all()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            while (item := self._next()) is not None:
                pipe.write(item)
                pipe.flush()
                with self._changed:
                    self.backlog -= len(item)
                    self._progress = time.monotonic()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing or self.ended)
            return self._items.popleft() if self._items and not self.ended else None

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for line in pipe:
                text = line.decode(errors="replace").strip()
                with self._changed:
                    if text.startswith(self._ready_line):
                        self._ready = True
                        self._said.clear()
                        self._changed.notify_all()
                    elif text and text != _FFMPEG_END:
                        self._said.append(_SPEAKER.sub("", text))
        self._process.wait()
        with self._changed:
            self.ended = True
            self._changed.notify_all()


def _scrubbed(text: str, url: str) -> str:
    """The text without the secrets of the address, however they are quoted."""
    text = text.replace(url, masked(url))
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: str) -> set[str]:
    """The words of the address that its masked form does not show."""
    hidden = set(_BETWEEN.split(url)) - set(_BETWEEN.split(masked(url)))
    return {form for word in hidden for form in (word, unquote(word)) if len(form) > 1}


def _with_query(url: str, wanted: str) -> str:
    """The address with an option of FFmpeg's, unless it sets that option itself."""
    if not wanted or f"{wanted.partition('=')[0]}=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{wanted}"


def _order(url: str, container: str, tags: dict[str, str], head: bytes) -> bytes:
    """The first thing that the child reads: where to, in which container, and the head that describes the streams."""
    url = _with_query(url, _QUERIES.get(url.partition("://")[0].lower(), ""))
    options = {**_LOW_DELAY, **_OPTIONS[container]}
    order = {"url": url, "container": container, "options": options, "tags": tags, "head": len(head)}
    return json.dumps(order).encode() + b"\n" + head


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A child that the keys Ctrl-C do not reach: it ends when its input ends, after the last packet."""
    pipe, clean = subprocess.PIPE, environment()
    if sys.platform == "win32":
        apart = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, env=clean, creationflags=apart)
    return subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, env=clean, start_new_session=True)


def _relay(feed: BinaryIO) -> None:
    """The child's work: connect, say so, and send the packets that come in, until there are no more."""
    order = json.loads(feed.readline())
    with av.open(io.BytesIO(feed.read(order["head"])), "r", format="avi") as head:
        out = av.open(order["url"], "w", format=order["container"], container_options=order["options"])
        streams = [out.add_stream_from_template(stream) for stream in head.streams]
    out.metadata.update(order["tags"])
    out.start_encoding()
    sys.stderr.write(f"{_READY}\n")
    sys.stderr.flush()
    while len(fields := feed.read(_PACKET.size)) == _PACKET.size:
        index, key, pts, dts, duration, numerator, denominator, size = _PACKET.unpack(fields)
        packet = Packet(feed.read(size))
        packet.stream, packet.is_keyframe = streams[index], key
        packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, duration, Fraction(numerator, denominator)
        out.mux_one(packet)
    out.close()


def main() -> None:
    """The child. What goes wrong is its last line on the error stream."""
    # What a server answers is in the log only.
    av.logging.set_level(av.logging.ERROR)
    try:
        _relay(sys.stdin.buffer)
    except (FFmpegError, OSError) as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.stderr.flush()
        # Nothing is tidied up, because that talks to the other side again.
        os._exit(1)


if __name__ == "__main__":
    main()
