"""Exchange over a WebSocket: sending and receiving side by side until either ends."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

_INVALID_MESSAGE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""Errors that a listener may raise for a message that makes no sense."""


async def run_until_closed(
    socket: WebSocket,
    sending: Coroutine[Any, Any, None],
    on_text: Callable[[str], None] | None = None,
    on_bytes: Callable[[bytes], None] | None = None,
) -> None:
    """Send and receive side by side until either ends; an invalid message closes the socket with 1003."""
    sender = asyncio.create_task(sending)
    try:
        while not sender.done():
            receiving = asyncio.create_task(socket.receive())
            await asyncio.wait({receiving, sender}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
                break
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                break
            text, data = message.get("text"), message.get("bytes")
            if text is not None and on_text is not None:
                on_text(text)
            if data is not None and on_bytes is not None:
                on_bytes(data)
    except _INVALID_MESSAGE:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1003, "this message makes no sense")
    finally:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
            await sender
