"""WebSocket connections at the server's end, byte by byte over a transport that only records."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.protocol import Protocol
from websockets.uri import parse_uri

from mien.studio.server.websocket import WebSocketProtocol


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def _accepts(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, then take what comes until the connection ends; a text is answered by closing it."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.close", "code": 1003})


def _sent(protocol: Protocol) -> bytes:
    return b"".join(protocol.data_to_send())


async def _shut_down(closes: str) -> tuple[_Transport, int | None]:
    """Return the transport, and the code with which the page was told to end, when `closes` is closing the connection."""
    state, transport = ServerState(), _Transport()
    protocol = WebSocketProtocol(uvicorn.Config(_accepts, ws_ping_interval=None), state, {})
    protocol.connection_made(transport)
    page = ClientProtocol(parse_uri("ws://127.0.0.1/socket"))
    page.send_request(page.connect())
    protocol.data_received(_sent(page))
    while not protocol.handshake_complete:
        await asyncio.sleep(0)
    page.receive_data(bytes(transport.sent))
    transport.sent.clear()
    if closes == "page":
        page.send_close(1001)
        protocol.data_received(_sent(page))
    elif closes == "studio":
        page.send_text(b"nonsense")
        protocol.data_received(_sent(page))
        while not transport.sent:
            await asyncio.sleep(0)
    protocol.shutdown()
    page.receive_data(bytes(transport.sent))
    await asyncio.gather(*state.tasks)
    return transport, None if page.close_rcvd is None else page.close_rcvd.code


@pytest.mark.parametrize(("closes", "code"), [("nobody", 1012), ("page", 1001), ("studio", 1003)])
def test_a_shutdown_ends_a_connection_also_one_that_is_ending(closes: str, code: int) -> None:
    transport, told = asyncio.run(_shut_down(closes))
    assert transport.closed
    assert told == code
