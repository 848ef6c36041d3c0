"""Live input from a network stream."""

import errno
import subprocess
import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from av.container import InputContainer
from av.error import ProtocolNotFoundError

from mien.errors import SourceLost, UnsupportedMedia, UsageError
from mien.media.address import masked, options_of
from mien.media.capture.live_input import LIVE_MAX_PIXELS, SILENCE_S, LiveInput, Opening
from mien.system.programs import environment, find_program

# Packets read while probing are kept: they are decoded at once, and without them the first picture would wait for a key frame.
_PROBING = {"analyzeduration": "500000"}
_RTSP = ("rtsp", {"rtsp_transport": "tcp", "allowed_media_types": "video"})
_RTMP = ("flv", {"rtmp_live": "live", "rtmp_buffer": "100"})
# No playlists: they make FFmpeg open any address that they name, and are seconds late by design.
_HTTP = (None, {"format_whitelist": "mpegts,mpjpeg,mjpeg,flv", "protocol_whitelist": "http,https,tcp,tls"})
_SCHEMES: dict[str, tuple[str | None, dict[str, str]]] = {
    "rtsp": _RTSP,
    "rtsps": _RTSP,
    "rtmp": _RTMP,
    "rtmps": _RTMP,
    "udp": ("mpegts", {"overrun_nonfatal": "1"}),
    "tcp": ("mpegts", {}),
    "http": _HTTP,
    "https": _HTTP,
    "srt": ("mpegts", {}),
}
_CHILD_EXIT_S = 2.0
"""Longest wait for the killed child."""


class NetworkStream(LiveInput):
    """A stream: rtsp(s) over TCP, rtmp(s), udp, tcp and srt with MPEG-TS, http(s) with MPEG-TS or Motion JPEG.

    `?listen` in a tcp or rtmp URL waits for a sender to connect. Connecting fails after 5 s. When the sender ends or is
    killed, `read` returns None if the protocol signals the end (tcp, http, rtsp), and raises `SourceLost` if it signals a
    break (rtmp) or, after 5 s, nothing (udp, srt). Raises as `LiveInput`; `UsageError` for an unknown URL;
    `UnsupportedMedia` for srt without support in PyAV or a program ffmpeg. No message shows the secret parts.
    """

    def __init__(
        self,
        url: str,
        *,
        max_pixels: int = LIVE_MAX_PIXELS,
        silence_s: float = SILENCE_S,
        find_program: Callable[[str], str | None] = find_program,
    ) -> None:
        try:
            parts = urlsplit(url)
            scheme, host = parts.scheme.lower(), parts.hostname or parts.netloc
        except ValueError:
            raise UsageError("the address of the stream is not a URL", "give one such as rtsp://host/name") from None
        if scheme not in _SCHEMES or not host:
            raise UsageError(f"{masked(url)} is not a stream that mien reads", f"begin with {', '.join(_SCHEMES)} and ://host")
        super().__init__(f"the stream {masked(url)}", max_pixels=max_pixels, silence_s=silence_s)
        self._url = url
        self._scheme = scheme
        # The program that relays srt cannot tell an end from a break.
        self._ends = scheme != "srt"
        self._listens = any(name == "listen" and value != "0" for name, value in options_of(url))
        self._find_program = find_program
        self._child: subprocess.Popen[bytes] | None = None

    def _openings(self) -> Sequence[Opening]:
        format_name, options = _SCHEMES[self._scheme]
        url, more = self._url, {}
        if self._listens and self._scheme == "rtmp":
            url, more = url.partition("?")[0], {"rtmp_listen": "1"}
        # FFmpeg waits twice: for the first bytes of MPEG-TS, and while it looks for the video in it.
        halves = self._scheme in {"udp", "tcp"} and not self._listens
        limit_s = self._silence_s / 2 if halves else self._silence_s
        return [Opening(url, format_name, options | _PROBING | more, limit_s)]

    def _try(self, opening: Opening) -> InputContainer:
        try:
            return super()._try(opening)
        except ProtocolNotFoundError:
            if self._scheme != "srt":
                raise
        child = self._start_child()
        limit = threading.Timer(self._silence_s, child.kill)
        limit.start()
        try:
            return super()._try(Opening(child.stdout, "mpegts", _PROBING))
        finally:
            limit.cancel()
            limit.join()

    def _start_child(self) -> "subprocess.Popen[bytes]":
        """Start the program ffmpeg, which relays the stream unchanged."""
        program = self._find_program("ffmpeg")
        if program is None:
            raise UnsupportedMedia(
                "srt needs the program ffmpeg, which is not installed", "install ffmpeg with srt, or send rtmp, rtsp or udp"
            )
        take = ["-analyzeduration", "500000", "-f", "mpegts", "-i", self._url]
        give = ["-map", "0:v:0", "-c", "copy", "-muxdelay", "0", "-muxpreload", "0", "-flush_packets", "1", "-f", "mpegts"]
        self._child = subprocess.Popen(
            [program, "-nostdin", "-loglevel", "quiet", *take, *give, "pipe:1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            # Unbuffered: a buffer would wait until it is full.
            bufsize=0,
        )
        return self._child

    def _lost(self, error: Exception) -> SourceLost:
        if self._child is not None:
            return SourceLost(f"{self._what} does not answer", "check the address, the passphrase and that it is sending")
        if getattr(error, "errno", None) == errno.EIO:
            return SourceLost(f"{self._what} broke off", "check that it is still being sent")
        return super()._lost(error)

    def _interrupt(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _released(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait(_CHILD_EXIT_S)
            if child.stdout is not None:
                child.stdout.close()
