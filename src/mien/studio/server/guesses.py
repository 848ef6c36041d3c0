"""Wrong passwords of the last minutes: a limit for each network, and one for all of them together."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mien.system.network_address import LOOPBACK


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Limits of wrong passwords. With both, any number of addresses tries at most 8640 passwords a day."""

    network_guesses: int = 6
    network_window_s: float = 60.0
    all_guesses: int = 60
    all_window_s: float = 600.0


DEFAULT_LIMITS = GuessLimits()


@dataclass(frozen=True, slots=True)
class _Guess:
    at_s: float
    network: str


class Guesses:
    """Counter of wrong passwords by network (`address.network_of`). Safe to use from several threads.

    This machine has a limit of its own and does not share the common one, so strangers elsewhere cannot lock out the owner
    in front of it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, limits: GuessLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._clock = clock
        self._wrong: deque[_Guess] = deque()
        self._lock = threading.Lock()

    def check(self, network: str, is_right: Callable[[], bool]) -> bool | None:
        """Return whether the guess is right; None, without a try, when there were too many wrong ones."""
        with self._lock:
            now = self._clock()
            while self._wrong and now - self._wrong[0].at_s >= self._limits.all_window_s:
                self._wrong.popleft()
            if self._are_too_many(network, now):
                return None
            right = is_right()
            if not right:
                self._wrong.append(_Guess(now, network))
            return right

    def _are_too_many(self, network: str, now: float) -> bool:
        limits = self._limits
        own = sum(guess.network == network and now - guess.at_s < limits.network_window_s for guess in self._wrong)
        if own >= limits.network_guesses:
            return True
        return network != LOOPBACK and sum(guess.network != LOOPBACK for guess in self._wrong) >= limits.all_guesses
