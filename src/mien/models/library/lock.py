"""A lock, so that one process at a time changes a folder of models."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.system.folders import make_private

_log = logging.getLogger(__name__)
_RETRY_S = 0.1  # between two attempts: short to a person, and no load


@contextmanager
def locked(folder: Path, work: str = "adds models or removes them") -> Iterator[None]:
    """Lock the folder, which is made if it is missing; waits for another process. `work` is what that one does, for the log.

    A folder that cannot be locked or made is not an error here: the write that follows reports what is wrong.
    """
    descriptor = -1
    with suppress(OSError):
        make_private(folder)
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        if descriptor >= 0 and not _lock(descriptor):
            _log.warning("waiting for another mien, which %s, in %s", work, folder)
            while not _lock(descriptor):
                time.sleep(_RETRY_S)
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Return True once the folder is locked, or cannot be locked at all; closing the descriptor unlocks it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
