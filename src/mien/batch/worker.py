"""Threads that hand on their work in bounded queues, and their errors to whom they work for."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

QUEUED_FRAMES = 4  # chosen, not measured
_QUEUED_BYTES = 32 << 20
"""Bounds memory of a queue: four frames up to 1080p, one of 2160p."""
BUSY_THREADS = 2
"""Threads of a job that are busy all the time, tracking and swapping. On as many cores those of OpenCV only take from them: 900
frames of 720p took 26.6 s of two cores' time without them, 28.0 with."""
_POLL_S = 0.1  # delay until a thread notices an error or a stop


def queued_frames(width: int, height: int) -> int:
    """Return how many BGR frames of this size a queue may hold."""
    return max(1, min(QUEUED_FRAMES, _QUEUED_BYTES // (3 * width * height)))


class Worker:
    """Thread with a bounded queue; its error is raised in the thread that uses it."""

    def __init__(self, name: str, work: Callable[["Worker"], None], size: int = QUEUED_FRAMES) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(size)
        self._stopped = threading.Event()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, even if it is waiting, and join it."""
        self._stopped.set()
        while self._thread.is_alive():
            # A second Ctrl-C must not close files while the thread still uses them.
            with contextlib.suppress(KeyboardInterrupt):
                self._thread.join()

    def join(self, watched: tuple["Worker", ...]) -> None:
        """Wait until the work is done; raise the error of any watched worker."""
        while self._thread.is_alive():
            self._thread.join(_POLL_S)
            _raise_errors(watched)
        _raise_errors(watched)

    def give(self, item: Any, watched: tuple["Worker", ...] = ()) -> bool:
        """Put an item into the queue, waiting for room; return False when the worker was stopped meanwhile."""
        while not self._stopped.is_set():
            _raise_errors(watched)
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def take(self, watched: tuple["Worker", ...] = ()) -> Any:
        """Return the next item, waiting for it; None at the end or when the worker was stopped."""
        while not self._stopped.is_set():
            _raise_errors(watched)
            try:
                return self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        return None

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:  # noqa: BLE001 - carried to the thread that owns this one
            self._error = error

    def raise_error(self) -> None:
        """Raise the error that ended the thread, if any."""
        if self._error is not None:
            raise self._error


def _raise_errors(workers: tuple[Worker, ...]) -> None:
    for worker in workers:
        worker.raise_error()
