"""Limits on connections, from the moment the system accepts them: number, duration, and order of eviction.

A connection is a stranger's until a request on it shows the cookie or the token. Strangers get little room and little
time, whatever they do with it: an unfinished TLS handshake, a header that comes byte by byte, an endless body, an answer
that is never read. When their room is full, the newest evicts the oldest, so the owner's page always gets in, even when
the attacker is on the same machine.
"""

import asyncio
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from mien.system.network_address import network_of

VISIT = "visit"
"""Name in the `state` of a request under which its connection is found."""
_OWN_FILES = 60  # a busy studio has about 30 files open, and holds a burst of connections for a moment
_OWNERS_CONNECTIONS = 100  # a page uses 3 to 9
_MIN_STRANGERS = 64  # also where the number of files is low
_MAX_STRANGERS = 512  # chosen: each costs a file and a few kB


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of connections, and their seconds of life.

    Between accepting a connection and reading from it, the event loop accepts two bursts of others, and a TLS handshake
    takes longer; the more a network may hold, the faster a flood has to be to evict an owner of the same address.
    """

    strangers: int = _MAX_STRANGERS
    stranger_s: float = 10.0  # a TLS handshake and a login take under 1 s on a phone
    stalled_s: float = 60.0  # a Wi-Fi that drops out comes back in 10 to 30 s
    burst: int = 16  # connections accepted at once
    queue: int = 256  # connections that wait in the kernel; a longer flood costs the owner a second, when TCP retries

    @classmethod
    def of_this_process(cls) -> Self:
        """Return limits within the number of files that this process may open: 256 on macOS, 1024 on most Linux."""
        if sys.platform == "win32":
            return cls()
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if files == resource.RLIM_INFINITY:
            return cls()
        return cls(min(max(files - _OWN_FILES - _OWNERS_CONNECTIONS, _MIN_STRANGERS), _MAX_STRANGERS))

    @property
    def strangers_a_network(self) -> int:
        """Return the number of strangers that one network may hold: two thirds."""
        return max(1, 2 * self.strangers // 3)

    @property
    def connections(self) -> int:
        """Return the number of all connections; from there on, the owner's are refused with 503."""
        return self.strangers + _OWNERS_CONNECTIONS


class Visit:
    """One connection. The doorkeeper sets `trusted` when a request shows the cookie or the token."""

    def __init__(self, transport: asyncio.Transport, network: str, now: float) -> None:
        self.trusted = False
        self.network = network
        self.began_s = self.active_s = now
        self.http: GuardedProtocol | None = None
        self._transport = transport

    @property
    def is_open(self) -> bool:
        """Return False once the socket is closed; True while data waits to be sent."""
        socket = self._transport.get_extra_info("socket")
        return socket is not None and socket.fileno() != -1

    def end(self) -> None:
        """Close at once, without waiting for the other side to read."""
        self._transport.abort()


class Gate:
    """All connections of a server. For its event loop's thread."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits.of_this_process()
        self.clock = clock
        self._visits: list[Visit] = []

    def admit(self, transport: asyncio.Transport, address: str) -> Visit:
        """Admit a new connection; when strangers have no room left, evict the oldest of the largest network."""
        visit = Visit(transport, network_of(address), self.clock())
        strangers = self._strangers()
        crowds = Counter(each.network for each in strangers)
        full = crowds[visit.network] >= self.limits.strangers_a_network
        if full or len(strangers) >= self.limits.strangers:
            crowd = visit.network if full else crowds.most_common(1)[0][0]
            self._end(next(each for each in strangers if each.network == crowd))
        self._visits.append(visit)
        return visit

    def sweep(self) -> None:
        """End connections that have lasted too long."""
        now = self.clock()
        for visit in self._open():
            late = now - visit.began_s > self.limits.stranger_s
            stalled = now - visit.active_s > self.limits.stalled_s and visit.http is not None and visit.http.waits_for_client
            if stalled if visit.trusted else late:
                self._end(visit)

    def close(self) -> None:
        """End all strangers; the server ends the owner's requests in order."""
        for visit in self._strangers():
            self._end(visit)

    def _open(self) -> list[Visit]:
        self._visits = [visit for visit in self._visits if visit.is_open]
        return self._visits

    def _strangers(self) -> list[Visit]:
        """Return the open connections of strangers, oldest first."""
        return [visit for visit in self._open() if not visit.trusted]

    def _end(self, visit: Visit) -> None:
        visit.end()
        self._visits = [each for each in self._visits if each is not visit]


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the time of the client's last activity."""

    def __init__(
        self, visit: Visit, clock: Callable[[], float], config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, server_state, {**app_state, VISIT: visit})
        self._visit = visit
        self._clock = clock
        self._upgraded = False

    @property
    def waits_for_client(self) -> bool:
        """Return True while a request is incomplete or an answer is not read; False while the studio works on one.

        False for a WebSocket, too, which uvicorn closes when a ping stays unanswered.
        """
        if self._upgraded:
            return False
        reading = self.conn.their_state in {h11.IDLE, h11.SEND_BODY} and not self.flow.read_paused
        return reading or self.flow.write_paused

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Note the upgrade, then do as uvicorn does."""
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def data_received(self, data: bytes) -> None:
        """Note that the client has sent, then do as uvicorn does."""
        self._visit.active_s = self._clock()
        super().data_received(data)

    def resume_writing(self) -> None:
        """Note that the client has read, then do as uvicorn does."""
        self._visit.active_s = self._clock()
        super().resume_writing()


class Entrance(asyncio.Protocol):
    """First protocol of a connection: the gate, then the TLS handshake, then HTTP.

    TLS begins here and not in the listening socket, because asyncio does not report a connection whose handshake is
    unfinished.
    """

    def __init__(self, gate: Gate, tls: ssl.SSLContext | None, make_http: Callable[[Visit], GuardedProtocol]) -> None:
        self._gate = gate
        self._tls = tls
        self._make_http = make_http
        self._early = bytearray()
        self._lost = False
        self._handshake: asyncio.Task[None] | None = None
        self._visit: Visit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass the gate, then begin TLS or HTTP."""
        assert isinstance(transport, asyncio.Transport)
        host, _ = get_remote_addr(transport) or ("", 0)
        self._visit = self._gate.admit(transport, host)
        if self._tls is None:
            self._hand_over(transport)
            return
        transport.pause_reading()
        self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(transport, self._tls))

    def data_received(self, data: bytes) -> None:
        # Data that arrived together with the end of the handshake.
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    async def _shake_hands(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        try:
            secure = await asyncio.get_running_loop().start_tls(transport, self, tls, server_side=True)
        except OSError:
            # The client does not speak TLS, rejects the certificate, or has gone.
            return
        if secure is not None and not self._lost:
            self._hand_over(secure)

    def _hand_over(self, transport: asyncio.Transport) -> None:
        self._visit.http = http = self._make_http(self._visit)
        http.connection_made(transport)
        transport.set_protocol(http)
        if self._early:
            http.data_received(bytes(self._early))


def entrances(gate: Gate, tls: ssl.SSLContext | None) -> Callable[..., asyncio.Protocol]:
    """Return the factory of uvicorn's protocols, one a connection (`Config.http`)."""

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        return Entrance(gate, tls, lambda visit: GuardedProtocol(visit, gate.clock, config, server_state, app_state))

    return make
