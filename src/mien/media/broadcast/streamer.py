"""Live streams over the network: RTMP, RTSP, SRT, and MPEG-TS over UDP or TCP."""

import re
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from mien.errors import OutputError, UsageError
from mien.media.address import HIDDEN, masked
from mien.media.broadcast import relay
from mien.media.broadcast.fed_process import FedProcess
from mien.media.broadcast.live_muxer import LiveFormat, LiveMuxer
from mien.media.broadcast.relay import LOW_DELAY, READY, Feed, opening_order
from mien.media.files import statement
from mien.settings import Settings
from mien.system.programs import find_program, python_module
from mien.types import LabelledFrame, Sound

_CONTAINERS = {"rtmp": "flv", "rtmps": "flv", "udp": "mpegts", "tcp": "mpegts", "rtsp": "rtsp", "srt": "mpegts"}
_QUERIES = {"udp": "pkt_size=1316", "tcp": "tcp_nodelay=1"}
"""Options of FFmpeg that are added to the address unless it sets them."""
_SEPARATORS = re.compile(r"[/?#&=@:\s]+")
_FFMPEG_REMEDY = (
    "install an ffmpeg with SRT and put it on the PATH (Linux: sudo apt install ffmpeg; macOS: brew install ffmpeg; Windows: "
    "winget install ffmpeg), or stream to rtmp:// or udp://"
)
_READY_FFMPEG = "Output #0"
"""The line that FFmpeg's program prints when it has connected."""
_NULL_PACKET = b"\x47\x1f\xff\x10".ljust(188, b"\xff")


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Times after which a stream gives up or drops frames; chosen, not measured."""

    opening_s: float = 5.0  # to connect
    silence_s: float = 5.0  # without a byte taken while some wait: the stream is lost
    closing_s: float = 1.2  # to send the rest at the end
    max_backlog_s: float = 1.0  # of video that waits to be sent; beyond it frames are dropped


_DEFAULT = StreamLimits()


class StreamOut:
    """A `contracts.FrameSink` and `SoundSink` to an address such as `rtmp://host/app/key`; it does not reconnect by itself.

    Opening takes at most 5 s, and writing never waits for the network: when that is too slow, frames are dropped and
    counted in `dropped`. `sound` is (samples a second, channels), `bitrate` bits of video a second. Raises `UsageError`
    for an address of another kind, `OutputError` when nobody answers or the other side goes away, which UDP does not report.
    The address is shown without its secrets. SRT needs an installed program `ffmpeg`, which gets the address on its command
    line.
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
        limits: StreamLimits = _DEFAULT,
    ) -> None:
        scheme, found, rest = url.partition("://")
        self._scheme = scheme.lower()
        if not found or self._scheme not in _CONTAINERS or not rest or not url.isprintable():
            raise UsageError(f"cannot stream to {masked(url)}", f"use an address that begins with {', '.join(_CONTAINERS)}://")
        self._url, self._shown = url, masked(url)
        self._width, self._height, self._sound, self._bitrate = width, height, sound, bitrate
        self._tags = {"comment": statement.sentence(settings.engine)}
        self._limits = limits
        self._lock = threading.Lock()
        self._failure: OutputError | None = None
        self._muxer: LiveMuxer | None = None
        self.dropped = 0

    def write(self, labelled: LabelledFrame) -> None:
        """Send one frame, or drop it when the network is behind; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        with self._lock:
            muxer = self._working()
            if self._child.backlog > self._bitrate / 8 * self._limits.max_backlog_s:
                # Dropped before the encoder, so that later frames can still be decoded.
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
        deadline = time.monotonic() + self._limits.opening_s
        muxer = self._make_muxer()
        self._child = self._start_child()
        try:
            self._child.send(self._feed.take())
            if not self._child.wait_ready(deadline):
                raise self._lost(f"cannot stream to {self._shown}", f"no answer within {self._limits.opening_s:.0f} seconds")
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
                self._child.close(self._limits.closing_s)

    def _opened(self) -> LiveMuxer:
        if self._muxer is None:
            raise RuntimeError("the stream is used outside its `with`")
        return self._muxer

    def _working(self) -> LiveMuxer:
        muxer = self._opened()
        if self._failure is None and (self._child.ended or self._child.silent_s > self._limits.silence_s):
            self._failure = self._lost(f"the stream to {self._shown} broke off", "the other side takes nothing any more")
        if self._failure is not None:
            raise self._failure
        return muxer

    def _lost(self, what: str, otherwise: str) -> OutputError:
        """Return the error with the last words of the child, or with `otherwise` if it still runs."""
        said = _scrubbed(self._child.last_words, self._url) if self._child.ended else ""
        if self._scheme == "srt" and "Protocol not found" in said:
            return OutputError(f"{what}: the installed ffmpeg was built without SRT", _FFMPEG_REMEDY)
        return OutputError(
            f"{what}: {said or otherwise}", "check that the receiver runs and the address is right, then start again"
        )

    def _make_muxer(self) -> LiveMuxer:
        rate = str(self._bitrate)
        video = {"b": rate, "maxrate": rate, "bufsize": str(self._bitrate // 2)}
        self._feed = Feed()
        if self._scheme == "srt":
            # The program probes its input before it connects: give it null packets.
            self._feed.write(_NULL_PACKET * 7)
            live = LiveFormat("mpegts", LOW_DELAY, video, self._tags)
            return LiveMuxer(self._feed, live, self._width, self._height, sound=self._sound)
        # The head of an AVI keeps the parameters of the encoders unchanged.
        head, live = Feed(), LiveFormat("avi", {}, video, self._tags)
        muxer = LiveMuxer(head, live, self._width, self._height, sound=self._sound, deliver=self._feed.add)
        url = _with_query(self._url, _QUERIES.get(self._scheme, ""))
        self._feed.write(opening_order(url, _CONTAINERS[self._scheme], self._tags, head.take()))
        return muxer

    def _start_child(self) -> FedProcess:
        if self._scheme != "srt":
            return FedProcess(python_module(relay.__name__), READY)
        program = find_program("ffmpeg")
        if program is None:
            raise OutputError(
                f"cannot stream to {self._shown}: SRT needs the program ffmpeg, which is not here", _FFMPEG_REMEDY
            )
        # The bytes are MPEG-TS already; declared as plain data, ffmpeg connects at once and delays nothing.
        quiet = ["-hide_banner", "-nostdin", "-nostats", "-probesize", "32", "-analyzeduration", "0"]
        source = ["-f", "data", "-raw_packet_size", "1316", "-i", "pipe:0"]
        url = _with_query(self._url, "pkt_size=1316")
        return FedProcess([program, *quiet, *source, "-map", "0", "-c", "copy", "-f", "data", url], _READY_FFMPEG)


def _scrubbed(text: str, url: str) -> str:
    """Return the text without the secrets of the address, however they are quoted."""
    text = text.replace(url, masked(url))
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: str) -> set[str]:
    """Return the words of the address that its masked form hides."""
    hidden = set(_SEPARATORS.split(url)) - set(_SEPARATORS.split(masked(url)))
    return {form for word in hidden for form in (word, unquote(word)) if len(form) > 1}


def _with_query(url: str, wanted: str) -> str:
    """Return the address with an option of FFmpeg, unless it sets that option itself."""
    if not wanted or f"{wanted.partition('=')[0]}=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{wanted}"
