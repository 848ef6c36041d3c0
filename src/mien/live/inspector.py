"""Inspections of single frames in a thread, about once a second each, so that no frame waits for them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mien.types import Frame, Image

_log = logging.getLogger(__name__)

Work = Callable[[Image, float], None]
"""Takes a picture of its own, BGR uint8, and the time of its frame in seconds."""


@dataclass(frozen=True, slots=True)
class InspectionTuning:
    """Numbers of an inspection, in seconds of the frames."""

    period_s: float = 1.0
    longest_period_s: float = 3.0
    max_core_share: float = 0.02  # of one core; work of more than 20 ms is done less often than once a second
    silent_s: float = 5.0  # a picture that waits longer has no answer
    logged_failures: int = 5  # in a row; the log is not flooded


DEFAULT_TUNING = InspectionTuning()


class Inspection:
    """One kind of inspection: the work, when it is due and how it goes. Times are those of the frames that are offered."""

    def __init__(self, name: str, work: Work, tuning: InspectionTuning = DEFAULT_TUNING) -> None:
        self.name = name
        self._tuning = tuning
        self._work = work
        self._period_s = tuning.period_s
        self._offered_s: float | None = None
        self._waiting = False
        self._picture: Image | None = None
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Return True when the last inspection raised an error."""
        return self._failures > 0

    def due(self, time_s: float) -> bool:
        """Return True when a frame of this time is to be inspected."""
        return not self._waiting and (self._offered_s is None or time_s - self._offered_s >= self._period_s)

    def silent(self, time_s: float) -> bool:
        """Return True when a picture has been waiting for its answer for more than 5 s."""
        return self._waiting and self._offered_s is not None and time_s - self._offered_s > self._tuning.silent_s

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
        except Exception as error:  # noqa: BLE001 - thread border: an inspection that fails has no answer
            self._failures += 1
            if self._failures <= self._tuning.logged_failures:
                _log.warning("the inspection %s failed: %r", self.name, error)
        else:
            self._failures = 0
        tuning, cost_s = self._tuning, time.thread_time() - start_s
        self._period_s = min(max(tuning.period_s, cost_s / tuning.max_core_share), tuning.longest_period_s)
        self._waiting = False


class Inspector:
    """Thread of the inspections, fed by one other thread. One that hangs holds up the others, and they fall silent."""

    def __init__(self) -> None:
        self._taken: list[Inspection] = []
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mien-inspect", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; return False when an inspection still holds it: it is abandoned and ends with its work."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def offer(self, inspection: Inspection, frame: Frame) -> None:
        """Have a copy of the frame inspected, if that is due, without waiting for the result."""
        if not inspection.due(frame.time_s):
            return
        inspection.take(frame)
        with self._changed:
            self._taken.append(inspection)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._taken or self._stopping)
                if self._stopping:
                    return
                inspection = self._taken.pop(0)
            inspection.run()
