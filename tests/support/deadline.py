"""The one deadline of tests that wait for an event in another thread or process."""

import threading
import time
from collections.abc import Callable

DEADLINE_S = 120.0
"""Generous: a test passes with eight busy processes beside it, and one that fails still ends."""
_LOOK_PERIOD_S = 0.02
"""Between two looks: one that never rests takes a core from what it waits for."""


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Wait for what other threads or processes do; a test never sleeps for a guessed time."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not happened():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:.0f} s: {what}"
        pause.wait(_LOOK_PERIOD_S)
