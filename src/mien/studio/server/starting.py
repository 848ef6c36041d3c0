"""The studio while it starts: the page at once, everything else as soon as the application is there."""

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from mien.studio.server.access import Access, Doorkeeper
from mien.studio.server.static_files import STATIC

_NOT_STARTED = {
    "error": "the studio did not start",
    "remedy": "see what `mien live` printed",
    "code": "refused",
    "key": "not-started",
    "values": {},
}


class StartingApp:
    """ASGI application that has `start` make the real one, in a thread, while it shows the page.

    The doorkeeper guards both. Requests for anything but the page and its files wait. `started` is called once the real
    application serves; `ended` when it no longer does or never will: then `error` is what went wrong, if anything did.
    """

    def __init__(
        self, access: Access, start: Callable[[], Starlette], started: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._start, self._started, self._ended = start, started, ended
        page = Route("/", lambda _: FileResponse(STATIC / "index.html"))
        files = Mount("/static", StaticFiles(directory=STATIC))
        self._early = Doorkeeper(Starlette(routes=[page, files, Mount("/", self._wait)]), access)
        self._app: ASGIApp | None = None
        self._decided, self._ending = asyncio.Event(), asyncio.Event()
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await (self._app or self._early)(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        running = asyncio.create_task(self._run())
        running.add_done_callback(self._note_end)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._ending.set()
        await asyncio.wait({running})
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self) -> None:
        """Start the application, and keep it until the server ends."""
        app = await asyncio.to_thread(self._start)
        if self._ending.is_set():
            return
        async with app.router.lifespan_context(app):
            self._app = app
            self._decided.set()
            self._started()
            await self._ending.wait()

    def _note_end(self, running: "asyncio.Task[None]") -> None:
        self.error = running.exception()
        self._decided.set()
        self._ended()

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._decided.wait()
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await JSONResponse(_NOT_STARTED, 503)(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1013})
