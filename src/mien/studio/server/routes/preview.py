"""The live picture for the page, over a WebSocket."""

import asyncio
import json

from fastapi import APIRouter, WebSocket

from mien.studio.server.routes.view_only import VIEW_ONLY
from mien.studio.server.routes.websockets import run_until_closed
from mien.studio.session.preview import Viewer
from mien.studio.session.session import StudioSession
from mien.system.network_address import is_loopback

_MAX_VIEWERS = 24  # each costs an encoding for its size; chosen, not measured
_MAX_WIDTH_PIXELS = 7680  # 8K, the widest picture that is captured


def preview_router(session: StudioSession) -> APIRouter:
    """Make the router of the preview."""
    router = APIRouter()

    @router.websocket("/ws/preview")
    async def preview(socket: WebSocket) -> None:
        await socket.accept()
        if session.hub.count >= _MAX_VIEWERS:
            await socket.close(1013, "too many pages watch")
            return
        viewer = Viewer(asyncio.get_running_loop())
        may_see_all = not socket.scope.get("state", {}).get(VIEW_ONLY, False)
        is_near = socket.client is not None and is_loopback(socket.client.host)
        may_be_plain = may_see_all and is_near and not session.shared

        def answer(text: str) -> None:
            _answer(viewer, text, may_see_all=may_see_all, may_be_plain=may_be_plain)

        async def send() -> None:
            while True:
                await socket.send_bytes(await viewer.next())

        session.hub.join(viewer)
        try:
            await run_until_closed(socket, send(), answer)
        finally:
            session.hub.leave(viewer)

    return router


def _answer(viewer: Viewer, text: str, *, may_see_all: bool, may_be_plain: bool) -> None:
    """Take an acknowledgement or a wish of the page: `{"ack": 3}`, `{"want": {"width": 640, "before": true}}`.

    Without `may_see_all` only the width may be wished: what lies before the label is for the page of the person. Without
    `may_be_plain` pictures are compressed: on the way to another machine bytes cost more than compression.
    """
    message = json.loads(text)
    if "ack" in message:
        viewer.acknowledged(int(message["ack"]))
    if isinstance(message.get("want"), dict):
        viewer.width = min(max(int(message["want"].get("width", viewer.width)), 0), _MAX_WIDTH_PIXELS)
        viewer.plain = may_be_plain and bool(message["want"].get("plain", False))
        viewer.before = may_see_all and bool(message["want"].get("before", False))
        viewer.classes = may_see_all and bool(message["want"].get("classes", False))
        viewer.faces = may_see_all and bool(message["want"].get("faces", False))
        viewer.wished()
