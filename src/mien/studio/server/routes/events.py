"""Events: every page learns what has changed, over a WebSocket."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, WebSocket

from mien.studio.server.routes.websockets import run_until_closed
from mien.studio.session.session import StudioSession


@dataclass(frozen=True, slots=True)
class EventTuning:
    """Numbers of the events."""

    state_period_s: float = 0.1  # a slider that moves changes the state far more often
    metrics_period_s: float = 1.0  # figures that change faster cannot be read
    min_wait_s: float = 0.01  # keeps a late loop from spinning
    page_messages: int = 2  # one of each kind; a page that does not read gets the newest when it does


DEFAULT_TUNING = EventTuning()


class Events:
    """Sends every page the state when it has changed, at most ten times a second, and the figures once a second."""

    def __init__(self, session: StudioSession, tuning: EventTuning = DEFAULT_TUNING) -> None:
        self._tuning = tuning
        self._session = session
        self._pages: set[asyncio.Queue[str]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Note that the state may have changed. For the event loop's thread."""
        self._woken.set()

    async def join(self) -> asyncio.Queue[str]:
        """Add a page and return its queue, which holds the current state."""
        state = await asyncio.to_thread(self._session.state)
        page: asyncio.Queue[str] = asyncio.Queue(self._tuning.page_messages)
        page.put_nowait(json.dumps({"type": "state", "state": state}))
        self._pages.add(page)
        return page

    def leave(self, page: asyncio.Queue[str]) -> None:
        """Remove a page."""
        self._pages.discard(page)

    async def run(self) -> None:
        """Send messages until the task is cancelled."""
        running = asyncio.get_running_loop()
        next_figures = running.time()
        while True:
            # Not `asyncio.wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self._tuning.min_wait_s, next_figures - running.time())):
                    await self._woken.wait()
            if self._woken.is_set():
                self._woken.clear()
                state = await asyncio.to_thread(self._session.state)
                self._send({"type": "state", "state": state})
                await asyncio.sleep(self._tuning.state_period_s)
            if running.time() >= next_figures:
                next_figures = running.time() + self._tuning.metrics_period_s
                if self._pages:
                    self._send({"type": "metrics", "metrics": await asyncio.to_thread(self._session.figures.described)})

    def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        for page in self._pages:
            if page.full():
                # The oldest goes; a state that is lost is made up for by the next one.
                lost = page.get_nowait()
                if '"type": "state"' in lost[:20] and message["type"] != "state":
                    self._woken.set()
            page.put_nowait(text)


def events_router(events: Events) -> APIRouter:
    """Make the router of events."""
    router = APIRouter()

    @router.websocket("/ws/events")
    async def follow(socket: WebSocket) -> None:
        await socket.accept()
        page = await events.join()

        async def send() -> None:
            while True:
                await socket.send_text(await page.get())

        try:
            await run_until_closed(socket, send())
        finally:
            events.leave(page)

    return router
