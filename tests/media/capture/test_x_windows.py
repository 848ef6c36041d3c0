"""The X protocol of the windows: a window manager's list, cookies, and servers that answer with nonsense."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from mien.errors import SourceLost
from mien.media.capture.x_windows import XWindow, windows_of

_ROOT, _SHOWN, _HIDDEN = 100, 200, 300
_TITLES = {_SHOWN: "Call – Meet".encode(), _HIDDEN: b"Hidden"}


class _Server:
    """An X server of a few windows behind TCP, which notes the cookie that it is given."""

    def __init__(self, greeting: bytes | None = None, listed: bool = True, reply: bytes | None = None) -> None:
        self.cookie = b""
        self._greeting, self._listed, self._reply = greeting, listed, reply
        self._atoms: list[str] = []

    def serve(self, stream: socket.socket) -> None:
        # Who has heard nonsense leaves at once.
        with suppress(OSError), stream, stream.makefile("rwb") as file:
            head = file.read(12)
            name, data = struct.unpack_from("<HH", head, 6)
            file.read(name + -name % 4)
            self.cookie = file.read(data + -data % 4)[:data]
            body = (
                bytes(16)
                + struct.pack("<H", 4)
                + bytes(3)
                + bytes([1])
                + bytes(10)
                + b"mien"
                + bytes(8)
                + struct.pack("<I", _ROOT)
            )
            body = body.ljust(len(body) + -len(body) % 4, b"\0")
            file.write(self._greeting if self._greeting is not None else struct.pack("<BxHHH", 1, 11, 0, len(body) // 4) + body)
            file.flush()
            while len(request := file.read(4)) == 4:
                code, words = request[0], struct.unpack_from("<H", request, 2)[0]
                file.write(self._reply if self._reply is not None else self._answer(code, file.read(4 * (words - 1))))
                file.flush()

    def _answer(self, code: int, content: bytes) -> bytes:
        if code == 16:
            self._atoms.append(content[4 : 4 + content[0]].decode())
            return _reply(struct.pack("<I", len(self._atoms)))
        (window,) = struct.unpack_from("<I", content)
        if code == 20:
            name = self._atoms[content[4] - 1] if content[4] != 39 else "WM_NAME"
            if name == "_NET_CLIENT_LIST" and self._listed:
                return _reply(bytes(4) + bytes(4) + struct.pack("<I", 3), struct.pack("<3I", _SHOWN, _HIDDEN, 400), 32)
            if name == "_NET_WM_NAME" and window in _TITLES:
                return _reply(bytes(8) + struct.pack("<I", len(_TITLES[window])), _TITLES[window], 8)
            return _reply(bytes(12))
        if code == 15:
            below = [_SHOWN, _HIDDEN] if window == _ROOT else []
            return _reply(bytes(8) + struct.pack("<H", len(below)), struct.pack(f"<{len(below)}I", *below))
        if window not in _TITLES:
            # It has gone.
            return b"\0" + bytes(31)
        if code == 3:
            return _reply(bytes(4) + struct.pack("<H", 1) + bytes(12) + bytes([2 if window == _SHOWN else 0]), bytes(12))
        return _reply(bytes(8) + struct.pack("<HH", 640, 360))


class _Crowded(_Server):
    """A server in whose windows there are ten thousand others each, of which none has a title."""

    trees = 0

    def __init__(self) -> None:
        super().__init__(listed=False)

    def _answer(self, code: int, content: bytes) -> bytes:
        if code == 15:
            self.trees += 1
            return _reply(bytes(8) + struct.pack("<H", 10_000), struct.pack("<10000I", *range(1000, 11_000)))
        return super()._answer(code, content)


def _reply(fixed: bytes, more: bytes = b"", detail: int = 0) -> bytes:
    more += bytes(-len(more) % 4)
    return struct.pack("<BBHI", 1, detail, 0, len(more) // 4) + fixed.ljust(24, b"\0") + more


@contextmanager
def _serving(server: _Server) -> Iterator[str]:
    """Yield the name of the display."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1] - 6000
        thread = threading.Thread(target=lambda: server.serve(listener.accept()[0]))
        thread.start()
        yield f"127.0.0.1:{number}"
        thread.join()


@pytest.mark.parametrize("listed", [True, False])
def test_windows_are_those_of_the_window_manager_or_those_below_the_root(listed: bool) -> None:
    with _serving(_Server(listed=listed)) as display:
        assert windows_of(display) == [XWindow(_SHOWN, "Call – Meet", 640, 360)]


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(_Server(greeting=b""), id="silent"),
        pytest.param(_Server(greeting=b"\0" + bytes(5) + struct.pack("<H", 0)), id="refused"),
        pytest.param(_Server(greeting=struct.pack("<BxHHH", 1, 11, 0, 2) + bytes(8)), id="a greeting that is too short"),
        pytest.param(_Server(greeting=struct.pack("<BxHHH", 1, 11, 0, 5) + bytes(20)), id="a greeting without formats"),
        pytest.param(_Server(reply=bytes(32)), id="every request refused"),
        pytest.param(_Server(reply=struct.pack("<BBHI", 1, 0, 0, 0xFFFFFFFF) + bytes(24)), id="an answer of 16 GB"),
        pytest.param(_Server(reply=struct.pack("<BBHI", 1, 32, 0, 0) + b"\xff" * 24), id="a length that is a lie"),
    ],
)
def test_a_server_that_answers_with_nonsense_is_told(server: _Server) -> None:
    with _serving(server) as display, pytest.raises(SourceLost, match="does not tell its windows"):
        windows_of(display)


def test_a_server_that_sends_events_without_end_is_left() -> None:
    with _serving(_Server(reply=(b"\x02" + bytes(31)) * 64)) as display:
        times = count(step=0.5)
        with pytest.raises(SourceLost, match="does not tell its windows") as error:
            windows_of(display, lambda: next(times))
    assert str(error.value.__cause__) == "the X server takes too long"


def test_windows_in_windows_without_end_are_left_at_some_number() -> None:
    server = _Crowded()
    with _serving(server) as display:
        assert windows_of(display) == []
    assert server.trees == 3, "one of each depth"


@pytest.mark.parametrize("display", ["", "nonsense", ":", ":x", "127.0.0.1:1", f"127.0.0.1:{10**20}"])
def test_a_display_that_is_none_is_told(display: str) -> None:
    with pytest.raises(SourceLost, match="does not tell its windows"):
        windows_of(display)


def test_the_cookie_of_the_display_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Server()
    with _serving(server) as display:
        number = display.rpartition(":")[2].encode()

        def entry(family: int, shown: bytes, name: bytes, data: bytes) -> bytes:
            return struct.pack(">H", family) + b"".join(
                struct.pack(">H", len(each)) + each for each in (b"host", shown, name, data)
            )

        path = tmp_path / "authority"
        path.write_bytes(
            entry(256, b"9", b"MIT-MAGIC-COOKIE-1", b"other" * 3 + b"x")
            + entry(256, number, b"XDM-AUTHORIZATION-1", b"no")
            + entry(256, number, b"MIT-MAGIC-COOKIE-1", bytes(range(16)))
        )
        monkeypatch.setenv("XAUTHORITY", str(path))
        windows_of(display)
    assert server.cookie == bytes(range(16))


@pytest.mark.parametrize("content", [b"\x01", b"\x01\x00\xff\xff", bytes(range(200, 255))])
def test_a_broken_authority_file_is_no_cookie(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "authority"
    path.write_bytes(content)
    monkeypatch.setenv("XAUTHORITY", str(path))
    server = _Server()
    with _serving(server) as display:
        assert [each.id for each in windows_of(display)] == [_SHOWN]
    assert server.cookie == b""
