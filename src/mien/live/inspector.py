"""Looks at single frames in a thread of its own, about once a second each, so that no frame waits for it."""

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from mien.types import Frame, Image

_PERIOD_S = 1.0
_LONGEST_PERIOD_S = 3.0
_SHARE = 0.02
"""The most that a look takes of one core: where it costs more than 20 ms, it comes less often than once a second."""
_SILENT_S = 5.0
_FAILURES_SAID = 5
_log = logging.getLogger(__name__)

Work = Callable[[Image, float], None]
"""Gets a picture of its own, BGR uint8, and the time of its frame in seconds."""


class Look:
    """One kind of look: the work, when it is due and how it goes. Times are those of the frames that are offered."""

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self._work = work
        self._period_s = _PERIOD_S
        self._offered_s: float | None = None
        self._waiting = False
        self._picture: Image | None = None
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Whether the last look raised an error."""
        return self._failures > 0

    def due(self, time_s: float) -> bool:
        return not self._waiting and (self._offered_s is None or time_s - self._offered_s >= self._period_s)

    def silent(self, time_s: float) -> bool:
        """Whether a picture has been waiting for its answer for more than 5 s."""
        return self._waiting and self._offered_s is not None and time_s - self._offered_s > _SILENT_S

    def take(self, frame: Frame) -> None:
        """Copy the picture, into the memory of the one before where it fits: fresh memory costs more than the copy."""
        if self._picture is None or self._picture.shape != frame.image.shape:
            self._picture = np.empty_like(frame.image, order="C")
        np.copyto(self._picture, frame.image)
        self._offered_s = frame.time_s
        self._waiting = True

    def run(self) -> None:
        """Do the work on the picture that was taken; an error is kept, not raised."""
        assert self._picture is not None
        assert self._offered_s is not None
        start_s = time.thread_time()
        try:
            self._work(self._picture, self._offered_s)
        except Exception as error:  # noqa: BLE001 - thread border: a look that fails is one without an answer
            self._failures += 1
            if self._failures <= _FAILURES_SAID:
                _log.warning("the look %s failed: %r", self.name, error)
        else:
            self._failures = 0
        cost_s = time.thread_time() - start_s
        self._period_s = min(max(_PERIOD_S, cost_s / _SHARE), _LONGEST_PERIOD_S)
        self._waiting = False


class Inspector:
    """The thread; frames are offered by one other thread. A look that hangs holds up the others, and they fall silent."""

    def __init__(self) -> None:
        self._taken: list[Look] = []
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mien-inspect", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when a look holds it still: it is left behind and ends when it is let go."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def offer(self, look: Look, frame: Frame) -> None:
        """Have a copy of the frame looked at, if that is due; never waits for the look."""
        if not look.due(frame.time_s):
            return
        look.take(frame)
        with self._changed:
            self._taken.append(look)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._taken or self._stopping)
                if self._stopping:
                    return
                look = self._taken.pop(0)
            look.run()
