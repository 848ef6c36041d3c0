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
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for task in (int(each.name) for each in _TASKS.iterdir()):
            # A thread may have ended meanwhile.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.sched_getscheduler(task) in {os.SCHED_FIFO, os.SCHED_RR} and policy not in {os.SCHED_FIFO, os.SCHED_RR}:
                    os.sched_setscheduler(task, policy, param)
