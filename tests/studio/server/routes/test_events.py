"""Messages to the pages, and their end."""

import asyncio
from typing import Any, cast

import pytest

from mien.studio.server.routes.events import Events
from mien.studio.session.session import StudioSession
from tests.support.deadline import DEADLINE_S


class _Session:
    """The part of a session that the events use."""

    def state(self) -> dict[str, Any]:
        return {}


async def _ends(turns: int) -> bool:
    """Return True when the events end, cancelled `turns` turns of the event loop after a change."""
    events = Events(cast(StudioSession, _Session()))
    running = asyncio.create_task(events.run())
    for _ in range(5):
        await asyncio.sleep(0)
    events.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running}, timeout=DEADLINE_S)
    ended = running.done()
    running.cancel()
    return ended


@pytest.mark.parametrize("turns", range(5))
def test_events_end_also_when_something_changes_at_that_moment(turns: int) -> None:
    assert asyncio.run(_ends(turns))
