"""The preview's WebSocket: who gets pictures without compression."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.types import Message

from mien.studio.server.routes.preview import preview_router
from mien.studio.server.routes.view_only import VIEW_ONLY
from mien.studio.session.preview import PreviewHub, Viewer
from mien.studio.session.session import StudioSession


class Remembering(PreviewHub):
    """A hub that remembers the last page that watched."""

    last: Viewer | None = None

    def join(self, viewer: Viewer) -> None:
        self.last = viewer
        super().join(viewer)


@pytest.mark.parametrize(
    ("host", "shared", "view_only", "plain"),
    [
        ("127.0.0.1", False, False, True),
        ("::1", False, False, True),
        ("192.0.2.7", False, False, False),
        ("127.0.0.1", True, False, False),
        ("127.0.0.1", False, True, False),
    ],
)
def test_plain_pictures_are_for_the_page_on_this_machine(host: str, shared: bool, view_only: bool, plain: bool) -> None:
    hub, app = Remembering(), FastAPI()
    app.include_router(preview_router(cast(StudioSession, SimpleNamespace(hub=hub, shared=shared))))

    scope: dict[str, Any] = {
        "type": "websocket", "path": "/ws/preview", "query_string": b"", "headers": [], "client": (host, 5000),
        "state": {VIEW_ONLY: view_only},
    }  # fmt: skip
    wish = {"type": "websocket.receive", "text": '{"want": {"plain": true}}'}
    said: list[Message] = [{"type": "websocket.connect"}, wish, {"type": "websocket.disconnect"}]

    async def receive() -> Message:
        return said.pop(0)

    async def send(message: Message) -> None:
        assert message["type"] == "websocket.accept"

    asyncio.run(app(scope, receive, send))
    assert hub.last is not None
    assert hub.last.plain is plain
