"""Chains of a film on their way to workers: those that wait, run and are made, and the last ones that are begun twice."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition

from mien.assembly.film_chains import Chain
from mien.errors import MienError, NotYet

MOST_TRIES = 3
"""Of one chain: a process may be killed, or a machine switched off, twice."""
NOT_YET_PERIOD_S = 5.0  # until a chain that somebody else makes is looked at again
DOUBLED_SHARE = 0.1
"""Of the chains: these last ones are begun twice where a worker is idle, as `mien.batch.makespan` plays it."""


class PartFailed(MienError):
    """A chain could not be made; the process that tried has said why. The exit code is that process's."""

    def __init__(self, chain: Chain, exit_code: int) -> None:
        super().__init__(f"part {chain.name} could not be made (see above)", "mend the cause, and run the job again")
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Given:
    """A chain that a worker has; `second` when another worker has it, too."""

    chain: Chain
    second: bool = False


@dataclass(slots=True)
class Doubled:
    """Number of chains that were begun twice, and of those whose second worker was first."""

    begun: int = 0
    won: int = 0


@dataclass(slots=True)
class ChainQueue:
    """Chains until each is made once; for several threads. `done` is called for each."""

    chains: Sequence[Chain]
    done: Callable[[Chain], None]
    doubled: Doubled = field(default_factory=Doubled)
    _waiting: deque[Chain] = field(init=False)
    _workers: Counter[Chain] = field(default_factory=Counter)
    _tries: Counter[Chain] = field(default_factory=Counter)
    _made: set[Chain] = field(default_factory=set)
    _refused: set[Chain] = field(default_factory=set)
    _stopped: bool = False
    _changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self._waiting = deque(self.chains)

    @property
    def ended(self) -> bool:
        """Return whether every chain is made, or the work was stopped."""
        return self._stopped or len(self._made) == len(self.chains)

    def stop(self) -> None:
        """Give out no more chains."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def has_waiting(self) -> bool:
        """Return whether a chain has no worker."""
        return bool(self._waiting) and not self.ended

    def take(self) -> Given | None:
        """Return the next chain, or one of the last to be begun a second time; None where there is neither now."""
        with self._changed:
            return self._next()

    def wait(self) -> Given | None:
        """Return the next chain as soon as there is one, None at the end."""
        with self._changed:
            while not self.ended:
                if (given := self._next()) is not None:
                    return given
                self._changed.wait()
            return None

    def _next(self) -> Given | None:
        if self.ended:
            return None
        if self._waiting:
            chain = self._waiting.popleft()
            self._workers[chain] += 1
            return Given(chain)
        left = [chain for chain in self.chains if chain not in self._made]
        if not self._made or len(left) > math.ceil(DOUBLED_SHARE * len(self.chains)):
            return None
        for chain in left:
            if self._workers[chain] == 1 and chain not in self._refused:
                self._workers[chain] += 1
                self.doubled.begun += 1
                return Given(chain, second=True)
        return None

    def is_made(self, chain: Chain) -> bool:
        """Return whether a worker has made the chain."""
        return chain in self._made

    def made(self, given: Given) -> None:
        """Take a chain from its worker, made; the first of two workers counts."""
        with self._changed:
            self._workers[given.chain] -= 1
            if given.chain in self._made:
                return
            self._made.add(given.chain)
            self.doubled.won += given.second
            self.done(given.chain)
            self._changed.notify_all()

    def left(self, given: Given) -> None:
        """Take a chain from a worker whose result is not needed any more."""
        with self._changed:
            self._workers[given.chain] -= 1

    def failed(self, given: Given, exit_code: int) -> bool:
        """Take a chain from a worker that ended with an exit code, negative where it was killed, and let it wait again.

        Return whether to wait before the next try: somebody else makes it. Raises `PartFailed` where another try is of no use.
        """
        chain = given.chain
        with self._changed:
            self._workers[chain] -= 1
            if chain in self._made:
                return False
            if given.second:
                # The first one goes on, and says what is wrong if it must.
                self._refused.add(chain)
                return False
            if exit_code != NotYet.exit_code:
                self._tries[chain] += 1
                # A process that was killed says nothing about the film; one that has ended by itself would do so again.
                if exit_code > 0 or self._tries[chain] >= MOST_TRIES:
                    raise PartFailed(chain, max(exit_code, 1))
            self._waiting.append(chain)
            self._changed.notify_all()
            return exit_code == NotYet.exit_code
