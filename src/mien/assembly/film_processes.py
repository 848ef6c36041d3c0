"""Chains of a film made by several processes of this machine."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import Protocol

from mien.assembly.chain_queue import NOT_YET_PERIOD_S, ChainQueue, Doubled, Given
from mien.assembly.film_chains import Chain
from mien.errors import Cancelled
from mien.system.programs import environment, python_module

_LOOK_PERIOD_S = 0.2  # for a stop; a chain takes many seconds
_END_WAIT_S = 60.0  # for a process that was told to stop: it finishes a frame
_SECOND_NICENESS = 10
"""Of the process that makes a chain a second time: on a machine whose cores are busy, the first one is not to be slower."""


class Executor(Protocol):
    """Maker of chains, anywhere; whatever is finished before an error stays."""

    def run(self, place: str, chains: Sequence[Chain], done: Callable[[Chain], None], cancel: Event) -> Doubled:
        """Make the chains of the film at an address, and call `done` for each in any thread; return which were begun twice.

        Raises `Cancelled` and `PartFailed`.
        """
        ...


class LocalProcesses:
    """Executor with processes of this machine, each of which makes one chain and ends, also when this one is killed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, place: str, chains: Sequence[Chain], done: Callable[[Chain], None], cancel: Event) -> Doubled:
        """Make the chains, as many at a time as there are workers."""
        queue = ChainQueue(chains, done)
        with ThreadPoolExecutor(self._workers, "mien-parts") as pool:
            running = [pool.submit(_make_all, place, queue, cancel) for _ in range(self._workers)]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                # Also after Ctrl-C: the others stop soon, and `with` waits for them.
                queue.stop()
        for each in running:
            each.result()
        if cancel.is_set():
            raise Cancelled("stopped; parts that were finished stay")
        return queue.doubled


def _make_all(place: str, queue: ChainQueue, cancel: Event) -> None:
    while (given := queue.wait()) is not None:
        exit_code = _make(place, given, queue, cancel)
        if exit_code is None:
            queue.left(given)
        elif exit_code:
            if queue.failed(given, exit_code):
                cancel.wait(NOT_YET_PERIOD_S)
        else:
            queue.made(given)
        if cancel.is_set():
            queue.stop()


def _make(place: str, given: Given, queue: ChainQueue, cancel: Event) -> int | None:
    """Make a chain in a process of its own; return its exit code, None when it was stopped."""
    words = ["part", place, given.chain.name, "--quiet", "--until-eof", *(["--second"] if given.second else [])]
    # The pipe ends with this process, however that ends.
    with subprocess.Popen(python_module("mien", *words), env=environment(), stdin=subprocess.PIPE) as process:
        if given.second:
            _lower(process.pid)
        while True:
            try:
                return process.wait(_LOOK_PERIOD_S)
            except subprocess.TimeoutExpired:
                if not (queue.ended or cancel.is_set() or queue.is_made(given.chain)):
                    continue
            process.terminate()
            try:
                process.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            return None


def _lower(number: int) -> None:
    """Lower the priority of a process that was just begun, where the system has such."""
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, number, os.getpriority(os.PRIO_PROCESS, 0) + _SECOND_NICENESS)


def set_at_eof(stop: Event, descriptor: int = 0) -> None:
    """Set `stop` when a pipe ends that the program which started this process holds open: it is gone then."""

    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 4096):
                pass
        stop.set()

    threading.Thread(target=read, name="mien-eof", daemon=True).start()
