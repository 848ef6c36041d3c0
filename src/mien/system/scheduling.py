"""The scheduling policy of this process's threads."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Restore the scheduling policy of all threads that a library changes within.

    SVT-AV1, opened by root (also in a container), puts the calling thread and its own threads into SCHED_FIFO at priority
    99. New threads and child processes inherit that, and two busy ones keep everything else on two cores waiting.
    """
    if sys.platform != "linux":
        yield
        return
    before = _real_time()
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if policy not in {os.SCHED_FIFO, os.SCHED_RR}:
            for task in _real_time() - before:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.sched_setscheduler(task, policy, param)


def _real_time() -> set[int]:
    """Return the threads of this process in a real-time class; those of the program around mien stay there."""
    found = set()
    for task in (int(each.name) for each in _TASKS.iterdir()):
        # A thread may have ended meanwhile.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.sched_getscheduler(task) in {os.SCHED_FIFO, os.SCHED_RR}:
                found.add(task)
    return found
