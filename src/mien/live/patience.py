"""Patience of the watchdog with an input: more each time it was reopened in vain, and none is lost while the machine sleeps."""

import time
from collections.abc import Callable

from mien.live.capture import InputStage

_LONGEST_S = 48.0  # chosen: three times the wait doubled; a machine that needs longer shows a picture a minute
_SLEEP_S = 3.0  # between two looks, which are half a second apart; less is a machine that is busy


class Patience:
    """Limit of the silence of an input: `shortest_s` at first, then twice as long each time it was reopened in vain.

    A machine that is too busy needs longer for a first frame, and reopening its input begins the wait again. After a sleep of
    the machine, or of this process, everything has been silent for the same time, which says nothing.
    """

    def __init__(self, shortest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._shortest_s = shortest_s
        self._clock = clock
        self._limit_s = shortest_s
        self._looked_s = self._awake_s = clock()

    def look(self) -> None:
        """Note that the watchdog runs; a long time since the last look was a sleep."""
        now_s = self._clock()
        if now_s - self._looked_s > _SLEEP_S:
            self._awake_s = now_s
        self._looked_s = now_s

    def awake(self, seconds: float) -> float:
        """Return how much of the last seconds this process was awake."""
        return min(seconds, self._clock() - self._awake_s)

    def is_over(self, silent_s: float, state: InputStage) -> bool:
        """Return whether a silent input is to be reopened, and have more patience with the next one until it is live."""
        if state == "live":
            self._limit_s = self._shortest_s
        if self.awake(silent_s) < self._limit_s:
            return False
        self._limit_s = min(2 * self._limit_s, _LONGEST_S)
        return True
