"""The camera of the browser, over a WebSocket."""

import asyncio
import contextlib
import secrets
from typing import Any

from fastapi import APIRouter, WebSocket

from mien.studio.server.routes.websockets import run_until_closed
from mien.studio.session import browser_camera
from mien.studio.session.browser_camera import Picture
from mien.studio.session.message_size import MAX_MESSAGE_BYTES
from mien.studio.session.session import StudioSession

_MAX_PENDING_MESSAGES = 200  # bounds memory where a page sends and never reads


def camera_router(session: StudioSession) -> APIRouter:
    """Make the router of the browser's camera."""
    router = APIRouter()

    @router.websocket("/ws/camera")
    async def camera(socket: WebSocket) -> None:
        await socket.accept()
        feeder = secrets.token_hex(6)
        running, outgoing = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any]]()

        def tell(message: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):
                running.call_soon_threadsafe(put, message)

        def put(message: dict[str, Any]) -> None:
            if outgoing.qsize() < _MAX_PENDING_MESSAGES:
                outgoing.put_nowait(message)

        async def send() -> None:
            while True:
                message = await outgoing.get()
                await socket.send_json(message)
                if message.get("state") == "taken":
                    await socket.close(1000, "another page sends its camera")
                    return

        session.feed.begin(
            feeder,
            lambda sequence: tell({"ack": sequence}),
            lambda: tell({"state": "taken"}),
            lambda: tell({"key": True}),
        )
        session.notify()
        try:
            await run_until_closed(socket, send(), None, lambda data: _feed(session, feeder, data))
        finally:
            session.feed.end(feeder)
            session.notify()

    return router


def _feed(session: StudioSession, feeder: str, data: bytes) -> None:
    header = browser_camera.HEADER
    if not header.size < len(data) <= MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(data)} bytes holds no picture")
    kind, sequence, capture_ms = header.unpack_from(data)
    session.feed.give(feeder, Picture(kind, sequence, capture_ms, data[header.size :]))
