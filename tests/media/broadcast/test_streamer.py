"""Streams to receivers on this machine: what arrives can be decoded, and silence is reported in time."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import OutputError, UsageError
from mien.media.address import masked
from mien.media.broadcast.streamer import StreamLimits, StreamOut
from mien.settings import Settings
from mien.types import LabelledFrame
from tests.support.conformance import SinkUnderTest, sink_suite
from tests.support.recorded import HEIGHT, RATE, WIDTH, click_times, clicks, frames_of, key_times, labelled, noisy

HERE = "127.0.0.1"
FRAMES = 66
SECRET = "live_sec-ret99"
PATIENCE_S = 20.0
SOON_S = 5.0


@pytest.fixture(autouse=True)
def _no_children_left() -> Iterator[None]:
    """No process of the test is left behind, not even a dead one."""
    before = children()
    yield
    assert children() <= before


def children() -> set[int]:
    """The processes that this one started and has not seen the end of; empty where the system does not say."""
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(map(int, path.read_text().split())) if path.exists() else set()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def send(stream: StreamOut, first: int = 0, count: int = FRAMES, *, paced: bool = False) -> None:
    """Send `count` frames of 1/30 s with their sound, as fast as possible or `paced` as live ones."""
    pause, start = threading.Event(), time.monotonic()
    for number in range(first, first + count):
        pause.wait(max(0.0, start + number / 30 - time.monotonic()) if paced else 0)
        stream.write_sound(clicks(number / 30, 1 / 30))
        stream.write(labelled(number % 256, number / 30))


def until(happened: Callable[[], bool], limit_s: float = PATIENCE_S) -> bool:
    """Look again and again until it has happened or the time is over."""
    pause, deadline = threading.Event(), time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


class Listener:
    """A receiver on a port of its own that keeps every byte."""

    def __init__(self) -> None:
        self.server = socket.create_server((HERE, 0))
        self.port = int(self.server.getsockname()[1])
        self.received = bytearray()
        self.peer: socket.socket | None = None
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self) -> None:
        try:
            self.peer, _ = self.server.accept()
        except OSError:
            # Nobody called before the test was over.
            return
        # A test hangs up while the other end still sends: that may reach this end as a reset.
        with self.peer, contextlib.suppress(ConnectionResetError):
            while data := self.peer.recv(65_536):
                self.received += data

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        if self.peer is None:
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(SOON_S)
        self.server.close()


def ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("NOT TESTED against a receiver: there is no ffmpeg on the PATH")
    return program


@contextlib.contextmanager
def receiver(path: Path, *source: str) -> "Iterator[subprocess.Popen[bytes]]":
    """An ffmpeg that waits for a stream and puts it into a file; left when the stream is over."""
    quick = ["-hide_banner", "-nostdin", "-v", "error", "-analyzeduration", "1000000"]
    command = [ffmpeg(), *quick, *source, "-map", "0", "-c", "copy", "-f", "matroska", "-y", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def opened(url: str, sound: tuple[int, int] | None = (RATE, 1)) -> Iterator[StreamOut]:
    """A stream that is open; the receiver may still be starting."""
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.ExitStack() as stack:
        stream: StreamOut | None = None
        while stream is None:
            try:
                stream = stack.enter_context(StreamOut(url, WIDTH, HEIGHT, Settings(), sound=sound))
            except OutputError:
                if time.monotonic() > deadline:
                    raise
        yield stream


def assert_arrived(path: Path, least: int) -> None:
    """Whole pictures in the right order, a key frame each second, clicks where they belong."""
    found = frames_of(path)
    numbers = [number for _, number in found]
    assert len(numbers) >= least
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    start_s = found[0][0] - numbers[0] / 30
    assert max(abs(time_s - start_s - number / 30) for time_s, number in found) < 0.002
    assert [round(key - start_s) for key in key_times(path)][-2:] == [1, 2]
    heard = [time_s - start_s for time_s in click_times(path)]
    assert len(heard) >= 3
    assert max(abs(time_s - round(2 * time_s) / 2) for time_s in heard) < 0.04


@pytest.mark.parametrize(("scheme", "listening"), [("rtmp", ["-listen", "1"]), ("rtsp", ["-rtsp_flags", "listen"])])
def test_a_server_receives_it(tmp_path: Path, scheme: str, listening: list[str]) -> None:
    url = f"{scheme}://{HERE}:{free_port()}/app/{SECRET}"
    with receiver(tmp_path / "got.mkv", *listening, "-i", url), opened(url) as stream:
        send(stream)
    assert_arrived(tmp_path / "got.mkv", FRAMES - 2)


def test_srt_goes_through_ffmpeg(tmp_path: Path) -> None:
    if b" srt" not in subprocess.run([ffmpeg(), "-hide_banner", "-protocols"], check=True, capture_output=True).stdout:
        pytest.skip("NOT TESTED over SRT: the ffmpeg on the PATH was built without it")
    url = f"srt://{HERE}:{free_port(socket.SOCK_DGRAM)}"
    with (
        receiver(tmp_path / "got.mkv", "-i", f"{url}?mode=listener&passphrase={SECRET}"),
        opened(f"{url}?passphrase={SECRET}") as stream,
    ):
        # SRT leaves out what comes too fast, and what it holds back at the end.
        send(stream, count=FRAMES + 10, paced=True)
    assert_arrived(tmp_path / "got.mkv", FRAMES - 2)


def test_tcp_carries_mpeg_ts(tmp_path: Path) -> None:
    with Listener() as listener:
        with StreamOut(f"tcp://{HERE}:{listener.port}", WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as stream:
            send(stream)
        listener.thread.join(SOON_S)
    (tmp_path / "got.ts").write_bytes(listener.received)
    assert_arrived(tmp_path / "got.ts", FRAMES)


def test_udp_carries_mpeg_ts_in_small_datagrams(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiving:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        receiving.bind((HERE, 0))
        receiving.settimeout(1.0)
        with StreamOut(f"udp://{HERE}:{receiving.getsockname()[1]}", WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as stream:
            send(stream)
        datagrams = []
        with contextlib.suppress(TimeoutError):
            while True:
                datagrams.append(receiving.recv(65_536))
    assert {len(datagram) % 188 for datagram in datagrams} == {0}
    assert max(map(len, datagrams)) <= 1316
    (tmp_path / "got.ts").write_bytes(b"".join(datagrams))
    assert_arrived(tmp_path / "got.ts", FRAMES)


def test_what_is_sent_says_that_it_was_altered(tmp_path: Path) -> None:
    url = f"rtmp://{HERE}:{free_port()}/app/{SECRET}"
    with receiver(tmp_path / "got.mkv", "-listen", "1", "-i", url), opened(url, sound=None) as stream:
        send(stream, count=40)
    with av.open(str(tmp_path / "got.mkv")) as file:
        assert "altered by mien" in {name.lower(): value for name, value in file.metadata.items()}["comment"]


def broken_off(stream: StreamOut, first: int = 40) -> OutputError:
    """What writing tells in the end, when the other side has gone."""
    told: list[OutputError] = []
    numbers = iter(range(first, 100_000))

    def write() -> bool:
        try:
            send(stream, next(numbers), 1)
        except OutputError as error:
            told.append(error)
        return bool(told)

    assert until(write, SOON_S)
    with pytest.raises(OutputError):
        send(stream, next(numbers), 1)
    return told[0]


def test_a_server_that_dies_is_told_soon(tmp_path: Path) -> None:
    url = f"rtmp://{HERE}:{free_port()}/app/{SECRET}"
    with receiver(tmp_path / "got.mkv", "-listen", "1", "-i", url) as process, opened(url) as stream:
        send(stream, count=40)
        process.kill()
        error = broken_off(stream)
    assert "broke off" in str(error)
    assert SECRET not in f"{error} {error.remedy} {error.__cause__}"


def test_a_receiver_that_hangs_up_is_told_soon() -> None:
    with Listener() as listener, StreamOut(f"tcp://{HERE}:{listener.port}", WIDTH, HEIGHT, Settings()) as stream:
        send(stream, count=5)
        assert until(lambda: listener.peer is not None)
        assert listener.peer is not None
        listener.peer.shutdown(socket.SHUT_RDWR)
        listener.thread.join(SOON_S)
        assert "broke off" in str(broken_off(stream))


def test_a_receiver_that_takes_nothing_loses_frames_and_then_the_stream() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind((HERE, 0))
        server.listen()
        url = f"tcp://{HERE}:{server.getsockname()[1]}?send_buffer_size=4096"
        with StreamOut(url, WIDTH, HEIGHT, Settings(), bitrate=500_000, limits=StreamLimits(silence_s=4.0)) as stream:
            # Long enough for a busy machine to fill the queue before the silence ends the stream.
            peer, _ = server.accept()
            numbers = iter(range(100_000))

            def write() -> bool:
                number = next(numbers)
                before = time.monotonic()
                try:
                    stream.write(labelled(0, number / 30, noisy(number)))
                except OutputError as error:
                    return "takes nothing" in str(error)
                assert time.monotonic() - before < 3.0, "writing waited for the network"
                return False

            with peer:
                assert until(write)
                assert stream.dropped
                leaving = time.monotonic()
        assert time.monotonic() - leaving < 2.0


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp"])
def test_where_nobody_listens_it_is_told_at_once(scheme: str) -> None:
    url = f"{scheme}://{HERE}:{free_port()}/app/{SECRET}"
    with pytest.raises(OutputError, match="refused") as caught, StreamOut(url, WIDTH, HEIGHT, Settings()):
        pass
    assert SECRET not in f"{caught.value} {caught.value.remedy}"
    assert caught.value.__cause__ is None


def test_where_nobody_listens_over_srt_it_is_told_in_time() -> None:
    ffmpeg()
    url = f"srt://user@{HERE}:{free_port(socket.SOCK_DGRAM)}?streamid={SECRET}&passphrase=0123456789"
    before = time.monotonic()
    with pytest.raises(OutputError) as caught, StreamOut(url, WIDTH, HEIGHT, Settings()):
        pass
    assert time.monotonic() - before < 7
    assert SECRET not in str(caught.value)
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_server_that_says_nothing_is_given_up(scheme: str) -> None:
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.005):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    before = time.monotonic()
    try:
        with Listener() as listener:
            url = f"{scheme}://{HERE}:{listener.port}/app/{SECRET}"
            stream = StreamOut(url, WIDTH, HEIGHT, Settings(), limits=StreamLimits(opening_s=1.0))
            with pytest.raises(OutputError, match="no answer"), stream:
                pass
    finally:
        done.set()
        thread.join()
    assert time.monotonic() - before < 4
    assert max(np.diff(ticks)) < 0.5, "the whole program stood still"


def test_without_ffmpeg_srt_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError, match="ffmpeg") as caught, StreamOut("srt://host:9000", WIDTH, HEIGHT, Settings()):
        pass
    assert "install" in caught.value.remedy


@pytest.mark.skipif(os.name != "posix", reason="NOT TESTED here: the made-up ffmpeg is a shell script")
def test_an_ffmpeg_without_srt_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'srt://host:9000: Protocol not found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError, match="without SRT") as caught, StreamOut("srt://host:9000", WIDTH, HEIGHT, Settings()):
        pass
    assert "install" in caught.value.remedy


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://live.example/app/key", "rtmp://live.example/app/***"),
        ("rtmps://live.example:443/app/deep/key/", "rtmps://live.example:443/app/deep/***"),
        ("rtmp://live.example/key", "rtmp://live.example/***"),
        ("rtmp://live.example/app/key?token=secret&a=b", "rtmp://live.example/app/***?***"),
        ("rtmp://live.example/app/key#secret", "rtmp://live.example/app/***?***"),
        ("rtmp://live.example/app/ playpath=key", "rtmp://live.example/***?***"),
        ("rtsp://me:pass@cam.example:554/live/one", "rtsp://***@cam.example:554/live/***"),
        ("rtsp://me:p@ss@cam.example/live/one", "rtsp://***@cam.example/live/***"),
        ("rtsp://me:pa/ss@cam.example/live/one", "rtsp://***"),
        ("rtsp://me:pa?ss@cam.example/live/one", "rtsp://***"),
        ("srt://host:9000?streamid=key&passphrase=secret", "srt://host:9000?***"),
        ("udp://239.0.0.1:5000", "udp://239.0.0.1:5000"),
        ("tcp://[::1]:5000", "tcp://[::1]:5000"),
        ("key", "***"),
        ("", "***"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize("url", ["http://host/key", "file:///key", "key", "", "rtmp://", "udp://host:1\n/key"])
def test_addresses_of_another_kind_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        StreamOut(url, WIDTH, HEIGHT, Settings())
    assert "key" not in str(caught.value)
    assert "rtmp" in caught.value.remedy


def test_only_labelled_frames_are_sent() -> None:
    stream = StreamOut(f"udp://{HERE}:{free_port(socket.SOCK_DGRAM)}", WIDTH, HEIGHT, Settings())
    with pytest.raises(RuntimeError, match="outside"):
        stream.write(labelled(0, 0.0))
    with stream, pytest.raises(TypeError, match="LabelledFrame"):
        stream.write(labelled(0, 0.0).frame)  # type: ignore[arg-type]


def test_it_is_a_sink() -> None:
    url = f"udp://{HERE}:{free_port(socket.SOCK_DGRAM)}"

    def frames() -> list[LabelledFrame]:
        return [labelled(number, number / 30) for number in range(3)]

    sink_suite(lambda: SinkUnderTest(StreamOut(url, WIDTH, HEIGHT, Settings()), None), frames)
