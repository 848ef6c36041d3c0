"""Signals that stop a command: `kill` and a closed terminal end it like Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminating_like_interrupting() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise `KeyboardInterrupt`: threads are joined, temporary files removed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hang_up(number: int, frame: FrameType | None) -> None:
        # As a signal, not an exception: a server that handles Ctrl-C in its own way must handle this likewise.
        signal.raise_signal(signal.SIGINT)

    # Closing the terminal counts as Ctrl-C too; Windows has no such signal.
    handlers = {signal.SIGTERM: interrupt} | ({signal.SIGHUP: hang_up} if sys.platform != "win32" else {})
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
