"""Wrong passwords of the last minutes: a limit for each address, and one for all of them together."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mien.studio.server.address import LOOPBACK

ADDRESS_GUESSES, ADDRESS_WINDOW_S = 6, 60.0
ALL_GUESSES, ALL_WINDOW_S = 60, 600.0
"""With both, an attacker with any number of addresses tries 8640 passwords a day at most."""


@dataclass(frozen=True, slots=True)
class _Guess:
    at_s: float
    network: str


class Guesses:
    """Counts wrong passwords by network (`address.network_of`). Safe to use from several threads.

    This machine has a limit of its own and never uses up the common one, so strangers elsewhere cannot lock out the owner
    in front of it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: deque[_Guess] = deque()
        self._lock = threading.Lock()

    def check(self, network: str, is_right: Callable[[], bool]) -> bool | None:
        """Return whether the guess is right; None, without trying it, when there were too many wrong ones."""
        with self._lock:
            now = self._clock()
            while self._wrong and now - self._wrong[0].at_s >= ALL_WINDOW_S:
                self._wrong.popleft()
            if self._are_too_many(network, now):
                return None
            right = is_right()
            if not right:
                self._wrong.append(_Guess(now, network))
            return right

    def _are_too_many(self, network: str, now: float) -> bool:
        own = sum(guess.network == network and now - guess.at_s < ADDRESS_WINDOW_S for guess in self._wrong)
        if own >= ADDRESS_GUESSES:
            return True
        return network != LOOPBACK and sum(guess.network != LOOPBACK for guess in self._wrong) >= ALL_GUESSES
