"""Connections of strangers: limits of number and time, with real sockets; time is a number that the test moves."""

import asyncio
import contextlib
import queue
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import Event
from websockets.uri import parse_uri

from mien.studio.server.access import Access, Doorkeeper
from mien.studio.server.certificate import own_certificate
from mien.studio.server.gate import Gate, Limits, Visit
from mien.studio.server.serve import StudioServer
from tests.support.deadline import DEADLINE_S

_CROWD = 310
"""More than uvicorn's limit was when 300 connections locked everybody out."""


@dataclass
class _Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


class _Watched(Gate):
    """A gate that queues every connection it takes in."""

    def __init__(self, limits: Limits, clock: _Clock) -> None:
        super().__init__(limits, clock)
        self.admitted: queue.Queue[Visit] = queue.Queue()

    def admit(self, transport: asyncio.Transport, address: str) -> Visit:
        visit = super().admit(transport, address)
        self.admitted.put(visit)
        return visit


@dataclass
class _Server:
    port: int
    access: Access
    gate: _Watched
    clock: _Clock
    tls: ssl.SSLContext | None
    answering: threading.Event = field(default_factory=threading.Event)
    """Set when /slow is being answered."""
    answer: threading.Event = field(default_factory=threading.Event)
    """To be set for /slow to be answered."""
    clients: list[str] = field(default_factory=list)
    """Addresses that requests came from, as the application sees them."""

    @property
    def base(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://localhost:{self.port}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access.token}"}

    def opened(self, stack: ExitStack) -> socket.socket:
        """A connection that the server has taken in, before any TLS."""
        opened = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), DEADLINE_S))
        self.gate.admitted.get(timeout=DEADLINE_S)
        return opened

    def secured(self, stack: ExitStack) -> socket.socket:
        plain = self.opened(stack)
        return plain if self.tls is None else stack.enter_context(self.tls.wrap_socket(plain, server_hostname="localhost"))

    def request(self, path: str = "/api/state", timeout: float = DEADLINE_S) -> int:
        """The answer to the owner's request, on a connection of its own."""
        verify: ssl.SSLContext | bool = True if self.tls is None else self.tls
        with httpx.Client(verify=verify, trust_env=False, timeout=timeout) as client:
            return client.get(self.base + path, headers=self.bearer).status_code


@contextmanager
def _serving(
    tmp_path: Path, *, tls: bool = False, clock: _Clock | None = None, limits: Limits | None = None
) -> Iterator[_Server]:  # fmt: skip
    """The studio's server and door before an application of a few lines."""
    clock = clock or _Clock()
    gate = _Watched(limits or Limits(strangers=96), clock)
    theirs = ours = None
    if tls:
        certificate, key = own_certificate(tmp_path / "tls", ())
        ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ours.load_cert_chain(certificate, key)
        theirs = ssl.create_default_context(cafile=str(certificate))
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = int(listener.getsockname()[1])
        served = _Server(port, Access(port, tls=tls), gate, clock, theirs)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await _application(served, scope, receive, send)

        started = threading.Event()
        server = StudioServer(Doorkeeper(app, served.access), ours, started.set, gate)
        thread = threading.Thread(target=server.run, args=([listener],), name="test-gate")
        thread.start()
        try:
            assert started.wait(DEADLINE_S)
            yield served
        finally:
            served.answer.set()
            server.should_exit = True
            thread.join(DEADLINE_S)


async def _application(served: _Server, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    served.clients.append(scope["client"][0])
    if scope["path"] == "/slow":
        served.answering.set()
        await asyncio.to_thread(served.answer.wait, DEADLINE_S)
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _head(server: _Server, method: str = "GET", path: str = "/login", *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", f"Host: localhost:{server.port}", *more)
    return "".join(f"{line}\r\n" for line in lines).encode()


class _Page:
    """A WebSocket of the owner, read and written by one thread: two at one TLS socket can hang before Python 3.13."""

    def __init__(self, server: _Server, stack: ExitStack) -> None:
        self._socket = server.secured(stack)
        self._protocol = ClientProtocol(parse_uri(f"{server.base.replace('http', 'ws')}/ws/x"))
        request = self._protocol.connect()
        request.headers.update(server.bearer)
        self._protocol.send_request(request)
        self._exchange()

    def echo(self, text: str) -> str:
        """Return what comes back."""
        self._protocol.send_text(text.encode())
        answer = self._exchange()
        assert isinstance(answer, Frame)
        return bytes(answer.data).decode()

    def _exchange(self) -> Event:
        self._socket.sendall(b"".join(self._protocol.data_to_send()))
        events: list[Event] = []
        while not events:
            self._protocol.receive_data(self._socket.recv(65536))
            events = self._protocol.events_received()
        (event,) = events
        return event


def _until_closed(connection: socket.socket) -> bytes:
    """What the server sends until it closes; fails when it does not."""
    got = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := connection.recv(65536):
            got += data
    return got


def _silent(server: _Server, stack: ExitStack) -> socket.socket:
    return server.opened(stack)


def _half_hello(server: _Server, stack: ExitStack) -> socket.socket:
    connection = server.opened(stack)
    connection.sendall(b"\x16\x03\x01\x02\x00\x01")
    return connection


def _half_head(server: _Server, stack: ExitStack) -> socket.socket:
    connection = server.secured(stack)
    connection.sendall(_head(server, "GET", "/api/state", "X-a: "))
    return connection


def _half_body(server: _Server, stack: ExitStack) -> socket.socket:
    connection = server.secured(stack)
    origin = f"Origin: {server.base}"
    connection.sendall(_head(server, "POST", "/login", origin, "Content-Length: 1000") + b"\r\npassword=")
    return connection


def _half_body_refused(server: _Server, stack: ExitStack) -> socket.socket:
    """The answer, 401, comes at once, and the body goes on."""
    connection = server.secured(stack)
    connection.sendall(_head(server, "POST", "/api/x", f"Origin: {server.base}", "Content-Length: 1000") + b"\r\nx")
    assert connection.recv(12) == b"HTTP/1.1 401"
    return connection


def _silent_after_an_answer(server: _Server, stack: ExitStack) -> socket.socket:
    connection = server.secured(stack)
    connection.sendall(_head(server) + b"\r\n")
    assert connection.recv(12) == b"HTTP/1.1 200"
    connection.sendall(b"G")
    return connection


_STRANGERS = [_silent, _half_head, _half_body, _half_body_refused, _silent_after_an_answer]
_HOLDING = [(False, each) for each in _STRANGERS] + [(True, each) for each in [*_STRANGERS, _half_hello]]


@pytest.mark.parametrize("tls", [False, True])
def test_the_owner_gets_in_through_a_crowd_of_half_open_connections(tmp_path: Path, tls: bool) -> None:
    halves = [_silent, _half_head, _half_hello] if tls else [_silent, _half_head]
    with _serving(tmp_path, tls=tls) as server, ExitStack() as stack:
        crowd = [halves[number % len(halves)](server, stack) for number in range(_CROWD)]
        assert server.request() == 200
        kept = server.gate.limits.strangers_a_network
        for connection in crowd[: _CROWD - kept]:
            _until_closed(connection)
        assert server.request() == 200


@pytest.mark.parametrize(("tls", "holding"), _HOLDING)
def test_a_stranger_has_ten_seconds_whatever_it_does(
    tmp_path: Path, tls: bool, holding: Callable[[_Server, ExitStack], socket.socket]
) -> None:
    with _serving(tmp_path, tls=tls) as server, ExitStack() as stack:
        connection = holding(server, stack)
        server.clock.now_s += server.gate.limits.stranger_s - 0.1
        assert server.request() == 200
        # Another byte wins no time.
        connection.sendall(b"a")
        server.clock.now_s += 0.2
        _until_closed(connection)


def test_an_upgrade_without_the_token_wins_no_time(tmp_path: Path) -> None:
    with _serving(tmp_path) as server, ExitStack() as stack:
        connection = server.opened(stack)
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        head = _head(server, "GET", "/ws/x", *upgrade, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"Origin: {server.base}")
        connection.sendall(head + b"\r\n")
        assert _until_closed(connection).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("tls", [False, True])
def test_what_the_owner_has_open_stays_in_a_crowd_and_in_time(tmp_path: Path, tls: bool) -> None:
    with _serving(tmp_path, tls=tls) as server, ExitStack() as stack:
        page = _Page(server, stack)
        assert page.echo("first") == "first"
        upload = server.secured(stack)
        bearer = f"Authorization: {server.bearer['Authorization']}"
        upload.sendall(_head(server, "POST", "/api/x", bearer, "Content-Length: 4") + b"\r\n12")
        slow = threading.Thread(target=server.request, args=("/slow",))
        slow.start()
        assert server.answering.wait(DEADLINE_S)
        server.gate.admitted.get(timeout=DEADLINE_S)
        crowd = [_silent(server, stack) for _ in range(70)]
        _until_closed(crowd[0])
        # Long after the time of strangers; a request that is being answered may take as long as it takes.
        server.clock.now_s += server.gate.limits.stalled_s - 1
        _until_closed(crowd[-1])
        assert page.echo("second") == "second"
        upload.sendall(b"34")
        assert upload.recv(12) == b"HTTP/1.1 200"
        server.clock.now_s += 10 * server.gate.limits.stalled_s
        assert server.request() == 200
        assert slow.is_alive()
        server.answer.set()
        slow.join(DEADLINE_S)
        assert page.echo("third") == "third"


def test_an_upload_of_the_owner_that_stalls_for_a_minute_ends(tmp_path: Path) -> None:
    with _serving(tmp_path) as server, ExitStack() as stack:
        upload = server.opened(stack)
        bearer = f"Authorization: {server.bearer['Authorization']}"
        upload.sendall(_head(server, "POST", "/api/x", bearer, "Content-Length: 4", "Expect: 100-continue") + b"\r\n")
        assert upload.recv(12) == b"HTTP/1.1 100"
        server.clock.now_s += server.gate.limits.stalled_s + 1
        _until_closed(upload)


def test_nonsense_instead_of_tls_harms_nobody(tmp_path: Path) -> None:
    with _serving(tmp_path, tls=True) as server, ExitStack() as stack:
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\0\x05hello" * 10):
            connection = server.opened(stack)
            connection.sendall(nonsense)
            _until_closed(connection)
        assert server.request() == 200


def test_a_client_cannot_choose_the_address_that_is_counted(tmp_path: Path) -> None:
    with _serving(tmp_path) as server, httpx.Client(trust_env=False) as client:
        client.get(f"{server.base}/api/state", headers={**server.bearer, "X-Forwarded-For": "192.0.2.1"}).raise_for_status()
        assert server.clients == ["127.0.0.1"]


class _Transport(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        super().__init__({"socket": self.socket})

    def abort(self) -> None:
        self.socket.close()


@contextmanager
def _arriving(gate: Gate) -> Iterator[Callable[[str], _Transport]]:
    with ExitStack() as stack:

        def arrive(address: str) -> _Transport:
            transport = _Transport()
            stack.callback(transport.abort)
            gate.admit(transport, address)
            return transport

        yield arrive


def _is_open(transport: _Transport) -> bool:
    return transport.socket.fileno() != -1


def test_a_crowd_makes_way_before_others_do() -> None:
    with _arriving(Gate(Limits(strangers=6))) as arrive:
        alone = arrive("192.0.2.1")
        crowd = [arrive("192.0.2.2") for _ in range(4)]
        arrive("192.0.2.3")
        late = [arrive(f"198.51.100.{number}") for number in range(2)]
        assert [_is_open(each) for each in crowd] == [False, False, True, True]
        assert _is_open(alone)
        assert all(_is_open(each) for each in late)


def test_a_network_has_its_own_limit_and_one_ipv6_network_counts_as_one() -> None:
    with _arriving(Gate(Limits(strangers=3))) as arrive:
        first = arrive("2001:db8::1")
        other = arrive("2001:db8:0:1::1")
        arrive("2001:db8::2")
        arrive("2001:db8::ffff:3")
        assert not _is_open(first)
        assert _is_open(other)
        mapped = arrive("::ffff:192.0.2.1")
        arrive("192.0.2.1")
        arrive("192.0.2.1")
        assert not _is_open(mapped)


@pytest.mark.parametrize(("files", "strangers"), [(64, 64), (256, 96), (1024, 512), (1 << 20, 512)])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_strangers_get_what_files_are_left(monkeypatch: pytest.MonkeyPatch, files: int, strangers: int) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
    assert Limits.of_this_process().strangers == strangers
