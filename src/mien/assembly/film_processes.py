"""Chains of a film made by several processes of this machine."""

import subprocess
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

from mien.assembly.film_chains import Chain
from mien.errors import Cancelled, MienError, NotYet
from mien.system.programs import environment, python_module

MOST_TRIES = 3
"""Of one chain: a process may be killed, or a machine switched off, twice."""
_LOOK_PERIOD_S = 0.2  # for a stop; a chain takes many seconds
NOT_YET_PERIOD_S = 5.0  # until a chain that somebody else makes is looked at again
_END_WAIT_S = 60.0  # for a process that was told to stop: it finishes a frame


class PartFailed(MienError):
    """A chain could not be made; the process that tried has said why. The exit code is that process's."""

    def __init__(self, chain: Chain, exit_code: int) -> None:
        super().__init__(f"part {chain.name} could not be made (see above)", "mend the cause, and run the job again")
        self.exit_code = exit_code


class Executor(Protocol):
    """Maker of chains, anywhere; whatever is finished before an error stays."""

    def run(self, folder: Path, chains: Sequence[Chain], done: Callable[[Chain], None], cancel: Event) -> None:
        """Make the chains, and call `done` for each in any thread. Raises `Cancelled` and `PartFailed`."""
        ...


class LocalProcesses:
    """Executor with processes of this machine, each of which makes one chain and ends."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, folder: Path, chains: Sequence[Chain], done: Callable[[Chain], None], cancel: Event) -> None:
        """Make the chains, as many at a time as there are workers."""
        waiting = _Waiting(chains, cancel)
        with ThreadPoolExecutor(self._workers, "mien-parts") as pool:
            running = [pool.submit(_make_all, folder, waiting, done) for _ in range(min(self._workers, len(chains)))]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                # Also after Ctrl-C: the others stop soon, and `with` waits for them.
                waiting.stop()
        for each in running:
            each.result()
        if cancel.is_set():
            raise Cancelled("stopped; parts that were finished stay")


class _Waiting:
    """Chains that nobody makes yet."""

    def __init__(self, chains: Sequence[Chain], cancel: Event) -> None:
        self._chains = deque(chains)
        self._tries: Counter[Chain] = Counter()
        self._lock = Lock()
        self._cancel = cancel
        self._stopped = Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set() or self._cancel.is_set()

    def stop(self) -> None:
        self._stopped.set()

    def take(self) -> Chain | None:
        with self._lock:
            return None if self.stopped or not self._chains else self._chains.popleft()

    def give_back(self, chain: Chain, exit_code: int) -> None:
        """Let the chain be tried again. Raises `PartFailed` where another try is of no use."""
        if exit_code == NotYet.exit_code:
            self._stopped.wait(NOT_YET_PERIOD_S)
        else:
            self._tries[chain] += 1
            # A process that was killed says nothing about the film; one that has ended by itself would do so again.
            if exit_code > 0 or self._tries[chain] >= MOST_TRIES:
                raise PartFailed(chain, max(exit_code, 1))
        with self._lock:
            self._chains.append(chain)


def _make_all(folder: Path, waiting: _Waiting, done: Callable[[Chain], None]) -> None:
    while (chain := waiting.take()) is not None:
        exit_code = _make(folder, chain, waiting)
        if exit_code is None:
            return
        if exit_code:
            waiting.give_back(chain, exit_code)
        else:
            done(chain)


def _make(folder: Path, chain: Chain, waiting: _Waiting) -> int | None:
    """Make a chain in a process of its own; return its exit code, None when it was stopped."""
    command = python_module("mien", "part", str(folder), chain.name, "--quiet")
    with subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL) as process:
        while True:
            try:
                return process.wait(_LOOK_PERIOD_S)
            except subprocess.TimeoutExpired:
                if not waiting.stopped:
                    continue
            process.terminate()
            try:
                process.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            return None
