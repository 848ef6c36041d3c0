"""Network streams from real senders, ffmpeg among them."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import pytest

from mien.errors import SourceLost, UnsupportedMedia, UsageError
from mien.media.capture.live_input import SILENCE_S
from mien.media.capture.network import NetworkStream
from tests.support.places import DATA

_SOON_S = 0.5


def _ffmpeg(protocol: str = "") -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("NO NETWORK STREAM TESTED: ffmpeg is not installed")
    if protocol:
        known = subprocess.run([program, "-v", "quiet", "-protocols"], capture_output=True, text=True).stdout.split()
        if protocol not in known:
            pytest.skip(f"NOT TESTED: this ffmpeg has no {protocol}")
    return program


def _free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-pix_fmt", "yuv420p")
_LATE_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p")


_SCENE = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30")


@contextmanager
def _sending(
    *output: str, codec: Sequence[str] = _H264, scene: Sequence[str] = _SCENE
) -> Iterator["subprocess.Popen[bytes]"]:  # fmt: skip
    program = _ffmpeg()
    sender = subprocess.Popen([program, "-nostdin", "-v", "quiet", *scene, *codec, *output], stdin=subprocess.DEVNULL)
    try:
        yield sender
    finally:
        sender.kill()
        sender.wait(10)


@contextmanager
def _entered(url: str) -> Iterator[NetworkStream]:
    """The stream, once its sender listens."""
    until_s = time.monotonic() + 10
    with ExitStack() as open_streams:
        while True:
            try:
                source = open_streams.enter_context(NetworkStream(url, silence_s=20))
            except SourceLost:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.05)
            else:
                break
        yield source


def _watch(source: NetworkStream, sender: "subprocess.Popen[bytes]") -> str:
    """Frames come at their pace and are fresh; then the sender is killed. Gives what was said of it."""
    assert (source.info.width, source.info.height) == (160, 120)
    begin_s = time.monotonic()
    # What came while the stream was probed is there at once, half a second at most.
    frames = [source.read() for _ in range(30)]
    assert 0.3 < time.monotonic() - begin_s < 2
    found = [frame for frame in frames if frame is not None]
    assert len(found) == 30
    assert all(before.pts < after.pts for before, after in pairwise(found))
    assert time.monotonic() - found[-1].time_s < 0.2
    sender.kill()
    try:
        while source.read() is not None:
            pass
    except SourceLost as lost:
        return str(lost)
    return "ended"


@pytest.mark.parametrize("codec", [_H264, _LATE_H264], ids=["no b frames", "b frames"])
def test_udp(codec: Sequence[str]) -> None:
    url = f"udp://127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"
    with _sending("-f", "mpegts", f"{url}?pkt_size=1316", codec=codec) as sender, NetworkStream(url, silence_s=4) as source:
        # Nothing tells that nobody sends any more.
        assert _watch(source, sender) == f"the stream {url} has given nothing for 4 s"


def test_tcp_and_its_end() -> None:
    url = f"tcp://127.0.0.1:{_free_port()}"
    with _sending("-f", "mpegts", f"{url}?listen") as sender, _entered(url) as source:
        assert _watch(source, sender) == "ended"
        assert source.read() is None


def test_hdr_from_the_network_has_the_colours_of_the_reference() -> None:
    url = f"tcp://127.0.0.1:{_free_port()}"
    scene = ("-re", "-stream_loop", "-1", "-i", str(DATA / "hdr_hlg.mp4"))
    with _sending("-f", "mpegts", f"{url}?listen", codec=("-c", "copy"), scene=scene), _entered(url) as source:
        frame = source.read()
    assert frame is not None
    wanted = np.asarray(cv2.imread(str(DATA / "hdr_hlg.png")), np.uint8)
    assert np.abs(frame.image.astype(float) - wanted).mean() < 3


def test_interlaced_pictures_from_the_network_are_deinterlaced() -> None:
    """Between the two fields of a frame, a bright bar moves by 8 columns."""
    url = f"tcp://127.0.0.1:{_free_port()}"
    bar = "nullsrc=size=160x120:rate=50,geq=lum='16+200*between(mod(X-8*N,160),0,79)':cb=128:cr=128,tinterlace=interleave_top"
    codec = ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2", "-g", "5", "-r", "25")
    sending = _sending("-f", "mpegts", f"{url}?listen", codec=codec, scene=("-re", "-f", "lavfi", "-i", bar))
    with sending, _entered(url) as source:
        for _ in range(5):
            frame = source.read()
    assert frame is not None
    rows = frame.image[:, :, 1].astype(float)
    assert np.abs(rows[2:-2] - (rows[1:-3] + rows[3:-1]) / 2).mean() < 3, "woven, it is 23"


def test_http_with_mpegts() -> None:
    url = f"http://127.0.0.1:{_free_port()}/stream.ts"
    with _sending("-f", "mpegts", "-listen", "1", url) as sender, _entered(url) as source:
        assert _watch(source, sender) == "ended"


def test_http_with_motion_jpeg() -> None:
    url = f"http://127.0.0.1:{_free_port()}/stream"
    kind = ("-f", "mpjpeg", "-content_type", "multipart/x-mixed-replace;boundary=ffmpeg", "-listen", "1")
    with _sending(*kind, url, codec=("-c:v", "mjpeg")) as sender, _entered(url) as source:
        assert _watch(source, sender)


def test_rtmp_from_a_server() -> None:
    url = f"rtmp://127.0.0.1:{_free_port()}/live/secret"
    with _sending("-f", "flv", "-listen", "1", url) as sender, _entered(url) as source:
        assert _watch(source, sender) == re.sub("secret", "***", f"the stream {url} broke off")


def test_rtmp_that_is_sent_here() -> None:
    url = f"rtmp://127.0.0.1:{_free_port()}/live/secret"
    ready = threading.Event()
    senders: list[subprocess.Popen[bytes]] = []

    def send() -> None:
        # The sender gives up when nobody listens yet.
        program = shutil.which("ffmpeg") or ""
        picture = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30")
        while not ready.is_set():
            sender = subprocess.Popen([program, "-nostdin", "-v", "quiet", *picture, *_H264, "-f", "flv", url])
            senders.append(sender)
            while sender.poll() is None and not ready.wait(0.05):
                pass

    _ffmpeg()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        with NetworkStream(f"{url}?listen") as source:
            ready.set()
            assert "broke off" in _watch(source, senders[-1])
    finally:
        ready.set()
        thread.join()
        for sender in senders:
            sender.kill()
            sender.wait(10)


class _RtspServer:
    """Gives one client what ffmpeg sends as RTP, inside the RTSP connection."""

    def __init__(self, description: Path) -> None:
        self._description = description
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind(("127.0.0.1", 0))
        self._media.settimeout(0.2)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.media_port: int = self._media.getsockname()[1]
        self.port: int = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._closing = threading.Event()

    def __enter__(self) -> "_RtspServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._door.close()
        self._media.close()

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._door.accept()
            with client, client.makefile("rb") as asked:
                self._talk(client, asked)
                self._relay(client)

    def _talk(self, client: socket.socket, asked: IO[bytes]) -> None:
        method = ""
        while method != "PLAY":
            method = asked.readline().decode().split(" ")[0]
            heads = dict(line.split(": ", 1) for line in iter(lambda: asked.readline().decode().strip(), ""))
            more, body = "", ""
            if method == "DESCRIBE":
                while not (body := self._sdp()):
                    self._closing.wait(0.02)
                more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            client.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {heads['CSeq']}\r\n{more}\r\n{body}".encode())

    def _sdp(self) -> str:
        text = self._description.read_text() if self._description.exists() else ""
        lines = [line for line in text.splitlines() if line != "SDP:"]
        return "\r\n".join([*lines, "a=control:track0", ""]) if "a=fmtp" in text else ""

    def _relay(self, client: socket.socket) -> None:
        silent = 0
        while silent < 3 and not self._closing.is_set():
            try:
                packet = self._media.recv(65535)
            except TimeoutError:
                silent += 1
                continue
            silent = 0
            client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)


def test_rtsp(tmp_path: Path) -> None:
    description = tmp_path / "stream.sdp"
    with (
        _RtspServer(description) as server,
        _sending("-sdp_file", str(description), "-f", "rtp", f"rtp://127.0.0.1:{server.media_port}") as sender,
        NetworkStream(f"rtsp://127.0.0.1:{server.port}/camera") as source,
    ):
        assert _watch(source, sender) == "ended"


def test_srt_passes_through_the_program_ffmpeg() -> None:
    _ffmpeg("srt")
    url = f"srt://127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"
    with _sending("-f", "mpegts", f"{url}?mode=listener&latency=20000") as sender, _entered(f"{url}?latency=20000") as source:
        child = source._child
        assert child is not None
        source.read()
        source.stop()
        assert source.read() is None
        begin_s = time.monotonic()
        source.__exit__(None, None, None)
        assert time.monotonic() - begin_s < _SOON_S
        assert child.poll() is not None, "the child is reaped"
        assert sender.poll() is None


def test_srt_without_a_program_is_told() -> None:
    with pytest.raises(UnsupportedMedia, match="needs the program ffmpeg") as caught:
        NetworkStream("srt://127.0.0.1:9", find_program=lambda name: None).__enter__()
    assert "install ffmpeg" in caught.value.remedy


_NOBODY = (
    "udp://127.0.0.1:{}",
    "tcp://127.0.0.1:{}",
    "tcp://127.0.0.1:{}?listen",
    "rtmp://127.0.0.1:{}/live/key",
    "rtmp://127.0.0.1:{}/live/key?listen",
    "rtsp://127.0.0.1:{}/key",
    "http://127.0.0.1:{}/key",
    "srt://127.0.0.1:{}",
)


@pytest.mark.parametrize("url", _NOBODY)
def test_where_nobody_sends_the_limit_holds(url: str) -> None:
    if url.startswith("srt"):
        _ffmpeg("srt")
    begin_s = time.monotonic()
    with pytest.raises(SourceLost) as caught, NetworkStream(url.format(_free_port()), silence_s=0.6):
        pass
    assert time.monotonic() - begin_s < 0.6 + _SOON_S
    assert "key" not in str(caught.value)
    assert caught.value.__cause__ is None, "FFmpeg's own text shows the whole address"


def test_the_limit_is_five_seconds() -> None:
    assert SILENCE_S == 5


def test_a_host_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        for scheme in ("tcp", "rtmp", "rtsp", "http"):
            begin_s = time.monotonic()
            with pytest.raises(SourceLost), NetworkStream(f"{scheme}://127.0.0.1:{port}/a/b", silence_s=0.4):
                pass
            assert time.monotonic() - begin_s < 0.4 + _SOON_S


@pytest.mark.parametrize(
    "url", ["ftp://host/file", "file:///etc/passwd", "nonsense", "rtsp://", "", "udp://[half", "concat:a|b"]
)
def test_an_unknown_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        NetworkStream(url)
