"""Work for a request that ends when the page that asked has gone."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

T = TypeVar("T")


async def while_waiting(request: Request, work: Callable[[Callable[[], bool]], T]) -> T:
    """Return what `work` returns, done in a thread; it gets a function that returns True once nobody waits for the answer."""
    gone = threading.Event()

    async def listen() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    listening = asyncio.create_task(listen())
    try:
        return await run_in_threadpool(work, gone.is_set)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
